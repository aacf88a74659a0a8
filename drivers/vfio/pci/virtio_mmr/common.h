/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_COMMON_H
#define VIRTIO_MMR_COMMON_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>

#include "counters.h"
#include "virtio_mmr/scan.h"
#include "virtio_mmr/view.h"

#define VIRTIO_MMR_DRIVER_NAME	"virtio_mmr_vfio_pci"

/* In place of a BAR number: the I/O BAR, which the function does not have */
#define VIRTIO_MMR_IO_BAR	VIRTIO_MMR_NUM_BARS

/**
 * enum virtio_mmr_message - kinds of messages of which there can be many
 * @VIRTIO_MMR_MESSAGE_WAKE: the function does not resume
 * @VIRTIO_MMR_MESSAGE_RESET: the device does not reset itself
 * @VIRTIO_MMR_MESSAGE_DOORBELLS: doorbells are unusable
 * @VIRTIO_MMR_MESSAGE_LISTS: capability lists would make vfio-pci-core err
 * @VIRTIO_MMR_NUM_MESSAGES: how many there are
 */
enum virtio_mmr_message {
	VIRTIO_MMR_MESSAGE_WAKE,
	VIRTIO_MMR_MESSAGE_RESET,
	VIRTIO_MMR_MESSAGE_DOORBELLS,
	VIRTIO_MMR_MESSAGE_LISTS,
	VIRTIO_MMR_NUM_MESSAGES,
};

/**
 * struct virtio_mmr_device - one bound function
 * @core_device: must be first, since vfio allocates and frees what its vdev begins
 * @scan: what probe found
 * @view: the guest's configuration space; its BAR addresses and COMMAND.IO are zero at
 *	open. COMMAND.IO changes under core_device.memory_lock, too, which accesses hold
 *	for read. It is kept from vfio-pci-core, which would take a function that does not
 *	keep the bit for one that was reset without its knowledge.
 * @registers: the legacy registers, mapped from open to close
 * @doorbells: per queue where to notify it, or NULL if Queue Notify itself
 *	is to be used; from open to close
 * @num_doorbells: entries of @doorbells
 * @ioeventfds: what eventfds write; from open to close
 * @num_ioeventfds: how many
 * @deferred: those of them that were signalled and must still write
 * @deferred_work: sees to @deferred
 * @deferred_awake: @deferred_work keeps the function from runtime suspend; its own
 * @deferred_deadline: when it gives up waking the function; its own, while @deferred_awake
 * @resetter: the task in a call that resets the function, if it does, with no access in
 *	flight; a hint, compared with the task itself only
 * @messages: limit the rate of the messages that the user, the guest or the device of
 *	this function can cause, each kind by itself. A new user starts with what is left.
 * @counters: from the first open to release, NULL before
 * @has_vectors: the register layout as last reported
 * @offline: the function must not be touched: from reset_prepare to reset_done.
 *	Changed with the device lock held. Accesses to the function's memory are RCU
 *	readers, and reset_prepare waits for them: resets come with and without
 *	core_device.memory_lock, so no lock that accesses take inside that one
 *	could be held across them.
 */
struct virtio_mmr_device {
	struct vfio_pci_core_device core_device;
	struct virtio_mmr_scan scan;
	struct virtio_mmr_view view;
	void __iomem *registers;
	void __iomem **doorbells;
	u32 num_doorbells;
	/**
	 * @command_lock: Keeps a write of COMMAND by vfio-pci-core and what @view
	 *	takes from it together. Taken before core_device.memory_lock.
	 */
	struct mutex command_lock;
	/**
	 * @config_lock: Protects the BAR addresses in @view, which may be written in
	 *	parts.
	 */
	spinlock_t config_lock;
	/**
	 * @ioeventfds_lock: Protects @ioeventfds and @num_ioeventfds. At close vfio
	 *	holds the lock of the functions that are reset together around it.
	 */
	struct mutex ioeventfds_lock;
	struct list_head ioeventfds;
	u32 num_ioeventfds;
	/**
	 * @deferred_lock: Protects @deferred. Taken where an eventfd is signalled,
	 *	with interrupts off, and inside of accesses, which must not sleep on
	 *	any kernel.
	 */
	raw_spinlock_t deferred_lock;
	struct list_head deferred;
	struct delayed_work deferred_work;
	unsigned long deferred_deadline;
	bool deferred_awake;
	struct task_struct *resetter;
	struct ratelimit_state messages[VIRTIO_MMR_NUM_MESSAGES];
	struct virtio_mmr_counters __percpu *counters;
	int has_vectors;
	bool offline;
};

static inline struct virtio_mmr_device *
to_virtio_mmr(struct vfio_device *core_vdev)
{
	return container_of(core_vdev, struct virtio_mmr_device,
			    core_device.vdev);
}

static inline struct virtio_mmr_device *virtio_mmr_drvdata(struct device *dev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(dev);

	return to_virtio_mmr(&core->vdev);
}

/* It has an MMR device ID and no MMR capability: vfio-pci-core serves it. */
static inline bool virtio_mmr_is_plain(const struct virtio_mmr_device *mmr)
{
	return mmr->scan.verdict == VIRTIO_MMR_SCAN_PLAIN;
}

/* Once the device has been open; in any context */
static inline void virtio_mmr_count(struct virtio_mmr_device *mmr,
				    enum virtio_mmr_counter counter)
{
	this_cpu_inc(mmr->counters->values[counter]);
}

#endif /* VIRTIO_MMR_COMMON_H */
