// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The seven MMR device IDs and what the guest sees for each.
 */
#include <linux/virtio_mmr.h>

#include "identity.h"

static const struct virtio_mmr_identity identities[] = {
	{ VIRTIO_MMR_DEVICE_NET,	0x1000, 1, "net" },
	{ VIRTIO_MMR_DEVICE_BLOCK,	0x1001, 2, "block" },
	{ VIRTIO_MMR_DEVICE_BALLOON,	0x1002, 5, "balloon" },
	{ VIRTIO_MMR_DEVICE_CONSOLE,	0x1003, 3, "console" },
	{ VIRTIO_MMR_DEVICE_SCSI,	0x1004, 8, "SCSI" },
	{ VIRTIO_MMR_DEVICE_RNG,	0x1005, 4, "entropy" },
	{ VIRTIO_MMR_DEVICE_9P,		0x1009, 9, "9P" },
};

/**
 * virtio_mmr_identify - look up a device type
 * @mmr_id: PCI device ID of the function
 *
 * Return: the type, or NULL if @mmr_id is none of the seven.
 */
const struct virtio_mmr_identity *virtio_mmr_identify(u16 mmr_id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(identities); i++)
		if (identities[i].mmr_id == mmr_id)
			return &identities[i];
	return NULL;
}
