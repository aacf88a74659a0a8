// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_IOEVENTFD: an eventfd writes to the function, without a way through user space.
 * KVM can signal the eventfd for the guest's OUT or store. On Queue Notify of the I/O BAR the
 * eventfd rings the doorbell. Elsewhere it writes to a memory BAR.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/virtio_mmr.h>

#include "access.h"
#include "compat/compat.h"
#include "ioeventfd.h"
#include "notify.h"

/* The same limit as in vfio-pci-core (policy) */
#define IOEVENTFD_MAX	1000

/* Most writes in one batch, which keeps memory_lock and the CPU (policy) */
#define DEFERRED_BATCH	64

/* Time that a function may take to resume before its signals are dropped (policy) */
#define RESUME_TIMEOUT	(10 * HZ)

/* One eventfd and the write that it does */
struct virtio_mmr_ioeventfd {
	struct virtio_mmr_device *mmr;
	struct virqfd *virqfd;
	struct list_head entry;		/* in ioeventfds of the device */
	struct list_head deferred;	/* in deferred of the device, or empty */
	void __iomem *address;
	u64 position;			/* in the BAR, in bytes */
	u64 data;			/* as the user gave it; in the I/O BAR the queue */
	u8 bar;				/* of memory, or VIRTIO_MMR_IO_BAR */
	u8 width;			/* in bytes: 1, 2, 4 or 8 */
};

static noinline void write_memory(struct virtio_mmr_ioeventfd *ioeventfd)
{
	switch (ioeventfd->width) {
	case 1:
		iowrite8(ioeventfd->data, ioeventfd->address);
		break;
	case 2:
		iowrite16(ioeventfd->data, ioeventfd->address);
		break;
	case 4:
		iowrite32(ioeventfd->data, ioeventfd->address);
		break;
#ifdef writeq
	case 8:
		writeq(ioeventfd->data, ioeventfd->address);
		break;
#endif
	}
}

static __always_inline void write_function(struct virtio_mmr_ioeventfd *ioeventfd,
					   enum virtio_mmr_counter path, bool reachable)
{
	struct virtio_mmr_device *mmr = ioeventfd->mmr;

	if (likely(ioeventfd->bar == VIRTIO_MMR_IO_BAR))
		virtio_mmr_notify(mmr, ioeventfd->address, ioeventfd->data, path,
				  reachable && mmr->view.command_io);
	else if (reachable)
		write_memory(ioeventfd);
}

/*
 * The signalling context cannot wait for memory_lock, nor for a function that wakes up. The
 * work item cannot wait either: all of the kernel shares its queue. It tries again instead.
 */
static noinline void defer(struct virtio_mmr_ioeventfd *ioeventfd)
{
	struct virtio_mmr_device *mmr = ioeventfd->mmr;
	unsigned long flags;

	raw_spin_lock_irqsave(&mmr->opened->deferred_lock, flags);
	if (list_empty(&ioeventfd->deferred))
		list_add_tail(&ioeventfd->deferred, &mmr->opened->deferred);
	raw_spin_unlock_irqrestore(&mmr->opened->deferred_lock, flags);
	schedule_delayed_work(&mmr->opened->deferred_work, 0);
}

/* A signal during a reset is dropped: the guest's own OUT would be lost, too. */
static noinline void signalled_while_locked(struct virtio_mmr_ioeventfd *ioeventfd)
{
	if (READ_ONCE(ioeventfd->mmr->away))
		write_function(ioeventfd, VIRTIO_MMR_NOTIFY_IOEVENTFDS, false);
	else
		defer(ioeventfd);
}

/*
 * Runs in the signalling context, under the lock of the eventfd's wait queue. It also runs in
 * the ioctl that adds an eventfd, if that was signalled before.
 */
static int ioeventfd_handler(void *opaque, void *unused)
{
	struct virtio_mmr_ioeventfd *ioeventfd = opaque;
	struct virtio_mmr_device *mmr = ioeventfd->mmr;
	bool reachable;

	if (unlikely(!down_read_trylock(&mmr->core_device.memory_lock))) {
		signalled_while_locked(ioeventfd);
		return 0;
	}
	virtio_mmr_access_enter(mmr);
	reachable = virtio_mmr_is_reachable(mmr, false);
	if (unlikely(!reachable) && virtio_mmr_may_sleep(mmr))
		defer(ioeventfd);
	else
		write_function(ioeventfd, VIRTIO_MMR_NOTIFY_IOEVENTFDS, reachable);
	virtio_mmr_access_end(mmr);
	return 0;
}

static struct virtio_mmr_ioeventfd *next_deferred(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_ioeventfd *ioeventfd;

	raw_spin_lock_irq(&mmr->opened->deferred_lock);
	ioeventfd = list_first_entry_or_null(&mmr->opened->deferred, struct virtio_mmr_ioeventfd,
					     deferred);
	if (ioeventfd)
		list_del_init(&ioeventfd->deferred);
	raw_spin_unlock_irq(&mmr->opened->deferred_lock);
	return ioeventfd;
}

/* Writes one batch: signals can come as fast as these writes. */
static void write_deferred(struct virtio_mmr_device *mmr, bool reachable)
{
	struct virtio_mmr_ioeventfd *ioeventfd;
	unsigned int count;

	for (count = 0; count < DEFERRED_BATCH; count++) {
		ioeventfd = next_deferred(mmr);
		if (!ioeventfd)
			break;
		write_function(ioeventfd, VIRTIO_MMR_NOTIFY_DEFERRED, reachable);
	}
}

/*
 * Asks for the function to wake up. Returns 1 if it is awake, 0 if not yet, or a negative
 * error. The PM core does not always keep the error of a failed resume. So a resume that takes
 * too long counts as failed.
 */
static int wake_deferred(struct virtio_mmr_device *mmr)
{
	struct device *dev = &mmr->core_device.pdev->dev;
	int ret;

	if (!mmr->opened->deferred_awake) {
		pm_runtime_get_noresume(dev);
		mmr->opened->deferred_awake = true;
		mmr->opened->deferred_deadline = jiffies + RESUME_TIMEOUT;
	}
	ret = pm_request_resume(dev);
	if (ret && ret != -EINPROGRESS && ret != -EAGAIN)
		return ret;
	return time_after(jiffies, mmr->opened->deferred_deadline) ? -ETIMEDOUT : 0;
}

static void let_sleep_deferred(struct virtio_mmr_device *mmr)
{
	if (mmr->opened->deferred_awake)
		virtio_mmr_let_sleep(mmr);
	mmr->opened->deferred_awake = false;
}

static void ioeventfd_work(struct work_struct *work)
{
	struct virtio_mmr_opened *opened = container_of(to_delayed_work(work),
							struct virtio_mmr_opened,
							deferred_work);
	struct virtio_mmr_device *mmr = opened->mmr;
	struct rw_semaphore *lock = &mmr->core_device.memory_lock;
	int awake;

	/* The user may have removed their eventfds. */
	if (list_empty_careful(&opened->deferred)) {
		let_sleep_deferred(mmr);
		return;
	}

	awake = wake_deferred(mmr);
	if (awake < 0) {
		virtio_mmr_wake_failed(mmr, awake);
		write_deferred(mmr, false);
	} else if (awake && down_read_trylock(lock)) {
		virtio_mmr_access_enter(mmr);
		write_deferred(mmr, virtio_mmr_is_reachable(mmr, true));
		virtio_mmr_access_end(mmr);
	} else if (READ_ONCE(mmr->away)) {
		write_deferred(mmr, false);
	} else {
		schedule_delayed_work(&opened->deferred_work, 1);
		return;
	}
	/* Runs again for the next batch, or to let the function sleep */
	schedule_delayed_work(&opened->deferred_work, 0);
}

static struct virtio_mmr_ioeventfd *
find_ioeventfd(struct virtio_mmr_device *mmr, const struct virtio_mmr_ioeventfd *wanted)
{
	struct virtio_mmr_ioeventfd *ioeventfd;

	lockdep_assert_held(&mmr->opened->ioeventfds_lock);
	list_for_each_entry(ioeventfd, &mmr->opened->ioeventfds, entry)
		if (ioeventfd->bar == wanted->bar &&
		    ioeventfd->position == wanted->position &&
		    ioeventfd->width == wanted->width && ioeventfd->data == wanted->data)
			return ioeventfd;
	return NULL;
}

/* Sets the address, or returns the error for this place and width. */
static int find_address(struct virtio_mmr_ioeventfd *ioeventfd)
{
	struct virtio_mmr_device *mmr = ioeventfd->mmr;
	struct vfio_pci_core_device *core = &mmr->core_device;
	void __iomem *bar;

	if (ioeventfd->bar == VIRTIO_MMR_IO_BAR) {
		if (ioeventfd->position != VIRTIO_MMR_QUEUE_NOTIFY ||
		    ioeventfd->width != 2 || ioeventfd->data > U16_MAX)
			return -EINVAL;
		ioeventfd->address = virtio_mmr_doorbell(mmr, ioeventfd->data);
		return 0;
	}

#ifndef writeq
	if (ioeventfd->width == 8)
		return -EINVAL;
#endif
	/* The MSI-X structures belong to the host, as for vfio-pci-core's own writes. */
	if (virtio_mmr_range_validate(&mmr->scan.function, ioeventfd->bar,
				      ioeventfd->position, ioeventfd->width) ||
	    ioeventfd->position % ioeventfd->width ||
	    virtio_mmr_msix_under(&mmr->scan.function, ioeventfd->bar,
				  ioeventfd->position, ioeventfd->width))
		return -EINVAL;

	bar = virtio_mmr_compat_iomap(core, ioeventfd->bar);
	if (IS_ERR(bar))
		return PTR_ERR(bar);
	ioeventfd->address = bar + ioeventfd->position;
	return 0;
}

static int add_ioeventfd(struct virtio_mmr_device *mmr,
			 const struct virtio_mmr_ioeventfd *wanted, int fd)
{
	struct virtio_mmr_ioeventfd *ioeventfd;
	int ret;

	lockdep_assert_held(&mmr->opened->ioeventfds_lock);
	if (mmr->opened->num_ioeventfds >= IOEVENTFD_MAX)
		return -ENOSPC;

	ioeventfd = kmemdup(wanted, sizeof(*wanted), GFP_KERNEL_ACCOUNT);
	if (!ioeventfd)
		return -ENOMEM;
	INIT_LIST_HEAD(&ioeventfd->deferred);

	ret = vfio_virqfd_enable(ioeventfd, ioeventfd_handler, NULL, NULL,
				 &ioeventfd->virqfd, fd);
	if (ret) {
		kfree(ioeventfd);
		return ret;
	}
	list_add_tail(&ioeventfd->entry, &mmr->opened->ioeventfds);
	mmr->opened->num_ioeventfds++;
	return 0;
}

/* Writes for a signal that is still deferred, or drops it by the usual rules. */
static void write_last(struct virtio_mmr_ioeventfd *ioeventfd)
{
	struct virtio_mmr_device *mmr = ioeventfd->mmr;
	bool awake = !virtio_mmr_wake(mmr);
	bool reachable = virtio_mmr_access_begin(mmr, awake);

	write_function(ioeventfd, VIRTIO_MMR_NOTIFY_DEFERRED, reachable);
	if (reachable)
		virtio_mmr_access_end(mmr);
	if (awake)
		virtio_mmr_let_sleep(mmr);
}

static void remove_ioeventfd(struct virtio_mmr_device *mmr,
			     struct virtio_mmr_ioeventfd *ioeventfd)
{
	bool deferred;

	lockdep_assert_held(&mmr->opened->ioeventfds_lock);

	/* After this the handler does not put the ioeventfd on the list again. */
	vfio_virqfd_disable(&ioeventfd->virqfd);

	/* After this the work item does not find the ioeventfd on the list. */
	raw_spin_lock_irq(&mmr->opened->deferred_lock);
	deferred = !list_empty(&ioeventfd->deferred);
	list_del_init(&ioeventfd->deferred);
	raw_spin_unlock_irq(&mmr->opened->deferred_lock);

	/*
	 * After this the work item does not use the ioeventfd. The work goes on for the others
	 * and for deferred_awake.
	 */
	cancel_delayed_work_sync(&mmr->opened->deferred_work);
	schedule_delayed_work(&mmr->opened->deferred_work, 0);

	if (deferred)
		write_last(ioeventfd);
	list_del(&ioeventfd->entry);
	kfree(ioeventfd);
	mmr->opened->num_ioeventfds--;
}

/**
 * virtio_mmr_ioeventfd - VFIO_DEVICE_IOEVENTFD in a BAR
 * @mmr: the device
 * @bar: the function's number of a BAR, or VIRTIO_MMR_IO_BAR
 * @position: in the BAR, in bytes; in the I/O BAR only that of Queue Notify
 * @data: value to write, in the machine's byte order; in the I/O BAR the queue index
 * @size: bytes to write: 1, 2, 4 or 8; in the I/O BAR only 2
 * @fd: eventfd, or -1 to remove the one with the same values
 *
 * The rules and errors are those of vfio-pci-core's vfio_pci_ioeventfd(). In addition, a write
 * to a memory BAR must be naturally aligned.
 *
 * A signal is dropped in the same cases as the guest's own OUT: while the function is being
 * reset or in D3. In the I/O BAR, it is also dropped while COMMAND.IO is clear. The user may
 * have let the function sleep. Then a signal wakes it, as that OUT does.
 *
 * Return: 0 or an error. -EINVAL for a BAR that is not memory, or a place that is outside of
 * it, overlaps the MSI-X table or pending bits or is not aligned. -EINVAL in the I/O BAR for
 * another register or size, or a queue index of more than 16 bits. -EEXIST if the same
 * ioeventfd exists. -ENODEV if there is none to remove. -ENOSPC beyond 1000. -EBADF or -EINVAL
 * for an fd that is no eventfd. -ENOMEM. -EBUSY if another driver has claimed the BAR. -EINTR
 * for a fatal signal.
 */
int virtio_mmr_ioeventfd(struct virtio_mmr_device *mmr, u8 bar, u64 position, u64 data,
			 unsigned int size, int fd)
{
	struct virtio_mmr_ioeventfd wanted = {
		.mmr = mmr, .bar = bar, .position = position, .data = data, .width = size,
	};
	struct virtio_mmr_ioeventfd *ioeventfd;
	int ret;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return -EINVAL;
	if (mutex_lock_killable(&mmr->opened->ioeventfds_lock))
		return -EINTR;

	ret = find_address(&wanted);
	if (ret)
		goto out_unlock;
	ioeventfd = find_ioeventfd(mmr, &wanted);
	if (ioeventfd && fd == -1)
		remove_ioeventfd(mmr, ioeventfd);
	else if (ioeventfd)
		ret = -EEXIST;
	else if (fd == -1)
		ret = -ENODEV;
	else
		ret = add_ioeventfd(mmr, &wanted, fd);
out_unlock:
	mutex_unlock(&mmr->opened->ioeventfds_lock);
	return ret;
}

/**
 * virtio_mmr_ioeventfd_init - prepare the fields at the first open
 * @opened: of the device
 */
void virtio_mmr_ioeventfd_init(struct virtio_mmr_opened *opened)
{
	mutex_init(&opened->ioeventfds_lock);
	INIT_LIST_HEAD(&opened->ioeventfds);
	raw_spin_lock_init(&opened->deferred_lock);
	INIT_LIST_HEAD(&opened->deferred);
	INIT_DELAYED_WORK(&opened->deferred_work, ioeventfd_work);
}

/**
 * virtio_mmr_ioeventfd_close - remove all ioeventfds that the user has left
 * @mmr: the device, with no ioctl in flight
 *
 * No eventfd writes to the function any more when this returns.
 */
void virtio_mmr_ioeventfd_close(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_ioeventfd *ioeventfd, *next;

	mutex_lock(&mmr->opened->ioeventfds_lock);
	list_for_each_entry_safe(ioeventfd, next, &mmr->opened->ioeventfds, entry)
		remove_ioeventfd(mmr, ioeventfd);
	mutex_unlock(&mmr->opened->ioeventfds_lock);
	flush_delayed_work(&mmr->opened->deferred_work);
}
