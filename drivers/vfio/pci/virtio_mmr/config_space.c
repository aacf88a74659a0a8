// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's view of configuration space: the identity of a transitional
 * device, COMMAND.IO, its I/O BAR0, and where a physical BAR0 went. Everything
 * else is vfio-pci-core's.
 */
#include <linux/bitmap.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pm_runtime.h>
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

static unsigned int bar_position(unsigned int slot)
{
	return PCI_BASE_ADDRESS_0 + 4 * slot;
}

static int overlay_bar_registers(struct virtio_mmr_device *mmr,
				 char __user *buf, loff_t pos, size_t count)
{
	unsigned int slot;

	for (slot = 0; slot < ARRAY_SIZE(mmr->bar_registers); slot++) {
		struct virtio_mmr_bar_register *bar = &mmr->bar_registers[slot];
		__le32 value = 0;

		if (!bar->provided)
			continue;
		if (bar->size) {
			u32 address;

			spin_lock(&mmr->config_lock);
			address = le32_to_cpu(bar->address);
			spin_unlock(&mmr->config_lock);
			/* PCI 3.0, 6.2.5.1: the size shows in the bits that stay 0. */
			value = cpu_to_le32((address & ~(bar->size - 1)) | bar->type);
		}
		if (overlay(buf, pos, count, bar_position(slot), &value, sizeof(value)))
			return -EFAULT;
	}
	return 0;
}

static int translate_byte(u8 __user *byte, const struct virtio_mmr_placement *placement,
			  u8 mask)
{
	u8 value;

	if (get_user(value, byte))
		return -EFAULT;
	value = (value & ~mask) | virtio_mmr_guest_bar(placement, value & mask);
	return put_user(value, byte) ? -EFAULT : 0;
}

/* BAR numbers in capabilities, where a physical BAR0 has made way */
static int overlay_bar_fields(struct virtio_mmr_device *mmr, char __user *buf,
			      loff_t pos, size_t count)
{
	const struct virtio_mmr_discovery *found = &mmr->found;
	loff_t end = min_t(loff_t, pos + count, PCI_CFG_SPACE_SIZE);
	u8 __user *bytes = (u8 __user *)buf;
	loff_t at;

	if (found->placement.fate == VIRTIO_MMR_BAR0_ABSENT)
		return 0;

	for (at = pos; at < end; at++) {
		if (test_bit(at, found->bir_fields) &&
		    translate_byte(&bytes[at - pos], &found->placement,
				   PCI_MSIX_TABLE_BIR))
			return -EFAULT;
		if (test_bit(at, found->bar_fields) &&
		    translate_byte(&bytes[at - pos], &found->placement, 0xff))
			return -EFAULT;
	}
	return 0;
}

/* A function without I/O BARs may or may not keep the bit. */
static int overlay_command_io(struct virtio_mmr_device *mmr, char __user *buf,
			      loff_t pos, size_t count)
{
	struct overlap overlap;
	u8 command;

	if (!find_overlap(pos, count, PCI_COMMAND, 1, &overlap))
		return 0;
	if (get_user(command, (u8 __user *)buf + overlap.buffer_offset))
		return -EFAULT;
	command &= ~PCI_COMMAND_IO;
	if (READ_ONCE(mmr->command_io))
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
	const u8 revision = 0;
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	loff_t end = *ppos;
	ssize_t done;

	done = vfio_pci_core_read(&mmr->core_device.vdev, buf, count, &end);
	if (done <= 0)
		return done;

	if (overlay(buf, pos, done, PCI_DEVICE_ID, &device, sizeof(device)) ||
	    overlay(buf, pos, done, PCI_REVISION_ID, &revision, sizeof(revision)) ||
	    overlay(buf, pos, done, PCI_SUBSYSTEM_VENDOR_ID, &subsystem_vendor,
		    sizeof(subsystem_vendor)) ||
	    overlay(buf, pos, done, PCI_SUBSYSTEM_ID, &subsystem, sizeof(subsystem)) ||
	    overlay_command_io(mmr, buf, pos, done) ||
	    overlay_bar_registers(mmr, buf, pos, done) ||
	    overlay_bar_fields(mmr, buf, pos, done))
		return -EFAULT;

	*ppos = end;
	return done;
}

/*
 * The guest's COMMAND.IO becomes what vfio-pci-core has just written, which then must
 * not find it in its own copy at the next write. No access is in flight any more when
 * the guest's write that clears the bit returns: hence memory_lock, for the guest's
 * bit alone, as nothing but a write of COMMAND looks at the copy's.
 */
static int take_command_io(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	bool command_io;
	int ret;

	lockdep_assert_held(&mmr->command_lock);

	command_io = core->vconfig[PCI_COMMAND] & PCI_COMMAND_IO;
	core->vconfig[PCI_COMMAND] &= ~PCI_COMMAND_IO;

	/* Without the lock accesses can still be in flight, for a caller that is killed. */
	ret = down_write_killable(&core->memory_lock);
	WRITE_ONCE(mmr->command_io, command_io);
	if (!ret)
		up_write(&core->memory_lock);
	return ret;
}

/*
 * One or both bytes of COMMAND. For vfio-pci-core that is a single register access,
 * which fails before it has an effect, or has all of it.
 */
static ssize_t write_command(struct virtio_mmr_device *mmr, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	bool has_io = (*ppos & VFIO_PCI_OFFSET_MASK) == PCI_COMMAND;
	ssize_t ret;

	if (mutex_lock_killable(&mmr->command_lock))
		return -EINTR;
	ret = vfio_pci_core_write(&mmr->core_device.vdev, buf, count, ppos);
	if (ret > 0 && has_io && take_command_io(mmr))
		ret = -EINTR;
	mutex_unlock(&mmr->command_lock);
	return ret;
}

/* All or a part of one BAR register that the driver provides */
static ssize_t write_bar_register(struct virtio_mmr_device *mmr,
				  const char __user *buf, size_t count, loff_t *ppos)
{
	unsigned int at = (*ppos & VFIO_PCI_OFFSET_MASK) - PCI_BASE_ADDRESS_0;
	struct virtio_mmr_bar_register *bar = &mmr->bar_registers[at / 4];
	u8 bytes[sizeof(bar->address)];

	if (copy_from_user(bytes, buf, count))
		return -EFAULT;

	spin_lock(&mmr->config_lock);
	memcpy((u8 *)&bar->address + at % 4, bytes, count);
	spin_unlock(&mmr->config_lock);

	*ppos += count;
	return count;
}

/*
 * Bytes that the function must not see as they are: the guest directs the window
 * of the PCI_CFG capability (virtio 1.4, 4.1.4.9) by its own BAR numbers.
 */
static ssize_t write_translated(struct virtio_mmr_device *mmr,
				const char __user *buf, loff_t *ppos)
{
	const struct virtio_mmr_discovery *found = &mmr->found;
	struct pci_dev *pdev = mmr->core_device.pdev;
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 bar;
	int ret;

	if (get_user(bar, (const u8 __user *)buf))
		return -EFAULT;

	ret = pm_runtime_resume_and_get(&pdev->dev);
	if (ret < 0)
		return -EIO;
	ret = pci_user_write_config_byte(pdev, pos,
					 virtio_mmr_device_bar(&found->placement, bar));
	pm_runtime_put(&pdev->dev);
	if (ret)
		return -EFAULT;

	*ppos += 1;
	return 1;
}

static bool is_command(loff_t pos)
{
	return pos >= PCI_COMMAND && pos < PCI_COMMAND + 2;
}

static bool is_provided_bar(const struct virtio_mmr_device *mmr, loff_t pos)
{
	return pos >= PCI_BASE_ADDRESS_0 && pos < bar_position(VIRTIO_MMR_NUM_BARS) &&
	       mmr->bar_registers[(pos - PCI_BASE_ADDRESS_0) / 4].provided;
}

static bool is_translated(const struct virtio_mmr_device *mmr, loff_t pos)
{
	return mmr->found.placement.fate != VIRTIO_MMR_BAR0_ABSENT &&
	       pos < PCI_CFG_SPACE_SIZE && test_bit(pos, mmr->found.window_fields);
}

/* As much of a write as belongs together, at least one byte */
static ssize_t write_part(struct virtio_mmr_device *mmr, const char __user *buf,
			  size_t count, loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK, end = pos + count, next;

	if (is_command(pos)) {
		end = min_t(loff_t, end, PCI_COMMAND + 2);
		return write_command(mmr, buf, end - pos, ppos);
	}
	if (is_provided_bar(mmr, pos)) {
		end = min_t(loff_t, end, round_down(pos, 4) + 4);
		return write_bar_register(mmr, buf, end - pos, ppos);
	}
	if (is_translated(mmr, pos))
		return write_translated(mmr, buf, ppos);

	for (next = pos + 1; next < end; next++)
		if (is_command(next) || is_provided_bar(mmr, next) ||
		    is_translated(mmr, next))
			break;
	return vfio_pci_core_write(&mmr->core_device.vdev, buf, next - pos, ppos);
}

/**
 * virtio_mmr_config_write - write to the guest's view of configuration space
 * @mmr: the device
 * @buf: where from
 * @count: bytes
 * @ppos: position in the configuration region, advanced by what was written
 *
 * Each part of a write takes effect by itself, lowest address first, and each byte of
 * @buf is read once. vfio-pci-core sees all of it except BAR registers that this driver
 * provides and translated bytes. A write that fails leaves the parts before the one
 * that failed written, as in vfio-pci-core.
 *
 * Return: @count, or -EFAULT for a write that is not wholly inside configuration space,
 * of which nothing is done, and for bad memory, -EINTR if a fatal signal ended a wait,
 * or the error of vfio_pci_core_write().
 */
ssize_t virtio_mmr_config_write(struct virtio_mmr_device *mmr,
				const char __user *buf, size_t count,
				loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK, at = *ppos;
	int size = mmr->core_device.pdev->cfg_size;
	size_t done = 0;
	ssize_t ret;

	if (pos > size || count > size - pos)
		return -EFAULT;

	while (done < count) {
		ret = write_part(mmr, buf + done, count - done, &at);
		if (ret < 0)
			return ret;
		done += ret;
	}
	*ppos = at;
	return done;
}

/**
 * virtio_mmr_config_init - decide which BAR registers the driver provides
 * @mmr: the device, with what probe found
 */
void virtio_mmr_config_init(struct virtio_mmr_device *mmr)
{
	const struct virtio_mmr_discovery *found = &mmr->found;

	mmr->bar_registers[0] = (struct virtio_mmr_bar_register){
		.provided = true,
		.size = mmr->io_bar_size,
		.type = PCI_BASE_ADDRESS_SPACE_IO,
	};
	/* The upper half of a BAR0 that is not there any more */
	if (found->function.bar_kind[1] == VIRTIO_MMR_BAR_UPPER_HALF)
		mmr->bar_registers[1].provided = true;
	if (found->placement.fate == VIRTIO_MMR_BAR0_MOVED)
		mmr->bar_registers[found->placement.slot] = (struct virtio_mmr_bar_register){
			.provided = true,
			.size = found->function.bar_size[0],
			.type = PCI_BASE_ADDRESS_SPACE_MEMORY |
				PCI_BASE_ADDRESS_MEM_TYPE_32,
		};
}

/**
 * virtio_mmr_config_open - set the state that lasts from open to close
 * @mmr: the device, enabled by vfio-pci-core
 */
void virtio_mmr_config_open(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	unsigned int slot;

	for (slot = 0; slot < ARRAY_SIZE(mmr->bar_registers); slot++)
		mmr->bar_registers[slot].address = 0;
	mmr->command_io = false;
	/* A PF may have it set by firmware. */
	core->vconfig[PCI_COMMAND] &= ~PCI_COMMAND_IO;

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
