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

#include "virtio_mmr/capability.h"
#include "counters.h"
#include "virtio_mmr/identity.h"
#include "virtio_mmr/placement.h"

#define VIRTIO_MMR_DRIVER_NAME	"virtio_mmr_vfio_pci"

/* In place of a BAR number: the I/O BAR, which the function does not have */
#define VIRTIO_MMR_IO_BAR	VIRTIO_MMR_NUM_BARS

/**
 * struct virtio_mmr_window - a validated range of a memory BAR
 * @bar: BAR number
 * @offset: first byte in the BAR
 * @length: bytes
 */
struct virtio_mmr_window {
	u8 bar;
	u64 offset;
	u64 length;
};

/**
 * struct virtio_mmr_discovery - what the configuration space says; fixed at
 *	probe
 * @identity: device type
 * @function: BARs and MSI-X, for validation
 * @is_plain: it has no MMR capability, and is served as vfio-pci serves it; then
 *	nothing below counts but what @cap, @cap_position and @defect say of the
 *	first vendor-specific capability, if there is any
 * @defect: of @cap
 * @cap: the MMR capability in use
 * @cap_position: its offset in configuration space
 * @has_notification: @common_config and @notify are usable
 * @common_config: the modern common configuration
 * @notify: the modern notification structure
 * @notify_multiplier: bytes per unit of queue_notify_off
 * @placement: what becomes of a physical BAR0
 * @bir_fields: bytes of configuration space with a BAR number in bits 2:0
 * @bar_fields: bytes of configuration space that are a BAR number
 * @window_fields: those of @bar_fields that the guest may write
 */
struct virtio_mmr_discovery {
	const struct virtio_mmr_identity *identity;
	struct virtio_mmr_function function;
	bool is_plain;
	enum virtio_mmr_defect defect;
	struct virtio_mmr_cap cap;
	u16 cap_position;
	bool has_notification;
	struct virtio_mmr_window common_config;
	struct virtio_mmr_window notify;
	u32 notify_multiplier;
	struct virtio_mmr_placement placement;
	DECLARE_BITMAP(bir_fields, PCI_CFG_SPACE_SIZE);
	DECLARE_BITMAP(bar_fields, PCI_CFG_SPACE_SIZE);
	DECLARE_BITMAP(window_fields, PCI_CFG_SPACE_SIZE);
};

/**
 * struct virtio_mmr_bar_register - a BAR register that the driver provides
 * @provided: it does; vfio-pci-core has the others
 * @size: of the BAR in bytes, a power of two; 0 if the register reads 0
 * @type: bits that tell the BAR's type
 * @address: what the guest wrote; zero at open
 */
struct virtio_mmr_bar_register {
	bool provided;
	u32 size;
	u32 type;
	__le32 address;
};

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
 * @found: what probe found
 * @io_bar_size: of the I/O BAR shown to the guest, in bytes
 * @registers: the legacy registers, mapped from open to close
 * @doorbells: per queue where to notify it, or NULL if Queue Notify itself
 *	is to be used; from open to close
 * @num_doorbells: entries of @doorbells
 * @bar_registers: the BAR registers that differ from the function's
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
 * @command_io: the guest's COMMAND.IO; changed under core_device.memory_lock, too, which
 *	accesses hold for read; clear at open. Kept from vfio-pci-core, which would
 *	take a function that does not keep the bit for one that was reset behind its
 *	back.
 */
struct virtio_mmr_device {
	struct vfio_pci_core_device core_device;
	struct virtio_mmr_discovery found;
	u32 io_bar_size;
	void __iomem *registers;
	void __iomem **doorbells;
	u32 num_doorbells;
	/**
	 * @command_lock: Keeps a write of COMMAND by vfio-pci-core and what @command_io
	 *	takes from it together. Taken before core_device.memory_lock.
	 */
	struct mutex command_lock;
	/**
	 * @config_lock: Protects the addresses in @bar_registers, which may be
	 *	written in parts.
	 */
	spinlock_t config_lock;
	struct virtio_mmr_bar_register bar_registers[VIRTIO_MMR_NUM_BARS];
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
	bool command_io;
};

/**
 * enum virtio_mmr_reset_event - what a tracepoint tells of a reset
 * @VIRTIO_MMR_RESET_DEVICE: the user has written 0 to device status
 * @VIRTIO_MMR_RESET_DEVICE_STUCK: device status did not become 0 in time
 * @VIRTIO_MMR_RESET_FUNCTION_BEGIN: no access to the I/O BAR and no ioeventfd touches the
 *	function from here
 * @VIRTIO_MMR_RESET_FUNCTION_END: to here
 */
enum virtio_mmr_reset_event {
	VIRTIO_MMR_RESET_DEVICE,
	VIRTIO_MMR_RESET_DEVICE_STUCK,
	VIRTIO_MMR_RESET_FUNCTION_BEGIN,
	VIRTIO_MMR_RESET_FUNCTION_END,
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

int virtio_mmr_check_lists(struct pci_dev *pdev, struct ratelimit_state *limit);
int virtio_mmr_discover(struct pci_dev *pdev, struct virtio_mmr_discovery *found);
void virtio_mmr_describe(struct pci_dev *pdev,
			 const struct virtio_mmr_discovery *found);

ssize_t virtio_mmr_config_read(struct virtio_mmr_device *mmr, char __user *buf,
			       size_t count, loff_t *ppos);
ssize_t virtio_mmr_config_write(struct virtio_mmr_device *mmr,
				const char __user *buf, size_t count,
				loff_t *ppos);
void virtio_mmr_config_init(struct virtio_mmr_device *mmr);
void virtio_mmr_config_open(struct virtio_mmr_device *mmr);

ssize_t virtio_mmr_read(struct vfio_device *core_vdev, char __user *buf,
			size_t count, loff_t *ppos);
ssize_t virtio_mmr_write(struct vfio_device *core_vdev, const char __user *buf,
			 size_t count, loff_t *ppos);
int virtio_mmr_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma);
long virtio_mmr_ioctl(struct vfio_device *core_vdev, unsigned int cmd,
		      unsigned long arg);
unsigned int virtio_mmr_io_bar_region(const struct virtio_mmr_device *mmr);
u32 virtio_mmr_physical_region(const struct virtio_mmr_device *mmr, u32 index);

void virtio_mmr_layout_report(struct virtio_mmr_device *mmr);
int virtio_mmr_bar0_open(struct virtio_mmr_device *mmr);
void virtio_mmr_bar0_region_info(const struct virtio_mmr_device *mmr,
				 struct vfio_region_info *info);
ssize_t virtio_mmr_bar0_read(struct virtio_mmr_device *mmr, char __user *buf,
			     size_t count, loff_t *ppos);
ssize_t virtio_mmr_bar0_write(struct virtio_mmr_device *mmr,
			      const char __user *buf, size_t count,
			      loff_t *ppos);

int virtio_mmr_notify_open(struct virtio_mmr_device *mmr);
void virtio_mmr_notify_close(struct virtio_mmr_device *mmr);

void virtio_mmr_ioeventfd_init(struct virtio_mmr_device *mmr);
int virtio_mmr_ioeventfd(struct virtio_mmr_device *mmr, u8 bar, u64 position, u64 data,
			 unsigned int size, int fd);
void virtio_mmr_ioeventfd_close(struct virtio_mmr_device *mmr);

void virtio_mmr_reset_report(struct virtio_mmr_device *mmr,
			     enum virtio_mmr_reset_event event);
int virtio_mmr_wait_for_reset(struct virtio_mmr_device *mmr, bool awake);
int virtio_mmr_reset_open(struct virtio_mmr_device *mmr);
void virtio_mmr_may_reset_begin(struct virtio_mmr_device *mmr);
void virtio_mmr_may_reset_end(struct virtio_mmr_device *mmr);
extern const struct pci_error_handlers virtio_mmr_err_handlers;

int virtio_mmr_counters_open(struct virtio_mmr_device *mmr);
void virtio_mmr_counters_release(struct virtio_mmr_device *mmr);
extern const struct attribute_group *virtio_mmr_groups[];

/* Once the device has been open; in any context */
static inline void virtio_mmr_count(struct virtio_mmr_device *mmr,
				    enum virtio_mmr_counter counter)
{
	this_cpu_inc(mmr->counters->values[counter]);
}

#endif /* VIRTIO_MMR_COMMON_H */
