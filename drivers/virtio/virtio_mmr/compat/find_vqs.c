// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues that a virtio driver asks for. Older kernels have three arrays, newer ones have one.
 */
#include <linux/slab.h>

#include "../queues.h"
#include "compat.h"

#ifndef VIRTIO_MMR_HAVE_VIRTQUEUE_INFO	/* until 6.10 */

int virtio_mmr_compat_find_vqs(struct virtio_device *vdev, unsigned int count,
			       struct virtqueue *vqs[], vq_callback_t *callbacks[],
			       const char * const names[], const bool *contexts,
			       struct irq_affinity *affinity)
{
	struct virtqueue_info *infos;
	unsigned int i;
	int ret;

	infos = kcalloc(count, sizeof(*infos), GFP_KERNEL);
	if (!infos)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		infos[i] = (struct virtqueue_info){
			.name = names[i],
			.callback = callbacks[i],
			.ctx = contexts && contexts[i],
		};
	ret = virtio_mmr_find_vqs(vdev, count, vqs, infos, affinity);
	kfree(infos);
	return ret;
}

#endif
