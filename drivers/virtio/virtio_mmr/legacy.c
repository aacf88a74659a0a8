// SPDX-License-Identifier: GPL-2.0-only
/*
 * The legacy interface: registers in the window that the MMR capability gives. The kernel's
 * functions for them work on any mapping.
 */
#include <linux/rwsem.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_ring.h>

#include "compat/compat.h"
#include "config.h"
#include "doorbells.h"
#include "interface.h"
#include "limits.h"
#include "queues.h"

/* Reads of a field of 8 bytes that changes all the time (policy) */
#define MAX_READS	8

static u64 get_features(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);

	transport->offered = vp_legacy_get_features(&transport->ldev);
	/*
	 * A legacy device cannot offer this. The kernel's DMA interface must give the addresses,
	 * as the function is behind an IOMMU. The device does not hear of it.
	 */
	return transport->offered | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
}

static int finalize_features(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	int ret;

	vring_transport_features(vdev);
	ret = virtio_mmr_check_addresses(transport);
	if (ret)
		return ret;
	/* What this driver has added is beyond the 32 bits. */
	vp_legacy_set_features(&transport->ldev, vdev->features);
	return 0;
}

/* The place depends on MSI-X of the function, as the device sees it: see config_lock. */
static unsigned int config_start(struct virtio_mmr_transport *transport)
{
	return transport->pdev->msix_enabled ? VIRTIO_MMR_COMMON_SIZE_MSIX :
					       VIRTIO_MMR_COMMON_SIZE;
}

/**
 * virtio_mmr_legacy_config - read the start of the device-specific configuration
 * @transport: the device
 * @value: where to store it; what the device does not have stays as it is
 * @count: bytes to read at most
 *
 * For handlers of interrupts, which run only while MSI-X stays as it is.
 */
void virtio_mmr_legacy_config(struct virtio_mmr_transport *transport, void *value,
			      unsigned int count)
{
	unsigned int start = config_start(transport);

	virtio_mmr_config_read(transport->ldev.ioaddr + start, value, 0,
			       min_t(u64, count, transport->scan.cap.length - start));
}

/* There is no generation. So two equal reads show that a field of two parts is whole. */
static void get(struct virtio_device *vdev, unsigned int offset, void *value,
		unsigned int count)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	unsigned int start, i;
	void __iomem *config;
	u64 previous;

	down_read(&transport->config_lock);
	start = config_start(transport);
	config = transport->ldev.ioaddr + start;
	if (!virtio_mmr_config_has(transport, offset, count,
				   transport->scan.cap.length - start)) {
		memset(value, 0, count);
		goto out;
	}
	virtio_mmr_config_read(config, value, offset, count);
	for (i = 0; count == sizeof(previous) && i < MAX_READS; i++) {
		memcpy(&previous, value, sizeof(previous));
		virtio_mmr_config_read(config, value, offset, count);
		if (!memcmp(&previous, value, sizeof(previous)))
			break;
	}
	if (i == MAX_READS && !transport->torn) {
		transport->torn = true;
		pci_warn(transport->pdev, "the field of 8 bytes at 0x%x of the device configuration is never the same in two reads; its value is unreliable\n",
			 offset);
	}
	virtio_mmr_config_hide(transport, value, count);
	virtio_mmr_limit(transport, offset, value, count);
out:
	up_read(&transport->config_lock);
}

static void set(struct virtio_device *vdev, unsigned int offset, const void *value,
		unsigned int count)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	unsigned int start;

	down_read(&transport->config_lock);
	start = config_start(transport);
	if (virtio_mmr_config_has(transport, offset, count,
				  transport->scan.cap.length - start))
		virtio_mmr_config_write(transport->ldev.ioaddr + start, value, offset, count);
	up_read(&transport->config_lock);
}

static u16 queue_size(struct virtio_mmr_transport *transport, u16 index)
{
	u16 size = vp_legacy_get_queue_size(&transport->ldev, index);

	return vp_legacy_get_queue_enable(&transport->ldev, index) ? 0 : size;
}

static struct virtqueue *create_queue(struct virtio_mmr_transport *transport, u16 index,
				      u16 size, vq_callback_t *callback, const char *name,
				      bool context)
{
	struct virtio_pci_legacy_device *ldev = &transport->ldev;
	struct virtqueue *vq;
	u64 page;

	vq = virtio_mmr_create_ring(transport, index, size, VIRTIO_PCI_VRING_ALIGN, false,
				    callback, name, context);
	if (IS_ERR(vq))
		return vq;
	if (!vq->priv)
		vq->priv = (void __force *)(ldev->ioaddr + VIRTIO_MMR_QUEUE_NOTIFY);

	page = virtqueue_get_desc_addr(vq) >> VIRTIO_PCI_QUEUE_ADDR_SHIFT;
	if (page > U32_MAX) {
		pci_err(transport->pdev, "the ring of queue %u is at page 0x%llx, which a legacy register of 32 bits cannot hold\n",
			index, page);
		vring_del_virtqueue(vq);
		return ERR_PTR(-E2BIG);
	}
	vp_legacy_set_queue_address(ldev, index, page);
	return vq;
}

/* Some devices reset themselves when a queue is taken away. Most have been reset before this. */
static void take_queue(struct virtio_mmr_transport *transport, struct virtqueue *vq)
{
	if (!vp_legacy_get_queue_enable(&transport->ldev, vq->index))
		return;
	vp_legacy_set_queue_address(&transport->ldev, vq->index, 0);
	/* The device has the write before this read, and so before the ring is freed. */
	if (vp_legacy_get_queue_enable(&transport->ldev, vq->index) && !transport->stuck)
		virtio_mmr_keep_out(transport, vq->index);
}

static u16 set_queue_vector(struct virtio_mmr_transport *transport, u16 index, u16 vector)
{
	return vp_legacy_queue_vector(&transport->ldev, index, vector);
}

static u16 set_config_vector(struct virtio_mmr_transport *transport, u16 vector)
{
	return vp_legacy_config_vector(&transport->ldev, vector);
}

static const struct virtio_config_ops legacy_ops = {
	.get = get,
	.set = set,
	.get_status = virtio_mmr_get_status,
	.set_status = virtio_mmr_set_status,
	.reset = virtio_mmr_reset,
	.find_vqs = virtio_mmr_compat_find_vqs,
	.del_vqs = virtio_mmr_del_vqs,
	.synchronize_cbs = virtio_mmr_synchronize_interrupts,
	.get_features = get_features,
	.finalize_features = finalize_features,
	.bus_name = virtio_mmr_bus_name,
	.set_vq_affinity = virtio_mmr_set_affinity,
	.get_vq_affinity = virtio_mmr_get_affinity,
};

const struct virtio_mmr_interface virtio_mmr_legacy_interface = {
	.name = "legacy",
	.ops = &legacy_ops,
	.queue_size = queue_size,
	.create_queue = create_queue,
	.take_queue = take_queue,
	.set_queue_vector = set_queue_vector,
	.set_config_vector = set_config_vector,
};
