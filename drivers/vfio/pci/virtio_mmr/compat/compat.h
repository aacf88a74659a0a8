/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels. compat/Makefile.include looks into the
 * kernel's headers and defines VIRTIO_MMR_HAVE_*; nothing outside this folder
 * uses them.
 */
#ifndef VIRTIO_MMR_COMPAT_H
#define VIRTIO_MMR_COMPAT_H

#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#ifndef VIRTIO_MMR_HAVE_VFIO_ALLOC_DEVICE
#error "This kernel has too old a VFIO: there is no vfio_alloc_device()"
#endif

void __iomem *virtio_mmr_compat_iomap(struct vfio_pci_core_device *core, int bar);

/*
 * Public in vfio-pci-core only in later kernels. The caller holds memory_lock.
 * A VF decodes its memory whatever its COMMAND says (PCIe 9.3.4.1.3).
 */
static inline bool
virtio_mmr_compat_memory_enabled(struct vfio_pci_core_device *core)
{
	return (__force int)core->pdev->current_state < (__force int)PCI_D3hot &&
	       (core->pdev->no_command_memory ||
		core->vconfig[PCI_COMMAND] & PCI_COMMAND_MEMORY);
}

#ifdef VIRTIO_MMR_HAVE_REGION_INFO_CAPS
int virtio_mmr_compat_region_info(struct vfio_device *core_vdev,
				  struct vfio_region_info *info,
				  struct vfio_info_cap *caps);
#define VIRTIO_MMR_COMPAT_REGION_INFO_OPS \
	.get_region_info_caps = virtio_mmr_compat_region_info,
#define VIRTIO_MMR_COMPAT_PLAIN_REGION_INFO_OPS \
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#define virtio_mmr_compat_ioctl	virtio_mmr_ioctl
#else
#define VIRTIO_MMR_COMPAT_REGION_INFO_OPS
#define VIRTIO_MMR_COMPAT_PLAIN_REGION_INFO_OPS
long virtio_mmr_compat_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
			     unsigned long arg);
#endif

#ifdef VIRTIO_MMR_HAVE_MATCH_TOKEN_UUID
#define VIRTIO_MMR_COMPAT_MATCH_OPS \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define VIRTIO_MMR_COMPAT_MATCH_OPS
#endif

#ifdef VIRTIO_MMR_HAVE_DETACH_IOAS
#define VIRTIO_MMR_COMPAT_DETACH_OPS \
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define VIRTIO_MMR_COMPAT_DETACH_OPS
#endif

#ifdef VIRTIO_MMR_HAVE_IOMMUFD
#define VIRTIO_MMR_COMPAT_IOMMUFD_OPS \
	.bind_iommufd = vfio_iommufd_physical_bind, \
	.unbind_iommufd = vfio_iommufd_physical_unbind, \
	.attach_ioas = vfio_iommufd_physical_attach_ioas, \
	VIRTIO_MMR_COMPAT_DETACH_OPS
#else
#define VIRTIO_MMR_COMPAT_IOMMUFD_OPS
#endif

#endif /* VIRTIO_MMR_COMPAT_H */
