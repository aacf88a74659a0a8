// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The parts of a BAR that a guest accesses directly. A modern driver without MSI-X reads the
 * modern ISR status, and enables its queues in the common configuration. The INTx interrupt
 * must see both. So their pages are left out, unless a notification lies in one of them.
 */
#include "mapping.h"

/* The pages of a structure: [start, end) */
struct pages {
	u64 start;
	u64 end;
};

static struct pages pages_of(const struct virtio_mmr_structure *structure, u32 page)
{
	return (struct pages){
		.start = structure->offset & ~(u64)(page - 1),
		.end = (structure->offset + structure->length + page - 1) & ~(u64)(page - 1),
	};
}

static bool overlap(const struct virtio_mmr_structure *a, const struct virtio_mmr_structure *b,
		    u32 page)
{
	struct pages one = pages_of(a, page), two = pages_of(b, page);

	return a->bar == b->bar && one.start < two.end && two.start < one.end;
}

/*
 * A guest's notifications must not leave the guest, which would make them some thousand
 * instructions dearer (Documentation/benchmark.rst).
 */
static bool is_free_of_notifications(const struct virtio_mmr_scan *scan, u32 page)
{
	return !scan->has_notification ||
	       (!overlap(&scan->common_config, &scan->notify, page) &&
		!overlap(&scan->isr, &scan->notify, page));
}

/**
 * virtio_mmr_mapping_is_split - whether parts of a BAR must not be mapped
 * @scan: of the function
 * @bar: number of a memory BAR of the function
 * @page: bytes of a page, a power of two
 *
 * Return: false if a guest may map all of it.
 */
bool virtio_mmr_mapping_is_split(const struct virtio_mmr_scan *scan, u8 bar, u32 page)
{
	return scan->can_interrupt && scan->has_common_config && scan->has_isr &&
	       (scan->common_config.bar == bar || scan->isr.bar == bar) &&
	       is_free_of_notifications(scan, page);
}

/**
 * virtio_mmr_mapping_areas - the parts of a BAR that may be mapped
 * @scan: of the function
 * @bar: number of a BAR for which virtio_mmr_mapping_is_split() is true
 * @page: bytes of a page, a power of two
 * @areas: where to store the parts, in the order of their offsets
 *
 * Return: number of the parts, which may be 0.
 */
unsigned int virtio_mmr_mapping_areas(const struct virtio_mmr_scan *scan, u8 bar, u32 page,
				      struct virtio_mmr_area areas[VIRTIO_MMR_MAX_AREAS])
{
	struct pages out[2] = {
		pages_of(&scan->common_config, page), pages_of(&scan->isr, page),
	};
	u64 size = scan->function.bar_size[bar], at = 0;
	unsigned int i, count = 0;

	if (scan->common_config.bar != bar)
		out[0] = out[1];
	if (scan->isr.bar != bar)
		out[1] = out[0];
	if (out[0].start > out[1].start) {
		struct pages first = out[1];

		out[1] = out[0];
		out[0] = first;
	}
	for (i = 0; i < 2; i++) {
		if (out[i].start > at)
			areas[count++] = (struct virtio_mmr_area){ at, out[i].start - at };
		if (out[i].end > at)
			at = out[i].end;
	}
	if (size > at)
		areas[count++] = (struct virtio_mmr_area){ at, size - at };
	return count;
}
