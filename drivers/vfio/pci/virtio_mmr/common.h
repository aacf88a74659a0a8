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
#include "virtio_mmr/interrupt.h"
#include "virtio_mmr/scan.h"
#include "virtio_mmr/vectors.h"
#include "virtio_mmr/view.h"

#define VIRTIO_MMR_DRIVER_NAME	"virtio_mmr_vfio_pci"

/* In place of a BAR number: the I/O BAR, which the function does not have */
#define VIRTIO_MMR_IO_BAR	VIRTIO_MMR_NUM_BARS

/**
 * enum virtio_mmr_message - kinds of log messages that a user can cause many times
 * @VIRTIO_MMR_MESSAGE_WAKE: the function does not resume
 * @VIRTIO_MMR_MESSAGE_RESET: the device does not reset itself
 * @VIRTIO_MMR_MESSAGE_DOORBELLS: doorbells are unusable
 * @VIRTIO_MMR_MESSAGE_LISTS: vfio-pci-core cannot copy the capability lists safely
 * @VIRTIO_MMR_MESSAGE_VECTORS: something gets no vector of MSI-X
 * @VIRTIO_MMR_NUM_MESSAGES: number of kinds
 */
enum virtio_mmr_message {
	VIRTIO_MMR_MESSAGE_WAKE,
	VIRTIO_MMR_MESSAGE_RESET,
	VIRTIO_MMR_MESSAGE_DOORBELLS,
	VIRTIO_MMR_MESSAGE_LISTS,
	VIRTIO_MMR_MESSAGE_VECTORS,
	VIRTIO_MMR_NUM_MESSAGES,
};

struct eventfd_ctx;
struct virqfd;

/* Bytes of the name of an interrupt in /proc/interrupts, with its end */
#define VIRTIO_MMR_INTERRUPT_NAME_SIZE	48

/**
 * struct virtio_mmr_intx - the guest's INTx interrupt
 * @state: the state machine. Its field engaged changes with core_device.memory_lock held for
 *	write and is read with that lock or not at all precisely.
 * @trigger: the user's eventfd, or NULL. Changed under core_device.igate, and read by RCU.
 * @signaller: the task that signals the user, while it does. It is a hint: a signal that
 *	unmasks the interrupt must not cause another one.
 * @unmask: the user's eventfd that unmasks, or NULL. vfio's virqfd code protects it.
 * @is_hidden: the administrator takes the pin away, from the next open on
 * @on: the user has turned the interrupt on. Changed under core_device.igate.
 * @is_reported: the log says already that the host gives no vectors. Changed under
 *	core_device.igate.
 * @is_late: the interrupt is on and not engaged, because the function was out of reach. Changed
 *	under core_device.igate.
 * @is_modern: the guest sets up the device through the modern common configuration. Changed
 *	during accesses.
 * @vectors: the vectors and the queues that they serve. Changed during accesses, or with
 *	core_device.memory_lock held for write.
 */
struct virtio_mmr_intx {
	/**
	 * @lock: Protects @state. The innermost lock: nothing is signalled with it held. Taken
	 *	in interrupt handlers, and inside of accesses, which must not sleep on any kernel.
	 */
	raw_spinlock_t lock;
	struct virtio_mmr_interrupt state;
	struct eventfd_ctx __rcu *trigger;
	struct task_struct *signaller;
	struct virqfd *unmask;
	bool is_hidden;
	bool on;
	bool is_modern;
	bool is_reported;
	bool is_late;
	struct virtio_mmr_vectors vectors;
};

/**
 * struct virtio_mmr_opened - what a function needs once it has been opened
 * @mmr: the device
 * @ioeventfds: list of the user's ioeventfds, from open to close
 * @num_ioeventfds: length of that list
 * @deferred: those ioeventfds that were signalled and must still write
 * @deferred_work: writes for the entries of @deferred
 * @deferred_awake: @deferred_work keeps the function from runtime suspend. Only the work item
 *	uses this field.
 * @deferred_deadline: time when the work item gives up waking the function. Only the work item
 *	uses this field, while @deferred_awake is set.
 * @messages: rate limits for the messages that the user, the guest or the device of this
 *	function can cause, one per kind. They are not renewed for a new user.
 * @interrupt_names: of the vectors for the INTx interrupt, as long as they are requested
 *
 * A host binds many functions, and may open few of them.
 */
struct virtio_mmr_opened {
	struct virtio_mmr_device *mmr;
	/**
	 * @command_lock: Held from a write of COMMAND by vfio-pci-core until the view has taken
	 *	the new value. Taken before core_device.memory_lock.
	 */
	struct mutex command_lock;
	/**
	 * @ioeventfds_lock: Protects @ioeventfds and @num_ioeventfds. At close vfio already
	 *	holds the lock of all functions that are reset together.
	 */
	struct mutex ioeventfds_lock;
	struct list_head ioeventfds;
	u32 num_ioeventfds;
	/**
	 * @deferred_lock: Protects @deferred. Taken in the context that signals an eventfd,
	 *	with interrupts off. Also taken inside of accesses, which must not sleep on any
	 *	kernel.
	 */
	raw_spinlock_t deferred_lock;
	struct list_head deferred;
	struct delayed_work deferred_work;
	unsigned long deferred_deadline;
	bool deferred_awake;
	struct ratelimit_state messages[VIRTIO_MMR_NUM_MESSAGES];
	char interrupt_names[VIRTIO_MMR_NUM_VECTORS][VIRTIO_MMR_INTERRUPT_NAME_SIZE];
};

/**
 * enum virtio_mmr_away - bits of &virtio_mmr_device.away
 * @VIRTIO_MMR_AWAY_RESET: from reset_prepare to reset_done. Changed with the device lock held.
 * @VIRTIO_MMR_AWAY_WAKING: from a reset_prepare that comes while the guest writes the power state,
 *	until the function is known to be awake. Changed with the lock of configuration space held.
 */
enum virtio_mmr_away {
	VIRTIO_MMR_AWAY_RESET,
	VIRTIO_MMR_AWAY_WAKING,
};

/**
 * struct virtio_mmr_device - one bound function
 * @core_device: must be first: vfio allocates and frees the memory at its vdev
 * @scan: result of the scan at probe. The modern structures are found at the first open
 * @view: the guest's configuration space. At open its BAR addresses and COMMAND.IO are zero.
 *	COMMAND.IO changes under core_device.memory_lock as well, which accesses hold for read.
 *	vfio-pci-core must not see COMMAND.IO: a function does not keep the bit, and
 *	vfio-pci-core would conclude that it was reset.
 * @registers: the legacy registers, mapped from open to close
 * @common_config: the modern common configuration, mapped from open to close, or NULL if it
 *	cannot be used
 * @isr: the modern ISR status, likewise
 * @doorbells: address of each queue's doorbell, from open to close. NULL if the driver notifies
 *	through Queue Notify instead.
 * @num_doorbells: entries of @doorbells
 * @intx: the guest's INTx interrupt
 * @mastered: things that the guest has started since the last reset, VIRTIO_MMR_STARTS_*.
 *	Bus mastering was enabled for them. Changed under command_lock or in a reset.
 * @resetters: tasks in calls that may reset the function with no access in flight, each a
 *	struct virtio_mmr_resetter
 * @opened: allocated at the first open and freed at release, NULL before
 * @counters: likewise
 * @has_vectors: the register layout as last reported
 * @away: why the function must not be touched, bits of enum virtio_mmr_away. Accesses to the
 *	function's memory are RCU readers, and reset_prepare waits for them. A lock is no
 *	alternative: accesses would take it inside core_device.memory_lock, and some resets hold
 *	that lock and others do not.
 * @writes_power: the guest writes its power state, or was killed in the middle. Set with
 *	command_lock held, and cleared with the lock of configuration space as well, or at open
 */
struct virtio_mmr_device {
	struct vfio_pci_core_device core_device;
	struct virtio_mmr_scan scan;
	struct virtio_mmr_view view;
	void __iomem *registers;
	void __iomem *common_config;
	void __iomem *isr;
	void __iomem **doorbells;
	u32 num_doorbells;
	/**
	 * @config_lock: Protects the BAR addresses in @view, which may be written in
	 *	parts.
	 */
	spinlock_t config_lock;
	struct virtio_mmr_intx intx;
	struct list_head resetters;
	/** @resetters_lock: Protects @resetters. */
	spinlock_t resetters_lock;
	struct virtio_mmr_opened *opened;
	struct virtio_mmr_counters __percpu *counters;
	unsigned int mastered;
	int has_vectors;
	unsigned long away;
	bool writes_power;
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

/* The function has an MMR device ID and no MMR capability: vfio-pci-core serves it. */
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
