// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend of the host: the virtio driver gives up its queues, and sets them up again after it.
 * The device keeps nothing.
 */
#include <linux/device.h>
#include <linux/virtio_ids.h>

#include "interface.h"
#include "queues.h"
#include "suspend.h"

/**
 * virtio_mmr_give_up_queues - have the virtio driver give up its queues, to set them up again
 * @transport: the device, with no change of its driver
 *
 * It may use the old ones until it has others, also after a resume that fails: virtio_scsi sends
 * requests to them, and those of a disk's last flush at shutdown. So they stay, as broken ones that
 * take nothing.
 *
 * Return: 0 or a negative error.
 */
int virtio_mmr_give_up_queues(struct virtio_mmr_transport *transport)
{
	int ret;

	transport->gives_up = true;
	ret = virtio_device_freeze(&transport->vdev);
	transport->gives_up = false;
	return ret;
}

/**
 * virtio_mmr_set_up_queues - have the virtio driver set up its queues again
 * @transport: the device, after virtio_mmr_give_up_queues()
 *
 * Return: 0 or a negative error.
 */
int virtio_mmr_set_up_queues(struct virtio_mmr_transport *transport)
{
	int ret = virtio_device_restore(&transport->vdev);

	if (!ret)
		virtio_mmr_free_kept_queues(transport);
	return ret;
}

static bool has_lost_requests(struct virtio_mmr_transport *transport)
{
	bool lost;

	device_lock(&transport->vdev.dev);
	lost = virtio_mmr_has_lost_requests(transport);
	device_unlock(&transport->vdev.dev);
	return lost;
}

/*
 * A driver that waits for a device which does not answer would wait for ever, and a driver that
 * has given up its queues could not set them up again. A binding that stays can be ended.
 */
static bool has_to_stay(struct virtio_mmr_transport *transport)
{
	bool stays;

	if (virtio_mmr_break_if_dead(transport))
		return true;
	device_lock(&transport->vdev.dev);
	stays = !virtio_mmr_answers(transport) || virtio_mmr_has_lost_requests(transport);
	device_unlock(&transport->vdev.dev);
	return stays;
}

static void stay(struct virtio_mmr_binding *binding)
{
	struct virtio_mmr_transport *transport = binding->transport;

	pci_err(transport->pdev, "virtio %s does not work, so its queues are broken and it may not access memory while the host suspends\n",
		transport->scan.identity->name);
	virtio_break_device(&transport->vdev);
	pci_clear_master(transport->pdev);
	binding->stayed = true;
}

/*
 * Before the first device of the host suspends: a SCSI disk flushes its cache earlier than the
 * device that it hangs on suspends, and waits for ever for one that does not answer.
 */
static int prepare(struct device *dev)
{
	struct virtio_mmr_binding *binding = dev_get_drvdata(dev);
	struct virtio_mmr_transport *transport = binding->transport;

	if (transport && !binding->lost && transport->vdev.id.device == VIRTIO_ID_SCSI &&
	    has_to_stay(transport))
		stay(binding);
	return 0;
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

	if (!transport || binding->lost || binding->stayed)
		return 0;
	if (has_to_stay(transport)) {
		stay(binding);
		return 0;
	}
	if (!can_suspend(&transport->vdev)) {
		dev_err(dev, "the driver of virtio %s cannot suspend; unmount what it has and unbind the function first\n",
			transport->scan.identity->name);
		return -EBUSY;
	}
	ret = virtio_mmr_give_up_queues(transport);
	if (ret)
		return ret;
	binding->frozen = true;
	return 0;
}

/* A function that is gone can give zeros as well, which a reset takes for its end. */
static bool keeps_status(struct virtio_mmr_transport *transport)
{
	if (virtio_mmr_reset_device(transport))
		return false;
	virtio_add_status(&transport->vdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	return virtio_mmr_get_status(&transport->vdev) == VIRTIO_CONFIG_S_ACKNOWLEDGE;
}

/*
 * The PF of a VF may have stopped it for the suspend, as nothing orders the two. It is back then.
 * Its virtio driver gives up queues that are broken, so that must not wait: the driver of a balloon
 * would. Until the device has shown that it is there, the driver keeps them, as it could not set
 * them up again.
 */
static bool is_back(struct virtio_mmr_transport *transport)
{
	struct virtio_device *vdev = &transport->vdev;

	return can_suspend(vdev) && vdev->id.device != VIRTIO_ID_BALLOON &&
	       !has_lost_requests(transport) && pci_device_is_present(transport->pdev) &&
	       keeps_status(transport) && !virtio_mmr_give_up_queues(transport);
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
		if (!is_back(transport)) {
			pci_err(transport->pdev, "virtio %s does not work after the suspend either; write %s to /sys/bus/pci/drivers/virtio_mmr_pci/unbind, then bind it again\n",
				transport->scan.identity->name, pci_name(transport->pdev));
			return 0;
		}
		pci_info(transport->pdev, "virtio %s is reset and set up again after the suspend\n",
			 transport->scan.identity->name);
	}
	binding->frozen = false;
	ret = virtio_mmr_set_up_queues(transport);
	binding->lost = ret;
	return ret;
}

/* The suspend may have ended before it came to this device. */
static void end(struct device *dev)
{
	struct virtio_mmr_binding *binding = dev_get_drvdata(dev);

	if (binding->stayed)
		restore(dev);
}

const struct dev_pm_ops virtio_mmr_pm_ops = {
	.prepare = prepare,
	.complete = end,
	SET_SYSTEM_SLEEP_PM_OPS(freeze, restore)
};
