/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtual machine by /dev/kvm: one CPU, 64 KiB of memory with the payload in
 * it, no device. The CPU is in protected mode with flat segments.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

/* Where machine_map() puts a page of a device */
#define MACHINE_DEVICE_ADDRESS	0x10000000u

struct machine {
	int fd;
	int cpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *memory;
};

/* All of these end the program, with a message, if the kernel refuses */
void machine_create(struct machine *machine);
void machine_destroy(struct machine *machine);

/* Sets the registers that the payload takes; machine->run describes exits */
void machine_prepare(struct machine *machine, const char *entry, uint32_t count,
		     uint16_t port, uint16_t value, uint32_t address);

/* Signals @fd for OUT of the 16-bit @value to @port, instead of an exit */
void machine_ioeventfd(struct machine *machine, uint16_t port, uint16_t value, int fd);

/* Maps a page of this process at MACHINE_DEVICE_ADDRESS */
void machine_map(struct machine *machine, void *page);

#endif /* BENCH_MACHINE_H */
