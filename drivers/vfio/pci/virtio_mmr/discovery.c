// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds out the kind of a function: the core scans its configuration space. The result is
 * logged.
 */
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/virtio_mmr.h>

#include "discovery.h"

static bool read_config(void *context, unsigned int position, u32 *value)
{
	return !pci_read_config_dword(context, position, value);
}

/* The PCI core has found the two positions, and vfio-pci-core uses them. */
static struct virtio_mmr_space config_space(struct pci_dev *pdev)
{
	return (struct virtio_mmr_space){
		.read = read_config,
		.context = pdev,
		.size = min_t(unsigned int, pdev->cfg_size, VIRTIO_MMR_CONFIG_SIZE_EXTENDED),
		.pcie_flags = pcie_caps_reg(pdev),
		.msix_position = pdev->msix_cap,
		.msi_position = pdev->msi_cap,
	};
}

static void refuse_lists(struct pci_dev *pdev, const struct virtio_mmr_lists *lists,
			 enum virtio_mmr_lists_defect defect)
{
	char why[VIRTIO_MMR_LISTS_EXPLANATION_SIZE];

	virtio_mmr_lists_explain(why, sizeof(why), lists, defect);
	pci_err(pdev, "unusable capability list, ask the vendor for other firmware and give this function to no driver of vfio: %s\n",
		why);
}

/**
 * virtio_mmr_check_lists - check whether vfio-pci-core can copy configuration space
 * @pdev: the function, awake
 * @limit: limits the rate of log lines
 *
 * Call this before each vfio_pci_core_enable(): a device may answer differently each time. Logs
 * one line if vfio-pci-core cannot copy it.
 *
 * Return: 0, -EIO if vfio-pci-core would touch memory beyond the copy, or -ENOMEM.
 */
int virtio_mmr_check_lists(struct pci_dev *pdev, struct ratelimit_state *limit)
{
	struct virtio_mmr_space space = config_space(pdev);
	enum virtio_mmr_lists_defect defect;
	struct virtio_mmr_lists *lists;

	lists = kmalloc(sizeof(*lists), GFP_KERNEL);
	if (!lists)
		return -ENOMEM;
	defect = virtio_mmr_lists_validate(lists, &space);
	if (defect && __ratelimit(limit))
		refuse_lists(pdev, lists, defect);
	kfree(lists);
	return defect ? -EIO : 0;
}

static void set_bars(struct pci_dev *pdev, struct virtio_mmr_function *function)
{
	int bar;

	for (bar = 0; bar < VIRTIO_MMR_NUM_BARS; bar++) {
		unsigned long resource = pci_resource_flags(pdev, bar);
		unsigned int flags = 0;

		if (resource & IORESOURCE_MEM)
			flags |= VIRTIO_MMR_BAR_FLAG_MEMORY;
		if (resource & IORESOURCE_MEM_64)
			flags |= VIRTIO_MMR_BAR_FLAG_64_BIT;
		if (!(resource & IORESOURCE_UNSET) && pci_resource_start(pdev, bar))
			flags |= VIRTIO_MMR_BAR_FLAG_ASSIGNED;
		virtio_mmr_function_set_bar(function, bar, pci_resource_len(pdev, bar), flags);
	}
}

static int judge(struct pci_dev *pdev, const struct virtio_mmr_scan *scan,
		 const struct virtio_mmr_lists *lists)
{
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];

	virtio_mmr_scan_explain(why, sizeof(why), scan, lists, pdev->vendor, pdev->device);
	switch (scan->verdict) {
	case VIRTIO_MMR_SCAN_USABLE:
	case VIRTIO_MMR_SCAN_PLAIN:
		return 0;
	case VIRTIO_MMR_SCAN_LISTS:
		refuse_lists(pdev, lists, scan->lists_defect);
		break;
	case VIRTIO_MMR_SCAN_CAPABILITY:
		pci_err(pdev, "no usable MMR capability, use vfio-pci for this function: %s\n",
			why);
		break;
	/* Another ID gets here only by new_id, or by driver_override without an alias. */
	case VIRTIO_MMR_SCAN_OTHER_ID:
	case VIRTIO_MMR_SCAN_PLACEMENT:
		pci_err(pdev, "%s, use vfio-pci for this function\n", why);
		break;
	}
	return -ENODEV;
}

/**
 * virtio_mmr_discover - find out the kind of a function and the place of its registers
 * @pdev: the function, with readable configuration space
 * @scan: where to store the result
 *
 * If the function must not be served, the reason is logged in one line.
 *
 * Return: 0, -ENODEV if the function must not be served, or -ENOMEM.
 */
int virtio_mmr_discover(struct pci_dev *pdev, struct virtio_mmr_scan *scan)
{
	struct virtio_mmr_space space = config_space(pdev);
	struct virtio_mmr_lists *lists;
	int ret;

	lists = kmalloc(sizeof(*lists), GFP_KERNEL);
	if (!lists)
		return -ENOMEM;
	*scan = (struct virtio_mmr_scan){};
	set_bars(pdev, &scan->function);
	virtio_mmr_scan_run(scan, &space, lists, pdev->vendor, pdev->device, NULL);
	ret = judge(pdev, scan, lists);
	kfree(lists);
	return ret;
}

static void describe_plain(struct pci_dev *pdev, const struct virtio_mmr_scan *scan)
{
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];

	virtio_mmr_scan_explain(why, sizeof(why), scan, NULL, pdev->vendor, pdev->device);
	pci_info(pdev, "no MMR function, served as vfio-pci serves it: %s\n", why);
}

/**
 * virtio_mmr_describe - log the kind of a function, in one line
 * @pdev: the function
 * @scan: the result of virtio_mmr_discover()
 */
void virtio_mmr_describe(struct pci_dev *pdev, const struct virtio_mmr_scan *scan)
{
	char notification[96] = "no notification structure";
	char bar0[32] = "";

	if (scan->verdict == VIRTIO_MMR_SCAN_PLAIN) {
		describe_plain(pdev, scan);
		return;
	}
	if (scan->has_notification)
		scnprintf(notification, sizeof(notification),
			  "notification structure in BAR %u at 0x%llx, multiplier %u",
			  scan->notify.bar, scan->notify.offset, scan->notify_multiplier);
	if (scan->placement.fate == VIRTIO_MMR_BAR0_MOVED)
		scnprintf(bar0, sizeof(bar0), ", BAR 0 shown as BAR %u", scan->placement.slot);
	else if (scan->placement.fate == VIRTIO_MMR_BAR0_HIDDEN)
		scnprintf(bar0, sizeof(bar0), ", BAR 0 not shown");
	pci_info(pdev, "virtio %s, legacy registers in BAR %u at 0x%llx (0x%llx bytes), %s capability at 0x%x, %s%s\n",
		 scan->identity->name, scan->cap.bar, scan->cap.offset, scan->cap.length,
		 scan->cap.wrapped ? "wrapped" : "bare", scan->cap_position, notification,
		 bar0);
}
