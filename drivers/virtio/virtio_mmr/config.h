/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_CONFIG_H
#define VIRTIO_MMR_CONFIG_H

#include "transport.h"

bool virtio_mmr_config_has(struct virtio_mmr_transport *transport, unsigned int offset,
			   unsigned int count, u64 length);
void virtio_mmr_config_hide(struct virtio_mmr_transport *transport, void *value,
			    unsigned int count);
void virtio_mmr_config_read(const void __iomem *from, void *to, unsigned int offset,
			    unsigned int count);
void virtio_mmr_config_write(void __iomem *to, const void *from, unsigned int offset,
			     unsigned int count);

#endif /* VIRTIO_MMR_CONFIG_H */
