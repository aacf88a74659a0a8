// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to ports of which two I/O BARs, side by side, have a part. */
#include <string.h>

#include "kselftest_harness.h"

#include "bars.h"
#include "cmos.h"
#include "exits.h"
#include "function.h"
#include "io_bar.h"
#include "modern.h"
#include "msix.h"

#define FIRST	0xc000
#define SIZE	0x20
#define FUNCTIONS	2

static struct machine machine;
static struct function functions[FUNCTIONS];
/* Of each I/O BAR */
static uint8_t ports[FUNCTIONS][SIZE];

struct function *bars_find_port(struct machine *machine, uint16_t port, unsigned int *offset)
{
	unsigned int number = (port - FIRST) / SIZE;

	if (port < FIRST || number >= FUNCTIONS)
		return NULL;
	*offset = (port - FIRST) % SIZE;
	return &functions[number];
}

void io_bar_read(struct function *function, unsigned int offset, uint8_t *data,
		 unsigned int width)
{
	if (offset + width <= SIZE)
		memcpy(data, ports[function - functions] + offset, width);
}

void io_bar_write(struct function *function, unsigned int offset, const uint8_t *data,
		  unsigned int width)
{
	if (offset + width <= SIZE)
		memcpy(ports[function - functions] + offset, data, width);
}

/* Memory BARs are the fuzzer's subject, and these have tests of their own. */
struct function *bars_find(struct machine *machine, uint64_t address, unsigned int *bar,
			   uint64_t *offset)
{
	return NULL;
}

bool msix_covers(const struct function *function, unsigned int bar, uint64_t offset)
{
	return false;
}

void msix_read(const struct function *function, uint64_t offset, uint8_t *data,
	       unsigned int width)
{
}

void msix_write(struct function *function, uint64_t offset, const uint8_t *data,
		unsigned int width)
{
}

unsigned int modern_part(const struct function *function, unsigned int bar, uint64_t offset,
			 unsigned int width, bool is_write)
{
	return width;
}

bool modern_read(struct function *function, unsigned int bar, uint64_t offset, uint8_t *data,
		 unsigned int width)
{
	return false;
}

bool modern_write(struct function *function, unsigned int bar, uint64_t offset,
		  const uint8_t *data, unsigned int width)
{
	return false;
}

uint64_t function_bar_read(struct function *function, unsigned int bar, uint64_t offset,
			   unsigned int width)
{
	return 0;
}

void function_bar_write(struct function *function, unsigned int bar, uint64_t offset,
			unsigned int width, uint64_t value)
{
}

uint8_t serial_read(struct serial *serial, unsigned int offset)
{
	return 0;
}

void serial_write(struct serial *serial, unsigned int offset, uint8_t value) { }

uint8_t cmos_read(uint8_t index, time_t now)
{
	return 0;
}

FIXTURE(ports) { };

FIXTURE_SETUP(ports)
{
	unsigned int i;

	machine.exit_port = -1;
	for (i = 0; i < FUNCTIONS; i++) {
		functions[i].view.io_bar_size = SIZE;
		memset(ports[i], 0x10 * (i + 1), SIZE);
	}
}

FIXTURE_TEARDOWN(ports) { }

static uint32_t read_ports(uint16_t port, unsigned int width)
{
	uint8_t data[4] = {};

	exits_read_port(&machine, port, data, width);
	return virtio_mmr_get_le32(data);
}

static void write_ports(uint16_t port, unsigned int width, uint32_t value)
{
	uint8_t data[4];

	virtio_mmr_put_le32(data, value);
	exits_write_port(&machine, port, data, width);
}

TEST_F(ports, inside)
{
	EXPECT_EQ(0x10101010, read_ports(FIRST, 4));
	EXPECT_EQ(0x2020, read_ports(FIRST + 2 * SIZE - 2, 2));
	write_ports(FIRST + 4, 4, 0x04030201);
	EXPECT_EQ(0x04030201, read_ports(FIRST + 4, 4));
}

TEST_F(ports, from_nobody_into_a_bar)
{
	EXPECT_EQ(0x1010ffff, read_ports(FIRST - 2, 4));
	write_ports(FIRST - 2, 4, 0x04030201);
	EXPECT_EQ(0x0403, read_ports(FIRST, 2));
}

TEST_F(ports, from_one_bar_into_the_next)
{
	EXPECT_EQ(0x20101010, read_ports(FIRST + SIZE - 3, 4));
	write_ports(FIRST + SIZE - 1, 2, 0x0201);
	EXPECT_EQ(0x01, read_ports(FIRST + SIZE - 1, 1));
	EXPECT_EQ(0x02, read_ports(FIRST + SIZE, 1));
}

TEST_F(ports, over_the_end)
{
	EXPECT_EQ(0xffffff20, read_ports(FIRST + 2 * SIZE - 1, 4));
	write_ports(FIRST + 2 * SIZE - 1, 4, 0x04030201);
	EXPECT_EQ(0x01, read_ports(FIRST + 2 * SIZE - 1, 1));
}

TEST_HARNESS_MAIN
