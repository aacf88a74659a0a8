// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the doorbell of a queue is, and when none is used.
 */
#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/doorbell.h"

FIXTURE(doorbell)
{
	struct virtio_mmr_scan scan;
	u64 offset;
};

/* 0x100 bytes at 0x1000 of BAR 4, 4 bytes for each unit, MSI-X at 0x10c0 */
FIXTURE_SETUP(doorbell)
{
	self->scan.notify = (struct virtio_mmr_structure){
		.bar = 4, .offset = 0x1000, .length = 0x100,
	};
	self->scan.notify_multiplier = 4;
	virtio_mmr_msix_decode(&self->scan.function, 0, 0x10c0 | 4, 0x2000 | 4);
}

FIXTURE_TEARDOWN(doorbell) { }

TEST_F(doorbell, common_configuration)
{
	EXPECT_EQ(virtio_mmr_doorbell_judge(0, 1), VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(virtio_mmr_doorbell_judge(0, 0xfffe), VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(virtio_mmr_doorbell_judge(1, 1), VIRTIO_MMR_DOORBELL_STATUS);
	EXPECT_EQ(virtio_mmr_doorbell_judge(0, 0), VIRTIO_MMR_DOORBELL_NUM_QUEUES);
	EXPECT_EQ(virtio_mmr_doorbell_judge(0, 0xffff), VIRTIO_MMR_DOORBELL_NUM_QUEUES);
	EXPECT_EQ(virtio_mmr_doorbell_judge(0xff, 0xffff), VIRTIO_MMR_DOORBELL_STATUS);
}

TEST_F(doorbell, place)
{
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(self->offset, 0);
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 7, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(self->offset, 28);
	self->scan.notify_multiplier = 0;
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0xffff, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(self->offset, 0);
}

TEST_F(doorbell, end_of_the_structure)
{
	/* 0xfc is the last unit, and 0xfe the last place */
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 63, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 64, &self->offset),
		  VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE);
	self->scan.notify_multiplier = 0xfe;
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 1, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	self->scan.notify.length = 0xff;
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 1, &self->offset),
		  VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE);
}

/* Nothing wraps around */
TEST_F(doorbell, largest_numbers)
{
	self->scan.notify_multiplier = 0xfffffffe;
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0xffff, &self->offset),
		  VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE);
	EXPECT_EQ(self->offset, 0xfffffffeULL * 0xffff);
}

TEST_F(doorbell, odd)
{
	self->scan.notify_multiplier = 3;
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 2, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 1, &self->offset),
		  VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE);
}

TEST_F(doorbell, over_msix)
{
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0x2f, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0x30, &self->offset),
		  VIRTIO_MMR_DOORBELL_OVER_MSIX);
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0x34, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	/* The last one before the table has two bytes as well */
	self->scan.notify_multiplier = 2;
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0x5f, &self->offset),
		  VIRTIO_MMR_DOORBELL_USABLE);
	EXPECT_EQ(virtio_mmr_doorbell_place(&self->scan, 0x60, &self->offset),
		  VIRTIO_MMR_DOORBELL_OVER_MSIX);
}

TEST_F(doorbell, explanations)
{
	EXPECT_STREQ(virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_USABLE), "nothing");
	EXPECT_STREQ(virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_STATUS),
		     "the modern device status after a reset");
	EXPECT_STREQ(virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_NUM_QUEUES),
		     "the modern number of queues");
	EXPECT_STREQ(virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE),
		     "the notify offset of a queue");
	EXPECT_STREQ(virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_TOO_SLOW),
		     "the number of queues, too large to read them in 1 s,");
	EXPECT_STREQ(virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_OVER_MSIX),
		     "over MSI-X structures, the notify offset of a queue");
}

HARNESS_MAIN()
