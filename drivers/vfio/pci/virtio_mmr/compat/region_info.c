// SPDX-License-Identifier: GPL-2.0-only
/*
 * How VFIO_DEVICE_GET_REGION_INFO reaches a variant driver: as an operation of
 * its own, or, before that existed, as one of the ioctls.
 */
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "../common.h"
#include "compat.h"

#ifdef VIRTIO_MMR_HAVE_REGION_INFO_CAPS

int virtio_mmr_compat_region_info(struct vfio_device *core_vdev,
				  struct vfio_region_info *info,
				  struct vfio_info_cap *caps)
{
	if (info->index != VFIO_PCI_BAR0_REGION_INDEX)
		return vfio_pci_ioctl_get_region_info(core_vdev, info, caps);
	virtio_mmr_bar0_region_info(to_virtio_mmr(core_vdev), info);
	return 0;
}

#else

static long get_region_info(struct vfio_device *core_vdev, unsigned long arg)
{
	const size_t size = offsetofend(struct vfio_region_info, offset);
	void __user *user = (void __user *)arg;
	struct vfio_region_info info;

	if (copy_from_user(&info, user, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	if (info.index != VFIO_PCI_BAR0_REGION_INDEX)
		return vfio_pci_core_ioctl(core_vdev, VFIO_DEVICE_GET_REGION_INFO, arg);

	virtio_mmr_bar0_region_info(to_virtio_mmr(core_vdev), &info);
	return copy_to_user(user, &info, size) ? -EFAULT : 0;
}

long virtio_mmr_compat_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
			     unsigned long arg)
{
	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		return get_region_info(core_vdev, arg);
	return vfio_pci_core_ioctl(core_vdev, cmd, arg);
}

#endif
