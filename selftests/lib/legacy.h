/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A legacy virtio driver (virtio 1.4, "Legacy Interface") in user space. It has no knowledge of
 * MMR, and only uses BAR0, the guest's I/O region. It does vfio reads and writes of the widths
 * of a guest's IN and OUT. (The benchmark names another region if vfio-pci has no such BAR0.)
 */
#ifndef SELFTESTS_LEGACY_H
#define SELFTESTS_LEGACY_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include <linux/virtio_mmr.h>

#include "iova.h"
#include "vfio.h"

#define LEGACY_NO_VECTOR	0xffff
#define LEGACY_QUEUE_ALIGN	4096
#define LEGACY_QUEUE_MAX	1024
/* No device has more queues */
#define LEGACY_QUEUES_MAX	0xffff

/* Long enough for an emulated device on a loaded machine */
#define LEGACY_TIMEOUT		5000 /* ms */

struct legacy_buffer {
	uint64_t iova;
	uint32_t size;
	bool device_writes;
};

struct legacy_queue {
	struct vfio_device *device;
	uint16_t index;
	struct vring ring;
	uint64_t iova;
	uint16_t next_free;
	uint16_t last_used;
};

/* Registers of BAR0, 1, 2 or 4 bytes; a failing access ends the test */
uint32_t legacy_read(struct vfio_device *device, unsigned int offset,
		     unsigned int width);
void legacy_write(struct vfio_device *device, unsigned int offset,
		  unsigned int width, uint32_t value);

/* Offset in BAR0 of the device-specific configuration */
unsigned int legacy_config(const struct vfio_device *device);

/* Whether the window has this many bytes of it, even with MSI-X. False if there are none */
bool legacy_has_config(const struct vfio_device *device, unsigned int bytes);

/*
 * Whether parts of a register can be read, and several fields of the device-specific
 * configuration at once. Some devices only answer at the width of each field.
 */
bool legacy_takes_any_width(struct vfio_device *device);

/* Signalling the eventfd notifies the queue; -1 ends that. 0 or a negative error code */
int legacy_ioeventfd(struct vfio_device *device, uint16_t queue, int fd);

/* How many queues there are */
unsigned int legacy_queues(struct vfio_device *device);

uint8_t legacy_status(struct vfio_device *device);
void legacy_reset(struct vfio_device *device);

/*
 * Sets I/O decode, and bus mastering unless the device says otherwise. Resets, and sets
 * ACKNOWLEDGE and DRIVER. Accepts and returns those wanted features (bits 0..31) that the device
 * offers.
 */
uint32_t legacy_start(struct vfio_device *device, uint32_t wanted);

/* DRIVER_OK, once the queues are set up */
void legacy_ready(struct vfio_device *device);

/* Ring memory from the area; vector is LEGACY_NO_VECTOR or an MSI-X vector */
void legacy_queue_start(struct legacy_queue *queue, struct vfio_device *device,
			uint16_t index, struct iova_area *area, uint16_t vector);

/* Bytes that legacy_queue_start() takes for a queue of this many entries */
size_t legacy_queue_bytes(unsigned int entries);

/* Offers one chain of buffers, and notifies the device */
void legacy_queue_add(struct legacy_queue *queue,
		      const struct legacy_buffer *buffers, unsigned int count);
void legacy_queue_kick(struct legacy_queue *queue);

/*
 * Waits for the device to use the next chain. Returns true and the number of bytes that the
 * device reports as written, or false after the time.
 */
bool legacy_queue_wait(struct legacy_queue *queue, unsigned int milliseconds,
		       uint32_t *written);

#endif /* SELFTESTS_LEGACY_H */
