// SPDX-License-Identifier: GPL-2.0-or-later
/* Serial ports. Whatever the guest sends is sent at once, so its transmitter is always free. */
#include <linux/serial_reg.h>

#include "serial.h"

/* Interrupts by IER bits; the one of received data comes first. */
static uint8_t pending(const struct serial *serial)
{
	if (serial->registers.enable & UART_IER_RDI && serial->count)
		return UART_IIR_RDI;
	if (serial->registers.enable & UART_IER_THRI && serial->is_empty)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update(struct serial *serial)
{
	bool level = pending(serial) != UART_IIR_NO_INT;

	if (level == serial->level)
		return;
	serial->level = level;
	serial->line(serial->context, level);
}

/**
 * serial_flush - send everything that the guest has written
 * @serial: the port
 */
void serial_flush(struct serial *serial)
{
	if (serial->buffered)
		serial->send(serial->context, serial->buffer, serial->buffered);
	serial->buffered = 0;
}

static void transmit(struct serial *serial, uint8_t value)
{
	serial->buffer[serial->buffered++] = value;
	if (value == '\n' || serial->buffered == SERIAL_BUFFER)
		serial_flush(serial);
	serial->is_empty = true;
}

static uint8_t take(struct serial *serial)
{
	uint8_t value;

	if (!serial->count)
		return 0;
	value = serial->fifo[serial->first];
	serial->first = (serial->first + 1) % SERIAL_FIFO;
	serial->count--;
	return value;
}

static uint8_t read_identification(struct serial *serial)
{
	uint8_t value = pending(serial);

	/* Reading it acknowledges this interrupt. */
	if (value == UART_IIR_THRI)
		serial->is_empty = false;
	return value | (serial->has_fifo ? 0xc0 : 0);
}

/**
 * serial_read - the guest reads a register
 * @serial: the port
 * @offset: of the register, below SERIAL_PORTS
 *
 * Return: its value.
 */
uint8_t serial_read(struct serial *serial, unsigned int offset)
{
	bool divisor = serial->registers.line & UART_LCR_DLAB;
	uint8_t value = 0;

	switch (offset) {
	case UART_RX:
		value = divisor ? serial->registers.divisor[0] : take(serial);
		break;
	case UART_IER:
		value = divisor ? serial->registers.divisor[1] : serial->registers.enable;
		break;
	case UART_IIR:
		value = read_identification(serial);
		break;
	case UART_LCR:
		value = serial->registers.line;
		break;
	case UART_MCR:
		value = serial->registers.modem;
		break;
	case UART_LSR:
		value = UART_LSR_TEMT | UART_LSR_THRE | (serial->count ? UART_LSR_DR : 0);
		break;
	case UART_MSR:
		value = UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
		break;
	case UART_SCR:
		value = serial->registers.scratch;
		break;
	}
	update(serial);
	return value;
}

/**
 * serial_write - the guest writes a register
 * @serial: the port
 * @offset: of the register, below SERIAL_PORTS
 * @value: its new value
 */
void serial_write(struct serial *serial, unsigned int offset, uint8_t value)
{
	bool divisor = serial->registers.line & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (divisor)
			serial->registers.divisor[0] = value;
		else if (serial->registers.modem & UART_MCR_LOOP)
			serial_receive(serial, &value, 1);
		else
			transmit(serial, value);
		break;
	case UART_IER:
		if (divisor) {
			serial->registers.divisor[1] = value;
			break;
		}
		/* An empty transmitter interrupts as soon as that is enabled. */
		if (value & ~serial->registers.enable & UART_IER_THRI)
			serial->is_empty = true;
		serial->registers.enable = value & 0x0f;
		break;
	case UART_FCR:
		serial->has_fifo = value & UART_FCR_ENABLE_FIFO;
		if (value & UART_FCR_CLEAR_RCVR)
			serial->count = 0;
		break;
	case UART_LCR:
		serial->registers.line = value;
		break;
	case UART_MCR:
		serial->registers.modem = value & 0x1f;
		break;
	case UART_SCR:
		serial->registers.scratch = value;
		break;
	}
	update(serial);
}

/**
 * serial_room - find out how much the guest can receive now
 * @serial: the port
 *
 * Return: bytes.
 */
unsigned int serial_room(const struct serial *serial)
{
	return SERIAL_FIFO - serial->count;
}

/**
 * serial_receive - bytes arrive for the guest
 * @serial: the port
 * @data: the bytes; those without room are lost
 * @count: their number
 */
void serial_receive(struct serial *serial, const uint8_t *data, unsigned int count)
{
	for (; count && serial_room(serial); count--)
		serial->fifo[(serial->first + serial->count++) % SERIAL_FIFO] = *data++;
	update(serial);
}
