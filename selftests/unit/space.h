/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A configuration space in memory, for tests of the files that read one.
 */
#ifndef UNIT_SPACE_H
#define UNIT_SPACE_H

#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "virtio_mmr/space.h"

struct memory_space {
	struct virtio_mmr_space space;
	u8 bytes[VIRTIO_MMR_CONFIG_SIZE_EXTENDED];
	/* Position at which a read fails; 1 for none */
	unsigned int unreadable;
	unsigned int reads, reads_of[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4];
};

static inline bool memory_space_read(void *context, unsigned int position, u32 *value)
{
	struct memory_space *memory = context;

	/* The library promises this to the callback */
	if (position % 4 || position >= memory->space.size)
		abort();
	memory->reads++;
	memory->reads_of[position / 4]++;
	*value = virtio_mmr_get_le32(memory->bytes + position);
	return position != memory->unreadable;
}

static inline void memory_space_init(struct memory_space *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->space.read = memory_space_read;
	memory->space.context = memory;
	memory->space.size = VIRTIO_MMR_CONFIG_SIZE_EXTENDED;
	memory->unreadable = 1;
}

static inline void memory_space_put(struct memory_space *memory, unsigned int position,
				    u32 value, unsigned int width)
{
	virtio_mmr_space_forget(&memory->space);
	while (width--) {
		memory->bytes[position++] = value;
		value >>= 8;
	}
}

/* A capability at the head of the list, before those that are there */
static inline void memory_space_add(struct memory_space *memory, unsigned int position, u8 id)
{
	virtio_mmr_space_forget(&memory->space);
	memory->bytes[position] = id;
	memory->bytes[position + PCI_CAP_LIST_NEXT] = memory->bytes[PCI_CAPABILITY_LIST];
	memory->bytes[PCI_CAPABILITY_LIST] = position;
	memory->bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
}

/* The list begins at 0x100, so the first one there has to be; 0 for the end */
static inline void memory_space_add_extended(struct memory_space *memory, unsigned int position,
					     u16 id, unsigned int next)
{
	memory_space_put(memory, position, id | 1 << 16 | next << 20, 4);
}

/* A vendor capability of virtio */
static inline void memory_space_add_virtio(struct memory_space *memory, unsigned int position,
					   u8 length, u8 cfg_type, u8 bar, u32 offset, u32 size)
{
	memory_space_add(memory, position, PCI_CAP_ID_VNDR);
	memory->bytes[position + 2] = length;
	memory->bytes[position + 3] = cfg_type;
	memory->bytes[position + 4] = bar;
	memory_space_put(memory, position + 8, offset, 4);
	memory_space_put(memory, position + 12, size, 4);
}

/* A bare MMR capability that ends the list */
static inline void memory_space_add_mmr(struct memory_space *memory, unsigned int position,
					u8 cfg_type, u8 bar, u32 offset, u32 length)
{
	memory_space_add_extended(memory, position, 0xb, 0);
	memory_space_put(memory, position + 4, cfg_type | bar << 8, 4);
	memory_space_put(memory, position + 8, offset, 4);
	memory_space_put(memory, position + 12, 0, 4);
	memory_space_put(memory, position + 16, length, 4);
	memory_space_put(memory, position + 20, 0, 4);
}

#endif /* UNIT_SPACE_H */
