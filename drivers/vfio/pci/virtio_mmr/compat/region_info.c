// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_GET_REGION_INFO for a variant driver. Newer kernels have an operation for it. On
 * older kernels it is one of the ioctls.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "../region.h"
#include "compat.h"

#ifdef VIRTIO_MMR_HAVE_REGION_INFO_CAPS	/* since 6.19 */

int virtio_mmr_compat_region_info(struct vfio_device *core_vdev,
				  struct vfio_region_info *info,
				  struct vfio_info_cap *caps)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	u32 index = info->index;
	int ret;

	if (index == VFIO_PCI_BAR0_REGION_INDEX) {
		virtio_mmr_io_bar_region_info(mmr, info);
		return 0;
	}
	info->index = virtio_mmr_physical_region(mmr, index);
	if (virtio_mmr_region_is_split(mmr, info->index))
		ret = virtio_mmr_split_region_info(mmr, info->index, info, caps);
	else
		ret = vfio_pci_ioctl_get_region_info(core_vdev, info, caps);
	info->index = index;
	return ret;
}

#else	/* until 6.18 */

/* The capabilities follow the structure, if the user has room for all of them. */
static long put_with_caps(struct vfio_region_info __user *user, struct vfio_region_info *info,
			  struct vfio_info_cap *caps)
{
	const size_t size = offsetofend(struct vfio_region_info, offset);

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
	} else {
		vfio_info_cap_shift(caps, sizeof(*info));
		if (copy_to_user(user + 1, caps->buf, caps->size))
			return -EFAULT;
		info->cap_offset = sizeof(*info);
	}
	return copy_to_user(user, info, size) ? -EFAULT : 0;
}

static long get_split_region_info(struct virtio_mmr_device *mmr, u32 physical,
				  struct vfio_region_info __user *user,
				  struct vfio_region_info *info)
{
	struct vfio_info_cap caps = {};
	long ret;

	ret = virtio_mmr_split_region_info(mmr, physical, info, &caps);
	if (!ret)
		ret = put_with_caps(user, info, &caps);
	kfree(caps.buf);
	return ret;
}

static long get_region_info(struct vfio_device *core_vdev, unsigned long arg)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	const size_t size = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info __user *user = (void __user *)arg;
	struct vfio_region_info info;
	u32 physical;
	long ret;

	if (copy_from_user(&info, user, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	if (info.index == VFIO_PCI_BAR0_REGION_INDEX) {
		virtio_mmr_io_bar_region_info(mmr, &info);
		return copy_to_user(user, &info, size) ? -EFAULT : 0;
	}

	physical = virtio_mmr_physical_region(mmr, info.index);
	if (virtio_mmr_region_is_split(mmr, physical))
		return get_split_region_info(mmr, physical, user, &info);
	/* vfio-pci-core takes the index from the user, and returns it there. */
	if (physical != info.index && put_user(physical, &user->index))
		return -EFAULT;
	ret = vfio_pci_core_ioctl(core_vdev, VFIO_DEVICE_GET_REGION_INFO, arg);
	if (physical != info.index && put_user(info.index, &user->index))
		return -EFAULT;
	return ret;
}

long virtio_mmr_compat_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
			     unsigned long arg)
{
	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		return get_region_info(core_vdev, arg);
	return virtio_mmr_ioctl(core_vdev, cmd, arg);
}

#endif
