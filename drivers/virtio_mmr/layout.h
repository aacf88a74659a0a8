/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_LAYOUT_H
#define VIRTIO_MMR_LAYOUT_H

#include "pure.h"

/**
 * struct virtio_mmr_layout - where the legacy registers lie
 * @has_vectors: the two MSI-X vector registers are present, which moves the
 *	device-specific configuration from 0x14 to 0x18
 */
struct virtio_mmr_layout {
	bool has_vectors;
};

enum virtio_mmr_target {
	VIRTIO_MMR_TARGET_REGISTER,	/* at @offset of the device's window */
	VIRTIO_MMR_TARGET_NOTIFY,	/* a whole queue index for Queue Notify */
	VIRTIO_MMR_TARGET_NOTHING,	/* reads all ones, writes are dropped */
};

/**
 * struct virtio_mmr_piece - one device access out of a guest's access
 * @target: the place that it goes to
 * @offset: in the device's window, in bytes; meaningless for
 *	VIRTIO_MMR_TARGET_NOTHING
 * @width: 1, 2 or 4 bytes, naturally aligned
 */
struct virtio_mmr_piece {
	enum virtio_mmr_target target;
	u32 offset;
	u32 width;
};

struct virtio_mmr_piece
virtio_mmr_next_piece(const struct virtio_mmr_layout *guest,
		      const struct virtio_mmr_layout *device, u64 length,
		      u32 offset, u32 count);
bool virtio_mmr_piece_covers(const struct virtio_mmr_piece *piece, u32 offset,
			     u32 width);

#endif /* VIRTIO_MMR_LAYOUT_H */
