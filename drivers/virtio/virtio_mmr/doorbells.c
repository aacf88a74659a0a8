// SPDX-License-Identifier: GPL-2.0-only
/*
 * The doorbells of queues, by the rules that the vfio driver has for its guests.
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "doorbells.h"
#include "virtio_mmr/doorbell.h"

/* A queue that comes later, with the modern interface, has no Queue Notify. */
static void report_unusable(struct virtio_mmr_transport *transport, u16 first, const char *what,
			    u64 value)
{
	if (first)
		pci_err(transport->pdev, "no doorbells for the queues from %u on: %s is 0x%llx; module parameter legacy=1 does without\n",
			first, what, value);
	else
		pci_warn(transport->pdev, "notifying through Queue Notify, doorbells are unusable: %s is 0x%llx\n",
			 what, value);
}

static u16 read_notify_off(struct virtio_mmr_transport *transport, u16 queue, u64 *spent)
{
	void __iomem *common = transport->mdev.common;
	u16 notify_off;
	u64 start;

	/* With a multiplier of 0 the value is irrelevant. */
	if (!transport->scan.notify_multiplier)
		return 0;
	start = ktime_get_ns();
	iowrite16(queue, common + VIRTIO_PCI_COMMON_Q_SELECT);
	notify_off = ioread16(common + VIRTIO_PCI_COMMON_Q_NOFF);
	*spent += ktime_get_ns() - start;
	return notify_off;
}

/*
 * Whether the doorbells of queues from @first on can be used. No signal ends this, as it has a time
 * limit: a program that is killed while it resets a function must not leave it without a device.
 */
static bool read_doorbells(struct virtio_mmr_transport *transport, u32 *doorbells, u16 first,
			   u16 count)
{
	u64 spent = 0;
	u16 queue;

	for (queue = first; queue < count; queue++) {
		enum virtio_mmr_doorbell_defect defect;
		u16 notify_off;
		u64 offset;

		if (spent > VIRTIO_MMR_DOORBELLS_NS) {
			report_unusable(transport, first,
					virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_TOO_SLOW),
					count);
			return false;
		}
		cond_resched();
		notify_off = read_notify_off(transport, queue, &spent);
		defect = virtio_mmr_doorbell_place(&transport->scan, notify_off, &offset);
		if (defect) {
			report_unusable(transport, first, virtio_mmr_doorbell_explain(defect),
					offset);
			return false;
		}
		doorbells[queue] = offset;
	}
	return true;
}

/* Those that are known already stay as they are. */
static int find_until(struct virtio_mmr_transport *transport, u16 count)
{
	void __iomem *common = transport->mdev.common;
	u16 known = transport->num_doorbells;
	u32 *doorbells;
	bool usable;

	doorbells = kvcalloc(count, sizeof(*doorbells), GFP_KERNEL);
	if (!doorbells)
		return -ENOMEM;
	if (known)
		memcpy(doorbells, transport->doorbells, known * sizeof(*doorbells));
	usable = read_doorbells(transport, doorbells, known, count);
	/* Queue Select gets the value that a reset gives it. */
	iowrite16(0, common + VIRTIO_PCI_COMMON_Q_SELECT);
	if (!usable) {
		kvfree(doorbells);
		return 0;
	}
	kvfree(transport->doorbells);
	transport->doorbells = doorbells;
	transport->num_doorbells = count;
	return 0;
}

/**
 * virtio_mmr_doorbells_find - find the doorbells
 * @transport: the device, with its structures mapped, after a reset: queue_notify_off may be
 *	read while the device is in reset (policy)
 *
 * Return: 0, also if the device has no usable doorbells; or -ENOMEM.
 */
int virtio_mmr_doorbells_find(struct virtio_mmr_transport *transport)
{
	void __iomem *common = transport->mdev.common;
	enum virtio_mmr_doorbell_defect defect;
	u16 count;
	u8 status;

	if (!transport->notify)
		return 0;

	status = ioread8(common + VIRTIO_PCI_COMMON_STATUS);
	count = ioread16(common + VIRTIO_PCI_COMMON_NUMQ);
	defect = virtio_mmr_doorbell_judge(status, count);
	if (defect) {
		report_unusable(transport, 0, virtio_mmr_doorbell_explain(defect),
				defect == VIRTIO_MMR_DOORBELL_STATUS ? status : count);
		return 0;
	}
	return find_until(transport, count);
}

/**
 * virtio_mmr_doorbells_find_more - find the doorbells of queues that the device has only now
 * @transport: the device; its virtio driver has taken its features, and no queue is in use
 *
 * A device may show all of its queues only to a driver that has taken the feature for them, such
 * as VIRTIO_NET_F_MQ. For the modern interface, as it reads modern registers of a device in use.
 */
void virtio_mmr_doorbells_find_more(struct virtio_mmr_transport *transport)
{
	u16 count = vp_modern_get_num_queues(&transport->mdev);

	if (count > transport->num_doorbells && !virtio_mmr_doorbell_judge(0, count))
		find_until(transport, count);
}

/**
 * virtio_mmr_doorbell - the doorbell of a queue
 * @transport: the device
 * @index: of the queue
 *
 * Return: its address, or NULL if it has none; Queue Notify of the legacy registers then serves.
 */
void __iomem *virtio_mmr_doorbell(struct virtio_mmr_transport *transport, u16 index)
{
	if (index >= transport->num_doorbells)
		return NULL;
	return transport->notify + transport->doorbells[index];
}

/**
 * virtio_mmr_ring - tell the device that a queue has buffers
 * @vq: the queue; its priv is the address of the doorbell
 *
 * Return: true.
 */
bool virtio_mmr_ring(struct virtqueue *vq)
{
	iowrite16(vq->index, (void __iomem *)vq->priv);
	return true;
}
