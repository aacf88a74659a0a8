/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_COUNTERS_H
#define VIRTIO_MMR_COUNTERS_H

/**
 * enum virtio_mmr_counter - events that are counted since the function was first opened
 * @VIRTIO_MMR_CONFIG_READS: reads of configuration space by the vfio user
 * @VIRTIO_MMR_CONFIG_WRITES: writes of configuration space
 * @VIRTIO_MMR_IO_BAR_READS: reads of the I/O BAR
 * @VIRTIO_MMR_IO_BAR_WRITES: writes of the I/O BAR, notifications included
 * @VIRTIO_MMR_IO_BAR_UNREACHABLE: I/O BAR reads and writes while COMMAND.IO was clear, or while
 *	the function was in D3 or being reset
 * @VIRTIO_MMR_REFUSALS: reads and writes of configuration space and of the I/O BAR that ended
 *	with an error
 * @VIRTIO_MMR_NOTIFY_WRITES: notifications of the device by a write of the
 *	I/O BAR
 * @VIRTIO_MMR_NOTIFY_IOEVENTFDS: notifications of the device by an ioeventfd, directly in the
 *	context that signals it
 * @VIRTIO_MMR_NOTIFY_DEFERRED: notifications of the device by an ioeventfd, from a work item,
 *	because a lock was taken
 * @VIRTIO_MMR_NOTIFY_DROPPED: notifications that the device did not get
 * @VIRTIO_MMR_LAYOUT_SWITCHES: changes of the register layout
 * @VIRTIO_MMR_DEVICE_RESETS: resets by writing 0 to device status
 * @VIRTIO_MMR_FUNCTION_RESETS: resets of the function
 * @VIRTIO_MMR_INTX_INTERRUPTS: interrupts of the function for the guest's INTx interrupt
 * @VIRTIO_MMR_INTX_SIGNALS: signals to the user for it
 * @VIRTIO_MMR_INTX_UNMASKS: times that the user unmasked or acknowledged it
 * @VIRTIO_MMR_INTX_REFUSED_VECTORS: queues and configurations that got no vector, from the
 *	device or from the host
 * @VIRTIO_MMR_NUM_COUNTERS: number of counters
 */
enum virtio_mmr_counter {
	VIRTIO_MMR_CONFIG_READS,
	VIRTIO_MMR_CONFIG_WRITES,
	VIRTIO_MMR_IO_BAR_READS,
	VIRTIO_MMR_IO_BAR_WRITES,
	VIRTIO_MMR_IO_BAR_UNREACHABLE,
	VIRTIO_MMR_REFUSALS,
	VIRTIO_MMR_NOTIFY_WRITES,
	VIRTIO_MMR_NOTIFY_IOEVENTFDS,
	VIRTIO_MMR_NOTIFY_DEFERRED,
	VIRTIO_MMR_NOTIFY_DROPPED,
	VIRTIO_MMR_LAYOUT_SWITCHES,
	VIRTIO_MMR_DEVICE_RESETS,
	VIRTIO_MMR_FUNCTION_RESETS,
	VIRTIO_MMR_INTX_INTERRUPTS,
	VIRTIO_MMR_INTX_SIGNALS,
	VIRTIO_MMR_INTX_UNMASKS,
	VIRTIO_MMR_INTX_REFUSED_VECTORS,
	VIRTIO_MMR_NUM_COUNTERS,
};

/**
 * struct virtio_mmr_counters - one CPU's share of a function's counters
 * @values: by enum virtio_mmr_counter; wrap around
 *
 * Each value is a natural word. An increment is one instruction without a lock, and a reader
 * never sees half a value.
 */
struct virtio_mmr_counters {
	unsigned long values[VIRTIO_MMR_NUM_COUNTERS];
};

struct virtio_mmr_device;

int virtio_mmr_counters_open(struct virtio_mmr_device *mmr);
void virtio_mmr_counters_remove(struct virtio_mmr_device *mmr);
void virtio_mmr_counters_release(struct virtio_mmr_device *mmr);

#endif /* VIRTIO_MMR_COUNTERS_H */
