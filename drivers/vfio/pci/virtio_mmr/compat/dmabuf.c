// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_DEVICE_FEATURE_DMA_BUF, for which vfio-pci-core asks its driver where a region lies */
#include "compat.h"

#ifdef VIRTIO_MMR_HAVE_DMABUF	/* since 6.19 */

static const struct vfio_pci_device_ops regions_are_bars = {
	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
};

void virtio_mmr_compat_export_bars(struct vfio_pci_core_device *core)
{
	core->pci_ops = &regions_are_bars;
}

#endif
