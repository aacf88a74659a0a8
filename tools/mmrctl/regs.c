// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * regs: the legacy registers, decoded.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_features.h"
#include "paths.h"
#include "vfio.h"

#define QUEUES_MAX	1024

struct queue {
	u16 size;
	u32 address;
};

/**
 * struct registers - what was read
 * @features: device features
 * @driver_features: accepted features; there is no driver, so the device shows its reset value
 * @status: device status
 * @queues: up to the first one that is not there
 * @queue_count: of them
 * @config: device-specific configuration
 * @config_size: bytes of it inside BAR0
 */
struct registers {
	u32 features, driver_features;
	u8 status;
	struct queue queues[QUEUES_MAX];
	size_t queue_count;
	u8 config[VIRTIO_MMR_IO_BAR_SIZE_MAX];
	size_t config_size;
};

static u64 get_le(const u8 *bytes, size_t width)
{
	u64 value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

static bool read_register(const struct vfio_device *device, unsigned int offset,
			  unsigned int width, u64 *value)
{
	u8 bytes[8];

	if (!vfio_read(device, &device->bar0, offset, bytes, width))
		return false;
	*value = get_le(bytes, width);
	return true;
}

/* A recorded tree has no device that follows the selection. */
static u16 recorded_size(const char *bdf, unsigned int queue)
{
	struct path path = root_path("vfio/%s.queue%u", bdf, queue);

	return read_number(&path, 0);
}

static bool read_queues(const struct vfio_device *device, struct registers *registers)
{
	u16 index = 0;
	u64 value;

	for (; registers->queue_count < QUEUES_MAX; registers->queue_count++) {
		struct queue *queue = &registers->queues[registers->queue_count];
		u8 select[2] = { registers->queue_count & 0xff, registers->queue_count >> 8 };

		if (!vfio_write(device, &device->bar0, VIRTIO_MMR_QUEUE_SELECT, select, 2) ||
		    !read_register(device, VIRTIO_MMR_QUEUE_SIZE, 2, &value))
			return false;
		queue->size = paths_are_recorded() ?
			recorded_size(device->bdf, registers->queue_count) : value;
		if (!queue->size)
			break;
		if (!read_register(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, &value))
			return false;
		queue->address = value;
	}
	return vfio_write(device, &device->bar0, VIRTIO_MMR_QUEUE_SELECT, &index, 2);
}

/* Reads only the fields of the type: reading beyond them may do anything */
static bool read_config(const struct vfio_device *device, struct registers *registers,
			u16 virtio_id)
{
	const struct field *field = NULL;

	while ((field = next_field(virtio_id, field))) {
		u8 *bytes = registers->config + field->offset;
		size_t width = field->width;

		/* Text, whose length is in the bytes before it */
		if (!width && field->offset <= registers->config_size) {
			if (!vfio_read(device, &device->bar0,
				       VIRTIO_MMR_COMMON_SIZE + field->offset - 2, bytes - 2, 2))
				return false;
			width = get_le(bytes - 2, 2);
		}
		if (field->offset + width <= registers->config_size && width &&
		    !vfio_read(device, &device->bar0, VIRTIO_MMR_COMMON_SIZE + field->offset,
			       bytes, width))
			return false;
	}
	return true;
}

static bool read_registers(const struct vfio_device *device, struct registers *registers,
			   u16 virtio_id)
{
	u8 command[2];
	u64 value;

	/* As a guest's firmware does. Before that, ports read all ones. */
	if (!vfio_read(device, &device->config, PCI_COMMAND, command, 2))
		return false;
	command[0] |= PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	if (!vfio_write(device, &device->config, PCI_COMMAND, command, 2))
		return false;

	*registers = (struct registers){};
	if (!read_register(device, VIRTIO_MMR_DEVICE_FEATURES, 4, &value))
		return false;
	registers->features = value;
	if (!read_register(device, VIRTIO_MMR_DRIVER_FEATURES, 4, &value))
		return false;
	registers->driver_features = value;
	if (!read_register(device, VIRTIO_MMR_DEVICE_STATUS, 1, &value))
		return false;
	registers->status = value;
	if (!read_queues(device, registers))
		return false;

	/* MSI-X is disabled when a function has just been opened */
	if (device->bar0.size <= VIRTIO_MMR_COMMON_SIZE)
		return true;
	registers->config_size = device->bar0.size - VIRTIO_MMR_COMMON_SIZE;
	if (registers->config_size > sizeof(registers->config) - VIRTIO_MMR_COMMON_SIZE)
		registers->config_size = sizeof(registers->config) - VIRTIO_MMR_COMMON_SIZE;
	return read_config(device, registers, virtio_id);
}

/* A field's value as JSON, NULL if the device has not got the field */
static json_t *field_value(const struct registers *registers, const struct field *field)
{
	const u8 *bytes = registers->config + field->offset;
	char text[VIRTIO_MMR_IO_BAR_SIZE_MAX];
	size_t width = field->width;

	if (field->feature != FIELD_ALWAYS && !(registers->features >> field->feature & 1))
		return NULL;
	if (!width && field->offset <= registers->config_size)
		width = get_le(bytes - 2, 2);
	if (field->offset + width > registers->config_size || width >= sizeof(text))
		return NULL;

	if (field->width == 6) {
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1],
			 bytes[2], bytes[3], bytes[4], bytes[5]);
		return json_string(text);
	}
	if (!field->width) {
		memcpy(text, bytes, width);
		text[width] = '\0';
		make_printable(text);
		return json_string(text);
	}
	return json_integer(get_le(bytes, width));
}

static json_t *registers_as_json(const struct function *function,
				 const struct registers *registers)
{
	json_t *names = json_array(), *queues = json_array(), *config = json_object();
	const struct field *field = NULL;
	const u16 id = function->scan.identity->virtio_id;
	unsigned int bit;
	size_t i;

	for (bit = 0; bit < 32; bit++)
		if (registers->features >> bit & 1 && feature_name(id, bit))
			json_array_append_new(names, json_string(feature_name(id, bit)));
	for (i = 0; i < registers->queue_count; i++)
		json_array_append_new(queues, make_json("{s:i, s:I}",
							"size", registers->queues[i].size,
							"address",
							(json_int_t)registers->queues[i].address));
	while ((field = next_field(id, field))) {
		json_t *value = field_value(registers, field);

		if (value)
			json_object_set_new(config, field->name, value);
	}
	return make_json("{s:s, s:s, s:I, s:o, s:I, s:i, s:o, s:o}",
			 "bdf", function->bdf, "type", function->scan.identity->name,
			 "device_features", (json_int_t)registers->features,
			 "feature_names", names,
			 "driver_features", (json_int_t)registers->driver_features,
			 "device_status", registers->status,
			 "queues", queues, "device_config", config);
}

static void print_registers(const struct function *function,
			    const struct registers *registers)
{
	const struct field *field = NULL;
	const u16 id = function->scan.identity->virtio_id;
	unsigned int bit;
	size_t i;

	printf("%s virtio %s, just reset, as mmrctl has opened it\n", function->bdf,
	       function->scan.identity->name);
	printf("  0x00  device features  0x%08x\n", registers->features);
	for (bit = 0; bit < 32; bit++) {
		const char *name = feature_name(id, bit);

		if (registers->features >> bit & 1)
			printf("                         %2u %s\n", bit, name ? name : "(no name)");
	}
	printf("  0x04  driver features  0x%08x\n", registers->driver_features);
	printf("  0x08  queue address    page 0x%x\n",
	       registers->queue_count ? registers->queues[0].address : 0);
	printf("  0x0c  queue size      ");
	for (i = 0; i < registers->queue_count; i++)
		printf("%s%zu: %u", i ? ", " : " queue ", i, registers->queues[i].size);
	printf("%s\n", registers->queue_count ? "" : " no queues");
	puts("  0x0e  queue select     written to look at each queue, then 0");
	puts("  0x10  queue notify     not read: it means nothing");
	printf("  0x12  device status    0x%02x\n", registers->status);
	puts("  0x13  ISR status       not read: reading clears it");
	printf("  0x14  device configuration, %zu bytes to the end of BAR0\n",
	       registers->config_size);
	while ((field = next_field(id, field))) {
		json_t *value = field_value(registers, field);

		if (json_is_string(value))
			printf("  0x%02x    %-20s %s\n", VIRTIO_MMR_COMMON_SIZE + field->offset,
			       field->name, json_string_value(value));
		else if (value)
			printf("  0x%02x    %-20s %" JSON_INTEGER_FORMAT "\n",
			       VIRTIO_MMR_COMMON_SIZE + field->offset, field->name,
			       json_integer_value(value));
		json_decref(value);
	}
}

int verb_regs(const struct request *request)
{
	struct registers *registers = malloc(sizeof(*registers));
	struct vfio_device device;
	struct functions found;
	int status;

	status = functions_load(&found, request);
	if (status) {
		free(registers);
		return status;
	}
	if (function_is_foreign(&found.list[0])) {
		complain("%s: is no MMR function and has no legacy registers: %s",
			 found.list[0].bdf, found.list[0].reason);
		status = STATUS_NOT_FOUND;
	/* vfio-pci shows no legacy registers; the driver takes no other IDs */
	} else if (strcmp(found.list[0].driver, MMR_DRIVER) || !found.list[0].scan.identity) {
		complain("%s: bound to %s, not to " MMR_DRIVER "; first 'mmrctl bind %s'",
			 found.list[0].bdf,
			 *found.list[0].driver ? found.list[0].driver : "no driver",
			 found.list[0].bdf);
		status = STATUS_UNUSABLE;
	} else {
		status = vfio_open(&device, &found.list[0]);
	}
	if (!status) {
		if (!registers || !read_registers(&device, registers,
						  found.list[0].scan.identity->virtio_id)) {
			status = STATUS_FAILED;
		} else if (request->json) {
			status = print_json(registers_as_json(&found.list[0], registers));
		} else {
			print_registers(&found.list[0], registers);
			status = finish_output();
		}
		vfio_close(&device);
	}
	free(registers);
	functions_release(&found);
	return status;
}
