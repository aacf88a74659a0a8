// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Accesses that leave the guest. Each has an answer: what nobody has reads all ones, and takes
 * every write. All arguments are the guest's.
 */
#include <string.h>
#include <time.h>

#include "bars.h"
#include "cmos.h"
#include "exits.h"
#include "io_bar.h"
#include "modern.h"
#include "msix.h"

#define KEYBOARD_COMMAND	0x64
#define KEYBOARD_RESET		0xfe
#define RESET_CONTROL		0xcf9
#define RESET_CONTROL_RESET	0x04

static const uint16_t serial_ports[MACHINE_SERIALS] = { 0x3f8, 0x2f8 };

static struct serial *find_serial(struct machine *machine, uint16_t port, unsigned int *offset)
{
	unsigned int i;

	for (i = 0; i < MACHINE_SERIALS; i++) {
		*offset = port - serial_ports[i];
		if (*offset < SERIAL_PORTS)
			return &machine->serials[i];
	}
	return NULL;
}

static uint8_t read_byte(struct machine *machine, uint16_t port)
{
	unsigned int offset;
	struct serial *serial = find_serial(machine, port, &offset);

	if (serial)
		return serial_read(serial, offset);
	switch (port) {
	case CMOS_PORT_DATA:
		return cmos_read(machine->cmos_index, time(NULL));
	case RESET_CONTROL:
		return 0;
	}
	return 0xff;
}

static void write_byte(struct machine *machine, uint16_t port, uint8_t value)
{
	unsigned int offset;
	struct serial *serial = find_serial(machine, port, &offset);

	if (serial)
		serial_write(serial, offset, value);
	else if (port == CMOS_PORT_INDEX)
		machine->cmos_index = value;
	else if (port == machine->exit_port)
		machine->stop(machine, value);
	else if ((port == KEYBOARD_COMMAND && value == KEYBOARD_RESET) ||
		 (port == RESET_CONTROL && value & RESET_CONTROL_RESET))
		machine->stop(machine, 0);
}

/* Bytes of an access from a port on that one function has, or 0 */
static unsigned int find_part(struct machine *machine, uint16_t port, unsigned int width,
			      struct function **function, unsigned int *offset)
{
	*function = bars_find_port(machine, port, offset);
	if (!*function)
		return 0;
	return width < (*function)->view.io_bar_size - *offset ?
	       width : (*function)->view.io_bar_size - *offset;
}

/**
 * exits_read_port - the guest reads ports
 * @machine: the machine, locked
 * @port: first port
 * @data: where to put the bytes
 * @width: their number, 1, 2 or 4
 */
void exits_read_port(struct machine *machine, uint16_t port, uint8_t *data, unsigned int width)
{
	struct function *function;
	unsigned int offset, part, i;

	if (pci_has_port(port, width)) {
		pci_port_read(&machine->pci, port, data, width);
		return;
	}
	/* An access may begin or end beside a BAR, or in another one. */
	for (i = 0; i < width; i += part) {
		part = find_part(machine, port + i, width - i, &function, &offset);
		if (part) {
			memset(data + i, 0xff, part);
			io_bar_read(function, offset, data + i, part);
		} else {
			data[i] = read_byte(machine, port + i);
			part = 1;
		}
	}
}

/**
 * exits_write_port - the guest writes ports
 * @machine: the machine, locked
 * @port: first port
 * @data: the bytes
 * @width: their number, 1, 2 or 4
 */
void exits_write_port(struct machine *machine, uint16_t port, const uint8_t *data,
		      unsigned int width)
{
	struct function *function;
	unsigned int offset, part, i;

	if (pci_has_port(port, width)) {
		pci_port_write(&machine->pci, port, data, width);
		return;
	}
	for (i = 0; i < width; i += part) {
		part = find_part(machine, port + i, width - i, &function, &offset);
		if (part) {
			io_bar_write(function, offset, data + i, part);
		} else {
			write_byte(machine, port + i, data[i]);
			part = 1;
		}
	}
}

/* Bytes from an offset that can be one access */
static unsigned int aligned(uint64_t offset, unsigned int width)
{
	unsigned int piece = 8;

	while (piece > width || offset % piece)
		piece /= 2;
	return piece;
}

static void read_bar(struct function *function, unsigned int bar, uint64_t offset, uint8_t *data,
		     unsigned int width)
{
	uint64_t value;

	if (msix_covers(function, bar, offset)) {
		msix_read(function, offset, data, width);
	} else if (!modern_read(function, bar, offset, data, width)) {
		value = function_bar_read(function, bar, offset, width);
		memcpy(data, &value, width);
	}
}

static void write_bar(struct function *function, unsigned int bar, uint64_t offset,
		      const uint8_t *data, unsigned int width)
{
	uint64_t value = 0;

	if (msix_covers(function, bar, offset)) {
		msix_write(function, offset, data, width);
	} else if (!modern_write(function, bar, offset, data, width)) {
		memcpy(&value, data, width);
		function_bar_write(function, bar, offset, width, value);
	}
}

/**
 * exits_read_memory - the guest reads at an address without memory
 * @machine: the machine, locked
 * @address: in the guest
 * @data: where to put the bytes
 * @width: their number, at most 8
 */
void exits_read_memory(struct machine *machine, uint64_t address, uint8_t *data,
		       unsigned int width)
{
	struct function *function;
	unsigned int bar, piece;
	uint64_t offset;

	for (; width; width -= piece, address += piece, data += piece) {
		piece = aligned(address, width);
		function = bars_find(machine, address, &bar, &offset);
		if (function) {
			piece = modern_part(function, bar, offset, piece, false);
			read_bar(function, bar, offset, data, piece);
		} else {
			memset(data, 0xff, piece);
		}
	}
}

/**
 * exits_write_memory - the guest writes at an address without memory
 * @machine: the machine, locked
 * @address: in the guest
 * @data: the bytes
 * @width: their number, at most 8
 */
void exits_write_memory(struct machine *machine, uint64_t address, const uint8_t *data,
			unsigned int width)
{
	struct function *function;
	unsigned int bar, piece;
	uint64_t offset;

	for (; width; width -= piece, address += piece, data += piece) {
		piece = aligned(address, width);
		function = bars_find(machine, address, &bar, &offset);
		if (!function)
			continue;
		piece = modern_part(function, bar, offset, piece, true);
		write_bar(function, bar, offset, data, piece);
	}
}
