// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci variant driver for transitional MMR virtio functions. The guest sees a transitional
 * device with its legacy registers in an I/O BAR0.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/virtio_mmr.h>

#include "common.h"
#include "compat/compat.h"
#include "config_space.h"
#include "discovery.h"
#include "intx.h"
#include "io_bar.h"
#include "ioeventfd.h"
#include "notify.h"
#include "region.h"
#include "reset.h"

/* The messages of one user count for the next one as well. */
static int alloc_opened(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_opened *opened;
	unsigned int message;

	if (mmr->opened)
		return 0;
	opened = kzalloc(sizeof(*opened), GFP_KERNEL_ACCOUNT);
	if (!opened)
		return -ENOMEM;
	opened->mmr = mmr;
	mutex_init(&opened->command_lock);
	for (message = 0; message < VIRTIO_MMR_NUM_MESSAGES; message++)
		ratelimit_state_init(&opened->messages[message], DEFAULT_RATELIMIT_INTERVAL,
				     DEFAULT_RATELIMIT_BURST);
	virtio_mmr_ioeventfd_init(opened);
	mmr->opened = opened;
	return 0;
}

/*
 * Checks the lists at each open: the device may answer differently than at probe. During a reset
 * by the host they read as ones, which says nothing. vfio-pci-core gives the same error then. What
 * a killed write of the power state has left ends here, as an open wakes the function.
 */
static int check_lists(struct virtio_mmr_device *mmr)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	int ret;

	if (!pci_cfg_access_trylock(pdev))
		return -EAGAIN;
	WRITE_ONCE(mmr->writes_power, false);
	clear_bit(VIRTIO_MMR_AWAY_WAKING, &mmr->away);
	ret = virtio_mmr_check_lists(pdev, &mmr->scan,
				     &mmr->opened->messages[VIRTIO_MMR_MESSAGE_LISTS]);
	pci_cfg_access_unlock(pdev);
	return ret;
}

static int enable(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	struct device *dev = &core->pdev->dev;
	struct virtio_mmr_resetter resetter;
	int ret;

	ret = alloc_opened(mmr);
	if (ret)
		return ret;
	ret = pm_runtime_resume_and_get(dev);
	if (ret)
		return ret;
	ret = check_lists(mmr);
	if (!ret) {
		virtio_mmr_may_reset_begin(mmr, &resetter);
		ret = vfio_pci_core_enable(core);
		virtio_mmr_may_reset_end(mmr, &resetter);
	}
	pm_runtime_put(dev);
	return ret;
}

/*
 * The window, doorbells and ioeventfds avoid the table that was found at probe. So it must
 * still be there.
 */
static int check_msix(struct virtio_mmr_device *mmr)
{
	const struct virtio_mmr_range *table = &mmr->scan.function.msix_table;
	struct vfio_pci_core_device *core = &mmr->core_device;

	if (!core->pdev->msix_cap ||
	    (core->msix_bar == table->bar && core->msix_offset == table->offset &&
	     core->msix_size == table->length))
		return 0;
	if (__ratelimit(&mmr->opened->messages[VIRTIO_MMR_MESSAGE_LISTS]))
		pci_err(core->pdev, "the MSI-X table has moved from BAR %u at 0x%x (%u bytes) to BAR %u at 0x%x (%u bytes), bind the function again\n",
			table->bar, table->offset, table->length, core->msix_bar,
			core->msix_offset, core->msix_size);
	return -EIO;
}

static int virtio_mmr_open_device(struct vfio_device *core_vdev)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	struct vfio_pci_core_device *core = &mmr->core_device;
	struct virtio_mmr_resetter resetter;
	int ret;

	ret = virtio_mmr_counters_open(mmr);
	if (ret)
		return ret;
	ret = enable(mmr);
	if (ret)
		return ret;

	virtio_mmr_config_open(mmr);
	virtio_mmr_intx_open(mmr);
	ret = check_msix(mmr);
	if (ret)
		goto out_disable;
	ret = virtio_mmr_io_bar_open(mmr);
	if (ret)
		goto out_disable;
	ret = virtio_mmr_reset_open(mmr);
	if (ret)
		goto out_disable;
	ret = virtio_mmr_notify_open(mmr);
	if (ret)
		goto out_disable;

	vfio_pci_core_finish_enable(core);
	return 0;

out_disable:
	mmr->registers = NULL;
	virtio_mmr_may_reset_begin(mmr, &resetter);
	vfio_pci_core_disable(core);
	virtio_mmr_may_reset_end(mmr, &resetter);
	return ret;
}

static void virtio_mmr_close_device(struct vfio_device *core_vdev)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	struct virtio_mmr_resetter resetter;

	virtio_mmr_intx_close(mmr);
	virtio_mmr_ioeventfd_close(mmr);
	virtio_mmr_notify_close(mmr);
	mmr->registers = NULL;
	virtio_mmr_may_reset_begin(mmr, &resetter);
	vfio_pci_core_close_device(core_vdev);
	virtio_mmr_may_reset_end(mmr, &resetter);
	virtio_mmr_layout_report(mmr);
}

/* Low power takes the function out of D3, which the guest may have put it into. */
static int virtio_mmr_device_feature(struct vfio_device *core_vdev, u32 flags,
				     void __user *arg, size_t argsz)
{
	int ret = vfio_pci_core_ioctl_feature(core_vdev, flags, arg, argsz);

	virtio_mmr_intx_catch_up(to_virtio_mmr(core_vdev));
	return ret;
}

static void virtio_mmr_release_device(struct vfio_device *core_vdev)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);

	virtio_mmr_counters_release(mmr);
	kfree(mmr->opened);
	vfio_pci_core_release_dev(core_vdev);
}

static int virtio_mmr_init_device(struct vfio_device *core_vdev)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);

	spin_lock_init(&mmr->config_lock);
	virtio_mmr_reset_init(mmr);
	virtio_mmr_intx_init(mmr);
	return vfio_pci_core_init_dev(core_vdev);
}

/* Operations that are the same for all functions */
#define COMMON_OPS \
	.name = VIRTIO_MMR_DRIVER_NAME, \
	.init = virtio_mmr_init_device, \
	.release = virtio_mmr_release_device, \
	.request = vfio_pci_core_request, \
	.match = vfio_pci_core_match, \
	VIRTIO_MMR_COMPAT_MATCH_OPS \
	VIRTIO_MMR_COMPAT_IOMMUFD_OPS

static const struct vfio_device_ops virtio_mmr_ops = {
	.open_device = virtio_mmr_open_device,
	.close_device = virtio_mmr_close_device,
	.read = virtio_mmr_read,
	.write = virtio_mmr_write,
	.mmap = virtio_mmr_mmap,
	.ioctl = virtio_mmr_compat_ioctl,
	.device_feature = virtio_mmr_device_feature,
	VIRTIO_MMR_COMPAT_REGION_INFO_OPS
	COMMON_OPS
};

static int virtio_mmr_plain_open_device(struct vfio_device *core_vdev)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(core_vdev);
	int ret;

	ret = enable(mmr);
	if (ret)
		return ret;
	vfio_pci_core_finish_enable(&mmr->core_device);
	return 0;
}

/*
 * For a function with an MMR device ID and no MMR capability. Experiments use these IDs as
 * well, and device managers choose this driver by them.
 */
static const struct vfio_device_ops virtio_mmr_plain_ops = {
	.open_device = virtio_mmr_plain_open_device,
	.close_device = vfio_pci_core_close_device,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	VIRTIO_MMR_COMPAT_PLAIN_REGION_INFO_OPS
	COMMON_OPS
};

static int virtio_mmr_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct virtio_mmr_device *mmr;
	struct virtio_mmr_scan scan;
	int ret;

	ret = virtio_mmr_discover(pdev, &scan);
	if (ret)
		return ret;

	mmr = vfio_alloc_device(virtio_mmr_device, core_device.vdev, &pdev->dev,
				scan.verdict == VIRTIO_MMR_SCAN_PLAIN ?
				&virtio_mmr_plain_ops : &virtio_mmr_ops);
	if (IS_ERR(mmr))
		return PTR_ERR(mmr);
	mmr->scan = scan;
	virtio_mmr_compat_export_bars(&mmr->core_device);
	if (!virtio_mmr_is_plain(mmr)) {
		virtio_mmr_view_init(&mmr->view, &mmr->scan, &mmr->intx.state);
		virtio_mmr_describe(pdev, &mmr->scan);
	}

	dev_set_drvdata(&pdev->dev, &mmr->core_device);
	ret = vfio_pci_core_register_device(&mmr->core_device);
	if (ret) {
		vfio_put_device(&mmr->core_device.vdev);
		return ret;
	}
	if (virtio_mmr_is_plain(mmr))
		virtio_mmr_describe_plain(pdev, &mmr->scan);
	return 0;
}

static void virtio_mmr_remove(struct pci_dev *pdev)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(&pdev->dev);

	/* Waits for users */
	vfio_pci_core_unregister_device(&mmr->core_device);
	virtio_mmr_counters_remove(mmr);
	vfio_put_device(&mmr->core_device.vdev);
}

#define VIRTIO_MMR_OVERRIDE_ID(type, ...) \
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_##type) },

/* With the override match the driver never binds by ID alone. */
static const struct pci_device_id virtio_mmr_ids[] = {
	VIRTIO_MMR_TYPES(VIRTIO_MMR_OVERRIDE_ID)
	{ }
};
MODULE_DEVICE_TABLE(pci, virtio_mmr_ids);

static const struct attribute_group *virtio_mmr_groups[] = {
	&virtio_mmr_intx_group,
	NULL,
};

static struct pci_driver virtio_mmr_driver = {
	.name = VIRTIO_MMR_DRIVER_NAME,
	.id_table = virtio_mmr_ids,
	.probe = virtio_mmr_probe,
	.remove = virtio_mmr_remove,
	.dev_groups = virtio_mmr_groups,
	.err_handler = &virtio_mmr_err_handlers,
	.driver_managed_dma = true,
};

module_pci_driver(virtio_mmr_driver);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("virtio-mmr maintainers");
MODULE_DESCRIPTION("VFIO PCI driver for transitional MMR virtio functions");
/* Only a module that is built outside of the kernel has a version of its own. */
#ifdef VIRTIO_MMR_VERSION
MODULE_VERSION(VIRTIO_MMR_VERSION);
#endif
