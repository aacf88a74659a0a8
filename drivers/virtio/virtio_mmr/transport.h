/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of an MMR function that is a virtio device of this host.
 */
#ifndef VIRTIO_MMR_TRANSPORT_H
#define VIRTIO_MMR_TRANSPORT_H

#include <linux/pci.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci_legacy.h>
#include <linux/virtio_pci_modern.h>

#include "virtio_mmr/scan.h"

#define VIRTIO_MMR_PCI_NAME	"virtio_mmr_pci"

/* Bytes of a legacy configuration that are watched for changes; no type has more that change */
#define VIRTIO_MMR_SEEN_SIZE	64

struct virtio_mmr_transport;

/**
 * struct virtio_mmr_binding - a function that is bound to this driver
 * @pdev: the function; its device lock protects the rest, except for readers of @interface
 * @transport: its virtio device; NULL while it is being reset, or if none came after that
 * @interface: the name of the interface in use, or NULL
 * @legacy: the module parameter as it was at bind
 * @locked: the lock of the virtio device is held, from reset_prepare to reset_done
 * @frozen: in a suspend, the virtio driver gave up its queues, and sets them up at its end
 * @stayed: in a suspend, the virtio driver did not give up its queues, as they or the device do not
 *	work
 * @lost: the virtio driver gave up its queues and could not set them up again
 */
struct virtio_mmr_binding {
	struct pci_dev *pdev;
	struct virtio_mmr_transport *transport;
	const char *interface;
	bool legacy;
	bool locked;
	bool frozen;
	bool stayed;
	bool lost;
};

/**
 * struct virtio_mmr_interface - one of the two ways to drive the device
 * @name: in the log and in sysfs
 * @ops: for virtio's core
 * @queue_size: entries of a queue; 0 if the device has no such queue, or it is in use
 * @create_queue: makes the ring of a queue and tells the device where it is
 * @take_queue: takes it away from the device, which then does not touch the ring any more
 * @enable_queue: the last step, after all queues have their vectors; NULL if there is none
 * @set_queue_vector: writes the vector of a queue, and returns what the device has taken
 * @set_config_vector: the same for changes of the configuration
 *
 * The core of virtio calls these one after the other for a device.
 */
struct virtio_mmr_interface {
	const char *name;
	const struct virtio_config_ops *ops;
	u16 (*queue_size)(struct virtio_mmr_transport *transport, u16 index);
	struct virtqueue *(*create_queue)(struct virtio_mmr_transport *transport, u16 index,
					  u16 size, vq_callback_t *callback, const char *name,
					  bool context);
	void (*take_queue)(struct virtio_mmr_transport *transport, struct virtqueue *vq);
	void (*enable_queue)(struct virtio_mmr_transport *transport, u16 index);
	u16 (*set_queue_vector)(struct virtio_mmr_transport *transport, u16 index, u16 vector);
	u16 (*set_config_vector)(struct virtio_mmr_transport *transport, u16 vector);
};

/**
 * struct virtio_mmr_queue - a queue in use
 * @vq: the queue, or NULL
 * @size: entries that the device says it has
 * @vector: its MSI-X vector, VIRTIO_MSI_NO_VECTOR if it has none
 * @requested: the handler of its own vector is installed
 * @name: of its interrupt
 */
struct virtio_mmr_queue {
	struct virtqueue *vq;
	u16 size;
	u16 vector;
	bool requested;
	char name[48];
};

/**
 * struct virtio_mmr_transport - an MMR function in use by this host
 * @vdev: the device of virtio's core, which frees all of this with its last reference
 * @pdev: the function
 * @scan: the place of its registers
 * @device_config_place: of @device_config; its length is 0 without one
 * @interface: the one in use
 * @ldev: for the kernel's functions on legacy registers; has the window
 * @mdev: for those on modern structures; @mdev.common is NULL without them
 * @isr: ISR status of the interface in use
 * @device_config: the modern device-specific configuration, or NULL
 * @notify: the notification structure, or NULL
 * @doorbells: the place of each doorbell in @notify, in bytes; NULL if Queue Notify serves
 * @num_doorbells: their number
 * @regions: bit N is set if BAR N was requested
 * @offered: features that the device offers, without those that this driver adds
 * @status: bits of device status that were written since the last reset
 * @stuck: the last reset did not end in time, or left a queue in use, so the device may not access
 *	memory
 * @config_lock: held for read while the device-specific configuration is accessed, and for write
 *	while MSI-X is switched on or off, which moves the legacy one, and to change @away
 * @away: the function is being reset, so its configuration must not be accessed
 * @torn: a field or a generation that changes all the time was reported
 * @limited: a value that was replaced was reported
 * @short_config: a field beyond the end of the configuration was reported
 * @gave_up: that the device needs a reset was reported
 * @generation: the generation of the modern configuration, and how often it has changed since
 * @gives_up: the virtio driver gives up its queues to set them up again
 * @kept_queues: those that it had before, broken
 * @num_kept_queues: length of @kept_queues
 * @queues: those in use
 * @num_queues: length of @queues
 * @vector_names: the names of the two vectors that are no queue's own
 * @requested_vectors: the number of these that have a handler
 * @has_pin_handler: the pin's handler is installed
 * @seen: what any_interrupt() has last seen of the configuration
 */
struct virtio_mmr_transport {
	struct virtio_device vdev;
	struct pci_dev *pdev;
	struct virtio_mmr_scan scan;
	struct virtio_mmr_structure device_config_place;
	const struct virtio_mmr_interface *interface;
	struct virtio_pci_legacy_device ldev;
	struct virtio_pci_modern_device mdev;
	u8 __iomem *isr;
	void __iomem *device_config;
	void __iomem *notify;
	u32 *doorbells;
	u32 num_doorbells;
	int regions;
	u64 offered;
	u8 status;
	bool stuck;
	struct rw_semaphore config_lock;
	bool away;
	bool torn;
	bool limited;
	bool short_config;
	bool gave_up;
	struct {
		u32 last;
		unsigned int changes;
		unsigned long since;
	} generation;
	bool gives_up;
	struct virtio_mmr_queue *kept_queues;
	unsigned int num_kept_queues;
	struct virtio_mmr_queue *queues;
	unsigned int num_queues;
	char vector_names[2][32];
	unsigned int requested_vectors;
	bool has_pin_handler;
	struct {
		u32 generation;
		u8 config[VIRTIO_MMR_SEEN_SIZE];
	} seen;
};

static inline struct virtio_mmr_transport *to_transport(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_mmr_transport, vdev);
}

#endif /* VIRTIO_MMR_TRANSPORT_H */
