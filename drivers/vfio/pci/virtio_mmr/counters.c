// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a function. They are in sysfs from its first open until it is unbound:
 * /sys/bus/pci/devices/BDF/virtio_mmr_counters (Documentation/ABI).
 */
#include <linux/build_bug.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/sysfs.h>

#include "common.h"

static const char *const counter_names[] = {
	[VIRTIO_MMR_CONFIG_READS] = "config_reads",
	[VIRTIO_MMR_CONFIG_WRITES] = "config_writes",
	[VIRTIO_MMR_IO_BAR_READS] = "io_bar_reads",
	[VIRTIO_MMR_IO_BAR_WRITES] = "io_bar_writes",
	[VIRTIO_MMR_IO_BAR_UNREACHABLE] = "io_bar_unreachable",
	[VIRTIO_MMR_REFUSALS] = "refusals",
	[VIRTIO_MMR_NOTIFY_WRITES] = "notify_writes",
	[VIRTIO_MMR_NOTIFY_IOEVENTFDS] = "notify_ioeventfds",
	[VIRTIO_MMR_NOTIFY_DEFERRED] = "notify_deferred",
	[VIRTIO_MMR_NOTIFY_DROPPED] = "notify_dropped",
	[VIRTIO_MMR_LAYOUT_SWITCHES] = "layout_switches",
	[VIRTIO_MMR_DEVICE_RESETS] = "device_resets",
	[VIRTIO_MMR_FUNCTION_RESETS] = "function_resets",
	[VIRTIO_MMR_INTX_INTERRUPTS] = "intx_interrupts",
	[VIRTIO_MMR_INTX_SIGNALS] = "intx_signals",
	[VIRTIO_MMR_INTX_UNMASKS] = "intx_unmasks",
	[VIRTIO_MMR_INTX_REFUSED_VECTORS] = "intx_refused_vectors",
};

static_assert(ARRAY_SIZE(counter_names) == VIRTIO_MMR_NUM_COUNTERS);

/*
 * All counters are in one file. Each file takes memory, whether anybody reads it or not, and a
 * host may have a thousand functions.
 */
static ssize_t virtio_mmr_counters_show(struct device *dev, struct device_attribute *attribute,
					char *buf)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(dev);
	/* Pairs with virtio_mmr_counters_open(). */
	struct virtio_mmr_counters __percpu *counters = smp_load_acquire(&mmr->counters);
	unsigned int counter;
	int length = 0, cpu;

	for (counter = 0; counter < VIRTIO_MMR_NUM_COUNTERS; counter++) {
		unsigned long sum = 0;

		if (counters)
			for_each_possible_cpu(cpu)
				sum += READ_ONCE(per_cpu_ptr(counters, cpu)->values[counter]);
		length += sysfs_emit_at(buf, length, "%s %lu\n", counter_names[counter], sum);
	}
	return length;
}

/* Only root may read them: the notifications of a console show the times of its keystrokes. */
static DEVICE_ATTR_ADMIN_RO(virtio_mmr_counters);

/**
 * virtio_mmr_counters_open - allocate the counters, and make their file
 * @mmr: the device, opened for the first time or again
 *
 * Hosts may have hundreds of CPUs, and bind many functions of which they open few. So neither
 * the memory nor the file is there before the first open. A function whose file cannot be made
 * is not opened: without the file it would look as if it had never been in use.
 *
 * vfio holds the lock of the function's group, and that of all functions that are reset
 * together. Readers of the file take no lock, so they are in no order with these.
 *
 * Return: 0 or a negative error code, in which case the next open tries again.
 */
int virtio_mmr_counters_open(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_counters __percpu *counters;
	int ret;

	if (mmr->counters)
		return 0;
	counters = alloc_percpu(struct virtio_mmr_counters);
	if (!counters)
		return -ENOMEM;
	ret = device_create_file(&mmr->core_device.pdev->dev, &dev_attr_virtio_mmr_counters);
	if (ret) {
		free_percpu(counters);
		return ret;
	}
	/* sysfs may read at the same time. The counts outlive this open. */
	smp_store_release(&mmr->counters, counters);
	return 0;
}

/**
 * virtio_mmr_counters_remove - remove the file
 * @mmr: the device, which nobody has open nor can open any more
 *
 * Waits for readers. So it comes before the last reference to the device is put, which frees
 * the counters.
 */
void virtio_mmr_counters_remove(struct virtio_mmr_device *mmr)
{
	if (mmr->counters)
		device_remove_file(&mmr->core_device.pdev->dev, &dev_attr_virtio_mmr_counters);
}

/**
 * virtio_mmr_counters_release - free the counters together with the device
 * @mmr: the device, not bound any more
 */
void virtio_mmr_counters_release(struct virtio_mmr_device *mmr)
{
	free_percpu(mmr->counters);
}
