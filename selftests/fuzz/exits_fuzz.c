// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes what a guest of tools/vmm can cause: accesses to ports and to memory, interrupts and
 * their end. KVM and VFIO are models here, which check each request. A function is memory, with
 * room between its BARs that must stay clear.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "bars.h"
#include "exits.h"
#include "host.h"
#include "intx.h"
#include "message.h"
#include "msix.h"
#include "notify.h"

#define CONFIG_SIZE	4096
#define VECTORS		3
#define QUEUES		40
#define MAX_SLOT	(1 + MACHINE_FUNCTIONS * FUNCTION_BARS * FUNCTION_AREAS)
#define RAM		0x400000
#define FUNCTIONS	2
#define VM		77

/* Places in the function's file, which is memory as well */
#define CONFIG_POSITION	0x0
#define ROOM		0x5000
#define BAR_POSITION(bar)	(ROOM * ((bar) + 1))
#define FILE_SIZE	BAR_POSITION(FUNCTION_BARS)

struct slot {
	uint64_t address, size;
};

struct bell {
	bool on;
	uint16_t port, value;
};

static struct slot slots[MAX_SLOT];
static bool attached[MACHINE_INPUTS + MACHINE_FUNCTIONS * FUNCTION_VECTORS];
static struct bell bells[2 * FUNCTION_BELLS];
static bool device_vectors[FUNCTIONS], device_intx[FUNCTIONS];
static struct machine machine;
static struct function functions[FUNCTIONS];
static int devices[FUNCTIONS];
static uint8_t *files[FUNCTIONS];
/* The next input byte says whether the host refuses a request. */
static const uint8_t *input;
static size_t left;

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static uint8_t next(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static bool refuses(void)
{
	return next() == 0xee;
}

/* --- The host ----------------------------------------------------------------------- */

void message(const char *format, ...)
{
	(void)format;
}

void fail(const char *format, ...)
{
	(void)format;
	abort();
}

int host_map(int vm, uint32_t slot, uint64_t address, uint64_t size, void *memory)
{
	unsigned int i;

	expect(vm == VM && slot && slot < MAX_SLOT && address % 4096 == 0 && size % 4096 == 0);
	expect(!size || (memory && (uintptr_t)memory % 4096 == 0));
	if (!size) {
		expect(slots[slot].size && slots[slot].address == address);
		slots[slot].size = 0;
		return 0;
	}
	expect(!slots[slot].size && address >= RAM);
	for (i = 1; i < MAX_SLOT; i++)
		if (slots[i].size && address < slots[i].address + slots[i].size &&
		    slots[i].address < address + size)
			return -EEXIST;
	if (refuses())
		return -ENOMEM;
	slots[slot] = (struct slot){ address, size };
	return 0;
}

int host_port_signals(int vm, uint16_t port, uint16_t value, int eventfd, bool on)
{
	struct bell *free_ = NULL;
	unsigned int i;

	expect(vm == VM && eventfd >= 0);
	for (i = 0; i < 2 * FUNCTION_BELLS; i++) {
		if (!bells[i].on) {
			free_ = &bells[i];
		} else if (bells[i].port == port && bells[i].value == value) {
			if (on)
				return -EEXIST;
			bells[i].on = false;
			return 0;
		}
	}
	/* Only what is there is taken away. */
	expect(on && free_);
	if (refuses())
		return -ENOSPC;
	*free_ = (struct bell){ true, port, value };
	return 0;
}

int host_signal_interrupts(int vm, uint32_t gsi, int eventfd, int resample, bool on)
{
	(void)resample;
	expect(vm == VM && eventfd >= 0 && gsi >= MACHINE_INPUTS &&
	       gsi < MACHINE_INPUTS + FUNCTIONS * VECTORS && attached[gsi] != on);
	if (on && refuses())
		return -EBUSY;
	attached[gsi] = on;
	return 0;
}

int host_set_routes(int vm, struct kvm_irq_routing *routes)
{
	expect(vm == VM && routes->nr == MACHINE_ROUTES + FUNCTIONS * VECTORS);
	return refuses() ? -EINVAL : 0;
}

int host_set_line(int vm, uint32_t gsi, bool level)
{
	(void)level;
	expect(vm == VM && (gsi == 3 || gsi == 4));
	return 0;
}

int host_set_vectors(int device, const int *eventfds, uint32_t count)
{
	unsigned int i = device == devices[0] ? 0 : 1;

	expect(device == devices[i] && count <= VECTORS && (!count || eventfds));
	/* MSI-X is on for one user at a time, and never beside INTx of the driver. */
	expect(device_vectors[i] == !count && !device_intx[i]);
	if (count && refuses())
		return -ENOSPC;
	device_vectors[i] = count;
	return 0;
}

int host_set_intx(int device, int trigger, int unmask, bool on)
{
	unsigned int i = device == devices[0] ? 0 : 1;

	expect(device == devices[i] && functions[i].by_driver && !device_vectors[i]);
	if (!on) {
		device_intx[i] = false;
		return 0;
	}
	expect(!device_intx[i] && trigger >= 0 && unmask >= 0);
	if (refuses())
		return -EBUSY;
	device_intx[i] = true;
	return 0;
}

int host_signal_writes(int device, uint64_t position, uint16_t value, int eventfd)
{
	(void)value;
	expect((device == devices[0] || device == devices[1]) && eventfd >= 0 &&
	       position >= BAR_POSITION(0) && position < FILE_SIZE);
	return refuses() ? -EBUSY : 0;
}

/* A thread of its own routes interrupts on a real host. */
void machine_route(struct machine *machine)
{
	machine->routes_are_stale = host_set_routes(machine->vm, machine->routes);
}

/* --- The function --------------------------------------------------------------------- */

static void add_structure(uint8_t *config, unsigned int at, unsigned int next_, uint8_t type,
			  uint32_t offset, uint32_t length)
{
	config[at] = PCI_CAP_ID_VNDR;
	config[at + 1] = next_;
	config[at + 2] = 20;
	config[at + 3] = type;
	config[at + 4] = 4;
	virtio_mmr_put_le32(config + at + 8, offset);
	virtio_mmr_put_le32(config + at + 12, length);
	virtio_mmr_put_le32(config + at + 16, 4);
}

/* As the emulated device has it: MSI-X in BAR 1, registers in BAR 2, the modern ones in BAR 4 */
static void make_config(uint8_t *config)
{
	memset(config, 0, CONFIG_SIZE);
	virtio_mmr_put_le16(config, 0x1af4);
	virtio_mmr_put_le16(config + 2, VIRTIO_MMR_DEVICE_BLOCK);
	config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	config[PCI_CAPABILITY_LIST] = 0x40;
	config[0x40] = PCI_CAP_ID_EXP;
	config[0x41] = 0x80;
	config[0x42] = 2;
	config[0x80] = PCI_CAP_ID_PM;
	config[0x81] = 0x88;
	add_structure(config, 0x88, 0x9c, 1, 0x0, 0x1000);
	add_structure(config, 0x9c, 0xb0, 3, 0x1000, 0x1000);
	add_structure(config, 0xb0, 0xc4, 2, 0x3000, 0x1000);
	config[0xc4] = PCI_CAP_ID_MSIX;
	config[0xc6] = VECTORS - 1;
	config[0xc8] = 1;
	virtio_mmr_put_le32(config + 0xcc, 0x801);
	/* Registers of BAR 4 */
	config[PCI_BASE_ADDRESS_4] = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;
	config[0x100] = PCI_EXT_CAP_ID_VNDR;
	config[0x102] = 1;
	config[0x104] = VIRTIO_MMR_CFG_TYPE_LEGACY;
	config[0x105] = 2;
	virtio_mmr_put_le32(config + 0x110, 0x100);
}

static bool read_config(void *context, unsigned int position, u32 *value)
{
	*value = virtio_mmr_get_le32((uint8_t *)context + position);
	return true;
}

static const uint64_t sizes[FUNCTION_BARS] = { 0, 0x1000, 0x1000, 0, 0x4000, 0 };

/* The file of a function of the driver has the I/O BAR where nothing else is. */
static void open_function(unsigned int i, bool is_mapped, bool by_driver)
{
	static struct virtio_mmr_lists lists;
	struct function *function = &functions[i];
	struct virtio_mmr_space space = { .read = read_config, .size = CONFIG_SIZE };
	unsigned int bar, vector;

	*function = (struct function){ .machine = &machine, .slot = i + 1, .device = devices[i] };
	memset(files[i], 0, FILE_SIZE);
	make_config(files[i]);
	space.context = files[i];
	for (bar = 0; bar < FUNCTION_BARS; bar++) {
		function->bars[bar].size = sizes[bar];
		function->bars[bar].position = BAR_POSITION(bar);
		if (sizes[bar] && is_mapped)
			function->bars[bar].mapping = files[i] + BAR_POSITION(bar);
		virtio_mmr_function_set_bar(&function->scan.function, bar, sizes[bar],
					    sizes[bar] ? VIRTIO_MMR_BAR_FLAG_MEMORY |
					    VIRTIO_MMR_BAR_FLAG_ASSIGNED |
					    (bar == 4 ? VIRTIO_MMR_BAR_FLAG_64_BIT : 0) : 0);
	}
	virtio_mmr_space_find_known(&space);
	virtio_mmr_scan_run(&function->scan, &space, &lists, 0x1af4, VIRTIO_MMR_DEVICE_BLOCK, NULL);
	expect(function->scan.verdict == VIRTIO_MMR_SCAN_USABLE && function->scan.has_isr &&
	       function->scan.has_notification && function->scan.can_interrupt);
	virtio_mmr_put_le16(files[i] + BAR_POSITION(4) + 0x12, QUEUES);
	virtio_mmr_fields_add(&function->power_fields, 0x80 + PCI_PM_CTRL);
	virtio_mmr_fields_add(&function->express_resets, 0x40 + PCI_EXP_DEVCTL + 1);
	if (by_driver) {
		function->by_driver = true;
		function->ports_position = BAR_POSITION(0);
		files[i][CONFIG_POSITION + PCI_INTERRUPT_PIN] = 1;
	}
	function->msix.count = VECTORS;
	function->msix.first_gsi = MACHINE_INPUTS + i * VECTORS;
	for (vector = 0; vector < VECTORS; vector++)
		function->msix.eventfds[vector] = eventfd(0, EFD_NONBLOCK);
	for (vector = 0; vector < VIRTIO_MMR_NUM_VECTORS; vector++)
		function->intx.sources[vector] = eventfd(0, EFD_NONBLOCK);
	function->intx.trigger = eventfd(0, EFD_NONBLOCK);
	function->intx.resample = eventfd(0, EFD_NONBLOCK);
	function->intx.irq = 5;
	machine.functions[i] = function;
	machine.routes->nr += VECTORS;
	msix_start(function);
	function_start(function);
	notify_find_doorbells(function);
	if (by_driver)
		intx_take_over(function);
}

static void close_function(struct function *function)
{
	unsigned int i;

	for (i = 0; i < VECTORS; i++)
		close(function->msix.eventfds[i]);
	for (i = 0; i < VIRTIO_MMR_NUM_VECTORS; i++)
		close(function->intx.sources[i]);
	close(function->intx.trigger);
	close(function->intx.resample);
	for (i = 0; i < function->notify.count; i++)
		close(function->notify.eventfds[i]);
	free(function->notify.doorbells);
}

static void stop(struct machine *machine, int status)
{
	(void)machine;
	expect(status >= 0 && status < 256);
}

static void set_line(void *context, bool level)
{
	(void)context;
	host_set_line(VM, 4, level);
}

static void send_bytes(void *context, const uint8_t *data, unsigned int count)
{
	(void)context;
	expect(data && count && count <= SERIAL_BUFFER);
}

static void open_machine(uint8_t variant)
{
	unsigned int i;

	memset(slots, 0, sizeof(slots));
	memset(attached, 0, sizeof(attached));
	memset(bells, 0, sizeof(bells));
	memset(device_vectors, 0, sizeof(device_vectors));
	memset(device_intx, 0, sizeof(device_intx));
	free(machine.routes);
	machine = (struct machine){
		.vm = VM, .size = RAM, .exit_port = 0xe9, .stop = stop, .num_functions = FUNCTIONS,
		.routes = calloc(1, sizeof(*machine.routes) +
				 (MACHINE_ROUTES + FUNCTIONS * VECTORS) *
				 sizeof(machine.routes->entries[0])),
	};
	machine.routes->nr = MACHINE_ROUTES;
	for (i = 0; i < MACHINE_SERIALS; i++)
		machine.serials[i] = (struct serial){ .line = set_line, .send = send_bytes };
	pci_init(&machine.pci);
	for (i = 0; i < FUNCTIONS; i++) {
		if (!files[i]) {
			devices[i] = memfd_create("function", 0);
			expect(!ftruncate(devices[i], FILE_SIZE));
			files[i] = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
					devices[i], 0);
			expect(files[i] != MAP_FAILED);
		}
		/* bars_update() looks at all of them */
		machine.functions[i] = &functions[i];
		functions[i] = (struct function){ .machine = &machine, .device = devices[i] };
	}
	machine.num_functions = 0;
	for (i = 0; i < FUNCTIONS; i++) {
		open_function(i, !(variant & 1 << i), variant & 4 << i);
		machine.num_functions++;
	}
	bars_assign(&machine);
}

/* --- The guest -------------------------------------------------------------------------- */

static const uint16_t ports[] = {
	0xcf8, 0xcfc, 0xc100, 0xc110, 0xc200, 0x3f8, 0x70, 0x64, 0xe9, 0xcf9, 0x0, 0xffff,
};

static uint64_t take_address(void)
{
	uint8_t place = next();
	struct function *function = &functions[place & 1];
	uint64_t address = function->places[1 + (place >> 1) % 5].address;

	if (place & 0x80)
		address = (uint64_t)next() << 32 | (uint64_t)next() << 24 | next() << 12;
	return address + (next() << 8) + next();
}

static void signal_(int fd)
{
	uint64_t one = 1;

	expect(write(fd, &one, sizeof(one)) == sizeof(one));
}

static void step(void)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };
	uint8_t operation = next(), data[8];
	unsigned int width = widths[operation >> 4 & 3], i;
	struct function *function = &functions[operation >> 6 & 1];
	uint16_t port;

	for (i = 0; i < sizeof(data); i++)
		data[i] = operation & 8 ? next() : 0xff;
	switch (operation & 7) {
	case 0:
	case 1:
		port = ports[next() % (sizeof(ports) / sizeof(ports[0]))] + next() % 0x20;
		if (width == 8)
			width = 4;
		if (operation & 1)
			exits_write_port(&machine, port, data, width);
		else
			exits_read_port(&machine, port, data, width);
		break;
	case 2:
		exits_read_memory(&machine, take_address(), data, width);
		break;
	case 3:
		exits_write_memory(&machine, take_address(), data, width);
		break;
	case 4:
		function_config_write(function, next() & ~3u, data, 4);
		break;
	case 5:
		signal_(function->intx.sources[width & 1]);
		intx_signalled(function, width & 1);
		break;
	case 6:
		signal_(function->intx.resample);
		intx_resampled(function);
		break;
	case 7:
		serial_receive(&machine.serials[0], data, width);
		signal_(function->msix.eventfds[width % VECTORS]);
		break;
	}
}

/* KVM has a BAR where the guest has it. */
static void check_place(const struct function *function, unsigned int bar)
{
	const struct function_place *place = &function->places[bar];
	unsigned int i, slot;

	for (i = 0; i < place->num_areas; i++) {
		slot = 1 + ((function->slot - 1) * FUNCTION_BARS + bar) * FUNCTION_AREAS + i;
		expect(place->is_mapped[i] == !!slots[slot].size);
		if (slots[slot].size)
			expect(place->on && slots[slot].address ==
					    place->address + place->areas[i].offset);
	}
}

/* INTx and the guest's MSI-X never share the vectors, and layouts follow. */
static void check(void)
{
	unsigned int i;

	for (i = 0; i < FUNCTIONS; i++) {
		struct function *function = &functions[i];
		unsigned int bar;

		for (bar = 1; bar < FUNCTION_BARS; bar++)
			check_place(function, bar);
		expect(function->has_vectors == device_vectors[i]);
		expect(!(function->intx.state.engaged && msix_is_on(function)));
		expect(function->has_vectors == (function->intx.state.engaged ||
						 msix_is_on(function)));
		/* A guest with MSI-X gets nothing by its line. */
		expect(function->intx.state.connected == !msix_is_on(function));
		expect(function->notify.count <= FUNCTION_BELLS);
		/* Memory of the function never goes off, and it does not sleep. */
		expect(files[i][PCI_COMMAND] & PCI_COMMAND_MEMORY);
		expect(!(files[i][0x84] & PCI_PM_CTRL_STATE_MASK));
	}
}

static void check_room(void)
{
	static const uint8_t clear[ROOM];
	unsigned int i, bar;

	for (i = 0; i < FUNCTIONS; i++)
		for (bar = 0; bar < FUNCTION_BARS; bar++) {
			size_t size = sizes[bar];

			if (!bar && functions[i].by_driver)
				size = functions[i].view.io_bar_size;
			expect(!memcmp(files[i] + BAR_POSITION(bar) + size, clear,
				       sizeof(clear) - size));
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int i;

	input = data;
	left = 0;
	open_machine(size ? data[0] : 0);
	left = size;
	next();
	while (left) {
		step();
		check();
	}
	check_room();
	for (i = 0; i < FUNCTIONS; i++)
		close_function(&functions[i]);
	return 0;
}
