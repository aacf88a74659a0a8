/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_LISTS_H
#define VIRTIO_MMR_LISTS_H

#include "space.h"

/* Bytes that the longest explanation of a defect takes, with its end */
#define VIRTIO_MMR_LISTS_EXPLANATION_SIZE	160

enum virtio_mmr_lists_defect {
	VIRTIO_MMR_LISTS_FIT,
	VIRTIO_MMR_LISTS_UNREADABLE,
	VIRTIO_MMR_LISTS_OVERRUN,	/* one ends beyond configuration space */
	VIRTIO_MMR_LISTS_MERGE,		/* two of one ID make a longer one */
	VIRTIO_MMR_LISTS_LOOP,		/* a list comes back to where it was */
	VIRTIO_MMR_LISTS_OVERLAP,	/* what is below depends on the kernel */
};

/**
 * struct virtio_mmr_lists - the capability lists of a function, to be judged
 * @space: how to read them
 * @position: of the capability at fault, in bytes
 * @id: of that capability
 * @length: bytes that vfio-pci-core would take it to have
 * @room: bytes that it may have at most
 * @map: which capability each byte belongs to, in the view of vfio-pci-core
 * @seen: which positions of the list have been looked at
 */
struct virtio_mmr_lists {
	struct virtio_mmr_space *space;
	u16 position;
	u16 id;
	unsigned int length;
	unsigned int room;
	u8 map[VIRTIO_MMR_CONFIG_SIZE_EXTENDED];
	bool seen[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4];
};

enum virtio_mmr_lists_defect
virtio_mmr_lists_validate(struct virtio_mmr_lists *lists,
			  struct virtio_mmr_space *space);
void virtio_mmr_lists_explain(char *text, size_t size,
			      const struct virtio_mmr_lists *lists,
			      enum virtio_mmr_lists_defect defect);

#endif /* VIRTIO_MMR_LISTS_H */
