// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modern drivers without MSI-X. A transitional function shows both interfaces, and its INTx
 * interrupt serves both. So the driver must see when a queue is enabled, when device status
 * changes, and when ISR status is read. Their pages are not mapped into the guest where that
 * costs notifications nothing, so the user reads and writes them here.
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/uaccess.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "access.h"
#include "intx.h"
#include "modern.h"
#include "msix.h"
#include "reset.h"

/* The register of the common configuration that corresponds to one of the legacy registers */
static unsigned int modern_offset(u32 offset)
{
	switch (offset) {
	case VIRTIO_MMR_QUEUE_ADDRESS:
		return VIRTIO_PCI_COMMON_Q_ENABLE;
	case VIRTIO_MMR_QUEUE_SELECT:
		return VIRTIO_PCI_COMMON_Q_SELECT;
	case VIRTIO_MMR_CONFIG_VECTOR:
		return VIRTIO_PCI_COMMON_MSIX;
	default:
		return VIRTIO_PCI_COMMON_Q_MSIX;
	}
}

static u32 modern_read(void *context, u32 offset, u32 width)
{
	struct virtio_mmr_device *mmr = context;

	return ioread16(mmr->common_config + modern_offset(offset));
}

static void modern_write(void *context, u32 offset, u32 width, u32 value)
{
	struct virtio_mmr_device *mmr = context;

	iowrite16(value, mmr->common_config + modern_offset(offset));
}

/*
 * The four registers that the core uses for vectors: a queue with an address is here a queue
 * that is enabled. All of them have 16 bits.
 */
const struct virtio_mmr_port_ops virtio_mmr_modern_registers = {
	.read = modern_read,
	.write = modern_write,
};

/* How a byte of a BAR is handled */
enum place {
	PLACE_ELSEWHERE,	/* by vfio-pci-core */
	PLACE_STATUS,
	PLACE_ENABLE,
	PLACE_ISR,
};

/*
 * Returns the place at a position. If vfio-pci-core handles that one, @next is the position of
 * the next place that it does not handle. The size of an access is the user's, and most of it
 * may lie beyond the BAR, so nothing looks at it byte by byte.
 */
static enum place find_place(const struct virtio_mmr_device *mmr, unsigned int bar, loff_t at,
			     bool write, loff_t *next)
{
	const struct virtio_mmr_structure *common = &mmr->scan.common_config;
	loff_t status = (loff_t)common->offset + VIRTIO_PCI_COMMON_STATUS;
	loff_t enable = (loff_t)common->offset + VIRTIO_PCI_COMMON_Q_ENABLE;
	loff_t isr = mmr->scan.isr.offset;

	*next = LLONG_MAX;
	if (!write) {
		if (!mmr->isr || bar != mmr->scan.isr.bar || at > isr)
			return PLACE_ELSEWHERE;
		*next = isr;
		return at == isr ? PLACE_ISR : PLACE_ELSEWHERE;
	}
	if (!mmr->common_config || bar != common->bar || at > enable + 1)
		return PLACE_ELSEWHERE;
	if (at >= enable)
		return PLACE_ENABLE;
	*next = at > status ? enable : status;
	return at == status ? PLACE_STATUS : PLACE_ELSEWHERE;
}

/**
 * virtio_mmr_modern_is_in - whether a BAR has registers that the INTx interrupt must see
 * @mmr: the device, open
 * @bar: number of the function's BAR, or any other region
 *
 * Return: true if accesses to it go through this file.
 */
bool virtio_mmr_modern_is_in(const struct virtio_mmr_device *mmr, unsigned int bar)
{
	return virtio_mmr_view_pin(&mmr->view) &&
	       ((mmr->common_config && bar == mmr->scan.common_config.bar) ||
		(mmr->isr && bar == mmr->scan.isr.bar));
}

static int read_isr(struct virtio_mmr_device *mmr, char __user *buf)
{
	u8 value;

	if (!virtio_mmr_access_begin(mmr, true))
		return -EIO;
	value = virtio_mmr_intx_read_isr(mmr, mmr->isr);
	virtio_mmr_access_end(mmr);
	return put_user(value, (u8 __user *)buf);
}

static int write_status(struct virtio_mmr_device *mmr, const char __user *buf)
{
	int refused = VIRTIO_MMR_REFUSED_NONE;
	u8 status;

	if (get_user(status, (const u8 __user *)buf))
		return -EFAULT;
	if (!virtio_mmr_access_begin(mmr, true))
		return -EIO;
	iowrite8(status, mmr->common_config + VIRTIO_PCI_COMMON_STATUS);
	if (!status) {
		WRITE_ONCE(mmr->intx.vectors.queues_end, 0);
		if (virtio_mmr_vectors_share(&mmr->intx.vectors))
			virtio_mmr_msix_forget_changes(mmr);
	} else {
		WRITE_ONCE(mmr->intx.is_modern, true);
		if (virtio_mmr_intx_is_engaged(mmr))
			refused = virtio_mmr_vectors_set_config(&mmr->intx.vectors,
								&virtio_mmr_modern_registers,
								mmr);
	}
	virtio_mmr_access_end(mmr);
	virtio_mmr_msix_refused(mmr, refused);
	if (!status)
		virtio_mmr_device_was_reset(mmr);
	return 0;
}

/* A device may look at the vector when the queue is enabled, so it comes first. */
static int write_enable(struct virtio_mmr_device *mmr, const char __user *buf,
			unsigned int shift, size_t width)
{
	void __iomem *address = mmr->common_config + VIRTIO_PCI_COMMON_Q_ENABLE + shift;
	int refused = VIRTIO_MMR_REFUSED_NONE;
	u8 value[2] = {};
	bool enable, started = true;
	u16 queue;

	if (copy_from_user(value, buf, width))
		return -EFAULT;
	enable = value[0] || value[1];
	if (enable) {
		WRITE_ONCE(mmr->intx.is_modern, true);
		started = virtio_mmr_intx_start(mmr, VIRTIO_MMR_STARTS_QUEUE);
	}
	if (!virtio_mmr_access_begin(mmr, true))
		return -EIO;
	if (enable) {
		queue = ioread16(mmr->common_config + VIRTIO_PCI_COMMON_Q_SELECT);
		refused = virtio_mmr_vectors_queue(&mmr->intx.vectors,
						   virtio_mmr_intx_is_engaged(mmr),
						   &virtio_mmr_modern_registers, mmr, queue);
	}
	if (width == 2)
		iowrite16(virtio_mmr_get_le16(value), address);
	else
		iowrite8(value[0], address);
	virtio_mmr_access_end(mmr);
	virtio_mmr_msix_refused(mmr, refused);
	/* A reset of the function may have ended just before the device got the write. */
	if (!started)
		virtio_mmr_intx_start(mmr, VIRTIO_MMR_STARTS_QUEUE);
	return 0;
}

/* Reads or writes as much as belongs together, at least one byte */
static ssize_t access_part(struct virtio_mmr_device *mmr, char __user *buf, size_t count,
			   loff_t *ppos, bool write)
{
	unsigned int bar = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	unsigned int shift;
	size_t width = 1;
	enum place place;
	loff_t next;
	int ret;

	place = find_place(mmr, bar, pos, write, &next);
	if (place == PLACE_ELSEWHERE) {
		width = min_t(loff_t, count, next - pos);
		if (write)
			return vfio_pci_core_write(&mmr->core_device.vdev, buf, width, ppos);
		return vfio_pci_core_read(&mmr->core_device.vdev, buf, width, ppos);
	}

	ret = virtio_mmr_wake(mmr);
	if (ret)
		return ret;
	if (place == PLACE_ISR) {
		ret = read_isr(mmr, buf);
	} else if (place == PLACE_STATUS) {
		ret = write_status(mmr, buf);
	} else {
		shift = pos - mmr->scan.common_config.offset - VIRTIO_PCI_COMMON_Q_ENABLE;
		width = min_t(size_t, count, 2 - shift);
		ret = write_enable(mmr, buf, shift, width);
	}
	virtio_mmr_let_sleep(mmr);
	if (ret)
		return ret;
	*ppos += width;
	return width;
}

static ssize_t access_all(struct virtio_mmr_device *mmr, char __user *buf, size_t count,
			  loff_t *ppos, bool write)
{
	size_t done = 0;
	ssize_t ret;

	while (done < count) {
		ret = access_part(mmr, buf + done, count - done, ppos, write);
		/* vfio-pci-core ends an access at the end of the BAR, without an error. */
		if (ret <= 0)
			return done ? done : ret;
		done += ret;
	}
	return done;
}

/**
 * virtio_mmr_modern_read - read from a BAR with virtio_mmr_modern_is_in()
 * @mmr: the device
 * @buf: where to
 * @count: bytes
 * @ppos: position in the file, advanced by what was read
 *
 * Return: bytes read, or the error of vfio_pci_core_read() if there are none. -EIO if the
 * function cannot be reached, or -EFAULT.
 */
ssize_t virtio_mmr_modern_read(struct virtio_mmr_device *mmr, char __user *buf, size_t count,
			       loff_t *ppos)
{
	return access_all(mmr, buf, count, ppos, false);
}

/**
 * virtio_mmr_modern_write - write to a BAR with virtio_mmr_modern_is_in()
 * @mmr: the device
 * @buf: where from
 * @count: bytes
 * @ppos: position in the file, advanced by what was written
 *
 * Return: as virtio_mmr_modern_read().
 */
ssize_t virtio_mmr_modern_write(struct virtio_mmr_device *mmr, const char __user *buf,
				size_t count, loff_t *ppos)
{
	return access_all(mmr, (char __user *)buf, count, ppos, true);
}
