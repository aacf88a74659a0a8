// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a function in use, and failures of its link. The device keeps nothing, and only the
 * block driver can give up its queues while it is in use: the calls for a suspend of the host need
 * a host that stands still. So other virtio devices go away before the reset, and new ones come
 * after it.
 */
#include <linux/device.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/virtio_ids.h>

#include "attach.h"
#include "interface.h"
#include "queues.h"
#include "suspend.h"

#ifdef CONFIG_PM_SLEEP
/* No access of the configuration is in flight after this. */
static void set_away(struct virtio_mmr_transport *transport, bool away)
{
	down_write(&transport->config_lock);
	transport->away = away;
	up_write(&transport->config_lock);
}

/* With the lock of the virtio device held: its driver stays what it is until the end. */
static bool hold(struct virtio_mmr_transport *transport)
{
	struct virtio_device *vdev = &transport->vdev;

	/* A driver that waits for the device would wait for ever. */
	if (vdev->id.device != VIRTIO_ID_BLOCK || !virtio_mmr_answers(transport) ||
	    virtio_mmr_has_lost_requests(transport) || virtio_mmr_give_up_queues(transport))
		return false;
	set_away(transport, true);
	return true;
}

static int go_on(struct virtio_mmr_transport *transport)
{
	set_away(transport, false);
	return virtio_mmr_set_up_queues(transport);
}
#else
static bool hold(struct virtio_mmr_transport *transport)
{
	return false;
}

static int go_on(struct virtio_mmr_transport *transport)
{
	return 0;
}
#endif

static void prepare(struct virtio_mmr_binding *binding)
{
	struct virtio_mmr_transport *transport = binding->transport;
	struct pci_dev *pdev = binding->pdev;
	bool dead;

	/* A suspended device has no queues, and its driver must not give them up again. */
	if (!transport || binding->lost || binding->frozen)
		return;
	dead = virtio_mmr_break_if_dead(transport);
	device_lock(&transport->vdev.dev);
	binding->locked = !dead && hold(transport);
	if (binding->locked)
		return;
	device_unlock(&transport->vdev.dev);
	pci_info(pdev, "virtio %s goes away for a reset of the function, and a new one comes after it\n",
		 transport->scan.identity->name);
	virtio_mmr_detach(binding);
}

static void finish(struct virtio_mmr_binding *binding)
{
	struct virtio_mmr_transport *transport = binding->transport;
	struct pci_dev *pdev = binding->pdev;
	int ret;

	if (binding->locked) {
		ret = go_on(transport);
		binding->locked = false;
		device_unlock(&transport->vdev.dev);
		binding->lost = ret;
		if (ret)
			pci_err(pdev, "virtio %s does not work after a reset of the function (error %d), and stays so until the next boot\n",
				transport->scan.identity->name, ret);
	} else if (!transport) {
		ret = virtio_mmr_attach(binding, binding->legacy);
		if (ret)
			pci_err(pdev, "no virtio device after a reset of the function (error %d); unbind the function and bind it again\n",
				ret);
	}
}

/*
 * A disk takes no requests until its reset is over. So memory for a reset must not wait for writes
 * to a disk, which may be this one, or another function of the same reset. This is for the task of
 * the reset alone; in a suspend of the host the kernel sees to that for all tasks.
 */
static void reset_prepare(struct pci_dev *pdev)
{
	unsigned int flags = memalloc_noio_save();

	device_lock_assert(&pdev->dev);
	prepare(pci_get_drvdata(pdev));
	memalloc_noio_restore(flags);
}

static void reset_done(struct pci_dev *pdev)
{
	unsigned int flags = memalloc_noio_save();

	device_lock_assert(&pdev->dev);
	finish(pci_get_drvdata(pdev));
	memalloc_noio_restore(flags);
}

/*
 * A link that has failed is reset, and the device with it. The requests that the device has get no
 * answer. Others would wait for one as well, so they end with errors. The function works again
 * after its PF was found anew: nobody has kept the addresses of its BARs.
 *
 * One function that takes no part ends the recovery of all below the port, guests' ones included.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct virtio_mmr_binding *binding = pci_get_drvdata(pdev);
	struct virtio_mmr_transport *transport = binding->transport;

	device_lock_assert(&pdev->dev);
	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (transport) {
		virtio_break_device(&transport->vdev);
		pci_err(pdev, "the link of virtio %s has failed, so its queues are broken; write 1 to /sys/bus/pci/devices/%s/remove, then to /sys/bus/pci/rescan\n",
			transport->scan.identity->name, pci_name(pci_physfn(pdev)));
	}
	return state == pci_channel_io_frozen ? PCI_ERS_RESULT_NEED_RESET :
						PCI_ERS_RESULT_DISCONNECT;
}

const struct pci_error_handlers virtio_mmr_err_handlers = {
	.error_detected = error_detected,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
