// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pci_regs.h>

#include "machine.h"

#define SERIAL		0x3f8
#define SERIAL_STATUS	(SERIAL + 5)
#define SERIAL_EMPTY	0x20
#define EXIT		0xf4
#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define HOST_BRIDGE	0x80000000u
#define PCIEXBAR	0x60		/* of Intel's Q35 */
#define WINDOW_UNIT	0x100000u
#define SETTLE		1000000

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

void print(const char *text)
{
	for (; *text; text++) {
		while (!(in8(SERIAL_STATUS) & SERIAL_EMPTY))
			;
		out8(SERIAL, *text);
	}
}

void print_hex(uint32_t value)
{
	char text[9] = {};
	int i;

	for (i = 0; i < 8; i++)
		text[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 0xf];
	print(text);
}

/* QEMU ends with twice the value and one */
void finish(bool success)
{
	out8(EXIT, success ? 1 : 2);
	for (;;)
		__asm__ volatile("hlt");
}

uint32_t load(uintptr_t address, unsigned int width)
{
	switch (width) {
	case 1:
		return __atomic_load_n((uint8_t *)address, __ATOMIC_ACQUIRE);
	case 2:
		return __atomic_load_n((uint16_t *)address, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n((uint32_t *)address, __ATOMIC_ACQUIRE);
	}
}

void store(uintptr_t address, unsigned int width, uint32_t value)
{
	switch (width) {
	case 1:
		__atomic_store_n((uint8_t *)address, value, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((uint16_t *)address, value, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((uint32_t *)address, value, __ATOMIC_RELEASE);
		break;
	}
}

/* --- Interrupts --------------------------------------------------------------------------- */

#define APIC		0xfee00000u
#define APIC_END	(APIC + 0xb0)
#define APIC_SPURIOUS	(APIC + 0xf0)
#define APIC_ENABLE	0x1ff
#define PIC_MASK	0x21
#define PIC_SECOND_MASK	0xa1

void interrupts_start(void)
{
	static struct {
		uint16_t low, selector, flags, high;
	} gates[MESSAGE_DATA + 1];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) idtr = { sizeof(gates) - 1, (uintptr_t)gates };
	uintptr_t entry = (uintptr_t)interrupt_entry;

	gates[MESSAGE_DATA].low = entry;
	gates[MESSAGE_DATA].selector = 8;
	gates[MESSAGE_DATA].flags = 0x8e00;
	gates[MESSAGE_DATA].high = entry >> 16;
	__asm__ volatile("lidt %0" : : "m"(idtr), "m"(gates));
	out8(PIC_MASK, 0xff);
	out8(PIC_SECOND_MASK, 0xff);
	store(APIC_SPURIOUS, 4, APIC_ENABLE);
}

void interrupt_end(void)
{
	store(APIC_END, 4, 0);
}

/* One that came before is taken only inside hlt, because hlt comes directly after sti. */
void interrupt_wait(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* --- Configuration space -------------------------------------------------------------- */

static uintptr_t ecam;

bool ecam_find(void)
{
	uint32_t value;

	out32(CONFIG_ADDRESS, HOST_BRIDGE | PCIEXBAR);
	value = in32(CONFIG_DATA);
	ecam = value & 0xf0000000;
	return value & 1;
}

static uintptr_t address_of(struct place place, unsigned int position)
{
	return ecam | (uintptr_t)place.bus << 20 | (uintptr_t)place.devfn << 12 | position;
}

uint32_t ecam_read(struct place place, unsigned int position, unsigned int width)
{
	return load(address_of(place, position), width);
}

void ecam_write(struct place place, unsigned int position, unsigned int width, uint32_t value)
{
	store(address_of(place, position), width, value);
}

/* Returns the position of the SR-IOV capability, or 0. */
static unsigned int find_sriov(struct place place)
{
	unsigned int position = PCI_CFG_SPACE_SIZE, steps;
	uint32_t header;

	for (steps = 0; position && steps < 480; steps++) {
		header = ecam_read(place, position, 4);
		if (header == 0xffffffff)
			return 0;
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_SRIOV)
			return position;
		position = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

bool sriov_find(struct place *pf, unsigned int *sriov)
{
	unsigned int number;

	for (number = (pf->bus << 8 | pf->devfn) + 1; number < 0x10000; number++) {
		struct place place = { number >> 8, number };

		if (ecam_read(place, PCI_VENDOR_ID, 2) != 0x1af4)
			continue;
		*sriov = find_sriov(place);
		if (*sriov) {
			*pf = place;
			return true;
		}
	}
	return false;
}

/* Returns the end of the memory that the bridge above a bus passes on, or 0. */
static uint32_t find_window(uint8_t bus, uint32_t *start)
{
	unsigned int devfn;

	for (devfn = 0; devfn < 256; devfn++) {
		struct place place = { 0, devfn };
		uint32_t base, limit;

		if (ecam_read(place, PCI_VENDOR_ID, 2) == 0xffff ||
		    (ecam_read(place, PCI_HEADER_TYPE, 1) & 0x7f) != PCI_HEADER_TYPE_BRIDGE ||
		    ecam_read(place, PCI_SECONDARY_BUS, 1) != bus)
			continue;
		base = (ecam_read(place, PCI_MEMORY_BASE, 2) & 0xfff0) << 16;
		limit = ((ecam_read(place, PCI_MEMORY_LIMIT, 2) & 0xfff0) << 16) + WINDOW_UNIT;
		*start = base;
		return limit > base ? limit : 0;
	}
	return 0;
}

/* Firmware puts the PF's BARs somewhere in the window. The VF gets the room after them. */
static uint32_t end_of_bars(struct place pf, uint32_t start, uint32_t end)
{
	uint32_t highest = start;
	unsigned int bar;

	for (bar = 0; bar < 6; bar++) {
		unsigned int position = PCI_BASE_ADDRESS_0 + 4 * bar;
		uint32_t value = ecam_read(pf, position, 4), size;

		if (value & PCI_BASE_ADDRESS_SPACE_IO)
			continue;
		ecam_write(pf, position, 4, 0xffffffff);
		size = -(ecam_read(pf, position, 4) & PCI_BASE_ADDRESS_MEM_MASK);
		ecam_write(pf, position, 4, value);
		value &= PCI_BASE_ADDRESS_MEM_MASK;
		if (value >= start && value < end && value + size > highest)
			highest = value + size;
	}
	return highest;
}

bool sriov_enable(struct place pf, unsigned int sriov, struct place *vf, uint32_t addresses[6],
		  uint32_t sizes[6], uint8_t *wide)
{
	uint32_t start = 0, end = find_window(pf.bus, &start), next, number;
	unsigned int bar, wait;

	if (!end) {
		print("# no bridge above the PF passes on memory\n");
		return false;
	}
	next = end_of_bars(pf, start, end);
	*wide = 0;
	for (bar = 0; bar < 6; bar++) {
		unsigned int position = sriov + PCI_SRIOV_BAR + 4 * bar;
		uint32_t mask;

		addresses[bar] = 0;
		sizes[bar] = 0;
		ecam_write(pf, position, 4, 0xffffffff);
		mask = ecam_read(pf, position, 4);
		ecam_write(pf, position, 4, 0);
		if (!(mask & PCI_BASE_ADDRESS_MEM_MASK))
			continue;
		sizes[bar] = -(mask & PCI_BASE_ADDRESS_MEM_MASK);
		next = (next + sizes[bar] - 1) & -sizes[bar];
		if (next < start || next > end - sizes[bar]) {
			print("# the bridge above the PF has no room for BARs of a VF\n");
			return false;
		}
		addresses[bar] = next;
		ecam_write(pf, position, 4, next);
		next += sizes[bar];
		if ((mask & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64) {
			*wide |= 1 << bar;
			bar++;
			ecam_write(pf, sriov + PCI_SRIOV_BAR + 4 * bar, 4, 0);
			addresses[bar] = 0;
			sizes[bar] = 0;
		}
	}
	ecam_write(pf, sriov + PCI_SRIOV_NUM_VF, 2, 1);
	ecam_write(pf, sriov + PCI_SRIOV_CTRL, 2, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
	number = (pf.bus << 8 | pf.devfn) + ecam_read(pf, sriov + PCI_SRIOV_VF_OFFSET, 2);
	*vf = (struct place){ number >> 8, number };
	/* A VF answers after some time (PCI Express base specification, 9.3.3.3.1). */
	for (wait = 0; wait < SETTLE; wait++)
		if (ecam_read(*vf, PCI_HEADER_TYPE, 1) != 0xff)
			return true;
	print("# the VF does not answer\n");
	return false;
}
