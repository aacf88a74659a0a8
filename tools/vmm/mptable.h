/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MPTABLE_H
#define MPTABLE_H

#include <stddef.h>
#include <stdint.h>

/* Where guests look for the table, and room for that of 255 CPUs */
#define MPTABLE_ADDRESS	0xf0000
#define MPTABLE_SIZE	0x2000

/**
 * struct mptable_line - the interrupt line of a PCI device
 * @slot: of the device
 * @irq: input of the I/O APIC
 */
struct mptable_line {
	uint8_t slot;
	uint8_t irq;
};

size_t mptable_write(uint8_t *table, size_t size, unsigned int cpus,
		     const struct mptable_line *lines, unsigned int count);

#endif /* MPTABLE_H */
