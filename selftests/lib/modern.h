/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A modern virtio driver (virtio 1.4, 4.1) in user space, for the same functions. It reads and
 * writes the structures by vfio, as a VMM does for pages that it has not mapped.
 */
#ifndef SELFTESTS_MODERN_H
#define SELFTESTS_MODERN_H

#include <stdbool.h>
#include <linux/virtio_pci.h>

#include "legacy.h"

struct modern_structure {
	unsigned int bar;
	uint64_t offset, length;
};

struct modern {
	struct vfio_device *device;
	struct modern_structure common, notify, isr, config;
	/* Place of the PCI_CFG capability in configuration space, 0 if absent */
	unsigned int window;
	uint32_t notify_multiplier;
	uint64_t features;
	struct iova_area area;
	struct vring ring;
	uint16_t last_used;
	uint8_t *buffer;
	/* Queues are enabled byte by byte */
	bool enables_by_bytes;
};

/* Finds the structures; false if one of the first three is missing */
bool modern_find(struct modern *modern, struct vfio_device *device);

/* A field of the common configuration, such as VIRTIO_PCI_COMMON_STATUS */
uint32_t modern_read(struct modern *modern, unsigned int offset, unsigned int width);
void modern_write(struct modern *modern, unsigned int offset, unsigned int width,
		  uint32_t value);
uint8_t modern_isr(struct modern *modern);
void modern_reset(struct modern *modern);
/* The second half of it: device status reads as 0 */
void modern_wait_for_reset(struct modern *modern);

/* The same registers through the window of the PCI_CFG capability, which must be there */
uint32_t modern_window_read(struct modern *modern, const struct modern_structure *structure,
			    unsigned int offset, unsigned int width);
void modern_window_write(struct modern *modern, const struct modern_structure *structure,
			 unsigned int offset, unsigned int width, uint32_t value);

/*
 * Starts the device with VERSION_1 and ACCESS_PLATFORM, and queue 0 with its ring at the IOVA.
 * The driver sets bus mastering. It gives the queue a vector only if MSI-X is enabled by VFIO
 */
void modern_start(struct modern *modern, uint64_t iova);
void modern_restart(struct modern *modern);
void modern_stop(struct modern *modern);

/* For an entropy device: a request is served with random bytes */
bool modern_works(struct modern *modern);

#endif /* SELFTESTS_MODERN_H */
