// SPDX-License-Identifier: GPL-2.0-only
/* A serial port: bytes both ways, and its interrupt. */
#include <string.h>

#include <linux/serial_reg.h>

#include "kselftest_harness.h"

#include "serial.h"

FIXTURE(serial)
{
	struct serial serial;
	bool level;
	unsigned int changes, sends;
	char sent[4096];
	unsigned int count;
};

static void line(void *context, bool level)
{
	struct _test_data_serial *self = context;

	self->level = level;
	self->changes++;
}

static void send_bytes(void *context, const uint8_t *data, unsigned int count)
{
	struct _test_data_serial *self = context;

	self->sends++;
	memcpy(self->sent + self->count, data, count);
	self->count += count;
}

FIXTURE_SETUP(serial)
{
	self->serial = (struct serial){ .line = line, .send = send_bytes, .context = self };
}

FIXTURE_TEARDOWN(serial) { }

TEST_F(serial, sends_lines)
{
	const char *at;

	for (at = "one\ntwo"; *at; at++)
		serial_write(&self->serial, UART_TX, *at);
	EXPECT_EQ(4, self->count);
	serial_flush(&self->serial);
	serial_flush(&self->serial);
	EXPECT_EQ(2, self->sends);
	EXPECT_EQ(0, memcmp(self->sent, "one\ntwo", 7));
}

/* Nothing grows if the guest never ends a line. */
TEST_F(serial, long_line)
{
	unsigned int i;

	for (i = 0; i < 2 * SERIAL_BUFFER; i++)
		serial_write(&self->serial, UART_TX, 'x');
	EXPECT_EQ(2 * SERIAL_BUFFER, self->count);
}

TEST_F(serial, receives)
{
	serial_write(&self->serial, UART_IER, UART_IER_RDI);
	serial_receive(&self->serial, (const uint8_t *)"ab", 2);
	EXPECT_TRUE(self->level);
	EXPECT_EQ(UART_IIR_RDI, serial_read(&self->serial, UART_IIR));
	EXPECT_EQ('a', serial_read(&self->serial, UART_RX));
	EXPECT_TRUE(self->level);
	EXPECT_TRUE(serial_read(&self->serial, UART_LSR) & UART_LSR_DR);
	EXPECT_EQ('b', serial_read(&self->serial, UART_RX));
	EXPECT_FALSE(self->level);
	EXPECT_EQ(0, serial_read(&self->serial, UART_RX));
}

TEST_F(serial, full)
{
	uint8_t data[SERIAL_FIFO + 10];
	unsigned int i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i;
	serial_receive(&self->serial, data, sizeof(data));
	EXPECT_EQ(0, serial_room(&self->serial));
	for (i = 0; i < SERIAL_FIFO; i++)
		EXPECT_EQ(i, serial_read(&self->serial, UART_RX));
	EXPECT_EQ(SERIAL_FIFO, serial_room(&self->serial));
}

TEST_F(serial, transmitter_interrupts)
{
	serial_write(&self->serial, UART_IER, UART_IER_THRI);
	EXPECT_TRUE(self->level);
	EXPECT_EQ(UART_IIR_THRI, serial_read(&self->serial, UART_IIR));
	EXPECT_FALSE(self->level);
	EXPECT_EQ(UART_IIR_NO_INT, serial_read(&self->serial, UART_IIR));
	serial_write(&self->serial, UART_TX, 'x');
	EXPECT_TRUE(self->level);
}

TEST_F(serial, loops_back)
{
	serial_write(&self->serial, UART_MCR, UART_MCR_LOOP);
	serial_write(&self->serial, UART_TX, 'x');
	EXPECT_EQ('x', serial_read(&self->serial, UART_RX));
	serial_flush(&self->serial);
	EXPECT_EQ(0, self->count);
}

TEST_F(serial, divisor)
{
	serial_write(&self->serial, UART_LCR, UART_LCR_DLAB);
	serial_write(&self->serial, UART_DLL, 12);
	serial_write(&self->serial, UART_DLM, 34);
	EXPECT_EQ(12, serial_read(&self->serial, UART_DLL));
	EXPECT_EQ(34, serial_read(&self->serial, UART_DLM));
	serial_write(&self->serial, UART_LCR, 0);
	EXPECT_EQ(0, serial_read(&self->serial, UART_IER));
	serial_flush(&self->serial);
	EXPECT_EQ(0, self->count);
}

TEST_HARNESS_MAIN
