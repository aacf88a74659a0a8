// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of a BAR that a guest may map: not the pages of the modern common configuration and
 * of ISR status, unless a notification lies there.
 */
#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/mapping.h"

#define PAGE	0x1000

FIXTURE(mapping)
{
	struct virtio_mmr_scan scan;
	struct virtio_mmr_area areas[VIRTIO_MMR_MAX_AREAS];
};

static struct virtio_mmr_structure structure(u8 bar, u64 offset, u64 length)
{
	return (struct virtio_mmr_structure){ .bar = bar, .offset = offset, .length = length };
}

/* In BAR 4, as QEMU's devices have it */
FIXTURE_SETUP(mapping)
{
	struct virtio_mmr_scan *scan = &self->scan;

	scan->can_interrupt = true;
	scan->has_common_config = true;
	scan->has_notification = true;
	scan->has_isr = true;
	scan->common_config = structure(4, 0, 0x38);
	scan->isr = structure(4, 0x1000, 4);
	scan->notify = structure(4, 0x3000, 0x1000);
	scan->function.bar_size[4] = 0x4000;
	scan->function.bar_size[2] = 0x8000;
}

FIXTURE_TEARDOWN(mapping) { }

static bool is_split(struct _test_data_mapping *self, u8 bar)
{
	return virtio_mmr_mapping_is_split(&self->scan, bar, PAGE);
}

static unsigned int areas(struct _test_data_mapping *self, u8 bar, u32 page)
{
	return virtio_mmr_mapping_areas(&self->scan, bar, page, self->areas);
}

#define EXPECT_AREA(index, from, length) do { \
	struct virtio_mmr_area area_ = self->areas[index]; \
	EXPECT_EQ(area_.offset, from); \
	EXPECT_EQ(area_.size, length); \
} while (0)

TEST_F(mapping, neighbours)
{
	EXPECT_TRUE(is_split(self, 4));
	EXPECT_FALSE(is_split(self, 2));
	ASSERT_EQ(areas(self, 4, PAGE), 1);
	EXPECT_AREA(0, 0x2000, 0x2000);
}

TEST_F(mapping, three_areas)
{
	self->scan.function.bar_size[4] = 0x8000;
	self->scan.common_config.offset = 0x6010;
	self->scan.isr.offset = 0x1ffd;
	self->scan.isr.length = 1;
	ASSERT_EQ(areas(self, 4, PAGE), 3);
	EXPECT_AREA(0, 0, 0x1000);
	EXPECT_AREA(1, 0x2000, 0x4000);
	EXPECT_AREA(2, 0x7000, 0x1000);
	/* A structure that crosses a page takes both */
	self->scan.isr.length = 8;
	ASSERT_EQ(areas(self, 4, PAGE), 3);
	EXPECT_AREA(1, 0x3000, 0x3000);
}

/* No half of these 64-bit numbers may get lost */
TEST_F(mapping, above_4_gib)
{
	self->scan.function.bar_size[4] = 1ULL << 33;
	self->scan.isr.offset = 0x100001000;
	ASSERT_EQ(areas(self, 4, PAGE), 2);
	EXPECT_AREA(0, 0x1000, 0x100000000);
	EXPECT_AREA(1, 0x100002000, 0xffffe000);
}

TEST_F(mapping, one_page_for_both)
{
	self->scan.isr.offset = 0x100;
	ASSERT_EQ(areas(self, 4, PAGE), 1);
	EXPECT_AREA(0, 0x1000, 0x3000);
	/* Or one within the other */
	self->scan.common_config.length = 0x2000;
	ASSERT_EQ(areas(self, 4, PAGE), 1);
	EXPECT_AREA(0, 0x2000, 0x2000);
}

TEST_F(mapping, two_bars)
{
	self->scan.isr = structure(2, 0x7000, 1);
	EXPECT_TRUE(is_split(self, 2));
	EXPECT_TRUE(is_split(self, 4));
	ASSERT_EQ(areas(self, 2, PAGE), 1);
	EXPECT_AREA(0, 0, 0x7000);
	ASSERT_EQ(areas(self, 4, PAGE), 1);
	EXPECT_AREA(0, 0x1000, 0x3000);
}

/* A machine with larger pages, or a BAR that is smaller than a page */
TEST_F(mapping, nothing_is_left)
{
	EXPECT_FALSE(virtio_mmr_mapping_is_split(&self->scan, 4, 0x10000));
	self->scan.notify.bar = 2;
	EXPECT_TRUE(virtio_mmr_mapping_is_split(&self->scan, 4, 0x10000));
	EXPECT_EQ(areas(self, 4, 0x10000), 0);
}

TEST_F(mapping, notifications_come_first)
{
	self->scan.notify = structure(4, 0x1ffe, 2);
	EXPECT_FALSE(is_split(self, 4));
	self->scan.notify = structure(4, 0x800, 4);
	EXPECT_FALSE(is_split(self, 4));
	self->scan.notify = structure(2, 0x800, 4);
	EXPECT_TRUE(is_split(self, 4));
	/* Beside the others, above and below */
	self->scan.notify = structure(4, 0x2000, 0x1000);
	EXPECT_TRUE(is_split(self, 4));
	self->scan.common_config.offset = 0x3000;
	self->scan.isr.offset = 0x3000;
	EXPECT_TRUE(is_split(self, 4));
	self->scan.notify = structure(4, 0, 0x1000);
	EXPECT_TRUE(is_split(self, 4));
	self->scan.common_config.offset = 0;
	/* A structure that cannot be used does not count */
	self->scan.notify = structure(4, 0x800, 4);
	self->scan.has_notification = false;
	EXPECT_TRUE(is_split(self, 4));
}

TEST_F(mapping, whole)
{
	self->scan.can_interrupt = false;
	EXPECT_FALSE(is_split(self, 4));
	self->scan.can_interrupt = true;
	self->scan.has_isr = false;
	EXPECT_FALSE(is_split(self, 4));
	self->scan.has_isr = true;
	self->scan.has_common_config = false;
	EXPECT_FALSE(is_split(self, 4));
}

HARNESS_MAIN()
