// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds out the kind of a function: the core scans its configuration space. The result is
 * logged.
 */
#include <linux/pci.h>
#include <linux/virtio_mmr.h>

#include "discovery.h"
#include "virtio_mmr/pci.h"

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
 * @pdev: the function, awake, with its configuration space locked against resets
 * @scan: of the function; the modern structures are found if they were not yet
 * @limit: limits the rate of log lines
 *
 * Call this before each vfio_pci_core_enable(): a device may answer differently each time. Logs
 * one line if vfio-pci-core cannot copy it. The structures come from the same reads.
 *
 * Return: 0, or -EIO if the lists are refused: see enum virtio_mmr_lists_defect.
 */
int virtio_mmr_check_lists(struct pci_dev *pdev, struct virtio_mmr_scan *scan,
			   struct ratelimit_state *limit)
{
	enum virtio_mmr_lists_defect defect;
	struct virtio_mmr_space space;
	struct virtio_mmr_lists lists;

	virtio_mmr_pci_space(&space, pdev);
	defect = virtio_mmr_lists_validate(&lists, &space);
	if (!defect && !scan->is_complete && scan->verdict != VIRTIO_MMR_SCAN_PLAIN) {
		virtio_mmr_scan_structures(scan, &space);
		if (space.unreadable) {
			scan->is_complete = false;
			defect = VIRTIO_MMR_LISTS_UNREADABLE;
		}
	}
	if (defect && __ratelimit(limit))
		refuse_lists(pdev, &lists, defect);
	return defect ? -EIO : 0;
}

static int judge(struct pci_dev *pdev, const struct virtio_mmr_scan *scan,
		 const struct virtio_mmr_lists *lists)
{
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];

	if (scan->verdict == VIRTIO_MMR_SCAN_USABLE || scan->verdict == VIRTIO_MMR_SCAN_PLAIN)
		return 0;
	virtio_mmr_scan_explain(why, sizeof(why), scan, lists, pdev->vendor, pdev->device);
	switch (scan->verdict) {
	case VIRTIO_MMR_SCAN_USABLE:
	case VIRTIO_MMR_SCAN_PLAIN:
		break;
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
 * Return: 0, or -ENODEV if the function must not be served.
 */
int virtio_mmr_discover(struct pci_dev *pdev, struct virtio_mmr_scan *scan)
{
	struct virtio_mmr_lists lists;

	virtio_mmr_pci_identify(pdev, scan, &lists);
	return judge(pdev, scan, &lists);
}

/**
 * virtio_mmr_describe_plain - log that a function is no MMR function, in one line
 * @pdev: the function
 * @scan: the result of virtio_mmr_discover()
 */
void virtio_mmr_describe_plain(struct pci_dev *pdev, const struct virtio_mmr_scan *scan)
{
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];

	virtio_mmr_scan_explain(why, sizeof(why), scan, NULL, pdev->vendor, pdev->device);
	pci_info(pdev, "no MMR function, served as vfio-pci serves it: %s\n", why);
}

static const char *describe_notification(char *text, size_t size, struct pci_dev *pdev,
					 struct virtio_mmr_scan *scan)
{
	virtio_mmr_pci_structures(pdev, scan);
	if (!scan->has_notification)
		return "no notification structure";
	scnprintf(text, size, "notification structure in BAR %u at 0x%llx, multiplier %u",
		  scan->notify.bar, scan->notify.offset, scan->notify_multiplier);
	return text;
}

static const char *describe_bar0(char *text, size_t size, const struct virtio_mmr_scan *scan)
{
	switch (scan->placement.fate) {
	case VIRTIO_MMR_BAR0_MOVED:
		scnprintf(text, size, ", BAR 0 shown as BAR %u", scan->placement.slot);
		return text;
	case VIRTIO_MMR_BAR0_HIDDEN:
		return ", BAR 0 not shown";
	default:
		return "";
	}
}

/**
 * virtio_mmr_describe - log the kind of a usable function, in one line
 * @pdev: the function, awake, and not yet in reach of users
 * @scan: the result of virtio_mmr_discover()
 *
 * A host has thousands of MMR functions, and mmrctl shows all of this. So the line is for dynamic
 * debugging only. Its parts are made only then, and the modern structures are found.
 */
void virtio_mmr_describe(struct pci_dev *pdev, struct virtio_mmr_scan *scan)
{
	char notification[96], bar0[32];

	pci_dbg(pdev, "virtio %s, legacy registers in BAR %u at 0x%llx (0x%llx bytes), %s capability at 0x%x, %s%s\n",
		scan->identity->name, scan->cap.bar, scan->cap.offset, scan->cap.length,
		scan->cap.wrapped ? "wrapped" : "bare", scan->cap_position,
		describe_notification(notification, sizeof(notification), pdev, scan),
		describe_bar0(bar0, sizeof(bar0), scan));
}
