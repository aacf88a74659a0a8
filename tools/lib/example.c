// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A function that exists only in memory: its guest's view, and a port access. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <virtio_mmr.h>

/* Configuration space: an MMR capability at 0x100, bare form, BAR 2, 0x100 bytes */
static uint8_t config[4096] = {
	[0x100] = 0x0b, [0x102] = 0x01, [0x104] = 10, [0x105] = 2, [0x111] = 0x01,
};

static uint8_t registers[0x100] = { [0x0c] = 0x80 };	/* a queue of 128 entries */

static bool read_config(void *context, unsigned int position, uint32_t *value)
{
	*value = virtio_mmr_get_le32((uint8_t *)context + position);
	return true;
}

static uint32_t read_register(void *context, uint32_t offset, uint32_t width)
{
	uint8_t raw[4] = { 0 };

	memcpy(raw, (uint8_t *)context + offset, width);
	return virtio_mmr_get_le32(raw);
}

static void write_register(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
	uint8_t raw[4];

	virtio_mmr_put_le32(raw, value);
	memcpy((uint8_t *)context + offset, raw, width);
}

static void notify(void *context, uint16_t queue)
{
	(void)context;
	printf("queue %u is notified\n", queue);
}

int main(void)
{
	struct virtio_mmr_port_ops ops = { read_register, write_register, notify };
	struct virtio_mmr_space space = { .read = read_config, .context = config, .size = 4096 };
	struct virtio_mmr_lists lists;	/* room for work */
	struct virtio_mmr_scan scan = { 0 };
	struct virtio_mmr_view view;
	uint8_t data[2] = { 1, 0 };

	virtio_mmr_function_set_bar(&scan.function, 2, 0x1000,
				    VIRTIO_MMR_BAR_FLAG_MEMORY | VIRTIO_MMR_BAR_FLAG_ASSIGNED);
	virtio_mmr_space_find_known(&space);
	virtio_mmr_scan_run(&scan, &space, &lists, 0x1af4, VIRTIO_MMR_DEVICE_NET, NULL);
	if (scan.verdict != VIRTIO_MMR_SCAN_USABLE)
		return 1;
	virtio_mmr_view_init(&view, &scan, NULL);
	printf("the guest sees device 0x%02x%02x\n", virtio_mmr_view_read(&view, 3, config[3]),
	       virtio_mmr_view_read(&view, 2, config[2]));

	struct virtio_mmr_port port = { &ops, registers, scan.cap.length, { false } };

	virtio_mmr_port_write(&port, VIRTIO_MMR_QUEUE_NOTIFY, data, 2);
	virtio_mmr_port_read(&port, VIRTIO_MMR_QUEUE_SIZE, data, 2);
	printf("its queue has %u entries\n", virtio_mmr_get_le16(data));
	return 0;
}
