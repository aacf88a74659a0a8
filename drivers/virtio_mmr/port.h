/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * An access of the guest to its I/O BAR. Inline, for the data path: with constant operations
 * there is no call through a pointer.
 */
#ifndef VIRTIO_MMR_PORT_H
#define VIRTIO_MMR_PORT_H

#include <linux/virtio_mmr.h>

#include "layout.h"

/**
 * struct virtio_mmr_port_ops - how the registers of the device are accessed
 * @read: 1, 2 or 4 bytes at a naturally aligned offset in the window
 * @write: the same
 * @notify: the guest wrote a queue index to Queue Notify
 */
struct virtio_mmr_port_ops {
	u32 (*read)(void *context, u32 offset, u32 width);
	void (*write)(void *context, u32 offset, u32 width, u32 value);
	void (*notify)(void *context, u16 queue);
};

/**
 * struct virtio_mmr_port - the I/O BAR of one function
 * @ops: how its registers are accessed
 * @context: for the operations
 * @length: of the window in bytes
 * @layout: of the registers now: MSI-X is enabled or not
 */
struct virtio_mmr_port {
	const struct virtio_mmr_port_ops *ops;
	void *context;
	u64 length;
	struct virtio_mmr_layout layout;
};

/**
 * struct virtio_mmr_port_reset - a reset that the guest asked for
 * @asked: the guest wrote 0 to device status
 * @status: value of device status after that; until it is 0, the reset goes on
 */
struct virtio_mmr_port_reset {
	bool asked;
	u8 status;
};

/**
 * virtio_mmr_port_read_piece - do one device access of a read
 * @ops: how the registers are accessed
 * @context: for the operations
 * @piece: from virtio_mmr_next_piece()
 * @data: where to put the bytes, little-endian; all ones if the piece has no target
 */
static __always_inline void
virtio_mmr_port_read_piece(const struct virtio_mmr_port_ops *ops, void *context,
			   const struct virtio_mmr_piece *piece, u8 *data)
{
	bool nothing = piece->target == VIRTIO_MMR_TARGET_NOTHING;

	switch (piece->width) {
	case 1:
		*data = nothing ? 0xff : ops->read(context, piece->offset, 1);
		break;
	case 2:
		virtio_mmr_put_le16(data, nothing ? 0xffff :
				    ops->read(context, piece->offset, 2));
		break;
	case 4:
		virtio_mmr_put_le32(data, nothing ? 0xffffffff :
				    ops->read(context, piece->offset, 4));
		break;
	}
}

/**
 * virtio_mmr_port_sets_up - whether an access touches queue address or device status
 * @offset: in the I/O BAR or in the window, where these two have the same place
 * @count: bytes
 *
 * An OUT is complete when it returns, but a memory write is not. Legacy drivers free or reuse
 * memory after writes of these two, so they must have arrived.
 *
 * Return: true if it touches any byte of them.
 */
static __always_inline bool virtio_mmr_port_sets_up(u32 offset, u32 count)
{
	return (offset < VIRTIO_MMR_QUEUE_SIZE && offset + count > VIRTIO_MMR_QUEUE_ADDRESS) ||
	       (offset <= VIRTIO_MMR_DEVICE_STATUS && offset + count > VIRTIO_MMR_DEVICE_STATUS);
}

/**
 * virtio_mmr_port_write_piece - do one device access of a write
 * @ops: how the registers are accessed
 * @context: for the operations
 * @piece: from virtio_mmr_next_piece()
 * @data: the bytes, little-endian
 * @reset: set if this is a reset, else unchanged
 *
 * A write to device status or queue address has reached the device when this returns.
 */
static __always_inline void
virtio_mmr_port_write_piece(const struct virtio_mmr_port_ops *ops, void *context,
			    const struct virtio_mmr_piece *piece, const u8 *data,
			    struct virtio_mmr_port_reset *reset)
{
	u8 status;

	switch (piece->target) {
	case VIRTIO_MMR_TARGET_NOTHING:
		return;
	case VIRTIO_MMR_TARGET_NOTIFY:
		ops->notify(context, virtio_mmr_get_le16(data));
		return;
	case VIRTIO_MMR_TARGET_REGISTER:
		break;
	}

	switch (piece->width) {
	case 1:
		ops->write(context, piece->offset, 1, *data);
		break;
	case 2:
		ops->write(context, piece->offset, 2, virtio_mmr_get_le16(data));
		break;
	case 4:
		ops->write(context, piece->offset, 4, virtio_mmr_get_le32(data));
		break;
	}

	if (!virtio_mmr_port_sets_up(piece->offset, piece->width))
		return;
	status = ops->read(context, VIRTIO_MMR_DEVICE_STATUS, 1);
	if (piece->offset == VIRTIO_MMR_DEVICE_STATUS && !*data) {
		reset->asked = true;
		reset->status = status;
	}
}

void virtio_mmr_port_read(const struct virtio_mmr_port *port, u32 offset, u8 *data, u32 count);
struct virtio_mmr_port_reset
virtio_mmr_port_write(const struct virtio_mmr_port *port, u32 offset, const u8 *data, u32 count);

#endif /* VIRTIO_MMR_PORT_H */
