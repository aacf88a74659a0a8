/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL_PORTS	8
#define SERIAL_FIFO	64
#define SERIAL_BUFFER	1024

/**
 * struct serial - a serial port, a 16550A
 * @line: called with the level of the interrupt when it changes
 * @send: called with bytes that the guest has sent
 * @context: for both
 * @registers: of the guest: interrupt enable, line control, modem control, scratch, divisor
 * @has_fifo: the guest has enabled it
 * @is_empty: the guest has not seen yet that its bytes are sent
 * @level: of the interrupt
 * @fifo: received bytes
 * @first: of @fifo
 * @count: of @fifo
 * @buffer: bytes that wait for @send
 * @buffered: their number
 */
struct serial {
	void (*line)(void *context, bool level);
	void (*send)(void *context, const uint8_t *data, unsigned int count);
	void *context;
	struct {
		uint8_t enable, line, modem, scratch, divisor[2];
	} registers;
	bool has_fifo, is_empty, level;
	uint8_t fifo[SERIAL_FIFO];
	unsigned int first, count;
	uint8_t buffer[SERIAL_BUFFER];
	unsigned int buffered;
};

uint8_t serial_read(struct serial *serial, unsigned int offset);
void serial_write(struct serial *serial, unsigned int offset, uint8_t value);
unsigned int serial_room(const struct serial *serial);
void serial_receive(struct serial *serial, const uint8_t *data, unsigned int count);
void serial_flush(struct serial *serial);

#endif /* SERIAL_H */
