// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend of the host, and resets of a function in use: the virtio driver gives up its queues
 * and sets them up again. The device keeps nothing.
 */
#include <linux/device.h>

#include "interface.h"
#include "suspend.h"

static int suspend(struct device *dev)
{
	struct virtio_mmr_transport *transport = dev_get_drvdata(dev);

	return virtio_device_freeze(&transport->vdev);
}

static int resume(struct device *dev)
{
	struct virtio_mmr_transport *transport = dev_get_drvdata(dev);

	pci_set_master(transport->pdev);
	return virtio_device_restore(&transport->vdev);
}

const struct dev_pm_ops virtio_mmr_pm_ops = {
	SET_SYSTEM_SLEEP_PM_OPS(suspend, resume)
};

/* Without its queues a virtio driver that cannot suspend would wait for them for ever. */
static bool can_suspend(struct virtio_device *vdev)
{
	struct device_driver *driver = vdev->dev.driver;

	return !driver || drv_to_virtio(driver)->freeze;
}

static void reset_prepare(struct pci_dev *pdev)
{
	struct virtio_mmr_transport *transport = pci_get_drvdata(pdev);
	struct virtio_device *vdev = &transport->vdev;
	int ret;

	device_lock_assert(&pdev->dev);
	device_lock(&vdev->dev);
	if (can_suspend(vdev)) {
		ret = virtio_device_freeze(vdev);
		transport->frozen = !ret;
		if (ret)
			pci_err(pdev, "virtio %s cannot give up its queues for a reset (error %d); unbind the function and bind it again\n",
				transport->scan.identity->name, ret);
	} else {
		pci_err(pdev, "virtio %s does not survive a reset of the function; unbind it and bind it again\n",
			transport->scan.identity->name);
		virtio_break_device(vdev);
	}
	device_unlock(&vdev->dev);
}

static void reset_done(struct pci_dev *pdev)
{
	struct virtio_mmr_transport *transport = pci_get_drvdata(pdev);
	struct virtio_device *vdev = &transport->vdev;
	int ret;

	device_lock_assert(&pdev->dev);
	if (!transport->frozen)
		return;
	transport->frozen = false;
	device_lock(&vdev->dev);
	pci_set_master(pdev);
	ret = virtio_device_restore(vdev);
	device_unlock(&vdev->dev);
	if (ret)
		pci_err(pdev, "virtio %s does not work after a reset of the function (error %d); unbind it and bind it again\n",
			transport->scan.identity->name, ret);
}

const struct pci_error_handlers virtio_mmr_err_handlers = {
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
