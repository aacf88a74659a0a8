/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_LISTS_H
#define VIRTIO_MMR_LISTS_H

#include "pure.h"

/* Bytes of configuration space: conventional, and with the extended part */
#define VIRTIO_MMR_CONFIG_SIZE		256
#define VIRTIO_MMR_CONFIG_SIZE_EXTENDED	4096

/* Bytes that the longest explanation of a defect takes, with its end */
#define VIRTIO_MMR_LISTS_EXPLANATION_SIZE	160

enum virtio_mmr_lists_defect {
	VIRTIO_MMR_LISTS_FIT,
	VIRTIO_MMR_LISTS_UNREADABLE,
	VIRTIO_MMR_LISTS_OVERRUN,	/* one ends behind configuration space */
	VIRTIO_MMR_LISTS_MERGE,		/* two of one ID make a longer one */
	VIRTIO_MMR_LISTS_LOOP,		/* a list comes back to where it was */
	VIRTIO_MMR_LISTS_OVERLAP,	/* what is below depends on the kernel */
};

/**
 * struct virtio_mmr_lists - the capability lists of a function, to be judged
 * @read: gives the dword at a position that is a multiple of 4 and below @size;
 *	false if it cannot be read
 * @context: for @read
 * @size: bytes of configuration space: VIRTIO_MMR_CONFIG_SIZE or
 *	VIRTIO_MMR_CONFIG_SIZE_EXTENDED
 * @pcie_flags: the register of that name in the PCI Express capability, as the
 *	kernel read it when it found the function
 * @position: of the capability at fault, in bytes
 * @id: of that capability
 * @length: bytes that vfio-pci-core would take it to have
 * @room: bytes that it may have at most
 * @map: which capability each byte belongs to, as vfio-pci-core has it
 * @seen: which positions of the list have been looked at
 */
struct virtio_mmr_lists {
	bool (*read)(void *context, unsigned int position, u32 *value);
	void *context;
	unsigned int size;
	u16 pcie_flags;
	u16 position;
	u16 id;
	unsigned int length;
	unsigned int room;
	u8 map[VIRTIO_MMR_CONFIG_SIZE_EXTENDED];
	bool seen[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4];
};

enum virtio_mmr_lists_defect
virtio_mmr_lists_validate(struct virtio_mmr_lists *lists);
void virtio_mmr_lists_explain(char *text, size_t size,
			      const struct virtio_mmr_lists *lists,
			      enum virtio_mmr_lists_defect defect);

#endif /* VIRTIO_MMR_LISTS_H */
