// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow part of an access: it waits for the lock, or wakes the function up.
 */
#include <linux/pm_runtime.h>
#include <linux/ratelimit.h>

#include "access.h"

/**
 * virtio_mmr_access_wait - take memory_lock for read after trying was in vain
 * @mmr: the device
 *
 * Return: true with memory_lock held, or false if the function is out of reach or the
 * caller has a fatal signal.
 */
bool virtio_mmr_access_wait(struct virtio_mmr_device *mmr)
{
	return !READ_ONCE(mmr->away) &&
	       !down_read_killable(&mmr->core_device.memory_lock);
}

/**
 * virtio_mmr_wake_failed - log that the function does not leave runtime suspend
 * @mmr: the device
 * @error: of the PM core
 */
void virtio_mmr_wake_failed(struct virtio_mmr_device *mmr, int error)
{
	if (__ratelimit(&mmr->opened->messages[VIRTIO_MMR_MESSAGE_WAKE]))
		pci_info(mmr->core_device.pdev, "an access or a notification gets lost, the function does not resume: error %d\n",
			 error);
}

/**
 * virtio_mmr_wake - wake the function up, and keep it from runtime suspend
 * @mmr: the device, open. The caller holds no lock or RCU reader of access.h: runtime resume
 *	takes memory_lock, and waits for a suspend that takes it, too.
 *
 * The user gets a signal if it has given an eventfd for wakeups
 * (VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP).
 *
 * Return: 0 if the function is awake; virtio_mmr_let_sleep() must follow then. -EIO if it does
 * not resume.
 */
int virtio_mmr_wake(struct virtio_mmr_device *mmr)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	int ret;

	lockdep_assert_not_held(&mmr->core_device.memory_lock);
	ret = pm_runtime_resume_and_get(&pdev->dev);
	if (ret < 0) {
		virtio_mmr_wake_failed(mmr, ret);
		return -EIO;
	}
	return 0;
}

/**
 * virtio_mmr_let_sleep - the function need not stay awake any longer
 * @mmr: the device, after a virtio_mmr_wake() that succeeded
 */
void virtio_mmr_let_sleep(struct virtio_mmr_device *mmr)
{
	pm_runtime_put(&mmr->core_device.pdev->dev);
}
