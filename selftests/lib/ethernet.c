// SPDX-License-Identifier: GPL-2.0-only
#include <linux/virtio_net.h>
#include <string.h>

#include "ethernet.h"
#include "report.h"

#define AREA_SIZE	(1 << 18)
#define MAC_SIZE	6
/* Without mergeable buffers the header is 10 bytes, in a buffer of its own */
#define HEADER_SIZE	sizeof(struct virtio_net_hdr)

static uint8_t *buffer(struct ethernet *ethernet, unsigned int index)
{
	return ethernet->receive_buffers +
	       index % ETHERNET_BUFFERS * ETHERNET_BUFFER_SIZE;
}

/* A buffer's first 16 bytes are for the header, the rest is for the frame */
static void offer(struct ethernet *ethernet, unsigned int index)
{
	uint64_t iova = iova_of(&ethernet->area, buffer(ethernet, index));
	const struct legacy_buffer buffers[2] = {
		{
			.iova = iova,
			.size = HEADER_SIZE,
			.device_writes = true,
		}, {
			.iova = iova + 16,
			.size = ETHERNET_BUFFER_SIZE - 16,
			.device_writes = true,
		},
	};

	legacy_queue_add(&ethernet->receive, buffers, 2);
}

bool ethernet_has_mac(struct vfio_device *device)
{
	return !strcmp(sysfs_type(device->bdf)->name, "net") &&
	       legacy_has_config(device, MAC_SIZE) &&
	       legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4) & 1u << VIRTIO_NET_F_MAC;
}

void ethernet_start(struct ethernet *ethernet, struct vfio_device *device,
		    uint64_t iova)
{
	unsigned int i;

	ethernet->device = device;
	ethernet->next = 0;
	iova_map(&ethernet->area, device->container, iova, AREA_SIZE);
	legacy_start(device, 1u << VIRTIO_NET_F_MAC);
	for (i = 0; i < 6; i++)
		ethernet->mac[i] = legacy_read(device, legacy_config(device) + i, 1);
	legacy_queue_start(&ethernet->receive, device, 0, &ethernet->area,
			   device->vectors ? 0 : LEGACY_NO_VECTOR);
	legacy_queue_start(&ethernet->transmit, device, 1, &ethernet->area,
			   device->vectors ? 1 : LEGACY_NO_VECTOR);
	ethernet->receive_buffers =
		iova_take(&ethernet->area, ETHERNET_BUFFERS * ETHERNET_BUFFER_SIZE, 4096);
	ethernet->transmit_buffer =
		iova_take(&ethernet->area, ETHERNET_BUFFER_SIZE, 4096);
	for (i = 0; i < ETHERNET_BUFFERS; i++)
		offer(ethernet, i);
	legacy_ready(device);
	legacy_queue_kick(&ethernet->receive);
}

void ethernet_stop(struct ethernet *ethernet)
{
	legacy_reset(ethernet->device);
	iova_unmap(&ethernet->area);
}

bool ethernet_send(struct ethernet *ethernet, const void *frame, size_t size)
{
	uint64_t iova = iova_of(&ethernet->area, ethernet->transmit_buffer);
	const struct legacy_buffer buffers[2] = {
		{ .iova = iova, .size = HEADER_SIZE },
		{ .iova = iova + 16, .size = size },
	};

	if (size > ETHERNET_BUFFER_SIZE - 16)
		fail("frame of %zu bytes", size);
	memset(ethernet->transmit_buffer, 0, 16);
	memcpy(ethernet->transmit_buffer + 16, frame, size);
	legacy_queue_add(&ethernet->transmit, buffers, 2);
	legacy_queue_kick(&ethernet->transmit);
	return legacy_queue_wait(&ethernet->transmit, LEGACY_TIMEOUT, NULL);
}

const uint8_t *ethernet_receive(struct ethernet *ethernet,
				unsigned int milliseconds, size_t *size)
{
	uint32_t written;

	/* The buffer from the last call goes back first */
	if (ethernet->next) {
		offer(ethernet, ethernet->next - 1);
		legacy_queue_kick(&ethernet->receive);
	}
	if (!legacy_queue_wait(&ethernet->receive, milliseconds, &written))
		fail("%s: no frame within %u ms", ethernet->device->bdf, milliseconds);
	if (written < HEADER_SIZE)
		fail("%s: a frame of %u bytes with its header", ethernet->device->bdf,
		     written);
	*size = written - HEADER_SIZE;
	return buffer(ethernet, ethernet->next++) + 16;
}
