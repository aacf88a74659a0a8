// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A function that vfio-pci serves, as the guest sees it: configuration space by the core's view,
 * and accesses to its BARs. Without a driver of the host in between, a guest could turn off its
 * memory, and accesses of this program would fail. So the function always decodes its BARs and
 * never sleeps, whatever the guest reads back. If the project's driver serves the function, the
 * view is the driver's.
 */
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "bars.h"
#include "function.h"
#include "intx.h"
#include "msix.h"
#include "notify.h"

#define COMMAND_HIGH_INTX_DISABLE	(PCI_COMMAND_INTX_DISABLE >> 8)
/* One access each, of exactly this width */
#define LOAD(type, at)		__atomic_load_n((type *)(at), __ATOMIC_RELAXED)
#define STORE(type, at, value)	__atomic_store_n((type *)(at), value, __ATOMIC_RELAXED)

#define DEVCTL_HIGH_FLR			(PCI_EXP_DEVCTL_BCR_FLR >> 8)

/**
 * function_bar_read - read from a BAR of the function
 * @function: the function
 * @bar: number
 * @offset: in it
 * @width: 1, 2, 4 or 8 bytes at an offset that is a multiple of that
 *
 * Return: the value, all ones beyond the BAR or without an answer.
 */
uint64_t function_bar_read(struct function *function, unsigned int bar, uint64_t offset,
			   unsigned int width)
{
	const struct function_bar *from = &function->bars[bar];
	uint64_t value = 0;

	if (width > from->size || offset > from->size - width)
		return ~0ull;
	/* The driver follows accesses to the modern registers, so it must see them. */
	if (!from->mapping || function->by_driver) {
		if (pread(function->device, &value, width, from->position + offset) != width)
			return ~0ull;
		return value;
	}
	switch (width) {
	case 1:
		return LOAD(uint8_t, from->mapping + offset);
	case 2:
		return LOAD(uint16_t, from->mapping + offset);
	case 4:
		return LOAD(uint32_t, from->mapping + offset);
	default:
		return LOAD(uint64_t, from->mapping + offset);
	}
}

/**
 * function_bar_write - write to a BAR of the function
 * @function: the function
 * @bar: number
 * @offset: in it
 * @width: 1, 2, 4 or 8 bytes at an offset that is a multiple of that
 * @value: the value, which is dropped beyond the BAR
 */
void function_bar_write(struct function *function, unsigned int bar, uint64_t offset,
			unsigned int width, uint64_t value)
{
	const struct function_bar *to = &function->bars[bar];

	if (width > to->size || offset > to->size - width)
		return;
	if (!to->mapping || function->by_driver) {
		/* A function without an answer drops it, as on a bus. */
		if (pwrite(function->device, &value, width, to->position + offset) < 0)
			return;
		return;
	}
	switch (width) {
	case 1:
		STORE(uint8_t, to->mapping + offset, value);
		break;
	case 2:
		STORE(uint16_t, to->mapping + offset, value);
		break;
	case 4:
		STORE(uint32_t, to->mapping + offset, value);
		break;
	default:
		STORE(uint64_t, to->mapping + offset, value);
		break;
	}
}

static uint32_t read_register(void *context, uint32_t offset, uint32_t width)
{
	struct function *function = context;

	return function_bar_read(function, function->scan.cap.bar,
				 function->scan.cap.offset + offset, width);
}

static void write_register(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
	struct function *function = context;

	function_bar_write(function, function->scan.cap.bar, function->scan.cap.offset + offset,
			   width, value);
}

static void notify(void *context, uint16_t queue)
{
	notify_exit(context, queue);
}

const struct virtio_mmr_port_ops function_registers = {
	.read = read_register, .write = write_register, .notify = notify,
};

static void physical_read(struct function *function, unsigned int position, uint8_t *data,
			  unsigned int width)
{
	if (pread(function->device, data, width, function->config_position + position) != width)
		memset(data, 0xff, width);
}

/*
 * Neighbours are written at once: a function acts on each write to a register, such as the data of
 * VIRTIO_PCI_CAP_PCI_CFG.
 */
static void physical_write(struct function *function, unsigned int position, const uint8_t *data,
			   unsigned int width)
{
	/* A function that does not answer drops it. */
	if (pwrite(function->device, data, width, function->config_position + position) < 0)
		return;
}

/**
 * function_config_read - the guest reads configuration space
 * @context: the function
 * @position: in bytes
 * @data: where to put the bytes
 * @width: their number, at most 4
 */
void function_config_read(void *context, unsigned int position, uint8_t *data,
			  unsigned int width)
{
	struct function *function = context;
	unsigned int i;

	physical_read(function, position, data, width);
	for (i = 0; i < width; i++) {
		unsigned int at = position + i;

		if (!function->by_driver)
			data[i] = virtio_mmr_view_read(&function->view, at, data[i]);
		if (at == PCI_COMMAND)
			data[i] = (data[i] & ~PCI_COMMAND_MEMORY) |
				  (function->command_memory ? PCI_COMMAND_MEMORY : 0);
		else if (function->scan.msix_flags && at == function->scan.msix_flags + 1u)
			data[i] = msix_read_control(function, data[i]);
	}
}

/* What the bytes of one write have led to */
struct outcome {
	uint8_t data[4];	/* for the function */
	bool forward[4];	/* it gets this one */
	bool moved;		/* places of BARs may have changed */
	bool reset;		/* the function resets itself */
};

static void write_byte(struct function *function, unsigned int position, uint8_t byte,
		       unsigned int number, struct outcome *outcome)
{
	uint8_t *forward = &outcome->data[number];

	*forward = byte;
	if (function->scan.msix_flags && position == function->scan.msix_flags + 1u) {
		msix_write_control(function, byte);
		return;
	}
	if (!function->by_driver) {
		*forward = virtio_mmr_view_write(&function->view, position, byte);
		if (virtio_mmr_view_owner(&function->view, position) == VIRTIO_MMR_VIEW_BAR) {
			outcome->moved = true;
			return;
		}
	}
	if (position == PCI_COMMAND) {
		function->command_memory = byte & PCI_COMMAND_MEMORY;
		*forward |= PCI_COMMAND_MEMORY;
	} else if (position == PCI_COMMAND + 1) {
		intx_disable(function, byte & COMMAND_HIGH_INTX_DISABLE);
	}
	if (virtio_mmr_fields_have(&function->power_fields, position))
		*forward &= ~PCI_PM_CTRL_STATE_MASK;
	outcome->forward[number] = true;
	outcome->reset |= (virtio_mmr_fields_have(&function->express_resets, position) &&
			   byte & DEVCTL_HIGH_FLR) ||
			  (virtio_mmr_fields_have(&function->af_resets, position) &&
			   byte & PCI_AF_CTRL_FLR);
	outcome->moved |= position == PCI_COMMAND ||
			  position - PCI_BASE_ADDRESS_0 < 4 * FUNCTION_BARS;
}

/**
 * function_config_write - the guest writes configuration space
 * @context: the function
 * @position: in bytes
 * @data: the bytes
 * @width: their number, at most 4
 */
void function_config_write(void *context, unsigned int position, const uint8_t *data,
			   unsigned int width)
{
	struct function *function = context;
	struct outcome outcome = {};
	unsigned int i, count;

	for (i = 0; i < width; i++)
		write_byte(function, position + i, data[i], i, &outcome);
	for (i = 0; i < width; i += count) {
		for (count = 0; i + count < width && outcome.forward[i + count]; count++)
			;
		if (count)
			physical_write(function, position + i, &outcome.data[i], count);
		else
			count = 1;
	}
	if (outcome.reset)
		intx_was_reset(function);
	if (outcome.moved)
		bars_update(function->machine);
}

/**
 * function_config_dword - read a register as the guest would
 * @function: the function
 * @position: in bytes, a multiple of 4
 *
 * Return: its value.
 */
uint32_t function_config_dword(struct function *function, unsigned int position)
{
	uint8_t raw[4];

	function_config_read(function, position, raw, sizeof(raw));
	return virtio_mmr_get_le32(raw);
}

/**
 * function_enable_master - let the function access memory
 * @function: the function
 *
 * Old drivers never set COMMAND.MASTER, and emulated devices work without.
 */
void function_enable_master(struct function *function)
{
	uint8_t command;

	physical_read(function, PCI_COMMAND, &command, 1);
	if (command & PCI_COMMAND_MASTER)
		return;
	command |= PCI_COMMAND_MASTER;
	physical_write(function, PCI_COMMAND, &command, 1);
}

/**
 * function_start - prepare a function that was scanned
 * @function: with fields up to @bars and @scan; its interrupt and slot are known
 */
void function_start(struct function *function)
{
	uint8_t command, line = function->intx.irq;

	function->intx.vectors.config = VIRTIO_MMR_NO_VECTOR;
	function->intx.state.connected = true;
	virtio_mmr_view_init(&function->view, &function->scan,
			     function->by_driver ? NULL : &function->intx.state);
	physical_read(function, PCI_COMMAND, &command, 1);
	command |= PCI_COMMAND_MEMORY;
	physical_write(function, PCI_COMMAND, &command, 1);
	physical_write(function, PCI_INTERRUPT_LINE, &line, 1);
	bars_divide(function);
	function->machine->pci.slots[function->slot] = (struct pci_slot){
		.read = function_config_read,
		.write = function_config_write,
		.context = function,
	};
}
