// SPDX-License-Identifier: GPL-2.0-or-later
/* The MP table (MultiProcessor specification 1.4): CPUs, I/O APIC, and interrupt lines. */
#include <string.h>

#include "mptable.h"

#define LOCAL_APIC	0xfee00000
#define IO_APIC		0xfec00000
#define POINTER_SIZE	16
#define HEADER_SIZE	44
#define PCI_BUS		0
#define ISA_BUS		1
#define ISA_IRQS	16

/* A table under construction. Bytes that do not fit only count. */
struct writer {
	uint8_t *bytes;
	size_t size;
	size_t used;
};

static void put(struct writer *writer, const void *data, size_t count)
{
	if (writer->used + count <= writer->size)
		memcpy(writer->bytes + writer->used, data, count);
	writer->used += count;
}

static void put8(struct writer *writer, uint8_t value)
{
	put(writer, &value, 1);
}

static void put16(struct writer *writer, uint16_t value)
{
	put8(writer, value);
	put8(writer, value >> 8);
}

static void put32(struct writer *writer, uint32_t value)
{
	put16(writer, value);
	put16(writer, value >> 16);
}

static void put_cpu(struct writer *writer, uint8_t id)
{
	put8(writer, 0);
	put8(writer, id);
	put8(writer, 0x14);		/* version of the local APIC */
	put8(writer, id ? 0x1 : 0x3);	/* usable; the first one boots */
	put32(writer, 0x600);		/* family 6 */
	put32(writer, 0x201);		/* local APIC, FPU */
	put32(writer, 0);
	put32(writer, 0);
}

static void put_bus(struct writer *writer, uint8_t bus, const char *name)
{
	put8(writer, 1);
	put8(writer, bus);
	put(writer, name, 6);
}

/* @kind is 3 for an input of the I/O APIC, 4 for one of all local APICs */
static void put_interrupt(struct writer *writer, uint8_t kind, uint8_t type, uint16_t flags,
			  uint8_t bus, uint8_t source, uint8_t apic, uint8_t input)
{
	put8(writer, kind);
	put8(writer, type);
	put16(writer, flags);
	put8(writer, bus);
	put8(writer, source);
	put8(writer, apic);
	put8(writer, input);
}

static uint8_t sum(const uint8_t *bytes, size_t count)
{
	uint8_t total = 0;

	while (count--)
		total += *bytes++;
	return total;
}

static int is_line(const struct mptable_line *lines, unsigned int count, unsigned int irq)
{
	while (count--)
		if (lines[count].irq == irq)
			return 1;
	return 0;
}

/* Everything after the header. Returns the number of entries. */
static unsigned int put_entries(struct writer *writer, unsigned int cpus,
				const struct mptable_line *lines, unsigned int count)
{
	unsigned int i, entries = cpus + 3 + 2;
	uint8_t io_apic = cpus;

	for (i = 0; i < cpus; i++)
		put_cpu(writer, i);
	put_bus(writer, PCI_BUS, "PCI   ");
	put_bus(writer, ISA_BUS, "ISA   ");
	put8(writer, 2);
	put8(writer, io_apic);
	put8(writer, 0x11);
	put8(writer, 1);
	put32(writer, IO_APIC);
	for (i = 0; i < ISA_IRQS; i++) {
		/* 2 leads to the other 8259; the timer has its place at the I/O APIC */
		if (i == 2 || is_line(lines, count, i))
			continue;
		put_interrupt(writer, 3, 0, 0, ISA_BUS, i, io_apic, i ? i : 2);
		entries++;
	}
	/* INTA: active low and by level, as PCI has it */
	for (i = 0; i < count; i++)
		put_interrupt(writer, 3, 0, 0xf, PCI_BUS, lines[i].slot << 2, io_apic,
			      lines[i].irq);
	put_interrupt(writer, 4, 3, 0, ISA_BUS, 0, 0xff, 0);	/* the 8259 */
	put_interrupt(writer, 4, 1, 0, ISA_BUS, 0, 0xff, 1);	/* NMI */
	return entries + count;
}

/**
 * mptable_write - write the table, with its pointer first
 * @table: where to write it; guests find it at MPTABLE_ADDRESS
 * @size: room there
 * @cpus: number of CPUs, 1 to 254, whose APIC IDs begin with 0
 * @lines: interrupt lines of PCI devices
 * @count: their number
 *
 * Return: bytes that the table has, more than @size if it does not fit. Then it is unusable.
 */
size_t mptable_write(uint8_t *table, size_t size, unsigned int cpus,
		     const struct mptable_line *lines, unsigned int count)
{
	struct writer entries = { table, size, POINTER_SIZE + HEADER_SIZE };
	struct writer pointer = { table, size, 0 }, header = { table, size, POINTER_SIZE };
	unsigned int number = put_entries(&entries, cpus, lines, count);
	size_t length = entries.used - POINTER_SIZE;

	if (entries.used > size)
		return entries.used;
	put(&pointer, "_MP_", 4);
	put32(&pointer, MPTABLE_ADDRESS + POINTER_SIZE);
	put8(&pointer, 1);		/* 16 bytes */
	put8(&pointer, 4);		/* version 1.4 */
	while (pointer.used < POINTER_SIZE)
		put8(&pointer, 0);
	table[10] = -sum(table, POINTER_SIZE);

	put(&header, "PCMP", 4);
	put16(&header, length);
	put8(&header, 4);
	put8(&header, 0);
	put(&header, "MMR     mmrvmm      ", 20);
	put32(&header, 0);
	put16(&header, 0);
	put16(&header, number);
	put32(&header, LOCAL_APIC);
	put32(&header, 0);
	table[POINTER_SIZE + 7] = -sum(table + POINTER_SIZE, length);
	return entries.used;
}
