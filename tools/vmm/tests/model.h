/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration space of a function as the emulated device has it, for tests. */
#ifndef MODEL_H
#define MODEL_H

#include "unit/space.h"
#include "virtio_mmr.h"

#define MODEL_DEVICE	VIRTIO_MMR_DEVICE_BLOCK
#define MODEL_EXPRESS	0x40
#define MODEL_MSIX	0xc4
#define MODEL_VECTORS	3
/* MSI-X, legacy registers, and the modern structures; their number, and bytes of the BAR */
#define MODEL_MSIX_BAR	1
#define MODEL_LEGACY	2
#define MODEL_MODERN	4
#define MODEL_ISR	0x1000

static const unsigned int model_sizes[VIRTIO_MMR_NUM_BARS] = { 0, 0x1000, 0x1000, 0, 0x4000, 0 };

static inline void model_config(struct memory_space *memory)
{
	memory_space_init(memory);
	memory_space_put(memory, PCI_VENDOR_ID, VIRTIO_MMR_VENDOR_ID | MODEL_DEVICE << 16, 4);
	memory_space_add(memory, MODEL_EXPRESS, PCI_CAP_ID_EXP);
	memory_space_put(memory, MODEL_EXPRESS + 2, 2, 2);
	memory_space_add_virtio(memory, 0x88, 20, 1, MODEL_MODERN, 0, 0x1000);
	memory_space_add_virtio(memory, 0x9c, 20, 3, MODEL_MODERN, MODEL_ISR, 0x1000);
	memory_space_add(memory, MODEL_MSIX, PCI_CAP_ID_MSIX);
	memory_space_put(memory, MODEL_MSIX + PCI_MSIX_FLAGS, MODEL_VECTORS - 1, 2);
	memory_space_put(memory, MODEL_MSIX + PCI_MSIX_TABLE, MODEL_MSIX_BAR, 4);
	memory_space_put(memory, MODEL_MSIX + PCI_MSIX_PBA, 0x800 | MODEL_MSIX_BAR, 4);
	memory_space_add_mmr(memory, 0x100, VIRTIO_MMR_CFG_TYPE_LEGACY, MODEL_LEGACY, 0, 0x100);
}

#endif /* MODEL_H */
