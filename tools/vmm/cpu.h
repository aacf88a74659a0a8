/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CPU_H
#define CPU_H

#include "loader.h"
#include "machine.h"

/**
 * struct cpu - a CPU of the guest
 * @machine: that has it
 * @id: its number, which is that of its local APIC
 * @fd: file of KVM
 * @run: KVM's memory for its exits
 */
struct cpu {
	struct machine *machine;
	unsigned int id;
	int fd;
	struct kvm_run *run;
};

void cpu_open(struct cpu *cpu, struct machine *machine, unsigned int id, bool without_avx);
void cpu_set_start(struct cpu *cpu, const struct loader *loader);
void cpu_run(struct cpu *cpu);

#endif /* CPU_H */
