// SPDX-License-Identifier: GPL-2.0-only
/*
 * BAR0 is a port: the effect of a write is complete when it returns. The function posts writes
 * and takes time to reset. QEMU's properties mmr-post-delay and mmr-reset-delay set that, and
 * its counters show the result.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/dmesg.h"
#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/qmp.h"
#include "lib/session.h"

/* Time that the driver waits for a reset (policy) */
#define PATIENCE	1000 /* ms */
/* Maximum number of reads in that time: one in 10 ms, and a few at first */
#define LOOKS		(PATIENCE / 10 + 10)

FIXTURE(port)
{
	struct session session;
	struct vfio_device *device;
	struct qmp qmp;
	unsigned int reset_delay, post_delay; /* ms */
	uint64_t early, offline;
};

FIXTURE_SETUP(port)
{
	const char *bdf = functions_find(NULL, 0);

	if (!qmp_open(&self->qmp, bdf))
		SKIP(return, "needs QEMU's counters of the device's accesses (tools/vm/run)");
	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	self->reset_delay = qmp_counter(&self->qmp, "mmr-reset-delay");
	self->post_delay = qmp_counter(&self->qmp, "mmr-post-delay");
	self->early = qmp_counter(&self->qmp, "mmr-early");
	self->offline = qmp_counter(&self->qmp, "mmr-offline");
}

FIXTURE_TEARDOWN(port)
{
	/* The device was not touched while that is forbidden */
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-early"), self->early);
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-offline"), self->offline);
	qmp_close(&self->qmp);
	EXPECT_TRUE(session_close(&self->session));
}

static unsigned int now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

TEST_F(port, reset_is_over_when_the_write_returns)
{
	uint64_t reads = qmp_counter(&self->qmp, "mmr-reads");
	unsigned int start, took;
	uint8_t status;

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	start = now_ms();
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	took = now_ms() - start;
	reads = qmp_counter(&self->qmp, "mmr-reads") - reads;
	status = legacy_status(self->device);

	if (self->reset_delay < PATIENCE) {
		EXPECT_EQ(status, 0);
		EXPECT_GE(took, self->reset_delay);
	} else {
		/* The guest must not hang for ever, and sees that the reset failed */
		EXPECT_EQ(status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
		EXPECT_GE(took, PATIENCE);
		EXPECT_LT(took, self->reset_delay);
		/* A busy machine makes the wait longer, and the number of reads no higher */
		EXPECT_LE(reads, LOOKS);
		EXPECT_EQ(dmesg_count(&self->session.log, self->device->bdf,
				      "device status is still 0x01 1000 ms after"), 1);
		ASSERT_EQ(vfio_reset(self->device), 0);
	}
}

/*
 * vfio-pci cannot reset this device, and it does not reset itself. No user gets it, and it does
 * not stay enabled.
 */
TEST_F(port, open_waits_for_a_reset)
{
	const char *bdf = self->session.bdf;
	int ret;

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ASSERT_EQ(sysfs_write(bdf, "reset_method", "\n"), 0);
	EXPECT_EQ(sysfs_number(bdf, "enable"), 1);
	session_detach(&self->session);
	EXPECT_EQ(sysfs_number(bdf, "enable"), 0);
	ret = session_try_attach(&self->session);
	EXPECT_EQ(ret, self->reset_delay < PATIENCE ? 0 : -EIO);
	EXPECT_EQ(sysfs_number(bdf, "enable"), !ret);
	session_detach(&self->session);

	EXPECT_EQ(sysfs_write(bdf, "reset_method", "default"), 0);
	session_attach(&self->session);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(self->device), 0);
}

/* The same as part of a longer write */
TEST_F(port, reset_in_a_long_write)
{
	/* Queue select, queue notify, device status */
	const uint8_t bytes[] = { 0, 0, 0xff, 0xff, 0 };

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ASSERT_EQ(vfio_write(self->device, VFIO_PCI_BAR0_REGION_INDEX,
			     VIRTIO_MMR_QUEUE_SELECT, bytes, sizeof(bytes)),
		  sizeof(bytes));
	EXPECT_EQ(legacy_status(self->device),
		  self->reset_delay < PATIENCE ? 0 : VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ASSERT_EQ(vfio_reset(self->device), 0);
}

/* The result of the write is irrelevant */
static int reset_by_status(void *device)
{
	const uint8_t zero = 0;

	vfio_write(device, VFIO_PCI_BAR0_REGION_INDEX, VIRTIO_MMR_DEVICE_STATUS, &zero, 1);
	return 0;
}

/* The wait holds no lock that a reset of the function needs, and ends with the reset */
TEST_F(port, a_reset_of_the_function_ends_the_wait)
{
	struct background *writer;
	unsigned int start;
	uint64_t writes;

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	writes = qmp_counter(&self->qmp, "mmr-writes");
	writer = background_repeat(reset_by_status, self->device, 1);
	while (qmp_counter(&self->qmp, "mmr-writes") == writes && !background_is_over(writer))
		usleep(1000);
	ASSERT_EQ(vfio_reset(self->device), 0);
	start = now_ms();
	background_wait(writer);
	EXPECT_LT(now_ms() - start, PATIENCE / 2);
	EXPECT_EQ(legacy_status(self->device), 0);
}

/* A process that is about to die does not wait for its device */
TEST_F(port, a_fatal_signal_ends_the_wait)
{
	uint64_t resets;
	unsigned int start;
	pid_t child;

	if (self->reset_delay < PATIENCE)
		return;
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	resets = qmp_counter(&self->qmp, "mmr-resets");
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
		_exit(0);
	}
	while (qmp_counter(&self->qmp, "mmr-resets") == resets)
		usleep(1000);
	start = now_ms();
	ASSERT_EQ(kill(child, SIGKILL), 0);
	ASSERT_EQ(waitpid(child, NULL, 0), child);
	EXPECT_LT(now_ms() - start, PATIENCE / 2);
	ASSERT_EQ(vfio_reset(self->device), 0);
}

/*
 * Reading the places of all doorbells may take a second. For a slower device the driver uses
 * the register instead. That works as well, and does not delay other users in open.
 */
TEST_F(port, slow_doorbells_are_not_used)
{
	uint64_t delay = qmp_counter(&self->qmp, "mmr-common-delay"), notifies, doorbells;
	unsigned int queues;

	if (!delay)
		return;
	for (queues = 0; queues < LEGACY_QUEUE_MAX; queues++) {
		legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, queues);
		if (!legacy_read(self->device, VIRTIO_MMR_QUEUE_SIZE, 2))
			break;
	}
	notifies = qmp_counter(&self->qmp, "mmr-notifies");
	doorbells = qmp_counter(&self->qmp, "mmr-doorbells");
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-notifies"), notifies + 1);
	EXPECT_GT(queues * delay, PATIENCE);
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-doorbells"), doorbells);
	ASSERT_EQ(vfio_reset(self->device), 0);
}

#define FLOOD	20

static int reset_and_wait(void *device)
{
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	return 0;
}

/* A guest that floods the log does not suppress the messages of another guest */
TEST_F(port, messages_of_others)
{
	const char *bdf = functions_find(NULL, 1);
	struct background *threads[FLOOD];
	struct vfio_device *other;
	struct session second;
	unsigned int messages, i;
	char expected[128];

	if (self->reset_delay < PATIENCE)
		return;
	ASSERT_NE(bdf, NULL);
	session_begin(&second, bdf);
	other = session_attach_beside(&second, &self->session);
	vfio_command(other, PCI_COMMAND_IO, 0);

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	for (i = 0; i < FLOOD; i++)
		threads[i] = background_repeat(reset_and_wait, self->device, 1);
	for (i = 0; i < FLOOD; i++)
		background_wait(threads[i]);
	snprintf(expected, sizeof(expected), "%s: device status is still 0x01", self->device->bdf);
	/* A count begins where the one before ended */
	messages = dmesg_count(&second.log, expected, NULL);
	EXPECT_GT(messages, 0);
	EXPECT_LT(messages, FLOOD);
	/* All writes except the first one came too early for the device */
	self->early = qmp_counter(&self->qmp, "mmr-early");

	legacy_write(other, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(other, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	snprintf(expected, sizeof(expected), "%s: device status is still 0x01", bdf);
	EXPECT_EQ(dmesg_count(&second.log, expected, NULL), 1);

	ASSERT_EQ(vfio_reset(self->device), 0);
	ASSERT_EQ(vfio_reset(other), 0);
	EXPECT_TRUE(session_close(&second));
}

/* Legacy drivers free or reuse memory after these two */
TEST_F(port, writes_have_arrived)
{
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-pending"), 0);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_ADDRESS, 4, 0x1234);
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-pending"), 0);
	ASSERT_EQ(vfio_reset(self->device), 0);
}

/* A notification needs no round trip to the device */
TEST_F(port, notifications_are_not_waited_for)
{
	uint64_t reads, doorbells, pending;

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	reads = qmp_counter(&self->qmp, "mmr-reads");
	doorbells = qmp_counter(&self->qmp, "mmr-doorbells");
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	pending = qmp_counter(&self->qmp, "mmr-pending");
	EXPECT_EQ(qmp_counter(&self->qmp, "mmr-reads"), reads);
	if (self->post_delay && qmp_counter(&self->qmp, "mmr-doorbells") == doorbells)
		EXPECT_EQ(pending, 1);
	ASSERT_EQ(vfio_reset(self->device), 0);
}

FUNCTIONS_HARNESS_MAIN
