// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_DEVICE_FEATURE_DMA_BUF, for which vfio-pci-core asks its driver where a region lies */
#include "../common.h"
#include "compat.h"

#ifdef VIRTIO_MMR_HAVE_DMABUF	/* since 6.19 */

#ifndef VIRTIO_MMR_HAVE_PHYS_VEC	/* since a kernel between 6.19 and 7.3 */
#define phys_vec	dma_buf_phys_vec
#endif

/*
 * A BAR of the guest has the number that the function has for it, or the function has none of that
 * number, which vfio-pci-core refuses. Only the I/O BAR takes the number of another one.
 */
static int get_dmabuf_phys(struct vfio_pci_core_device *core, struct p2pdma_provider **provider,
			   unsigned int region, struct phys_vec *places,
			   struct vfio_region_dma_range *ranges, size_t count)
{
	struct virtio_mmr_device *mmr = to_virtio_mmr(&core->vdev);

	if (region == VFIO_PCI_BAR0_REGION_INDEX && !virtio_mmr_is_plain(mmr))
		return -EINVAL;
	return vfio_pci_core_get_dmabuf_phys(core, provider, region, places, ranges, count);
}

static const struct vfio_pci_device_ops device_ops = {
	.get_dmabuf_phys = get_dmabuf_phys,
};

void virtio_mmr_compat_export_bars(struct vfio_pci_core_device *core)
{
	core->pci_ops = &device_ops;
}

#endif
