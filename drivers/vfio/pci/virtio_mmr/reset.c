// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of the device, and the callbacks for resets of the function.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/virtio_mmr.h>

#include "access.h"
#include "common.h"
#include "trace.h"

/* How long a reset by device status may take, and how often to look (policy) */
#define RESET_TIMEOUT_MS	1000
#define RESET_POLL_US_MIN	100
#define RESET_POLL_US_MAX	10000

/**
 * virtio_mmr_reset_report - count and trace a reset
 * @mmr: the device; resets of a function that was never open are not counted
 * @event: what happened
 */
void virtio_mmr_reset_report(struct virtio_mmr_device *mmr,
			     enum virtio_mmr_reset_event event)
{
	/* Pairs with virtio_mmr_counters_open(), which nothing keeps from resets. */
	struct virtio_mmr_counters __percpu *counters = smp_load_acquire(&mmr->counters);

	if (event == VIRTIO_MMR_RESET_DEVICE)
		virtio_mmr_count(mmr, VIRTIO_MMR_DEVICE_RESETS);
	else if (event == VIRTIO_MMR_RESET_FUNCTION_END && counters)
		this_cpu_inc(counters->values[VIRTIO_MMR_FUNCTION_RESETS]);
	trace_virtio_mmr_reset(mmr->core_device.pdev, event);
}

/**
 * virtio_mmr_wait_for_reset - wait until the device has reset itself
 * @mmr: the device, whose status was written 0
 * @awake: as for virtio_mmr_access_begin()
 *
 * Holds no lock of this driver while it sleeps: a reset of the function may be what
 * ends the wait. At open vfio holds the lock of the functions that are reset together,
 * which for a VF are none but itself.
 *
 * Return: 0, or what device status still reads after 1 s.
 */
u8 virtio_mmr_wait_for_reset(struct virtio_mmr_device *mmr, bool awake)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(RESET_TIMEOUT_MS);
	unsigned int delay = RESET_POLL_US_MIN;
	u8 status;

	for (;;) {
		bool late = time_after(jiffies, deadline);

		status = 0;
		if (virtio_mmr_access_begin(mmr, awake))
			status = ioread8(mmr->registers + VIRTIO_MMR_DEVICE_STATUS);
		virtio_mmr_access_end(mmr);

		if (!status)
			return 0;
		if (late)
			break;
		usleep_range(delay, 2 * delay);
		delay = min_t(unsigned int, 2 * delay, RESET_POLL_US_MAX);
	}
	dev_warn_ratelimited(&mmr->core_device.pdev->dev, "device status is still 0x%02x %u ms after it was written 0; a reset of the function may help\n",
			     status, RESET_TIMEOUT_MS);
	virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_DEVICE_STUCK);
	return status;
}

/**
 * virtio_mmr_reset_open - reset the device for a new user
 * @mmr: the device, enabled, with its registers mapped
 *
 * vfio-pci-core resets the function where it can. Where it cannot, the device
 * could still have queues of the previous user.
 *
 * Return: 0, -EIO if device status does not become 0, or -EAGAIN while the
 * function is being reset.
 */
int virtio_mmr_reset_open(struct virtio_mmr_device *mmr)
{
	bool reachable = virtio_mmr_access_begin(mmr, false);

	if (reachable)
		iowrite8(0, mmr->registers + VIRTIO_MMR_DEVICE_STATUS);
	virtio_mmr_access_end(mmr);

	if (!reachable)
		return -EAGAIN;
	return virtio_mmr_wait_for_reset(mmr, false) ? -EIO : 0;
}

/* Callers hold the device lock: that of the driver core. */
static void change_offline(struct pci_dev *pdev, u8 set, u8 clear)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(&pdev->dev);
	u8 was = mmr->offline, is = (was | set) & ~clear;

	if (was == is)
		return;
	WRITE_ONCE(mmr->offline, is);
	if (!was) {
		/*
		 * Waits for accesses in flight; the device is not reset under them.
		 * Expedited, since a reset of a bus comes here for each function.
		 */
		synchronize_rcu_expedited();
		virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_FUNCTION_BEGIN);
	} else if (!is) {
		virtio_mmr_reset_report(mmr, VIRTIO_MMR_RESET_FUNCTION_END);
	}
}

/*
 * Resets that vfio-pci-core starts hold memory_lock and would be safe without
 * these; resets through sysfs and of the bus do not.
 *
 * The guest's COMMAND.IO and BAR0 stay what they are over a reset, as
 * vfio-pci-core's other virtual registers do: a reset by the host must not
 * take the registers away from a running guest.
 */
static void virtio_mmr_reset_prepare(struct pci_dev *pdev)
{
	change_offline(pdev, VIRTIO_MMR_OFFLINE_RESET, 0);
}

/* The PCI core has restored what configuration space and MSI-X need. */
static void virtio_mmr_reset_done(struct pci_dev *pdev)
{
	change_offline(pdev, 0, VIRTIO_MMR_OFFLINE_RESET | VIRTIO_MMR_OFFLINE_LOST_STATE);
}

/*
 * Recovery from a fatal error resets the link without the two callbacks above, and
 * restores nothing, MSI-X with its register layout included: only a reset of the
 * function does, by the user, or when the next one opens it. If recovery fails,
 * nothing is left to reset.
 */
static pci_ers_result_t virtio_mmr_error_detected(struct pci_dev *pdev,
						  pci_channel_state_t state)
{
	if (state != pci_channel_io_normal)
		change_offline(pdev, VIRTIO_MMR_OFFLINE_LINK, 0);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static void virtio_mmr_resume(struct pci_dev *pdev)
{
	if (virtio_mmr_drvdata(&pdev->dev)->offline & VIRTIO_MMR_OFFLINE_LINK)
		change_offline(pdev, VIRTIO_MMR_OFFLINE_LOST_STATE, VIRTIO_MMR_OFFLINE_LINK);
}

const struct pci_error_handlers virtio_mmr_err_handlers = {
	.reset_prepare = virtio_mmr_reset_prepare,
	.reset_done = virtio_mmr_reset_done,
	.error_detected = virtio_mmr_error_detected,
	.resume = virtio_mmr_resume,
};
