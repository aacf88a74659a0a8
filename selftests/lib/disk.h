/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio block by the legacy driver, one request at a time. */
#ifndef SELFTESTS_DISK_H
#define SELFTESTS_DISK_H

#include "legacy.h"

#define DISK_SECTOR	512

/* Result of a request: the device's status byte, or that none came */
#define DISK_OK		0
#define DISK_NO_ANSWER	(-1)

struct disk {
	struct vfio_device *device;
	struct iova_area area;
	struct legacy_queue queue;
	uint32_t features;
	uint64_t sectors;
	struct disk_request *request;
	uint8_t *data;
	size_t data_size;
};

void disk_start(struct disk *disk, struct vfio_device *device, uint64_t iova);
void disk_stop(struct disk *disk);

/* Through disk->data, up to disk->data_size bytes */
int disk_read(struct disk *disk, uint64_t sector, size_t size);
int disk_write(struct disk *disk, uint64_t sector, size_t size);
int disk_flush(struct disk *disk);

#endif /* SELFTESTS_DISK_H */
