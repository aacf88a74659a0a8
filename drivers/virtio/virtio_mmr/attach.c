// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes a virtio device of a function: finds its registers, maps them, chooses the interface,
 * and registers the device.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmr.h>

#include "attach.h"
#include "doorbells.h"
#include "interface.h"
#include "queues.h"
#include "virtio_mmr/pci.h"

/*
 * Bytes of a structure that are mapped at most (policy). No device type has a longer
 * configuration, and a device may give any length.
 */
#define MAX_MAPPING	PAGE_SIZE

static noinline_for_stack int discover(struct virtio_mmr_transport *transport)
{
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];
	struct virtio_mmr_scan *scan = &transport->scan;
	struct pci_dev *pdev = transport->pdev;
	struct virtio_mmr_lists lists;

	virtio_mmr_pci_identify(pdev, scan, &lists);
	if (scan->native_verdict == VIRTIO_MMR_SCAN_USABLE) {
		virtio_mmr_pci_structures(pdev, scan);
		virtio_mmr_pci_device_config(pdev, scan, &transport->device_config_place);
		return 0;
	}
	virtio_mmr_scan_explain_native(why, sizeof(why), scan, pdev->vendor, pdev->device);
	pci_err(pdev, "no legacy registers in memory that this host could use: %s\n", why);
	return -ENODEV;
}

static int regions(const struct virtio_mmr_transport *transport)
{
	const struct virtio_mmr_scan *scan = &transport->scan;
	int bars = 1 << scan->cap.bar;

	if (scan->has_common_config)
		bars |= 1 << scan->common_config.bar;
	if (scan->has_isr)
		bars |= 1 << scan->isr.bar;
	if (transport->device_config_place.length)
		bars |= 1 << transport->device_config_place.bar;
	if (scan->has_notification)
		bars |= 1 << scan->notify.bar;
	return bars;
}

static void __iomem *map_structure(struct virtio_mmr_transport *transport,
				   const struct virtio_mmr_structure *structure, u64 limit)
{
	u64 length = min(structure->length, limit);
	void __iomem *mapping = pci_iomap_range(transport->pdev, structure->bar,
						structure->offset, length);

	if (!mapping)
		pci_err(transport->pdev, "cannot map 0x%llx bytes of BAR %u at 0x%llx\n",
			length, structure->bar, structure->offset);
	return mapping;
}

static void unmap_all(struct virtio_mmr_transport *transport)
{
	void __iomem *mappings[] = {
		transport->ldev.ioaddr, transport->mdev.common, transport->mdev.isr,
		transport->device_config, transport->notify,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mappings); i++)
		if (mappings[i])
			pci_iounmap(transport->pdev, mappings[i]);
	kvfree(transport->doorbells);
}

/* The kernel's functions on these structures use only the mappings and @pci_dev. */
static int map_all(struct virtio_mmr_transport *transport)
{
	struct virtio_mmr_structure *place = &transport->device_config_place;
	struct virtio_mmr_scan *scan = &transport->scan;
	struct virtio_mmr_structure window = {
		.bar = scan->cap.bar, .offset = scan->cap.offset, .length = scan->cap.length,
	};

	/* A field of the configuration beyond the mapping does not exist. */
	scan->cap.length = min_t(u64, scan->cap.length, MAX_MAPPING);
	place->length = min_t(u64, place->length, MAX_MAPPING);

	transport->ldev.pci_dev = transport->pdev;
	transport->ldev.ioaddr = map_structure(transport, &window, MAX_MAPPING);
	if (!transport->ldev.ioaddr)
		return -ENOMEM;
	transport->ldev.isr = transport->ldev.ioaddr + VIRTIO_MMR_ISR_STATUS;

	transport->mdev.pci_dev = transport->pdev;
	if (scan->has_common_config) {
		transport->mdev.common = map_structure(transport, &scan->common_config,
						       sizeof(struct virtio_pci_common_cfg));
		if (!transport->mdev.common)
			return -ENOMEM;
	}
	if (scan->has_isr) {
		transport->mdev.isr = map_structure(transport, &scan->isr, 1);
		if (!transport->mdev.isr)
			return -ENOMEM;
	}
	if (place->length) {
		transport->device_config = map_structure(transport, place, MAX_MAPPING);
		if (!transport->device_config)
			return -ENOMEM;
	}
	if (scan->has_notification) {
		transport->notify = map_structure(transport, &scan->notify, U64_MAX);
		if (!transport->notify)
			return -ENOMEM;
	}
	return 0;
}

/* Needs a device that has been reset */
static int choose_interface(struct virtio_mmr_transport *transport, bool legacy)
{
	struct pci_dev *pdev = transport->pdev;
	const char *obstacle = "module parameter legacy is set";
	/* A legacy ring's page number has 32 bits. */
	u64 ring_mask = DMA_BIT_MASK(32 + VIRTIO_PCI_QUEUE_ADDR_SHIFT);
	int ret;

	if (!legacy)
		obstacle = virtio_mmr_modern_obstacle(transport);
	if (obstacle) {
		transport->interface = &virtio_mmr_legacy_interface;
		transport->isr = transport->ldev.isr;
	} else {
		transport->interface = &virtio_mmr_modern_interface;
		transport->isr = transport->mdev.isr;
		ring_mask = DMA_BIT_MASK(64);
	}
	transport->vdev.config = transport->interface->ops;

	ret = dma_set_mask(&pdev->dev, DMA_BIT_MASK(64));
	if (!ret)
		ret = dma_set_coherent_mask(&pdev->dev, ring_mask);
	if (ret) {
		pci_err(pdev, "this host cannot give addresses of 64 bits to the function (error %d)\n",
			ret);
		return ret;
	}

	if (obstacle)
		pci_info(pdev, "virtio %s for this host, by legacy registers in BAR %u at 0x%llx (%s)\n",
			 transport->scan.identity->name, transport->scan.cap.bar,
			 transport->scan.cap.offset, obstacle);
	else
		pci_info(pdev, "virtio %s for this host, by the modern interface\n",
			 transport->scan.identity->name);
	return 0;
}

static int start(struct virtio_mmr_transport *transport, bool legacy)
{
	struct pci_dev *pdev = transport->pdev;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	/* Until it has queues. Another driver, or another kernel, may have left it. */
	pci_clear_master(pdev);
	ret = pci_request_selected_regions(pdev, transport->regions, VIRTIO_MMR_PCI_NAME);
	if (ret)
		goto out_disable;
	ret = map_all(transport);
	if (!ret)
		ret = virtio_mmr_reset_device(transport);
	if (!ret)
		ret = virtio_mmr_doorbells_find(transport);
	if (!ret)
		ret = choose_interface(transport, legacy);
	if (ret)
		goto out_unmap;
	return 0;

out_unmap:
	unmap_all(transport);
	pci_release_selected_regions(pdev, transport->regions);
out_disable:
	pci_disable_device(pdev);
	return ret;
}

static void stop(struct virtio_mmr_transport *transport)
{
	struct pci_dev *pdev = transport->pdev;

	unmap_all(transport);
	pci_release_selected_regions(pdev, transport->regions);
	pci_disable_device(pdev);
}

/* The last user may be a disk that somebody has kept open, long after the function went away. */
static void release(struct device *dev)
{
	kfree(to_transport(dev_to_virtio(dev)));
	module_put(THIS_MODULE);
}

/**
 * virtio_mmr_attach - make a virtio device of a function
 * @binding: of the function, without a device
 * @legacy: use the legacy registers, also where the modern interface is usable
 *
 * The reason for a refusal is logged.
 *
 * Return: 0 or a negative error, and then @binding has no device.
 */
int virtio_mmr_attach(struct virtio_mmr_binding *binding, bool legacy)
{
	struct virtio_mmr_transport *transport;
	int ret;

	device_lock_assert(&binding->pdev->dev);
	/* Until release(), which is here. virtio's core counts no users of a transport. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	transport = kzalloc(sizeof(*transport), GFP_KERNEL);
	if (!transport) {
		ret = -ENOMEM;
		goto out_put_module;
	}
	init_rwsem(&transport->config_lock);
	transport->pdev = binding->pdev;
	ret = discover(transport);
	if (ret)
		goto out_free;
	transport->regions = regions(transport);
	ret = start(transport, legacy);
	if (ret)
		goto out_free;

	transport->vdev.dev.parent = &binding->pdev->dev;
	transport->vdev.dev.release = release;
	transport->vdev.id.vendor = VIRTIO_MMR_VENDOR_ID;
	transport->vdev.id.device = transport->scan.identity->virtio_id;
	ret = register_virtio_device(&transport->vdev);
	if (ret) {
		stop(transport);
		/* It has a reference, even though it is not registered. */
		put_device(&transport->vdev.dev);
		return ret;
	}
	binding->transport = transport;
	WRITE_ONCE(binding->interface, transport->interface->name);
	return 0;

out_free:
	kfree(transport);
out_put_module:
	module_put(THIS_MODULE);
	return ret;
}

static void report_lost_requests(struct virtio_mmr_transport *transport)
{
	bool lost;

	/* The virtio driver, which has the queues, may leave at the same time. */
	device_lock(&transport->vdev.dev);
	lost = virtio_mmr_has_lost_requests(transport);
	device_unlock(&transport->vdev.dev);
	if (lost)
		pci_err(transport->pdev, "the function is gone, was reset or has failed, and does not answer the requests that its disk has under way; they wait until the next boot, and so does this removal\n");
}

/**
 * virtio_mmr_detach - take the virtio device of a function away
 * @binding: of the function
 *
 * Its virtio driver waits for requests that the device still has. A device that does not answer
 * any longer is broken first: drivers then give up what they poll for, and new requests fail. The
 * driver of a disk waits for requests that are under way all the same, for ever, as with
 * virtio-pci.
 */
void virtio_mmr_detach(struct virtio_mmr_binding *binding)
{
	struct virtio_mmr_transport *transport = binding->transport;

	device_lock_assert(&binding->pdev->dev);
	if (!transport)
		return;
	if (!virtio_mmr_break_if_dead(transport) && !virtio_mmr_answers(transport))
		virtio_break_device(&transport->vdev);
	report_lost_requests(transport);
	WRITE_ONCE(binding->interface, NULL);
	binding->transport = NULL;
	get_device(&transport->vdev.dev);
	unregister_virtio_device(&transport->vdev);
	/* Those of a resume that failed */
	virtio_mmr_free_kept_queues(transport);
	stop(transport);
	put_device(&transport->vdev.dev);
}
