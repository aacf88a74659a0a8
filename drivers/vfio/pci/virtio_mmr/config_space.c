// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's view of configuration space: the identity of a transitional
 * device, its I/O BAR0 and COMMAND.IO. Everything else is vfio-pci-core's.
 */
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include <linux/virtio_mmr.h>

#include "common.h"

struct overlap {
	size_t buffer_offset;
	size_t field_offset;
	size_t count;
};

static bool find_overlap(loff_t pos, size_t count, unsigned int field,
			 size_t width, struct overlap *overlap)
{
	loff_t first = max_t(loff_t, pos, field);
	loff_t end = min_t(loff_t, pos + count, field + width);

	if (first >= end)
		return false;
	*overlap = (struct overlap){
		.buffer_offset = first - pos,
		.field_offset = first - field,
		.count = end - first,
	};
	return true;
}

/* Replace what a read at @pos returned for one register by @value. */
static int overlay(char __user *buf, loff_t pos, size_t count,
		   unsigned int field, const void *value, size_t width)
{
	struct overlap overlap;

	if (!find_overlap(pos, count, field, width, &overlap))
		return 0;
	if (copy_to_user(buf + overlap.buffer_offset,
			 value + overlap.field_offset, overlap.count))
		return -EFAULT;
	return 0;
}

static __le32 io_bar_value(struct virtio_mmr_device *mmr)
{
	u32 address;

	spin_lock(&mmr->config_lock);
	address = le32_to_cpu(mmr->io_bar_address);
	spin_unlock(&mmr->config_lock);

	/* PCI 3.0, 6.2.5.1: the size shows in the address bits that stay 0. */
	return cpu_to_le32((address & ~(mmr->io_bar_size - 1)) |
			   PCI_BASE_ADDRESS_SPACE_IO);
}

/* A function without I/O BARs may or may not keep the bit. */
static int overlay_command_io(struct virtio_mmr_device *mmr, char __user *buf,
			      loff_t pos, size_t count)
{
	struct overlap overlap;
	bool command_io;
	u8 command;

	if (!find_overlap(pos, count, PCI_COMMAND, 1, &overlap))
		return 0;

	down_read(&mmr->access_lock);
	command_io = mmr->command_io;
	up_read(&mmr->access_lock);

	if (get_user(command, (u8 __user *)buf + overlap.buffer_offset))
		return -EFAULT;
	command &= ~PCI_COMMAND_IO;
	if (command_io)
		command |= PCI_COMMAND_IO;
	if (put_user(command, (u8 __user *)buf + overlap.buffer_offset))
		return -EFAULT;
	return 0;
}

/**
 * virtio_mmr_config_read - read the guest's view of configuration space
 * @mmr: the device
 * @buf: where to
 * @count: bytes
 * @ppos: position in the configuration region, advanced by what was read
 *
 * Return: bytes read, or the error of vfio_pci_core_read(), or -EFAULT.
 */
ssize_t virtio_mmr_config_read(struct virtio_mmr_device *mmr, char __user *buf,
			       size_t count, loff_t *ppos)
{
	const struct virtio_mmr_identity *identity = mmr->found.identity;
	const __le16 subsystem_vendor = cpu_to_le16(VIRTIO_MMR_VENDOR_ID);
	/* Legacy drivers take the device type from it (virtio 1.4, 4.1.2.1). */
	const __le16 subsystem = cpu_to_le16(identity->virtio_id);
	const __le16 device = cpu_to_le16(identity->guest_id);
	const __le32 bar0 = io_bar_value(mmr);
	const u8 revision = 0;
	loff_t start = *ppos;
	loff_t pos = start & VFIO_PCI_OFFSET_MASK;
	ssize_t done;

	done = vfio_pci_core_read(&mmr->core_device.vdev, buf, count, ppos);
	if (done <= 0)
		return done;

	if (overlay(buf, pos, done, PCI_DEVICE_ID, &device, sizeof(device)) ||
	    overlay(buf, pos, done, PCI_REVISION_ID, &revision, sizeof(revision)) ||
	    overlay(buf, pos, done, PCI_BASE_ADDRESS_0, &bar0, sizeof(bar0)) ||
	    overlay(buf, pos, done, PCI_SUBSYSTEM_VENDOR_ID, &subsystem_vendor,
		    sizeof(subsystem_vendor)) ||
	    overlay(buf, pos, done, PCI_SUBSYSTEM_ID, &subsystem, sizeof(subsystem)) ||
	    overlay_command_io(mmr, buf, pos, done)) {
		*ppos = start;
		return -EFAULT;
	}
	return done;
}

/*
 * No access is in flight any more when the guest's write that clears the bit
 * returns. vfio-pci-core must not find it in its own copy at the next write.
 */
static void set_command_io(struct virtio_mmr_device *mmr, bool command_io)
{
	struct vfio_pci_core_device *core = &mmr->core_device;

	down_write(&core->memory_lock);
	down_write(&mmr->access_lock);
	mmr->command_io = command_io;
	core->vconfig[PCI_COMMAND] &= ~PCI_COMMAND_IO;
	up_write(&mmr->access_lock);
	up_write(&core->memory_lock);
}

/**
 * virtio_mmr_config_write - write to the guest's view of configuration space
 * @mmr: the device
 * @buf: where from
 * @count: bytes
 * @ppos: position in the configuration region, advanced by what was written
 *
 * vfio-pci-core sees the whole write and ignores BAR0, which the function has
 * not.
 *
 * Return: bytes written, or the error of vfio_pci_core_write(), or -EFAULT.
 */
ssize_t virtio_mmr_config_write(struct virtio_mmr_device *mmr,
				const char __user *buf, size_t count,
				loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	struct overlap in_command, in_bar0;
	bool has_command, has_bar0;
	u8 command, bar0[sizeof(mmr->io_bar_address)];
	ssize_t done;

	has_command = find_overlap(pos, count, PCI_COMMAND, sizeof(command),
				   &in_command);
	if (has_command && copy_from_user(&command, buf + in_command.buffer_offset,
					  in_command.count))
		return -EFAULT;
	has_bar0 = find_overlap(pos, count, PCI_BASE_ADDRESS_0, sizeof(bar0),
				&in_bar0);
	if (has_bar0 && copy_from_user(bar0, buf + in_bar0.buffer_offset,
				       in_bar0.count))
		return -EFAULT;

	done = vfio_pci_core_write(&mmr->core_device.vdev, buf, count, ppos);
	if (done < 0)
		return done;

	if (has_command)
		set_command_io(mmr, command & PCI_COMMAND_IO);
	if (has_bar0) {
		spin_lock(&mmr->config_lock);
		memcpy((u8 *)&mmr->io_bar_address + in_bar0.field_offset, bar0,
		       in_bar0.count);
		spin_unlock(&mmr->config_lock);
	}
	return done;
}

/**
 * virtio_mmr_config_open - set the state that lasts from open to close
 * @mmr: the device, enabled by vfio-pci-core
 */
void virtio_mmr_config_open(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;

	mmr->io_bar_address = 0;
	/* A PF may have it set by firmware. */
	set_command_io(mmr, false);

	/*
	 * A PF may have an INTx pin, but INTx is not shown: nobody could handle
	 * it, so the function must not assert it. vfio-pci-core answers the
	 * register and the number of INTx interrupts from vconfig; with these
	 * two flags it leaves COMMAND's INTx Disable set.
	 */
	if (core->pdev->pin) {
		core->nointx = true;
		core->pci_2_3 = false;
		pci_intx(core->pdev, 0);
	}
	core->vconfig[PCI_INTERRUPT_PIN] = 0;
}
