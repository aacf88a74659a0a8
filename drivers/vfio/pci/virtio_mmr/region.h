/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_REGION_H
#define VIRTIO_MMR_REGION_H

#include "common.h"

ssize_t virtio_mmr_read(struct vfio_device *core_vdev, char __user *buf, size_t count,
			loff_t *ppos);
ssize_t virtio_mmr_write(struct vfio_device *core_vdev, const char __user *buf, size_t count,
			 loff_t *ppos);
int virtio_mmr_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma);
long virtio_mmr_ioctl(struct vfio_device *core_vdev, unsigned int cmd, unsigned long arg);
void virtio_mmr_io_bar_region_info(const struct virtio_mmr_device *mmr,
				   struct vfio_region_info *info);
bool virtio_mmr_region_is_split(const struct virtio_mmr_device *mmr, u32 physical);
int virtio_mmr_split_region_info(const struct virtio_mmr_device *mmr, u32 physical,
				 struct vfio_region_info *info, struct vfio_info_cap *caps);
u32 virtio_mmr_physical_region(const struct virtio_mmr_device *mmr, u32 index);

#endif /* VIRTIO_MMR_REGION_H */
