// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the splitting and translation of guest accesses, from the driver's own source. The
 * model knows the place of each byte of BAR0.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_mmr.h>

#include "virtio_mmr/layout.h"

/* The registers of the common part: Documentation/device.rst */
static const u8 first_byte[] = { 0, 4, 8, 12, 14, 16, 18, 19, 20, 22, 24 };

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static unsigned int common(bool has_vectors)
{
	return has_vectors ? 24 : 20;
}

/* Place of a byte of the guest's BAR0 in the device's window; -1 for none */
static long device_byte(bool guest_vectors, bool device_vectors, u64 length,
			unsigned int byte)
{
	unsigned int at = byte;

	if (byte >= common(guest_vectors))
		at = byte - common(guest_vectors) + common(device_vectors);
	else if (byte >= common(device_vectors))
		return -1;
	return at < length ? (long)at : -1;
}

static int register_at(bool guest_vectors, unsigned int byte)
{
	int i = 0;

	if (byte >= common(guest_vectors))
		return -1;
	while (first_byte[i + 1] <= byte)
		i++;
	return i;
}

/* Input: flags, offset, count, length of the window (8 bytes) */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct virtio_mmr_layout guest, device;
	unsigned int offset, count, done = 0;
	u64 length;

	if (size < 11)
		return 0;
	guest.has_vectors = data[0] & 1;
	device.has_vectors = data[0] & 2;
	offset = data[1];
	count = data[2] % (256 - offset) + 1;
	memcpy(&length, data + 3, sizeof(length));
	if (data[0] & 4)
		length %= 512;
	if (length < 24)
		length = 24;

	while (done < count) {
		struct virtio_mmr_piece piece;
		unsigned int i, at = offset + done;

		piece = virtio_mmr_next_piece(&guest, &device, length, at, count - done);
		/*
		 * The pieces cover each byte once, in order. None is empty or longer than the
		 * rest
		 */
		expect(piece.width == 1 || piece.width == 2 || piece.width == 4);
		expect(piece.width <= count - done);

		for (i = 0; i < piece.width; i++) {
			long byte = device_byte(guest.has_vectors, device.has_vectors,
						length, at + i);

			if (piece.target == VIRTIO_MMR_TARGET_NOTHING)
				expect(byte == -1);
			else
				expect(byte == (long)piece.offset + i);
			expect(register_at(guest.has_vectors, at + i) ==
			       register_at(guest.has_vectors, at));
		}
		if (piece.target != VIRTIO_MMR_TARGET_NOTHING) {
			expect(piece.offset % piece.width == 0);
			expect(piece.offset + (u64)piece.width <= length);
		}
		expect((piece.target == VIRTIO_MMR_TARGET_NOTIFY) ==
		       (at == 16 && piece.width == 2 && length >= 18));
		expect(virtio_mmr_piece_covers(&piece, 18, 1) ==
		       (piece.target != VIRTIO_MMR_TARGET_NOTHING &&
			at <= 18 && at + piece.width > 18));
		done += piece.width;
	}
	expect(done == count);
	return 0;
}
