/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_IDENTITY_H
#define VIRTIO_MMR_IDENTITY_H

#include "pure.h"

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
