// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a function. They are in sysfs as long as it is bound:
 * /sys/bus/pci/devices/BDF/virtio_mmr_counters (Documentation/ABI).
 */
#include <linux/build_bug.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/sysfs.h>

#include "common.h"

/**
 * virtio_mmr_counters_open - allocate the counters
 * @mmr: the device, opened for the first time or again
 *
 * Hosts with hundreds of CPUs may bind many functions and open few of them. So the memory is
 * allocated at the first open.
 *
 * Return: 0 or -ENOMEM.
 */
int virtio_mmr_counters_open(struct virtio_mmr_device *mmr)
{
	struct virtio_mmr_counters __percpu *counters;

	if (mmr->counters)
		return 0;
	counters = alloc_percpu(struct virtio_mmr_counters);
	if (!counters)
		return -ENOMEM;
	/* sysfs may read at the same time. The counts outlive this open. */
	smp_store_release(&mmr->counters, counters);
	return 0;
}

/**
 * virtio_mmr_counters_release - free the counters together with the device
 * @mmr: the device, not bound any more
 */
void virtio_mmr_counters_release(struct virtio_mmr_device *mmr)
{
	free_percpu(mmr->counters);
}

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
 * All counters are in one file. Each file takes memory as long as the function is bound, whether
 * anybody reads it or not, and a host may have a thousand functions.
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

static struct attribute *counter_attributes[] = {
	&dev_attr_virtio_mmr_counters.attr,
	NULL,
};

/* vfio-pci-core serves functions without an MMR capability, and counts nothing. */
static umode_t counter_is_visible(struct kobject *kobj, struct attribute *attribute, int n)
{
	return virtio_mmr_is_plain(virtio_mmr_drvdata(kobj_to_dev(kobj))) ? 0 : attribute->mode;
}

const struct attribute_group virtio_mmr_counter_group = {
	.is_visible = counter_is_visible,
	.attrs = counter_attributes,
};
