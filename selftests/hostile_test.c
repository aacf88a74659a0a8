// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile operations of a user with the file descriptor, which no guest's driver would do: bad
 * buffers, bad arguments, and two operations at once.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/qmp.h"
#include "lib/session.h"
#include "lib/watch.h"

#define SUSPEND_TIMEOUT	5000 /* ms */
#define CONFIG_SIZE	4096
#define IO_ADDRESS	0xc000

/* For operations that take less than a second unless they hang */
#define HANG_TIMEOUT	20000 /* ms */

FIXTURE(hostile)
{
	const struct mmr_type *type;
	struct session session;
	struct vfio_device *device;
};

FIXTURE_SETUP(hostile)
{
	const char *bdf = functions_prefer("net");

	self->type = sysfs_type(bdf);
	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	legacy_reset(self->device);
}

FIXTURE_TEARDOWN(hostile)
{
	EXPECT_TRUE(session_close(&self->session));
}

/* --- Large accesses ---------------------------------------------------------- */

#define READ_SIZE	0x7ffff000 /* the most that Linux reads in one call */
#define READ_TIME	1000 /* ms */

/* The size is the user's, so the kernel must not do work for bytes beyond the end of a BAR. */
TEST_F(hostile, reads_far_beyond_the_end)
{
	/* The stack may be too near the end of the addresses for this size */
	static uint32_t value;
	struct timespec start, end;
	unsigned int region;
	int64_t time;
	ssize_t done;

	for (region = 0; region < VFIO_PCI_NUM_REGIONS; region++) {
		uint64_t size = self->device->regions[region].size;

		if (size < 4 || region == VFIO_PCI_CONFIG_REGION_INDEX)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &start);
		done = vfio_read(self->device, region, size - 4, &value, READ_SIZE);
		clock_gettime(CLOCK_MONOTONIC, &end);
		/* The I/O BAR refuses it */
		EXPECT_TRUE(done == 4 || (!region && done == -EINVAL));
		time = (end.tv_sec - start.tv_sec) * 1000 +
		       (end.tv_nsec - start.tv_nsec) / 1000000;
		EXPECT_LT(time, READ_TIME) {
			TH_LOG("region %u", region);
		}
	}
}

/* --- Buffers ----------------------------------------------------------------- */

/* The state that a failed write could have changed */
struct state {
	uint8_t config[CONFIG_SIZE];
	uint8_t registers[VIRTIO_MMR_COMMON_SIZE];
	uint64_t writes;
};

static struct state look(struct __test_metadata *_metadata,
			 struct vfio_device *device, struct qmp *qmp)
{
	struct state state = {};
	unsigned int at;

	for (at = 0; at < CONFIG_SIZE; at += 4) {
		uint32_t value = vfio_config_read(device, at, 4);

		memcpy(state.config + at, &value, 4);
	}
	EXPECT_EQ(vfio_read(device, 0, 0, state.registers, sizeof(state.registers)),
		  sizeof(state.registers));
	if (qmp->fd >= 0)
		state.writes = qmp_counter(qmp, "mmr-writes") +
			       qmp_counter(qmp, "mmr-notifies");
	return state;
}

/* Buffers that end in the middle, are absent, or are not writable */
TEST_F(hostile, bad_buffers)
{
	static const struct {
		unsigned int region, offset, size;
	} cases[] = {
		{ VFIO_PCI_BAR0_REGION_INDEX, 0, VIRTIO_MMR_COMMON_SIZE },
		{ VFIO_PCI_BAR0_REGION_INDEX, VIRTIO_MMR_DRIVER_FEATURES, 4 },
		{ VFIO_PCI_BAR0_REGION_INDEX, VIRTIO_MMR_QUEUE_SELECT, 2 },
		{ VFIO_PCI_BAR0_REGION_INDEX, VIRTIO_MMR_QUEUE_NOTIFY, 4 },
		{ VFIO_PCI_BAR0_REGION_INDEX, VIRTIO_MMR_DEVICE_STATUS, 1 },
		{ VFIO_PCI_BAR0_REGION_INDEX, VIRTIO_MMR_COMMON_SIZE, 6 },
		{ VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, 1 },
		{ VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, 2 },
		{ VFIO_PCI_CONFIG_REGION_INDEX, PCI_BASE_ADDRESS_0, 4 },
		{ VFIO_PCI_CONFIG_REGION_INDEX, PCI_BASE_ADDRESS_0 + 2, 2 },
		{ VFIO_PCI_CONFIG_REGION_INDEX, PCI_INTERRUPT_LINE, 1 },
	};
	struct vfio_device *device = self->device;
	struct state before, after;
	uint8_t *page, *absent, *read_only;
	struct qmp qmp = { .fd = -1 };
	unsigned int i, present;

	/* A page, an absent page, and a page that cannot be written */
	page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(page, MAP_FAILED);
	memset(page, 0xa5, 3 * 4096);
	absent = page + 4096;
	read_only = page + 2 * 4096;
	ASSERT_EQ(munmap(absent, 4096), 0);
	ASSERT_EQ(mprotect(read_only, 4096, PROT_READ), 0);

	qmp_open(&qmp, device->bdf);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, IO_ADDRESS);
	before = look(_metadata, device, &qmp);

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned int region = cases[i].region, size = cases[i].size;
		unsigned int at = cases[i].offset;

		for (present = 0; present < size; present += (size + 1) / 2) {
			EXPECT_EQ(vfio_write(device, region, at, absent - present, size),
				  -EFAULT) {
				TH_LOG("%u bytes at %#x of region %u, %u of them there",
				       size, at, region, present);
			}
			EXPECT_EQ(vfio_read(device, region, at, absent - present, size),
				  -EFAULT) {
				TH_LOG("%u bytes at %#x of region %u, %u of them there",
				       size, at, region, present);
			}
		}
		EXPECT_EQ(vfio_read(device, region, at, read_only, size), -EFAULT);
		EXPECT_EQ(vfio_read(device, region, at, (void *)-4096l, size), -EFAULT);
		EXPECT_EQ(vfio_write(device, region, at, (void *)-4096l, size), -EFAULT);
	}

	after = look(_metadata, device, &qmp);
	EXPECT_EQ(memcmp(before.config, after.config, CONFIG_SIZE), 0);
	EXPECT_EQ(memcmp(before.registers, after.registers, sizeof(after.registers)), 0);
	EXPECT_EQ(before.writes, after.writes);
	qmp_close(&qmp);
	munmap(page, 4096);
	munmap(read_only, 4096);
}

/* Switches the function's memory off and on, which removes mappings */
static int zap(void *device)
{
	vfio_command(device, 0, PCI_COMMAND_MEMORY);
	vfio_command(device, PCI_COMMAND_MEMORY, 0);
	return 0;
}

/*
 * Uses a register of the function as buffer for accesses to the function. The kernel's copy
 * faults, and the fault handler takes vfio's lock. A separate process does this, because it may
 * hang for good.
 */
static int use_own_bar(struct vfio_device *device, void *buffer)
{
	struct timespec now, end;
	unsigned int i;

	/* It ends with the process */
	background_start(zap, device);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 2;
	do {
		for (i = 0; i < 16; i++) {
			/* A PF without memory cannot be copied to. That result is ignored */
			vfio_read(device, 0, VIRTIO_MMR_DEVICE_STATUS, buffer, 1);
			vfio_write(device, 0, VIRTIO_MMR_DEVICE_STATUS, buffer, 1);
			vfio_read(device, VFIO_PCI_CONFIG_REGION_INDEX,
				  PCI_COMMAND, buffer, 2);
			vfio_read(device, VFIO_PCI_CONFIG_REGION_INDEX,
				  PCI_DEVICE_ID, buffer, 2);
			vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX,
				   PCI_BASE_ADDRESS_0, buffer, 2);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
	return 0;
}

TEST_F(hostile, buffer_in_own_bar)
{
	struct vfio_device *device = self->device;
	const struct vfio_region_info *region;
	struct mmr_window window;
	void *memory, *select;
	struct qmp qmp;
	int status = -1;
	pid_t child;

	ASSERT_TRUE(sysfs_window(device->bdf, &window));
	region = &device->regions[window.bar];
	memory = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      device->fd, region->offset);
	if (memory == MAP_FAILED)
		SKIP(return, "BAR %u cannot be mapped: %s", window.bar, strerror(errno));
	select = memory + window.offset + VIRTIO_MMR_QUEUE_SELECT;

	/*
	 * First this checks that it works: from device status to queue select, and back.
	 * Another device need not keep half of a register, or the number of an absent queue.
	 * device need not keep half of a register, or the number of an absent queue.
	 */
	if (qmp_open(&qmp, device->bdf)) {
		qmp_close(&qmp);
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
		ASSERT_EQ(vfio_read(device, 0, VIRTIO_MMR_DEVICE_STATUS, select, 1), 1);
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2),
			  VIRTIO_CONFIG_S_ACKNOWLEDGE);
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2,
			     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
		ASSERT_EQ(vfio_write(device, 0, VIRTIO_MMR_DEVICE_STATUS, select, 1), 1);
		EXPECT_EQ(legacy_status(device),
			  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, IO_ADDRESS >> 8);
		ASSERT_EQ(vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX,
				     PCI_BASE_ADDRESS_0 + 1, select, 1), 1);
		EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
			  (IO_ADDRESS | PCI_BASE_ADDRESS_SPACE_IO));
	}

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(use_own_bar(device, select));
	ASSERT_TRUE(background_process_ends(child, HANG_TIMEOUT, &status)) {
		TH_LOG("process %d hangs in the kernel", child);
	}
	EXPECT_EQ(status, 0);
	vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	legacy_reset(device);
	EXPECT_EQ(legacy_status(device), 0);
	munmap(memory, region->size);
}

/* Memory whose next access waits until a thread of this test provides the page */
struct slow_memory {
	int fd;
	void *page;
};

static bool slow_memory_create(struct slow_memory *slow)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	slow->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	slow->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	range.range.start = (uintptr_t)slow->page;
	range.range.len = 4096;
	return slow->fd >= 0 && slow->page != MAP_FAILED &&
	       !ioctl(slow->fd, UFFDIO_API, &api) &&
	       !ioctl(slow->fd, UFFDIO_REGISTER, &range);
}

/* Whether an access waits for the page */
static bool slow_memory_is_awaited(struct slow_memory *slow)
{
	struct uffd_msg message;

	return read(slow->fd, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

/* Fills the page with zeros, so that the waiting access continues */
static bool slow_memory_provide(struct slow_memory *slow)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)slow->page, .len = 4096 },
	};

	return !ioctl(slow->fd, UFFDIO_ZEROPAGE, &zero);
}

struct slow_writer {
	struct vfio_device *device;
	void *buffer;
};

static int write_slowly(void *data)
{
	struct slow_writer *writer = data;

	return vfio_error(vfio_write(writer->device, VFIO_PCI_CONFIG_REGION_INDEX,
				     PCI_COMMAND, writer->buffer, 2), 2);
}

/* Waits until a process sleeps in the kernel and only a fatal signal can end it */
static bool comes_to_wait(pid_t process)
{
	char path[64], state = 0;
	unsigned int waited;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	for (waited = 0; state != 'D' && waited < HANG_TIMEOUT; waited += 100) {
		usleep(100000);
		file = fopen(path, "re");
		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (file)
			fclose(file);
	}
	return state == 'D';
}

/*
 * A write of COMMAND whose memory does not arrive delays other writers. Only users of the same
 * device wait for it, and all of them can be killed.
 */
TEST_F(hostile, command_from_slow_memory)
{
	struct vfio_device *device = self->device;
	static struct slow_writer writer;
	struct background *writing;
	struct slow_memory slow;
	int status = -1;
	pid_t child;

	if (!slow_memory_create(&slow))
		SKIP(return, "this kernel has no userfaultfd for us: %s", strerror(errno));
	writer.device = device;
	writer.buffer = slow.page;
	writing = background_repeat(write_slowly, &writer, 1);
	ASSERT_TRUE(slow_memory_is_awaited(&slow));
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		vfio_config_write(device, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
		_exit(0);
	}
	EXPECT_TRUE(comes_to_wait(child));
	/* Everything except COMMAND stays available to all users */
	EXPECT_NE(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(device), 0);
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, IO_ADDRESS);

	EXPECT_EQ(kill(child, SIGKILL), 0);
	EXPECT_TRUE(background_process_ends(child, HANG_TIMEOUT, &status)) {
		TH_LOG("process %d cannot be killed", child);
	}
	EXPECT_EQ(status, SIGKILL);

	ASSERT_TRUE(slow_memory_provide(&slow));
	EXPECT_EQ(background_wait(writing), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(device), 0xff);
	vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	munmap(slow.page, 4096);
	close(slow.fd);
}

/* --- Arguments --------------------------------------------------------------- */

TEST_F(hostile, region_info_arguments)
{
	const uint32_t least = offsetof(struct vfio_region_info, offset) + 8;
	struct vfio_region_info info;
	unsigned int index;

	for (index = 0; index <= VFIO_PCI_CONFIG_REGION_INDEX; index++) {
		memset(&info, 0, sizeof(info));
		info.index = index;
		info.argsz = least - 1;
		EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_GET_REGION_INFO, &info), -1);
		EXPECT_EQ(errno, EINVAL) {
			TH_LOG("region %u", index);
		}
		EXPECT_EQ(info.size, 0);
		info.argsz = 0;
		EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_GET_REGION_INFO, &info), -1);
		EXPECT_EQ(errno, EINVAL);

		info.argsz = least;
		EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
		EXPECT_EQ(info.index, index);
	}
	info.argsz = least;
	info.index = VFIO_PCI_NUM_REGIONS;
	EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_GET_REGION_INFO, &info), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_GET_REGION_INFO, (void *)-4096l), -1);
	EXPECT_EQ(errno, EFAULT);
}

/* --- Two things at once ------------------------------------------------------ */

#define CONFIG_BYTES	8
#define NO_VECTORS	0xff

/*
 * Reads the bytes that device configuration and vectors share, one register at a time. Checks
 * that they are those of one of the two layouts.
 */
struct reader {
	struct vfio_device *device;
	/* BAR0 from 0x14 on, without MSI-X and with MSI-X */
	uint8_t without[CONFIG_BYTES], with[CONFIG_BYTES];
	unsigned int seen_without, seen_with, neither;
};

static int read_layout(void *data)
{
	static const struct {
		unsigned int at, size;
	} accesses[] = {
		{ 0, 1 }, { 0, 2 }, { 1, 1 }, { 2, 2 }, { 3, 1 }, { 4, 4 }, { 6, 2 },
	};
	struct reader *reader = data;
	uint8_t bytes[CONFIG_BYTES];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		unsigned int at = accesses[i].at, size = accesses[i].size;
		ssize_t done = vfio_read(reader->device, 0, VIRTIO_MMR_COMMON_SIZE + at,
					 bytes, size);

		if (done != (ssize_t)size)
			return vfio_error(done, size);
		if (!memcmp(bytes, reader->without + at, size))
			reader->seen_without++;
		else if (!memcmp(bytes, reader->with + at, size))
			reader->seen_with++;
		else
			reader->neither++;
	}
	return 0;
}

TEST_F(hostile, layout_while_msix_is_switched)
{
	struct vfio_device *device = self->device;
	static struct reader reader;
	struct background *reading;
	unsigned int i;

	if (!ethernet_has_mac(device) || !legacy_takes_any_width(device))
		SKIP(return, "needs a MAC address that can be read in one go (net)");
	NEED_VECTORS(device, 2);
	reader.device = device;
	ASSERT_EQ(vfio_read(device, 0, VIRTIO_MMR_COMMON_SIZE, reader.without,
			    CONFIG_BYTES), CONFIG_BYTES);
	memset(reader.with, NO_VECTORS, 4);
	memcpy(reader.with + 4, reader.without, 4);

	reading = background_start(read_layout, &reader);
	for (i = 0; i < 200; i++) {
		vfio_msix_enable(device, 2);
		usleep(2000);
		vfio_msix_disable(device);
		usleep(2000);
	}
	EXPECT_EQ(background_stop(reading), 0);
	TH_LOG("%u answers without MSI-X, %u with", reader.seen_without,
	       reader.seen_with);
	EXPECT_EQ(reader.neither, 0);
	EXPECT_GT(reader.seen_without, 0);
	EXPECT_GT(reader.seen_with, 0);
}

/* An access wakes the function for its own duration. No access fails or gets lost */
TEST_F(hostile, low_power)
{
	struct vfio_device *device = self->device;
	struct qmp qmp = { .fd = -1 };
	uint64_t offline = 0;
	uint32_t features;
	unsigned int i;

	if (!vfio_has_low_power(device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	features = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	if (qmp_open(&qmp, device->bdf))
		offline = qmp_counter(&qmp, "mmr-offline");

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(vfio_low_power(device, true), 0);
		ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4), features);
		ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
		/* Starts from reset: the function may or may not have lost its state in D3 */
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
		EXPECT_EQ(legacy_status(device), 0);
		ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
		EXPECT_NE(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
		ASSERT_EQ(vfio_low_power(device, false), 0);

		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
			     VIRTIO_CONFIG_S_ACKNOWLEDGE);
		EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);
		legacy_reset(device);
	}
	/* The device saw no access before it was awake */
	if (qmp.fd >= 0)
		offline = qmp_counter(&qmp, "mmr-offline") - offline;
	EXPECT_EQ(offline, 0);
	qmp_close(&qmp);
}

static struct watch watch_features(struct vfio_device *device)
{
	return (struct watch) {
		.device = device,
		.offset = VIRTIO_MMR_DEVICE_FEATURES,
		.width = 4,
		.value = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4),
	};
}

/* Lets the function fall asleep now and then */
static int watch_slowly(void *data)
{
	struct watch *watch = data;
	int ret = watch_read(watch);

	usleep(watch->good % 50 ? 0 : 30000);
	return ret;
}

/* Notifies at full speed */
struct notifier {
	struct vfio_device *device;
	uint64_t notifies;
};

static int notify(void *data)
{
	struct notifier *notifier = data;

	legacy_write(notifier->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	notifier->notifies++;
	return 0;
}

/*
 * One thread allows and forbids sleep, while others use the function. An access that comes too
 * late to find it awake wakes it up. No access gets lost.
 */
TEST_F(hostile, low_power_switches_while_used)
{
	struct vfio_device *device = self->device;
	struct background *watching, *notifying;
	static struct notifier notifier;
	static struct watch watch;
	uint64_t offline, notifies;
	unsigned int i;

	if (!vfio_has_low_power(device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	offline = qmp_count(device->bdf, "mmr-offline");
	notifies = qmp_count(device->bdf, "mmr-notifies");
	watch = watch_features(device);
	notifier.device = device;
	watching = background_start(watch_slowly, &watch);
	notifying = background_start(notify, &notifier);
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(vfio_low_power(device, true), 0);
		usleep(1000);
		ASSERT_EQ(vfio_low_power(device, false), 0);
		usleep(1000);
	}
	EXPECT_EQ(background_stop(watching), 0);
	EXPECT_EQ(background_stop(notifying), 0);
	TH_LOG("%u answers, %lu notifications", watch.good, notifier.notifies);
	EXPECT_EQ(watch.wrong + watch.ones, 0);
	EXPECT_GT(watch.good, 40);
	EXPECT_GT(notifier.notifies, 40);
	EXPECT_EQ(qmp_count(device->bdf, "mmr-offline"), offline);
	if (qmp_count(device->bdf, "mmr-writes"))
		EXPECT_EQ(qmp_count(device->bdf, "mmr-notifies") - notifies, notifier.notifies);
}

static void expect_power(struct __test_metadata *_metadata, const char *bdf,
			 const char *want)
{
	char state[32];

	sysfs_text(bdf, "power_state", state, sizeof(state));
	EXPECT_STREQ(state, want);
}

/*
 * The host's own switches: power/control keeps a function awake or lets it sleep, and
 * d3cold_allowed limits the depth. No access fails or gets lost because of them.
 */
TEST_F(hostile, host_power_switches)
{
	struct vfio_device *device = self->device;
	struct background *watching;
	static struct watch watch;
	const char *bdf = self->session.bdf;
	char control[16], deep[16];
	bool low_power, asleep = false;
	uint64_t offline;
	unsigned int i;

	if (!vfio_capability(device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	sysfs_text(bdf, "power/control", control, sizeof(control));
	sysfs_text(bdf, "d3cold_allowed", deep, sizeof(deep));
	low_power = vfio_has_low_power(device);
	offline = qmp_count(bdf, "mmr-offline");
	watch = watch_features(device);
	watching = background_start(watch_slowly, &watch);
	for (i = 0; i < 40; i++) {
		EXPECT_EQ(sysfs_write(bdf, "power/control", i & 1 ? "on" : "auto"), 0);
		EXPECT_EQ(sysfs_write(bdf, "d3cold_allowed", i & 2 ? "1" : "0"), 0);
		/* The user allows sleep. The host may forbid it at any time */
		if (low_power && i % 3 == 0) {
			asleep = !asleep;
			EXPECT_EQ(vfio_low_power(device, asleep), 0);
		}
		usleep(25000);
	}
	EXPECT_EQ(background_stop(watching), 0);
	TH_LOG("%u answers", watch.good);
	EXPECT_EQ(watch.wrong + watch.ones, 0);
	EXPECT_GT(watch.good, 40);
	session_detach(&self->session);

	/* Without a user the function sleeps, unless the host forbids that. A user wakes it */
	EXPECT_EQ(sysfs_write(bdf, "power/control", "auto"), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(bdf, SUSPEND_TIMEOUT));
	expect_power(_metadata, bdf, "D3hot");
	EXPECT_EQ(sysfs_write(bdf, "power/control", "on"), 0);
	expect_power(_metadata, bdf, "D0");
	EXPECT_EQ(sysfs_write(bdf, "power/control", "auto"), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(bdf, SUSPEND_TIMEOUT));
	session_attach(&self->session);
	expect_power(_metadata, bdf, "D0");
	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4), watch.value);

	EXPECT_EQ(qmp_count(bdf, "mmr-offline"), offline);
	EXPECT_EQ(sysfs_write(bdf, "power/control", control), 0);
	EXPECT_EQ(sysfs_write(bdf, "d3cold_allowed", deep), 0);
}

FUNCTIONS_HARNESS_MAIN
