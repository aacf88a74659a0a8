// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the function's memory may be touched, and the reset callbacks.
 */
#include <linux/lockdep.h>

#include "common.h"
#include "compat/compat.h"

/**
 * virtio_mmr_touchable - whether an access to BAR0 may reach the function
 * @mmr: the device; its memory_lock and access_lock are held for read
 *
 * Return: false in D3, while the function is being reset and while the guest's
 * COMMAND.IO is clear.
 */
bool virtio_mmr_touchable(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;

	lockdep_assert_held(&core->memory_lock);
	lockdep_assert_held(&mmr->access_lock);

	return !mmr->in_reset && virtio_mmr_compat_memory_enabled(core) &&
	       core->vconfig[PCI_COMMAND] & PCI_COMMAND_IO;
}

static void set_in_reset(struct pci_dev *pdev, bool in_reset)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);
	struct virtio_mmr_device *mmr = to_virtio_mmr(&core->vdev);

	/* Waits for accesses in flight; the device is not reset under them. */
	down_write(&mmr->access_lock);
	mmr->in_reset = in_reset;
	up_write(&mmr->access_lock);
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
	set_in_reset(pdev, true);
}

static void virtio_mmr_reset_done(struct pci_dev *pdev)
{
	set_in_reset(pdev, false);
}

const struct pci_error_handlers virtio_mmr_err_handlers = {
	.reset_prepare = virtio_mmr_reset_prepare,
	.reset_done = virtio_mmr_reset_done,
	.error_detected = vfio_pci_core_aer_err_detected,
};
