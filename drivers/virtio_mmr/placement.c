// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Places a physical BAR0 in the guest's view, and translates BAR numbers.
 */
#include "placement.h"

/* A 32-bit memory BAR has at least one address bit. */
#define SIZE_MAX_32_BIT		0x80000000ULL

/* No BAR has this number; virtio 1.4, 4.1.4 reserves it. */
#define NO_BAR			7

/**
 * virtio_mmr_place_bar0 - choose the place of a physical BAR0
 * @function: the function
 * @window_bar: the BAR with the MMR window. A memory BAR0 that is not this one may contain
 *	other structures for the guest, so it must be shown
 * @shared: whether the MSI-X table or PBA or a virtio structure lies in BAR0
 *
 * A 64-bit BAR0 leaves two slots. The second one is enough for a 32-bit BAR, so no other BAR
 * has to move. A 32-bit BAR0 needs an empty slot (policy).
 *
 * Return: the placement.
 */
struct virtio_mmr_placement
virtio_mmr_place_bar0(const struct virtio_mmr_function *function, u8 window_bar,
		      bool shared)
{
	struct virtio_mmr_placement placement = { .fate = VIRTIO_MMR_BAR0_ABSENT };
	u8 slot;

	if (function->bar_kind[0] == VIRTIO_MMR_BAR_ABSENT)
		return placement;

	placement.fate = VIRTIO_MMR_BAR0_HIDDEN;
	if (!shared && (window_bar == 0 || function->bar_kind[0] != VIRTIO_MMR_BAR_MEMORY))
		return placement;

	placement.fate = VIRTIO_MMR_BAR0_NO_SLOT;
	if (function->bar_kind[0] != VIRTIO_MMR_BAR_MEMORY)
		return placement;

	for (slot = 1; slot < VIRTIO_MMR_NUM_BARS; slot++) {
		if (function->bar_kind[slot] != VIRTIO_MMR_BAR_ABSENT &&
		    !(slot == 1 && function->bar_kind[1] == VIRTIO_MMR_BAR_UPPER_HALF))
			continue;
		placement.fate = VIRTIO_MMR_BAR0_MOVED;
		placement.slot = slot;
		if (function->bar_size[0] > SIZE_MAX_32_BIT)
			placement.fate = VIRTIO_MMR_BAR0_TOO_LARGE;
		break;
	}
	return placement;
}

/**
 * virtio_mmr_guest_bar - the guest's number of a BAR
 * @placement: of the function
 * @bar: the device's number, any value
 *
 * Return: the guest's number. The device may have no BAR with this number. Then the result is
 * 0, the guest's I/O BAR, if virtio_mmr_device_bar() gives this number for 0.
 */
u8 virtio_mmr_guest_bar(const struct virtio_mmr_placement *placement, u8 bar)
{
	switch (placement->fate) {
	case VIRTIO_MMR_BAR0_MOVED:
		if (bar == 0)
			return placement->slot;
		return bar == placement->slot ? 0 : bar;
	case VIRTIO_MMR_BAR0_HIDDEN:
		return bar == NO_BAR ? 0 : bar;
	default:
		return bar;
	}
}

/**
 * virtio_mmr_device_bar - the device's number of a BAR
 * @placement: of the function
 * @bar: the guest's number, any value
 *
 * Return: the device's number. The device does not know the I/O BAR, so 0 becomes a number for
 * which the device has no BAR.
 */
u8 virtio_mmr_device_bar(const struct virtio_mmr_placement *placement, u8 bar)
{
	switch (placement->fate) {
	case VIRTIO_MMR_BAR0_MOVED:
		if (bar == placement->slot)
			return 0;
		return bar == 0 ? placement->slot : bar;
	case VIRTIO_MMR_BAR0_HIDDEN:
		return bar == 0 ? NO_BAR : bar;
	default:
		return bar;
	}
}
