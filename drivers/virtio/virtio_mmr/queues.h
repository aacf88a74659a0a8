/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_QUEUES_H
#define VIRTIO_MMR_QUEUES_H

#include "compat/compat.h"
#include "transport.h"

int virtio_mmr_find_vqs(struct virtio_device *vdev, unsigned int count,
			struct virtqueue *vqs[], struct virtqueue_info infos[],
			struct irq_affinity *affinity);
void virtio_mmr_del_vqs(struct virtio_device *vdev);
void virtio_mmr_free_kept_queues(struct virtio_mmr_transport *transport);
bool virtio_mmr_has_lost_requests(struct virtio_mmr_transport *transport);
struct virtqueue *
virtio_mmr_create_ring(struct virtio_mmr_transport *transport, u16 index, u16 size,
		       unsigned int alignment, bool may_shrink, vq_callback_t *callback,
		       const char *name, bool context);
void virtio_mmr_synchronize_interrupts(struct virtio_device *vdev);
int virtio_mmr_set_affinity(struct virtqueue *vq, const struct cpumask *mask);
const struct cpumask *virtio_mmr_get_affinity(struct virtio_device *vdev, int index);

#endif /* VIRTIO_MMR_QUEUES_H */
