/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_ATTACH_H
#define VIRTIO_MMR_ATTACH_H

#include "transport.h"

int virtio_mmr_attach(struct virtio_mmr_binding *binding, bool legacy);
void virtio_mmr_detach(struct virtio_mmr_binding *binding);

#endif /* VIRTIO_MMR_ATTACH_H */
