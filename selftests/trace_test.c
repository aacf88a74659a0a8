// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints: each event of this function is traced once, with the right values.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/legacy.h"
#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/session.h"

#define TRACEFS		"/sys/kernel/tracing"
/* An instance of its own does not disturb other users of tracing */
#define INSTANCE	TRACEFS "/instances/virtio_mmr_trace_test"

#define AREA_SIZE	(1 << 17)

/* Time that the driver waits for a reset (policy) */
#define PATIENCE	1000 /* ms */

FIXTURE(trace)
{
	struct session session;
	struct vfio_device *device;
};

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return -1;
	done = write(fd, text, strlen(text));
	close(fd);
	return done == (ssize_t)strlen(text) ? 0 : -1;
}

/* Counts lines of the trace with this event of this function and this text at the end */
static unsigned int count_events(const char *bdf, const char *event, const char *says)
{
	char line[512], wanted[256];
	unsigned int found = 0;
	FILE *trace = fopen(INSTANCE "/trace", "re");

	if (!trace)
		return 0;
	snprintf(wanted, sizeof(wanted), " %s: %s %s\n", event, bdf, says);
	while (fgets(line, sizeof(line), trace))
		found += !!strstr(line, wanted);
	fclose(trace);
	return found;
}

static unsigned int count_all(const char *bdf)
{
	unsigned int found = 0;
	char line[512];
	FILE *trace = fopen(INSTANCE "/trace", "re");

	if (!trace)
		return ~0U;
	while (fgets(line, sizeof(line), trace))
		found += line[0] != '#' && strstr(line, bdf);
	fclose(trace);
	return found;
}

/* The trace has this line once */
static bool traced(const char *bdf, const char *event, const char *says)
{
	unsigned int found = count_events(bdf, event, says);

	if (found == 1)
		return true;
	report("%s %s: %u times in the trace", event, says, found);
	return false;
}

/* The trace has this line once and no other line. Empties the trace */
static __attribute__((format(printf, 3, 4))) bool
traced_only(const char *bdf, const char *event, const char *format, ...)
{
	char says[128];
	va_list values;
	bool alone;

	va_start(values, format);
	vsnprintf(says, sizeof(says), format, values);
	va_end(values);
	alone = traced(bdf, event, says) && count_all(bdf) == 1;
	return !put(INSTANCE "/trace", "") && alone;
}

#define EXPECT_TRACED_ONLY(...) EXPECT_TRUE(traced_only(self->device->bdf, __VA_ARGS__))
#define EXPECT_TRACED(...) EXPECT_TRUE(traced(self->device->bdf, __VA_ARGS__))

FIXTURE_SETUP(trace)
{
	unsigned int domain, bus, slot, function;
	struct stat status;
	char filter[64];
	int fields;

	if (stat(TRACEFS "/instances", &status) &&
	    mount("tracefs", TRACEFS, "tracefs", 0, NULL))
		SKIP(return, "this kernel has no tracefs");
	self->device = session_open(&self->session, functions_prefer("net"));
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	rmdir(INSTANCE);
	ASSERT_EQ(mkdir(INSTANCE, 0700), 0);
	/* Readers miss lines while others write to the trace */
	fields = sscanf(self->device->bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &function);
	ASSERT_EQ(fields, 4);
	snprintf(filter, sizeof(filter), "domain == %u && bdf == %u", domain,
		 bus << 8 | slot << 3 | function);
	ASSERT_EQ(put(INSTANCE "/events/virtio_mmr/filter", filter), 0);
	ASSERT_EQ(put(INSTANCE "/events/virtio_mmr/enable", "1"), 0);
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_EQ(put(INSTANCE "/events/virtio_mmr/enable", "0"), 0);
	EXPECT_EQ(rmdir(INSTANCE), 0);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(trace, access)
{
	uint32_t value = legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	char read_select[128];
	uint8_t bytes[8];

	EXPECT_TRACED_ONLY("virtio_mmr_access",
			   "read offset=0x00 width=4 value=0x%x result=register", value);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0x0102);
	EXPECT_TRACED_ONLY("virtio_mmr_access",
			   "write offset=0x0e width=2 value=0x102 result=register");
	/* The pieces that the device sees: one for each register */
	EXPECT_EQ(vfio_read(self->device, 0, VIRTIO_MMR_QUEUE_ADDRESS, bytes, 8), 8);
	EXPECT_EQ(count_all(self->device->bdf), 3);
	/* The selection of a queue that the device lacks may be lost */
	snprintf(read_select, sizeof(read_select),
		 "read offset=0x0e width=2 value=0x%x result=register",
		 bytes[6] | bytes[7] << 8);
	EXPECT_TRACED("virtio_mmr_access", read_select);
	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);

	vfio_command(self->device, 0, PCI_COMMAND_IO);
	legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
	EXPECT_TRACED_ONLY("virtio_mmr_access",
			   "read offset=0x13 width=1 value=0xff result=nothing");
}

TEST_F(trace, notify)
{
	/* A queue other than 0, if there is any */
	unsigned int queue = legacy_queues(self->device) - 1;
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;

	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);

	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_TRACED_ONLY("virtio_mmr_notify", "queue=0 path=write result=rung");
	ASSERT_GE(fd, 0);
	ASSERT_EQ(legacy_ioeventfd(self->device, queue, fd), 0);
	ASSERT_EQ(write(fd, &one, sizeof(one)), sizeof(one));
	EXPECT_TRACED_ONLY("virtio_mmr_notify", "queue=%u path=ioeventfd result=rung", queue);
	vfio_command(self->device, 0, PCI_COMMAND_IO);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 3);
	EXPECT_TRACED_ONLY("virtio_mmr_notify", "queue=3 path=write result=dropped");
	close(fd);
}

TEST_F(trace, layout)
{
	NEED_VECTORS(self->device, 1);
	vfio_msix_enable(self->device, 1);
	EXPECT_TRACED_ONLY("virtio_mmr_layout", "device_config=0x18");
	vfio_msix_disable(self->device);
	EXPECT_TRACED_ONLY("virtio_mmr_layout", "device_config=0x14");
}

TEST_F(trace, reset)
{
	/* An emulated device that takes longer than the driver's limit */
	bool is_stuck = qmp_count(self->device->bdf, "mmr-reset-delay") > PATIENCE;

	ASSERT_EQ(vfio_reset(self->device), 0);
	EXPECT_TRACED("virtio_mmr_reset", "event=function-begin");
	EXPECT_TRACED("virtio_mmr_reset", "event=function-end");
	EXPECT_EQ(count_all(self->device->bdf), 2);
	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, 1);
	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	EXPECT_TRACED("virtio_mmr_reset", "event=device");
	if (is_stuck)
		EXPECT_TRACED("virtio_mmr_reset", "event=device-stuck");
	EXPECT_EQ(count_all(self->device->bdf), is_stuck ? 3 : 2);
}

/* A queue that is live before INTx is on: the guest may have missed an interrupt of it */
TEST_F(trace, intx)
{
	int trigger = vfio_eventfd();
	struct legacy_queue queue;
	struct iova_area area;

	NEED_INTX(self->device);
	iova_map(&area, &self->session.container, IOVA_BASE, AREA_SIZE);
	legacy_start(self->device, 0);
	legacy_queue_start(&queue, self->device, 0, &area, LEGACY_NO_VECTOR);
	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);

	ASSERT_EQ(intx_trigger(self->device, trigger), 0);
	EXPECT_TRACED("virtio_mmr_intx", "event=interrupt isr=0x1");
	EXPECT_TRACED("virtio_mmr_intx", "event=engage isr=0x1");
	EXPECT_EQ(count_all(self->device->bdf), 2);
	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);
	ASSERT_EQ(intx_unmask(self->device), 0);
	EXPECT_TRACED_ONLY("virtio_mmr_intx", "event=unmask isr=0x1");
	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1), INTX_ISR_QUEUE);
	EXPECT_EQ(put(INSTANCE "/trace", ""), 0);
	ASSERT_EQ(intx_unmask(self->device), 0);
	EXPECT_TRACED_ONLY("virtio_mmr_intx", "event=unmask isr=0x0");
	ASSERT_EQ(intx_off(self->device), 0);
	EXPECT_TRACED_ONLY("virtio_mmr_intx", "event=disengage isr=0x0");
	legacy_reset(self->device);
	iova_unmap(&area);
}

#define KPROBE	"virtio_mmr_trace_test"
/* Beside other calls, which come between its beginning and the reset now and then */
#define RESETS	20

/* Calls of synchronize_rcu_expedited() by this thread since the last look */
static unsigned int count_expedited(void)
{
	char line[512];
	unsigned int found = 0;
	FILE *trace = fopen(INSTANCE "/trace", "re");

	if (!trace)
		return ~0U;
	while (fgets(line, sizeof(line), trace))
		found += !!strstr(line, " " KPROBE ": ");
	fclose(trace);
	put(INSTANCE "/trace", "");
	return found;
}

static int ask(void *device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return ioctl(((struct vfio_device *)device)->fd, VFIO_DEVICE_GET_INFO, &info) ? -errno : 0;
}

static int write_cache_line(void *device)
{
	vfio_config_write(device, PCI_CACHE_LINE_SIZE, 1, 0);
	return 0;
}

/*
 * Waiting for accesses in flight interrupts all CPUs of the host. A reset by the host needs
 * that wait. A reset by the user has no accesses in flight, and a user may cause any number of
 * them.
 */
TEST_F(trace, resets_by_the_user_interrupt_nobody)
{
	unsigned int at = vfio_capability(self->device, PCI_CAP_ID_EXP), i;
	struct background *asks, *writes;
	char filter[64];

	if (put(TRACEFS "/kprobe_events", "p:" KPROBE " synchronize_rcu_expedited"))
		SKIP(return, "this kernel has no kprobe events");
	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	ASSERT_EQ(put(INSTANCE "/events/kprobes/" KPROBE "/filter", filter), 0);
	ASSERT_EQ(put(INSTANCE "/events/kprobes/" KPROBE "/enable", "1"), 0);

	EXPECT_EQ(sysfs_reset(self->device->bdf), 0);
	EXPECT_EQ(count_expedited(), 1);
	EXPECT_EQ(vfio_reset(self->device), 0);
	EXPECT_EQ(count_expedited(), 0);
	ASSERT_NE(at, 0);
	vfio_config_write(self->device, at + PCI_EXP_DEVCTL, 2,
			  vfio_config_read(self->device, at + PCI_EXP_DEVCTL, 2) |
			  PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_EQ(count_expedited(), 0);
	/* Nor while other threads are in calls of the same kind */
	asks = background_start(ask, self->device);
	writes = background_start(write_cache_line, self->device);
	for (i = 0; i < RESETS; i++)
		EXPECT_EQ(vfio_reset(self->device), 0);
	EXPECT_EQ(background_stop(asks), 0);
	EXPECT_EQ(background_stop(writes), 0);
	EXPECT_EQ(count_expedited(), 0);
	/* The host resets again */
	EXPECT_EQ(sysfs_reset(self->device->bdf), 0);
	EXPECT_EQ(count_expedited(), 1);

	EXPECT_EQ(put(INSTANCE "/events/kprobes/" KPROBE "/enable", "0"), 0);
	EXPECT_EQ(put(TRACEFS "/kprobe_events", ""), 0);
}

TEST_F(trace, off)
{
	EXPECT_EQ(put(INSTANCE "/events/virtio_mmr/enable", "0"), 0);
	legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_EQ(count_all(self->device->bdf), 0);
}

FUNCTIONS_HARNESS_MAIN
