// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps a BAR in the same way as vfio-pci-core. Its own accesses then share the mapping, and its
 * close path releases it.
 */
#include <linux/err.h>
#include <linux/io.h>

#include "compat.h"

/**
 * virtio_mmr_compat_iomap - map a memory BAR until close
 * @core: the device, enabled and not yet visible to its user, so that no other task sets up the
 *	mapping at the same time
 * @bar: BAR number
 *
 * Return: the address of the BAR, or an ERR_PTR().
 */
void __iomem *virtio_mmr_compat_iomap(struct vfio_pci_core_device *core, int bar)
{
#if defined(VIRTIO_MMR_HAVE_GET_IOMAP)	/* since a kernel between 6.12 and 7.3 */
	return vfio_pci_core_get_iomap(core, bar);
#elif defined(VIRTIO_MMR_HAVE_SETUP_BARMAP)	/* since 6.8, until the former came */
	int ret = vfio_pci_core_setup_barmap(core, bar);

	return ret ? IOMEM_ERR_PTR(ret) : core->barmap[bar];
#else	/* until 6.7 */
	void __iomem *mapping = core->barmap[bar];
	int ret;

	if (mapping)
		return mapping;

	ret = pci_request_selected_regions(core->pdev, 1 << bar, "vfio");
	if (ret)
		return IOMEM_ERR_PTR(ret);
	mapping = pci_iomap(core->pdev, bar, 0);
	if (!mapping) {
		pci_release_selected_regions(core->pdev, 1 << bar);
		return IOMEM_ERR_PTR(-ENOMEM);
	}
	core->barmap[bar] = mapping;
	return mapping;
#endif
}
