/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The function that is measured, opened through one of two drivers: ours shows its
 * legacy registers in BAR0, vfio-pci has them in the memory BAR where they are.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/legacy.h"
#include "lib/qmp.h"

#define STOCK_DRIVER	"vfio-pci"

struct target {
	const char *driver;
	struct vfio_container container;
	struct vfio_device device;
	struct iova_area area;
	struct legacy_queue queue;
	/* One request of the type's, which the device uses when it is notified */
	struct legacy_buffer request[3];
	unsigned int request_buffers;
	/* The emulated device's counters, if it is one */
	struct qmp qmp;
	bool has_counters;
	/* Device-specific configuration that may be written */
	bool has_config;
};

/*
 * Binds the function to the driver (STOCK_DRIVER or MMR_DRIVER) and brings the
 * device up, with MSI-X and without interrupts. Ends the program, with a message,
 * where that fails, or for a type other than net, blk and rng.
 */
void target_open(struct target *target, const char *bdf, const char *driver);
void target_close(struct target *target);

/* Offers the device one more request, without notifying it */
void target_offer(struct target *target);

/* Whether the device uses the request in this time */
bool target_used(struct target *target, unsigned int milliseconds);

/* Position of a legacy register in the file of the device */
uint64_t target_position(const struct target *target, unsigned int offset);

#endif /* BENCH_TARGET_H */
