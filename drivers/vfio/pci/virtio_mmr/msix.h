/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_MSIX_H
#define VIRTIO_MMR_MSIX_H

#include "common.h"

int virtio_mmr_msix_take(struct virtio_mmr_device *mmr);
void virtio_mmr_msix_release(struct virtio_mmr_device *mmr, bool is_closing);
void virtio_mmr_msix_refused(struct virtio_mmr_device *mmr, int refused);
void virtio_mmr_msix_forget_changes(struct virtio_mmr_device *mmr);
u8 virtio_mmr_msix_device_isr(struct virtio_mmr_device *mmr, void __iomem *isr, u8 bits);

#endif /* VIRTIO_MMR_MSIX_H */
