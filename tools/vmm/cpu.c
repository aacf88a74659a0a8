// SPDX-License-Identifier: GPL-2.0-or-later
/* CPUs: their features, the state of the first one at the start, and their exits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu.h"
#include "exits.h"
#include "message.h"

#define MAX_LEAVES		256
#define MSR_MTRR_DEFAULT	0x2ff
#define MTRR_ON_WRITE_BACK	0xc06
#define CR0_PE			0x1u
#define CR0_PG			0x80000000u
#define CR4_PAE			0x20u
#define EFER_LONG		0x500		/* LME, LMA */
#define CODE_64			0x10
#define DATA			0x18
#define CODE_32			0x20
#define CPUID_VMX		(1u << 5)
#define CPUID_SVM		(1u << 2)
#define CPUID_PERFCTR		(1u << 23 | 1u << 24 | 1u << 28)	/* AMD's counters */
#define MULTIBOOT_BOOTED	0x2badb002

/* What XSAVE has: registers, AVX, FMA, F16C */
static void remove_avx(struct kvm_cpuid_entry2 *leaf)
{
	switch (leaf->function) {
	case 0x1:
		leaf->ecx &= ~0x3c001000u;
		break;
	case 0x7:
		/* AVX2, all of AVX-512 */
		leaf->ebx &= ~0xdc230020u;
		leaf->ecx &= ~0x00005f42u;
		leaf->edx &= ~0x0180010cu;
		leaf->eax = 0;
		break;
	case 0xd:
		leaf->eax = 0;
		leaf->ebx = 0;
		leaf->ecx = 0;
		leaf->edx = 0;
		break;
	case 0x80000001:
		leaf->ecx &= ~0x00010800u;	/* FMA4, XOP */
		break;
	}
}

/* Each CPU is a package of its own. */
static void set_topology(struct kvm_cpuid_entry2 *leaf, unsigned int id)
{
	switch (leaf->function) {
	case 0x1:
		leaf->ebx = (leaf->ebx & 0xffff) | 1 << 16 | id << 24;
		leaf->ecx |= 1u << 31;	/* there is a hypervisor */
		break;
	case 0x4:
		leaf->eax &= 0x3fff;
		break;
	case 0xb:
	case 0x1f:
		leaf->eax = 0;
		leaf->ebx = leaf->index > 1 ? 0 : 1;
		leaf->ecx = leaf->index | (leaf->index < 2 ? (leaf->index + 1) << 8 : 0);
		leaf->edx = id;
		break;
	case 0x80000008:
		leaf->ecx = 0;
		break;
	case 0x8000001e:
		leaf->eax = id;
		leaf->ebx = id;
		leaf->ecx = 0;
		break;
	}
}

/*
 * What a guest here has no use for, while it makes KVM's part that a hostile guest reaches larger:
 * virtualization of its own, and counters of the processor's events.
 */
static void remove_needless(struct kvm_cpuid_entry2 *leaf)
{
	switch (leaf->function) {
	case 0x1:
		leaf->ecx &= ~CPUID_VMX;
		break;
	case 0x80000001:
		leaf->ecx &= ~(CPUID_SVM | CPUID_PERFCTR);
		break;
	case 0xa:
	case 0x23:
	case 0x8000000a:
	case 0x80000022:
		leaf->eax = 0;
		leaf->ebx = 0;
		leaf->ecx = 0;
		leaf->edx = 0;
		break;
	}
}

static void set_features(struct cpu *cpu, bool without_avx)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) +
					  MAX_LEAVES * sizeof(cpuid->entries[0]));
	unsigned int i;

	if (!cpuid)
		fail("out of memory");
	cpuid->nent = MAX_LEAVES;
	if (ioctl(cpu->machine->kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
		fail("KVM does not name the features of CPUs: %s", strerror(errno));
	for (i = 0; i < cpuid->nent; i++) {
		if (without_avx)
			remove_avx(&cpuid->entries[i]);
		remove_needless(&cpuid->entries[i]);
		set_topology(&cpuid->entries[i], cpu->id);
	}
	if (ioctl(cpu->fd, KVM_SET_CPUID2, cpuid))
		fail("KVM does not take the features of CPUs: %s", strerror(errno));
	free(cpuid);
}

/**
 * cpu_open - make a CPU, or end the program
 * @cpu: the CPU
 * @machine: the machine
 * @id: its number, from 0 on
 * @without_avx: it has no AVX, and no XSAVE
 *
 * All CPUs but the first one wait until that starts them.
 */
void cpu_open(struct cpu *cpu, struct machine *machine, unsigned int id, bool without_avx)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = { { .nmsrs = 1 }, { .index = MSR_MTRR_DEFAULT, .data = MTRR_ON_WRITE_BACK } };
	int size = ioctl(machine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	cpu->machine = machine;
	cpu->id = id;
	cpu->fd = ioctl(machine->vm, KVM_CREATE_VCPU, id);
	if (cpu->fd < 0)
		fail("KVM makes no CPU %u: %s; fewer --cpus may help", id, strerror(errno));
	cpu->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (cpu->run == MAP_FAILED)
		fail("KVM does not show the exits of CPU %u: %s", id, strerror(errno));
	set_features(cpu, without_avx);
	if (ioctl(cpu->fd, KVM_SET_MSRS, &msrs) != 1)
		message("CPU %u has no MTRRs: %s", id, strerror(errno));
}

static struct kvm_segment segment(unsigned int selector, bool is_64_bit)
{
	bool is_code = selector != DATA;

	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = is_code ? 0xb : 0x3,
		.present = 1, .s = 1, .g = 1, .db = !is_64_bit, .l = is_64_bit,
	};
}

/**
 * cpu_set_start - set the state in which the first CPU starts
 * @cpu: the first CPU
 * @loader: the program, loaded
 */
void cpu_set_start(struct cpu *cpu, const struct loader *loader)
{
	struct kvm_regs regs = { .rip = loader->entry, .rflags = 0x2 };
	bool is_long = loader->mode == LOADER_LONG;
	struct kvm_sregs sregs;

	if (ioctl(cpu->fd, KVM_GET_SREGS, &sregs))
		fail("KVM does not show registers: %s", strerror(errno));
	if (loader->mode == LOADER_REAL) {
		sregs.cs.selector = 0xf000;
		sregs.cs.base = 0xf0000;
	} else {
		sregs.cs = segment(is_long ? CODE_64 : CODE_32, is_long);
		sregs.ds = segment(DATA, false);
		sregs.es = sregs.ds;
		sregs.fs = sregs.ds;
		sregs.gs = sregs.ds;
		sregs.ss = sregs.ds;
		sregs.gdt.base = LOADER_GDT;
		sregs.gdt.limit = 0x27;
		sregs.cr0 |= CR0_PE;
		regs.rsi = loader->argument;
		regs.rbx = loader->argument;
		regs.rax = MULTIBOOT_BOOTED;
	}
	if (is_long) {
		sregs.cr0 |= CR0_PG;
		sregs.cr3 = LOADER_PAGE_TABLES;
		sregs.cr4 |= CR4_PAE;
		sregs.efer |= EFER_LONG;
	}
	if (ioctl(cpu->fd, KVM_SET_SREGS, &sregs) || ioctl(cpu->fd, KVM_SET_REGS, &regs))
		fail("KVM does not set registers: %s", strerror(errno));
}

static void exit_port(struct cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t i;

	cpu->machine->has_waited = false;
	for (i = 0; i < run->io.count && !cpu->machine->is_over; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_IN)
			exits_read_port(cpu->machine, run->io.port, data, run->io.size);
		else
			exits_write_port(cpu->machine, run->io.port, data, run->io.size);
		lock_let_first(&cpu->machine->lock);
	}
}

static void exit_memory(struct cpu *cpu)
{
	struct kvm_run *run = cpu->run;

	if (run->mmio.is_write)
		exits_write_memory(cpu->machine, run->mmio.phys_addr, run->mmio.data,
				   run->mmio.len);
	else
		exits_read_memory(cpu->machine, run->mmio.phys_addr, run->mmio.data,
				  run->mmio.len);
}

static void exit_odd(struct cpu *cpu)
{
	struct kvm_run *run = cpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_SHUTDOWN:
		message_of_end("CPU %u has ended by a triple fault, which is a reset or a crash of the guest",
			       cpu->id);
		cpu->machine->stop(cpu->machine, STATUS_CRASHED);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		message_of_end("CPU %u: KVM cannot go on, suberror %u; the guest ran an instruction that KVM does not know",
			       cpu->id, run->internal.suberror);
		cpu->machine->stop(cpu->machine, STATUS_FAILED);
		break;
	default:
		message_of_end("CPU %u: KVM cannot go on, exit reason %u", cpu->id,
			       run->exit_reason);
		cpu->machine->stop(cpu->machine, STATUS_FAILED);
		break;
	}
}

/**
 * cpu_run - let the guest run on this CPU
 * @cpu: the CPU
 *
 * Does not return.
 */
void cpu_run(struct cpu *cpu)
{
	bool is_over = false;

	while (!is_over) {
		int ret = ioctl(cpu->fd, KVM_RUN, 0);

		if (ret < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		lock_take(&cpu->machine->lock);
		if (ret < 0) {
			message_of_end("CPU %u: KVM cannot go on: %s; a BAR that the guest uses may have gone",
				       cpu->id, strerror(errno));
			cpu->machine->stop(cpu->machine, STATUS_FAILED);
		} else if (cpu->run->exit_reason == KVM_EXIT_IO) {
			exit_port(cpu);
		} else if (cpu->run->exit_reason == KVM_EXIT_MMIO) {
			exit_memory(cpu);
		} else {
			exit_odd(cpu);
		}
		is_over = cpu->machine->is_over;
		lock_give(&cpu->machine->lock);
	}
	/* The first thread ends the program. The guest must not go on after its reset. */
	for (;;)
		pause();
}
