/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_DOORBELLS_H
#define VIRTIO_MMR_DOORBELLS_H

#include "transport.h"

int virtio_mmr_doorbells_find(struct virtio_mmr_transport *transport);
void virtio_mmr_doorbells_find_more(struct virtio_mmr_transport *transport);
void __iomem *virtio_mmr_doorbell(struct virtio_mmr_transport *transport, u16 index);
bool virtio_mmr_ring(struct virtqueue *vq);

#endif /* VIRTIO_MMR_DOORBELLS_H */
