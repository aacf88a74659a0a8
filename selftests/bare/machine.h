/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the program needs of a PC: a serial port, the end, interrupts, and configuration space by
 * ECAM.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>

void print(const char *text);
void print_hex(uint32_t value);
__attribute__((noreturn)) void finish(bool success);

uint32_t load(uintptr_t address, unsigned int width);
void store(uintptr_t address, unsigned int width, uint32_t value);

/* A message of MSI-X that calls interrupt(), which bare.c has, while the program sleeps */
#define MESSAGE_ADDRESS	0xfee00000
#define MESSAGE_DATA	0x40

void interrupts_start(void);
/* In start.S: calls interrupt() */
void interrupt_entry(void);
void interrupt(void);
void interrupt_end(void);
/* Until the next one */
void interrupt_wait(void);

/* A function, by bus and device and function number */
struct place {
	uint8_t bus;
	uint8_t devfn;
};

bool ecam_find(void);
uint32_t ecam_read(struct place place, unsigned int position, unsigned int width);
void ecam_write(struct place place, unsigned int position, unsigned int width, uint32_t value);

/* The PF after @after (bus 0, 0 at first) with the SR-IOV capability at @sriov */
bool sriov_find(struct place *pf, unsigned int *sriov);
/* Turns on its first VF, with BARs of these sizes. Returns false and says why if it cannot. */
bool sriov_enable(struct place pf, unsigned int sriov, struct place *vf, uint32_t addresses[6],
		  uint32_t sizes[6], uint8_t *wide);

#endif /* MACHINE_H */
