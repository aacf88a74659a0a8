/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Native use: functions that are devices of the host itself, through virtio_mmr_pci.
 */
#ifndef MMRCTL_NATIVE_H
#define MMRCTL_NATIVE_H

#include "functions.h"

static inline bool is_native(const struct function *function)
{
	return !strcmp(function->driver, NATIVE_DRIVER);
}

/* "vda", or the virtio device if it made no other; for a function that is_native() */
void describe_native(const struct function *function, char *text, size_t size);
/* Whether the virtio device has a driver; without one the function is of no use */
bool native_has_driver(const struct function *function);
/* null if the function is not in native use */
json_t *native_json(const struct function *function);

/* A function that guests cannot have may do for the host; STATUS_OK or a status after a message */
int native_refuse_function(const struct function *function);

/**
 * native_refuse - what forbids native use, except for users and the function itself
 * @function: the function
 *
 * Return: STATUS_OK, or a status after a message.
 */
int native_refuse(const struct function *function);

/**
 * native_wait - wait until the function that has just been bound is a device of the host
 * @function: the function
 *
 * Loads the driver of the virtio device, as udev does where it runs.
 *
 * Return: STATUS_OK, or a status after a message.
 */
int native_wait(const struct function *function);

/* What an IOMMU does with a group's DMA */
enum iommu_mode {
	IOMMU_UNKNOWN,
	IOMMU_NONE,		/* the function is in no group */
	IOMMU_TRANSLATES,
	IOMMU_PASSES,		/* addresses as they are */
};

/**
 * iommu_mode - what the IOMMU does with a function's DMA while a driver of the host has it
 * @function: the function
 * @type: set to the group's type as sysfs names it
 * @size: of that, in bytes
 */
enum iommu_mode iommu_mode(const struct function *function, char *type, size_t size);

/* The host can use a balloon only if the IOMMU does not translate */
bool is_balloon(const struct function *function);

#endif /* MMRCTL_NATIVE_H */
