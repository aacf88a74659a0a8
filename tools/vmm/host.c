// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests to KVM and VFIO while the guest runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/vfio.h>

#include "host.h"

static int request(int fd, unsigned long number, void *argument)
{
	return ioctl(fd, number, argument) < 0 ? -errno : 0;
}

int host_map(int vm, uint32_t slot, uint64_t address, uint64_t size, void *memory)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = address,
		.memory_size = size,
		.userspace_addr = (uintptr_t)memory,
	};

	return request(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

int host_port_signals(int vm, uint16_t port, uint16_t value, int eventfd, bool on)
{
	struct kvm_ioeventfd ioeventfd = {
		.datamatch = value,
		.addr = port,
		.len = sizeof(value),
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH |
			 (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	return request(vm, KVM_IOEVENTFD, &ioeventfd);
}

int host_signal_interrupts(int vm, uint32_t gsi, int eventfd, int resample, bool on)
{
	struct kvm_irqfd irqfd = {
		.fd = eventfd,
		.gsi = gsi,
		.flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (on && resample >= 0) {
		irqfd.flags |= KVM_IRQFD_FLAG_RESAMPLE;
		irqfd.resamplefd = resample;
	}
	return request(vm, KVM_IRQFD, &irqfd);
}

int host_set_routes(int vm, struct kvm_irq_routing *routes)
{
	return request(vm, KVM_SET_GSI_ROUTING, routes);
}

int host_set_line(int vm, uint32_t gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	return request(vm, KVM_IRQ_LINE, &line);
}

static int set_irqs(int device, uint32_t index, uint32_t action, const int *eventfds,
		    uint32_t count)
{
	size_t size = sizeof(struct vfio_irq_set) + count * sizeof(*eventfds);
	struct vfio_irq_set *set = calloc(1, size);
	int ret;

	if (!set)
		return -ENOMEM;
	set->argsz = size;
	set->index = index;
	set->count = count;
	set->flags = action | (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	if (count)
		memcpy(set->data, eventfds, count * sizeof(*eventfds));
	ret = ioctl(device, VFIO_DEVICE_SET_IRQS, set);
	/* A number of vectors that would have been free is a refusal: none of them is taken. */
	if (ret)
		ret = ret > 0 ? -ENOSPC : -errno;
	free(set);
	return ret;
}

int host_set_vectors(int device, const int *eventfds, uint32_t count)
{
	return set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, eventfds,
			count);
}

int host_set_intx(int device, int trigger, int unmask, bool on)
{
	const uint32_t index = VFIO_PCI_INTX_IRQ_INDEX;
	int ret = set_irqs(device, index, VFIO_IRQ_SET_ACTION_TRIGGER, &trigger, on);

	if (ret || !on)
		return ret;
	ret = set_irqs(device, index, VFIO_IRQ_SET_ACTION_UNMASK, &unmask, 1);
	if (ret)
		set_irqs(device, index, VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0);
	return ret;
}

int host_signal_request(int device, int eventfd)
{
	return set_irqs(device, VFIO_PCI_REQ_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, &eventfd, 1);
}

int host_signal_error(int device, int eventfd)
{
	return set_irqs(device, VFIO_PCI_ERR_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, &eventfd, 1);
}

int host_signal_writes(int device, uint64_t position, uint16_t value, int eventfd)
{
	struct vfio_device_ioeventfd ioeventfd = {
		.argsz = sizeof(ioeventfd),
		.flags = VFIO_DEVICE_IOEVENTFD_16,
		.offset = position,
		.data = value,
		.fd = eventfd,
	};

	return request(device, VFIO_DEVICE_IOEVENTFD, &ioeventfd);
}
