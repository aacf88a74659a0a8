/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_IOEVENTFD_H
#define VIRTIO_MMR_IOEVENTFD_H

#include "common.h"

void virtio_mmr_ioeventfd_init(struct virtio_mmr_opened *opened);
int virtio_mmr_ioeventfd(struct virtio_mmr_device *mmr, u8 bar, u64 position, u64 data,
			 unsigned int size, int fd);
void virtio_mmr_ioeventfd_close(struct virtio_mmr_device *mmr);

#endif /* VIRTIO_MMR_IOEVENTFD_H */
