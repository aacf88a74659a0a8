// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the guest's view of configuration space by reads and writes of any kind. The model
 * follows Documentation/device.rst and keeps whole registers.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_mmr.h>

#include "virtio_mmr/macros.h"
#include "virtio_mmr/view.h"

struct model {
	u8 physical[VIRTIO_MMR_CONFIG_SIZE];
	bool command_io;
	u32 io_address, moved_address;
	u32 io_size, moved_size;
	/* 0 if BAR0 was not moved, else its number for the guest */
	unsigned int moved_to;
	bool hidden, upper_half;
};

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static u8 byte_of(u32 value, unsigned int at)
{
	return value >> at % 4 * 8;
}

static void set_byte(u32 *value, unsigned int at, u8 byte)
{
	u8 bytes[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		bytes[i] = byte_of(*value, i);
	bytes[at % 4] = byte;
	*value = virtio_mmr_get_le32(bytes);
}

static u8 for_guest(const struct model *model, u8 bar)
{
	if (model->moved_to && bar == 0)
		return model->moved_to;
	if (model->moved_to && bar == model->moved_to)
		return 0;
	if (model->hidden && bar == 7)
		return 0;
	return bar;
}

static u8 for_device(const struct model *model, u8 bar)
{
	if (model->moved_to && bar == model->moved_to)
		return 0;
	if (model->moved_to && bar == 0)
		return model->moved_to;
	if (model->hidden && bar == 0)
		return 7;
	return bar;
}

static bool is_in_register(unsigned int position, unsigned int bar)
{
	return position >= 0x10 + 4 * bar && position < 0x14 + 4 * bar;
}

/* MSI-X is at 0x40, the vendor capability at 0x50, the one with the window at 0x70 */
static u8 model_read(const struct model *model, unsigned int position)
{
	static const u8 fixed[][2] = {
		{ 0x02, 0x01 }, { 0x03, 0x10 }, { 0x08, 0 }, { 0x2c, 0xf4 }, { 0x2d, 0x1a },
		{ 0x2e, 2 }, { 0x2f, 0 }, { 0x3d, 0 },
	};
	u8 physical = model->physical[position];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i][0] == position)
			return fixed[i][1];
	if (position == 4)
		return (physical & 0xfe) | model->command_io;
	if (is_in_register(position, 0))
		return byte_of((model->io_address & -model->io_size) | 1, position);
	if (model->moved_to && is_in_register(position, model->moved_to))
		return byte_of(model->moved_address & -model->moved_size, position);
	if (model->upper_half && is_in_register(position, 1))
		return 0;
	if (position == 0x44 || position == 0x48)
		return (physical & 0xf8) | for_guest(model, physical & 7);
	if (position == 0x54 || position == 0x74)
		return for_guest(model, physical);
	return physical;
}

static void model_write(struct model *model, unsigned int position, u8 byte)
{
	if (position == 4) {
		model->command_io = byte & 1;
		model->physical[position] = byte & 0xfe;
	} else if (is_in_register(position, 0)) {
		set_byte(&model->io_address, position, byte);
	} else if (model->moved_to && is_in_register(position, model->moved_to)) {
		set_byte(&model->moved_address, position, byte);
	} else if (model->upper_half && is_in_register(position, 1)) {
		;
	} else if (position == 0x74) {
		model->physical[position] = for_device(model, byte);
	} else {
		model->physical[position] = byte;
	}
}

static void set_up(struct virtio_mmr_scan *scan, struct model *model, const u8 *data)
{
	memset(model, 0, sizeof(*model));
	scan->identity = virtio_mmr_identify(VIRTIO_MMR_DEVICE_BLOCK);
	scan->cap.length = 20 + data[1] * 4;
	scan->msix_flags = 0x42;
	virtio_mmr_fields_add(&scan->bar_fields, 0x54);
	virtio_mmr_fields_add(&scan->bar_fields, 0x74);
	virtio_mmr_fields_add(&scan->window_fields, 0x74);
	model->io_size = virtio_mmr_io_bar_size(scan->cap.length);
	if (data[0] & 1) {
		scan->function.bar_kind[1] = VIRTIO_MMR_BAR_UPPER_HALF;
		model->upper_half = true;
	}
	if (data[0] & 2) {
		scan->placement.fate = VIRTIO_MMR_BAR0_HIDDEN;
		model->hidden = true;
	} else if (data[0] & 4) {
		model->moved_to = model->upper_half ? 1 : 1 + data[2] % 5;
		model->moved_size = 16u << data[3] % 28;
		scan->placement.fate = VIRTIO_MMR_BAR0_MOVED;
		scan->placement.slot = model->moved_to;
		scan->function.bar_size[0] = model->moved_size;
	}
}

/* Input: four bytes of set-up, then pairs of a position and a byte. A flag selects the operation */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct virtio_mmr_scan scan = {};
	struct virtio_mmr_view view;
	struct model model;
	size_t i;

	if (size < 4)
		return 0;
	set_up(&scan, &model, data);
	virtio_mmr_view_init(&view, &scan, NULL);
	for (i = 4; i + 3 <= size; i += 3) {
		unsigned int position = data[i + 1];
		u8 byte = data[i + 2];

		if (data[i] & 1) {
			enum virtio_mmr_view_owner owner = virtio_mmr_view_owner(&view, position);
			u8 forwarded = virtio_mmr_view_write(&view, position, byte);
			u8 before = model.physical[position];

			model_write(&model, position, byte);
			if (owner == VIRTIO_MMR_VIEW_BAR)
				expect(model.physical[position] == before);
			else
				expect(model.physical[position] == forwarded);
		} else if (data[i] & 2) {
			/* The function has changed the byte by itself */
			model.physical[position] = byte;
		} else if (data[i] == 4) {
			virtio_mmr_view_reset(&view);
			model.command_io = false;
			model.io_address = 0;
			model.moved_address = 0;
		}
		for (position = 0; position < VIRTIO_MMR_CONFIG_SIZE; position++)
			expect(virtio_mmr_view_read(&view, position, model.physical[position]) ==
			       model_read(&model, position));
		position = VIRTIO_MMR_CONFIG_SIZE + byte * 16;
		expect(virtio_mmr_view_read(&view, position, byte) == byte);
		expect(virtio_mmr_view_owner(&view, position) == VIRTIO_MMR_VIEW_FUNCTION);
	}
	return 0;
}
