// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Whole accesses to the I/O BAR, for users that need no lock around each device access.
 */
#include "port.h"

/**
 * virtio_mmr_port_read - a guest reads from its I/O BAR
 * @port: the I/O BAR; its layout and device do not change meanwhile
 * @offset: in the I/O BAR, in bytes
 * @data: where to put the bytes, in the order of their addresses
 * @count: bytes; @offset + @count is at most VIRTIO_MMR_IO_BAR_SIZE_MAX
 */
void virtio_mmr_port_read(const struct virtio_mmr_port *port, u32 offset, u8 *data, u32 count)
{
	struct virtio_mmr_piece piece;
	u32 done;

	for (done = 0; done < count; done += piece.width) {
		piece = virtio_mmr_next_piece(&port->layout, &port->layout, port->length,
					      offset + done, count - done);
		virtio_mmr_port_read_piece(port->ops, port->context, &piece, data + done);
	}
}

/**
 * virtio_mmr_port_write - a guest writes to its I/O BAR
 * @port: the I/O BAR; its layout and device do not change meanwhile
 * @offset: in the I/O BAR, in bytes
 * @data: the bytes, in the order of their addresses
 * @count: bytes; @offset + @count is at most VIRTIO_MMR_IO_BAR_SIZE_MAX
 *
 * Return: whether the guest asked for a reset. The guest expects that a reset is over when its
 * OUT ends. So the caller waits until device status reads 0. Bytes after device status have
 * reached the device by then. A caller whose device resets slowly can write byte by byte.
 */
struct virtio_mmr_port_reset
virtio_mmr_port_write(const struct virtio_mmr_port *port, u32 offset, const u8 *data, u32 count)
{
	struct virtio_mmr_port_reset reset = {};
	struct virtio_mmr_piece piece;
	u32 done;

	for (done = 0; done < count; done += piece.width) {
		piece = virtio_mmr_next_piece(&port->layout, &port->layout, port->length,
					      offset + done, count - done);
		virtio_mmr_port_write_piece(port->ops, port->context, &piece, data + done,
					    &reset);
	}
	return reset;
}
