// SPDX-License-Identifier: GPL-2.0-only
/*
 * What both interfaces have in common: resets, and the kind of addresses that the device gets.
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/ktime.h>
#include <linux/virtio_mmr.h>

#include "interface.h"
#include "queues.h"

/*
 * Time that a reset may take, and time between two looks (policy, as for guests).
 * Jiffies would not do: they lag when the CPU that counts them is held up.
 */
#define RESET_TIMEOUT_MS	1000
#define RESET_POLL_US_MIN	100
#define RESET_POLL_US_MAX	10000

static u8 read_status(struct virtio_mmr_transport *transport)
{
	if (transport->interface == &virtio_mmr_modern_interface)
		return vp_modern_get_status(&transport->mdev);
	return vp_legacy_get_status(&transport->ldev);
}

static void write_status(struct virtio_mmr_transport *transport, u8 status)
{
	/* Pairs with virtio_mmr_uses_queues(): what the virtio driver has set up comes before */
	smp_store_release(&transport->status, status);
	if (transport->interface == &virtio_mmr_modern_interface)
		vp_modern_set_status(&transport->mdev, status);
	else
		vp_legacy_set_status(&transport->ldev, status);
}

/**
 * virtio_mmr_get_status - device status, for virtio's core
 * @vdev: the device
 *
 * A device sets no bit by itself, but for one that tells of its failure. The kernel warns with a
 * stack if one that is reset or is being set up has bits of a device in use. It does so as well if
 * DRIVER_OK is absent, and is there when it looks again.
 *
 * Return: device status, without bits that its driver has not set, and with DRIVER_OK if it has set
 * that; 0 of a device that did not reset itself, as it has nothing of its driver any longer.
 */
u8 virtio_mmr_get_status(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);

	if (transport->stuck || !transport->status)
		return 0;
	return (read_status(transport) & (transport->status | VIRTIO_CONFIG_S_NEEDS_RESET)) |
	       (transport->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

/**
 * virtio_mmr_set_status - write device status, for virtio's core
 * @vdev: the device
 * @status: bits that are set already, and others
 */
void virtio_mmr_set_status(struct virtio_device *vdev, u8 status)
{
	write_status(to_transport(vdev), status);
}

/**
 * virtio_mmr_uses_queues - whether the virtio driver can bear interrupts of its queues
 * @transport: the device
 *
 * Any context.
 *
 * Return: true from DRIVER_OK until the next reset.
 */
bool virtio_mmr_uses_queues(struct virtio_mmr_transport *transport)
{
	/* Pairs with write_status() */
	return smp_load_acquire(&transport->status) & VIRTIO_CONFIG_S_DRIVER_OK;
}

/**
 * virtio_mmr_is_reset - whether the device has no state of a driver
 * @transport: the device
 *
 * Return: true if its status says so, if it did not reset itself, or if the function is gone.
 */
bool virtio_mmr_is_reset(struct virtio_mmr_transport *transport)
{
	u8 status;

	if (transport->stuck)
		return true;
	status = read_status(transport);
	return !status || status == 0xff;
}

/* All ones are a function that is gone. */
static bool status_needs_reset(u8 status)
{
	return status & VIRTIO_CONFIG_S_NEEDS_RESET && status != 0xff;
}

/* Whatever its driver does with it. If not, @status is what it says. */
static bool is_dead(struct virtio_mmr_transport *transport, u8 *status)
{
	if (transport->stuck || !pci_device_is_present(transport->pdev))
		return true;
	*status = read_status(transport);
	return *status == 0xff || status_needs_reset(*status);
}

/**
 * virtio_mmr_answers - whether the device still works for its driver
 * @transport: the device; a driver that sets it up at the same time has the lock of the virtio
 *	device, and makes this false for a moment
 *
 * Return: false if the function is gone, does not answer, has lost its state, or has given up.
 */
bool virtio_mmr_answers(struct virtio_mmr_transport *transport)
{
	u8 status;

	return !is_dead(transport, &status) &&
	       (status & VIRTIO_CONFIG_S_DRIVER_OK || !transport->num_queues);
}

/**
 * virtio_mmr_report_needs_reset - say it in the log if the device has given up
 * @transport: the device
 *
 * A device does so after an error that it cannot mend (virtio 1.4, 2.1.2). The kernel's virtio
 * drivers take no notice. Any context.
 */
void virtio_mmr_report_needs_reset(struct virtio_mmr_transport *transport)
{
	u8 status;

	/* Handlers of interrupts and others may be here at the same time: two lines do no harm. */
	if (READ_ONCE(transport->gave_up))
		return;
	status = read_status(transport);
	if (!status_needs_reset(status))
		return;
	WRITE_ONCE(transport->gave_up, true);
	pci_err(transport->pdev, "virtio %s has failed and needs a reset (device status 0x%02x); write %s to /sys/bus/pci/drivers/virtio_mmr_pci/unbind, then bind it again\n",
		transport->scan.identity->name, status, pci_name(transport->pdev));
}

/**
 * virtio_mmr_break_if_dead - mark all queues as broken if the device is gone or has given up
 * @transport: the device
 *
 * Drivers then give up what they poll for. One of them may do that with the lock of the virtio
 * device held, so this comes before the lock is taken. A device that has lost its state looks like
 * one that is being set up, which only virtio_mmr_answers() with the lock can tell apart.
 *
 * Return: true if the queues are broken.
 */
bool virtio_mmr_break_if_dead(struct virtio_mmr_transport *transport)
{
	u8 status;

	if (!is_dead(transport, &status))
		return false;
	virtio_mmr_report_needs_reset(transport);
	virtio_break_device(&transport->vdev);
	return true;
}

/**
 * virtio_mmr_keep_out - give no queue to a device that has kept one after its reset
 * @transport: the device
 * @index: of the queue
 */
void virtio_mmr_keep_out(struct virtio_mmr_transport *transport, unsigned int index)
{
	struct pci_dev *pdev = transport->pdev;

	pci_clear_master(pdev);
	transport->stuck = true;
	/* One that is gone gives all ones. */
	if (pci_device_is_present(pdev))
		pci_err(pdev, "queue %u is still in use after a reset, so the device may not access memory; reset the function, then bind it again\n",
			index);
}

/**
 * virtio_mmr_reset_device - reset the device, and wait until it has done so
 * @transport: the device, with its registers mapped
 *
 * A device that does not reset itself may still write to memory that its driver then frees. So
 * it loses bus mastering, and gets no queue until a reset succeeds. One that did not reset itself
 * before is not waited for again.
 *
 * Return: 0, -EIO if device status is not 0 after 1 s, or -ENODEV if the function is gone.
 */
int virtio_mmr_reset_device(struct virtio_mmr_transport *transport)
{
	ktime_t deadline = ktime_add_ms(ktime_get(), RESET_TIMEOUT_MS);
	unsigned int delay = RESET_POLL_US_MIN;
	bool was_stuck;
	u8 status;

	write_status(transport, 0);
	for (;;) {
		bool late = transport->stuck || ktime_after(ktime_get(), deadline);

		status = read_status(transport);
		if (!status)
			break;
		if (late || (status == 0xff && !pci_device_is_present(transport->pdev)))
			break;
		usleep_range(delay, 2 * delay);
		delay = min_t(unsigned int, 2 * delay, RESET_POLL_US_MAX);
	}
	if (!status) {
		transport->stuck = false;
		WRITE_ONCE(transport->gave_up, false);
		return 0;
	}
	pci_clear_master(transport->pdev);
	was_stuck = transport->stuck;
	transport->stuck = true;
	if (!pci_device_is_present(transport->pdev))
		return -ENODEV;
	if (was_stuck)
		return -EIO;
	pci_err(transport->pdev, "device status is still 0x%02x %u ms after it was written 0, so the device may not access memory; reset the function, then bind it again\n",
		status, RESET_TIMEOUT_MS);
	return -EIO;
}

/**
 * virtio_mmr_reset - reset the device for its virtio driver
 * @vdev: the device
 *
 * After this no handler of an interrupt runs for a queue that was in use. If the device does not
 * reset itself, the driver gets no queues.
 */
void virtio_mmr_reset(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);

	virtio_mmr_reset_device(transport);
	virtio_mmr_synchronize_interrupts(vdev);
}

/*
 * The device sees memory through the IOMMU. A driver that has not taken
 * VIRTIO_F_ACCESS_PLATFORM gives it physical addresses all the same. Of the kernel's drivers only
 * virtio_balloon does that, as page numbers are all that its protocol has.
 */
int virtio_mmr_check_addresses(struct virtio_mmr_transport *transport)
{
	struct pci_dev *pdev = transport->pdev;
	struct iommu_domain *domain;
	struct iommu_group *group;

	if (__virtio_test_bit(&transport->vdev, VIRTIO_F_ACCESS_PLATFORM))
		return 0;
	domain = iommu_get_domain_for_dev(&pdev->dev);
	if (!domain || domain->type == IOMMU_DOMAIN_IDENTITY)
		return 0;

	group = iommu_group_get(&pdev->dev);
	pci_err(pdev, "the driver of virtio %s gives physical addresses to the device, which the IOMMU translates; unbind the function, write identity to /sys/kernel/iommu_groups/%d/type, and bind it again\n",
		transport->scan.identity->name, group ? iommu_group_id(group) : -1);
	iommu_group_put(group);
	return -EOPNOTSUPP;
}

const char *virtio_mmr_bus_name(struct virtio_device *vdev)
{
	return pci_name(to_transport(vdev)->pdev);
}
