// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthesised I/O BAR0: accesses to it become accesses to the legacy
 * registers in the function's memory BAR, with the semantics of a port.
 */
#include <linux/io.h>
#include <linux/pm_runtime.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/virtio_mmr.h>

#include "common.h"
#include "compat/compat.h"
#include "layout.h"
#include "trace.h"

static void piece_read(struct virtio_mmr_device *mmr,
		       const struct virtio_mmr_piece *piece, u8 *data)
{
	void __iomem *address = mmr->registers + piece->offset;

	if (piece->target == VIRTIO_MMR_TARGET_NOTHING) {
		memset(data, 0xff, piece->width);
		return;
	}

	switch (piece->width) {
	case 1:
		*data = ioread8(address);
		break;
	case 2:
		put_unaligned_le16(ioread16(address), data);
		break;
	case 4:
		put_unaligned_le32(ioread32(address), data);
		break;
	}
}

static void piece_write(struct virtio_mmr_device *mmr,
			const struct virtio_mmr_piece *piece, const u8 *data)
{
	void __iomem *address = mmr->registers + piece->offset;

	switch (piece->target) {
	case VIRTIO_MMR_TARGET_NOTHING:
		return;
	case VIRTIO_MMR_TARGET_NOTIFY:
		virtio_mmr_notify(mmr, get_unaligned_le16(data),
				  VIRTIO_MMR_NOTIFY_WRITES, true);
		return;
	case VIRTIO_MMR_TARGET_REGISTER:
		break;
	}

	switch (piece->width) {
	case 1:
		iowrite8(*data, address);
		break;
	case 2:
		iowrite16(get_unaligned_le16(data), address);
		break;
	case 4:
		iowrite32(get_unaligned_le32(data), address);
		break;
	}
}

/*
 * An OUT is complete when it returns, a memory write is not. Legacy drivers
 * free or reuse memory after these two, so the write must have arrived.
 */
static bool needs_flush(const struct virtio_mmr_piece *piece)
{
	return virtio_mmr_piece_covers(piece, VIRTIO_MMR_DEVICE_STATUS, 1) ||
	       virtio_mmr_piece_covers(piece, VIRTIO_MMR_QUEUE_ADDRESS, 4);
}

static void trace_piece(struct virtio_mmr_device *mmr, u32 offset,
			const struct virtio_mmr_piece *piece, const u8 *data,
			bool write)
{
	__le32 value = 0;

	if (!trace_virtio_mmr_access_enabled())
		return;
	memcpy(&value, data, piece->width);
	trace_virtio_mmr_access(mmr->core_device.pdev, offset, piece->width,
				le32_to_cpu(value), write,
				piece->target != VIRTIO_MMR_TARGET_NOTHING);
}

/* What one access of the user came to, summed up over its pieces */
struct outcome {
	u8 status;		/* what device status read after a write of 0 to it */
	bool unreachable;	/* the function was not touched, for a time at least */
};

/*
 * One device access, under the locks that keep the function touchable and its
 * MSI-X state still: vfio-pci-core switches MSI-X with memory_lock held for
 * write. A piece is decoded under the lock because its bounds depend on that
 * state. Returns its width.
 */
static u32 access_piece(struct virtio_mmr_device *mmr, u32 offset, u8 *data,
			u32 count, bool write, struct outcome *outcome)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	struct virtio_mmr_layout layout;
	struct virtio_mmr_piece piece;
	bool reachable;

	reachable = virtio_mmr_access_begin(mmr);

	/* The guest's layout is the device's: their MSI-X states are equal. */
	layout.has_vectors = core->pdev->msix_enabled;
	piece = virtio_mmr_next_piece(&layout, &layout, mmr->found.cap.length,
				      offset, count);
	if (!reachable || !mmr->command_io) {
		if (write && piece.target == VIRTIO_MMR_TARGET_NOTIFY)
			virtio_mmr_count(mmr, VIRTIO_MMR_NOTIFY_DROPPED);
		piece.target = VIRTIO_MMR_TARGET_NOTHING;
		outcome->unreachable = true;
	}

	if (!write) {
		piece_read(mmr, &piece, data);
	} else {
		piece_write(mmr, &piece, data);
		if (needs_flush(&piece)) {
			u8 flushed = ioread8(mmr->registers + VIRTIO_MMR_DEVICE_STATUS);

			if (piece.offset == VIRTIO_MMR_DEVICE_STATUS && !*data) {
				outcome->status = flushed;
				virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_DEVICE);
			}
		}
	}

	virtio_mmr_access_end(mmr);
	trace_piece(mmr, offset, &piece, data, write);
	return piece.width;
}

static void access_bar0(struct virtio_mmr_device *mmr, u32 offset, u8 *data,
			u32 count, bool write)
{
	struct outcome outcome = {};
	u32 done;

	for (done = 0; done < count;) {
		outcome.status = 0;
		done += access_piece(mmr, offset + done, data + done,
				     count - done, write, &outcome);
		/* A reset through a port is over when the OUT returns. */
		if (outcome.status)
			virtio_mmr_wait_for_reset(mmr);
	}
	if (outcome.unreachable)
		virtio_mmr_count(mmr, VIRTIO_MMR_IO_BAR_UNREACHABLE);
}

/* Wake the function up and check that an access lies inside BAR0. */
static int begin_access(struct virtio_mmr_device *mmr, loff_t pos, size_t count)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	int ret;

	if (pos >= mmr->io_bar_size || count > mmr->io_bar_size - pos)
		return -EINVAL;

	ret = pm_runtime_resume_and_get(&pdev->dev);
	if (ret < 0) {
		pci_info_ratelimited(pdev, "access to BAR0 at 0x%llx failed, the function does not resume: error %d\n",
				     pos, ret);
		return -EIO;
	}
	return 0;
}

static void end_access(struct virtio_mmr_device *mmr)
{
	pm_runtime_put(&mmr->core_device.pdev->dev);
}

/**
 * virtio_mmr_bar0_read - read from the I/O BAR
 * @mmr: the device
 * @buf: where to
 * @count: bytes, at most what is left of the BAR
 * @ppos: position in the I/O BAR's region, advanced by @count
 *
 * Reads all ones while COMMAND.IO is clear, beyond the window's length, in D3
 * and while the function is being reset.
 *
 * Return: @count, or -EINVAL for an access that is not inside the BAR, -EIO if
 * the function does not leave its runtime power state, -EFAULT.
 */
ssize_t virtio_mmr_bar0_read(struct virtio_mmr_device *mmr, char __user *buf,
			     size_t count, loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 data[VIRTIO_MMR_IO_BAR_SIZE_MAX];
	int ret;

	ret = begin_access(mmr, pos, count);
	if (ret)
		return ret;
	access_bar0(mmr, pos, data, count, false);
	end_access(mmr);

	if (copy_to_user(buf, data, count))
		return -EFAULT;
	*ppos += count;
	return count;
}

/* The one access on the data path needs no decoding. */
static ssize_t write_notify(struct virtio_mmr_device *mmr, const char __user *buf,
			    loff_t *ppos)
{
	bool reachable;
	__le16 queue;
	int ret;

	if (get_user(queue, (const __le16 __user *)buf))
		return -EFAULT;
	ret = begin_access(mmr, VIRTIO_MMR_QUEUE_NOTIFY, sizeof(queue));
	if (ret)
		return ret;
	reachable = virtio_mmr_access_begin(mmr) && mmr->command_io;
	virtio_mmr_notify(mmr, le16_to_cpu(queue), VIRTIO_MMR_NOTIFY_WRITES, reachable);
	virtio_mmr_access_end(mmr);
	end_access(mmr);

	if (!reachable)
		virtio_mmr_count(mmr, VIRTIO_MMR_IO_BAR_UNREACHABLE);

	*ppos += sizeof(queue);
	return sizeof(queue);
}

/**
 * virtio_mmr_bar0_write - write to the I/O BAR
 * @mmr: the device
 * @buf: where from
 * @count: bytes, at most what is left of the BAR
 * @ppos: position in the I/O BAR's region, advanced by @count
 *
 * Writes are dropped where virtio_mmr_bar0_read() reads all ones. A write to
 * device status or queue address has reached the device when this returns, and
 * a reset by device status is complete, or has had 1 s.
 *
 * Return: as virtio_mmr_bar0_read().
 */
ssize_t virtio_mmr_bar0_write(struct virtio_mmr_device *mmr,
			      const char __user *buf, size_t count,
			      loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 data[VIRTIO_MMR_IO_BAR_SIZE_MAX];
	int ret;

	if (pos == VIRTIO_MMR_QUEUE_NOTIFY && count == sizeof(u16))
		return write_notify(mmr, buf, ppos);

	ret = begin_access(mmr, pos, count);
	if (ret)
		return ret;
	/* Not under memory_lock, which the fault handler takes. */
	if (copy_from_user(data, buf, count)) {
		end_access(mmr);
		return -EFAULT;
	}
	access_bar0(mmr, pos, data, count, true);
	end_access(mmr);

	*ppos += count;
	return count;
}

/**
 * virtio_mmr_bar0_region_info - describe region 0
 * @mmr: the device
 * @info: to fill but for argsz
 *
 * It can be read and written, not mapped: ports have no memory behind them.
 */
void virtio_mmr_bar0_region_info(const struct virtio_mmr_device *mmr,
				 struct vfio_region_info *info)
{
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(virtio_mmr_io_bar_region(mmr));
	info->size = mmr->io_bar_size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->cap_offset = 0;
}

/**
 * virtio_mmr_layout_report - count and trace a switch of the register layout
 * @mmr: the device, after vfio-pci-core did what may have switched MSI-X
 */
void virtio_mmr_layout_report(struct virtio_mmr_device *mmr)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	bool has_vectors, changed;

	/* Who switches MSI-X has this for write; others may report, too. */
	down_read(&mmr->core_device.memory_lock);
	has_vectors = pdev->msix_enabled;
	changed = xchg(&mmr->has_vectors, has_vectors) != has_vectors;
	up_read(&mmr->core_device.memory_lock);

	if (changed) {
		virtio_mmr_count(mmr, VIRTIO_MMR_LAYOUT_SWITCHES);
		trace_virtio_mmr_layout(pdev, has_vectors);
	}
}

/**
 * virtio_mmr_bar0_open - map the legacy registers
 * @mmr: the device, enabled by vfio-pci-core, which unmaps at close
 *
 * Return: 0 or a negative error.
 */
int virtio_mmr_bar0_open(struct virtio_mmr_device *mmr)
{
	void __iomem *bar = virtio_mmr_compat_iomap(&mmr->core_device,
						    mmr->found.cap.bar);

	if (IS_ERR(bar))
		return PTR_ERR(bar);
	mmr->registers = bar + mmr->found.cap.offset;
	return 0;
}
