// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_IOEVENTFD on Queue Notify: a signal of the eventfd notifies the queue. It does so
 * once, and only if a guest's OUT would. QEMU's counters show that. In memory BARs a signal
 * writes to the BAR.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/qmp.h"
#include "lib/session.h"

#define LIMIT		1000
#define WAKE_TIMEOUT	5000 /* ms */
#define REMOVALS	100

FIXTURE(ioeventfd)
{
	struct session session;
	struct vfio_device *device;
	struct qmp qmp;
	int fd;
	uint64_t notifies, strays, offline;
};

static void signal_eventfd(struct __test_metadata *_metadata, int fd)
{
	uint64_t one = 1;

	ASSERT_EQ(write(fd, &one, sizeof(one)), sizeof(one));
}

FIXTURE_SETUP(ioeventfd)
{
	const char *bdf = functions_prefer("net");

	if (!qmp_open(&self->qmp, bdf))
		SKIP(return, "needs QEMU's counters of the device's accesses (tools/vm/run)");
	self->device = session_open(&self->session, bdf);
	self->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	self->notifies = qmp_counter(&self->qmp, "mmr-notifies");
	self->strays = qmp_counter(&self->qmp, "mmr-strays");
	self->offline = qmp_counter(&self->qmp, "mmr-offline");
}

FIXTURE_TEARDOWN(ioeventfd)
{
	background_stop_all();
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-strays"), self->strays);
	/* Accesses in D3, or during a reset */
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-offline"), self->offline);
	qmp_close(&self->qmp);
	close(self->fd);
	EXPECT_TRUE(session_close(&self->session));
}

/* Notifications that reached the device since the last call */
#define EXPECT_NOTIFIES(wanted) do {						\
	uint64_t now_ = qmp_counter(&self->qmp, "mmr-notifies");		\
	EXPECT_EQ(now_ - self->notifies, (wanted));				\
	self->notifies = now_;							\
} while (0)

TEST_F(ioeventfd, each_signal_notifies_once)
{
	int second = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t value;
	int i;

	ASSERT_GE(second, 0);
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	EXPECT_NOTIFIES(0);
	for (i = 0; i < 10; i++) {
		signal_eventfd(_metadata, self->fd);
		EXPECT_NOTIFIES(1);
		/* The driver has consumed the event: a readable eventfd would not wake it again */
		EXPECT_EQ(read(self->fd, &value, sizeof(value)), -1);
		EXPECT_EQ(errno, EAGAIN);
	}
	/* The register still works, and so does another eventfd */
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_NOTIFIES(1);
	ASSERT_EQ(legacy_ioeventfd(self->device, 1, second), 0);
	signal_eventfd(_metadata, second);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(2);
	close(second);
}

TEST_F(ioeventfd, signal_before_registration_counts)
{
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(0);
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	EXPECT_NOTIFIES(1);
}

TEST_F(ioeventfd, removal)
{
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, -1), 0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(0);
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, -1), -ENODEV);
	/* A signal without an ioeventfd is delivered to the next one */
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	EXPECT_NOTIFIES(1);
}

TEST_F(ioeventfd, mistakes)
{
	static const struct {
		uint32_t flags;
		uint64_t position, data;
	} refused[] = {
		{ VFIO_DEVICE_IOEVENTFD_8, VIRTIO_MMR_QUEUE_NOTIFY, 0 },
		{ VFIO_DEVICE_IOEVENTFD_32, VIRTIO_MMR_QUEUE_NOTIFY, 0 },
		{ VFIO_DEVICE_IOEVENTFD_64, VIRTIO_MMR_QUEUE_NOTIFY, 0 },
		{ 0, VIRTIO_MMR_QUEUE_NOTIFY, 0 },
		{ VFIO_DEVICE_IOEVENTFD_8 | VFIO_DEVICE_IOEVENTFD_16, VIRTIO_MMR_QUEUE_NOTIFY, 0 },
		{ VFIO_DEVICE_IOEVENTFD_16 | 0x100, VIRTIO_MMR_QUEUE_NOTIFY, 0 },
		{ VFIO_DEVICE_IOEVENTFD_16, VIRTIO_MMR_QUEUE_NOTIFY, 0x10000 },
		{ VFIO_DEVICE_IOEVENTFD_16, VIRTIO_MMR_QUEUE_NOTIFY - 2, 0 },
		{ VFIO_DEVICE_IOEVENTFD_16, VIRTIO_MMR_QUEUE_NOTIFY + 1, 0 },
		{ VFIO_DEVICE_IOEVENTFD_16, VIRTIO_MMR_DEVICE_STATUS, 0 },
		{ VFIO_DEVICE_IOEVENTFD_16, 0x100000, 0 },
	};
	const uint64_t bar0 = self->device->regions[VFIO_PCI_BAR0_REGION_INDEX].offset;
	struct vfio_device_ioeventfd truncated = {
		.argsz = offsetof(struct vfio_device_ioeventfd, fd),
		.flags = VFIO_DEVICE_IOEVENTFD_16,
		.offset = bar0 + VIRTIO_MMR_QUEUE_NOTIFY,
		.fd = self->fd,
	};
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(vfio_ioeventfd(self->device, refused[i].flags,
					 bar0 + refused[i].position, refused[i].data, self->fd),
			  -EINVAL) {
			TH_LOG("case %u", i);
		}
	}
	EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_IOEVENTFD, &truncated), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(ioctl(self->device->fd, VFIO_DEVICE_IOEVENTFD, NULL), -1);
	EXPECT_EQ(errno, EFAULT);

	EXPECT_EQ(legacy_ioeventfd(self->device, 0, -2), -EINVAL);
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, 1000000), -EBADF);
	ASSERT_GE(file, 0);
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, file), -EINVAL);
	close(file);

	/* None of the refused ones has left an ioeventfd */
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, self->fd), -EEXIST);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

/* Place of the legacy registers in the file, by their memory BAR; 0 if it is not shown */
static uint64_t window_in_file(const struct vfio_device *device)
{
	struct mmr_window window;
	unsigned int index;

	if (!sysfs_window(device->bdf, &window))
		return 0;
	for (index = 1; index < SYSFS_NUM_BARS; index++)
		if (device->regions[index].size &&
		    device->regions[index].offset == (uint64_t)window.bar << 40)
			return device->regions[index].offset + window.offset;
	return 0;
}

/* Every width, with I/O decode on and off: the bit is only for the I/O BAR */
TEST_F(ioeventfd, in_memory_bars)
{
	static const struct {
		uint32_t width;
		unsigned int position, reg, bytes;
		uint64_t data;
		uint32_t value;
	} writes[] = {
		{ VFIO_DEVICE_IOEVENTFD_8, VIRTIO_MMR_DEVICE_STATUS,
		  VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE, 1 },
		{ VFIO_DEVICE_IOEVENTFD_16, VIRTIO_MMR_QUEUE_SELECT,
		  VIRTIO_MMR_QUEUE_SELECT, 2, 1, 1 },
		{ VFIO_DEVICE_IOEVENTFD_32, VIRTIO_MMR_DRIVER_FEATURES,
		  VIRTIO_MMR_DRIVER_FEATURES, 4, 1U << VIRTIO_NET_F_MAC,
		  1U << VIRTIO_NET_F_MAC },
		/* Device features cannot be written */
		{ VFIO_DEVICE_IOEVENTFD_64, VIRTIO_MMR_DEVICE_FEATURES,
		  VIRTIO_MMR_DRIVER_FEATURES, 4, 0, 0 },
	};
	struct vfio_device *device = self->device;
	uint64_t window = window_in_file(device);
	unsigned int i;

	if (!window)
		SKIP(return, "the legacy registers' BAR is not shown");
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		uint64_t at = window + writes[i].position;
		uint32_t before = legacy_read(device, writes[i].reg, writes[i].bytes);

		ASSERT_NE(before, writes[i].value);
		ASSERT_EQ(vfio_ioeventfd(device, writes[i].width, at, writes[i].data, self->fd), 0);
		EXPECT_EQ(vfio_ioeventfd(device, writes[i].width, at, writes[i].data, self->fd),
			  -EEXIST);
		EXPECT_EQ(legacy_read(device, writes[i].reg, writes[i].bytes), before);
		vfio_command(device, 0, PCI_COMMAND_IO);
		signal_eventfd(_metadata, self->fd);
		vfio_command(device, PCI_COMMAND_IO, 0);
		EXPECT_EQ(legacy_read(device, writes[i].reg, writes[i].bytes), writes[i].value) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(vfio_ioeventfd(device, writes[i].width, at, writes[i].data, -1), 0);
		EXPECT_EQ(vfio_ioeventfd(device, writes[i].width, at, writes[i].data, -1), -ENODEV);
	}

	/* A removed ioeventfd does nothing */
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), 0);

	/* A write to the doorbell's memory rings the doorbell */
	ASSERT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
				 window + VIRTIO_MMR_QUEUE_NOTIFY, 0, self->fd), 0);
	EXPECT_NOTIFIES(1);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

/* Whether a region that has memory or ports is at this place of the file */
static bool is_shown(const struct vfio_device *device, uint64_t offset)
{
	unsigned int index;

	for (index = 0; index < SYSFS_NUM_BARS; index++)
		if (device->regions[index].size &&
		    device->regions[index].offset >> 40 == offset >> 40)
			return true;
	return false;
}

/* Places outside of a memory BAR, in the host's structures, or not aligned */
TEST_F(ioeventfd, not_in_other_regions)
{
	/* The first one is a physical BAR0 that is not shown */
	const uint64_t odd[] = { 0, 1ULL << 63, ~0ULL << 40, 1ULL << 62, 0x109ULL << 40 };
	struct vfio_device *device = self->device;
	unsigned int msix = vfio_capability(device, PCI_CAP_ID_MSIX);
	unsigned int index;

	for (index = 1; index < VFIO_PCI_NUM_REGIONS; index++) {
		const struct vfio_region_info *region = &device->regions[index];

		if (region->size && index < SYSFS_NUM_BARS) {
			EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
						 region->offset + region->size, 0, self->fd),
				  -EINVAL);
			EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_32,
						 region->offset + region->size - 2, 0, self->fd),
				  -EINVAL);
			EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
						 region->offset + 1, 0, self->fd), -EINVAL);
			EXPECT_EQ(vfio_ioeventfd(device, 3, region->offset, 0, self->fd), -EINVAL);
			continue;
		}
		if (is_shown(device, region->offset))
			continue;
		EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
					 region->offset + VIRTIO_MMR_QUEUE_NOTIFY, 0, self->fd),
			  -EINVAL) {
			TH_LOG("region %u", index);
		}
	}
	for (index = 0; index < ARRAY_SIZE(odd); index++) {
		if (is_shown(device, odd[index]))
			continue;
		EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
					 odd[index] + VIRTIO_MMR_QUEUE_NOTIFY, 0, self->fd),
			  -EINVAL) {
			TH_LOG("offset 0x%llx", (unsigned long long)odd[index]);
		}
	}

	if (msix) {
		uint32_t table = vfio_config_read(device, msix + PCI_MSIX_TABLE, 4);
		uint64_t at = device->regions[table & PCI_MSIX_TABLE_BIR].offset +
			      (table & PCI_MSIX_TABLE_OFFSET);

		EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_32, at, 0, self->fd),
			  -EINVAL);
		EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_32, at + 12, 0, self->fd),
			  -EINVAL);
	}
}

TEST_F(ioeventfd, limit)
{
	unsigned int queue;

	for (queue = 0; queue < LIMIT; queue++)
		ASSERT_EQ(legacy_ioeventfd(self->device, queue, self->fd), 0);
	EXPECT_EQ(legacy_ioeventfd(self->device, LIMIT, self->fd), -ENOSPC);
	EXPECT_EQ(legacy_ioeventfd(self->device, 7, -1), 0);
	EXPECT_EQ(legacy_ioeventfd(self->device, LIMIT, self->fd), 0);
}

TEST_F(ioeventfd, dropped_without_io_decode)
{
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	vfio_command(self->device, 0, PCI_COMMAND_IO);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(0);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	EXPECT_NOTIFIES(0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

TEST_F(ioeventfd, dropped_in_d3)
{
	unsigned int pm = vfio_capability(self->device, PCI_CAP_ID_PM);
	uint16_t control;

	ASSERT_NE(pm, 0);
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	control = vfio_config_read(self->device, pm + PCI_PM_CTRL, 2);
	vfio_config_write(self->device, pm + PCI_PM_CTRL, 2, control | 3);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(0);
	vfio_config_write(self->device, pm + PCI_PM_CTRL, 2, control & ~3);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	EXPECT_NOTIFIES(0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

/* The signalling context cannot wait until the function is awake, so a work item does */
TEST_F(ioeventfd, wakes_the_function_up)
{
	unsigned int waited;

	if (!vfio_has_low_power(self->device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	ASSERT_EQ(vfio_low_power(self->device, true), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(self->device->bdf, WAKE_TIMEOUT));
	signal_eventfd(_metadata, self->fd);
	for (waited = 0; waited < WAKE_TIMEOUT; waited += 10) {
		if (qmp_counter(&self->qmp, "mmr-notifies") != self->notifies)
			break;
		usleep(10000);
	}
	EXPECT_NOTIFIES(1);
	ASSERT_TRUE(sysfs_becomes_suspended(self->device->bdf, WAKE_TIMEOUT));
	ASSERT_EQ(vfio_low_power(self->device, false), 0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

TEST_F(ioeventfd, survives_a_reset)
{
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	ASSERT_EQ(vfio_reset(self->device), 0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

TEST_F(ioeventfd, gone_after_close)
{
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	session_detach(&self->session);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(0);
	session_attach(&self->session);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(0);
	EXPECT_EQ(legacy_ioeventfd(self->device, 0, -1), -ENODEV);
}

static int reset_function(void *device)
{
	return vfio_reset(device);
}

/*
 * A reset by the user holds memory_lock for its duration of at least 100 ms. Signals in that
 * time are lost, as a guest's own OUT would be. They are lost at once: no number of them waits
 * for the reset.
 */
TEST_F(ioeventfd, dropped_in_a_reset_by_the_user)
{
	unsigned long dropped, now = 0;
	struct background *resetter;
	bool seen = false;
	unsigned int i;

	for (i = 0; i < LIMIT; i++)
		ASSERT_EQ(legacy_ioeventfd(self->device, i, self->fd), 0);
	/* On a busy machine the reset may not have begun after 10 ms, or have ended */
	for (i = 0; i < 50 && !seen; i++) {
		dropped = sysfs_counter(self->device->bdf, "notify_dropped");
		resetter = background_repeat(reset_function, self->device, 1);
		usleep(10000);
		signal_eventfd(_metadata, self->fd);
		now = sysfs_counter(self->device->bdf, "notify_dropped");
		seen = !background_is_over(resetter) && now - dropped == LIMIT;
		ASSERT_EQ(background_wait(resetter), 0);
	}
	EXPECT_TRUE(seen) {
		TH_LOG("%lu of %u were dropped in the last reset", now - dropped, LIMIT);
	}

	/* Only these signals are lost */
	self->notifies = qmp_counter(&self->qmp, "mmr-notifies");
	for (i = 1; i < LIMIT; i++)
		ASSERT_EQ(legacy_ioeventfd(self->device, i, -1), 0);
	signal_eventfd(_metadata, self->fd);
	EXPECT_NOTIFIES(1);
}

struct power {
	struct vfio_device *device;
	unsigned int at;
	uint16_t control;
};

static int set_power(void *data)
{
	struct power *power = data;

	vfio_config_write(power->device, power->at, 2, power->control);
	return 0;
}

struct paths {
	unsigned long ioeventfds, deferred, dropped;
};

static struct paths count_paths(const char *bdf)
{
	return (struct paths) {
		.ioeventfds = sysfs_counter(bdf, "notify_ioeventfds"),
		.deferred = sysfs_counter(bdf, "notify_deferred"),
		.dropped = sysfs_counter(bdf, "notify_dropped"),
	};
}

/*
 * A change of the power state holds memory_lock for the 10 ms that PCI gives it. A signal in
 * that time is written afterwards, or dropped in D3hot, and only once. The teardown asks the
 * device for accesses in D3hot.
 */
TEST_F(ioeventfd, waits_for_a_change_of_the_power_state)
{
	static const uint16_t states[] = { 3, 0 };
	unsigned int at = vfio_capability(self->device, PCI_CAP_ID_PM) + PCI_PM_CTRL, i;
	unsigned long written_late = 0;
	static struct power power;

	ASSERT_NE(at, PCI_PM_CTRL);
	for (i = 0; i < 100 && (i < 20 || !written_late); i++) {
		struct paths before = count_paths(self->device->bdf), after;
		struct background *setter;

		ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
		power = (struct power){
			.device = self->device,
			.at = at,
			.control = (vfio_config_read(self->device, at, 2) &
				    ~PCI_PM_CTRL_STATE_MASK) | states[i % 2],
		};
		setter = background_repeat(set_power, &power, 1);
		usleep(3000);
		signal_eventfd(_metadata, self->fd);
		background_wait(setter);
		/* Removal waits for deferred signals */
		ASSERT_EQ(legacy_ioeventfd(self->device, 0, -1), 0);
		after = count_paths(self->device->bdf);
		after.ioeventfds -= before.ioeventfds;
		after.deferred -= before.deferred;
		after.dropped -= before.dropped;
		ASSERT_EQ(after.ioeventfds + after.deferred + after.dropped, 1);
		EXPECT_NOTIFIES(after.ioeventfds + after.deferred);
		written_late += after.deferred;
		if (i % 2)
			vfio_command(self->device, PCI_COMMAND_IO, 0);
	}
	EXPECT_GT(written_late, 0);
}

struct signaller {
	struct vfio_device *device;
	int fd;
	/* Whether the added eventfd is signalled already, and so handled in the ioctl */
	bool adds;
	uint64_t signals;
};

static int signal_once(void *data)
{
	struct signaller *signaller = data;
	uint64_t one = 1;
	int ret;

	if (write(signaller->fd, &one, sizeof(one)) == sizeof(one))
		signaller->signals++;
	if (!signaller->adds)
		return 0;
	ret = legacy_ioeventfd(signaller->device, 0, signaller->fd);
	return ret ?: legacy_ioeventfd(signaller->device, 0, -1);
}

/*
 * The user lets the function sleep, so all signals are deferred. Another eventfd of the
 * function keeps the work item busy. Meanwhile one eventfd is added, signalled once and
 * removed, repeatedly.
 */
TEST_F(ioeventfd, each_signal_once_while_others_flood)
{
	uint64_t window = window_in_file(self->device);
	struct background *threads[2];
	static struct signaller flood;
	struct paths before, after;
	unsigned int i;

	if (!vfio_has_low_power(self->device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	ASSERT_NE(window, 0);
	flood.device = self->device;
	flood.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(flood.fd, 0);
	/* Many ioeventfds on one eventfd, with writes that no counter counts */
	for (i = 0; i < LIMIT - 1; i++)
		ASSERT_EQ(vfio_ioeventfd(self->device, VFIO_DEVICE_IOEVENTFD_16,
					 window + VIRTIO_MMR_QUEUE_SELECT, i, flood.fd), 0);
	before = count_paths(self->device->bdf);
	ASSERT_EQ(vfio_low_power(self->device, true), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		threads[i] = background_start(signal_once, &flood);
	for (i = 0; i < REMOVALS; i++) {
		ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
		signal_eventfd(_metadata, self->fd);
		ASSERT_EQ(legacy_ioeventfd(self->device, 0, -1), 0);
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		EXPECT_EQ(background_stop(threads[i]), 0);
	ASSERT_EQ(vfio_low_power(self->device, false), 0);

	after = count_paths(self->device->bdf);
	EXPECT_EQ(after.ioeventfds + after.deferred - before.ioeventfds - before.deferred,
		  REMOVALS);
	EXPECT_EQ(after.dropped, before.dropped);
	EXPECT_NOTIFIES(REMOVALS);
	close(flood.fd);
}

/* A deferred signal is dropped in the same cases as a direct one */
TEST_F(ioeventfd, dropped_late_without_io_decode)
{
	unsigned int waited;
	struct paths before, after;

	if (!vfio_has_low_power(self->device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
	vfio_command(self->device, 0, PCI_COMMAND_IO);
	before = count_paths(self->device->bdf);
	ASSERT_EQ(vfio_low_power(self->device, true), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(self->device->bdf, WAKE_TIMEOUT));
	signal_eventfd(_metadata, self->fd);
	after = before;
	for (waited = 0; waited < WAKE_TIMEOUT && after.dropped == before.dropped; waited += 10) {
		usleep(10000);
		after = count_paths(self->device->bdf);
	}
	EXPECT_EQ(after.dropped, before.dropped + 1);
	EXPECT_EQ(after.deferred, before.deferred);
	ASSERT_EQ(vfio_low_power(self->device, false), 0);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	EXPECT_NOTIFIES(0);
}

/* The teardown asks the device for accesses in reset or D3 */
TEST_F(ioeventfd, while_resets_go_on)
{
	static struct signaller signaller;
	unsigned int kind;

	for (kind = 0; kind < 4; kind++) {
		bool adds = kind & 1, by_host = kind & 2;
		struct background *signalling;
		uint64_t now;
		int i;

		signaller = (struct signaller){
			.device = self->device,
			.fd = self->fd,
			.adds = adds,
		};
		TH_LOG("resets by %s, eventfds %s", by_host ? "the host" : "the user",
		       adds ? "added when signalled" : "added before");
		if (!adds)
			ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
		signalling = background_start(signal_once, &signaller);
		for (i = 0; i < 5; i++) {
			EXPECT_EQ(by_host ? sysfs_reset(self->device->bdf) :
					    vfio_reset(self->device), 0);
			/* Signals during a reset by the host are dropped, but not all signals */
			usleep(20000);
		}
		EXPECT_EQ(background_stop(signalling), 0);
		/* Removal waits for deferred signals */
		EXPECT_EQ(legacy_ioeventfd(self->device, 0, -1), adds ? -ENODEV : 0);
		now = qmp_counter(&self->qmp, "mmr-notifies");
		EXPECT_GT(now, self->notifies);
		EXPECT_LE(now - self->notifies, signaller.signals);
		self->notifies = now;
		/* It works again after that, once per signal */
		ASSERT_EQ(legacy_ioeventfd(self->device, 0, self->fd), 0);
		signal_eventfd(_metadata, self->fd);
		EXPECT_NOTIFIES(1);
		ASSERT_EQ(legacy_ioeventfd(self->device, 0, -1), 0);
	}
}

FUNCTIONS_HARNESS_MAIN
