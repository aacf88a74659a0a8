// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "legacy.h"
#include "report.h"

uint32_t legacy_read(struct vfio_device *device, unsigned int offset,
		     unsigned int width)
{
	uint32_t value = 0;
	ssize_t done = vfio_read(device, device->registers_region,
				 device->registers_offset + offset, &value, width);

	if (done != (ssize_t)width)
		fail("%s: legacy read of %u bytes at %#x: %zd", device->bdf,
		     width, offset, done);
	return value;
}

void legacy_write(struct vfio_device *device, unsigned int offset,
		  unsigned int width, uint32_t value)
{
	ssize_t done = vfio_write(device, device->registers_region,
				  device->registers_offset + offset, &value, width);

	if (done != (ssize_t)width)
		fail("%s: legacy write of %u bytes at %#x: %zd", device->bdf,
		     width, offset, done);
}

unsigned int legacy_config(const struct vfio_device *device)
{
	return device->vectors ? VIRTIO_MMR_COMMON_SIZE_MSIX :
				 VIRTIO_MMR_COMMON_SIZE;
}

bool legacy_has_config(const struct vfio_device *device, unsigned int bytes)
{
	struct mmr_window window;

	return sysfs_window(device->bdf, &window) &&
	       window.length >= bytes + (vfio_msix_vectors(device) ?
					 VIRTIO_MMR_COMMON_SIZE_MSIX :
					 VIRTIO_MMR_COMMON_SIZE);
}

/* Four bytes at once, and in parts */
static bool is_sum_of_parts(struct vfio_device *device, unsigned int offset,
			    unsigned int width)
{
	uint32_t parts = 0;
	unsigned int at;

	for (at = 0; at < 4; at += width)
		parts |= legacy_read(device, offset + at, width) << 8 * at;
	return parts == legacy_read(device, offset, 4);
}

bool legacy_takes_any_width(struct vfio_device *device)
{
	return is_sum_of_parts(device, VIRTIO_MMR_DEVICE_FEATURES, 1) &&
	       is_sum_of_parts(device, VIRTIO_MMR_DEVICE_FEATURES, 2) &&
	       is_sum_of_parts(device, legacy_config(device), 1);
}

int legacy_ioeventfd(struct vfio_device *device, uint16_t queue, int fd)
{
	return vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
			      device->regions[device->registers_region].offset +
			      device->registers_offset + VIRTIO_MMR_QUEUE_NOTIFY, queue, fd);
}

unsigned int legacy_queues(struct vfio_device *device)
{
	unsigned int queues;

	for (queues = 0; queues < LEGACY_QUEUES_MAX; queues++) {
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, queues);
		if (!legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2))
			break;
	}
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	return queues;
}

uint8_t legacy_status(struct vfio_device *device)
{
	return legacy_read(device, VIRTIO_MMR_DEVICE_STATUS, 1);
}

void legacy_reset(struct vfio_device *device)
{
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
}

uint32_t legacy_start(struct vfio_device *device, uint32_t wanted)
{
	uint32_t features;

	vfio_command(device, PCI_COMMAND_IO |
			     (device->sets_no_master ? 0 : PCI_COMMAND_MASTER), 0);
	legacy_reset(device);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	features = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4) & wanted;
	legacy_write(device, VIRTIO_MMR_DRIVER_FEATURES, 4, features);
	return features;
}

void legacy_ready(struct vfio_device *device)
{
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		     VIRTIO_CONFIG_S_DRIVER_OK);
}

size_t legacy_queue_bytes(unsigned int entries)
{
	return vring_size(entries, LEGACY_QUEUE_ALIGN);
}

void legacy_queue_start(struct legacy_queue *queue, struct vfio_device *device,
			uint16_t index, struct iova_area *area, uint16_t vector)
{
	unsigned int entries;
	void *memory;

	queue->device = device;
	queue->index = index;
	queue->next_free = 0;
	queue->last_used = 0;

	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, index);
	entries = legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2);
	if (!entries || entries > LEGACY_QUEUE_MAX || entries & (entries - 1))
		fail("%s: queue %u has %u entries", device->bdf, index, entries);

	memory = iova_take(area, legacy_queue_bytes(entries), LEGACY_QUEUE_ALIGN);
	vring_init(&queue->ring, entries, memory, LEGACY_QUEUE_ALIGN);
	queue->iova = iova_of(area, memory);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, queue->iova >> 12);

	if (vector == LEGACY_NO_VECTOR)
		return;
	legacy_write(device, VIRTIO_MMR_QUEUE_VECTOR, 2, vector);
	if (legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2) != vector)
		fail("%s: queue %u refuses MSI-X vector %u", device->bdf, index,
		     vector);
}

void legacy_queue_add(struct legacy_queue *queue,
		      const struct legacy_buffer *buffers, unsigned int count)
{
	uint16_t head = queue->next_free, at = head;
	struct vring *ring = &queue->ring;
	unsigned int i;

	/*
	 * Descriptors are used in turn. No test has so many in flight that this one still
	 * belongs to the device.
	 */
	for (i = 0; i < count; i++) {
		uint16_t next = (at + 1) % ring->num;

		ring->desc[at].addr = buffers[i].iova;
		ring->desc[at].len = buffers[i].size;
		ring->desc[at].flags =
			(buffers[i].device_writes ? VRING_DESC_F_WRITE : 0) |
			(i + 1 < count ? VRING_DESC_F_NEXT : 0);
		ring->desc[at].next = next;
		at = next;
	}
	queue->next_free = at;

	ring->avail->ring[ring->avail->idx % ring->num] = head;
	/* The entry must be there before the index that covers it */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&ring->avail->idx, ring->avail->idx + 1,
			 __ATOMIC_SEQ_CST);
}

void legacy_queue_kick(struct legacy_queue *queue)
{
	legacy_write(queue->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, queue->index);
}

bool legacy_queue_wait(struct legacy_queue *queue, unsigned int milliseconds,
		       uint32_t *written)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	struct vring *ring = &queue->ring;

	while (__atomic_load_n(&ring->used->idx, __ATOMIC_SEQ_CST) ==
	       queue->last_used) {
		if (!milliseconds--)
			return false;
		nanosleep(&millisecond, NULL);
	}
	if (written)
		*written = ring->used->ring[queue->last_used % ring->num].len;
	queue->last_used++;
	return true;
}
