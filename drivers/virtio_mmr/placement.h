/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_PLACEMENT_H
#define VIRTIO_MMR_PLACEMENT_H

#include "function.h"

enum virtio_mmr_bar0_fate {
	VIRTIO_MMR_BAR0_ABSENT,		/* the function has none */
	VIRTIO_MMR_BAR0_HIDDEN,		/* nothing for the guest lies in it */
	VIRTIO_MMR_BAR0_MOVED,		/* shown in another slot */
	VIRTIO_MMR_BAR0_NO_SLOT,	/* none is free to show it in */
	VIRTIO_MMR_BAR0_TOO_LARGE,	/* for the 32-bit slot it would get */
};

/**
 * struct virtio_mmr_placement - place of a function's physical BAR0, after the I/O BAR has
 * taken its number
 * @fate: how the guest sees it
 * @slot: BAR number that the guest sees it at, if VIRTIO_MMR_BAR0_MOVED
 */
struct virtio_mmr_placement {
	enum virtio_mmr_bar0_fate fate;
	u8 slot;
};

struct virtio_mmr_placement
virtio_mmr_place_bar0(const struct virtio_mmr_function *function, u8 window_bar,
		      bool shared);
u8 virtio_mmr_guest_bar(const struct virtio_mmr_placement *placement, u8 bar);
u8 virtio_mmr_device_bar(const struct virtio_mmr_placement *placement, u8 bar);

#endif /* VIRTIO_MMR_PLACEMENT_H */
