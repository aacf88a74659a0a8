// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a function. They are in sysfs as long as it is bound:
 * /sys/bus/pci/devices/BDF/virtio_mmr (Documentation/ABI).
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

struct counter_attribute {
	struct device_attribute attribute;
	enum virtio_mmr_counter counter;
};

static ssize_t counter_show(struct device *dev, struct device_attribute *attribute,
			    char *buf)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(dev);
	/* Pairs with virtio_mmr_counters_open(). */
	struct virtio_mmr_counters __percpu *counters = smp_load_acquire(&mmr->counters);
	unsigned long sum = 0;
	int cpu;

	if (counters) {
		enum virtio_mmr_counter counter =
			container_of(attribute, struct counter_attribute, attribute)->counter;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu_ptr(counters, cpu)->values[counter]);
	}
	return sysfs_emit(buf, "%lu\n", sum);
}

/* Only root may read them: the notifications of a console show the times of its keystrokes. */
#define COUNTER(_name, _counter)						\
	(&((struct counter_attribute) {						\
		.attribute = __ATTR(_name, 0400, counter_show, NULL),		\
		.counter = (_counter),						\
	}).attribute.attr)

static struct attribute *counter_attributes[] = {
	COUNTER(config_reads, VIRTIO_MMR_CONFIG_READS),
	COUNTER(config_writes, VIRTIO_MMR_CONFIG_WRITES),
	COUNTER(io_bar_reads, VIRTIO_MMR_IO_BAR_READS),
	COUNTER(io_bar_writes, VIRTIO_MMR_IO_BAR_WRITES),
	COUNTER(io_bar_unreachable, VIRTIO_MMR_IO_BAR_UNREACHABLE),
	COUNTER(refusals, VIRTIO_MMR_REFUSALS),
	COUNTER(notify_writes, VIRTIO_MMR_NOTIFY_WRITES),
	COUNTER(notify_ioeventfds, VIRTIO_MMR_NOTIFY_IOEVENTFDS),
	COUNTER(notify_deferred, VIRTIO_MMR_NOTIFY_DEFERRED),
	COUNTER(notify_dropped, VIRTIO_MMR_NOTIFY_DROPPED),
	COUNTER(layout_switches, VIRTIO_MMR_LAYOUT_SWITCHES),
	COUNTER(device_resets, VIRTIO_MMR_DEVICE_RESETS),
	COUNTER(function_resets, VIRTIO_MMR_FUNCTION_RESETS),
	COUNTER(intx_interrupts, VIRTIO_MMR_INTX_INTERRUPTS),
	COUNTER(intx_signals, VIRTIO_MMR_INTX_SIGNALS),
	COUNTER(intx_unmasks, VIRTIO_MMR_INTX_UNMASKS),
	COUNTER(intx_refused_vectors, VIRTIO_MMR_INTX_REFUSED_VECTORS),
	NULL,
};

static_assert(ARRAY_SIZE(counter_attributes) == VIRTIO_MMR_NUM_COUNTERS + 1);

/* vfio-pci-core serves functions without an MMR capability, and counts nothing. */
static umode_t counter_is_visible(struct kobject *kobj, struct attribute *attribute, int n)
{
	return virtio_mmr_is_plain(virtio_mmr_drvdata(kobj_to_dev(kobj))) ? 0 : attribute->mode;
}

const struct attribute_group virtio_mmr_counter_group = {
	.name = "virtio_mmr",
	.is_visible = counter_is_visible,
	.attrs = counter_attributes,
};
