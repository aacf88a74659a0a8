// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The seven MMR device IDs, and the identity that the guest sees for each.
 */
#include <linux/virtio_mmr.h>

#include "identity.h"
#include "macros.h"

#define IDENTITY(id, guest_id, virtio_id, name) \
	{ VIRTIO_MMR_DEVICE_##id, guest_id, virtio_id, name },

static const struct virtio_mmr_identity identities[] = {
	VIRTIO_MMR_TYPES(IDENTITY)
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
