// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a function's configuration space says: the MMR capability and, where
 * the function has one, the modern notification structure.
 */
#include <linux/bitmap.h>
#include <linux/pci.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "common.h"

/* One bit per dword of the extended configuration space */
#define NUM_POSITIONS	(PCI_CFG_SPACE_EXP_SIZE / 4)

static void describe_function(struct pci_dev *pdev,
			      struct virtio_mmr_function *function)
{
	int bar;

	for (bar = 0; bar < VIRTIO_MMR_NUM_BARS; bar++) {
		unsigned long flags = pci_resource_flags(pdev, bar);

		function->bar_size[bar] = pci_resource_len(pdev, bar);
		if (bar && function->bar_kind[bar - 1] == VIRTIO_MMR_BAR_MEMORY &&
		    pci_resource_flags(pdev, bar - 1) & IORESOURCE_MEM_64)
			function->bar_kind[bar] = VIRTIO_MMR_BAR_UPPER_HALF;
		else if (!function->bar_size[bar] || flags & IORESOURCE_UNSET ||
			 !pci_resource_start(pdev, bar))
			function->bar_kind[bar] = VIRTIO_MMR_BAR_ABSENT;
		else if (flags & IORESOURCE_MEM)
			function->bar_kind[bar] = VIRTIO_MMR_BAR_MEMORY;
		else
			function->bar_kind[bar] = VIRTIO_MMR_BAR_IO;
	}
	function->has_msix = pdev->msix_cap;
}

static enum virtio_mmr_defect read_capability(struct pci_dev *pdev, int position,
					      struct virtio_mmr_cap *cap)
{
	size_t size = pdev->cfg_size - position;
	u8 raw[VIRTIO_MMR_CAP_MAX_SIZE];
	size_t i;

	for (i = 0; i < min(size, sizeof(raw)); i++)
		pci_read_config_byte(pdev, position + i, &raw[i]);
	return virtio_mmr_cap_decode(cap, raw, size);
}

/*
 * The first usable capability wins, unless one overruns; if there is none, the first
 * one's defect is the one to report. The kernel's walker bounds one search, not a
 * series of them: a list that loops would give the same positions for ever.
 */
static int find_mmr_capability(struct pci_dev *pdev,
			       struct virtio_mmr_discovery *found)
{
	enum virtio_mmr_defect first_defect = VIRTIO_MMR_USABLE;
	DECLARE_BITMAP(seen, NUM_POSITIONS) = {};
	struct virtio_mmr_cap first_cap = {};
	char why[VIRTIO_MMR_EXPLANATION_SIZE];
	u16 first_position = 0;
	u16 position = 0;

	while ((position = pci_find_next_ext_capability(pdev, position,
							VIRTIO_MMR_EXT_CAP_ID))) {
		enum virtio_mmr_defect defect;
		struct virtio_mmr_cap cap;

		if (__test_and_set_bit(position / 4, seen))
			break;

		defect = read_capability(pdev, position, &cap);
		if (!defect)
			defect = virtio_mmr_cap_validate(&cap, &found->function);
		if (!defect && !found->cap_position) {
			found->cap = cap;
			found->cap_position = position;
		} else if (defect && (!first_defect || cap.overruns)) {
			first_defect = defect;
			first_position = position;
			first_cap = cap;
		}
		if (cap.overruns)
			break;
	}

	if (found->cap_position && !first_cap.overruns)
		return 0;
	if (first_defect) {
		virtio_mmr_cap_explain(why, sizeof(why), first_position, &first_cap,
				       &found->function, first_defect);
		pci_err(pdev, "no usable MMR capability, use vfio-pci for this function: %s\n",
			why);
	} else {
		pci_err(pdev, "no usable MMR capability, use vfio-pci for this function: it has no extended capability 0x%04x\n",
			VIRTIO_MMR_EXT_CAP_ID);
	}
	return -ENODEV;
}

/*
 * The guest must find the same MSI-X structures that the function has, so their
 * BAR numbers are translated with it. Returns whether any is in BAR0.
 */
static bool find_msix_bars(struct pci_dev *pdev, struct virtio_mmr_discovery *found)
{
	u8 table, pba;

	/* One that does not end in configuration space has no such fields */
	if (!pdev->msix_cap || pdev->msix_cap > PCI_CFG_SPACE_SIZE - PCI_CAP_MSIX_SIZEOF)
		return false;

	pci_read_config_byte(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	pci_read_config_byte(pdev, pdev->msix_cap + PCI_MSIX_PBA, &pba);
	__set_bit(pdev->msix_cap + PCI_MSIX_TABLE, found->bir_fields);
	__set_bit(pdev->msix_cap + PCI_MSIX_PBA, found->bir_fields);
	return !(table & PCI_MSIX_TABLE_BIR) || !(pba & PCI_MSIX_PBA_BIR);
}

/* Decode a virtio vendor capability (virtio 1.4, 4.1.4) if it can be used. */
static bool read_virtio_window(struct pci_dev *pdev, u8 position,
			       const struct virtio_mmr_function *function,
			       u32 min_length, u32 alignment,
			       struct virtio_mmr_window *window)
{
	u32 offset, length;
	u8 bar;

	pci_read_config_byte(pdev, position + VIRTIO_PCI_CAP_BAR, &bar);
	pci_read_config_dword(pdev, position + VIRTIO_PCI_CAP_OFFSET, &offset);
	pci_read_config_dword(pdev, position + VIRTIO_PCI_CAP_LENGTH, &length);

	if (virtio_mmr_range_validate(function, bar, offset, length) ||
	    length < min_length || offset % alignment)
		return false;

	*window = (struct virtio_mmr_window){
		.bar = bar, .offset = offset, .length = length,
	};
	return true;
}

/*
 * The modern structures. The first usable one of each type counts (virtio 1.4,
 * 4.1.4.1). Two are needed for doorbells: the common configuration has the
 * number of queues and each queue's notify offset. Returns whether any is in
 * BAR0; the PCI_CFG capability is not one, but a window that the guest directs
 * to a BAR.
 */
static bool find_structures(struct pci_dev *pdev,
			    struct virtio_mmr_discovery *found)
{
	bool has_common = false, has_notify = false, in_bar0 = false;
	DECLARE_BITMAP(seen, PCI_CFG_SPACE_SIZE) = {};
	u8 position, cfg_type, cap_len, bar;

	for (position = pci_find_capability(pdev, PCI_CAP_ID_VNDR); position;
	     position = pci_find_next_capability(pdev, position, PCI_CAP_ID_VNDR)) {
		if (__test_and_set_bit(position, seen))
			break;

		pci_read_config_byte(pdev, position + VIRTIO_PCI_CAP_LEN, &cap_len);
		pci_read_config_byte(pdev, position + VIRTIO_PCI_CAP_CFG_TYPE, &cfg_type);
		pci_read_config_byte(pdev, position + VIRTIO_PCI_CAP_BAR, &bar);
		if (cap_len < sizeof(struct virtio_pci_cap) ||
		    position + cap_len > PCI_CFG_SPACE_SIZE)
			continue;

		__set_bit(position + VIRTIO_PCI_CAP_BAR, found->bar_fields);
		if (cfg_type == VIRTIO_PCI_CAP_PCI_CFG)
			__set_bit(position + VIRTIO_PCI_CAP_BAR, found->window_fields);
		else if (!bar)
			in_bar0 = true;

		if (cfg_type == VIRTIO_PCI_CAP_COMMON_CFG && !has_common) {
			has_common = read_virtio_window(pdev, position, &found->function,
							VIRTIO_PCI_COMMON_Q_NOFF + 2,
							4, &found->common_config);
		} else if (cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG && !has_notify &&
			   cap_len >= sizeof(struct virtio_pci_notify_cap)) {
			has_notify = read_virtio_window(pdev, position, &found->function,
							2, 2, &found->notify);
			pci_read_config_dword(pdev, position + VIRTIO_PCI_NOTIFY_CAP_MULT,
					      &found->notify_multiplier);
		}
	}
	found->has_notification = has_common && has_notify;
	return in_bar0;
}

/* The guest has the I/O BAR in slot 0. */
static int place_bar0(struct pci_dev *pdev, struct virtio_mmr_discovery *found,
		      bool shared)
{
	found->placement = virtio_mmr_place_bar0(&found->function, found->cap.bar, shared);

	switch (found->placement.fate) {
	case VIRTIO_MMR_BAR0_ABSENT:
	case VIRTIO_MMR_BAR0_HIDDEN:
	case VIRTIO_MMR_BAR0_MOVED:
		return 0;
	case VIRTIO_MMR_BAR0_NO_SLOT:
		pci_err(pdev, "BAR 0 of 0x%llx bytes must make room for the I/O BAR, but %s, use vfio-pci for this function\n",
			found->function.bar_size[0],
			found->function.bar_kind[0] == VIRTIO_MMR_BAR_IO ?
			"a virtio structure lies in it and it is an I/O BAR itself" :
			"no other BAR is free for what lies in it");
		return -ENODEV;
	case VIRTIO_MMR_BAR0_TOO_LARGE:
		pci_err(pdev, "BAR 0 of 0x%llx bytes must make room for the I/O BAR and is too large for a 32-bit BAR %u, use vfio-pci for this function\n",
			found->function.bar_size[0], found->placement.slot);
		return -ENODEV;
	}
	return -ENODEV;
}

/**
 * virtio_mmr_discover - find out what a function is and where its registers lie
 * @pdev: the function, with readable configuration space
 * @found: where to store the result
 *
 * Logs one line about a function that cannot be used: why.
 *
 * Return: 0, or -ENODEV if it is no usable MMR function.
 */
int virtio_mmr_discover(struct pci_dev *pdev, struct virtio_mmr_discovery *found)
{
	bool shared;
	int ret;

	*found = (struct virtio_mmr_discovery){
		.identity = virtio_mmr_identify(pdev->device),
	};
	/* Only new_id and driver_override without an alias get here. */
	if (pdev->vendor != VIRTIO_MMR_VENDOR_ID || !found->identity) {
		pci_err(pdev, "%04x:%04x is not an MMR device ID, use vfio-pci for this function\n",
			pdev->vendor, pdev->device);
		return -ENODEV;
	}

	describe_function(pdev, &found->function);
	ret = find_mmr_capability(pdev, found);
	if (ret)
		return ret;

	shared = find_msix_bars(pdev, found);
	shared |= find_structures(pdev, found);
	return place_bar0(pdev, found, shared);
}

/**
 * virtio_mmr_describe - log what a function is, in one line
 * @pdev: the function
 * @found: the result of virtio_mmr_discover()
 */
void virtio_mmr_describe(struct pci_dev *pdev,
			 const struct virtio_mmr_discovery *found)
{
	char notification[96] = "no notification structure";
	char bar0[32] = "";

	if (found->has_notification)
		scnprintf(notification, sizeof(notification),
			  "notification structure in BAR %u at 0x%llx, multiplier %u",
			  found->notify.bar, found->notify.offset,
			  found->notify_multiplier);
	if (found->placement.fate == VIRTIO_MMR_BAR0_MOVED)
		scnprintf(bar0, sizeof(bar0), ", BAR 0 shown as BAR %u",
			  found->placement.slot);
	else if (found->placement.fate == VIRTIO_MMR_BAR0_HIDDEN)
		scnprintf(bar0, sizeof(bar0), ", BAR 0 not shown");
	pci_info(pdev, "virtio %s, legacy registers in BAR %u at 0x%llx (0x%llx bytes), %s capability at 0x%x, %s%s\n",
		 found->identity->name, found->cap.bar, found->cap.offset,
		 found->cap.length, found->cap.wrapped ? "wrapped" : "bare",
		 found->cap_position, notification, bar0);
}
