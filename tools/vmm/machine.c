// SPDX-License-Identifier: GPL-2.0-or-later
/* The virtual machine: KVM's parts, memory, and the routes of interrupts. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "function.h"
#include "host.h"
#include "machine.h"
#include "message.h"

#define API_VERSION	12
#define TSS_ADDRESS	0xfffbd000	/* three pages that Intel's CPUs need */
#define TIMER_INPUT	2
#define LEVEL_INPUTS	0x0e20		/* 5, 9, 10, 11: those of functions */

static void add_input(struct kvm_irq_routing *routes, unsigned int gsi, unsigned int chip,
		      unsigned int pin)
{
	routes->entries[routes->nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { chip, pin },
	};
}

/* Each line leads to the 8259 and to the I/O APIC, where the timer has another place. */
static void add_inputs(struct kvm_irq_routing *routes)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		add_input(routes, i, i / 8 ? KVM_IRQCHIP_PIC_SLAVE : KVM_IRQCHIP_PIC_MASTER, i % 8);
	for (i = 0; i < MACHINE_INPUTS; i++)
		if (i != TIMER_INPUT)
			add_input(routes, i, KVM_IRQCHIP_IOAPIC, i ? i : TIMER_INPUT);
}

/* A firmware would tell the 8259 which inputs PCI has. */
static void set_level_inputs(struct machine *machine)
{
	unsigned int chip;

	for (chip = KVM_IRQCHIP_PIC_MASTER; chip <= KVM_IRQCHIP_PIC_SLAVE; chip++) {
		struct kvm_irqchip state = { .chip_id = chip };

		if (ioctl(machine->vm, KVM_GET_IRQCHIP, &state))
			fail("KVM does not show its 8259: %s", strerror(errno));
		state.chip.pic.elcr = chip == KVM_IRQCHIP_PIC_MASTER ? LEVEL_INPUTS & 0xff :
								       LEVEL_INPUTS >> 8;
		if (ioctl(machine->vm, KVM_SET_IRQCHIP, &state))
			fail("KVM does not set its 8259: %s", strerror(errno));
	}
}

/**
 * machine_route - tell KVM the routes of interrupts
 * @machine: the machine
 *
 * If KVM has no memory for them now, the next change of any vector tries it again.
 */
void machine_route(struct machine *machine)
{
	int error = host_set_routes(machine->vm, machine->routes);

	machine->routes_are_stale = error;
	if (error)
		message("interrupts may be lost, KVM refuses their routes: error %d", -error);
}

/**
 * machine_open - make a machine, or end the program
 * @machine: all zero
 * @cpus: number of CPUs
 * @size: of its memory in bytes
 */
void machine_open(struct machine *machine, unsigned int cpus, uint64_t size)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	int error;

	machine->cpus = cpus;
	machine->size = size;
	machine->kvm_vfio = -1;
	machine->container = -1;
	machine->iommufd = -1;
	machine->exit_port = -1;
	lock_open(&machine->lock);
	pci_init(&machine->pci);
	machine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (machine->kvm < 0)
		fail("cannot open /dev/kvm: %s; the host needs KVM, and you access to it",
		     strerror(errno));
	if (ioctl(machine->kvm, KVM_GET_API_VERSION, 0) != API_VERSION)
		fail("/dev/kvm has another version than %u", API_VERSION);
	machine->vm = ioctl(machine->kvm, KVM_CREATE_VM, 0);
	if (machine->vm < 0)
		fail("KVM makes no virtual machine: %s", strerror(errno));
	if (ioctl(machine->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS) ||
	    ioctl(machine->vm, KVM_CREATE_IRQCHIP, 0) ||
	    ioctl(machine->vm, KVM_CREATE_PIT2, &pit))
		fail("KVM makes no interrupt controllers: %s", strerror(errno));

	machine->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (machine->memory == MAP_FAILED)
		fail("no memory for the guest: %s; less --memory may help", strerror(errno));
	error = host_map(machine->vm, 0, 0, size, machine->memory);
	if (error)
		fail("KVM does not take %llu bytes as the guest's memory: %s; less --memory may help",
		     (unsigned long long)size, strerror(-error));

	machine->routes = calloc(1, sizeof(*machine->routes) +
				 (MACHINE_ROUTES + MACHINE_FUNCTIONS * FUNCTION_VECTORS) *
				 sizeof(machine->routes->entries[0]));
	if (!machine->routes)
		fail("out of memory");
	add_inputs(machine->routes);
	set_level_inputs(machine);
}
