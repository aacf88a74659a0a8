// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Places of BARs in the guest: the first ones, as no firmware gives them, and those that the
 * guest chooses. Memory BARs become the guest's memory, except the pages that this program must
 * see accesses of.
 */
#include <string.h>

#include <linux/pci_regs.h>

#include "bars.h"
#include "host.h"
#include "message.h"
#include "notify.h"

#define PAGE		4096u
#define FIRST_PORT	0xc000
#define FIRST_SLOT	1	/* of KVM's memory slots; RAM has the one before */

/* The function's number of a guest's BAR */
static unsigned int physical(const struct function *function, unsigned int bar)
{
	return virtio_mmr_device_bar(&function->scan.placement, bar);
}

/* The size of a guest's memory BAR. A PF's own I/O BAR has no place in the guest. */
static uint64_t size_of(const struct function *function, unsigned int bar)
{
	unsigned int number = physical(function, bar);

	if (!bar || number >= FUNCTION_BARS ||
	    function->scan.function.bar_kind[number] != VIRTIO_MMR_BAR_MEMORY)
		return 0;
	return function->bars[number].size;
}

/* Cuts the pages of a range out of all areas. */
static void cut(const struct virtio_mmr_range *range, struct function_place *place)
{
	uint64_t start = range->offset & ~(uint64_t)(PAGE - 1);
	uint64_t end = ((uint64_t)range->offset + range->length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	struct virtio_mmr_area areas[FUNCTION_AREAS + 1];
	unsigned int i, count = 0;

	for (i = 0; i < place->num_areas; i++) {
		struct virtio_mmr_area area = place->areas[i];
		uint64_t area_end = area.offset + area.size;

		if (start >= area_end || end <= area.offset) {
			areas[count++] = area;
			continue;
		}
		if (start > area.offset)
			areas[count++] = (struct virtio_mmr_area){
				area.offset, start - area.offset,
			};
		if (end < area_end)
			areas[count++] = (struct virtio_mmr_area){ end, area_end - end };
	}
	place->num_areas = count;
	memcpy(place->areas, areas, count * sizeof(*areas));
}

/**
 * bars_divide - find the parts of BARs that can be the guest's memory
 * @function: the function
 */
void bars_divide(struct function *function)
{
	struct virtio_mmr_area areas[VIRTIO_MMR_MAX_AREAS];
	const struct virtio_mmr_function *facts = &function->scan.function;
	unsigned int bar, number, count;

	for (bar = 1; bar < FUNCTION_BARS; bar++) {
		struct function_place *place = &function->places[bar];

		number = physical(function, bar);
		if (!size_of(function, bar) || !function->bars[number].mapping ||
		    function->bars[number].size % PAGE)
			continue;
		count = 1;
		areas[0] = (struct virtio_mmr_area){ 0, function->bars[number].size };
		if (virtio_mmr_mapping_is_split(&function->scan, number, PAGE))
			count = virtio_mmr_mapping_areas(&function->scan, number, PAGE, areas);
		memcpy(place->areas, areas, count * sizeof(*areas));
		place->num_areas = count;
		if (facts->has_msix && facts->msix_table.bar == number)
			cut(&facts->msix_table, place);
		/* Pending bits are those of this program, not the function's. */
		if (facts->has_msix && facts->msix_pba.bar == number)
			cut(&facts->msix_pba, place);
	}
}

static void write_register(struct function *function, unsigned int position, uint32_t value)
{
	uint8_t raw[4];

	virtio_mmr_put_le32(raw, value);
	function_config_write(function, position, raw, sizeof(raw));
}

/* Takes a place from a window, aligned to its size. Returns 0 if there is none left. */
static uint64_t take(uint64_t *next, uint64_t end, uint64_t size)
{
	uint64_t address = (*next + size - 1) & ~(size - 1);

	if (address > end || size > end - address)
		return 0;
	*next = address + size;
	return address;
}

static void assign(struct function *function, uint64_t *low, uint64_t *high)
{
	unsigned int bar;

	write_register(function, PCI_BASE_ADDRESS_0, FIRST_PORT + 0x100 * function->slot);
	for (bar = 1; bar < FUNCTION_BARS; bar++) {
		unsigned int position = PCI_BASE_ADDRESS_0 + 4 * bar;
		uint64_t size = size_of(function, bar), address;
		bool is_wide;

		if (!size)
			continue;
		is_wide = (function_config_dword(function, position) &
			   PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
		/* Whole pages, so that each can be the guest's memory */
		address = take(low, MACHINE_LOW_BARS_END, size < PAGE ? PAGE : size);
		if (!address && is_wide)
			address = take(high, MACHINE_HIGH_BARS_END, size);
		if (!address)
			message("%s: BAR %u of 0x%llx bytes has no room in the guest, which has 0x%llx for BARs of 32 bits; %s",
				function->bdf, bar, (unsigned long long)size,
				MACHINE_LOW_BARS_END - MACHINE_LOW_BARS,
				size > MACHINE_LOW_BARS_END - MACHINE_LOW_BARS ?
				"QEMU may have room for it" : "fewer functions may help");
		write_register(function, position, address);
		if (is_wide)
			write_register(function, position + 4, address >> 32);
	}
	write_register(function, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

/**
 * bars_assign - give all BARs their first places
 * @machine: with all functions
 */
void bars_assign(struct machine *machine)
{
	uint64_t low = MACHINE_LOW_BARS, high = MACHINE_HIGH_BARS;
	unsigned int i;

	for (i = 0; i < machine->num_functions; i++)
		assign(machine->functions[i], &low, &high);
}

static uint32_t kvm_slot(const struct function *function, unsigned int bar, unsigned int area)
{
	return FIRST_SLOT + ((function->slot - 1) * FUNCTION_BARS + bar) * FUNCTION_AREAS + area;
}

static void map(struct function *function, unsigned int bar, bool on)
{
	struct function_place *place = &function->places[bar];
	uint8_t *mapping = function->bars[physical(function, bar)].mapping;
	unsigned int i;

	for (i = 0; i < place->num_areas; i++) {
		uint64_t address = place->address + place->areas[i].offset;
		uint64_t size = place->areas[i].size;

		if (place->is_mapped[i] == on)
			continue;
		/*
		 * Refused over another BAR. Then accesses come here, or go to the other one, as
		 * on a bus where two answer.
		 */
		if (!host_map(function->machine->vm, kvm_slot(function, bar, i), address,
			      on ? size : 0, mapping + place->areas[i].offset))
			place->is_mapped[i] = on;
	}
}

/* Returns the place that the guest has given a memory BAR. */
static uint64_t read_address(struct function *function, unsigned int bar)
{
	unsigned int position = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t value = function_config_dword(function, position);
	uint64_t address = value & PCI_BASE_ADDRESS_MEM_MASK;

	if ((value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 &&
	    bar + 1 < FUNCTION_BARS)
		address |= (uint64_t)function_config_dword(function, position + 4) << 32;
	return address;
}

/* Not over RAM or interrupt controllers, and aligned as vfio-pci makes it */
static bool is_allowed(const struct machine *machine, uint64_t address, uint64_t size)
{
	if (address % size)
		return false;
	return (address >= machine->size && size <= MACHINE_LOW_BARS_END &&
		address <= MACHINE_LOW_BARS_END - size) ||
	       (address >= MACHINE_HIGH_BARS && size <= MACHINE_HIGH_BARS_END - MACHINE_HIGH_BARS &&
		address <= MACHINE_HIGH_BARS_END - size);
}

static void remove_moved(struct function *function, unsigned int bar)
{
	struct function_place *place = &function->places[bar];
	uint64_t size = size_of(function, bar), address;
	bool on;

	if (!size)
		return;
	address = read_address(function, bar);
	on = function->command_memory && is_allowed(function->machine, address, size);
	if (on == place->on && address == place->address)
		return;
	map(function, bar, false);
	place->address = address;
	place->on = on;
}

/**
 * bars_update - follow the guest, which has written a BAR or COMMAND
 * @machine: with all functions, as BARs that moved away may make room for others
 */
void bars_update(struct machine *machine)
{
	unsigned int i, bar;

	for (i = 0; i < machine->num_functions; i++) {
		struct function *function = machine->functions[i];
		struct function_place *io = &function->places[0];

		io->address = function_config_dword(function, PCI_BASE_ADDRESS_0) &
			      PCI_BASE_ADDRESS_IO_MASK;
		io->on = function_config_dword(function, PCI_COMMAND) & PCI_COMMAND_IO &&
			 io->address &&
			 io->address + function->view.io_bar_size <= 0x10000;
		notify_move(function, io->on, io->address);
		for (bar = 1; bar < FUNCTION_BARS; bar++)
			remove_moved(function, bar);
	}
	for (i = 0; i < machine->num_functions; i++)
		for (bar = 1; bar < FUNCTION_BARS; bar++)
			if (machine->functions[i]->places[bar].on)
				map(machine->functions[i], bar, true);
}

/**
 * bars_find_port - find the I/O BAR with a port
 * @machine: with all functions
 * @port: the port
 * @offset: gets the place in the I/O BAR
 *
 * Return: the function, or NULL.
 */
struct function *bars_find_port(struct machine *machine, uint16_t port, unsigned int *offset)
{
	unsigned int i;

	for (i = 0; i < machine->num_functions; i++) {
		struct function *function = machine->functions[i];

		*offset = port - function->places[0].address;
		if (function->places[0].on && *offset < function->view.io_bar_size)
			return function;
	}
	return NULL;
}

/**
 * bars_find - find the memory BAR at an address
 * @machine: with all functions
 * @address: of the guest
 * @bar: gets its number, the function's
 * @offset: gets the place in it
 *
 * Return: the function, or NULL.
 */
struct function *bars_find(struct machine *machine, uint64_t address, unsigned int *bar,
			   uint64_t *offset)
{
	unsigned int i, guest_bar;

	for (i = 0; i < machine->num_functions; i++) {
		struct function *function = machine->functions[i];

		for (guest_bar = 1; guest_bar < FUNCTION_BARS; guest_bar++) {
			const struct function_place *place = &function->places[guest_bar];

			*offset = address - place->address;
			if (!place->on || *offset >= size_of(function, guest_bar))
				continue;
			*bar = physical(function, guest_bar);
			return function;
		}
	}
	return NULL;
}
