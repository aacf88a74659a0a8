// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The legacy register layout: it splits a guest's access into device accesses, and translates
 * their offsets.
 */
#include <linux/virtio_mmr.h>

#include "layout.h"

/* First byte of every common register, and the end of the last one */
static const u8 register_bounds[] = {
	VIRTIO_MMR_DEVICE_FEATURES,
	VIRTIO_MMR_DRIVER_FEATURES,
	VIRTIO_MMR_QUEUE_ADDRESS,
	VIRTIO_MMR_QUEUE_SIZE,
	VIRTIO_MMR_QUEUE_SELECT,
	VIRTIO_MMR_QUEUE_NOTIFY,
	VIRTIO_MMR_DEVICE_STATUS,
	VIRTIO_MMR_ISR_STATUS,
	VIRTIO_MMR_CONFIG_VECTOR,
	VIRTIO_MMR_QUEUE_VECTOR,
	VIRTIO_MMR_COMMON_SIZE_MSIX,
};

static u32 common_size(const struct virtio_mmr_layout *layout)
{
	return layout->has_vectors ? VIRTIO_MMR_COMMON_SIZE_MSIX :
				     VIRTIO_MMR_COMMON_SIZE;
}

static u32 register_end(u32 offset)
{
	size_t i = 0;

	while (register_bounds[i] <= offset)
		i++;
	return register_bounds[i];
}

static u32 natural_width(u32 offset, u64 room)
{
	if (room >= 4 && offset % 4 == 0)
		return 4;
	if (room >= 2 && offset % 2 == 0)
		return 2;
	return 1;
}

/**
 * virtio_mmr_next_piece - the first device access of a guest's access
 * @guest: the layout that the guest sees
 * @device: the layout that the device has now
 * @length: of the device's window in bytes
 * @offset: of the guest's access in its I/O BAR, in bytes
 * @count: bytes left of the guest's access, at least 1
 *
 * Call this for one piece after the other. Register accesses are naturally aligned and never
 * cross two registers of the common part. They cover each byte of the guest's access once:
 * reading ISR twice would lose an interrupt. virtio 1.4, 4.1.4.10 leaves the widths to the
 * device.
 *
 * Return: the piece; its width is at most @count.
 */
struct virtio_mmr_piece
virtio_mmr_next_piece(const struct virtio_mmr_layout *guest,
		      const struct virtio_mmr_layout *device, u64 length,
		      u32 offset, u32 count)
{
	struct virtio_mmr_piece piece = { .target = VIRTIO_MMR_TARGET_REGISTER };
	u32 guest_common = common_size(guest);
	u64 room = count;

	if (offset < guest_common) {
		u32 end = register_end(offset);

		if (end - offset < room)
			room = end - offset;
		piece.offset = offset;
		/* A vector register that the guest has and the device has not */
		if (offset >= common_size(device))
			piece.target = VIRTIO_MMR_TARGET_NOTHING;
	} else {
		piece.offset = offset - guest_common + common_size(device);
	}

	if (piece.offset >= length)
		piece.target = VIRTIO_MMR_TARGET_NOTHING;
	else if (room > length - piece.offset)
		room = length - piece.offset;

	piece.width = natural_width(piece.offset, room);

	if (piece.target == VIRTIO_MMR_TARGET_REGISTER &&
	    piece.offset == VIRTIO_MMR_QUEUE_NOTIFY && piece.width == 2)
		piece.target = VIRTIO_MMR_TARGET_NOTIFY;
	return piece;
}

/**
 * virtio_mmr_piece_covers - whether a piece touches a register
 * @piece: the piece
 * @offset: of the register in the device's window, in bytes
 * @width: of the register in bytes
 *
 * Return: true if it touches any byte of it.
 */
bool virtio_mmr_piece_covers(const struct virtio_mmr_piece *piece, u32 offset,
			     u32 width)
{
	return piece->target != VIRTIO_MMR_TARGET_NOTHING &&
	       piece->offset < offset + width &&
	       offset < piece->offset + piece->width;
}
