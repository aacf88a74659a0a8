// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue notification: where a guest's write of a queue index to Queue Notify
 * goes.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "common.h"
#include "compat/compat.h"

#define RESET_TIMEOUT_MS	1000

/* queue_notify_off may be read while the device is in reset (policy). */
static bool reset_device(void __iomem *common)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(RESET_TIMEOUT_MS);

	iowrite8(0, common + VIRTIO_PCI_COMMON_STATUS);
	while (ioread8(common + VIRTIO_PCI_COMMON_STATUS)) {
		if (time_after(jiffies, deadline))
			return false;
		usleep_range(100, 1000);
	}
	return true;
}

/*
 * The doorbell of queue q is at queue_notify_off(q) * multiplier in the
 * notification structure (virtio 1.4, 4.1.4.4); a multiplier of 0 puts all at
 * its start.
 */
static int read_doorbells(struct virtio_mmr_device *mmr, void __iomem *common,
			  void __iomem *notify)
{
	const struct virtio_mmr_discovery *found = &mmr->found;
	struct pci_dev *pdev = mmr->core_device.pdev;
	void __iomem **doorbells;
	u16 queue, num_queues;

	num_queues = ioread16(common + VIRTIO_PCI_COMMON_NUMQ);
	if (!num_queues) {
		pci_dbg(pdev, "common configuration has no queues, notifying through Queue Notify\n");
		return 0;
	}

	doorbells = kvcalloc(num_queues, sizeof(*doorbells), GFP_KERNEL_ACCOUNT);
	if (!doorbells)
		return -ENOMEM;

	for (queue = 0; queue < num_queues; queue++) {
		u64 offset = 0;

		if (found->notify_multiplier) {
			iowrite16(queue, common + VIRTIO_PCI_COMMON_Q_SELECT);
			offset = (u64)ioread16(common + VIRTIO_PCI_COMMON_Q_NOFF) *
				 found->notify_multiplier;
		}
		if (offset % 2 || offset > found->notify.length - 2) {
			pci_dbg(pdev, "doorbell of queue %u at 0x%llx is not in the notification structure of 0x%llx bytes, notifying through Queue Notify\n",
				queue, offset, found->notify.length);
			kvfree(doorbells);
			doorbells = NULL;
			num_queues = 0;
			break;
		}
		doorbells[queue] = notify + offset;
	}
	iowrite16(0, common + VIRTIO_PCI_COMMON_Q_SELECT);

	mmr->doorbells = doorbells;
	mmr->num_doorbells = num_queues;
	return 0;
}

/**
 * virtio_mmr_notify_open - find the doorbells
 * @mmr: the device, enabled by vfio-pci-core and not yet seen by the guest
 *
 * A device that has no usable modern common configuration or notification
 * structure is notified through its Queue Notify register.
 *
 * Return: 0 or a negative error.
 */
int virtio_mmr_notify_open(struct virtio_mmr_device *mmr)
{
	const struct virtio_mmr_discovery *found = &mmr->found;
	struct vfio_pci_core_device *core = &mmr->core_device;
	void __iomem *common, *notify;

	mmr->doorbells = NULL;
	mmr->num_doorbells = 0;
	if (!found->has_doorbells)
		return 0;

	common = virtio_mmr_compat_iomap(core, found->common_config.bar);
	if (IS_ERR(common))
		return PTR_ERR(common);
	notify = virtio_mmr_compat_iomap(core, found->notify.bar);
	if (IS_ERR(notify))
		return PTR_ERR(notify);
	common += found->common_config.offset;
	notify += found->notify.offset;

	if (!reset_device(common)) {
		pci_dbg(core->pdev, "device status does not become 0, notifying through Queue Notify\n");
		return 0;
	}
	return read_doorbells(mmr, common, notify);
}

/**
 * virtio_mmr_notify_close - forget the doorbells
 * @mmr: the device, with no access in flight
 */
void virtio_mmr_notify_close(struct virtio_mmr_device *mmr)
{
	kvfree(mmr->doorbells);
	mmr->doorbells = NULL;
	mmr->num_doorbells = 0;
}

/**
 * virtio_mmr_notify - tell the device about new buffers
 * @mmr: the device, touchable
 * @queue: what the guest wrote to Queue Notify; without a doorbell the device
 *	judges it, with doorbells an index beyond the last is dropped
 */
void virtio_mmr_notify(struct virtio_mmr_device *mmr, u16 queue)
{
	if (!mmr->doorbells)
		iowrite16(queue, mmr->registers + VIRTIO_MMR_QUEUE_NOTIFY);
	else if (queue < mmr->num_doorbells)
		iowrite16(queue, mmr->doorbells[queue]);
}
