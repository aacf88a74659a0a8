/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_MAPPING_H
#define VIRTIO_MMR_MAPPING_H

#include "scan.h"

/* Two parts of a BAR can be out of it, which leaves three. */
#define VIRTIO_MMR_MAX_AREAS	3

/**
 * struct virtio_mmr_area - a part of a BAR that a guest's addresses may be mapped to
 * @offset: in the BAR, in bytes, at a page
 * @size: in bytes, of whole pages or up to the end of the BAR
 */
struct virtio_mmr_area {
	u64 offset;
	u64 size;
};

bool virtio_mmr_mapping_is_split(const struct virtio_mmr_scan *scan, u8 bar, u32 page);
unsigned int virtio_mmr_mapping_areas(const struct virtio_mmr_scan *scan, u8 bar, u32 page,
				      struct virtio_mmr_area areas[VIRTIO_MMR_MAX_AREAS]);

#endif /* VIRTIO_MMR_MAPPING_H */
