// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core as a module. The other files, except pci.c, do not depend on the kernel. So all
 * exports for drivers are here.
 */
#include <linux/export.h>
#include <linux/module.h>

#include "doorbell.h"
#include "interrupt.h"
#include "layout.h"
#include "mapping.h"
#include "pci.h"
#include "vectors.h"
#include "view.h"

EXPORT_SYMBOL_GPL(virtio_mmr_device_bar);
EXPORT_SYMBOL_GPL(virtio_mmr_doorbell_explain);
EXPORT_SYMBOL_GPL(virtio_mmr_doorbell_judge);
EXPORT_SYMBOL_GPL(virtio_mmr_doorbell_place);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_acknowledge);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_connect);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_disable);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_hold);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_mask);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_off);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_raise);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_read);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_reset);
EXPORT_SYMBOL_GPL(virtio_mmr_interrupt_unmask);
EXPORT_SYMBOL_GPL(virtio_mmr_lists_explain);
EXPORT_SYMBOL_GPL(virtio_mmr_lists_validate);
EXPORT_SYMBOL_GPL(virtio_mmr_mapping_areas);
EXPORT_SYMBOL_GPL(virtio_mmr_mapping_is_split);
EXPORT_SYMBOL_GPL(virtio_mmr_msix_under);
EXPORT_SYMBOL_GPL(virtio_mmr_next_piece);
EXPORT_SYMBOL_GPL(virtio_mmr_pci_device_config);
EXPORT_SYMBOL_GPL(virtio_mmr_pci_identify);
EXPORT_SYMBOL_GPL(virtio_mmr_pci_space);
EXPORT_SYMBOL_GPL(virtio_mmr_pci_structures);
EXPORT_SYMBOL_GPL(virtio_mmr_range_validate);
EXPORT_SYMBOL_GPL(virtio_mmr_scan_explain);
EXPORT_SYMBOL_GPL(virtio_mmr_scan_explain_native);
EXPORT_SYMBOL_GPL(virtio_mmr_scan_structures);
EXPORT_SYMBOL_GPL(virtio_mmr_vectors_enable);
EXPORT_SYMBOL_GPL(virtio_mmr_vectors_reset);
EXPORT_SYMBOL_GPL(virtio_mmr_vectors_set_config);
EXPORT_SYMBOL_GPL(virtio_mmr_vectors_set_queue);
EXPORT_SYMBOL_GPL(virtio_mmr_vectors_starts);
EXPORT_SYMBOL_GPL(virtio_mmr_vectors_written);
EXPORT_SYMBOL_GPL(virtio_mmr_view_init);
EXPORT_SYMBOL_GPL(virtio_mmr_view_owner);
EXPORT_SYMBOL_GPL(virtio_mmr_view_pin);
EXPORT_SYMBOL_GPL(virtio_mmr_view_read);
EXPORT_SYMBOL_GPL(virtio_mmr_view_reset);
EXPORT_SYMBOL_GPL(virtio_mmr_view_write);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("virtio-mmr maintainers");
MODULE_DESCRIPTION("Core of the drivers for transitional MMR virtio functions");
/* Only a module that is built outside of the kernel has a version of its own. */
#ifdef VIRTIO_MMR_VERSION
MODULE_VERSION(VIRTIO_MMR_VERSION);
#endif
