/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_DISCOVERY_H
#define VIRTIO_MMR_DISCOVERY_H

#include <linux/pci.h>
#include <linux/ratelimit.h>

#include "virtio_mmr/scan.h"

int virtio_mmr_check_lists(struct pci_dev *pdev, struct virtio_mmr_scan *scan,
			   struct ratelimit_state *limit);
int virtio_mmr_discover(struct pci_dev *pdev, struct virtio_mmr_scan *scan);
void virtio_mmr_describe(struct pci_dev *pdev, struct virtio_mmr_scan *scan);
void virtio_mmr_describe_plain(struct pci_dev *pdev, const struct virtio_mmr_scan *scan);

#endif /* VIRTIO_MMR_DISCOVERY_H */
