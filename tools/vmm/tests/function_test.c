// SPDX-License-Identifier: GPL-2.0-only
/* Writes of the guest to configuration space, as the function gets them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "model.h"

#include "bars.h"
#include "function.h"
#include "intx.h"
#include "msix.h"
#include "notify.h"

#define WINDOW		0xb0		/* of VIRTIO_PCI_CAP_PCI_CFG; its data is at the end */
#define WINDOW_DATA	(WINDOW + 16)
#define MAX_WRITES	8

/* What the function got */
static struct {
	unsigned int position, width;
	uint8_t data[4];
} writes[MAX_WRITES];
static unsigned int num_writes, resets, updates;
static bool function_is_open;

ssize_t __wrap_pwrite(int fd, const void *data, size_t width, off_t position)
{
	if (!function_is_open)
		return width;
	if (num_writes == MAX_WRITES || width > sizeof(writes[0].data))
		abort();
	writes[num_writes].position = position;
	writes[num_writes].width = width;
	memcpy(writes[num_writes++].data, data, width);
	return width;
}

ssize_t __wrap_pread(int fd, void *data, size_t width, off_t position)
{
	memset(data, 0, width);
	return width;
}

/* Each is the subject of another test */
void bars_divide(struct function *function) { }
void notify_exit(struct function *function, uint16_t queue) { }
void intx_disable(struct function *function, bool disabled) { }
void msix_write_control(struct function *function, uint8_t byte) { }

uint8_t msix_read_control(const struct function *function, uint8_t byte)
{
	return byte;
}

void bars_update(struct machine *machine)
{
	updates++;
}

/* The function must have got the bit by then. */
void intx_was_reset(struct function *function)
{
	if (num_writes)
		resets++;
}

FIXTURE(config)
{
	struct machine machine;
	struct function function;
};

FIXTURE_SETUP(config)
{
	static struct memory_space memory;
	static struct virtio_mmr_lists lists;
	struct function *function = &self->function;
	unsigned int bar, flags = VIRTIO_MMR_BAR_FLAG_MEMORY | VIRTIO_MMR_BAR_FLAG_ASSIGNED;

	memset(self, 0, sizeof(*self));
	pci_init(&self->machine.pci);
	model_config(&memory);
	memory_space_add_virtio(&memory, WINDOW, 20, 5, 0, 0, 0);
	for (bar = 0; bar < FUNCTION_BARS; bar++)
		virtio_mmr_function_set_bar(&function->scan.function, bar, model_sizes[bar],
					    model_sizes[bar] ? flags : 0);
	function->machine = &self->machine;
	function->slot = 1;
	virtio_mmr_space_find_known(&memory.space);
	virtio_mmr_scan_run(&function->scan, &memory.space, &lists, VIRTIO_MMR_VENDOR_ID,
			    MODEL_DEVICE, NULL);
	ASSERT_EQ(VIRTIO_MMR_SCAN_USABLE, function->scan.verdict);
	virtio_mmr_fields_add(&function->express_resets, MODEL_EXPRESS + PCI_EXP_DEVCTL + 1);
	function_start(function);
	function_is_open = true;
}

FIXTURE_TEARDOWN(config) { }

/* A write of the window's data is an access, and half of a value would be another one */
TEST_F(config, is_written_at_once)
{
	static const uint8_t data[4] = { 1, 2, 3, 4 };

	function_config_write(&self->function, WINDOW_DATA, data, 4);
	ASSERT_EQ(1, num_writes);
	EXPECT_EQ(WINDOW_DATA, writes[0].position);
	EXPECT_EQ(4, writes[0].width);
	EXPECT_EQ(0, memcmp(data, writes[0].data, 4));

	function_config_write(&self->function, WINDOW_DATA, data, 2);
	ASSERT_EQ(2, num_writes);
	EXPECT_EQ(WINDOW_DATA, writes[1].position);
	EXPECT_EQ(2, writes[1].width);
	EXPECT_EQ(0, updates + resets);
}

/* This program has the byte that turns MSI-X on. */
TEST_F(config, around_a_byte_of_ours)
{
	static const uint8_t data[4] = { 0x11, 0, MODEL_VECTORS - 1, 0x80 };

	function_config_write(&self->function, MODEL_MSIX, data, 4);
	ASSERT_EQ(1, num_writes);
	EXPECT_EQ(MODEL_MSIX, writes[0].position);
	EXPECT_EQ(3, writes[0].width);
	EXPECT_EQ(0, memcmp(data, writes[0].data, 3));
}

/* The view has all of them. */
TEST_F(config, of_bars)
{
	static const uint8_t data[4] = { 0, 0xc0 };

	function_config_write(&self->function, PCI_BASE_ADDRESS_0, data, 4);
	EXPECT_EQ(0, num_writes);
	EXPECT_EQ(1, updates);
}

/* The function never loses its memory, whatever the guest has. */
TEST_F(config, of_command)
{
	static const uint8_t data[2] = { PCI_COMMAND_MASTER, 4 };

	function_config_write(&self->function, PCI_COMMAND, data, 2);
	ASSERT_EQ(1, num_writes);
	EXPECT_EQ(2, writes[0].width);
	EXPECT_EQ(PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, writes[0].data[0]);
	EXPECT_EQ(1, updates);
	EXPECT_FALSE(self->function.command_memory);
}

TEST_F(config, that_resets)
{
	static const uint8_t data[2] = { 0, PCI_EXP_DEVCTL_BCR_FLR >> 8 };

	function_config_write(&self->function, MODEL_EXPRESS + PCI_EXP_DEVCTL, data, 2);
	ASSERT_EQ(1, num_writes);
	EXPECT_EQ(2, writes[0].width);
	EXPECT_EQ(1, resets);
}

TEST_HARNESS_MAIN
