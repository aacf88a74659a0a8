// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue notification: finds the doorbells. A guest's write of a queue index to Queue Notify
 * goes to the doorbell of the queue.
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched/signal.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "access.h"
#include "compat/compat.h"
#include "notify.h"
#include "virtio_mmr/doorbell.h"

static void warn_unusable(struct virtio_mmr_device *mmr, const char *what, u64 value)
{
	if (__ratelimit(&mmr->opened->messages[VIRTIO_MMR_MESSAGE_DOORBELLS]))
		pci_warn(mmr->core_device.pdev, "notifying through Queue Notify, doorbells are unusable: %s is 0x%llx\n",
			 what, value);
}

static int read_notify_off(struct virtio_mmr_device *mmr, void __iomem *common, u16 queue,
			   u16 *notify_off, u64 *spent)
{
	u64 start;

	/* With a multiplier of 0 the value is irrelevant. */
	*notify_off = 0;
	if (!mmr->scan.notify_multiplier)
		return 0;

	if (!virtio_mmr_access_begin(mmr, false))
		return -EAGAIN;
	/* Only the device's time counts. Time that the CPU spends elsewhere does not. */
	start = ktime_get_ns();
	iowrite16(queue, common + VIRTIO_PCI_COMMON_Q_SELECT);
	*notify_off = ioread16(common + VIRTIO_PCI_COMMON_Q_NOFF);
	*spent += ktime_get_ns() - start;
	virtio_mmr_access_end(mmr);
	return 0;
}

static int read_doorbells(struct virtio_mmr_device *mmr, void __iomem *common,
			  void __iomem *notify, u16 num_queues)
{
	enum virtio_mmr_doorbell_defect defect;
	void __iomem **doorbells;
	u16 queue, notify_off;
	u64 spent = 0;
	u64 offset;
	int ret = 0;

	doorbells = kvcalloc(num_queues, sizeof(*doorbells), GFP_KERNEL_ACCOUNT);
	if (!doorbells)
		return -ENOMEM;

	for (queue = 0; queue < num_queues; queue++) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			goto out_free;
		}
		/* vfio holds locks meanwhile. */
		if (spent > VIRTIO_MMR_DOORBELLS_NS) {
			warn_unusable(mmr,
				      virtio_mmr_doorbell_explain(VIRTIO_MMR_DOORBELL_TOO_SLOW),
				      num_queues);
			goto out_free;
		}
		cond_resched();
		ret = read_notify_off(mmr, common, queue, &notify_off, &spent);
		if (ret)
			goto out_free;
		defect = virtio_mmr_doorbell_place(&mmr->scan, notify_off, &offset);
		if (defect) {
			warn_unusable(mmr, virtio_mmr_doorbell_explain(defect), offset);
			goto out_free;
		}
		doorbells[queue] = notify + offset;
	}
	mmr->doorbells = doorbells;
	mmr->num_doorbells = num_queues;
	return 0;

out_free:
	kvfree(doorbells);
	return ret;
}

/**
 * virtio_mmr_notify_open - find the doorbells
 * @mmr: the device, reset and not yet seen by the guest: queue_notify_off may
 *	be read while the device is in reset (policy)
 *
 * Some devices have no usable modern common configuration or notification structure. They are
 * notified through their Queue Notify register.
 *
 * Return: 0, -EAGAIN while the function is being reset, -EINTR for a fatal signal, or another
 * negative error.
 */
int virtio_mmr_notify_open(struct virtio_mmr_device *mmr)
{
	const struct virtio_mmr_scan *scan = &mmr->scan;
	struct vfio_pci_core_device *core = &mmr->core_device;
	enum virtio_mmr_doorbell_defect defect;
	void __iomem *common, *notify;
	u16 num_queues;
	u8 status;
	int ret;

	mmr->doorbells = NULL;
	mmr->num_doorbells = 0;
	if (!scan->has_notification)
		return 0;

	common = virtio_mmr_compat_iomap(core, scan->common_config.bar);
	if (IS_ERR(common))
		return PTR_ERR(common);
	common += scan->common_config.offset;
	notify = virtio_mmr_compat_iomap(core, scan->notify.bar);
	if (IS_ERR(notify))
		return PTR_ERR(notify);
	notify += scan->notify.offset;

	if (!virtio_mmr_access_begin(mmr, false))
		return -EAGAIN;
	status = ioread8(common + VIRTIO_PCI_COMMON_STATUS);
	num_queues = ioread16(common + VIRTIO_PCI_COMMON_NUMQ);
	virtio_mmr_access_end(mmr);

	defect = virtio_mmr_doorbell_judge(status, num_queues);
	if (defect) {
		warn_unusable(mmr, virtio_mmr_doorbell_explain(defect),
			      defect == VIRTIO_MMR_DOORBELL_STATUS ? status : num_queues);
		return 0;
	}
	ret = read_doorbells(mmr, common, notify, num_queues);

	/* Queue Select gets the value that a reset gives it. */
	if (virtio_mmr_access_begin(mmr, false)) {
		iowrite16(0, common + VIRTIO_PCI_COMMON_Q_SELECT);
		virtio_mmr_access_end(mmr);
	}
	return ret;
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

void virtio_mmr_trace_notify(struct virtio_mmr_device *mmr, u16 queue,
			     enum virtio_mmr_counter path, bool rung)
{
	trace_virtio_mmr_notify(mmr->core_device.pdev, queue, path, rung);
}
