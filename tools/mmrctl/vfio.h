/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function as a VMM sees it: through its VFIO device, which it opens through the
 * group.
 */
#ifndef MMRCTL_VFIO_H
#define MMRCTL_VFIO_H

#include <linux/vfio.h>
#include <stdint.h>
#include <sys/types.h>

#include "functions.h"

struct vfio_device {
	char bdf[BDF_SIZE];
	int container, group, device;
	struct vfio_region_info bar0, config;
};

/**
 * vfio_open - open a function that nobody uses
 * @device: where to store it
 * @function: bound to a VFIO driver
 *
 * Opening resets the function, and so does closing.
 *
 * Return: STATUS_OK or another status after a message.
 */
int vfio_open(struct vfio_device *device, const struct function *function);
void vfio_close(struct vfio_device *device);

/* Read or write all of @size bytes; false, after a message, if that fails */
bool vfio_read(const struct vfio_device *device, const struct vfio_region_info *region,
	       uint64_t offset, void *data, size_t size);
bool vfio_write(const struct vfio_device *device, const struct vfio_region_info *region,
		uint64_t offset, const void *data, size_t size);

#endif /* MMRCTL_VFIO_H */
