// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modern interface (virtio 1.4, 4.1.4), on mappings that attach.c makes: the kernel's probe
 * refuses the device IDs of MMR functions.
 */
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/rwsem.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "compat/compat.h"
#include "config.h"
#include "doorbells.h"
#include "interface.h"
#include "limits.h"
#include "queues.h"

/* Features of the transport without a name in older kernels (virtio 1.4, 6) */
#define F_NOTIFICATION_DATA	38
#define F_NOTIF_CONFIG_DATA	39
#define F_ADMIN_VQ		41

/*
 * Statistics of a network device. The kernel's driver stores them where the device says, which can
 * be beyond its memory, when any user asks for them.
 */
#define F_NET_DEVICE_STATS	50

/* Those that this driver has no code for, or that do not concern virtio drivers */
#define UNUSED_FEATURES	(BIT_ULL(VIRTIO_F_SR_IOV) | BIT_ULL(F_NOTIFICATION_DATA) | \
			 BIT_ULL(F_NOTIF_CONFIG_DATA) | BIT_ULL(VIRTIO_F_RING_RESET) | \
			 BIT_ULL(F_ADMIN_VQ))

/* Changes of the configuration that are believed, and in which time (policy) */
#define MAX_CHANGES		64
#define CHANGES_INTERVAL	(10 * HZ)

/**
 * virtio_mmr_modern_obstacle - the reason why the modern interface cannot be used
 * @transport: the device, reset, with its structures mapped and its doorbells found
 *
 * Return: a reason for people, or NULL if it can be used.
 */
const char *virtio_mmr_modern_obstacle(struct virtio_mmr_transport *transport)
{
	const struct virtio_mmr_scan *scan = &transport->scan;

	if (!scan->has_common_config ||
	    scan->common_config.length < sizeof(struct virtio_pci_common_cfg))
		return "no usable common configuration";
	if (!scan->has_isr)
		return "no usable ISR status";
	if (!transport->device_config && scan->identity->virtio_id != VIRTIO_ID_RNG)
		return "no usable device configuration";
	if (!transport->doorbells)
		return "no usable doorbells";
	if (!(vp_modern_get_features(&transport->mdev) & BIT_ULL(VIRTIO_F_VERSION_1)))
		return "the device does not offer VIRTIO_F_VERSION_1";
	return NULL;
}

/**
 * virtio_mmr_may_have_vfs - whether the PF allows VFs
 * @transport: the device of the PF
 *
 * Return: false if a driver must take VIRTIO_F_SR_IOV first.
 */
bool virtio_mmr_may_have_vfs(struct virtio_mmr_transport *transport)
{
	if (transport->interface != &virtio_mmr_modern_interface ||
	    !(transport->offered & BIT_ULL(VIRTIO_F_SR_IOV)))
		return true;
	return virtio_mmr_get_status(&transport->vdev) & VIRTIO_CONFIG_S_DRIVER_OK;
}

static u64 get_features(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	u64 unused = UNUSED_FEATURES;

	transport->offered = vp_modern_get_features(&transport->mdev);
	if (vdev->id.device == VIRTIO_ID_NET)
		unused |= BIT_ULL(F_NET_DEVICE_STATS);
	/*
	 * Also if the device does not offer ACCESS_PLATFORM: it is a PCI function, so an IOMMU
	 * translates its accesses, whatever it knows of it.
	 */
	return (transport->offered & ~unused) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
}

/*
 * A device that offers ACCESS_PLATFORM may insist on it. It is right for a driver that does
 * without, too, where physical addresses are what the device sees. A PF must take SR_IOV before
 * it has VFs (virtio 1.4, 6.2).
 */
static int finalize_features(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	u64 always = BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	u64 features;
	int ret;

	if (transport->pdev->is_physfn)
		always |= BIT_ULL(VIRTIO_F_SR_IOV);
	always &= transport->offered;

	vring_transport_features(vdev);
	ret = virtio_mmr_check_addresses(transport);
	if (ret)
		return ret;
	/* FEATURES_OK judges the rest, if the device offers other features now. */
	features = (vdev->features & ~BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)) | always;
	if (!(features & BIT_ULL(VIRTIO_F_VERSION_1))) {
		pci_err(transport->pdev, "the device offers features 0x%llx, without VIRTIO_F_VERSION_1 that it has offered before; module parameter legacy=1 uses its legacy registers\n",
			transport->offered);
		return -EINVAL;
	}
	vp_modern_set_features(&transport->mdev, features);
	return 0;
}

static void get(struct virtio_device *vdev, unsigned int offset, void *value,
		unsigned int count)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);

	down_read(&transport->config_lock);
	if (virtio_mmr_config_has(transport, offset, count,
				  transport->device_config_place.length)) {
		virtio_mmr_config_read(transport->device_config, value, offset, count);
		virtio_mmr_config_hide(transport, value, count);
		virtio_mmr_limit(transport, offset, value, count);
	} else {
		memset(value, 0, count);
	}
	up_read(&transport->config_lock);
}

static void set(struct virtio_device *vdev, unsigned int offset, const void *value,
		unsigned int count)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);

	down_read(&transport->config_lock);
	if (virtio_mmr_config_has(transport, offset, count,
				  transport->device_config_place.length))
		virtio_mmr_config_write(transport->device_config, value, offset, count);
	up_read(&transport->config_lock);
}

/* Readers at the same time may count a change twice, or too few: no harm. */
static bool changes_all_the_time(struct virtio_mmr_transport *transport, u32 generation)
{
	if (generation == transport->generation.last)
		return false;
	transport->generation.last = generation;
	if (time_after(jiffies, transport->generation.since + CHANGES_INTERVAL)) {
		transport->generation.since = jiffies;
		transport->generation.changes = 0;
	}
	return ++transport->generation.changes > MAX_CHANGES;
}

/*
 * While this changes, drivers read a field of more than one access again, with no end. So one that
 * changes all the time is not believed any longer.
 */
static u32 get_generation(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	u32 generation;

	if (READ_ONCE(transport->torn))
		return 0;
	generation = vp_modern_generation(&transport->mdev);
	if (!changes_all_the_time(transport, generation))
		return generation;
	WRITE_ONCE(transport->torn, true);
	pci_warn(transport->pdev, "the generation of the device configuration changes all the time, so it is not looked at any longer; fields of more than 4 bytes are unreliable\n");
	return 0;
}

static u16 queue_size(struct virtio_mmr_transport *transport, u16 index)
{
	u16 size;

	/* Each queue that the device has, has a doorbell. */
	if (!virtio_mmr_doorbell(transport, index))
		virtio_mmr_doorbells_find_more(transport);
	size = vp_modern_get_queue_size(&transport->mdev, index);
	if (!virtio_mmr_doorbell(transport, index) ||
	    vp_modern_get_queue_enable(&transport->mdev, index))
		return 0;
	return size;
}

static struct virtqueue *create_queue(struct virtio_mmr_transport *transport, u16 index,
				      u16 size, vq_callback_t *callback, const char *name,
				      bool context)
{
	struct virtio_pci_modern_device *mdev = &transport->mdev;
	struct virtqueue *vq;

	vq = virtio_mmr_create_ring(transport, index, size, SMP_CACHE_BYTES, true, callback,
				    name, context);
	if (IS_ERR(vq))
		return vq;

	vp_modern_set_queue_size(mdev, index, virtqueue_get_vring_size(vq));
	vp_modern_queue_address(mdev, index, virtqueue_get_desc_addr(vq),
				virtqueue_get_avail_addr(vq), virtqueue_get_used_addr(vq));
	return vq;
}

/*
 * Only a reset takes a queue away from the device. Most drivers have reset it before this. One that
 * gives up in the middle of its probe may not have. One reset takes all queues. A device that has
 * a queue even so may write to its ring, and a second reset, which can take long, would not help.
 */
static void take_queue(struct virtio_mmr_transport *transport, struct virtqueue *vq)
{
	if (transport->status && vp_modern_get_queue_enable(&transport->mdev, vq->index))
		virtio_mmr_reset_device(transport);
	if (!transport->stuck && vp_modern_get_queue_enable(&transport->mdev, vq->index))
		virtio_mmr_keep_out(transport, vq->index);
}

static void enable_queue(struct virtio_mmr_transport *transport, u16 index)
{
	vp_modern_set_queue_enable(&transport->mdev, index, true);
}

static u16 set_queue_vector(struct virtio_mmr_transport *transport, u16 index, u16 vector)
{
	return vp_modern_queue_vector(&transport->mdev, index, vector);
}

static u16 set_config_vector(struct virtio_mmr_transport *transport, u16 vector)
{
	return vp_modern_config_vector(&transport->mdev, vector);
}

static const struct virtio_config_ops modern_ops = {
	.get = get,
	.set = set,
	.generation = get_generation,
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

const struct virtio_mmr_interface virtio_mmr_modern_interface = {
	.name = "modern",
	.ops = &modern_ops,
	.queue_size = queue_size,
	.create_queue = create_queue,
	.take_queue = take_queue,
	.enable_queue = enable_queue,
	.set_queue_vector = set_queue_vector,
	.set_config_vector = set_config_vector,
};
