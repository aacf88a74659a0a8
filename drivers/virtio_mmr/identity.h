/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_IDENTITY_H
#define VIRTIO_MMR_IDENTITY_H

#include "pure.h"

/*
 * The device types: the end of the name of the MMR function's ID, the transitional PCI
 * device ID, the virtio device ID, and a name for people
 */
#define VIRTIO_MMR_TYPES(type) \
	type(NET,	0x1000, 1, "net") \
	type(BLOCK,	0x1001, 2, "block") \
	type(BALLOON,	0x1002, 5, "balloon") \
	type(CONSOLE,	0x1003, 3, "console") \
	type(SCSI,	0x1004, 8, "SCSI") \
	type(RNG,	0x1005, 4, "entropy") \
	type(9P,	0x1009, 9, "9P")

/**
 * struct virtio_mmr_identity - one device type as the host and the guest see it
 * @mmr_id: PCI device ID of the MMR function
 * @guest_id: transitional PCI device ID (virtio 1.4, 4.1.2)
 * @virtio_id: virtio device ID (virtio 1.4, 5), the guest's subsystem ID
 * @name: for the kernel log
 */
struct virtio_mmr_identity {
	u16 mmr_id;
	u16 guest_id;
	u16 virtio_id;
	const char *name;
};

const struct virtio_mmr_identity *virtio_mmr_identify(u16 mmr_id);

#endif /* VIRTIO_MMR_IDENTITY_H */
