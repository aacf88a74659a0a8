// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the scan of a configuration space with any answers. They change from read to read if
 * the input says so. A result that the scan calls usable must be usable.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_mmr.h>

#include "virtio_mmr/doorbell.h"
#include "virtio_mmr/scan.h"

/* Flags, device ID, reads before it lies, the lie (4 bytes), kind and size of each BAR */
#define HEADER	(7 + VIRTIO_MMR_NUM_BARS)

struct device {
	u8 config[VIRTIO_MMR_CONFIG_SIZE_EXTENDED];
	unsigned int size;
	unsigned int reads;
	/* The lie is mixed into every answer after this number of reads */
	unsigned int honest_reads;
	u32 lie;
};

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static bool read_config(void *context, unsigned int position, u32 *value)
{
	struct device *device = context;

	expect(position % 4 == 0 && position < device->size);
	/* Each walk ends, for lists of any length */
	expect(++device->reads < 100000);
	memcpy(value, device->config + position, 4);
	if (device->reads > device->honest_reads)
		*value ^= device->lie;
	return true;
}

static void is_inside(const struct virtio_mmr_function *function, u8 bar, u64 offset, u64 length)
{
	expect(bar < VIRTIO_MMR_NUM_BARS);
	expect(function->bar_kind[bar] == VIRTIO_MMR_BAR_MEMORY);
	expect(offset <= function->bar_size[bar] && length <= function->bar_size[bar] - offset);
}

static void see_capability(void *context, u16 position, const struct virtio_mmr_cap *cap,
			   enum virtio_mmr_defect defect)
{
	expect(position >= 0x100 && position % 4 == 0);
	++*(unsigned int *)context;
}

static void see_structure(void *context, const struct virtio_mmr_virtio_cap *cap)
{
	expect(cap->position >= 0x40 && cap->position % 4 == 0);
	++*(unsigned int *)context;
}

static void judge(const struct virtio_mmr_scan *scan)
{
	u64 offset;

	if (scan->verdict != VIRTIO_MMR_SCAN_USABLE)
		return;
	expect(scan->identity && !scan->defect && !scan->lists_defect);
	is_inside(&scan->function, scan->cap.bar, scan->cap.offset, scan->cap.length);
	expect(scan->cap.length >= (scan->function.has_msix ? 24 : 20));
	expect(scan->cap.offset % 4 == 0);
	expect(scan->placement.fate <= VIRTIO_MMR_BAR0_MOVED);
	if (!scan->has_notification)
		return;
	is_inside(&scan->function, scan->common_config.bar, scan->common_config.offset, 0x20);
	is_inside(&scan->function, scan->notify.bar, scan->notify.offset, scan->notify.length);
	if (!virtio_mmr_doorbell_place(scan, scan->cap.offset, &offset))
		is_inside(&scan->function, scan->notify.bar, scan->notify.offset + offset, 2);
}

/* Input: a header as below, then records of a position (2 bytes), a length and so many bytes */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct virtio_mmr_lists lists;
	static struct device device;
	struct virtio_mmr_space space = { .read = read_config, .context = &device };
	struct virtio_mmr_scan scan = {};
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE + 1];
	unsigned int seen = 0, bar;
	const struct virtio_mmr_scan_visitor visitor = {
		.capability = see_capability, .structure = see_structure, .context = &seen,
	};
	u8 flags;

	if (size < HEADER)
		return 0;
	flags = data[0];
	memset(&device, 0, sizeof(device));
	device.size = flags & 1 ? VIRTIO_MMR_CONFIG_SIZE : VIRTIO_MMR_CONFIG_SIZE_EXTENDED;
	device.honest_reads = flags & 2 ? data[2] * 8 : ~0u;
	memcpy(&device.lie, data + 3, 4);
	for (bar = 0; bar < VIRTIO_MMR_NUM_BARS; bar++)
		virtio_mmr_function_set_bar(&scan.function, bar, 1ULL << data[7 + bar] / 8,
					    data[7 + bar] % 8);
	for (data += HEADER, size -= HEADER; size > 3;) {
		unsigned int position = (data[0] | data[1] << 8) % sizeof(device.config);
		size_t count = data[2] % 64;

		data += 3;
		size -= 3;
		if (count > size)
			count = size;
		if (count > sizeof(device.config) - position)
			count = sizeof(device.config) - position;
		memcpy(device.config + position, data, count);
		data += count;
		size -= count;
	}

	space.size = device.size;
	virtio_mmr_space_find_known(&space);
	virtio_mmr_scan_run(&scan, &space, &lists, VIRTIO_MMR_VENDOR_ID,
			    flags & 4 ? 0x1041 : VIRTIO_MMR_DEVICE_NET + flags / 8 % 7,
			    flags & 0x80 ? &visitor : NULL);
	judge(&scan);
	memset(why, 0x55, sizeof(why));
	virtio_mmr_scan_explain(why, sizeof(why), &scan, &lists, VIRTIO_MMR_VENDOR_ID, 0x1041);
	/* The promised size is enough for the text, and a usable function has no text */
	expect(strlen(why) < VIRTIO_MMR_SCAN_EXPLANATION_SIZE);
	expect((scan.verdict == VIRTIO_MMR_SCAN_USABLE) == !*why);
	return 0;
}
