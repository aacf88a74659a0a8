/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_IO_BAR_H
#define VIRTIO_MMR_IO_BAR_H

#include "common.h"
#include "virtio_mmr/port.h"

extern const struct virtio_mmr_port_ops virtio_mmr_registers;

int virtio_mmr_io_bar_open(struct virtio_mmr_device *mmr);
ssize_t virtio_mmr_io_bar_read(struct virtio_mmr_device *mmr, char __user *buf, size_t count,
			       loff_t *ppos);
ssize_t virtio_mmr_io_bar_write(struct virtio_mmr_device *mmr, const char __user *buf,
				size_t count, loff_t *ppos);
void virtio_mmr_layout_report(struct virtio_mmr_device *mmr);

#endif /* VIRTIO_MMR_IO_BAR_H */
