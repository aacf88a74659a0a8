/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_SPACE_H
#define VIRTIO_MMR_SPACE_H

#include "pure.h"

/* Bytes of configuration space: conventional, and with the extended part */
#define VIRTIO_MMR_CONFIG_SIZE		256
#define VIRTIO_MMR_CONFIG_SIZE_EXTENDED	4096

/* Bytes that are read once: those of nearly all capabilities that functions have */
#define VIRTIO_MMR_SPACE_KEPT		512

/**
 * struct virtio_mmr_space - how to read the configuration space of a function
 * @read: stores the dword at a position that is a multiple of 4 and below @size, all four bytes;
 *	false if it cannot be read
 * @context: for @read
 * @size: in bytes: VIRTIO_MMR_CONFIG_SIZE or VIRTIO_MMR_CONFIG_SIZE_EXTENDED
 * @pcie_flags: the register of that name in the PCI Express capability, 0 without one
 * @msix_position: of the MSI-X capability in bytes, 0 without one
 * @msi_position: of the MSI capability in bytes, 0 without one
 * @unreadable: @read has failed
 * @kept: dwords below VIRTIO_MMR_SPACE_KEPT that were read, each as it was then
 * @other: the last dword that was read beyond these
 * @is_kept: one bit for each dword of @kept, whether it was read
 *
 * A read crosses PCIe, and several parts of a scan need the same bytes. So each dword of @kept
 * is read once, until virtio_mmr_space_forget().
 *
 * A kernel reads @pcie_flags and the two positions when it finds the function. It keeps these
 * values, even if the device gives others later. So the caller gives them, or
 * virtio_mmr_space_find_known() finds them.
 */
struct virtio_mmr_space {
	bool (*read)(void *context, unsigned int position, u32 *value);
	void *context;
	unsigned int size;
	u16 pcie_flags;
	u16 msix_position;
	u16 msi_position;
	bool unreadable;
	u32 kept[VIRTIO_MMR_SPACE_KEPT / 4];
	u32 other;
	u64 is_kept[VIRTIO_MMR_SPACE_KEPT / 4 / 64];
};

/**
 * struct virtio_mmr_walk - a walk along a capability list
 * @space: of the function
 * @is_extended: which of the two lists
 * @position: of this capability in bytes, 0 before the first one
 * @id: of this capability
 * @header: its first dword, which has the next position
 * @loops: the list returned to an earlier position, which ended the walk
 * @seen: one bit for each visited position
 */
struct virtio_mmr_walk {
	struct virtio_mmr_space *space;
	bool is_extended;
	bool loops;
	u16 position;
	u16 id;
	u32 header;
	u8 seen[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4 / 8];
};

/* Sets a bit. Returns whether it was set before. */
static inline bool virtio_mmr_bit_mark(u8 *bits, unsigned int number)
{
	u8 bit = 1 << number % 8;
	bool was_set = bits[number / 8] & bit;

	bits[number / 8] |= bit;
	return was_set;
}

static inline void virtio_mmr_bits_clear(u8 *bits, size_t size)
{
	while (size)
		bits[--size] = 0;
}

void virtio_mmr_space_forget(struct virtio_mmr_space *space);
u32 virtio_mmr_space_read(struct virtio_mmr_space *space, unsigned int position);
void virtio_mmr_space_find_known(struct virtio_mmr_space *space);

void virtio_mmr_walk_start(struct virtio_mmr_walk *walk, struct virtio_mmr_space *space,
			   bool is_extended);
bool virtio_mmr_walk_next(struct virtio_mmr_walk *walk);

/**
 * virtio_mmr_space_dword - get 4 bytes, which are read if they were not yet
 * @space: of the function
 * @position: in bytes, a multiple of 4
 *
 * Inline, as most of a scan's bytes were read before.
 *
 * Return: the value. All ones beyond the end, or if it cannot be read. The latter sets
 * @space->unreadable.
 */
static inline u32 virtio_mmr_space_dword(struct virtio_mmr_space *space, unsigned int position)
{
	unsigned int slot = position / 4;

	if (position < VIRTIO_MMR_SPACE_KEPT && space->is_kept[slot / 64] >> slot % 64 & 1)
		return space->kept[slot];
	return virtio_mmr_space_read(space, position);
}

/**
 * virtio_mmr_space_word - get 2 bytes
 * @space: of the function
 * @position: in bytes, even
 *
 * Return: as virtio_mmr_space_dword().
 */
static inline u16 virtio_mmr_space_word(struct virtio_mmr_space *space, unsigned int position)
{
	return virtio_mmr_space_dword(space, position & ~3u) >> (position % 4 * 8);
}

/**
 * virtio_mmr_space_byte - get a byte
 * @space: of the function
 * @position: in bytes
 *
 * Return: as virtio_mmr_space_dword().
 */
static inline u8 virtio_mmr_space_byte(struct virtio_mmr_space *space, unsigned int position)
{
	return virtio_mmr_space_dword(space, position & ~3u) >> (position % 4 * 8);
}

#endif /* VIRTIO_MMR_SPACE_H */
