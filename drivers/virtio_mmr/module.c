// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core as a module. The other files know nothing of the kernel, so all that drivers
 * use of them is exported here.
 */
#include <linux/export.h>
#include <linux/module.h>

#include "capability.h"
#include "identity.h"
#include "layout.h"
#include "lists.h"
#include "placement.h"

EXPORT_SYMBOL_GPL(virtio_mmr_cap_decode);
EXPORT_SYMBOL_GPL(virtio_mmr_cap_explain);
EXPORT_SYMBOL_GPL(virtio_mmr_cap_validate);
EXPORT_SYMBOL_GPL(virtio_mmr_device_bar);
EXPORT_SYMBOL_GPL(virtio_mmr_guest_bar);
EXPORT_SYMBOL_GPL(virtio_mmr_identify);
EXPORT_SYMBOL_GPL(virtio_mmr_io_bar_size);
EXPORT_SYMBOL_GPL(virtio_mmr_lists_explain);
EXPORT_SYMBOL_GPL(virtio_mmr_lists_validate);
EXPORT_SYMBOL_GPL(virtio_mmr_msix_decode);
EXPORT_SYMBOL_GPL(virtio_mmr_msix_under);
EXPORT_SYMBOL_GPL(virtio_mmr_next_piece);
EXPORT_SYMBOL_GPL(virtio_mmr_piece_covers);
EXPORT_SYMBOL_GPL(virtio_mmr_place_bar0);
EXPORT_SYMBOL_GPL(virtio_mmr_range_validate);

MODULE_LICENSE("Dual MIT/GPL");
MODULE_AUTHOR("virtio-mmr maintainers");
MODULE_DESCRIPTION("Core of the drivers for transitional MMR virtio functions");
/* Only what is built outside of the kernel has a version of its own. */
#ifdef VIRTIO_MMR_VERSION
MODULE_VERSION(VIRTIO_MMR_VERSION);
#endif
