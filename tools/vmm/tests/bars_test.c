// SPDX-License-Identifier: GPL-2.0-only
/* Places that a guest gives memory BARs, and what KVM gets of them. */
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "kselftest_harness.h"

#include "bars.h"
#include "function.h"
#include "host.h"
#include "message.h"
#include "notify.h"

#define BAR		4
#define SIZE		0x4000
#define RAM		0x10000000ull	/* 256 MiB */

static struct machine machine = { .size = RAM, .num_functions = 1 };
static struct function function = { .machine = &machine };
static uint8_t memory[SIZE];
/* The guest's register, of 64 bits */
static uint64_t address;
static uint64_t mapped;

void message(const char *format, ...) { }

int host_map(int vm, uint32_t slot, uint64_t at, uint64_t size, void *from)
{
	mapped = size ? at : 0;
	return 0;
}

void notify_move(struct function *function, bool on, uint16_t port) { }

void function_config_write(void *context, unsigned int position, const uint8_t *data,
			   unsigned int width)
{
}

uint32_t function_config_dword(struct function *function, unsigned int position)
{
	if (position == PCI_BASE_ADDRESS_0 + 4 * BAR)
		return address | PCI_BASE_ADDRESS_MEM_TYPE_64;
	return position == PCI_BASE_ADDRESS_0 + 4 * BAR + 4 ? address >> 32 : 0;
}

FIXTURE(places) { };

FIXTURE_SETUP(places)
{
	machine.functions[0] = &function;
	function.command_memory = true;
	function.bars[BAR] = (struct function_bar){ .size = SIZE, .mapping = memory };
	function.scan.function.bar_kind[BAR] = VIRTIO_MMR_BAR_MEMORY;
	bars_divide(&function);
}

FIXTURE_TEARDOWN(places) { }

static bool is_there(uint64_t at)
{
	uint64_t offset;
	unsigned int bar;

	address = at;
	bars_update(&machine);
	return mapped == at && bars_find(&machine, at + SIZE - 1, &bar, &offset) == &function &&
	       bar == BAR && offset == SIZE - 1;
}

static bool is_nowhere(uint64_t at)
{
	uint64_t offset;
	unsigned int bar;

	address = at;
	bars_update(&machine);
	return !mapped && !bars_find(&machine, at, &bar, &offset);
}

/* All between memory and the interrupt controllers, and from 4 GiB on */
TEST_F(places, are_the_guests_choice)
{
	EXPECT_TRUE(is_there(RAM));
	EXPECT_TRUE(is_there(0x80000000));
	EXPECT_TRUE(is_there(0xc0000000));
	EXPECT_TRUE(is_there(0xfec00000 - SIZE));
	EXPECT_TRUE(is_there(0x100000000));
	EXPECT_TRUE(is_there(0x1000000000 - SIZE));
}

TEST_F(places, are_refused)
{
	EXPECT_TRUE(is_nowhere(0));
	EXPECT_TRUE(is_nowhere(RAM - SIZE));
	EXPECT_TRUE(is_nowhere(0xfec00000));
	EXPECT_TRUE(is_nowhere(0xfee00000));
	EXPECT_TRUE(is_nowhere(0x1000000000));
	EXPECT_TRUE(is_nowhere(0xfffffffffffff000 & ~(SIZE - 1ull)));
}

TEST_F(places, need_memory_decode)
{
	ASSERT_TRUE(is_there(0xc0000000));
	function.command_memory = false;
	EXPECT_TRUE(is_nowhere(0xc0000000));
}

TEST_HARNESS_MAIN
