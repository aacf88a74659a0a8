// SPDX-License-Identifier: GPL-2.0-or-later
/* The I/O BAR: the core splits an access, and INTx adds its share; or the driver has it. */
#include <time.h>
#include <unistd.h>

#include "intx.h"
#include "io_bar.h"
#include "message.h"
#include "notify.h"

/* A guest expects that a reset is over when its OUT ends (policy: 1 s at most) */
#define RESET_TRIES	1000
#define RESET_WAIT_NS	1000000

static struct virtio_mmr_piece next(struct function *function, unsigned int offset,
				    unsigned int count)
{
	struct virtio_mmr_layout device = { .has_vectors = function->has_vectors };
	struct virtio_mmr_layout guest =
		virtio_mmr_interrupt_guest_layout(&function->intx.state, &device);

	return virtio_mmr_next_piece(&guest, &device, function->scan.cap.length, offset, count);
}

/**
 * io_bar_read - the guest reads from its I/O BAR
 * @function: the function
 * @offset: in the I/O BAR
 * @data: where to put the bytes
 * @width: their number; they end in the I/O BAR
 */
void io_bar_read(struct function *function, unsigned int offset, uint8_t *data,
		 unsigned int width)
{
	uint64_t isr = function->scan.cap.offset + VIRTIO_MMR_ISR_STATUS;
	struct virtio_mmr_piece piece;
	unsigned int done;

	if (function->by_driver) {
		/* The driver answers with all ones where the function does not. */
		if (pread(function->device, data, width, function->ports_position + offset) < 0)
			return;
		return;
	}
	for (done = 0; done < width; done += piece.width) {
		piece = next(function, offset + done, width - done);
		if (piece.target == VIRTIO_MMR_TARGET_REGISTER &&
		    virtio_mmr_piece_covers(&piece, VIRTIO_MMR_ISR_STATUS, 1) && piece.width == 1)
			data[done] = intx_read_isr(function, function->scan.cap.bar, isr);
		else
			virtio_mmr_port_read_piece(&function_registers, function, &piece,
						   data + done);
	}
}

static void wait_for_reset(struct function *function, struct virtio_mmr_port_reset *reset)
{
	static const struct timespec pause = { .tv_nsec = RESET_WAIT_NS };
	unsigned int tries;

	/* One instruction can ask for many resets, and keeps other CPUs out. */
	for (tries = 0; reset->status && tries < RESET_TRIES && !function->machine->has_waited;
	     tries++) {
		nanosleep(&pause, NULL);
		reset->status = function_registers.read(function, VIRTIO_MMR_DEVICE_STATUS, 1);
	}
	if (reset->status && !function->machine->has_waited)
		message("%s: device status is 0x%02x 1 s after the guest's reset; the guest goes on",
			function->bdf, reset->status);
	function->machine->has_waited |= reset->status;
	intx_was_reset(function);
}

/**
 * io_bar_write - the guest writes to its I/O BAR
 * @function: the function
 * @offset: in the I/O BAR
 * @data: the bytes
 * @width: their number; they end in the I/O BAR
 */
void io_bar_write(struct function *function, unsigned int offset, const uint8_t *data,
		  unsigned int width)
{
	struct virtio_mmr_port_reset reset = {};
	struct virtio_mmr_piece piece;
	unsigned int done;

	if (function->by_driver) {
		if (pwrite(function->device, data, width, function->ports_position + offset) < 0)
			return;
		if (offset == VIRTIO_MMR_QUEUE_NOTIFY && width == 2)
			notify_keep(function, virtio_mmr_get_le16(data));
		return;
	}
	/* A legacy driver's own reset is over when its OUT returns. */
	if (virtio_mmr_port_sets_up(offset, width))
		intx_hold(function, false);
	intx_begin(function, virtio_mmr_vectors_starts(offset, data, width));
	for (done = 0; done < width; done += piece.width) {
		piece = next(function, offset + done, width - done);
		virtio_mmr_port_write_piece(&function_registers, function, &piece, data + done,
					    &reset);
		if (piece.target != VIRTIO_MMR_TARGET_REGISTER)
			continue;
		if (reset.asked)
			wait_for_reset(function, &reset);
		reset = (struct virtio_mmr_port_reset){};
		/* A driver that sets up the device here is a legacy one, whatever came before. */
		if (virtio_mmr_port_sets_up(piece.offset, piece.width))
			function->intx.is_modern = false;
		intx_refused(function,
			     virtio_mmr_vectors_written(&function->intx.vectors,
							function->intx.state.engaged,
							&function_registers, function, &piece,
							data + done));
	}
}
