/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a register that must not change again and again, and counts the answers. */
#ifndef SELFTESTS_WATCH_H
#define SELFTESTS_WATCH_H

#include "vfio.h"

struct watch {
	struct vfio_device *device;
	/* The register in BAR0, and its value */
	unsigned int offset, width;
	uint32_t value;
	/* Answers that were this value, all ones, or another value */
	unsigned int good, ones, wrong;
};

/*
 * Reads once; for background_start(), with the struct as data. 0, or a negative error code
 * of a read that failed.
 */
int watch_read(void *watch);

#endif /* SELFTESTS_WATCH_H */
