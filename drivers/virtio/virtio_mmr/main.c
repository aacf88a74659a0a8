// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver for MMR functions that are virtio devices of this host. The kernel's virtio-pci
 * refuses their device IDs.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "attach.h"
#include "interface.h"
#include "suspend.h"

static bool legacy;
module_param(legacy, bool, 0644);
MODULE_PARM_DESC(legacy, "Use the legacy registers of functions that are bound from now on, also where the modern interface is usable (default: false)");

static int virtio_mmr_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct virtio_mmr_binding *binding;
	int ret;

	binding = kzalloc(sizeof(*binding), GFP_KERNEL);
	if (!binding)
		return -ENOMEM;
	binding->pdev = pdev;
	binding->legacy = READ_ONCE(legacy);
	pci_set_drvdata(pdev, binding);
	ret = virtio_mmr_attach(binding, binding->legacy);
	if (ret)
		kfree(binding);
	return ret;
}

static void virtio_mmr_remove(struct pci_dev *pdev)
{
	struct virtio_mmr_binding *binding = pci_get_drvdata(pdev);

	if (pci_num_vf(pdev))
		pci_warn(pdev, "%d VFs of this PF go away, whatever uses them\n",
			 pci_num_vf(pdev));
	pci_disable_sriov(pdev);
	/*
	 * A virtio driver without its queues cannot be removed: all have it that a resume comes
	 * before. It stays, and the function and this module with it. A card that was pulled during
	 * the suspend can be removed before that resume.
	 */
	if (binding->lost || binding->frozen) {
		pci_dev_get(pdev);
		pci_clear_master(pdev);
		pci_err(pdev, "virtio %s did not resume, so it stays as it is until the next boot; the function cannot be bound before\n",
			binding->transport->scan.identity->name);
	} else {
		virtio_mmr_detach(binding);
	}
	kfree(binding);
}

/* A PF must take VIRTIO_F_SR_IOV, if it offers that, before it has VFs (virtio 1.4, 6.2). */
static int virtio_mmr_sriov_configure(struct pci_dev *pdev, int count)
{
	struct virtio_mmr_binding *binding = pci_get_drvdata(pdev);
	int ret;

	if (!count) {
		pci_disable_sriov(pdev);
		return 0;
	}
	if (!binding->transport || !virtio_mmr_may_have_vfs(binding->transport)) {
		pci_err(pdev, "no VFs before a virtio driver uses the PF; load it (modprobe virtio_net for a network device), then write %d again\n",
			count);
		return -EBUSY;
	}
	ret = pci_enable_sriov(pdev, count);
	return ret ?: count;
}

/* "none" while the function is being reset, and if it has no device since then */
static ssize_t virtio_mmr_interface_show(struct device *dev, struct device_attribute *attr,
					 char *text)
{
	struct virtio_mmr_binding *binding = dev_get_drvdata(dev);

	return sysfs_emit(text, "%s\n", READ_ONCE(binding->interface) ?: "none");
}
static DEVICE_ATTR_RO(virtio_mmr_interface);

static struct attribute *virtio_mmr_attrs[] = {
	&dev_attr_virtio_mmr_interface.attr,
	NULL,
};
ATTRIBUTE_GROUPS(virtio_mmr);

static struct pci_driver virtio_mmr_driver = {
	.name = VIRTIO_MMR_PCI_NAME,
	/*
	 * A host must not use its guests' disks because a module was loaded. So the driver takes
	 * only functions that driver_override or new_id give it. With a table, even an empty one,
	 * the kernel refuses each new_id.
	 */
	.id_table = NULL,
	.probe = virtio_mmr_probe,
	.remove = virtio_mmr_remove,
	.sriov_configure = virtio_mmr_sriov_configure,
	.dev_groups = virtio_mmr_groups,
	.err_handler = &virtio_mmr_err_handlers,
	VIRTIO_MMR_SUSPEND_OPS
};

module_pci_driver(virtio_mmr_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("virtio-mmr maintainers");
MODULE_DESCRIPTION("PCI driver for transitional MMR virtio functions as devices of this host");
/* Only a module that is built outside of the kernel has a version of its own. */
#ifdef VIRTIO_MMR_VERSION
MODULE_VERSION(VIRTIO_MMR_VERSION);
#endif
