/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that the host has of a function while one of its own drivers is bound: disks,
 * interfaces and others, as sysfs shows them in the function's folder.
 */
#ifndef MMRCTL_DEVICES_H
#define MMRCTL_DEVICES_H

#include "functions.h"

enum device_kind {
	DEVICE_DISK,
	DEVICE_PARTITION,
	DEVICE_INTERFACE,
	DEVICE_HIDDEN_INTERFACE,	/* in another network namespace, by virtio device */
	DEVICE_PORT,			/* of a console */
	DEVICE_SCSI_HOST,
	DEVICE_MOUNT_TAG,		/* 9P */
	DEVICE_HWRNG,
	DEVICE_OTHER,			/* has a file in /dev and is none of these */
};

/**
 * struct device - one of them
 * @kind: its kind
 * @name: for people: of the disk, interface, port, SCSI host or file, or the mount tag
 * @folder: in sysfs
 * @file: below /dev, empty if it has none
 */
struct device {
	enum device_kind kind;
	char name[NAME_LENGTH];
	char *folder;
	char file[NAME_LENGTH];
};

/**
 * struct devices - all devices of a function
 * @list: the devices, partitions after their disk
 * @count: of them
 * @virtio: name of the virtio device, empty if there is none
 * @virtio_driver: name of its driver, empty if it has none
 * @complete: false if only root can see all
 */
struct devices {
	struct device *list;
	size_t count;
	char virtio[NAME_LENGTH];
	char virtio_driver[NAME_LENGTH];
	bool complete;
};

void devices_find(struct devices *devices, const struct function *function);
void devices_release(struct devices *devices);

/* What people know the device by: not a partition, nor the files of a disk or an adapter */
bool device_is_main(const struct device *device);
/* "vda, vdb"; without devices of a name the virtio device; empty if there is none */
void describe_devices(const struct devices *devices, char *text, size_t size);
/* "disk vda", "interface eth1" */
void describe_device(const struct device *device, char *text, size_t size);
json_t *devices_json(const struct devices *devices);

#endif /* MMRCTL_DEVICES_H */
