/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notification of the device about new buffers. Inline, for the data path.
 */
#ifndef VIRTIO_MMR_NOTIFY_H
#define VIRTIO_MMR_NOTIFY_H

#include <linux/io.h>
#include <linux/nospec.h>
#include <linux/virtio_mmr.h>

#include "common.h"
#include "trace.h"

int virtio_mmr_notify_open(struct virtio_mmr_device *mmr);
void virtio_mmr_notify_close(struct virtio_mmr_device *mmr);

/* Not inline: the path without tracing stays short. */
void virtio_mmr_trace_notify(struct virtio_mmr_device *mmr, u16 queue,
			     enum virtio_mmr_counter path, bool rung);

/**
 * virtio_mmr_doorbell - where to notify a queue
 * @mmr: the device, open
 * @queue: index, any value. A guest's features may bring queues after the doorbells were read
 *	(num_queues of QEMU's network device), and the device ignores an index that no queue has.
 *
 * Return: the address, the same from open to close: the queue's doorbell, or Queue Notify.
 */
static inline void __iomem *virtio_mmr_doorbell(const struct virtio_mmr_device *mmr,
						u16 queue)
{
	if (queue >= mmr->num_doorbells)
		return mmr->registers + VIRTIO_MMR_QUEUE_NOTIFY;
	return mmr->doorbells[array_index_nospec(queue, mmr->num_doorbells)];
}

/**
 * virtio_mmr_notify - notify the device about new buffers
 * @mmr: the device, between virtio_mmr_access_begin() and its end
 * @doorbell: from virtio_mmr_doorbell()
 * @queue: the queue index that the guest wrote to Queue Notify
 * @path: the counter for this kind of notification, used if the device is notified
 * @reachable: whether the function may be touched and the guest's COMMAND.IO is set; if not,
 *	the notification is dropped
 */
static __always_inline void
virtio_mmr_notify(struct virtio_mmr_device *mmr, void __iomem *doorbell, u16 queue,
		  enum virtio_mmr_counter path, bool reachable)
{
	if (reachable) {
		iowrite16(queue, doorbell);
		virtio_mmr_count(mmr, path);
	} else {
		virtio_mmr_count(mmr, VIRTIO_MMR_NOTIFY_DROPPED);
	}
	if (trace_virtio_mmr_notify_enabled())
		virtio_mmr_trace_notify(mmr, queue, path, reachable);
}

#endif /* VIRTIO_MMR_NOTIFY_H */
