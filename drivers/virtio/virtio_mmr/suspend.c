// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend of the host: the virtio driver gives up its queues, and sets them up again after it.
 * The device keeps nothing.
 */
#include <linux/device.h>

#include "interface.h"
#include "queues.h"
#include "suspend.h"

/*
 * A driver that waits for a device which does not answer would wait for ever, and a driver that
 * has given up its queues could not set them up again. A binding that stays can be ended.
 */
static bool has_to_stay(struct virtio_mmr_transport *transport)
{
	bool lost;

	if (virtio_mmr_break_if_dead(transport))
		return true;
	device_lock(&transport->vdev.dev);
	lost = virtio_mmr_has_lost_requests(transport);
	device_unlock(&transport->vdev.dev);
	return lost;
}

/* The kernel's driver for 9P cannot, and would wait for its queues for ever. */
static bool can_suspend(struct virtio_device *vdev)
{
	struct device_driver *driver = vdev->dev.driver;

	return !driver || drv_to_virtio(driver)->freeze;
}

static int freeze(struct device *dev)
{
	struct virtio_mmr_binding *binding = dev_get_drvdata(dev);
	struct virtio_mmr_transport *transport = binding->transport;
	int ret;

	if (!transport || binding->lost)
		return 0;
	if (has_to_stay(transport)) {
		pci_err(transport->pdev, "virtio %s does not answer, so it stays as it is while the host suspends; unbind the function\n",
			transport->scan.identity->name);
		virtio_break_device(&transport->vdev);
		pci_clear_master(transport->pdev);
		binding->stayed = true;
		return 0;
	}
	if (!can_suspend(&transport->vdev)) {
		dev_err(dev, "the driver of virtio %s cannot suspend; unmount what it has and unbind the function first\n",
			transport->scan.identity->name);
		return -EBUSY;
	}
	ret = virtio_device_freeze(&transport->vdev);
	if (ret)
		return ret;
	/* Whatever it does now, it reaches no memory; a reset gives that back. */
	pci_clear_master(transport->pdev);
	return 0;
}

static int restore(struct device *dev)
{
	struct virtio_mmr_binding *binding = dev_get_drvdata(dev);
	struct virtio_mmr_transport *transport = binding->transport;
	int ret;

	if (!transport || binding->lost)
		return 0;
	if (binding->stayed) {
		binding->stayed = false;
		return 0;
	}
	ret = virtio_device_restore(&transport->vdev);
	binding->lost = ret;
	return ret;
}

const struct dev_pm_ops virtio_mmr_pm_ops = {
	SET_SYSTEM_SLEEP_PM_OPS(freeze, restore)
};
