// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the decoding and validation of the MMR capability, from the driver's own source. A
 * second decoder follows Documentation/device.rst, with numbers too wide to overflow.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_mmr.h>

#include "virtio_mmr/capability.h"

#define MSIX		(2 + VIRTIO_MMR_NUM_BARS)
#define HEADER		(MSIX + 10)

static unsigned __int128 field(const u8 *raw, unsigned int width)
{
	unsigned __int128 value = 0;

	while (width--)
		value = value << 8 | raw[width];
	return value;
}

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static bool is_apart(const u8 *raw, unsigned int mask, unsigned __int128 size, u8 bar,
		     unsigned __int128 offset, unsigned __int128 length)
{
	unsigned __int128 start = field(raw, 4) & ~(unsigned __int128)mask;

	return (raw[0] & mask) != bar || offset + length <= start || offset >= start + size;
}

/* @msix: Message Control and both offsets, or NULL */
static bool is_usable(const u8 *raw, size_t room, const u8 *msix,
		      const struct virtio_mmr_function *function)
{
	size_t body = 4, vsec_length;
	unsigned __int128 offset, length, vectors;
	u8 bar;

	if (room < 24)
		return false;
	vsec_length = field(raw + 4, 4) >> 20;
	if (vsec_length) {
		if (vsec_length < 28 || vsec_length > room)
			return false;
		body = 8;
	}
	bar = raw[body + 1];
	offset = field(raw + body + 4, 8);
	length = field(raw + body + 12, 8);

	if (raw[body] != 10 || bar >= 6 ||
	    function->bar_kind[bar] != VIRTIO_MMR_BAR_MEMORY || offset % 4 ||
	    length < (msix ? 24 : 20) || offset + length > function->bar_size[bar])
		return false;
	if (!msix)
		return true;
	vectors = (field(msix, 2) & 0x7ff) + 1;
	return is_apart(msix + 2, 7, vectors * 16, bar, offset, length) &&
	       is_apart(msix + 6, 7, (vectors + 63) / 64 * 8, bar, offset, length);
}

/* Input: room in configuration space, flags, kind and size per BAR, MSI-X, capability */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct virtio_mmr_function function = {};
	enum virtio_mmr_defect defect;
	struct virtio_mmr_cap cap;
	const u8 *msix = NULL;
	size_t room, have, bar;
	u8 *raw;

	if (size < HEADER)
		return 0;
	if (data[1] & 1) {
		msix = data + MSIX;
		virtio_mmr_msix_decode(&function, field(msix, 2), field(msix + 2, 4),
				       field(msix + 6, 4));
	}
	for (bar = 0; bar < VIRTIO_MMR_NUM_BARS; bar++) {
		function.bar_kind[bar] = data[2 + bar] % 4;
		function.bar_size[bar] = 1ULL << data[2 + bar] / 4;
	}
	/* Exactly the bytes that may be read, so that the sanitizer finds a read of one more */
	have = size - HEADER < VIRTIO_MMR_CAP_MAX_SIZE ? size - HEADER :
							 VIRTIO_MMR_CAP_MAX_SIZE;
	room = have < VIRTIO_MMR_CAP_MAX_SIZE ? have : have + 4 * data[0];
	raw = malloc(have);
	expect(raw || !have);
	if (have)
		memcpy(raw, data + HEADER, have);

	defect = virtio_mmr_cap_decode(&cap, raw, room);
	if (!defect)
		defect = virtio_mmr_cap_validate(&cap, &function);
	expect((defect == VIRTIO_MMR_USABLE) == is_usable(raw, room, msix, &function));
	if (!defect) {
		u32 io_size = virtio_mmr_io_bar_size(cap.length);

		expect((unsigned __int128)cap.offset + cap.length <= function.bar_size[cap.bar]);
		expect(io_size >= 32 && io_size <= 256 && !(io_size & (io_size - 1)));
		expect(io_size == 256 || (io_size >= cap.length &&
					  (io_size == 32 || io_size / 2 < cap.length)));
	}
	free(raw);
	return 0;
}
