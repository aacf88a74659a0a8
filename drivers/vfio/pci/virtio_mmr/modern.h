/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_MODERN_H
#define VIRTIO_MMR_MODERN_H

#include "common.h"
#include "virtio_mmr/port.h"

extern const struct virtio_mmr_port_ops virtio_mmr_modern_registers;

ssize_t virtio_mmr_modern_read(struct virtio_mmr_device *mmr, char __user *buf, size_t count,
			       loff_t *ppos);
ssize_t virtio_mmr_modern_write(struct virtio_mmr_device *mmr, const char __user *buf,
				size_t count, loff_t *ppos);

#endif /* VIRTIO_MMR_MODERN_H */
