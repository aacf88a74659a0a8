// SPDX-License-Identifier: GPL-2.0-only
#include <linux/virtio_blk.h>

#include "disk.h"

#define AREA_SIZE	(1 << 18)
#define DATA_SIZE	(1 << 16)
#define NO_STATUS	0xee

struct disk_request {
	struct virtio_blk_outhdr header;
	uint8_t status;
};

void disk_start(struct disk *disk, struct vfio_device *device, uint64_t iova)
{
	unsigned int config = legacy_config(device);

	disk->device = device;
	iova_map(&disk->area, device->container, iova, AREA_SIZE);
	disk->features = legacy_start(device, 1u << VIRTIO_BLK_F_FLUSH);
	disk->sectors = legacy_read(device, config, 4);
	disk->sectors |= (uint64_t)legacy_read(device, config + 4, 4) << 32;
	legacy_queue_start(&disk->queue, device, 0, &disk->area,
			   device->vectors ? 0 : LEGACY_NO_VECTOR);
	disk->request = iova_take(&disk->area, sizeof(*disk->request), 16);
	disk->data_size = DATA_SIZE;
	disk->data = iova_take(&disk->area, disk->data_size, 4096);
	legacy_ready(device);
}

void disk_stop(struct disk *disk)
{
	legacy_reset(disk->device);
	iova_unmap(&disk->area);
}

static int request(struct disk *disk, uint32_t type, uint64_t sector,
		   size_t size)
{
	struct legacy_buffer buffers[3] = {
		{
			.iova = iova_of(&disk->area, &disk->request->header),
			.size = sizeof(disk->request->header),
		},
	};
	unsigned int count = 1;

	if (size) {
		buffers[count].iova = iova_of(&disk->area, disk->data);
		buffers[count].size = size;
		buffers[count].device_writes = type == VIRTIO_BLK_T_IN;
		count++;
	}
	buffers[count].iova = iova_of(&disk->area, &disk->request->status);
	buffers[count].size = 1;
	buffers[count].device_writes = true;
	count++;

	disk->request->header.type = type;
	disk->request->header.ioprio = 0;
	disk->request->header.sector = sector;
	disk->request->status = NO_STATUS;
	legacy_queue_add(&disk->queue, buffers, count);
	legacy_queue_kick(&disk->queue);
	if (!legacy_queue_wait(&disk->queue, LEGACY_TIMEOUT, NULL))
		return DISK_NO_ANSWER;
	return disk->request->status;
}

int disk_read(struct disk *disk, uint64_t sector, size_t size)
{
	return request(disk, VIRTIO_BLK_T_IN, sector, size);
}

int disk_write(struct disk *disk, uint64_t sector, size_t size)
{
	return request(disk, VIRTIO_BLK_T_OUT, sector, size);
}

int disk_flush(struct disk *disk)
{
	return request(disk, VIRTIO_BLK_T_FLUSH, 0, 0);
}
