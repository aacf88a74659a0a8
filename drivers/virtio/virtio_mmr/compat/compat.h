/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels. compat/Makefile.include searches the kernel's headers and
 * defines VIRTIO_MMR_HAVE_*; nothing outside this folder uses them.
 */
#ifndef VIRTIO_MMR_PCI_COMPAT_H
#define VIRTIO_MMR_PCI_COMPAT_H

#include <linux/virtio_config.h>

#ifdef VIRTIO_MMR_HAVE_VIRTQUEUE_INFO	/* since 6.11 */
#define virtio_mmr_compat_find_vqs	virtio_mmr_find_vqs
#else
/* A queue as newer kernels' drivers describe it */
struct virtqueue_info {
	const char *name;
	vq_callback_t *callback;
	bool ctx;
};

int virtio_mmr_compat_find_vqs(struct virtio_device *vdev, unsigned int count,
			       struct virtqueue *vqs[], vq_callback_t *callbacks[],
			       const char * const names[], const bool *contexts,
			       struct irq_affinity *affinity);
#endif

#endif /* VIRTIO_MMR_PCI_COMPAT_H */
