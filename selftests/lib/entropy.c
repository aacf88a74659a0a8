// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "entropy.h"
#include "report.h"

#define AREA_SIZE	(1 << 17)

static void set_up(struct entropy *entropy)
{
	struct vfio_device *device = entropy->device;

	memset(entropy->area.memory, 0, entropy->area.size);
	entropy->area.used = 0;
	legacy_start(device, 0);
	legacy_queue_start(&entropy->queue, device, 0, &entropy->area,
			   device->vectors ? 0 : LEGACY_NO_VECTOR);
	entropy->buffer = iova_take(&entropy->area, 4096, 4096);
	legacy_ready(device);
}

void entropy_start(struct entropy *entropy, struct vfio_device *device,
		   uint64_t iova)
{
	entropy->device = device;
	iova_map(&entropy->area, device->container, iova, AREA_SIZE);
	set_up(entropy);
}

void entropy_restart(struct entropy *entropy)
{
	set_up(entropy);
}

void entropy_stop(struct entropy *entropy)
{
	legacy_reset(entropy->device);
	iova_unmap(&entropy->area);
}

uint32_t entropy_fetch(struct entropy *entropy, uint64_t iova,
		       unsigned int milliseconds)
{
	const struct legacy_buffer buffer = {
		.iova = iova,
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};
	uint32_t written;

	legacy_queue_add(&entropy->queue, &buffer, 1);
	legacy_queue_kick(&entropy->queue);
	if (!legacy_queue_wait(&entropy->queue, milliseconds, &written))
		return 0;
	return written;
}

bool entropy_works(struct entropy *entropy)
{
	static const uint8_t zeros[ENTROPY_BYTES];
	uint32_t written;

	memset(entropy->buffer, 0, ENTROPY_BYTES);
	written = entropy_fetch(entropy, iova_of(&entropy->area, entropy->buffer),
				LEGACY_TIMEOUT);
	if (!written || written > ENTROPY_BYTES) {
		report("%s: the device wrote %u bytes of %u", entropy->device->bdf,
		       written, ENTROPY_BYTES);
		return false;
	}
	if (!memcmp(entropy->buffer, zeros, written)) {
		report("%s: the buffer is all zero", entropy->device->bdf);
		return false;
	}
	return true;
}
