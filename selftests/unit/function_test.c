// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the BARs of a function are. Places in them are capability_test's.
 */
#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/function.h"

#define MEMORY		VIRTIO_MMR_BAR_FLAG_MEMORY
#define WIDE		VIRTIO_MMR_BAR_FLAG_64_BIT
#define ASSIGNED	VIRTIO_MMR_BAR_FLAG_ASSIGNED

FIXTURE(function)
{
	struct virtio_mmr_function function;
};

FIXTURE_SETUP(function) { }

FIXTURE_TEARDOWN(function) { }

TEST_F(function, kinds)
{
	struct virtio_mmr_function *function = &self->function;

	virtio_mmr_function_set_bar(function, 0, 32, ASSIGNED);
	virtio_mmr_function_set_bar(function, 1, 0, MEMORY | ASSIGNED);
	virtio_mmr_function_set_bar(function, 2, 0x1000, MEMORY | ASSIGNED);
	virtio_mmr_function_set_bar(function, 3, 0x1000, MEMORY);
	virtio_mmr_function_set_bar(function, 4, 0x1000, MEMORY | WIDE | ASSIGNED);
	virtio_mmr_function_set_bar(function, 5, 0, 0);
	EXPECT_EQ(function->bar_kind[0], VIRTIO_MMR_BAR_IO);
	EXPECT_EQ(function->bar_kind[1], VIRTIO_MMR_BAR_ABSENT);
	EXPECT_EQ(function->bar_kind[2], VIRTIO_MMR_BAR_MEMORY);
	EXPECT_EQ(function->bar_kind[3], VIRTIO_MMR_BAR_ABSENT);
	EXPECT_EQ(function->bar_kind[4], VIRTIO_MMR_BAR_MEMORY);
	EXPECT_EQ(function->bar_kind[5], VIRTIO_MMR_BAR_UPPER_HALF);
	EXPECT_EQ(function->bar_size[0], 32);
	EXPECT_EQ(function->bar_size[4], 0x1000);
	EXPECT_EQ(function->wide_bars, 1 << 4);
}

/* Only the next one, whatever it says of itself, and only if the first is there */
TEST_F(function, upper_halves)
{
	struct virtio_mmr_function *function = &self->function;

	virtio_mmr_function_set_bar(function, 0, 0x1000, MEMORY | WIDE | ASSIGNED);
	virtio_mmr_function_set_bar(function, 1, 0x1000, MEMORY | WIDE | ASSIGNED);
	virtio_mmr_function_set_bar(function, 2, 0x1000, MEMORY | ASSIGNED);
	EXPECT_EQ(function->bar_kind[1], VIRTIO_MMR_BAR_UPPER_HALF);
	EXPECT_EQ(function->bar_kind[2], VIRTIO_MMR_BAR_MEMORY);

	virtio_mmr_function_set_bar(function, 3, 0x1000, MEMORY | WIDE);
	virtio_mmr_function_set_bar(function, 4, 0, 0);
	EXPECT_EQ(function->bar_kind[4], VIRTIO_MMR_BAR_ABSENT);
	/* No I/O BAR has an upper half */
	virtio_mmr_function_set_bar(function, 4, 32, WIDE | ASSIGNED);
	virtio_mmr_function_set_bar(function, 5, 0x1000, MEMORY | ASSIGNED);
	EXPECT_EQ(function->bar_kind[5], VIRTIO_MMR_BAR_MEMORY);
}

/* A function that has changed since is described anew in the same place */
TEST_F(function, again)
{
	struct virtio_mmr_function *function = &self->function;

	virtio_mmr_function_set_bar(function, 0, 0x1000, MEMORY | WIDE | ASSIGNED);
	virtio_mmr_function_set_bar(function, 0, 0x1000, MEMORY | ASSIGNED);
	virtio_mmr_function_set_bar(function, 1, 0x1000, MEMORY | ASSIGNED);
	EXPECT_EQ(function->bar_kind[1], VIRTIO_MMR_BAR_MEMORY);
	EXPECT_EQ(function->wide_bars, 0);

	virtio_mmr_function_set_bar(function, 2, 0x1000, MEMORY | WIDE | ASSIGNED);
	virtio_mmr_function_set_bar(function, 4, 0x1000, MEMORY | WIDE | ASSIGNED);
	EXPECT_EQ(function->wide_bars, 1 << 2 | 1 << 4);
	virtio_mmr_function_set_bar(function, 2, 0x1000, MEMORY | ASSIGNED);
	EXPECT_EQ(function->wide_bars, 1 << 4);
}

HARNESS_MAIN()
