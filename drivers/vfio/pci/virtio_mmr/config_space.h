/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_CONFIG_SPACE_H
#define VIRTIO_MMR_CONFIG_SPACE_H

#include "common.h"

ssize_t virtio_mmr_config_read(struct virtio_mmr_device *mmr, char __user *buf,
			       size_t count, loff_t *ppos);
ssize_t virtio_mmr_config_write(struct virtio_mmr_device *mmr, const char __user *buf,
				size_t count, loff_t *ppos);
void virtio_mmr_config_master(struct virtio_mmr_device *mmr, unsigned int starts);
void virtio_mmr_config_open(struct virtio_mmr_device *mmr);

#endif /* VIRTIO_MMR_CONFIG_SPACE_H */
