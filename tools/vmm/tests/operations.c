// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations of a guest on one blk function, and the answers to them: a line for each, to be
 * compared with those of another way to the same function. Writes have lines, too. See
 * light_differential_test.sh.
 *
 *	operations direct|vmm BDF SEED COUNT
 *
 * "vmm" takes the parts of mmrvmm, by the library on plain vfio-pci or on the driver. "direct"
 * needs the driver, and takes its regions, without mmrvmm's view of them. Lines that begin with
 * "vmm" are about parts that only mmrvmm has.
 */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_pci.h>

#include "bars.h"
#include "exits.h"
#include "host.h"
#include "intx.h"
#include "message.h"
#include "msix.h"
#include "vfio.h"

#define MEMORY		(16ull << 20)
#define PORTS		0xc100u
#define BARS		0xd0000000u
#define BAR_STRIDE	0x1000000u
#define PATIENCE_MS	30000
#define SECTOR		512

/* Memory for queues of requests, which no other operation names */
#define REQUEST_PAGE	0x800u
#define REQUEST_DATA	0xa00000u
#define REQUEST_HEADER	0xb00000u
#define REQUEST_STATUS	0xb01000u

static struct machine machine;
static struct function *function;
static bool direct;
static unsigned long operation;
static uint64_t state;

static uint32_t below(uint32_t limit)
{
	/* Any generator will do that is the same everywhere: xorshift */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 16) % limit;
}

static void stop(struct machine *stopped, int status)
{
	(void)stopped;
	(void)status;
}

static void print(const char *what, uint32_t place, const uint8_t *data, unsigned int count)
{
	unsigned int i;

	printf("%s %lu 0x%x:", what, operation, place);
	for (i = 0; i < count; i++)
		printf(" %02x", data[i]);
	puts("");
}

/* --- The two ways ------------------------------------------------------------------------- */

static void config_read(unsigned int position, uint8_t *data, unsigned int width)
{
	if (!direct)
		function_config_read(function, position, data, width);
	else if (pread(function->device, data, width, function->config_position + position) !=
		 width)
		fail("no configuration space at 0x%x", position);
}

static void config_write(unsigned int position, const uint8_t *data, unsigned int width)
{
	if (!direct)
		function_config_write(function, position, data, width);
	else if (pwrite(function->device, data, width, function->config_position + position) !=
		 width)
		fail("no configuration space at 0x%x", position);
}

static void config_write_value(unsigned int position, unsigned int width, uint32_t value)
{
	uint8_t data[4];

	virtio_mmr_put_le32(data, value);
	config_write(position, data, width);
}

/* What is beyond the I/O BAR is nobody's */
static unsigned int inside(unsigned int offset, unsigned int width)
{
	unsigned int size = function->view.io_bar_size;

	return offset + width > size ? size - offset : width;
}

static void port_read(unsigned int offset, uint8_t *data, unsigned int width)
{
	memset(data, 0xff, width);
	if (!direct)
		exits_read_port(&machine, PORTS + offset, data, width);
	else if (pread(function->device, data, inside(offset, width),
		       function->ports_position + offset) < 0)
		fail("no port at 0x%x", offset);
}

static void port_write(unsigned int offset, const uint8_t *data, unsigned int width)
{
	if (!direct)
		exits_write_port(&machine, PORTS + offset, data, width);
	else if (pwrite(function->device, data, inside(offset, width),
			function->ports_position + offset) < 0)
		fail("no port at 0x%x", offset);
}

static void port_write_value(unsigned int offset, unsigned int width, uint32_t value)
{
	uint8_t data[4];

	virtio_mmr_put_le32(data, value);
	port_write(offset, data, width);
}

static unsigned int guest_bar(unsigned int bar)
{
	return virtio_mmr_guest_bar(&function->scan.placement, bar);
}

static void bar_read(unsigned int bar, uint64_t offset, uint8_t *data, unsigned int width)
{
	if (!direct)
		exits_read_memory(&machine, BARS + BAR_STRIDE * guest_bar(bar) + offset, data,
				  width);
	else if (pread(function->device, data, width, function->bars[bar].position + offset) !=
		 width)
		fail("no BAR %u at 0x%llx", bar, (unsigned long long)offset);
}

static void bar_write(unsigned int bar, uint64_t offset, const uint8_t *data, unsigned int width)
{
	if (!direct)
		exits_write_memory(&machine, BARS + BAR_STRIDE * guest_bar(bar) + offset, data,
				   width);
	else if (pwrite(function->device, data, width, function->bars[bar].position + offset) !=
		 width)
		fail("no BAR %u at 0x%llx", bar, (unsigned long long)offset);
}

static bool has_vectors(void)
{
	return direct ? function->has_vectors : msix_is_on(function);
}

static void switch_msix(bool on)
{
	uint8_t control = on ? PCI_MSIX_FLAGS_ENABLE >> 8 : 0;

	print("write msix", on, &control, 1);
	if (!direct) {
		config_write(function->scan.msix_flags + 1, &control, 1);
		return;
	}
	if (function->has_vectors == on)
		return;
	if (on)
		intx_release(function);
	if (host_set_vectors(function->device, function->msix.eventfds,
			     on ? function->msix.count : 0))
		fail("MSI-X does not switch");
	function->has_vectors = on;
	if (!on)
		intx_take_over(function);
}

static bool wait_for(int fd, unsigned int milliseconds)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };

	return poll(&event, 1, milliseconds) == 1;
}

static bool take(int fd, unsigned int milliseconds)
{
	uint64_t count;

	return wait_for(fd, milliseconds) && read(fd, &count, sizeof(count)) == sizeof(count);
}

/* The work of mmrvmm's first thread */
static void handle_sources(unsigned int milliseconds)
{
	unsigned int vector;

	if (direct || function->by_driver || !function->intx.state.engaged)
		return;
	for (vector = 0; vector < VIRTIO_MMR_NUM_VECTORS; vector++)
		if (wait_for(function->intx.sources[vector],
			     vector == VIRTIO_MMR_VECTOR_OF_QUEUES ? milliseconds : 0))
			intx_signalled(function, vector);
}

/* The work of KVM: an end of the interrupt */
static void end_interrupt(void)
{
	const uint64_t one = 1;

	if (write(function->intx.resample, &one, sizeof(one)) != sizeof(one))
		fail("no eventfd");
	if (!direct && !function->by_driver)
		intx_resampled(function);
}

/* --- Operations ------------------------------------------------------------------------------ */

static void read_config(void)
{
	unsigned int width = 1 << below(3);
	unsigned int position = below(VIRTIO_MMR_CONFIG_SIZE / width) * width;
	uint8_t data[4];

	config_read(position, data, width);
	print("config", position, data, width);
}

/* COMMAND with memory always on, BAR registers, and others that the guest may write */
static void write_config(void)
{
	static const uint8_t places[] = {
		0x04, 0x04, 0x05, 0x0c, 0x10, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x3c,
	};
	unsigned int width = 1 << below(3), i;
	unsigned int position = (places[below(sizeof(places))] + below(4)) / width * width;
	uint8_t data[4];

	for (i = 0; i < width; i++) {
		data[i] = below(4) ? below(256) : 0xff;
		if (position + i == PCI_COMMAND)
			data[i] = below(8) ? 7 : 6;
		else if (position + i == PCI_COMMAND + 1)
			data[i] = below(4) ? 0 : PCI_COMMAND_INTX_DISABLE >> 8;
		else if (position + i == PCI_STATUS || position + i == PCI_STATUS + 1)
			data[i] = 0;
	}
	print("write config", position, data, width);
	config_write(position, data, width);
	handle_sources(0);
}

static void place(void)
{
	unsigned int bar, position;
	uint8_t type;

	config_write_value(PCI_BASE_ADDRESS_0, 4, PORTS);
	for (bar = 1; bar < FUNCTION_BARS; bar++) {
		position = PCI_BASE_ADDRESS_0 + 4 * bar;
		config_write_value(position, 4, BARS + BAR_STRIDE * bar);
		config_read(position, &type, 1);
		if ((type & PCI_BASE_ADDRESS_MEM_TYPE_MASK) != PCI_BASE_ADDRESS_MEM_TYPE_64)
			continue;
		bar++;
		config_write_value(position + 4, 4, 0);
	}
}

static void read_port(void)
{
	unsigned int width = 1 << below(3), offset = below(function->view.io_bar_size);
	uint8_t data[4];

	place();
	port_read(offset, data, width);
	print("port", offset, data, width);
}

/* No queue gets an address beyond memory, nor one of memory for requests. */
static void write_port(void)
{
	static const uint8_t statuses[] = { 0, 1, 3, 7, 0x80, 0x83 };
	unsigned int width = 1 << below(3), offset = below(function->view.io_bar_size), i;
	uint8_t data[4];

	if (!below(6)) {
		offset = VIRTIO_MMR_QUEUE_ADDRESS;
		width = 4;
	}
	for (i = 0; i < width; i++) {
		unsigned int at = offset + i;

		data[i] = below(3) ? below(8) : below(256);
		if (at > VIRTIO_MMR_QUEUE_ADDRESS && at < VIRTIO_MMR_QUEUE_SIZE)
			data[i] = at == VIRTIO_MMR_QUEUE_ADDRESS + 1 ? below(6) : 0;
		if (at == VIRTIO_MMR_DEVICE_STATUS)
			data[i] = statuses[below(sizeof(statuses))];
	}
	print("write port", offset, data, width);
	place();
	port_write(offset, data, width);
	handle_sources(0);
}

static void read_modern(void)
{
	const struct virtio_mmr_structure *common = &function->scan.common_config;
	unsigned int width = 1 << below(3), offset = below(0x38 / width) * width;
	uint8_t data[4];

	place();
	bar_read(common->bar, common->offset + offset, data, width);
	print("modern", offset, data, width);
}

/* Registers that select, vectors, status, and queues without memory, also by bytes */
static void write_modern(void)
{
	static const struct {
		uint8_t offset, width, limit;
	} registers[] = {
		{ VIRTIO_PCI_COMMON_Q_ENABLE, 2 }, { VIRTIO_PCI_COMMON_Q_ENABLE, 1 },
		{ VIRTIO_PCI_COMMON_Q_ENABLE + 1, 1 },
		{ VIRTIO_PCI_COMMON_DFSELECT, 4, 3 }, { VIRTIO_PCI_COMMON_GFSELECT, 4, 3 },
		{ VIRTIO_PCI_COMMON_MSIX, 2, 3 }, { VIRTIO_PCI_COMMON_Q_SELECT, 2, 4 },
		{ VIRTIO_PCI_COMMON_Q_MSIX, 2, 3 }, { VIRTIO_PCI_COMMON_STATUS, 1, 2 },
	};
	const struct virtio_mmr_structure *common = &function->scan.common_config;
	unsigned int i = below(sizeof(registers) / sizeof(registers[0]));
	uint8_t data[4];

	virtio_mmr_put_le32(data, registers[i].limit ? below(registers[i].limit) : 1);
	print("write modern", registers[i].offset, data, registers[i].width);
	place();
	bar_write(common->bar, common->offset + registers[i].offset, data, registers[i].width);
	handle_sources(0);
}

/* mmrvmm's own: the table of MSI-X, all of whose vectors stay masked, and pending bits */
static void use_table(void)
{
	const struct virtio_mmr_function *facts = &function->scan.function;
	unsigned int width = 4 << below(2);
	unsigned int at = below(facts->msix_table.length / width) * width;
	uint8_t data[8], control = below(2) ? PCI_MSIX_FLAGS_MASKALL >> 8 : 0;
	unsigned int i, read_at = below(facts->msix_table.length / width) * width;

	for (i = 0; i < width; i++)
		data[i] = below(256) | (at % 16 + i == PCI_MSIX_ENTRY_VECTOR_CTRL);
	place();
	if (direct)
		return;
	bar_write(facts->msix_table.bar, facts->msix_table.offset + at, data, width);
	bar_read(facts->msix_table.bar, facts->msix_table.offset + read_at, data, width);
	print("vmm table", read_at, data, width);
	bar_read(facts->msix_pba.bar, facts->msix_pba.offset, data, 8);
	print("vmm pending", 0, data, 8);
	if (has_vectors())
		control |= PCI_MSIX_FLAGS_ENABLE >> 8;
	config_write(function->scan.msix_flags + 1, &control, 1);
	config_read(function->scan.msix_flags + 1, data, 1);
	print("vmm control", 0, data, 1);
	control &= ~(PCI_MSIX_FLAGS_MASKALL >> 8);
	config_write(function->scan.msix_flags + 1, &control, 1);
}

/* The driver of a disk, in short: reads a sector. Descriptors: header, data, status */
static void make_request(uint16_t size)
{
	uint8_t *queue = machine.memory + REQUEST_PAGE * 4096, *available = queue + 16 * size;
	static const struct {
		uint32_t address, length, flags;
	} parts[] = {
		{ REQUEST_HEADER, 16, 1 }, { REQUEST_DATA, SECTOR, 3 }, { REQUEST_STATUS, 1, 2 },
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		virtio_mmr_put_le32(queue + 16 * i, parts[i].address);
		virtio_mmr_put_le32(queue + 16 * i + 8, parts[i].length);
		virtio_mmr_put_le16(queue + 16 * i + 12, parts[i].flags);
		virtio_mmr_put_le16(queue + 16 * i + 14, i + 1);
	}
	machine.memory[REQUEST_STATUS] = 0xa5;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	virtio_mmr_put_le16(available + 2, 1);
}

static bool is_complete(uint16_t size)
{
	uint8_t *queue = machine.memory + REQUEST_PAGE * 4096;
	uint16_t *used = (uint16_t *)(queue + ((16 * size + 6 + 2 * size + 4095) & ~4095u) + 2);
	unsigned int tries;

	for (tries = 0; !__atomic_load_n(used, __ATOMIC_ACQUIRE) && tries < PATIENCE_MS; tries++)
		usleep(1000);
	return *used == 1;
}

static void use_disk(void)
{
	uint8_t data[4], pending[8], isr;
	bool vectors, signalled;
	uint16_t size;

	place();
	config_write_value(PCI_COMMAND, 2,
			   PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	vectors = has_vectors();
	port_write_value(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	memset(machine.memory, 0, machine.size);
	port_write_value(VIRTIO_MMR_DEVICE_STATUS, 1, 1);
	port_write_value(VIRTIO_MMR_DEVICE_STATUS, 1, 3);
	port_write_value(VIRTIO_MMR_DRIVER_FEATURES, 4, 0);
	port_write_value(VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	port_read(VIRTIO_MMR_QUEUE_SIZE, data, 2);
	size = virtio_mmr_get_le16(data);
	port_write_value(VIRTIO_MMR_QUEUE_ADDRESS, 4, REQUEST_PAGE);
	if (vectors)
		port_write_value(VIRTIO_MMR_QUEUE_VECTOR, 2, 1);
	port_write_value(VIRTIO_MMR_DEVICE_STATUS, 1, 7);
	/* What came before is over */
	handle_sources(0);
	port_read(VIRTIO_MMR_ISR_STATUS, &isr, 1);
	end_interrupt();
	while (take(function->intx.trigger, 0) || take(function->msix.eventfds[1], 0))
		;
	make_request(size);
	port_write_value(VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	if (!is_complete(size))
		fail("operation %lu: the disk does not answer", operation);
	print("request", size, machine.memory + REQUEST_STATUS, 1);
	print("data", 0, machine.memory + REQUEST_DATA, 16);
	if (vectors) {
		signalled = wait_for(function->msix.eventfds[1], PATIENCE_MS);
		if (!direct) {
			bar_read(function->scan.function.msix_pba.bar,
				 function->scan.function.msix_pba.offset, pending, 8);
			print("vmm request pending", 1, pending, 1);
		}
		take(function->msix.eventfds[1], 0);
	} else {
		handle_sources(PATIENCE_MS);
		signalled = take(function->intx.trigger, PATIENCE_MS);
	}
	printf("signal %lu by %s: %u\n", operation, vectors ? "MSI-X" : "INTx", signalled);
	config_read(PCI_STATUS, data, 2);
	print("status", 0, data, 2);
	port_read(VIRTIO_MMR_ISR_STATUS, &isr, 1);
	print("isr", vectors, &isr, 1);
	config_read(PCI_STATUS, data, 2);
	print("status", 1, data, 2);
	end_interrupt();
	printf("again %lu: %u\n", operation, take(function->intx.trigger, 0));
	port_write_value(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	memset(machine.memory, 0, machine.size);
}

/* By configuration space, as a guest does it */
static void reset_function(void)
{
	unsigned int position;
	uint8_t control;

	for (position = 0; position < VIRTIO_MMR_CONFIG_SIZE; position++) {
		if (!virtio_mmr_fields_have(&function->express_resets, position))
			continue;
		config_read(position, &control, 1);
		control |= PCI_EXP_DEVCTL_BCR_FLR >> 8;
		print("reset", position, &control, 1);
		config_write(position, &control, 1);
	}
	handle_sources(0);
}

/* What resets leave as the last run had it: selected features, and the disk's cache */
static void begin(void)
{
	const struct virtio_mmr_structure *common = &function->scan.common_config;
	const uint8_t zero[4] = {};

	place();
	bar_write(common->bar, common->offset + VIRTIO_PCI_COMMON_DFSELECT, zero, 4);
	bar_write(common->bar, common->offset + VIRTIO_PCI_COMMON_GFSELECT, zero, 4);
	config_write_value(PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	port_write_value(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	port_write_value(VIRTIO_MMR_COMMON_SIZE + offsetof(struct virtio_blk_config, wce), 1, 1);
}

static void operate(void)
{
	unsigned int what = below(1000);

	if (what < 2)
		switch_msix(!has_vectors());
	else if (what < 4)
		use_disk();
	else if (what < 5)
		reset_function();
	else if (what < 200)
		write_config();
	else if (what < 450)
		read_config();
	else if (what < 650)
		write_port();
	else if (what < 850)
		read_port();
	else if (what < 880)
		write_modern();
	else if (what < 950)
		read_modern();
	else
		use_table();
}

int main(int argc, char **argv)
{
	unsigned long count;

	if (argc != 5)
		fail("usage: operations direct|vmm BDF SEED COUNT");
	direct = !strcmp(argv[1], "direct");
	state = strtoul(argv[3], NULL, 0) * 2654435761u + 1;
	count = strtoul(argv[4], NULL, 0);
	machine_open(&machine, 1, MEMORY);
	machine.stop = stop;
	vfio_add(&machine, argv[2]);
	machine_route(&machine);
	function = machine.functions[0];
	if (direct && !function->by_driver)
		fail("%s: 'direct' needs the driver", argv[2]);
	bars_assign(&machine);
	begin();
	for (operation = 0; operation < count; operation++)
		operate();
	return 0;
}
