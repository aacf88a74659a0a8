// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Configuration space: reads it and walks along the capability lists. All values come from the
 * device. So positions are bounded, and the walk ends for a list that loops.
 */
#include <linux/pci_regs.h>

#include "macros.h"
#include "space.h"

/**
 * virtio_mmr_space_forget - read everything again from now on
 * @space: of the function
 */
void virtio_mmr_space_forget(struct virtio_mmr_space *space)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(space->is_kept); i++)
		space->is_kept[i] = 0;
}

/**
 * virtio_mmr_space_read - read 4 bytes, whether they were read before or not
 * @space: of the function
 * @position: in bytes, a multiple of 4
 *
 * Return: as virtio_mmr_space_dword().
 */
u32 virtio_mmr_space_read(struct virtio_mmr_space *space, unsigned int position)
{
	unsigned int slot = position / 4;
	u32 *value = &space->other;

	if (position >= space->size)
		return 0xffffffff;
	if (position < VIRTIO_MMR_SPACE_KEPT) {
		value = &space->kept[slot];
		space->is_kept[slot / 64] |= 1ull << slot % 64;
	}
	if (!space->read(space->context, position, value)) {
		space->unreadable = true;
		*value = 0xffffffff;
	}
	return *value;
}

/**
 * virtio_mmr_walk_start - begin a walk along a capability list
 * @walk: to be initialized
 * @space: of the function
 * @is_extended: the extended list; there is none if @space is conventional
 */
void virtio_mmr_walk_start(struct virtio_mmr_walk *walk, struct virtio_mmr_space *space,
			   bool is_extended)
{
	*walk = (struct virtio_mmr_walk){ .space = space, .is_extended = is_extended };
}

/* The next position of the list, or 0 at its end */
static unsigned int next_conventional(struct virtio_mmr_walk *walk)
{
	struct virtio_mmr_space *space = walk->space;
	unsigned int position = 0;

	if (walk->position)
		position = walk->header >> 8 & 0xfc;
	else if (virtio_mmr_space_byte(space, PCI_STATUS) & PCI_STATUS_CAP_LIST)
		position = virtio_mmr_space_byte(space, PCI_CAPABILITY_LIST) & 0xfc;
	return position >= PCI_STD_HEADER_SIZEOF ? position : 0;
}

static unsigned int next_extended(struct virtio_mmr_walk *walk)
{
	unsigned int position = VIRTIO_MMR_CONFIG_SIZE;

	if (walk->position)
		position = PCI_EXT_CAP_NEXT(walk->header);
	return position >= VIRTIO_MMR_CONFIG_SIZE && position < walk->space->size ? position : 0;
}

/**
 * virtio_mmr_walk_next - go on to the next capability
 * @walk: after virtio_mmr_walk_start()
 *
 * The rules are those of the PCI core of Linux. The lower two bits of a pointer do not count. A
 * pointer below 0x40 or 0x100 ends the list. An ID of all ones and a first extended capability
 * of only zeros end it, too.
 *
 * Return: false at the end of the list.
 */
bool virtio_mmr_walk_next(struct virtio_mmr_walk *walk)
{
	unsigned int position = walk->is_extended ? next_extended(walk) :
						    next_conventional(walk);

	if (!position)
		return false;
	if (virtio_mmr_bit_mark(walk->seen, position / 4)) {
		walk->loops = true;
		return false;
	}
	walk->position = position;
	walk->header = virtio_mmr_space_dword(walk->space, position);
	walk->id = walk->is_extended ? PCI_EXT_CAP_ID(walk->header) : walk->header & 0xff;
	if (walk->is_extended)
		return walk->header != 0xffffffff &&
		       (walk->header || position != VIRTIO_MMR_CONFIG_SIZE);
	return walk->id != 0xff;
}

/**
 * virtio_mmr_space_find_known - find the facts that a kernel keeps of a function
 * @space: how to read; @pcie_flags, @msix_position and @msi_position are set
 */
void virtio_mmr_space_find_known(struct virtio_mmr_space *space)
{
	struct virtio_mmr_walk walk;

	virtio_mmr_space_forget(space);
	space->pcie_flags = 0;
	space->msix_position = 0;
	space->msi_position = 0;
	virtio_mmr_walk_start(&walk, space, false);
	while (virtio_mmr_walk_next(&walk)) {
		if (walk.id == PCI_CAP_ID_EXP && !space->pcie_flags)
			space->pcie_flags = virtio_mmr_space_word(space, walk.position +
								  PCI_EXP_FLAGS);
		if (walk.id == PCI_CAP_ID_MSIX && !space->msix_position)
			space->msix_position = walk.position;
		if (walk.id == PCI_CAP_ID_MSI && !space->msi_position)
			space->msi_position = walk.position;
	}
}
