// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a function's configuration space says: the MMR capability and, where
 * the function has one, the modern notification structure.
 */
#include <linux/bitmap.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "common.h"
#include "virtio_mmr/lists.h"

/* One bit per dword of the extended configuration space */
#define NUM_POSITIONS	(PCI_CFG_SPACE_EXP_SIZE / 4)

static bool read_config(void *context, unsigned int position, u32 *value)
{
	return !pci_read_config_dword(context, position, value);
}

/**
 * virtio_mmr_check_lists - see whether vfio-pci-core can copy configuration space
 * @pdev: the function, awake
 * @limit: of log lines, NULL if the caller cannot be made to cause many
 *
 * To be called before each vfio_pci_core_enable(), since a device may say something
 * else each time. Logs one line if it cannot.
 *
 * Return: 0, -EIO if it would touch what lies behind the copy, or -ENOMEM.
 */
int virtio_mmr_check_lists(struct pci_dev *pdev, struct ratelimit_state *limit)
{
	char why[VIRTIO_MMR_LISTS_EXPLANATION_SIZE];
	enum virtio_mmr_lists_defect defect;
	struct virtio_mmr_lists *lists;

	lists = kmalloc(sizeof(*lists), GFP_KERNEL);
	if (!lists)
		return -ENOMEM;
	lists->read = read_config;
	lists->context = pdev;
	lists->size = min_t(unsigned int, pdev->cfg_size, VIRTIO_MMR_CONFIG_SIZE_EXTENDED);
	lists->pcie_flags = pcie_caps_reg(pdev);
	defect = virtio_mmr_lists_validate(lists);
	if (defect && (!limit || __ratelimit(limit))) {
		virtio_mmr_lists_explain(why, sizeof(why), lists, defect);
		pci_err(pdev, "unusable capability list, ask the vendor for other firmware and give this function to no driver of vfio: %s\n",
			why);
	}
	kfree(lists);
	return defect ? -EIO : 0;
}

static void describe_msix(struct pci_dev *pdev, struct virtio_mmr_function *function)
{
	u32 table, pba;
	u16 flags;

	/* As vfio-pci-core has it, even if the capability does not end where it should */
	if (!pdev->msix_cap)
		return;
	pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &flags);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_PBA, &pba);
	virtio_mmr_msix_decode(function, flags, table, pba);
}

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
	describe_msix(pdev, function);
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
 * The first usable capability wins. If there is none, the defect to report is that of
 * the first one that wants to be used. If none does, the function is no MMR function.
 * The kernel's walker bounds one search, not a series of them: a list that loops would
 * give the same positions for ever.
 */
static int find_mmr_capability(struct pci_dev *pdev,
			       struct virtio_mmr_discovery *found)
{
	DECLARE_BITMAP(seen, NUM_POSITIONS) = {};
	char why[VIRTIO_MMR_EXPLANATION_SIZE];
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
		if (!defect || !found->cap_position || (cap.claimed && !found->cap.claimed)) {
			found->cap = cap;
			found->cap_position = position;
			found->defect = defect;
		}
		if (!defect)
			return 0;
	}

	found->is_plain = !found->cap.claimed;
	if (found->is_plain)
		return 0;
	virtio_mmr_cap_explain(why, sizeof(why), found->cap_position, &found->cap,
			       &found->function, found->defect);
	pci_err(pdev, "no usable MMR capability, use vfio-pci for this function: %s\n", why);
	return -ENODEV;
}

/*
 * The guest must find the same MSI-X structures that the function has, so their
 * BAR numbers are translated with it. Returns whether any is in BAR0.
 */
static bool find_msix_bars(struct pci_dev *pdev, struct virtio_mmr_discovery *found)
{
	const struct virtio_mmr_function *function = &found->function;

	/* One that does not end in configuration space has no such fields */
	if (!pdev->msix_cap || pdev->msix_cap > PCI_CFG_SPACE_SIZE - PCI_CAP_MSIX_SIZEOF)
		return false;

	__set_bit(pdev->msix_cap + PCI_MSIX_TABLE, found->bir_fields);
	__set_bit(pdev->msix_cap + PCI_MSIX_PBA, found->bir_fields);
	return !function->msix_table.bar || !function->msix_pba.bar;
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
 * Return: 0, -ENODEV if the function must not be served, or -ENOMEM.
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

	ret = virtio_mmr_check_lists(pdev, NULL);
	if (ret)
		return ret == -EIO ? -ENODEV : ret;
	describe_function(pdev, &found->function);
	ret = find_mmr_capability(pdev, found);
	if (ret || found->is_plain)
		return ret;

	shared = find_msix_bars(pdev, found);
	shared |= find_structures(pdev, found);
	return place_bar0(pdev, found, shared);
}

static void describe_plain(struct pci_dev *pdev, const struct virtio_mmr_discovery *found)
{
	char why[VIRTIO_MMR_EXPLANATION_SIZE];

	if (found->cap_position)
		virtio_mmr_cap_explain(why, sizeof(why), found->cap_position, &found->cap,
				       &found->function, found->defect);
	else
		scnprintf(why, sizeof(why), "it has no extended capability 0x%04x",
			  VIRTIO_MMR_EXT_CAP_ID);
	pci_info(pdev, "no MMR function, served as vfio-pci serves it: %s\n", why);
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

	if (found->is_plain) {
		describe_plain(pdev, found);
		return;
	}
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
