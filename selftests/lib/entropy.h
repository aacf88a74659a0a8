/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio entropy by the legacy driver. It is the simplest traffic, for tests that need some.
 */
#ifndef SELFTESTS_ENTROPY_H
#define SELFTESTS_ENTROPY_H

#include "legacy.h"

#define ENTROPY_BYTES	64

struct entropy {
	struct vfio_device *device;
	struct iova_area area;
	struct legacy_queue queue;
	uint8_t *buffer;
};

/*
 * Brings an open device up with its ring and buffer at the IOVA, and with
 * MSI-X vector 0 for the queue if MSI-X is enabled.
 */
void entropy_start(struct entropy *entropy, struct vfio_device *device,
		   uint64_t iova);
void entropy_stop(struct entropy *entropy);

/* The same again after a reset of the device: the ring starts from zero */
void entropy_restart(struct entropy *entropy);

/*
 * Asks for ENTROPY_BYTES at the IOVA and waits. Returns the bytes that the
 * device says it wrote, 0 if it never answered.
 */
uint32_t entropy_fetch(struct entropy *entropy, uint64_t iova,
		       unsigned int milliseconds);

/* fetch into the own buffer; true if random bytes arrived there */
bool entropy_works(struct entropy *entropy);

#endif /* SELFTESTS_ENTROPY_H */
