// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/report.h"
#include "machine.h"
#include "payload.h"

#define MEMORY_SIZE	0x10000
#define PAYLOAD_ADDRESS	0x1000
/* Three pages that Intel's CPUs need for real mode; no memory of this program is there */
#define TSS_ADDRESS	0xfffbd000

#define CR0_PROTECTED_MODE	1
#define RFLAGS_RESERVED		2
#define SEGMENT_DATA		3	/* read, write, accessed */
#define SEGMENT_CODE		11	/* execute, read, accessed */

static int kvm_ioctl(int fd, unsigned long request, const char *name, void *argument)
{
	int ret = ioctl(fd, request, argument);

	if (ret < 0)
		fail("/dev/kvm: %s: %s", name, strerror(errno));
	return ret;
}

#define KVM_IOCTL(fd, request, argument) \
	kvm_ioctl(fd, request, #request, (void *)(uintptr_t)(argument))

static void add_memory(struct machine *machine, uint32_t slot, uint64_t address,
		       uint64_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = address,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	KVM_IOCTL(machine->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static struct kvm_segment flat_segment(uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = type == SEGMENT_CODE ? 0x08 : 0x10,
		.type = type,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
}

void machine_create(struct machine *machine)
{
	struct kvm_sregs sregs;
	int kvm;

	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm: %s; is the module kvm_amd or kvm_intel loaded?", strerror(errno));
	machine->fd = KVM_IOCTL(kvm, KVM_CREATE_VM, 0);
	KVM_IOCTL(machine->fd, KVM_SET_TSS_ADDR, TSS_ADDRESS);

	machine->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (machine->memory == MAP_FAILED)
		fail("mmap of a guest's memory: %s", strerror(errno));
	memcpy(machine->memory + PAYLOAD_ADDRESS, payload_begin, payload_end - payload_begin);
	add_memory(machine, 0, 0, MEMORY_SIZE, machine->memory);

	machine->cpu = KVM_IOCTL(machine->fd, KVM_CREATE_VCPU, 0);
	machine->run_size = KVM_IOCTL(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	machine->run = mmap(NULL, machine->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    machine->cpu, 0);
	if (machine->run == MAP_FAILED)
		fail("mmap of a virtual CPU: %s", strerror(errno));
	close(kvm);

	KVM_IOCTL(machine->cpu, KVM_GET_SREGS, &sregs);
	sregs.cr0 |= CR0_PROTECTED_MODE;
	sregs.cs = flat_segment(SEGMENT_CODE);
	sregs.ds = flat_segment(SEGMENT_DATA);
	sregs.es = sregs.ds;
	sregs.ss = sregs.ds;
	KVM_IOCTL(machine->cpu, KVM_SET_SREGS, &sregs);
}

void machine_destroy(struct machine *machine)
{
	munmap(machine->run, machine->run_size);
	close(machine->cpu);
	close(machine->fd);
	munmap(machine->memory, MEMORY_SIZE);
}

void machine_prepare(struct machine *machine, const char *entry, uint32_t count,
		     uint16_t port, uint16_t value, uint32_t address)
{
	struct kvm_regs regs = {
		.rip = PAYLOAD_ADDRESS + (entry - payload_begin),
		.rflags = RFLAGS_RESERVED,
		.rax = value,
		.rcx = count,
		.rdx = port,
		.rdi = address,
	};

	KVM_IOCTL(machine->cpu, KVM_SET_REGS, &regs);
}

void machine_ioeventfd(struct machine *machine, uint16_t port, uint16_t value, int fd)
{
	struct kvm_ioeventfd ioeventfd = {
		.datamatch = value,
		.addr = port,
		.len = sizeof(value),
		.fd = fd,
		.flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	KVM_IOCTL(machine->fd, KVM_IOEVENTFD, &ioeventfd);
}

void machine_map(struct machine *machine, void *page)
{
	add_memory(machine, 1, MACHINE_DEVICE_ADDRESS, sysconf(_SC_PAGESIZE), page);
}
