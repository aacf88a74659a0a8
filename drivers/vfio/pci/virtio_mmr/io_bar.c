// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthesised I/O BAR0. Accesses to it become accesses to the legacy registers in the
 * function's memory BAR. They have the semantics of a port.
 */
#include <linux/io.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/virtio_mmr.h>

#include "access.h"
#include "compat/compat.h"
#include "config_space.h"
#include "intx.h"
#include "io_bar.h"
#include "msix.h"
#include "notify.h"
#include "reset.h"
#include "trace.h"
#include "virtio_mmr/port.h"

static __always_inline void notify_queue(struct virtio_mmr_device *mmr, u16 queue,
					 bool reachable)
{
	virtio_mmr_notify(mmr, virtio_mmr_doorbell(mmr, queue), queue,
			  VIRTIO_MMR_NOTIFY_WRITES, reachable);
}

static __always_inline u32 register_read(void *context, u32 offset, u32 width)
{
	struct virtio_mmr_device *mmr = context;
	void __iomem *address = mmr->registers + offset;

	switch (width) {
	case 1:
		return ioread8(address);
	case 2:
		return ioread16(address);
	default:
		return ioread32(address);
	}
}

static __always_inline void register_write(void *context, u32 offset, u32 width, u32 value)
{
	struct virtio_mmr_device *mmr = context;
	void __iomem *address = mmr->registers + offset;

	switch (width) {
	case 1:
		iowrite8(value, address);
		break;
	case 2:
		iowrite16(value, address);
		break;
	default:
		iowrite32(value, address);
		break;
	}
}

/* Notifies the device for a piece of a larger write */
static noinline void piece_notify(void *context, u16 queue)
{
	notify_queue(context, queue, true);
}

/* Without the guest's INTx interrupt, which differs from the device's */
const struct virtio_mmr_port_ops virtio_mmr_registers = {
	.read = register_read,
	.write = register_write,
	.notify = piece_notify,
};

static __always_inline u32 guest_read(void *context, u32 offset, u32 width)
{
	struct virtio_mmr_device *mmr = context;

	if (offset == VIRTIO_MMR_ISR_STATUS)
		return virtio_mmr_intx_read_isr(mmr, mmr->registers + VIRTIO_MMR_ISR_STATUS);
	return register_read(context, offset, width);
}

static const struct virtio_mmr_port_ops guest_registers = {
	.read = guest_read,
	.write = register_write,
	.notify = piece_notify,
};

/**
 * struct access - one access of the user to the I/O BAR
 * @write: whether it is a write
 * @awake: a reference keeps the function from runtime suspend
 * @reset: whether a piece of the access is a reset
 * @refused: the queue that the device refused a vector for in a piece of the access
 * @unreachable: at least one piece did not touch the function
 * @error: -EIO if the function does not leave its runtime power state, or 0
 */
struct access {
	bool write;
	bool awake;
	struct virtio_mmr_port_reset reset;
	int refused;
	bool unreachable;
	int error;
};

/* Returns whether the function is kept from runtime suspend for the rest of the access. */
static noinline bool keep_awake(struct virtio_mmr_device *mmr, struct access *access)
{
	if (!access->awake && !access->error) {
		access->error = virtio_mmr_wake(mmr);
		access->awake = !access->error;
	}
	return access->awake;
}

/*
 * Replaces virtio_mmr_access_begin() here. From open to close vfio-pci-core keeps the function
 * from runtime suspend. The user can change that (VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY), from
 * another thread and at any time. Then an access wakes the function up, as an access through
 * vfio-pci-core does. Runtime resume takes memory_lock, so the access begins anew.
 */
static __always_inline bool begin(struct virtio_mmr_device *mmr,
				  struct access *access)
{
	if (likely(virtio_mmr_access_begin(mmr, access->awake)))
		return true;
	return !access->awake && keep_awake(mmr, access) &&
	       virtio_mmr_access_begin(mmr, true);
}

/* The piece does not reach the device. A failed resume is counted as a refusal instead. */
static noinline void miss(struct virtio_mmr_device *mmr, struct access *access,
			  struct virtio_mmr_piece *piece, const u8 *data)
{
	if (access->write && piece->target == VIRTIO_MMR_TARGET_NOTIFY)
		notify_queue(mmr, virtio_mmr_get_le16(data), false);
	piece->target = VIRTIO_MMR_TARGET_NOTHING;

	if (!access->unreachable && !access->error)
		virtio_mmr_count(mmr, VIRTIO_MMR_IO_BAR_UNREACHABLE);
	access->unreachable = true;
}

static noinline void piece_written(struct virtio_mmr_device *mmr, struct access *access,
				   const struct virtio_mmr_piece *piece, const u8 *data)
{
	bool shared = virtio_mmr_vectors_share(&mmr->intx.vectors);

	WRITE_ONCE(mmr->intx.is_modern, false);
	access->refused = virtio_mmr_vectors_written(&mmr->intx.vectors,
						     virtio_mmr_intx_is_engaged(mmr),
						     &virtio_mmr_registers, mmr, piece, data);
	if (!shared && virtio_mmr_vectors_share(&mmr->intx.vectors))
		virtio_mmr_msix_forget_changes(mmr);
}

static __always_inline void write_piece(struct virtio_mmr_device *mmr, struct access *access,
					const struct virtio_mmr_piece *piece, const u8 *data)
{
	virtio_mmr_port_write_piece(&guest_registers, mmr, piece, data, &access->reset);
	if (unlikely(virtio_mmr_port_sets_up(piece->offset, piece->width)) &&
	    piece->target == VIRTIO_MMR_TARGET_REGISTER)
		piece_written(mmr, access, piece, data);
}

/*
 * Does one device access. The locks keep the function touchable and its MSI-X state unchanged:
 * vfio-pci-core switches MSI-X with memory_lock held for write. A piece is decoded under the
 * lock because its bounds depend on that state. The bounds are irrelevant for a piece that
 * misses the function. Returns the piece. Its target is the place that was touched.
 */
static __always_inline struct virtio_mmr_piece
perform_piece(struct virtio_mmr_device *mmr, struct access *access, u32 offset,
	      u8 *data, u32 count)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	struct virtio_mmr_layout device, guest;
	struct virtio_mmr_piece piece;
	bool reachable;

	reachable = begin(mmr, access);

	/* The guest's layout is the device's, unless MSI-X serves its INTx interrupt. */
	device.has_vectors = core->pdev->msix_enabled;
	guest = virtio_mmr_interrupt_guest_layout(&mmr->intx.state, &device);
	piece = virtio_mmr_next_piece(&guest, &device, mmr->scan.cap.length, offset, count);
	if (unlikely(!reachable || !mmr->view.command_io))
		miss(mmr, access, &piece, data);

	if (!access->write)
		virtio_mmr_port_read_piece(&guest_registers, mmr, &piece, data);
	else
		write_piece(mmr, access, &piece, data);

	if (likely(reachable))
		virtio_mmr_access_end(mmr);
	return piece;
}

/* Has a copy of the value, so that the compiler keeps nothing for it without tracing */
static noinline u32 trace_piece(struct virtio_mmr_device *mmr, struct access *access,
				u32 offset, u8 *data, u32 count)
{
	struct virtio_mmr_piece piece = perform_piece(mmr, access, offset, data, count);
	__le32 value = 0;

	memcpy(&value, data, piece.width);
	trace_virtio_mmr_access(mmr->core_device.pdev, offset, piece.width,
				le32_to_cpu(value), access->write,
				piece.target != VIRTIO_MMR_TARGET_NOTHING);
	return piece.width;
}

static u32 access_piece(struct virtio_mmr_device *mmr, struct access *access,
			u32 offset, u8 *data, u32 count)
{
	if (trace_virtio_mmr_access_enabled())
		return trace_piece(mmr, access, offset, data, count);
	return perform_piece(mmr, access, offset, data, count).width;
}

/*
 * Prepares the function for a write that makes the device live, and that it will get. Returns
 * false if the function cannot be reached now, or the guest's interrupt is off.
 */
static noinline bool start(struct virtio_mmr_device *mmr, struct access *access, u32 offset,
			   const u8 *data, u32 count)
{
	unsigned int starts = virtio_mmr_vectors_starts(offset, data, count);

	/* After the write this pairs with turn_on() of intx.c */
	smp_mb();
	/* A legacy driver's own reset is over when its OUT returns */
	virtio_mmr_intx_hold(mmr, false);
	/* Nothing new to prepare */
	if (!(starts & ~READ_ONCE(mmr->mastered)) && !virtio_mmr_intx_needs_start(mmr, starts))
		return virtio_mmr_intx_is_started(mmr, starts);
	if (!READ_ONCE(mmr->view.command_io) || READ_ONCE(mmr->away) ||
	    !keep_awake(mmr, access))
		return false;
	virtio_mmr_config_master(mmr, starts);
	return virtio_mmr_intx_start(mmr, starts) && !(starts & ~READ_ONCE(mmr->mastered));
}

static int access_io_bar(struct virtio_mmr_device *mmr, struct access *access,
			 u32 offset, u8 *data, u32 count)
{
	bool started = true;
	u32 done;

	if (access->write && unlikely(virtio_mmr_port_sets_up(offset, count)))
		started = start(mmr, access, offset, data, count);

	for (done = 0; done < count;) {
		access->reset.asked = false;
		access->refused = VIRTIO_MMR_REFUSED_NONE;
		done += access_piece(mmr, access, offset + done, data + done,
				     count - done);
		if (unlikely(access->refused != VIRTIO_MMR_REFUSED_NONE))
			virtio_mmr_msix_refused(mmr, access->refused);
		if (likely(!access->reset.asked))
			continue;
		virtio_mmr_device_was_reset(mmr);
		/* The guest expects that a reset is over when its OUT returns. */
		if (access->reset.status && keep_awake(mmr, access))
			virtio_mmr_wait_for_reset(mmr, true);
	}
	/*
	 * A reset of the function may have ended just before the device got the write, or the
	 * user has turned the interrupt on.
	 */
	if (unlikely(!started) && !access->unreachable)
		start(mmr, access, offset, data, count);
	if (unlikely(access->awake))
		virtio_mmr_let_sleep(mmr);
	return access->error;
}

/* The widths of a guest's IN and OUT */
union register_value {
	u8 bytes[4];
	u8 byte;
	u16 word;
	u32 dword;
};

static int get_register_value(union register_value *value, const char __user *buf,
			      size_t count)
{
	switch (count) {
	case 1:
		return get_user(value->byte, (const u8 __user *)buf);
	case 2:
		return get_user(value->word, (const u16 __user *)buf);
	case 4:
		return get_user(value->dword, (const u32 __user *)buf);
	}
	return copy_from_user(value->bytes, buf, count) ? -EFAULT : 0;
}

static int put_register_value(const union register_value *value, char __user *buf,
			      size_t count)
{
	switch (count) {
	case 1:
		return put_user(value->byte, (u8 __user *)buf);
	case 2:
		return put_user(value->word, (u16 __user *)buf);
	case 4:
		return put_user(value->dword, (u32 __user *)buf);
	}
	return copy_to_user(buf, value->bytes, count) ? -EFAULT : 0;
}

static int read_register(struct virtio_mmr_device *mmr, struct access *access,
			 u32 offset, char __user *buf, size_t count)
{
	union register_value value;
	int ret;

	ret = access_io_bar(mmr, access, offset, value.bytes, count);
	return ret ? ret : put_register_value(&value, buf, count);
}

static int write_register(struct virtio_mmr_device *mmr, struct access *access,
			  u32 offset, const char __user *buf, size_t count)
{
	union register_value value;

	/* Not under memory_lock: the fault handler takes it. */
	if (get_register_value(&value, buf, count))
		return -EFAULT;
	return access_io_bar(mmr, access, offset, value.bytes, count);
}

/* Not inlined above: kernels may zero a buffer of this size at each call. */
static noinline int read_many(struct virtio_mmr_device *mmr, struct access *access,
			      u32 offset, char __user *buf, size_t count)
{
	u8 data[VIRTIO_MMR_IO_BAR_SIZE_MAX];
	int ret;

	ret = access_io_bar(mmr, access, offset, data, count);
	if (ret)
		return ret;
	return copy_to_user(buf, data, count) ? -EFAULT : 0;
}

static noinline int write_many(struct virtio_mmr_device *mmr, struct access *access,
			       u32 offset, const char __user *buf, size_t count)
{
	u8 data[VIRTIO_MMR_IO_BAR_SIZE_MAX];

	if (copy_from_user(data, buf, count))
		return -EFAULT;
	return access_io_bar(mmr, access, offset, data, count);
}

static noinline int refuse(struct virtio_mmr_device *mmr, int error)
{
	virtio_mmr_count(mmr, VIRTIO_MMR_REFUSALS);
	return error;
}

static bool is_inside(const struct virtio_mmr_device *mmr, loff_t pos, size_t count)
{
	return pos < mmr->view.io_bar_size && count <= mmr->view.io_bar_size - pos;
}

/**
 * virtio_mmr_io_bar_read - read from the I/O BAR
 * @mmr: the device
 * @buf: where to
 * @count: bytes, at most the rest of the BAR
 * @ppos: position in the I/O BAR's region, advanced by @count
 *
 * Reads all ones beyond the window's length. All of the BAR reads all ones while COMMAND.IO is
 * clear, in D3 and while the function is being reset.
 *
 * Return: @count or an error. -EINVAL for an access that is not inside the BAR. -EIO if the
 * function does not leave its runtime power state, or -EFAULT.
 */
ssize_t virtio_mmr_io_bar_read(struct virtio_mmr_device *mmr, char __user *buf,
			       size_t count, loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	struct access access = { .write = false };
	int ret;

	if (!is_inside(mmr, pos, count))
		return refuse(mmr, -EINVAL);
	if (count <= sizeof(union register_value))
		ret = read_register(mmr, &access, pos, buf, count);
	else
		ret = read_many(mmr, &access, pos, buf, count);
	if (ret)
		return refuse(mmr, ret);
	virtio_mmr_count(mmr, VIRTIO_MMR_IO_BAR_READS);

	*ppos += count;
	return count;
}

/* Counts a notification that is lost, with or without an error */
static noinline void drop_notify(struct virtio_mmr_device *mmr, struct access *access,
				 u16 queue)
{
	notify_queue(mmr, queue, false);
	if (!access->error)
		virtio_mmr_count(mmr, VIRTIO_MMR_IO_BAR_UNREACHABLE);
}

/* Handles the only access on the data path, which needs no decoding. */
static int write_notify(struct virtio_mmr_device *mmr, const char __user *buf)
{
	struct access access = { .write = true };
	bool reachable;
	__le16 queue;

	if (get_user(queue, (const __le16 __user *)buf))
		return -EFAULT;
	reachable = begin(mmr, &access);
	if (likely(reachable && mmr->view.command_io))
		notify_queue(mmr, le16_to_cpu(queue), true);
	else
		drop_notify(mmr, &access, le16_to_cpu(queue));
	if (likely(reachable))
		virtio_mmr_access_end(mmr);
	if (unlikely(access.awake))
		virtio_mmr_let_sleep(mmr);
	return access.error;
}

/**
 * virtio_mmr_io_bar_write - write to the I/O BAR
 * @mmr: the device
 * @buf: where from
 * @count: bytes, at most the rest of the BAR
 * @ppos: position in the I/O BAR's region, advanced by @count
 *
 * Writes are dropped wherever virtio_mmr_io_bar_read() reads all ones. A write to device status
 * or queue address has reached the device when this returns. A reset by device status is then
 * complete, or 1 s has passed.
 *
 * Return: as virtio_mmr_io_bar_read().
 */
ssize_t virtio_mmr_io_bar_write(struct virtio_mmr_device *mmr,
				const char __user *buf, size_t count,
			      loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	struct access access = { .write = true };
	int ret;

	if (!is_inside(mmr, pos, count))
		return refuse(mmr, -EINVAL);
	if (pos == VIRTIO_MMR_QUEUE_NOTIFY && count == sizeof(u16))
		ret = write_notify(mmr, buf);
	else if (count <= sizeof(union register_value))
		ret = write_register(mmr, &access, pos, buf, count);
	else
		ret = write_many(mmr, &access, pos, buf, count);
	if (ret)
		return refuse(mmr, ret);
	virtio_mmr_count(mmr, VIRTIO_MMR_IO_BAR_WRITES);

	*ppos += count;
	return count;
}

/**
 * virtio_mmr_layout_report - count and trace a switch of the register layout
 * @mmr: the device, after a call of vfio-pci-core that may have switched MSI-X
 */
void virtio_mmr_layout_report(struct virtio_mmr_device *mmr)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	/*
	 * This does not take memory_lock, which a reset may hold for long. Another thread that
	 * switches MSI-X reports after its switch, so that each switch counts once.
	 */
	bool has_vectors = pdev->msix_enabled && !virtio_mmr_intx_is_engaged(mmr);

	if (xchg(&mmr->has_vectors, has_vectors) != has_vectors) {
		virtio_mmr_count(mmr, VIRTIO_MMR_LAYOUT_SWITCHES);
		trace_virtio_mmr_layout(pdev, has_vectors);
	}
}

/**
 * virtio_mmr_io_bar_open - map the legacy registers
 * @mmr: the device, enabled by vfio-pci-core, which unmaps the BARs at close
 *
 * This maps the other memory BARs as well. On some kernels vfio-pci-core maps a BAR at its
 * first use, without a lock. An ioeventfd may come at the same time. If a BAR cannot be mapped
 * here, its later use fails.
 *
 * Return: 0 or a negative error.
 */
int virtio_mmr_io_bar_open(struct virtio_mmr_device *mmr)
{
	void __iomem *mapping;
	u8 bar;

	mmr->common_config = NULL;
	mmr->isr = NULL;
	for (bar = 0; bar < VIRTIO_MMR_NUM_BARS; bar++) {
		if (mmr->scan.function.bar_kind[bar] != VIRTIO_MMR_BAR_MEMORY)
			continue;
		mapping = virtio_mmr_compat_iomap(&mmr->core_device, bar);
		if (!IS_ERR(mapping) && mmr->scan.has_common_config &&
		    bar == mmr->scan.common_config.bar)
			mmr->common_config = mapping + mmr->scan.common_config.offset;
		if (!IS_ERR(mapping) && mmr->scan.has_isr && bar == mmr->scan.isr.bar)
			mmr->isr = mapping + mmr->scan.isr.offset;
		if (bar != mmr->scan.cap.bar)
			continue;
		if (IS_ERR(mapping))
			return PTR_ERR(mapping);
		mmr->registers = mapping + mmr->scan.cap.offset;
	}
	return 0;
}
