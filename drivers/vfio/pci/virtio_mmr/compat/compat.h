/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels. compat/Makefile.include searches the kernel's
 * headers and defines VIRTIO_MMR_HAVE_*; nothing outside this folder uses them.
 * It also names the kernel and the change that brought each feature.
 */
#ifndef VIRTIO_MMR_COMPAT_H
#define VIRTIO_MMR_COMPAT_H

#include <linux/eventfd.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#ifndef VIRTIO_MMR_HAVE_VFIO_ALLOC_DEVICE	/* since 6.1 */
#error "This kernel has too old a VFIO: there is no vfio_alloc_device()"
#endif

void __iomem *virtio_mmr_compat_iomap(struct vfio_pci_core_device *core, int bar);

/*
 * Does the same as __vfio_pci_memory_enabled() of vfio-pci-core. That is public since a kernel
 * between 6.12 and 7.3. The caller holds memory_lock.
 * A VF decodes its memory whatever its COMMAND says (PCIe 9.3.4.1.3).
 */
static inline bool
virtio_mmr_compat_memory_enabled(struct vfio_pci_core_device *core)
{
	return (__force int)core->pdev->current_state < (__force int)PCI_D3hot &&
	       (core->pdev->no_command_memory ||
		core->vconfig[PCI_COMMAND] & PCI_COMMAND_MEMORY);
}

static inline void virtio_mmr_compat_eventfd_signal(struct eventfd_ctx *eventfd)
{
#ifdef VIRTIO_MMR_HAVE_EVENTFD_SIGNAL_ONE	/* since 6.8 */
	eventfd_signal(eventfd);
#else
	eventfd_signal(eventfd, 1);
#endif
}

#ifdef VIRTIO_MMR_HAVE_REGION_INFO_CAPS	/* since 6.19 */
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

/* Lets the user have DMA-BUFs of memory BARs. Before the function is registered. */
#ifdef VIRTIO_MMR_HAVE_DMABUF	/* since 6.19 */
void virtio_mmr_compat_export_bars(struct vfio_pci_core_device *core);
#else
static inline void virtio_mmr_compat_export_bars(struct vfio_pci_core_device *core)
{
}
#endif

#ifdef VIRTIO_MMR_HAVE_MATCH_TOKEN_UUID	/* since 6.17 */
#define VIRTIO_MMR_COMPAT_MATCH_OPS \
	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define VIRTIO_MMR_COMPAT_MATCH_OPS
#endif

#ifdef VIRTIO_MMR_HAVE_DETACH_IOAS	/* since 6.6 */
#define VIRTIO_MMR_COMPAT_DETACH_OPS \
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define VIRTIO_MMR_COMPAT_DETACH_OPS
#endif

#ifdef VIRTIO_MMR_HAVE_IOMMUFD	/* since 6.2 */
#define VIRTIO_MMR_COMPAT_IOMMUFD_OPS \
	.bind_iommufd = vfio_iommufd_physical_bind, \
	.unbind_iommufd = vfio_iommufd_physical_unbind, \
	.attach_ioas = vfio_iommufd_physical_attach_ioas, \
	VIRTIO_MMR_COMPAT_DETACH_OPS
#else
#define VIRTIO_MMR_COMPAT_IOMMUFD_OPS
#endif

#endif /* VIRTIO_MMR_COMPAT_H */
