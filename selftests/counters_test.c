// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counters in sysfs: each counts its own events, and no other one changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/session.h"

#define NOBODY		65534
#define THREADS		4
#define THREAD_READS	5000

static const char *const names[] = {
	"config_reads", "config_writes", "io_bar_reads", "io_bar_writes",
	"io_bar_unreachable", "refusals", "notify_writes", "notify_ioeventfds",
	"notify_deferred", "notify_dropped", "layout_switches", "device_resets",
	"function_resets", "intx_interrupts", "intx_signals", "intx_unmasks",
	"intx_refused_vectors",
};

enum {
	CONFIG_READS, CONFIG_WRITES, IO_BAR_READS, IO_BAR_WRITES,
	IO_BAR_UNREACHABLE, REFUSALS, NOTIFY_WRITES, NOTIFY_IOEVENTFDS,
	NOTIFY_DEFERRED, NOTIFY_DROPPED, LAYOUT_SWITCHES, DEVICE_RESETS,
	FUNCTION_RESETS, INTX_INTERRUPTS, INTX_SIGNALS, INTX_UNMASKS,
	INTX_REFUSED_VECTORS, NUM_COUNTERS,
};

FIXTURE(counters)
{
	struct session session;
	struct vfio_device *device;
	unsigned long values[NUM_COUNTERS];
};

static void counters_path(const char *bdf, char path[128])
{
	snprintf(path, 128, "/sys/bus/pci/devices/%s/" SYSFS_COUNTERS, bdf);
}

static void get_counters(const char *bdf, unsigned long values[NUM_COUNTERS])
{
	unsigned int i;

	for (i = 0; i < NUM_COUNTERS; i++)
		values[i] = sysfs_counter(bdf, names[i]);
}

/* Counts since the last call: the given ones, and no others */
#define EXPECT_COUNTED(...) do {						\
	const unsigned long wanted_[NUM_COUNTERS] = { __VA_ARGS__ };		\
	unsigned long now_[NUM_COUNTERS];					\
	unsigned int i_;							\
										\
	get_counters(self->session.bdf, now_);						\
	for (i_ = 0; i_ < NUM_COUNTERS; i_++) {					\
		EXPECT_EQ(now_[i_] - self->values[i_], wanted_[i_]) {		\
			TH_LOG("%s", names[i_]);				\
		}								\
		self->values[i_] = now_[i_];					\
	}									\
} while (0)

FIXTURE_SETUP(counters)
{
	self->device = session_open(&self->session, functions_prefer("net"));
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	get_counters(self->session.bdf, self->values);
}

FIXTURE_TEARDOWN(counters)
{
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(counters, registers)
{
	uint8_t bytes[VIRTIO_MMR_COMMON_SIZE];

	EXPECT_COUNTED(0);
	legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
	EXPECT_COUNTED([IO_BAR_READS] = 2);
	/* One access of the user counts once, even if it covers many registers */
	EXPECT_EQ(vfio_read(self->device, 0, 0, bytes, sizeof(bytes)), sizeof(bytes));
	EXPECT_COUNTED([IO_BAR_READS] = 1);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_COUNTED([IO_BAR_WRITES] = 1);
}

TEST_F(counters, configuration_space)
{
	vfio_config_read(self->device, PCI_VENDOR_ID, 4);
	vfio_config_read(self->device, PCI_VENDOR_ID, 1);
	EXPECT_COUNTED([CONFIG_READS] = 2);
	vfio_config_write(self->device, PCI_CACHE_LINE_SIZE, 1, 0);
	EXPECT_COUNTED([CONFIG_WRITES] = 1);
}

TEST_F(counters, refusals)
{
	uint32_t value = 0;
	uint64_t size = self->device->regions[0].size;

	EXPECT_EQ(vfio_read(self->device, 0, size, &value, 1), -EINVAL);
	EXPECT_EQ(vfio_write(self->device, 0, size - 1, &value, 2), -EINVAL);
	EXPECT_EQ(vfio_write(self->device, 0, VIRTIO_MMR_QUEUE_NOTIFY, NULL, 2), -EFAULT);
	EXPECT_COUNTED([REFUSALS] = 3);
}

TEST_F(counters, unreachable)
{
	vfio_command(self->device, 0, PCI_COMMAND_IO);
	EXPECT_COUNTED([CONFIG_READS] = 1, [CONFIG_WRITES] = 1);
	legacy_read(self->device, 0, 4);
	EXPECT_COUNTED([IO_BAR_READS] = 1, [IO_BAR_UNREACHABLE] = 1);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_COUNTED([IO_BAR_WRITES] = 1, [IO_BAR_UNREACHABLE] = 1);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_COUNTED([IO_BAR_WRITES] = 1, [IO_BAR_UNREACHABLE] = 1, [NOTIFY_DROPPED] = 1);
	/* An access to the same register that is more than a notification */
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 4, 0);
	EXPECT_COUNTED([IO_BAR_WRITES] = 1, [IO_BAR_UNREACHABLE] = 1, [NOTIFY_DROPPED] = 1);
}

TEST_F(counters, notifications)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;

	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_COUNTED([IO_BAR_WRITES] = 2, [NOTIFY_WRITES] = 2);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, fd), 0);
	ASSERT_EQ(write(fd, &one, sizeof(one)), sizeof(one));
	EXPECT_COUNTED([NOTIFY_IOEVENTFDS] = 1);
	vfio_command(self->device, 0, PCI_COMMAND_IO);
	ASSERT_EQ(write(fd, &one, sizeof(one)), sizeof(one));
	EXPECT_COUNTED([CONFIG_READS] = 1, [CONFIG_WRITES] = 1, [NOTIFY_DROPPED] = 1);
	close(fd);
}

TEST_F(counters, layout_switches)
{
	NEED_VECTORS(self->device, 1);
	vfio_msix_enable(self->device, 1);
	EXPECT_COUNTED([LAYOUT_SWITCHES] = 1);
	vfio_msix_disable(self->device);
	EXPECT_COUNTED([LAYOUT_SWITCHES] = 1);
	/* Closing switches MSI-X off if the user has left it on. The counters keep their values */
	vfio_msix_enable(self->device, 1);
	session_detach(&self->session);
	EXPECT_COUNTED([LAYOUT_SWITCHES] = 2);
	session_attach(&self->session);
}

TEST_F(counters, resets)
{
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, 1);
	EXPECT_COUNTED([IO_BAR_WRITES] = 1);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	EXPECT_COUNTED([IO_BAR_WRITES] = 1, [DEVICE_RESETS] = 1);
	ASSERT_EQ(vfio_reset(self->device), 0);
	EXPECT_COUNTED([FUNCTION_RESETS] = 1);
	ASSERT_EQ(sysfs_reset(self->session.bdf), 0);
	EXPECT_COUNTED([FUNCTION_RESETS] = 1);
}

static int read_queue_size(void *device)
{
	legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2);
	return 0;
}

/* No event is lost, on any set of processors */
TEST_F(counters, many_threads)
{
	struct background *threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		threads[i] = background_repeat(read_queue_size, self->device, THREAD_READS);
	for (i = 0; i < THREADS; i++)
		background_wait(threads[i]);
	EXPECT_COUNTED([IO_BAR_READS] = THREADS * THREAD_READS);
}

/* The file has the counters, a line each, in the order of the ABI, and nothing else */
TEST_F(counters, file)
{
	char path[128], line[128], want[128];
	unsigned int i;
	FILE *file;

	legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	get_counters(self->session.bdf, self->values);
	counters_path(self->session.bdf, path);
	file = fopen(path, "re");
	ASSERT_NE(file, NULL);
	for (i = 0; i < NUM_COUNTERS; i++) {
		ASSERT_NE(fgets(line, sizeof(line), file), NULL);
		snprintf(want, sizeof(want), "%s %lu\n", names[i], self->values[i]);
		EXPECT_STREQ(line, want);
	}
	EXPECT_EQ(fgets(line, sizeof(line), file), NULL);
	fclose(file);
}

/* The error of another user who opens the file, and 0 if that succeeds */
static int open_as_nobody(const char *path)
{
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 0;
	return open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

/* The counters show when keys are pressed on a console */
TEST_F(counters, for_root_alone)
{
	struct stat status;
	char path[128];
	pid_t child;
	int error;

	counters_path(self->session.bdf, path);
	ASSERT_EQ(stat(path, &status), 0);
	EXPECT_EQ(status.st_mode & 07777, 0400);
	EXPECT_EQ(status.st_uid, 0);

	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(open_as_nobody(path));
	ASSERT_EQ(waitpid(child, &error, 0), child);
	ASSERT_TRUE(WIFEXITED(error));
	EXPECT_EQ(WEXITSTATUS(error), EACCES);
}

/*
 * The counters belong to one binding. They vanish with it, also for a reader that has the file
 * open, and start from zero with the next
 */
TEST_F(counters, lifetime)
{
	const char *bdf = self->session.bdf;
	char path[128], bytes[64];
	int fd;

	counters_path(bdf, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	EXPECT_GT(sysfs_counter(bdf, "io_bar_reads"), 0);
	session_detach(&self->session);
	EXPECT_EQ(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	ASSERT_EQ(sysfs_unbind(bdf), 0);
	EXPECT_FALSE(sysfs_counters_exist(bdf));
	EXPECT_EQ(pread(fd, bytes, sizeof(bytes), 0), -1);
	EXPECT_EQ(errno, ENODEV);
	close(fd);
	ASSERT_EQ(sysfs_bind(bdf, MMR_DRIVER), 0);
	session_attach(&self->session);
	EXPECT_EQ(sysfs_counter(bdf, "io_bar_reads"), 0);
}

/* A function that is bound and never opened has no file. It counts nothing */
TEST_F(counters, begin_with_the_first_open)
{
	const char *bdf = self->session.bdf;

	session_detach(&self->session);
	ASSERT_EQ(sysfs_unbind(bdf), 0);
	ASSERT_EQ(sysfs_bind(bdf, MMR_DRIVER), 0);
	EXPECT_FALSE(sysfs_counters_exist(bdf));
	ASSERT_EQ(sysfs_reset(bdf), 0);
	EXPECT_FALSE(sysfs_counters_exist(bdf));
	/* And can be unbound without */
	ASSERT_EQ(sysfs_unbind(bdf), 0);
	ASSERT_EQ(sysfs_bind(bdf, MMR_DRIVER), 0);
	session_attach(&self->session);
	ASSERT_TRUE(sysfs_counters_exist(bdf));

	/* The counts go on with the next user */
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	get_counters(bdf, self->values);
	legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	EXPECT_COUNTED([IO_BAR_READS] = 1);
	session_detach(&self->session);
	ASSERT_TRUE(sysfs_counters_exist(bdf));
	get_counters(bdf, self->values);
	EXPECT_GT(self->values[IO_BAR_READS], 0);
	session_attach(&self->session);
	EXPECT_GE(sysfs_counter(bdf, "io_bar_reads"), self->values[IO_BAR_READS]);
}

FUNCTIONS_HARNESS_MAIN
