// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of a device and their interrupts, for both interfaces.
 *
 * The core of virtio calls find_vqs and del_vqs for a device one after the other. So the list
 * of queues needs no lock: handlers are installed after it is allocated, and removed before it
 * is freed.
 *
 * The function has bus mastering only while it has queues. A device may keep one that it has lost,
 * whatever it says of its reset, and has none that it says are in use when it gets others.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "doorbells.h"
#include "interface.h"
#include "queues.h"

/**
 * virtio_mmr_create_ring - make the ring of a queue, for either interface
 * @transport: the device
 * @index: of the queue
 * @size: entries that the device says it has, any value
 * @alignment: of the parts of the ring, in bytes
 * @may_shrink: a ring with fewer entries is as good
 * @callback: for used buffers, or NULL
 * @name: of the queue
 * @context: buffers have a context
 *
 * The device runs beside the CPUs, so barriers must be real ones.
 *
 * Return: the queue, with the address of its doorbell in priv, or NULL there if it has none; or
 * an ERR_PTR(), and the log says why.
 */
struct virtqueue *
virtio_mmr_create_ring(struct virtio_mmr_transport *transport, u16 index, u16 size,
		       unsigned int alignment, bool may_shrink, vq_callback_t *callback,
		       const char *name, bool context)
{
	struct virtqueue *vq;

	vq = vring_create_virtqueue(index, size, alignment, &transport->vdev, false, may_shrink,
				    context, virtio_mmr_ring, callback, name);
	if (!vq) {
		pci_err(transport->pdev, "no ring for queue %u: the device says 0x%x entries; a power of 2 up to 0x8000 is right\n",
			index, size);
		return ERR_PTR(-ENOMEM);
	}
	vq->num_max = size;
	vq->priv = (void __force *)virtio_mmr_doorbell(transport, index);
	return vq;
}

/*
 * All buffers of a receive queue together have room for the largest packet: 65,573 bytes with its
 * header. With fewer entries than these, each has more than a page, which can be more than the
 * network driver has allocated.
 */
#define MIN_RECEIVE_ENTRIES	17

/* How queues share interrupts; the first one that the function has enough vectors for is used */
enum sharing {
	SHARE_NOTHING,		/* one for the configuration, one for each queue */
	SHARE_QUEUES,		/* one for the configuration, one for all queues */
	SHARE_ALL,		/* one for everything */
	SHARE_PIN,		/* the pin, which VFs do not have */
};

/* The first queue of a SCSI host for requests; before it are task management and events */
#define SCSI_REQUESTS	2

#define CONFIG_VECTOR	0
#define QUEUES_VECTOR	1	/* with SHARE_QUEUES */

static irqreturn_t config_interrupt(int irq, void *context)
{
	struct virtio_mmr_transport *transport = context;

	virtio_mmr_report_needs_reset(transport);
	virtio_config_changed(&transport->vdev);
	return IRQ_HANDLED;
}

/*
 * A device may interrupt before the queue is there, and use buffers before DRIVER_OK, or after a
 * reset. The kernel's virtio drivers then use what they do not have yet, or have freed.
 */
static irqreturn_t queue_interrupt(int irq, void *context)
{
	struct virtio_mmr_queue *queue = context;
	/* Pairs with create_queue(): the queue is complete */
	struct virtqueue *vq = smp_load_acquire(&queue->vq);

	if (!vq || !virtio_mmr_uses_queues(to_transport(vq->vdev)))
		return IRQ_NONE;
	return vring_interrupt(irq, vq);
}

static irqreturn_t queues_interrupt(int irq, void *context)
{
	struct virtio_mmr_transport *transport = context;
	irqreturn_t ret = IRQ_NONE;
	unsigned int i;

	for (i = 0; i < transport->num_queues; i++)
		if (queue_interrupt(irq, &transport->queues[i]) == IRQ_HANDLED)
			ret = IRQ_HANDLED;
	return ret;
}

static bool legacy_config_changed(struct virtio_mmr_transport *transport)
{
	u8 config[sizeof(transport->seen.config)] = {};
	u8 isr = ioread8(transport->isr);
	bool changed;

	/* With MSI-X a device need not set ISR status (virtio 1.4, 4.1.4.5). */
	if (isr)
		return isr & VIRTIO_PCI_ISR_CONFIG;
	virtio_mmr_legacy_config(transport, config, sizeof(config));
	changed = memcmp(config, transport->seen.config, sizeof(config));
	memcpy(transport->seen.config, config, sizeof(config));
	return changed;
}

static bool modern_config_changed(struct virtio_mmr_transport *transport)
{
	u32 generation = vp_modern_generation(&transport->mdev);
	bool changed = generation != transport->seen.generation;

	transport->seen.generation = generation;
	return changed;
}

static bool config_changed(struct virtio_mmr_transport *transport)
{
	if (transport->interface == &virtio_mmr_modern_interface)
		return modern_config_changed(transport);
	return legacy_config_changed(transport);
}

/*
 * One message can stand for used buffers and for a change of the configuration, or for buffers
 * that an earlier one has found. A change that is reported without need costs much: drivers read
 * all of their configuration, and some log it.
 */
static irqreturn_t any_interrupt(int irq, void *context)
{
	bool changed = config_changed(context);
	irqreturn_t ret = queues_interrupt(irq, context);

	if (changed)
		return config_interrupt(irq, context);
	/* A device that fails need not change its configuration. */
	if (ret == IRQ_NONE)
		virtio_mmr_report_needs_reset(context);
	return ret;
}

static irqreturn_t pin_interrupt(int irq, void *context)
{
	struct virtio_mmr_transport *transport = context;
	u8 isr = ioread8(transport->isr);

	/* Other devices may have the same line. */
	if (!isr)
		return IRQ_NONE;
	if (isr & VIRTIO_PCI_ISR_CONFIG)
		config_interrupt(irq, context);
	queues_interrupt(irq, context);
	return IRQ_HANDLED;
}

/**
 * virtio_mmr_synchronize_interrupts - wait until no handler runs any longer
 * @vdev: the device
 */
void virtio_mmr_synchronize_interrupts(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	struct pci_dev *pdev = transport->pdev;
	unsigned int i;

	if (transport->has_pin_handler)
		synchronize_irq(pdev->irq);
	for (i = 0; i < transport->requested_vectors; i++)
		synchronize_irq(pci_irq_vector(pdev, i));
	for (i = 0; i < transport->num_queues; i++)
		if (transport->queues[i].requested)
			synchronize_irq(pci_irq_vector(pdev, transport->queues[i].vector));
}

static void free_interrupts(struct virtio_mmr_transport *transport)
{
	struct pci_dev *pdev = transport->pdev;
	unsigned int i;

	for (i = 0; i < transport->num_queues; i++) {
		struct virtio_mmr_queue *queue = &transport->queues[i];

		if (queue->requested)
			free_irq(pci_irq_vector(pdev, queue->vector), queue);
		queue->requested = false;
	}
	while (transport->requested_vectors)
		free_irq(pci_irq_vector(pdev, --transport->requested_vectors), transport);
	if (transport->has_pin_handler)
		free_irq(pdev->irq, transport);
	transport->has_pin_handler = false;
}

/**
 * virtio_mmr_free_kept_queues - free the queues that a virtio driver had before
 * @transport: the device, whose virtio driver has others now, or is gone
 */
void virtio_mmr_free_kept_queues(struct virtio_mmr_transport *transport)
{
	unsigned int i;

	for (i = 0; i < transport->num_kept_queues; i++)
		if (transport->kept_queues[i].vq)
			vring_del_virtqueue(transport->kept_queues[i].vq);
	kfree(transport->kept_queues);
	transport->kept_queues = NULL;
	transport->num_kept_queues = 0;
}

/**
 * virtio_mmr_del_vqs - free all queues
 * @vdev: the device, reset, or never started since
 */
void virtio_mmr_del_vqs(struct virtio_device *vdev)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	const struct virtio_mmr_interface *interface = transport->interface;
	bool has_vectors = transport->pdev->msix_enabled;
	unsigned int i;

	free_interrupts(transport);
	pci_clear_master(transport->pdev);
	for (i = 0; i < transport->num_queues; i++) {
		struct virtqueue *vq = transport->queues[i].vq;

		if (transport->queues[i].vector != VIRTIO_MSI_NO_VECTOR)
			interface->set_queue_vector(transport, i, VIRTIO_MSI_NO_VECTOR);
		if (!vq)
			continue;
		/*
		 * A driver can leave a command that a device which is gone has not answered. Others
		 * leave none: this would trust what the device could write to the ring.
		 */
		while (virtqueue_is_broken(vq) && virtqueue_detach_unused_buf(vq))
			;
		interface->take_queue(transport, vq);
		if (transport->gives_up)
			__virtqueue_break(vq);
		else
			vring_del_virtqueue(vq);
	}
	if (has_vectors) {
		interface->set_config_vector(transport, VIRTIO_MSI_NO_VECTOR);
		down_write(&transport->config_lock);
		pci_free_irq_vectors(transport->pdev);
		up_write(&transport->config_lock);
	}
	if (transport->gives_up && transport->queues) {
		virtio_mmr_free_kept_queues(transport);
		transport->kept_queues = transport->queues;
		transport->num_kept_queues = transport->num_queues;
	} else {
		kfree(transport->queues);
	}
	transport->queues = NULL;
	transport->num_queues = 0;
}

/**
 * virtio_mmr_has_lost_requests - whether a disk has requests that never end
 * @transport: the device, with the lock of its virtio device held
 *
 * Nobody looks for answers in a queue that is broken. Linux breaks it also by itself, after an
 * answer to a request that it does not have. The kernel's drivers of disks have no time limit. A
 * balloon's driver may wait as well, but it loses no data, and no host has a use for it.
 *
 * Return: true if it is a disk, and requests are in such a queue.
 */
bool virtio_mmr_has_lost_requests(struct virtio_mmr_transport *transport)
{
	unsigned int i;

	switch (transport->vdev.id.device) {
	case VIRTIO_ID_BLOCK:
		i = 0;
		break;
	case VIRTIO_ID_SCSI:
		i = SCSI_REQUESTS;
		break;
	default:
		return false;
	}
	/* A handler that began before a queue was broken still takes answers from it. */
	virtio_mmr_synchronize_interrupts(&transport->vdev);
	for (; i < transport->num_queues; i++) {
		struct virtqueue *vq = transport->queues[i].vq;

		if (vq && virtqueue_is_broken(vq) && vq->num_free != virtqueue_get_vring_size(vq))
			return true;
	}
	return false;
}

static unsigned int count_vectors(enum sharing sharing, unsigned int count,
				  const struct virtqueue_info infos[])
{
	unsigned int vectors = 1, i;

	if (sharing == SHARE_ALL)
		return 1;
	if (sharing == SHARE_QUEUES)
		return 2;
	for (i = 0; i < count; i++)
		if (infos[i].name && infos[i].callback)
			vectors++;
	return vectors;
}

static int request_vector(struct virtio_mmr_transport *transport, irq_handler_t handler,
			  const char *suffix)
{
	unsigned int vector = transport->requested_vectors;
	char *name = transport->vector_names[vector];
	int ret;

	snprintf(name, sizeof(transport->vector_names[vector]), "%s%s",
		 dev_name(&transport->vdev.dev), suffix);
	ret = request_irq(pci_irq_vector(transport->pdev, vector), handler, 0, name, transport);
	if (!ret)
		transport->requested_vectors++;
	return ret;
}

/* -EBUSY if the device refuses a vector */
static int start_vectors(struct virtio_mmr_transport *transport, enum sharing sharing,
			 unsigned int vectors, struct irq_affinity *affinity)
{
	struct pci_dev *pdev = transport->pdev;
	unsigned int flags = PCI_IRQ_MSIX;
	struct irq_affinity spread;
	int ret;

	/* The vector of the configuration is not spread over the CPUs. */
	if (sharing == SHARE_NOTHING && affinity) {
		spread = *affinity;
		spread.pre_vectors++;
		affinity = &spread;
		flags |= PCI_IRQ_AFFINITY;
	} else {
		affinity = NULL;
	}
	down_write(&transport->config_lock);
	ret = pci_alloc_irq_vectors_affinity(pdev, vectors, vectors, flags, affinity);
	up_write(&transport->config_lock);
	if (ret < 0)
		return ret;

	if (sharing == SHARE_ALL)
		ret = request_vector(transport, any_interrupt, "");
	else
		ret = request_vector(transport, config_interrupt, "-config");
	if (!ret && sharing == SHARE_QUEUES)
		ret = request_vector(transport, queues_interrupt, "-virtqueues");
	if (ret)
		return ret;

	if (transport->interface->set_config_vector(transport, CONFIG_VECTOR) != CONFIG_VECTOR) {
		pci_dbg(pdev, "the device refuses vector %u for its configuration\n",
			CONFIG_VECTOR);
		return -EBUSY;
	}
	return 0;
}

static int start_pin(struct virtio_mmr_transport *transport)
{
	char *name = transport->vector_names[0];
	int ret;

	snprintf(name, sizeof(transport->vector_names[0]), "%s",
		 dev_name(&transport->vdev.dev));
	ret = request_irq(transport->pdev->irq, pin_interrupt, IRQF_SHARED, name, transport);
	transport->has_pin_handler = !ret;
	return ret;
}

static bool receives_in_parts(struct virtio_mmr_transport *transport)
{
	return transport->vdev.id.device == VIRTIO_ID_NET &&
	       __virtio_test_bit(&transport->vdev, VIRTIO_NET_F_MRG_RXBUF);
}

static int request_own_vector(struct virtio_mmr_transport *transport,
			      struct virtio_mmr_queue *queue, const char *suffix)
{
	int ret;

	snprintf(queue->name, sizeof(queue->name), "%s-%s", dev_name(&transport->vdev.dev),
		 suffix);
	ret = request_irq(pci_irq_vector(transport->pdev, queue->vector), queue_interrupt, 0,
			  queue->name, queue);
	queue->requested = !ret;
	return ret;
}

/*
 * All vectors come before the first ring: a legacy device may forget its driver's features when
 * a ring is taken away again. -EBUSY if the device refuses one. The host may as well, here and not
 * when they were allocated: it looks for room on a CPU only for a vector with a handler.
 */
static int set_vectors(struct virtio_mmr_transport *transport, enum sharing sharing,
		       unsigned int count, const struct virtqueue_info infos[])
{
	u16 own = CONFIG_VECTOR + 1, index = 0;
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		struct virtio_mmr_queue *queue = &transport->queues[index];
		u16 vector, taken;

		/* The device does not count queues that the driver leaves out. */
		if (!infos[i].name)
			continue;
		queue->size = transport->interface->queue_size(transport, index);
		if (!queue->size)
			return -ENOENT;
		if (infos[i].ctx && receives_in_parts(transport) &&
		    queue->size < MIN_RECEIVE_ENTRIES) {
			pci_err(transport->pdev, "queue %u has %u entries, and Linux needs %u for packets that come in parts\n",
				index, queue->size, MIN_RECEIVE_ENTRIES);
			return -ENOENT;
		}
		if (infos[i].callback && sharing != SHARE_PIN) {
			vector = sharing == SHARE_NOTHING ? own++ :
				 sharing == SHARE_QUEUES ? QUEUES_VECTOR : CONFIG_VECTOR;
			taken = transport->interface->set_queue_vector(transport, index, vector);
			if (taken != vector) {
				pci_dbg(transport->pdev, "the device refuses vector %u for queue %u\n",
					vector, index);
				return -EBUSY;
			}
			queue->vector = vector;
			ret = sharing == SHARE_NOTHING ?
			      request_own_vector(transport, queue, infos[i].name) : 0;
			if (ret)
				return ret;
		}
		index++;
	}
	return 0;
}

static int create_queue(struct virtio_mmr_transport *transport, u16 index,
			const struct virtqueue_info *info)
{
	struct virtio_mmr_queue *queue = &transport->queues[index];
	struct virtqueue *vq;

	vq = transport->interface->create_queue(transport, index, queue->size, info->callback,
						info->name, info->ctx);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	/* Pairs with queue_interrupt() */
	smp_store_release(&queue->vq, vq);
	return 0;
}

static int create_queues(struct virtio_mmr_transport *transport, unsigned int count,
			 struct virtqueue *vqs[], const struct virtqueue_info infos[])
{
	const struct virtio_mmr_interface *interface = transport->interface;
	u16 index = 0;
	unsigned int i;
	int ret;

	pci_set_master(transport->pdev);
	for (i = 0; i < count; i++) {
		vqs[i] = NULL;
		if (!infos[i].name)
			continue;
		ret = create_queue(transport, index, &infos[i]);
		if (ret)
			return ret;
		vqs[i] = transport->queues[index++].vq;
	}
	for (i = 0; interface->enable_queue && i < index; i++)
		interface->enable_queue(transport, i);
	return 0;
}

/* -EBUSY or -ENOSPC if fewer vectors may help, and then the device has no ring */
static int start_interrupts(struct virtio_mmr_transport *transport, enum sharing sharing,
			    unsigned int count, const struct virtqueue_info infos[],
			    struct irq_affinity *affinity)
{
	unsigned int i;
	int ret;

	transport->queues = kcalloc(count, sizeof(*transport->queues), GFP_KERNEL);
	if (!transport->queues)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		transport->queues[i].vector = VIRTIO_MSI_NO_VECTOR;
	transport->num_queues = count;

	if (sharing == SHARE_PIN)
		ret = start_pin(transport);
	else
		ret = start_vectors(transport, sharing, count_vectors(sharing, count, infos),
				    affinity);
	if (!ret)
		ret = set_vectors(transport, sharing, count, infos);
	if (!ret && sharing == SHARE_ALL)
		config_changed(transport);
	return ret;
}

static void report_no_interrupts(struct virtio_mmr_transport *transport, unsigned int count,
				 const struct virtqueue_info infos[], int ret)
{
	int vectors = pci_msix_vec_count(transport->pdev);

	if (vectors <= 0)
		pci_err(transport->pdev, "no interrupts for virtio %s: the function has neither MSI-X nor a pin in use; pass it to a guest that can poll\n",
			transport->scan.identity->name);
	else
		pci_err(transport->pdev, "no interrupts for virtio %s: it would use up to %u vectors, the function has %d, and not even one can be used (error %d); other functions may have taken those of the host, or the device refuses them\n",
			transport->scan.identity->name,
			count_vectors(SHARE_NOTHING, count, infos), vectors, ret);
}

static bool has_usable_number(struct virtio_mmr_transport *transport, unsigned int count)
{
	/*
	 * The block driver asks the device again how many it has, and sends requests to all of
	 * those that it had before.
	 */
	if (count < transport->num_kept_queues) {
		pci_err(transport->pdev, "virtio %s has %u queues now, and had %u before; its driver cannot do with fewer\n",
			transport->scan.identity->name, count, transport->num_kept_queues);
		return false;
	}
	/* The index of a queue has 16 bits. */
	if (count > U16_MAX + 1) {
		pci_err(transport->pdev, "virtio %s would have %u queues, more than there can be\n",
			transport->scan.identity->name, count);
		return false;
	}
	return true;
}

/**
 * virtio_mmr_find_vqs - set up the queues of a device, and their interrupts
 * @vdev: the device
 * @count: length of @vqs and @infos
 * @vqs: where to store the queues
 * @infos: what the virtio driver wants; without a name the device has no such queue
 * @affinity: how to spread the vectors over CPUs, or NULL
 *
 * All queues get interrupts or none: with too few vectors queues share them, and a device that
 * refuses vectors is reported.
 *
 * Return: 0, or a negative error and no queues.
 */
int virtio_mmr_find_vqs(struct virtio_device *vdev, unsigned int count,
			struct virtqueue *vqs[], struct virtqueue_info infos[],
			struct irq_affinity *affinity)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	enum sharing sharing, last = transport->pdev->irq ? SHARE_PIN : SHARE_ALL;
	int ret = -ENOSPC;

	/* It may still use memory of earlier queues. */
	if (transport->stuck)
		return -EIO;
	if (!has_usable_number(transport, count))
		return -ENOENT;

	for (sharing = SHARE_NOTHING; sharing <= last; sharing++) {
		ret = start_interrupts(transport, sharing, count, infos, affinity);
		/* Fewer vectors do not help with these errors. */
		if (!ret || ret == -ENOENT || ret == -ENOMEM)
			break;
		virtio_mmr_del_vqs(vdev);
	}
	if (sharing > last)
		report_no_interrupts(transport, count, infos, ret);
	else if (!ret)
		ret = create_queues(transport, count, vqs, infos);
	if (ret)
		virtio_mmr_del_vqs(vdev);
	return ret;
}

/**
 * virtio_mmr_set_affinity - move the interrupt of a queue
 * @vq: the queue
 * @mask: the CPUs, or NULL for any
 *
 * A shared interrupt stays where it is.
 *
 * Return: 0 or a negative error.
 */
int virtio_mmr_set_affinity(struct virtqueue *vq, const struct cpumask *mask)
{
	struct virtio_mmr_transport *transport = to_transport(vq->vdev);
	struct virtio_mmr_queue *queue = &transport->queues[vq->index];

	if (!queue->requested)
		return vq->callback ? 0 : -EINVAL;
	return mask ? irq_set_affinity(pci_irq_vector(transport->pdev, queue->vector), mask) : 0;
}

/**
 * virtio_mmr_get_affinity - the CPUs that a queue's interrupt was spread to
 * @vdev: the device
 * @index: of the queue
 *
 * Return: the CPUs, or NULL if the queue has no interrupt of its own.
 */
const struct cpumask *virtio_mmr_get_affinity(struct virtio_device *vdev, int index)
{
	struct virtio_mmr_transport *transport = to_transport(vdev);
	struct virtio_mmr_queue *queue;

	if (index < 0 || index >= transport->num_queues)
		return NULL;
	queue = &transport->queues[index];
	if (!queue->requested)
		return NULL;
	return pci_irq_get_affinity(transport->pdev, queue->vector);
}
