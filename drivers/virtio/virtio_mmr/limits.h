/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_LIMITS_H
#define VIRTIO_MMR_LIMITS_H

#include "transport.h"

void virtio_mmr_limit(struct virtio_mmr_transport *transport, unsigned int offset, void *value,
		      unsigned int count);

#endif /* VIRTIO_MMR_LIMITS_H */
