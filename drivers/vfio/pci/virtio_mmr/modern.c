// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modern drivers without MSI-X. A transitional function shows both interfaces, and its INTx
 * interrupt serves both. So the driver must see when a queue is enabled, when device status
 * changes, and when ISR status is read. Their pages are not mapped into the guest where that
 * costs notifications nothing, so the user reads and writes them here.
 */
#include <linux/io.h>
#include <linux/kernel.h>
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
	case VIRTIO_MMR_QUEUE_ADDRESS + 1:
		return VIRTIO_PCI_COMMON_Q_ENABLE + offset - VIRTIO_MMR_QUEUE_ADDRESS;
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
	void __iomem *address = mmr->common_config + modern_offset(offset);

	if (width == 1)
		iowrite8(value, address);
	else
		iowrite16(value, address);
}

/*
 * The four registers that the core uses for vectors: a queue with an address is here a queue
 * that is enabled. All of them have 16 bits. The guest may write queue_enable by bytes.
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
	PLACE_VECTOR,
	PLACE_ISR,
};

/* Registers of the common configuration that matter for a guest without MSI-X */
static const struct {
	enum place place;
	u8 offset;
	u8 width;
	bool read;
} registers[] = {
	{ PLACE_VECTOR, VIRTIO_PCI_COMMON_MSIX, 2, true },
	{ PLACE_STATUS, VIRTIO_PCI_COMMON_STATUS, 1, false },
	{ PLACE_VECTOR, VIRTIO_PCI_COMMON_Q_MSIX, 2, true },
	{ PLACE_ENABLE, VIRTIO_PCI_COMMON_Q_ENABLE, 2, false },
};

/* Whether @at is one of the @width bytes at @start. If not, they may be the next place. */
static bool is_at(loff_t at, loff_t start, unsigned int width, loff_t *next)
{
	if (at < start)
		*next = min(*next, start);
	return at >= start && at < start + width;
}

/*
 * Returns the place at a position. @next is its end, or the next place if vfio-pci-core handles
 * this one. The size of an access is the user's, and most of it may lie beyond the BAR, so
 * nothing looks at it byte by byte.
 */
static enum place find_place(const struct virtio_mmr_device *mmr, unsigned int bar, loff_t at,
			     bool write, loff_t *next)
{
	bool has_vectors = !virtio_mmr_intx_is_engaged(mmr);
	loff_t start;
	size_t i;

	*next = LLONG_MAX;
	if (!write && mmr->isr && bar == mmr->scan.isr.bar) {
		start = mmr->scan.isr.offset;
		if (is_at(at, start, 1, next)) {
			*next = start + 1;
			return PLACE_ISR;
		}
	}
	if (!mmr->common_config || bar != mmr->scan.common_config.bar)
		return PLACE_ELSEWHERE;
	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		/* The guest's own if it uses MSI-X */
		if (registers[i].place == PLACE_VECTOR ? has_vectors :
							 !write && !registers[i].read)
			continue;
		start = (loff_t)mmr->scan.common_config.offset + registers[i].offset;
		if (is_at(at, start, registers[i].width, next)) {
			*next = start + registers[i].width;
			return registers[i].place;
		}
	}
	return PLACE_ELSEWHERE;
}

/* Whether a BAR of the function, or any other region, has registers that INTx must see */
static bool is_in(const struct virtio_mmr_device *mmr, unsigned int bar)
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
	struct virtio_mmr_vectors *vectors = &mmr->intx.vectors;
	bool shared = virtio_mmr_vectors_share(vectors);
	int refused = VIRTIO_MMR_REFUSED_NONE;
	u8 status;

	if (get_user(status, (const u8 __user *)buf))
		return -EFAULT;
	if (!virtio_mmr_access_begin(mmr, true))
		return -EIO;
	/* The device may interrupt until its reset is over, and as soon as it is set up */
	virtio_mmr_intx_hold(mmr, !status);
	iowrite8(status, mmr->common_config + VIRTIO_PCI_COMMON_STATUS);
	if (!status) {
		virtio_mmr_vectors_reset(vectors);
	} else {
		WRITE_ONCE(mmr->intx.is_modern, true);
		if (virtio_mmr_intx_is_engaged(mmr))
			refused = virtio_mmr_vectors_set_config(vectors,
								&virtio_mmr_modern_registers,
								mmr);
		if (!shared && virtio_mmr_vectors_share(vectors))
			virtio_mmr_msix_forget_changes(mmr);
	}
	virtio_mmr_access_end(mmr);
	virtio_mmr_msix_refused(mmr, refused);
	if (!status)
		virtio_mmr_device_was_reset(mmr);
	return 0;
}

static int write_enable(struct virtio_mmr_device *mmr, const char __user *buf,
			unsigned int shift, size_t width)
{
	u8 bytes[2] = {};
	bool started = true;
	int refused;
	u16 value;

	if (copy_from_user(bytes, buf, width))
		return -EFAULT;
	value = virtio_mmr_get_le16(bytes);
	if (value) {
		WRITE_ONCE(mmr->intx.is_modern, true);
		started = virtio_mmr_intx_start(mmr, VIRTIO_MMR_STARTS_QUEUE);
	}
	if (!virtio_mmr_access_begin(mmr, true))
		return -EIO;
	refused = virtio_mmr_vectors_enable(&mmr->intx.vectors, virtio_mmr_intx_is_engaged(mmr),
					    &virtio_mmr_modern_registers, mmr, shift, width,
					    value);
	virtio_mmr_access_end(mmr);
	virtio_mmr_msix_refused(mmr, refused);
	/* As for the I/O BAR */
	if (!started) {
		/* Pairs with turn_on() of intx.c */
		smp_mb();
		virtio_mmr_intx_start(mmr, VIRTIO_MMR_STARTS_QUEUE);
	}
	return 0;
}

static const u8 no_vector[] = { 0xff, 0xff };

/* Reads or writes as much as belongs together, at least one byte */
static ssize_t access_part(struct virtio_mmr_device *mmr, char __user *buf, size_t count,
			   loff_t *ppos, bool write)
{
	unsigned int bar = VFIO_PCI_OFFSET_TO_INDEX(*ppos);
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	enum place place;
	size_t width;
	loff_t next;
	int ret;

	place = find_place(mmr, bar, pos, write, &next);
	width = min_t(loff_t, count, next - pos);
	if (place == PLACE_ELSEWHERE) {
		if (write)
			return vfio_pci_core_write(&mmr->core_device.vdev, buf, width, ppos);
		return vfio_pci_core_read(&mmr->core_device.vdev, buf, width, ppos);
	}

	ret = virtio_mmr_wake(mmr);
	if (ret)
		return ret;
	switch (place) {
	case PLACE_ISR:
		ret = read_isr(mmr, buf);
		break;
	case PLACE_STATUS:
		ret = write_status(mmr, buf);
		break;
	case PLACE_ENABLE:
		ret = write_enable(mmr, buf, 2 - (next - pos), width);
		break;
	default:
		/* No vector, for a guest that does not see MSI-X; its writes go nowhere */
		ret = write ? 0 : copy_to_user(buf, no_vector, width) ? -EFAULT : 0;
		break;
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
 * virtio_mmr_modern_read - read from a region that vfio-pci-core serves otherwise
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
	if (!is_in(mmr, VFIO_PCI_OFFSET_TO_INDEX(*ppos)))
		return vfio_pci_core_read(&mmr->core_device.vdev, buf, count, ppos);
	return access_all(mmr, buf, count, ppos, false);
}

/**
 * virtio_mmr_modern_write - write to a region that vfio-pci-core serves otherwise
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
	if (!is_in(mmr, VFIO_PCI_OFFSET_TO_INDEX(*ppos)))
		return vfio_pci_core_write(&mmr->core_device.vdev, buf, count, ppos);
	return access_all(mmr, (char __user *)buf, count, ppos, true);
}
