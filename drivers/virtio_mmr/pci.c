// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shows a function of the kernel's PCI core to the scan. For the kernel alone, like module.c.
 */
#include "pci.h"

static bool read_config(void *context, unsigned int position, u32 *value)
{
	return !pci_read_config_dword(context, position, value);
}

/**
 * virtio_mmr_pci_space - how to read the configuration space of a function
 * @space: where to store the way to read it, with the positions that the PCI core has found. The
 *	core and vfio-pci-core keep these, whatever the device says later
 * @pdev: the function, awake whenever @space is used
 */
void virtio_mmr_pci_space(struct virtio_mmr_space *space, struct pci_dev *pdev)
{
	space->read = read_config;
	space->context = pdev;
	space->size = min_t(unsigned int, pdev->cfg_size, VIRTIO_MMR_CONFIG_SIZE_EXTENDED);
	space->pcie_flags = pcie_caps_reg(pdev);
	space->msix_position = pdev->msix_cap;
	space->msi_position = pdev->msi_cap;
	space->unreadable = false;
	virtio_mmr_space_forget(space);
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

/**
 * virtio_mmr_pci_identify - find out the kind of a function and the place of its registers
 * @pdev: the function, with readable configuration space
 * @scan: where to store the result, as virtio_mmr_scan_identify()
 * @lists: room for the work, and for virtio_mmr_scan_explain()
 */
void virtio_mmr_pci_identify(struct pci_dev *pdev, struct virtio_mmr_scan *scan,
			     struct virtio_mmr_lists *lists)
{
	struct virtio_mmr_space space;

	virtio_mmr_pci_space(&space, pdev);
	scan->function = (struct virtio_mmr_function){};
	set_bars(pdev, &scan->function);
	virtio_mmr_scan_identify(scan, &space, lists, pdev->vendor, pdev->device, NULL);
}

/**
 * virtio_mmr_pci_structures - find the places of the modern structures
 * @pdev: the function, with readable configuration space
 * @scan: after virtio_mmr_pci_identify(), as virtio_mmr_scan_structures()
 */
void virtio_mmr_pci_structures(struct pci_dev *pdev, struct virtio_mmr_scan *scan)
{
	struct virtio_mmr_space space;

	virtio_mmr_pci_space(&space, pdev);
	virtio_mmr_scan_structures(scan, &space);
}

/**
 * virtio_mmr_pci_device_config - find the modern device-specific configuration
 * @pdev: the function, with readable configuration space
 * @scan: the result of virtio_mmr_pci_identify()
 * @structure: where to store it
 *
 * Return: as virtio_mmr_scan_device_config().
 */
bool virtio_mmr_pci_device_config(struct pci_dev *pdev, const struct virtio_mmr_scan *scan,
				  struct virtio_mmr_structure *structure)
{
	struct virtio_mmr_space space;

	virtio_mmr_pci_space(&space, pdev);
	return virtio_mmr_scan_device_config(scan, &space, structure);
}
