/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio net by the legacy driver: Ethernet frames in and out. */
#ifndef SELFTESTS_ETHERNET_H
#define SELFTESTS_ETHERNET_H

#include "legacy.h"

#define ETHERNET_BUFFERS	8
#define ETHERNET_BUFFER_SIZE	2048

struct ethernet {
	struct vfio_device *device;
	struct iova_area area;
	struct legacy_queue receive, transmit;
	uint8_t mac[6];
	uint8_t *receive_buffers, *transmit_buffer;
	unsigned int next;
};

/* A net function with a MAC address, which is in the window */
bool ethernet_has_mac(struct vfio_device *device);

/* Receive queue on MSI-X vector 0 and transmit queue on 1, if MSI-X is on */
void ethernet_start(struct ethernet *ethernet, struct vfio_device *device,
		    uint64_t iova);
void ethernet_stop(struct ethernet *ethernet);

/* True once the device has taken the frame */
bool ethernet_send(struct ethernet *ethernet, const void *frame, size_t size);

/* The next frame, valid until the next call; fails the test if none comes */
const uint8_t *ethernet_receive(struct ethernet *ethernet,
				unsigned int milliseconds, size_t *size);

#endif /* SELFTESTS_ETHERNET_H */
