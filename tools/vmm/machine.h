/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

#include "lock.h"
#include "pci.h"
#include "serial.h"

#define MACHINE_FUNCTIONS	8
#define MACHINE_CPUS		32
#define MACHINE_SERIALS		2
#define MACHINE_INPUTS		24	/* of the I/O APIC, which are the first GSIs */
#define MACHINE_ROUTES		(16 + MACHINE_INPUTS - 1)

/* Places of BARs at the start, below 4 GiB and above. The guest may use all from its memory on. */
#define MACHINE_LOW_BARS	0xc0000000ull
#define MACHINE_LOW_BARS_END	0xfec00000ull
#define MACHINE_HIGH_BARS	0x100000000ull
#define MACHINE_HIGH_BARS_END	0x1000000000ull

struct function;

/**
 * struct machine - the virtual machine
 * @kvm: file of KVM
 * @vm: file of the virtual machine
 * @kvm_vfio: file by which KVM learns of VFIO's groups, -1 before the first one
 * @container: file of VFIO's container, which has the guest's memory
 * @groups: number and file of each of VFIO's groups
 * @num_groups: their number
 * @iommufd: file of iommufd, which has the guest's memory in place of @container; or -1
 * @address_space: its number of that memory
 * @memory: of the guest, from address 0 on
 * @size: of it
 * @cpus: number of CPUs
 * @lock: held by all users of the fields below, of serial ports, and of functions
 * @pci: its bus
 * @serials: its serial ports
 * @cmos_index: register of the clock that the guest has chosen
 * @exit_port: a byte that the guest writes here is the machine's exit status; -1 for none
 * @functions: those of PCI, in slots from 1 on
 * @num_functions: their number
 * @routes: places of interrupts, of inputs and of messages
 * @routes_are_stale: KVM has refused them, and still has others
 * @has_waited: a reset of a function was not over in time, in this exit
 * @stop: called to end the machine with a status; may be called again
 * @is_over: it was
 */
struct machine {
	int kvm;
	int vm;
	int kvm_vfio;
	int container;
	struct {
		char number[12];
		int file;
	} groups[MACHINE_FUNCTIONS];
	unsigned int num_groups;
	int iommufd;
	uint32_t address_space;
	uint8_t *memory;
	uint64_t size;
	unsigned int cpus;
	struct lock lock;
	struct pci pci;
	struct serial serials[MACHINE_SERIALS];
	uint8_t cmos_index;
	int exit_port;
	struct function *functions[MACHINE_FUNCTIONS];
	unsigned int num_functions;
	struct kvm_irq_routing *routes;
	bool routes_are_stale;
	bool has_waited;
	void (*stop)(struct machine *machine, int status);
	bool is_over;
};

void machine_open(struct machine *machine, unsigned int cpus, uint64_t size);
void machine_route(struct machine *machine);

#endif /* MACHINE_H */
