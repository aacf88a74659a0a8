// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Finds the doorbell of a queue. A guest's write to Queue Notify goes there.
 */
#include "doorbell.h"

#define ALL_ONES	0xffff

/**
 * virtio_mmr_doorbell_judge - whether the modern common configuration can be believed
 * @status: device status there, after a reset
 * @num_queues: the number of queues there
 *
 * Return: VIRTIO_MMR_DOORBELL_USABLE or the first defect. After a defect, all queues use Queue
 * Notify of the legacy registers.
 */
enum virtio_mmr_doorbell_defect
virtio_mmr_doorbell_judge(u8 status, u16 num_queues)
{
	if (status)
		return VIRTIO_MMR_DOORBELL_STATUS;
	if (!num_queues || num_queues == ALL_ONES)
		return VIRTIO_MMR_DOORBELL_NUM_QUEUES;
	return VIRTIO_MMR_DOORBELL_USABLE;
}

/**
 * virtio_mmr_doorbell_place - where the doorbell of a queue is
 * @scan: of the function, with a notification structure
 * @notify_off: queue_notify_off of the queue, any value
 * @offset: where to store the place in the notification structure, in bytes
 *
 * The place is queue_notify_off times the multiplier (virtio 1.4, 4.1.4.4). With a
 * multiplier of 0 all queues have the start of the structure.
 *
 * Return: VIRTIO_MMR_DOORBELL_USABLE or the first defect. After a defect, no doorbell is used.
 */
enum virtio_mmr_doorbell_defect
virtio_mmr_doorbell_place(const struct virtio_mmr_scan *scan, u16 notify_off, u64 *offset)
{
	*offset = (u64)notify_off * scan->notify_multiplier;
	if (*offset % 2 || *offset > scan->notify.length - 2)
		return VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE;
	if (virtio_mmr_msix_under(&scan->function, scan->notify.bar,
				  scan->notify.offset + *offset, 2))
		return VIRTIO_MMR_DOORBELL_OVER_MSIX;
	return VIRTIO_MMR_DOORBELL_USABLE;
}

/**
 * virtio_mmr_doorbell_explain - name the value at fault, for people
 * @defect: the reason why doorbells are unusable
 *
 * Return: a noun. The message continues with "is" and the value.
 */
const char *virtio_mmr_doorbell_explain(enum virtio_mmr_doorbell_defect defect)
{
	switch (defect) {
	case VIRTIO_MMR_DOORBELL_USABLE:
		break;
	case VIRTIO_MMR_DOORBELL_STATUS:
		return "the modern device status after a reset";
	case VIRTIO_MMR_DOORBELL_NUM_QUEUES:
		return "the modern number of queues";
	case VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE:
		return "the notify offset of a queue";
	case VIRTIO_MMR_DOORBELL_OVER_MSIX:
		return "over MSI-X structures, the notify offset of a queue";
	case VIRTIO_MMR_DOORBELL_TOO_SLOW:
		return "the number of queues, too large to read them in 1 s,";
	}
	return "nothing";
}
