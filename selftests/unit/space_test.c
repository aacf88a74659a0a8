// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading configuration space, and walking along both capability lists: the end of a list, and
 * that each position is visited once.
 */
#include "kselftest_harness.h"

#include "lib/harness.h"
#include "unit/space.h"

FIXTURE(space)
{
	struct memory_space memory;
	struct virtio_mmr_walk walk;
};

FIXTURE_SETUP(space)
{
	memory_space_init(&self->memory);
}

FIXTURE_TEARDOWN(space) { }

TEST_F(space, widths)
{
	struct virtio_mmr_space *space = &self->memory.space;

	memory_space_put(&self->memory, 0x40, 0x44332211, 4);
	EXPECT_EQ(virtio_mmr_space_dword(space, 0x40), 0x44332211);
	EXPECT_EQ(virtio_mmr_space_word(space, 0x42), 0x4433);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x41), 0x22);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x43), 0x44);
	EXPECT_FALSE(space->unreadable);
}

/* Beyond this part there is no copy */
TEST_F(space, first_part_is_read_once)
{
	struct virtio_mmr_space *space = &self->memory.space;

	self->memory.bytes[0] = 2;
	self->memory.bytes[0xfc] = 1;
	self->memory.bytes[0x1fc] = 1;
	self->memory.bytes[0x200] = 1;
	EXPECT_EQ(virtio_mmr_space_byte(space, 0), 2);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0xfc), 1);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x1fc), 1);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x200), 1);
	/* What lies behind the copy in memory stays as it is */
	EXPECT_EQ(self->memory.bytes[0], 2);
	self->memory.bytes[0xfc] = 2;
	self->memory.bytes[0xff] = 2;
	self->memory.bytes[0x1fc] = 2;
	self->memory.bytes[0x200] = 2;
	EXPECT_EQ(virtio_mmr_space_byte(space, 0xfc), 1);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0xff), 0);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x1fc), 1);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x200), 2);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0), 2);
	EXPECT_EQ(self->memory.reads_of[0xfc / 4], 1);

	virtio_mmr_space_forget(space);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0xfc), 2);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0xff), 2);
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x1fc), 2);
}

TEST_F(space, all_ones_beyond_the_end)
{
	struct virtio_mmr_space *space = &self->memory.space;

	EXPECT_EQ(virtio_mmr_space_dword(space, 0x1000), 0xffffffff);
	space->size = VIRTIO_MMR_CONFIG_SIZE;
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x100), 0xff);
	EXPECT_FALSE(space->unreadable);
}

TEST_F(space, what_cannot_be_read)
{
	struct virtio_mmr_space *space = &self->memory.space;

	self->memory.unreadable = 0x40;
	EXPECT_EQ(virtio_mmr_space_byte(space, 0x3f), 0);
	EXPECT_FALSE(space->unreadable);
	EXPECT_EQ(virtio_mmr_space_word(space, 0x42), 0xffff);
	EXPECT_TRUE(space->unreadable);
}

TEST_F(space, conventional_list)
{
	struct virtio_mmr_walk *walk = &self->walk;

	memory_space_add(&self->memory, 0x60, PCI_CAP_ID_MSIX);
	memory_space_add(&self->memory, 0xfc, PCI_CAP_ID_VNDR);
	/* The lower two bits of a pointer do not count */
	self->memory.bytes[PCI_CAPABILITY_LIST] |= 3;
	self->memory.bytes[0xfc + PCI_CAP_LIST_NEXT] |= 3;
	virtio_mmr_walk_start(walk, &self->memory.space, false);
	ASSERT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->position, 0xfc);
	EXPECT_EQ(walk->id, PCI_CAP_ID_VNDR);
	ASSERT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->position, 0x60);
	EXPECT_EQ(walk->id, PCI_CAP_ID_MSIX);
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
	EXPECT_FALSE(walk->loops);

	/* Without the bit in the status register there is no list */
	memory_space_put(&self->memory, PCI_STATUS, 0xff & ~PCI_STATUS_CAP_LIST, 1);
	virtio_mmr_walk_start(walk, &self->memory.space, false);
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
}

TEST_F(space, conventional_ends)
{
	struct virtio_mmr_walk *walk = &self->walk;

	/* A pointer into the header */
	memory_space_add(&self->memory, 0x60, PCI_CAP_ID_PM);
	memory_space_put(&self->memory, 0x61, 0x3c, 1);
	virtio_mmr_walk_start(walk, &self->memory.space, false);
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_FALSE(virtio_mmr_walk_next(walk));

	/* An ID of all ones */
	memory_space_put(&self->memory, 0x61, 0x70, 1);
	memory_space_put(&self->memory, 0x70, 0xff, 1);
	virtio_mmr_walk_start(walk, &self->memory.space, false);
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->position, 0x70);
}

TEST_F(space, loops_end)
{
	struct virtio_mmr_walk *walk = &self->walk;

	memory_space_add(&self->memory, 0x60, PCI_CAP_ID_PM);
	self->memory.bytes[0x61] = 0x60;
	virtio_mmr_walk_start(walk, &self->memory.space, false);
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
	EXPECT_TRUE(walk->loops);

	memory_space_add_extended(&self->memory, 0x100, 0xb, 0xffc);
	memory_space_add_extended(&self->memory, 0xffc, 0xb, 0x100);
	virtio_mmr_walk_start(walk, &self->memory.space, true);
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->position, 0xffc);
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
	EXPECT_TRUE(walk->loops);
}

TEST_F(space, extended_list)
{
	struct virtio_mmr_walk *walk = &self->walk;

	/* Nothing but zeros at its start: there is none */
	virtio_mmr_walk_start(walk, &self->memory.space, true);
	EXPECT_FALSE(virtio_mmr_walk_next(walk));

	/* An entry without an ID is an entry */
	memory_space_add_extended(&self->memory, 0x100, 0, 0x200);
	memory_space_add_extended(&self->memory, 0x200, 0xb, 0);
	virtio_mmr_walk_start(walk, &self->memory.space, true);
	ASSERT_TRUE(virtio_mmr_walk_next(walk));
	ASSERT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->position, 0x200);
	EXPECT_EQ(walk->id, 0xb);
	EXPECT_FALSE(virtio_mmr_walk_next(walk));

	/* IDs have 16 bits. Only the first entry has to be more than zeros */
	memory_space_put(&self->memory, 0x100, 0x010b | 0x200 << 20, 4);
	memory_space_put(&self->memory, 0x200, 0, 4);
	virtio_mmr_walk_start(walk, &self->memory.space, true);
	ASSERT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->id, 0x010b);
	ASSERT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_EQ(walk->position, 0x200);
	EXPECT_EQ(walk->id, 0);
	EXPECT_FALSE(virtio_mmr_walk_next(walk));

	/* All ones, and a pointer below the list */
	memory_space_put(&self->memory, 0x200, 0xffffffff, 4);
	virtio_mmr_walk_start(walk, &self->memory.space, true);
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
	memory_space_add_extended(&self->memory, 0x100, 0xb, 0x0fc);
	virtio_mmr_walk_start(walk, &self->memory.space, true);
	EXPECT_TRUE(virtio_mmr_walk_next(walk));
	EXPECT_FALSE(virtio_mmr_walk_next(walk));
}

TEST_F(space, no_extended_list_in_a_conventional_space)
{
	memory_space_add_extended(&self->memory, 0x100, 0xb, 0);
	self->memory.space.size = VIRTIO_MMR_CONFIG_SIZE;
	virtio_mmr_walk_start(&self->walk, &self->memory.space, true);
	EXPECT_FALSE(virtio_mmr_walk_next(&self->walk));
	EXPECT_EQ(self->memory.reads, 0);
}

TEST_F(space, longest_lists)
{
	unsigned int position, count = 0;

	for (position = 0x100; position < 0x1000; position += 4)
		memory_space_add_extended(&self->memory, position, 0xb, (position + 4) & 0xfff);
	virtio_mmr_walk_start(&self->walk, &self->memory.space, true);
	while (virtio_mmr_walk_next(&self->walk))
		count++;
	EXPECT_EQ(count, 960);
	EXPECT_FALSE(self->walk.loops);
}

TEST_F(space, known_by_a_kernel)
{
	struct virtio_mmr_space *space = &self->memory.space;

	space->pcie_flags = 1;
	space->msix_position = 1;
	space->msi_position = 1;
	virtio_mmr_space_find_known(space);
	EXPECT_EQ(space->pcie_flags, 0);
	EXPECT_EQ(space->msix_position, 0);
	EXPECT_EQ(space->msi_position, 0);

	/* The first one of each counts */
	memory_space_add(&self->memory, 0x40, PCI_CAP_ID_MSIX);
	memory_space_add(&self->memory, 0x50, PCI_CAP_ID_EXP);
	memory_space_put(&self->memory, 0x52, 0x1111, 2);
	memory_space_add(&self->memory, 0x60, PCI_CAP_ID_MSI);
	memory_space_add(&self->memory, 0xa0, PCI_CAP_ID_MSIX);
	memory_space_add(&self->memory, 0xc0, PCI_CAP_ID_MSI);
	memory_space_add(&self->memory, 0xb0, PCI_CAP_ID_EXP);
	memory_space_put(&self->memory, 0xb2, 0x0002, 2);
	/* Another one before them */
	memory_space_add(&self->memory, 0xd0, PCI_CAP_ID_PM);
	memory_space_put(&self->memory, 0xd2, 0x3333, 2);
	virtio_mmr_space_find_known(space);
	EXPECT_EQ(space->pcie_flags, 0x0002);
	EXPECT_EQ(space->msix_position, 0xa0);
	EXPECT_EQ(space->msi_position, 0xc0);
}

HARNESS_MAIN()
