// SPDX-License-Identifier: GPL-2.0-only
/*
 * The regions of the vfio device. The I/O BAR takes the place of a physical BAR0, so this file
 * knows where each of them is in the vfio file.
 *
 * VFIO_DEVICE_GET_REGION_INFO reports the place of a region in the file (uapi/linux/vfio.h). So
 * a physical BAR0 keeps its old place there, even if the guest sees it as another BAR. All of
 * vfio-pci-core works on it unchanged.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "config_space.h"
#include "intx.h"
#include "io_bar.h"
#include "ioeventfd.h"
#include "modern.h"
#include "region.h"
#include "reset.h"
#include "virtio_mmr/mapping.h"

/* The I/O BAR's place if 0 is taken. vfio-pci-core has nothing there. */
#define MOVED_IO_BAR_REGION	(VFIO_PCI_NUM_REGIONS + 0x100)

/* The index whose VFIO_PCI_INDEX_TO_OFFSET() is the start of the I/O BAR */
static unsigned int io_bar_region(const struct virtio_mmr_device *mmr)
{
	return mmr->scan.placement.fate == VIRTIO_MMR_BAR0_ABSENT ?
	       VFIO_PCI_BAR0_REGION_INDEX : MOVED_IO_BAR_REGION;
}

/**
 * virtio_mmr_io_bar_region_info - describe region 0
 * @mmr: the device
 * @info: all except argsz is set
 *
 * The region can be read and written. It cannot be mapped, as ports have no memory.
 */
void virtio_mmr_io_bar_region_info(const struct virtio_mmr_device *mmr,
				   struct vfio_region_info *info)
{
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(io_bar_region(mmr));
	info->size = mmr->view.io_bar_size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->cap_offset = 0;
}

/**
 * virtio_mmr_region_is_split - whether the user must not map all of a region
 * @mmr: the device
 * @physical: the index that vfio-pci-core has for the region
 *
 * Return: true if virtio_mmr_split_region_info() describes it.
 */
bool virtio_mmr_region_is_split(const struct virtio_mmr_device *mmr, u32 physical)
{
	return physical < VIRTIO_MMR_NUM_BARS && virtio_mmr_view_pin(&mmr->view) &&
	       mmr->core_device.bar_mmap_supported[physical] &&
	       virtio_mmr_mapping_is_split(&mmr->scan, physical, PAGE_SIZE);
}

/**
 * virtio_mmr_split_region_info - describe a BAR whose parts can be mapped
 * @mmr: the device
 * @physical: the index that vfio-pci-core has for the region
 * @info: all except argsz and index is set
 * @caps: the capabilities are added
 *
 * The parts are advice. A user that maps all of the BAR has no INTx interrupt for a modern
 * driver, and no other disadvantage.
 *
 * Return: 0 or -ENOMEM.
 */
int virtio_mmr_split_region_info(const struct virtio_mmr_device *mmr, u32 physical,
				 struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	struct vfio_info_cap_header mappable = {
		.id = VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, .version = 1,
	};
	struct vfio_region_info_cap_sparse_mmap *sparse;
	struct virtio_mmr_area areas[VIRTIO_MMR_MAX_AREAS];
	unsigned int count, i;
	int ret;

	info->offset = VFIO_PCI_INDEX_TO_OFFSET(physical);
	info->size = pci_resource_len(mmr->core_device.pdev, physical);
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP;
	info->cap_offset = 0;

	count = virtio_mmr_mapping_areas(&mmr->scan, physical, PAGE_SIZE, areas);
	sparse = kzalloc(struct_size(sparse, areas, count), GFP_KERNEL);
	if (!sparse)
		return -ENOMEM;
	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = count;
	for (i = 0; i < count; i++) {
		sparse->areas[i].offset = areas[i].offset;
		sparse->areas[i].size = areas[i].size;
	}
	ret = vfio_info_add_capability(caps, &sparse->header,
				       struct_size(sparse, areas, count));
	kfree(sparse);
	if (!ret && physical == mmr->core_device.msix_bar)
		ret = vfio_info_add_capability(caps, &mappable, sizeof(mappable));
	return ret;
}

/**
 * virtio_mmr_physical_region - find the region that the user means
 * @mmr: the device
 * @index: the user's region index, any value but that of the I/O BAR
 *
 * Return: the index that vfio-pci-core has for it.
 */
u32 virtio_mmr_physical_region(const struct virtio_mmr_device *mmr, u32 index)
{
	return index < VIRTIO_MMR_NUM_BARS ?
	       virtio_mmr_device_bar(&mmr->scan.placement, index) : index;
}

static ssize_t counted(struct virtio_mmr_device *mmr, enum virtio_mmr_counter counter,
		       ssize_t result)
{
	virtio_mmr_count(mmr, result < 0 ? VIRTIO_MMR_REFUSALS : counter);
	return result;
}

enum owner {
	OWNER_CONFIG_SPACE,
	OWNER_IO_BAR,
	OWNER_NOBODY,		/* a BAR0 that only carries the legacy registers */
	OWNER_CORE,
};

/* Finds the part of the driver that serves the file at @offset */
static enum owner region_owner(const struct virtio_mmr_device *mmr, loff_t offset)
{
	unsigned int region = VFIO_PCI_OFFSET_TO_INDEX(offset);

	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		return OWNER_CONFIG_SPACE;
	if (region == io_bar_region(mmr))
		return OWNER_IO_BAR;
	if (region == VFIO_PCI_BAR0_REGION_INDEX &&
	    mmr->scan.placement.fate == VIRTIO_MMR_BAR0_HIDDEN)
		return OWNER_NOBODY;
	return OWNER_CORE;
}

/**
 * virtio_mmr_read - read operation of the vfio device
 * @core_vdev: the device
 * @buf: where to
 * @count: bytes
 * @ppos: position in the file, advanced by what was read
 *
 * Return: bytes read, -EINVAL for an access that is in no region, or the error
 * of the region.
 */
ssize_t virtio_mmr_read(struct vfio_device *core_vdev, char __user *buf,
			size_t count, loff_t *ppos)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);

	if (!count)
		return 0;

	switch (region_owner(mmr, *ppos)) {
	case OWNER_CONFIG_SPACE:
		return counted(mmr, VIRTIO_MMR_CONFIG_READS,
			       virtio_mmr_config_read(mmr, buf, count, ppos));
	case OWNER_IO_BAR:
		return virtio_mmr_io_bar_read(mmr, buf, count, ppos);
	case OWNER_CORE:
		return virtio_mmr_modern_read(mmr, buf, count, ppos);
	case OWNER_NOBODY:
		break;
	}
	return -EINVAL;
}

/* Not inline: what is on the stack here would cost each notification some instructions. */
static noinline ssize_t write_config_space(struct virtio_mmr_device *mmr, const char __user *buf,
					   size_t count, loff_t *ppos)
{
	struct virtio_mmr_resetter resetter;
	ssize_t done;

	/* Function level resets */
	virtio_mmr_may_reset_begin(mmr, &resetter);
	done = virtio_mmr_config_write(mmr, buf, count, ppos);
	virtio_mmr_may_reset_end(mmr, &resetter);
	/* Power state D0, or a PF's COMMAND.MEMORY */
	virtio_mmr_intx_catch_up(mmr);
	return counted(mmr, VIRTIO_MMR_CONFIG_WRITES, done);
}

/**
 * virtio_mmr_write - write operation of the vfio device
 * @core_vdev: the device
 * @buf: where from
 * @count: bytes
 * @ppos: position in the file, advanced by what was written
 *
 * Return: as virtio_mmr_read().
 */
ssize_t virtio_mmr_write(struct vfio_device *core_vdev, const char __user *buf,
			 size_t count, loff_t *ppos)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);

	if (!count)
		return 0;

	switch (region_owner(mmr, *ppos)) {
	case OWNER_CONFIG_SPACE:
		return write_config_space(mmr, buf, count, ppos);
	case OWNER_IO_BAR:
		return virtio_mmr_io_bar_write(mmr, buf, count, ppos);
	case OWNER_CORE:
		return virtio_mmr_modern_write(mmr, buf, count, ppos);
	case OWNER_NOBODY:
		break;
	}
	return -EINVAL;
}

/**
 * virtio_mmr_mmap - mmap operation of the vfio device
 * @core_vdev: the device
 * @vma: the mapping
 *
 * Return: 0, -EINVAL for the I/O BAR and for a BAR0 that is not shown, or the error
 * of vfio_pci_core_mmap().
 */
int virtio_mmr_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma)
{
	loff_t offset = (loff_t)vma->vm_pgoff << PAGE_SHIFT;

	if (region_owner(to_virtio_mmr(core_vdev), offset) != OWNER_CORE)
		return -EINVAL;
	return vfio_pci_core_mmap(core_vdev, vma);
}

static long ioctl_get_irq_info(struct vfio_device *core_vdev, unsigned long arg)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	const size_t size = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;

	if (copy_from_user(&info, (void __user *)arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	if (info.index != VFIO_PCI_INTX_IRQ_INDEX)
		return vfio_pci_core_ioctl(core_vdev, VFIO_DEVICE_GET_IRQ_INFO, arg);
	info.flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	info.count = virtio_mmr_view_pin(&mmr->view);
	return copy_to_user((void __user *)arg, &info, size) ? -EFAULT : 0;
}

/*
 * vfio-pci-core reads the argument again, and the user may have changed the index meanwhile.
 * vfio-pci-core knows no INTx interrupt, so it refuses that index.
 */
static long ioctl_set_irqs(struct vfio_device *core_vdev, unsigned long arg)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	struct vfio_irq_set __user *argument = (void __user *)arg;
	struct vfio_irq_set header;
	long ret;

	if (copy_from_user(&header, argument, offsetofend(struct vfio_irq_set, count)))
		return -EFAULT;
	if (header.index == VFIO_PCI_INTX_IRQ_INDEX && virtio_mmr_view_pin(&mmr->view))
		return virtio_mmr_intx_set_irqs(mmr, &header, argument);
	ret = vfio_pci_core_ioctl(core_vdev, VFIO_DEVICE_SET_IRQS, arg);
	virtio_mmr_layout_report(mmr);
	return ret;
}

static long ioctl_ioeventfd(struct vfio_device *core_vdev, unsigned long arg)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	const size_t size = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vfio_device_ioeventfd ioeventfd;
	unsigned int region;
	u32 width;

	if (copy_from_user(&ioeventfd, (void __user *)arg, size))
		return -EFAULT;
	/*
	 * This serves memory BARs as well. vfio-pci-core would read the argument again, and the
	 * user may have changed the offset in the meantime. Some kernels take an offset with
	 * the highest bit set for a BAR below 0.
	 */
	switch (region_owner(mmr, ioeventfd.offset)) {
	case OWNER_IO_BAR:
		region = VIRTIO_MMR_IO_BAR;
		break;
	case OWNER_CORE:
		region = VFIO_PCI_OFFSET_TO_INDEX(ioeventfd.offset);
		if (region < VIRTIO_MMR_NUM_BARS)
			break;
		fallthrough;
	default:
		return -EINVAL;
	}

	width = ioeventfd.flags & VFIO_DEVICE_IOEVENTFD_SIZE_MASK;
	if (ioeventfd.argsz < size || ioeventfd.flags != width || ioeventfd.fd < -1)
		return -EINVAL;
	/* The flags are the widths in bytes. */
	return virtio_mmr_ioeventfd(mmr, region, ioeventfd.offset & VFIO_PCI_OFFSET_MASK,
				    ioeventfd.data, width, ioeventfd.fd);
}

/**
 * virtio_mmr_ioctl - ioctl operation of the vfio device
 * @core_vdev: the device
 * @cmd: the request
 * @arg: its argument
 *
 * Return: as vfio_pci_core_ioctl(). For VFIO_DEVICE_IOEVENTFD as virtio_mmr_ioeventfd(), or
 * -EINVAL for a place without a BAR. For VFIO_DEVICE_SET_IRQS of the INTx interrupt as
 * virtio_mmr_intx_set_irqs().
 */
long virtio_mmr_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
		      unsigned long arg)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	struct virtio_mmr_resetter resetter;
	long ret;

	switch (cmd) {
	case VFIO_DEVICE_IOEVENTFD:
		return ioctl_ioeventfd(core_vdev, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return ioctl_get_irq_info(core_vdev, arg);
	case VFIO_DEVICE_SET_IRQS:
		return ioctl_set_irqs(core_vdev, arg);
	}
	virtio_mmr_may_reset_begin(mmr, &resetter);
	ret = vfio_pci_core_ioctl(core_vdev, cmd, arg);
	virtio_mmr_may_reset_end(mmr, &resetter);
	return ret;
}
