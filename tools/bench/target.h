/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The function that is measured, opened through one of these drivers: ours shows its
 * legacy registers in BAR0, vfio-pci has them in the memory BAR where they are. Linux' own
 * has them in BAR0 as well, of functions whose PF has an administration virtqueue.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/legacy.h"
#include "lib/qmp.h"

#define STOCK_DRIVER	"vfio-pci"
#define PEER_DRIVER	"virtio_vfio_pci"

struct target {
	const char *driver;
	struct vfio_container container;
	struct vfio_device device;
	struct iova_area area;
	struct legacy_queue queue;
	/* One request of the type's, which the device uses when it is notified */
	struct legacy_buffer request[3];
	unsigned int request_buffers;
	/* The emulated device's counters, if it is one; those that are not there are NULL */
	struct qmp qmp;
	bool has_counters;
	const char *reads, *writes, *notifies;
	/* Device-specific configuration that may be written */
	bool has_config;
};

/* The function's type, or NULL if the driver cannot have it */
const char *target_type(const char *bdf, const char *driver);

/*
 * Binds the function to the driver (one of the above, or MMR_DRIVER) and brings the
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
