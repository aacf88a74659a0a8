// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_IOEVENTFD on Queue Notify of the I/O BAR: an eventfd, which KVM can
 * signal for the guest's OUT, rings the doorbell without a way through user space.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/virtio_mmr.h>

#include "access.h"
#include "common.h"
#include "notify.h"

/* As many as vfio-pci-core allows in a function's own BARs (policy) */
#define IOEVENTFD_MAX	1000

struct virtio_mmr_ioeventfd {
	struct virtio_mmr_device *mmr;
	struct virqfd *virqfd;
	void __iomem *doorbell;
	u16 queue;
};

/*
 * In the context of whoever signals, under the lock of the eventfd's wait queue, or in
 * the ioctl that adds an eventfd that was signalled before.
 */
static int ioeventfd_handler(void *opaque, void *unused)
{
	struct virtio_mmr_ioeventfd *ioeventfd = opaque;
	struct virtio_mmr_device *mmr = ioeventfd->mmr;
	bool reachable, deferred;

	if (!down_read_trylock(&mmr->core_device.memory_lock))
		return 1;
	rcu_read_lock_sched();
	reachable = virtio_mmr_is_reachable(mmr, false);
	deferred = unlikely(!reachable) && virtio_mmr_may_sleep(mmr);
	if (!deferred)
		virtio_mmr_notify(mmr, ioeventfd->doorbell, ioeventfd->queue,
				  VIRTIO_MMR_NOTIFY_IOEVENTFDS,
				  reachable && mmr->command_io);
	virtio_mmr_access_end(mmr);
	return deferred;
}

/* After the handler found the lock taken, or a function that may sleep */
static void ioeventfd_thread(void *opaque, void *unused)
{
	struct virtio_mmr_ioeventfd *ioeventfd = opaque;
	struct virtio_mmr_device *mmr = ioeventfd->mmr;
	bool awake = !virtio_mmr_wake(mmr);
	bool reachable = virtio_mmr_access_begin(mmr, awake) && mmr->command_io;

	virtio_mmr_notify(mmr, ioeventfd->doorbell, ioeventfd->queue,
			  VIRTIO_MMR_NOTIFY_DEFERRED, reachable);
	virtio_mmr_access_end(mmr);
	if (awake)
		virtio_mmr_let_sleep(mmr);
}

static int add_ioeventfd(struct virtio_mmr_device *mmr, u16 queue, int fd)
{
	struct virtio_mmr_ioeventfd *ioeventfd;
	int ret;

	if (mmr->num_ioeventfds >= IOEVENTFD_MAX)
		return -ENOSPC;

	ioeventfd = kzalloc(sizeof(*ioeventfd), GFP_KERNEL_ACCOUNT);
	if (!ioeventfd)
		return -ENOMEM;
	ioeventfd->mmr = mmr;
	ioeventfd->queue = queue;
	ioeventfd->doorbell = virtio_mmr_doorbell(mmr, queue);

	ret = xa_insert(&mmr->ioeventfds, queue, ioeventfd, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto out_free;
	ret = vfio_virqfd_enable(ioeventfd, ioeventfd_handler, ioeventfd_thread,
				 NULL, &ioeventfd->virqfd, fd);
	if (ret)
		goto out_erase;
	mmr->num_ioeventfds++;
	return 0;

out_erase:
	xa_erase(&mmr->ioeventfds, queue);
out_free:
	kfree(ioeventfd);
	return ret;
}

static void remove_ioeventfd(struct virtio_mmr_device *mmr,
			     struct virtio_mmr_ioeventfd *ioeventfd)
{
	vfio_virqfd_disable(&ioeventfd->virqfd);
	xa_erase(&mmr->ioeventfds, ioeventfd->queue);
	kfree(ioeventfd);
	mmr->num_ioeventfds--;
}

/**
 * virtio_mmr_ioeventfd - VFIO_DEVICE_IOEVENTFD in the I/O BAR
 * @mmr: the device
 * @position: in the I/O BAR, in bytes; only Queue Notify will do
 * @data: what to write, in the machine's byte order: the queue index
 * @size: bytes to write; only 2 will do
 * @fd: eventfd, or -1 to remove the one that was added with the same values
 *
 * The rules and errors are those of vfio-pci-core's vfio_pci_ioeventfd() for a
 * function's own BARs. A signal while the function is being reset, in D3 or has
 * COMMAND.IO clear is dropped, as the guest's own OUT is. A function that the user lets
 * sleep is woken, as it is by that OUT.
 *
 * Return: 0; -EINVAL for another register, size or a queue index of more than 16
 * bits; -EEXIST if there is one; -ENODEV if there is none to remove; -ENOSPC
 * beyond 1000; -EBADF, -EINVAL for an fd that is no eventfd; -ENOMEM.
 */
int virtio_mmr_ioeventfd(struct virtio_mmr_device *mmr, u64 position, u64 data,
			 unsigned int size, int fd)
{
	struct virtio_mmr_ioeventfd *ioeventfd;
	int ret = 0;

	if (position != VIRTIO_MMR_QUEUE_NOTIFY || size != 2 || data > U16_MAX)
		return -EINVAL;

	mutex_lock(&mmr->ioeventfds_lock);
	ioeventfd = xa_load(&mmr->ioeventfds, data);
	if (ioeventfd && fd == -1)
		remove_ioeventfd(mmr, ioeventfd);
	else if (ioeventfd)
		ret = -EEXIST;
	else if (fd == -1)
		ret = -ENODEV;
	else
		ret = add_ioeventfd(mmr, data, fd);
	mutex_unlock(&mmr->ioeventfds_lock);
	return ret;
}

/**
 * virtio_mmr_ioeventfd_close - remove all that the user has left
 * @mmr: the device, with no ioctl in flight
 *
 * Nothing signals the function any more when this returns.
 */
void virtio_mmr_ioeventfd_close(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_ioeventfd *ioeventfd;
	unsigned long queue;

	mutex_lock(&mmr->ioeventfds_lock);
	xa_for_each(&mmr->ioeventfds, queue, ioeventfd)
		remove_ioeventfd(mmr, ioeventfd);
	mutex_unlock(&mmr->ioeventfds_lock);
}
