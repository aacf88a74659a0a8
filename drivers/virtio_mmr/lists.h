/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_LISTS_H
#define VIRTIO_MMR_LISTS_H

#include "space.h"

/*
 * Capabilities with a length that a function may have (policy): more than twice as many as there
 * are kinds of them
 */
#define VIRTIO_MMR_LISTS_MAX	64

/* Size of the longest explanation of a defect in bytes, with its end */
#define VIRTIO_MMR_LISTS_EXPLANATION_SIZE	160

enum virtio_mmr_lists_defect {
	VIRTIO_MMR_LISTS_FIT,
	VIRTIO_MMR_LISTS_UNREADABLE,
	VIRTIO_MMR_LISTS_OVERRUN,	/* one ends beyond configuration space */
	VIRTIO_MMR_LISTS_MERGE,		/* two of one ID make a longer one */
	VIRTIO_MMR_LISTS_LOOP,		/* a list comes back to where it was */
	VIRTIO_MMR_LISTS_OVERLAP,	/* a DVSEC overlaps another: kernels differ */
	VIRTIO_MMR_LISTS_CROWDED,	/* more than VIRTIO_MMR_LISTS_MAX */
};

/**
 * struct virtio_mmr_taken - bytes that vfio-pci-core takes for a capability
 * @start: the first one
 * @end: the one after the last
 * @id: of the capability, its lower 8 bits
 */
struct virtio_mmr_taken {
	u16 start;
	u16 end;
	u8 id;
};

/**
 * struct virtio_mmr_lists - the capability lists of a function, and the result of a check
 * @space: how to read them
 * @position: of the capability at fault, in bytes
 * @id: of that capability
 * @length: its length in bytes in the view of vfio-pci-core
 * @room: bytes that it may have at most; for VIRTIO_MMR_LISTS_CROWDED, the number of capabilities
 *	before it
 * @count: entries of @taken
 * @taken: the capabilities in the order of the lists. A byte belongs to the last one that has it
 * @seen: one bit for each position that was visited: each byte of the conventional part, or
 *	each dword
 */
struct virtio_mmr_lists {
	struct virtio_mmr_space *space;
	u16 position;
	u16 id;
	unsigned int length;
	unsigned int room;
	unsigned int count;
	struct virtio_mmr_taken taken[VIRTIO_MMR_LISTS_MAX];
	u8 seen[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4 / 8];
};

enum virtio_mmr_lists_defect
virtio_mmr_lists_validate(struct virtio_mmr_lists *lists,
			  struct virtio_mmr_space *space);
void virtio_mmr_lists_explain(char *text, size_t size,
			      const struct virtio_mmr_lists *lists,
			      enum virtio_mmr_lists_defect defect);

#endif /* VIRTIO_MMR_LISTS_H */
