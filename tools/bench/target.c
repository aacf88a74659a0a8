// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "clock.h"
#include "lib/report.h"
#include "target.h"

#define AREA_SIZE	(1 << 18)

#define NET_QUEUE_TRANSMIT	1
#define NET_HEADER_SIZE		10	/* without VIRTIO_NET_F_MRG_RXBUF */
#define NET_FRAME_SIZE		60
#define BLK_HEADER_SIZE		16
#define BLK_SECTOR_SIZE		512
#define RNG_SIZE		64

/* A modern network function, the only type that PEER_DRIVER has */
#define MODERN_NET		0x1041

static void add_buffer(struct target *target, const void *data, uint32_t size,
		       bool device_writes)
{
	void *memory = iova_take(&target->area, size, 16);

	if (data)
		memcpy(memory, data, size);
	target->request[target->request_buffers++] = (struct legacy_buffer){
		.iova = iova_of(&target->area, memory),
		.size = size,
		.device_writes = device_writes,
	};
}

/* To all, of the type for local experiments (IEEE 802), so that nobody answers */
static void make_frame(uint8_t frame[NET_FRAME_SIZE])
{
	memset(frame, 0, NET_FRAME_SIZE);
	memset(frame, 0xff, 6);
	frame[6] = 0x02;
	frame[12] = 0x88;
	frame[13] = 0xb5;
}

/* Returns the queue that takes the request */
static uint16_t make_request(struct target *target, const char *type)
{
	static const uint8_t zeros[BLK_HEADER_SIZE];
	uint8_t frame[NET_FRAME_SIZE];

	target->request_buffers = 0;
	if (!strcmp(type, "net")) {
		make_frame(frame);
		add_buffer(target, zeros, NET_HEADER_SIZE, false);
		add_buffer(target, frame, sizeof(frame), false);
		target->has_config = true;
		return NET_QUEUE_TRANSMIT;
	}
	target->has_config = false;
	if (!strcmp(type, "blk")) {
		/* Read sector 0 */
		add_buffer(target, zeros, BLK_HEADER_SIZE, false);
		add_buffer(target, NULL, BLK_SECTOR_SIZE, true);
		add_buffer(target, NULL, 1, true);
		return 0;
	}
	if (!strcmp(type, "rng")) {
		add_buffer(target, NULL, RNG_SIZE, true);
		return 0;
	}
	fail("%s is of type %s; the benchmark needs net, blk or rng", target->device.bdf, type);
}

/* Where the driver under test is not there to say it */
static void find_registers(struct target *target, const char *bdf)
{
	struct mmr_window window;

	if (strcmp(target->driver, STOCK_DRIVER))
		return;
	if (!sysfs_window(bdf, &window))
		fail("%s has no MMR capability", bdf);
	target->device.registers_region = window.bar;
	target->device.registers_offset = window.offset;
}

const char *target_type(const char *bdf, const char *driver)
{
	const struct mmr_type *type = sysfs_type(bdf);

	if (!strcmp(driver, PEER_DRIVER))
		return sysfs_number(bdf, "device") == MODERN_NET ? "net" : NULL;
	return type ? type->name : NULL;
}

/* For PEER_DRIVER each access to a register is a command, which the PF counts */
static void find_counters(struct target *target, const char *bdf)
{
	char pf[SYSFS_BDF_SIZE];

	if (strcmp(target->driver, PEER_DRIVER)) {
		target->has_counters = qmp_open(&target->qmp, bdf);
		target->reads = "mmr-reads";
		target->writes = "mmr-writes";
		target->notifies = "mmr-notifies";
	} else if (sysfs_physical_function(bdf, pf)) {
		target->has_counters = qmp_open(&target->qmp, pf);
		target->reads = "admin-commands";
		target->writes = "admin-commands";
	}
}

void target_open(struct target *target, const char *bdf, const char *driver)
{
	const char *type;
	uint16_t queue;
	int ret;

	memset(target, 0, sizeof(*target));
	target->driver = driver;
	if (!sysfs_exists(bdf))
		fail("%s: no such PCI function; see lspci -D", bdf);
	type = target_type(bdf, driver);
	if (!type)
		fail("%s: device %04lx:%04lx is no function for %s", bdf,
		     sysfs_number(bdf, "vendor"), sysfs_number(bdf, "device"), driver);
	ret = sysfs_bind(bdf, driver);
	if (ret)
		fail("%s: cannot be bound to %s: %s; see dmesg", bdf, driver, strerror(-ret));

	vfio_container_open(&target->container);
	vfio_device_open(&target->device, &target->container, bdf);
	find_registers(target, bdf);
	iova_map(&target->area, &target->container, IOVA_BASE, AREA_SIZE);
	vfio_msix_enable(&target->device, 1);
	legacy_start(&target->device, 0);
	queue = make_request(target, type);
	legacy_queue_start(&target->queue, &target->device, queue, &target->area,
			   LEGACY_NO_VECTOR);
	legacy_ready(&target->device);
	find_counters(target, bdf);
}

void target_close(struct target *target)
{
	if (target->has_counters)
		qmp_close(&target->qmp);
	legacy_reset(&target->device);
	iova_unmap(&target->area);
	vfio_device_close(&target->device);
	vfio_container_close(&target->container);
}

void target_offer(struct target *target)
{
	legacy_queue_add(&target->queue, target->request, target->request_buffers);
}

/*
 * Never sleeps: where instructions are the clock, time flies while all sleep, and the
 * device would have none to answer in.
 */
bool target_used(struct target *target, unsigned int milliseconds)
{
	uint64_t end = clock_now() + milliseconds * 1000000ull;

	do {
		if (legacy_queue_wait(&target->queue, 0, NULL))
			return true;
	} while (clock_now() < end);
	return false;
}

uint64_t target_position(const struct target *target, unsigned int offset)
{
	const struct vfio_device *device = &target->device;

	return device->regions[device->registers_region].offset +
	       device->registers_offset + offset;
}
