// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "lib/report.h"
#include "path.h"
#include "payload.h"

/* Any port will do: nothing else is in the machine */
#define PORT			0xc010
/* A single store is too short for a clock that counts time */
#define STORES_PER_OPERATION	100

#define VERIFIED_OPERATIONS	10
/* How long a notification that must not arrive is waited for */
#define NEVER_MS		2

/* --- Batches ------------------------------------------------------------------ */

static uint64_t run_guest(const struct path *path, unsigned int operations)
{
	struct machine *machine = path->machine;
	uint64_t start;

	machine_prepare(machine, path->entry, operations, path->port, path->value,
			path->address);
	start = clock_now();
	for (;;) {
		if (ioctl(machine->cpu, KVM_RUN, NULL) && errno != EINTR)
			fail("%s: KVM_RUN: %s", path->name, strerror(errno));
		if (machine->run->exit_reason == KVM_EXIT_IO)
			path->on_exit(path);
		else if (machine->run->exit_reason == KVM_EXIT_HLT)
			break;
		else if (machine->run->exit_reason != KVM_EXIT_INTR)
			fail("%s: the guest ended with KVM's exit reason %u", path->name,
			     machine->run->exit_reason);
	}
	return clock_now() - start;
}

static void exit_unexpected(const struct path *path)
{
	fail("%s: the guest left the kernel, which this path must not", path->name);
}

static void exit_nothing(const struct path *path)
{
}

static void exit_pwrite(const struct path *path)
{
	struct kvm_run *run = path->machine->run;

	if (pwrite(path->fd, (char *)run + run->io.data_offset, run->io.size,
		   path->position) != run->io.size)
		fail("%s: pwrite: %s", path->name, strerror(errno));
}

static void exit_pread(const struct path *path)
{
	struct kvm_run *run = path->machine->run;

	if (pread(path->fd, (char *)run + run->io.data_offset, run->io.size,
		  path->position) != run->io.size)
		fail("%s: pread: %s", path->name, strerror(errno));
}

static void exit_store(const struct path *path)
{
	struct kvm_run *run = path->machine->run;

	__atomic_store_n(path->mapped, *(uint16_t *)((char *)run + run->io.data_offset),
			 __ATOMIC_RELAXED);
}

static uint64_t host_pwrite(const struct path *path, unsigned int operations)
{
	uint64_t start = clock_now();

	while (operations--)
		if (pwrite(path->fd, &path->data, path->width, path->position) != path->width)
			fail("%s: pwrite: %s", path->name, strerror(errno));
	return clock_now() - start;
}

static uint64_t host_pread(const struct path *path, unsigned int operations)
{
	uint64_t start = clock_now();
	uint32_t data;

	while (operations--)
		if (pread(path->fd, &data, path->width, path->position) != path->width)
			fail("%s: pread: %s", path->name, strerror(errno));
	return clock_now() - start;
}

static uint64_t host_signal(const struct path *path, unsigned int operations)
{
	uint64_t start = clock_now(), one = 1;

	while (operations--)
		if (write(path->fd, &one, sizeof(one)) != sizeof(one))
			fail("%s: write: %s", path->name, strerror(errno));
	return clock_now() - start;
}

static uint64_t host_load(const struct path *path, unsigned int operations)
{
	uint64_t start = clock_now();

	while (operations--)
		(void)__atomic_load_n(path->mapped, __ATOMIC_RELAXED);
	return clock_now() - start;
}

static uint64_t host_store(const struct path *path, unsigned int operations)
{
	uint64_t start = clock_now();

	while (operations--)
		__atomic_store_n(path->mapped, path->value, __ATOMIC_RELAXED);
	return clock_now() - start;
}

/* --- The paths ---------------------------------------------------------------- */

__attribute__((format(printf, 3, 4)))
static struct path *add(struct paths *paths, enum path_effect effect, const char *format, ...)
{
	struct path *path = &paths->path[paths->count++];
	va_list args;

	if (paths->count > PATHS_MAX)
		fail("more than %d paths", PATHS_MAX);
	va_start(args, format);
	vsnprintf(path->name, sizeof(path->name), format, args);
	va_end(args);
	path->effect = effect;
	path->factor = 1;
	return path;
}

static void set_guest(struct path *path, const char *entry,
		      void (*on_exit)(const struct path *))
{
	path->batch = run_guest;
	path->entry = entry;
	path->on_exit = on_exit;
	path->port = PORT;
	path->machine = calloc(1, sizeof(*path->machine));
	if (!path->machine)
		fail("out of memory");
	machine_create(path->machine);
}

static int make_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		fail("eventfd: %s", strerror(errno));
	return fd;
}

/* What costs the same whatever the driver, and reaches no device */
static void add_floors(struct paths *paths)
{
	struct path *path;

	path = add(paths, PATH_NOTHING, "guest_exit");
	set_guest(path, payload_out16, exit_nothing);

	path = add(paths, PATH_NOTHING, "guest_ioeventfd");
	set_guest(path, payload_out16, exit_unexpected);
	machine_ioeventfd(path->machine, PORT, 0, paths->idle_eventfd);

	path = add(paths, PATH_NOTHING, "host_eventfd");
	path->batch = host_signal;
	path->fd = paths->idle_eventfd;
}

static void add_notifications(struct paths *paths, struct target *target)
{
	/* Entries of the machine, and which of them the guest hits */
	static const struct {
		unsigned int entries, hit;
	} scales[] = {
		{ 1, 0 }, { 4, 3 }, { 32, 31 }, { 64, 63 }, { 256, 255 }, { 256, 0 }
	};
	struct vfio_device_ioeventfd ioeventfd = {
		.argsz = sizeof(ioeventfd),
		.flags = VFIO_DEVICE_IOEVENTFD_16,
		.offset = target_position(target, VIRTIO_MMR_QUEUE_NOTIFY),
		.data = target->queue.index,
		.fd = paths->eventfd,
	};
	struct path *path;
	unsigned int i, entry;

	path = add(paths, PATH_NOTIFIES, "host_pwrite_notify");
	path->batch = host_pwrite;
	path->fd = target->device.fd;
	path->position = target_position(target, VIRTIO_MMR_QUEUE_NOTIFY);
	path->width = 2;
	path->data = target->queue.index;

	path = add(paths, PATH_NOTIFIES, "guest_exit_pwrite");
	set_guest(path, payload_out16, exit_pwrite);
	path->value = target->queue.index;
	path->fd = target->device.fd;
	path->position = target_position(target, VIRTIO_MMR_QUEUE_NOTIFY);

	/* It has no ioeventfd */
	if (!strcmp(target->driver, PEER_DRIVER))
		return;

	/* A count that is pending at registration would notify, hence a new eventfd */
	if (ioctl(target->device.fd, VFIO_DEVICE_IOEVENTFD, &ioeventfd))
		fail("%s: VFIO_DEVICE_IOEVENTFD of %s: %s", target->device.bdf, target->driver,
		     strerror(errno));
	path = add(paths, PATH_NOTIFIES, "host_eventfd_vfio");
	path->batch = host_signal;
	path->fd = paths->eventfd;

	for (i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
		path = add(paths, PATH_NOTIFIES, "guest_ioeventfd_vfio_%u_of_%u",
			   scales[i].hit + 1, scales[i].entries);
		set_guest(path, payload_out16, exit_unexpected);
		path->value = scales[i].hit;
		for (entry = 0; entry < scales[i].entries; entry++)
			machine_ioeventfd(path->machine, PORT, entry,
					  entry == scales[i].hit ? paths->eventfd :
								   paths->idle_eventfd);
	}
}

/* Where the device's memory may be mapped: without a driver in between */
static void add_mapped(struct paths *paths, struct target *target)
{
	uint64_t position = target_position(target, VIRTIO_MMR_QUEUE_NOTIFY);
	long page_size = sysconf(_SC_PAGESIZE);
	uint16_t *mapped;
	struct path *path;

	if (!(target->device.regions[target->device.registers_region].flags &
	      VFIO_REGION_INFO_FLAG_MMAP))
		return;
	paths->page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   target->device.fd, position / page_size * page_size);
	if (paths->page == MAP_FAILED)
		fail("%s: mmap of the legacy registers: %s", target->device.bdf,
		     strerror(errno));
	mapped = (uint16_t *)((char *)paths->page + position % page_size);

	path = add(paths, PATH_READS, "host_load");
	path->batch = host_load;
	path->mapped = mapped;
	path->factor = STORES_PER_OPERATION;

	path = add(paths, PATH_NOTIFIES, "host_store");
	path->batch = host_store;
	path->mapped = mapped;
	path->value = target->queue.index;
	path->factor = STORES_PER_OPERATION;

	path = add(paths, PATH_NOTIFIES, "guest_exit_store");
	set_guest(path, payload_out16, exit_store);
	path->value = target->queue.index;
	path->mapped = mapped;

	path = add(paths, PATH_NOTIFIES, "guest_store");
	set_guest(path, payload_store16, exit_unexpected);
	machine_map(path->machine, paths->page);
	path->address = MACHINE_DEVICE_ADDRESS + position % page_size;
	path->value = target->queue.index;
	path->factor = STORES_PER_OPERATION;
}

static void add_registers(struct paths *paths, struct target *target)
{
	const struct {
		const char *name;
		unsigned int offset, width;
		/* Writing back what it reads, or not at all, changes nothing */
		bool is_written;
	} registers[] = {
		{ "device_features", VIRTIO_MMR_DEVICE_FEATURES, 4, false },
		{ "driver_features", VIRTIO_MMR_DRIVER_FEATURES, 4, true },
		{ "queue_address", VIRTIO_MMR_QUEUE_ADDRESS, 4, false },
		{ "queue_size", VIRTIO_MMR_QUEUE_SIZE, 2, false },
		{ "queue_select", VIRTIO_MMR_QUEUE_SELECT, 2, true },
		{ "queue_notify", VIRTIO_MMR_QUEUE_NOTIFY, 2, false },
		{ "device_status", VIRTIO_MMR_DEVICE_STATUS, 1, true },
		{ "isr_status", VIRTIO_MMR_ISR_STATUS, 1, false },
		{ "config_vector", VIRTIO_MMR_CONFIG_VECTOR, 2, true },
		{ "queue_vector", VIRTIO_MMR_QUEUE_VECTOR, 2, true },
		{ "device_config_1", legacy_config(&target->device), 1, true },
		{ "device_config_2", legacy_config(&target->device), 2, true },
		{ "device_config_4", legacy_config(&target->device), 4, true },
	};
	struct path *path;
	unsigned int i;

	path = add(paths, PATH_READS, "guest_exit_pread");
	set_guest(path, payload_in8, exit_pread);
	path->fd = target->device.fd;
	path->position = target_position(target, VIRTIO_MMR_DEVICE_STATUS);

	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (!target->has_config && !strncmp(registers[i].name, "device_config", 13))
			continue;
		/* It reads the place to notify, which is no legacy register */
		if (!strcmp(target->driver, PEER_DRIVER) &&
		    registers[i].offset == VIRTIO_MMR_QUEUE_NOTIFY)
			continue;
		path = add(paths, PATH_READS, "host_pread_%s", registers[i].name);
		path->batch = host_pread;
		path->fd = target->device.fd;
		path->position = target_position(target, registers[i].offset);
		path->width = registers[i].width;
		if (!registers[i].is_written)
			continue;
		path = add(paths, PATH_WRITES, "host_pwrite_%s", registers[i].name);
		path->batch = host_pwrite;
		path->fd = target->device.fd;
		path->position = target_position(target, registers[i].offset);
		path->width = registers[i].width;
		path->data = legacy_read(&target->device, registers[i].offset,
					 registers[i].width);
		/* DRIVER_OK, which it has already */
		path->is_start = registers[i].offset == VIRTIO_MMR_DEVICE_STATUS;
	}
}

void paths_create(struct paths *paths, struct target *target)
{
	memset(paths, 0, sizeof(*paths));
	paths->eventfd = make_eventfd();
	paths->idle_eventfd = make_eventfd();
	add_floors(paths);
	add_notifications(paths, target);
	if (!strcmp(target->driver, STOCK_DRIVER))
		add_mapped(paths, target);
	add_registers(paths, target);
}

void paths_destroy(struct paths *paths)
{
	unsigned int i;

	for (i = 0; i < paths->count; i++) {
		if (!paths->path[i].machine)
			continue;
		machine_destroy(paths->path[i].machine);
		free(paths->path[i].machine);
	}
	if (paths->page)
		munmap(paths->page, sysconf(_SC_PAGESIZE));
	close(paths->eventfd);
	close(paths->idle_eventfd);
}

/* --- What the device sees of them --------------------------------------------- */

static uint64_t count(struct target *target, const char *counter)
{
	return target->has_counters && counter ? qmp_counter(&target->qmp, counter) : 0;
}

static void expect(const struct path *path, struct target *target, const char *counter,
		   uint64_t before, uint64_t wanted)
{
	uint64_t seen;

	if (!target->has_counters || !counter)
		return;
	seen = qmp_counter(&target->qmp, counter) - before;
	if (seen != wanted)
		fail("%s through %s: the device's %s went up by %llu, not by %llu", path->name,
		     target->driver, counter, (unsigned long long)seen,
		     (unsigned long long)wanted);
}

unsigned int path_verify(const struct path *path, struct target *target)
{
	const unsigned int operations = VERIFIED_OPERATIONS * path->factor;
	uint64_t reads = count(target, target->reads);
	uint64_t writes = count(target, target->writes);
	uint64_t notifies = count(target, target->notifies);
	unsigned int notified = 0;

	if (!path->is_start)
		target_offer(target);
	path->batch(path, operations);
	if (path->effect == PATH_NOTIFIES) {
		notified = operations;
		if (!target_used(target, LEGACY_TIMEOUT))
			fail("%s through %s: the device did not use its queue", path->name,
			     target->driver);
	} else if (target_used(target, NEVER_MS)) {
		fail("%s through %s: the device was notified, which this path must not do",
		     path->name, target->driver);
	}
	expect(path, target, target->notifies, notifies, notified);
	if (path->effect == PATH_READS)
		expect(path, target, target->reads, reads, operations);
	if (path->effect == PATH_WRITES)
		expect(path, target, target->writes, writes, operations);

	if (path->effect != PATH_NOTIFIES && !path->is_start) {
		/* It was the path: the device uses the same request once it is notified */
		legacy_queue_kick(&target->queue);
		notified++;
		if (!target_used(target, LEGACY_TIMEOUT))
			fail("%s: the device does not use its queue", target->device.bdf);
	}
	return notified;
}
