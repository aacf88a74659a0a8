// SPDX-License-Identifier: GPL-2.0-only
/*
 * The place of a physical BAR0, from the driver's own source: the contract's cases, and
 * translation of BAR numbers both ways.
 */
#include "virtio_mmr/placement.h"
#include "kselftest_harness.h"

#include "lib/harness.h"

FIXTURE(placement)
{
	struct virtio_mmr_function function;
};

FIXTURE_SETUP(placement)
{
	self->function = (struct virtio_mmr_function){
		.bar_kind = {
			VIRTIO_MMR_BAR_MEMORY, VIRTIO_MMR_BAR_MEMORY,
			VIRTIO_MMR_BAR_ABSENT, VIRTIO_MMR_BAR_ABSENT,
			VIRTIO_MMR_BAR_MEMORY, VIRTIO_MMR_BAR_UPPER_HALF,
		},
		.bar_size = { 0x4000, 0x1000, 0, 0, 0x4000, 0 },
	};
}

FIXTURE_TEARDOWN(placement)
{
}

TEST_F(placement, absent)
{
	struct virtio_mmr_placement placement;
	int bar;

	self->function.bar_kind[0] = VIRTIO_MMR_BAR_ABSENT;
	placement = virtio_mmr_place_bar0(&self->function, 0, true);
	EXPECT_EQ(placement.fate, VIRTIO_MMR_BAR0_ABSENT);
	for (bar = 0; bar < 256; bar++) {
		EXPECT_EQ(virtio_mmr_guest_bar(&placement, bar), bar);
		EXPECT_EQ(virtio_mmr_device_bar(&placement, bar), bar);
	}
}

TEST_F(placement, dedicated_is_hidden)
{
	struct virtio_mmr_placement placement;
	int bar;

	placement = virtio_mmr_place_bar0(&self->function, 0, false);
	EXPECT_EQ(placement.fate, VIRTIO_MMR_BAR0_HIDDEN);
	/* The guest's 0 must not select the function's BAR0 */
	EXPECT_GE(virtio_mmr_device_bar(&placement, 0), VIRTIO_MMR_NUM_BARS);
	/* The device may keep 3 bits of it */
	EXPECT_LT(virtio_mmr_device_bar(&placement, 0), 8);
	EXPECT_EQ(virtio_mmr_guest_bar(&placement, virtio_mmr_device_bar(&placement, 0)), 0);
	for (bar = 1; bar < VIRTIO_MMR_NUM_BARS; bar++) {
		EXPECT_EQ(virtio_mmr_guest_bar(&placement, bar), bar);
		EXPECT_EQ(virtio_mmr_device_bar(&placement, bar), bar);
	}
}

TEST_F(placement, io_bar0)
{
	self->function.bar_kind[0] = VIRTIO_MMR_BAR_IO;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, false).fate,
		  VIRTIO_MMR_BAR0_HIDDEN);
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, true).fate,
		  VIRTIO_MMR_BAR0_NO_SLOT);
}

/* The guest may need a BAR0 that has nothing to do with MMR */
TEST_F(placement, window_elsewhere)
{
	struct virtio_mmr_placement placement;

	placement = virtio_mmr_place_bar0(&self->function, 1, false);
	EXPECT_EQ(placement.fate, VIRTIO_MMR_BAR0_MOVED);
	EXPECT_EQ(placement.slot, 2);
	self->function.bar_kind[0] = VIRTIO_MMR_BAR_IO;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 1, false).fate,
		  VIRTIO_MMR_BAR0_HIDDEN);
}

TEST_F(placement, lowest_empty_slot)
{
	struct virtio_mmr_placement placement;

	placement = virtio_mmr_place_bar0(&self->function, 0, true);
	EXPECT_EQ(placement.fate, VIRTIO_MMR_BAR0_MOVED);
	EXPECT_EQ(placement.slot, 2);
	self->function.bar_kind[2] = VIRTIO_MMR_BAR_IO;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, true).slot, 3);
	self->function.bar_kind[1] = VIRTIO_MMR_BAR_ABSENT;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, true).slot, 1);
}

TEST_F(placement, no_slot)
{
	/* The upper half of BAR 4 is no empty slot */
	self->function.bar_kind[2] = VIRTIO_MMR_BAR_MEMORY;
	self->function.bar_kind[3] = VIRTIO_MMR_BAR_UPPER_HALF;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, true).fate,
		  VIRTIO_MMR_BAR0_NO_SLOT);
}

TEST_F(placement, upper_half_of_bar0)
{
	struct virtio_mmr_placement placement;

	self->function.bar_kind[1] = VIRTIO_MMR_BAR_UPPER_HALF;
	placement = virtio_mmr_place_bar0(&self->function, 0, true);
	EXPECT_EQ(placement.fate, VIRTIO_MMR_BAR0_MOVED);
	EXPECT_EQ(placement.slot, 1);
}

TEST_F(placement, size)
{
	self->function.bar_kind[1] = VIRTIO_MMR_BAR_UPPER_HALF;
	self->function.bar_size[0] = 1ULL << 31;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, true).fate,
		  VIRTIO_MMR_BAR0_MOVED);
	self->function.bar_size[0] = 1ULL << 32;
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, true).fate,
		  VIRTIO_MMR_BAR0_TOO_LARGE);
	/* A BAR0 that is not shown need not fit */
	EXPECT_EQ(virtio_mmr_place_bar0(&self->function, 0, false).fate,
		  VIRTIO_MMR_BAR0_HIDDEN);
}

/* No two BARs of one side become the same BAR of the other side */
TEST_F(placement, translation_is_reversible)
{
	struct virtio_mmr_placement placement;
	int bar;

	placement = virtio_mmr_place_bar0(&self->function, 0, true);
	ASSERT_EQ(placement.fate, VIRTIO_MMR_BAR0_MOVED);
	EXPECT_EQ(virtio_mmr_guest_bar(&placement, 0), placement.slot);
	EXPECT_EQ(virtio_mmr_device_bar(&placement, placement.slot), 0);
	EXPECT_EQ(self->function.bar_kind[virtio_mmr_device_bar(&placement, 0)],
		  VIRTIO_MMR_BAR_ABSENT);
	for (bar = 0; bar < 256; bar++)
		EXPECT_EQ(virtio_mmr_guest_bar(&placement,
					       virtio_mmr_device_bar(&placement, bar)),
			  bar);
}

HARNESS_MAIN()
