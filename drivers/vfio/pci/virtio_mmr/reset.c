// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of the device, and the callbacks for resets of the function.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/virtio_mmr.h>

#include "access.h"
#include "intx.h"
#include "reset.h"
#include "trace.h"

/*
 * Time that a reset by device status may take, and time between two looks (policy).
 * Jiffies would not do: they lag when the CPU that counts them is held up.
 */
#define RESET_TIMEOUT_MS	1000
#define RESET_POLL_US_MIN	100
#define RESET_POLL_US_MAX	10000

/**
 * virtio_mmr_reset_report - count and trace a reset
 * @mmr: the device; resets of a function that was never open are not counted
 * @event: the kind of reset, and its begin or end
 */
void virtio_mmr_reset_report(struct virtio_mmr_device *mmr,
			     enum virtio_mmr_reset_event event)
{
	/* Pairs with virtio_mmr_counters_open(). A reset can run at the same time. */
	struct virtio_mmr_counters __percpu *counters = smp_load_acquire(&mmr->counters);

	if (event == VIRTIO_MMR_RESET_DEVICE)
		virtio_mmr_count(mmr, VIRTIO_MMR_DEVICE_RESETS);
	else if (event == VIRTIO_MMR_RESET_FUNCTION_END && counters)
		this_cpu_inc(counters->values[VIRTIO_MMR_FUNCTION_RESETS]);
	trace_virtio_mmr_reset(mmr->core_device.pdev, event);
}

/**
 * virtio_mmr_device_was_reset - after the guest has written 0 to device status
 * @mmr: the device, open, with no lock held
 */
void virtio_mmr_device_was_reset(struct virtio_mmr_device *mmr)
{
	virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_DEVICE);
	virtio_mmr_intx_device_reset(mmr);
	WRITE_ONCE(mmr->mastered, 0);
}

/**
 * virtio_mmr_wait_for_reset - wait until the device has reset itself
 * @mmr: the device, after a write of 0 to its status
 * @awake: as for virtio_mmr_access_begin()
 *
 * The driver holds no lock while it sleeps, as a reset of the function may end the wait. At
 * open vfio holds the lock of the group. It also holds the lock of all functions that are reset
 * together. For a VF that is the VF alone.
 *
 * A device may interrupt until its reset is over. The guest must not get such an interrupt.
 *
 * Return: 0, -EIO if device status is not 0 after 1 s, or -EINTR for a fatal signal.
 */
int virtio_mmr_wait_for_reset(struct virtio_mmr_device *mmr, bool awake)
{
	ktime_t deadline = ktime_add_ms(ktime_get(), RESET_TIMEOUT_MS);
	unsigned int delay = RESET_POLL_US_MIN;
	u8 status;

	for (;;) {
		bool late = ktime_after(ktime_get(), deadline);

		if (!virtio_mmr_access_begin(mmr, awake))
			return fatal_signal_pending(current) ? -EINTR : 0;
		status = ioread8(mmr->registers + VIRTIO_MMR_DEVICE_STATUS);
		virtio_mmr_access_end(mmr);

		if (!status) {
			virtio_mmr_intx_device_reset(mmr);
			return 0;
		}
		if (late)
			break;
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range(delay, 2 * delay);
		delay = min_t(unsigned int, 2 * delay, RESET_POLL_US_MAX);
	}
	if (__ratelimit(&mmr->opened->messages[VIRTIO_MMR_MESSAGE_RESET]))
		pci_warn(mmr->core_device.pdev, "device status is still 0x%02x %u ms after it was written 0; a reset of the function may help\n",
			 status, RESET_TIMEOUT_MS);
	virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_DEVICE_STUCK);
	return -EIO;
}

/**
 * virtio_mmr_reset_open - reset the device for a new user
 * @mmr: the device, enabled, with its registers mapped
 *
 * vfio-pci-core resets the function if it can. If it cannot, the device could still have queues
 * of the previous user.
 *
 * Return: 0, -EIO if device status does not become 0, -EAGAIN while the function is
 * being reset, or -EINTR for a fatal signal.
 */
int virtio_mmr_reset_open(struct virtio_mmr_device *mmr)
{
	if (!virtio_mmr_access_begin(mmr, false))
		return -EAGAIN;
	iowrite8(0, mmr->registers + VIRTIO_MMR_DEVICE_STATUS);
	virtio_mmr_access_end(mmr);
	return virtio_mmr_wait_for_reset(mmr, false);
}

/**
 * virtio_mmr_reset_init - prepare a device that is not open yet
 * @mmr: the device
 */
void virtio_mmr_reset_init(struct virtio_mmr_device *mmr)
{
	INIT_LIST_HEAD(&mmr->resetters);
	spin_lock_init(&mmr->resetters_lock);
}

/**
 * virtio_mmr_may_reset_begin - before a call of vfio-pci-core that may reset the function
 * @mmr: the device
 * @resetter: notes the task until virtio_mmr_may_reset_end()
 *
 * In such a call vfio-pci-core resets the function with memory_lock held for write, or at open.
 * No access is in flight in either case, so reset_prepare need not wait for any. A user may be in
 * several such calls at once.
 */
void virtio_mmr_may_reset_begin(struct virtio_mmr_device *mmr,
				struct virtio_mmr_resetter *resetter)
{
	resetter->task = current;
	spin_lock(&mmr->resetters_lock);
	list_add(&resetter->node, &mmr->resetters);
	spin_unlock(&mmr->resetters_lock);
}

/**
 * virtio_mmr_may_reset_end - after a call of vfio-pci-core that may reset the function
 * @mmr: the device
 * @resetter: of virtio_mmr_may_reset_begin(), by the same task
 */
void virtio_mmr_may_reset_end(struct virtio_mmr_device *mmr,
			      struct virtio_mmr_resetter *resetter)
{
	spin_lock(&mmr->resetters_lock);
	list_del(&resetter->node);
	spin_unlock(&mmr->resetters_lock);
}

/* A hot reset by the user of another function of the bus is not found here. */
static bool is_own_reset(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_resetter *resetter;
	bool found = false;

	spin_lock(&mmr->resetters_lock);
	list_for_each_entry(resetter, &mmr->resetters, node) {
		if (resetter->task == current) {
			found = true;
			break;
		}
	}
	spin_unlock(&mmr->resetters_lock);
	return found;
}

/*
 * Resets through sysfs and resets of a bus come without memory_lock, so accesses can be in
 * flight. Waiting for them interrupts all CPUs for a moment, and no guest may be able to cause
 * that. The wait must be quick, as one call resets a bus for each function.
 *
 * The guest's COMMAND.IO and BAR0 keep their values over a reset, as vfio-pci-core's other
 * virtual registers do. A reset by the host must not take the registers away from a running
 * guest.
 */
static void virtio_mmr_reset_prepare(struct pci_dev *pdev)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(&pdev->dev);

	device_lock_assert(&pdev->dev);
	set_bit(VIRTIO_MMR_AWAY_RESET, &mmr->away);
	if (READ_ONCE(mmr->writes_power))
		set_bit(VIRTIO_MMR_AWAY_WAKING, &mmr->away);
	if (!virtio_mmr_is_plain(mmr) && !is_own_reset(mmr))
		synchronize_rcu_expedited();
	virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_FUNCTION_BEGIN);
}

/* The PCI core has restored configuration space and MSI-X. */
static void virtio_mmr_reset_done(struct pci_dev *pdev)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(&pdev->dev);

	device_lock_assert(&pdev->dev);
	virtio_mmr_vectors_reset(&mmr->intx.vectors);
	WRITE_ONCE(mmr->mastered, 0);
	virtio_mmr_intx_device_reset(mmr);
	clear_bit(VIRTIO_MMR_AWAY_RESET, &mmr->away);
	virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_FUNCTION_END);
}

/*
 * After a fatal error of the link vfio-pci-core signals the user. The driver does not block
 * accesses to the function then. Recovery may succeed, fail or never be reported. Only the
 * function's answers show whether it is there, and a broken link gives all ones by itself.
 */
const struct pci_error_handlers virtio_mmr_err_handlers = {
	.reset_prepare = virtio_mmr_reset_prepare,
	.reset_done = virtio_mmr_reset_done,
	.error_detected = vfio_pci_core_aer_err_detected,
};
