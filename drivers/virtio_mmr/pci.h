/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_PCI_H
#define VIRTIO_MMR_PCI_H

#include <linux/pci.h>

#include "scan.h"

void virtio_mmr_pci_space(struct virtio_mmr_space *space, struct pci_dev *pdev);
void virtio_mmr_pci_identify(struct pci_dev *pdev, struct virtio_mmr_scan *scan,
			     struct virtio_mmr_lists *lists);
void virtio_mmr_pci_structures(struct pci_dev *pdev, struct virtio_mmr_scan *scan);
bool virtio_mmr_pci_device_config(struct pci_dev *pdev, const struct virtio_mmr_scan *scan,
				  struct virtio_mmr_structure *structure);

#endif /* VIRTIO_MMR_PCI_H */
