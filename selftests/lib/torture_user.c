// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/virtio_pci.h>

#include "legacy.h"
#include "torture_kinds.h"

#define ACCESS_MAX	64
/* Most accesses are near the registers */
#define BAR0_NEAR	0x28
#define CONFIG_SIZE	4096
/*
 * Places that do not overlap. Else a device would write its used ring into descriptors of another
 * place, and would later take these numbers for addresses. The last place has the buffer.
 */
#define PLACES_OF_RINGS	(TORTURE_AREA_PAGES / TORTURE_RING_PAGES - 1)

static ssize_t read_config(struct torture_worker *worker, unsigned int at, void *data, size_t size)
{
	return vfio_read(&worker->user->session.device, VFIO_PCI_CONFIG_REGION_INDEX, at, data,
			 size);
}

static void write_config(struct torture_worker *worker, unsigned int at, const void *data,
			 size_t size)
{
	vfio_write(&worker->user->session.device, VFIO_PCI_CONFIG_REGION_INDEX, at, data, size);
}

static int any_eventfd(struct torture_worker *worker)
{
	return worker->user->eventfds[below(worker, TORTURE_EVENTFDS)];
}

static void bar0(struct torture_worker *worker)
{
	const unsigned int address = VIRTIO_MMR_QUEUE_ADDRESS;
	static const uint8_t status[] = { 0, 1, 3, 7, 7, 0x83 };
	struct torture_user *user = worker->user;
	struct vfio_device *device = &user->session.device;
	unsigned int length, at, i, size = device->regions[0].size;
	uint8_t bytes[ACCESS_MAX];
	uint32_t page;

	length = below(worker, 4) ? 1u << below(worker, 4) : 1 + below(worker, ACCESS_MAX);
	at = below(worker, below(worker, 8) ? BAR0_NEAR : size + 8);
	for (i = 0; i < length; i++)
		bytes[i] = sequence_next(&worker->sequence);
	/* Part of an address could be any address, and DMA would go astray */
	if (below(worker, 2) || (at < address + 4 && at + length > address &&
				 (at > address || at + length < address + 4))) {
		vfio_read(device, 0, at, bytes, length);
		return;
	}
	if (at <= address && at + length >= address + 4) {
		page = 0;
		if (below(worker, 4))
			page = (IOVA_BASE >> 12) +
			       below(worker, PLACES_OF_RINGS) * TORTURE_RING_PAGES;
		memcpy(bytes + address - at, &page, sizeof(page));
	}
	if (at <= VIRTIO_MMR_DEVICE_STATUS && at + length > VIRTIO_MMR_DEVICE_STATUS)
		bytes[VIRTIO_MMR_DEVICE_STATUS - at] = status[below(worker, sizeof(status))];
	vfio_write(device, 0, at, bytes, length);
}

static void notify(struct torture_worker *worker)
{
	uint16_t queue = below(worker, 4);

	vfio_write(&worker->user->session.device, 0, VIRTIO_MMR_QUEUE_NOTIFY, &queue,
		   sizeof(queue));
}

/* A driver of an entropy device: it answers each request, and interrupts */
static void request(struct torture_worker *worker)
{
	struct torture_user *user = worker->user;
	struct vfio_device *device = &user->session.device;
	const uint32_t page = IOVA_BASE >> 12;
	const uint16_t none = 0;
	struct vring ring;
	uint16_t entries = 0;
	uint8_t status = 7;

	vfio_write(device, 0, VIRTIO_MMR_QUEUE_SELECT, &none, 2);
	vfio_read(device, 0, VIRTIO_MMR_QUEUE_SIZE, &entries, 2);
	/* Another type has more queues, and would take the buffer for a request of its own */
	if (!user->function->is_rng || !entries || entries > LEGACY_QUEUE_MAX)
		return;
	vring_init(&ring, entries, user->area.memory, LEGACY_QUEUE_ALIGN);
	ring.desc[0].addr = IOVA_BASE + ((TORTURE_AREA_PAGES - 1) << 12);
	ring.desc[0].len = 64;
	ring.desc[0].flags = VRING_DESC_F_WRITE;
	vfio_write(device, 0, VIRTIO_MMR_QUEUE_ADDRESS, &page, 4);
	vfio_write(device, 0, VIRTIO_MMR_QUEUE_VECTOR, &none, 2);
	vfio_write(device, 0, VIRTIO_MMR_DEVICE_STATUS, &status, 1);
	__atomic_store_n(&ring.avail->idx, below(worker, entries), __ATOMIC_SEQ_CST);
	vfio_write(device, 0, VIRTIO_MMR_QUEUE_NOTIFY, &none, 2);
	vfio_read(device, 0, VIRTIO_MMR_ISR_STATUS, &status, 1);
}

static void config_read(struct torture_worker *worker)
{
	unsigned int at = below(worker, below(worker, 2) ? 256 : CONFIG_SIZE);
	uint8_t bytes[ACCESS_MAX];

	read_config(worker, at, bytes, 1 + below(worker, ACCESS_MAX));
}

static void config_write(struct torture_worker *worker)
{
	unsigned int length = 1u << below(worker, 3), at, window = worker->user->window;
	uint8_t bytes[4];

	at = below(worker, below(worker, 8) ? 64 : CONFIG_SIZE);
	/* Through its window it could reach the address of a queue */
	if (window && at + length > window && at < window + sizeof(struct virtio_pci_cfg_cap))
		return;
	sequence_next(&worker->sequence);
	memcpy(bytes, &worker->sequence.state, sizeof(bytes));
	write_config(worker, at, bytes, length);
}

static void command(struct torture_worker *worker)
{
	uint16_t value = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

	if (!below(worker, 4))
		value = below(worker, 8);
	value |= below(worker, 2) * PCI_COMMAND_INTX_DISABLE;
	write_config(worker, PCI_COMMAND, &value, 2);
}

/* Reads of a place in the BARs through the window of configuration space, and nothing written */
static void config_window(struct torture_worker *worker)
{
	struct torture_user *user = worker->user;
	const struct {
		uint32_t offset, length;
	} place = { below(worker, 0x40), 1u << below(worker, 3) };
	uint8_t bar = below(worker, 7);
	uint32_t value;

	if (!user->window)
		return;
	write_config(worker, user->window + VIRTIO_PCI_CAP_BAR, &bar, 1);
	write_config(worker, user->window + VIRTIO_PCI_CAP_OFFSET, &place, sizeof(place));
	read_config(worker, user->window + sizeof(struct virtio_pci_cap), &value, place.length);
}

static void irqs(struct torture_worker *worker)
{
	static const unsigned int indexes[] = {
		VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX,
		VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_ERR_IRQ_INDEX,
		VFIO_PCI_REQ_IRQ_INDEX, VFIO_PCI_NUM_IRQS,
	};
	unsigned int index = indexes[below(worker, sizeof(indexes) / sizeof(indexes[0]))];
	struct vfio_device *device = &worker->user->session.device;
	unsigned int count = below(worker, 4), i;
	unsigned int start = below(worker, 8) ? 0 : below(worker, 3);
	uint32_t action = 1u << (3 + below(worker, 3)), form = 1u << below(worker, 3);
	uint8_t bools[4];
	size_t size;
	int fds[4];

	/* Most requests have a meaning */
	if (below(worker, 2)) {
		action = VFIO_IRQ_SET_ACTION_TRIGGER;
		form = below(worker, 3) ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE;
		count = index == VFIO_PCI_MSIX_IRQ_INDEX ? 2 : 1;
		if (form == VFIO_IRQ_SET_DATA_NONE)
			count = 0;
	}
	for (i = 0; i < 4; i++) {
		fds[i] = below(worker, 8) ? any_eventfd(worker) : (int)below(worker, 3) - 1;
		bools[i] = below(worker, 2);
	}
	if (form == VFIO_IRQ_SET_DATA_EVENTFD) {
		size = count * sizeof(fds[0]);
		/* Too short by a byte */
		if (size && !below(worker, 32))
			size--;
		vfio_irq_action(device, index, action | form, start, count, fds, size);
	} else {
		size = form == VFIO_IRQ_SET_DATA_BOOL ? count : 0;
		vfio_irq_action(device, index, action | form, start, count, bools, size);
	}
}

static void signal_eventfd(struct torture_worker *worker)
{
	const uint64_t one = 1;
	uint64_t value;
	int fd = any_eventfd(worker);

	if (write(fd, &one, sizeof(one)) < 0 || below(worker, 2))
		(void)!read(fd, &value, sizeof(value));
}

/* The kernel sees the last reference go, while something still waits for a signal */
static void replace_eventfd(struct torture_worker *worker)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, any_eventfd(worker));
	close(fd);
}

static void ioeventfd(struct torture_worker *worker)
{
	struct vfio_device *device = &worker->user->session.device;
	const struct vfio_region_info *region = &device->regions[below(worker, 6)];
	int fd = below(worker, 3) ? any_eventfd(worker) : -1;
	uint32_t limit = 1 << 20;

	if (below(worker, 4)) {
		vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
			       device->regions[0].offset + VIRTIO_MMR_QUEUE_NOTIFY,
			       below(worker, 4), fd);
		return;
	}
	if (region->size && region->size < limit)
		limit = region->size;
	vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_8 << below(worker, 4),
		       region->offset + below(worker, limit), 0, fd);
}

/* The memory of a function that is in reset, asleep, or without memory decode raises SIGBUS */
static __thread sigjmp_buf bus_error;
static __thread bool expects_bus_error;

static void on_bus_error(int signal)
{
	if (!expects_bus_error)
		abort();
	siglongjmp(bus_error, 1);
}

void torture_expect_bus_errors(void)
{
	signal(SIGBUS, on_bus_error);
}

static void read_memory(struct torture_worker *worker, const uint8_t *memory, uint32_t size)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		__atomic_load_n(memory + below(worker, size), __ATOMIC_SEQ_CST);
		if (!below(worker, 4))
			usleep(below(worker, 1000));
	}
}

static void map_bar(struct torture_worker *worker)
{
	struct vfio_device *device = &worker->user->session.device;
	const struct vfio_region_info *region = &device->regions[below(worker, 6)];
	size_t size = region->size ? region->size : 4096;
	uint8_t *memory;

	if (!worker->user->function->is_mapped)
		return;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
		      region->offset);
	if (memory == MAP_FAILED)
		return;
	if (!sigsetjmp(bus_error, 1)) {
		expects_bus_error = true;
		read_memory(worker, memory, size < 4096 ? size : 4096);
	}
	expects_bus_error = false;
	munmap(memory, size);
}

static void reset_by_ioctl(struct torture_worker *worker)
{
	vfio_reset(&worker->user->session.device);
}

static void reset_by_config(struct torture_worker *worker)
{
	const uint16_t control = PCI_EXP_DEVCTL_BCR_FLR;

	if (worker->user->express)
		write_config(worker, worker->user->express + PCI_EXP_DEVCTL, &control,
			     sizeof(control));
}

static void sleep_by_config(struct torture_worker *worker)
{
	uint16_t state = below(worker, 4);

	if (!worker->user->power)
		return;
	write_config(worker, worker->user->power + PCI_PM_CTRL, &state, sizeof(state));
	usleep(below(worker, 20000));
	state = 0;
	if (below(worker, 8))
		write_config(worker, worker->user->power + PCI_PM_CTRL, &state, sizeof(state));
}

static void low_power(struct torture_worker *worker)
{
	vfio_low_power(&worker->user->session.device, true);
	usleep(below(worker, 20000));
	if (below(worker, 8))
		vfio_low_power(&worker->user->session.device, false);
}

static void ask(struct torture_worker *worker)
{
	struct vfio_device *device = &worker->user->session.device;
	struct vfio_region_info region = {
		.argsz = sizeof(region),
		.index = below(worker, 10),
	};
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = below(worker, 6) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_pci_hot_reset_info reset = { .argsz = sizeof(reset) };

	ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &region);
	ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, &irq);
	ioctl(device->fd, VFIO_DEVICE_GET_INFO, &info);
	ioctl(device->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &reset);
	vfio_has_low_power(device);
}

static void open_again(struct torture_worker *worker)
{
	int fd = vfio_device_reopen(&worker->user->session.device);

	if (fd < 0)
		return;
	usleep(below(worker, 1000));
	close(fd);
}

/* A reset keeps all threads of a user waiting, so there are 1,000 others for each or two of them */
const struct torture_kind torture_user_kinds[] = {
	{ "bar0", 1500, bar0 }, { "notify", 400, notify }, { "request", 200, request },
	{ "config_read", 500, config_read }, { "config_write", 200, config_write },
	{ "command", 60, command }, { "config_window", 60, config_window },
	{ "irqs", 120, irqs }, { "signal_eventfd", 200, signal_eventfd },
	{ "replace_eventfd", 20, replace_eventfd }, { "ioeventfd", 80, ioeventfd },
	{ "map_bar", 20, map_bar }, { "ask", 60, ask }, { "open_again", 10, open_again },
	{ "reset_by_ioctl", 2, reset_by_ioctl }, { "reset_by_config", 2, reset_by_config },
	{ "sleep_by_config", 6, sleep_by_config }, { "low_power", 6, low_power },
	{}
};
