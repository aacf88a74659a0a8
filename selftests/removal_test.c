// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function is removed while it is in use: its driver is unbound, its VF is switched off by
 * sriov_numvfs, or its PF is taken from virtio-pci. vfio signals the user by an eventfd. The
 * removal waits until the user closes the function, and is complete then. Until then the device
 * works for the user.
 */
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/qmp.h"
#include "lib/session.h"
#include "lib/watch.h"

/* SR-IOV gives VFs a second to disappear (PCIe 9.3.3.3.1). The rest is for slow machines */
#define GONE_TIMEOUT	30000 /* ms */
/* Time to check that a removal waits */
#define WAITS		1500 /* ms */

enum removal {
	VF_UNBOUND,
	VFS_SWITCHED_OFF,
	PF_UNBOUND,
};

FIXTURE(removal)
{
	const char *bdf;
	char pf[SYSFS_BDF_SIZE];
	char vfs[16];
	uint64_t offline;
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
};

FIXTURE_VARIANT(removal)
{
	enum removal removal;
};

FIXTURE_VARIANT_ADD(removal, vf_unbound) { .removal = VF_UNBOUND };
FIXTURE_VARIANT_ADD(removal, vfs_switched_off) { .removal = VFS_SWITCHED_OFF };
FIXTURE_VARIANT_ADD(removal, pf_unbound) { .removal = PF_UNBOUND };

FIXTURE_SETUP(removal)
{
	self->bdf = functions_find("rng", 0);
	if (!self->bdf)
		SKIP(return, "no rng function given");
	if (!sysfs_physical_function(self->bdf, self->pf))
		SKIP(return, "%s is no VF", self->bdf);
	sysfs_text(self->pf, "sriov_numvfs", self->vfs, sizeof(self->vfs));
	self->offline = qmp_count(self->bdf, "mmr-offline");
	session_begin(&self->session, self->bdf);
	self->device = &self->session.device;
}

/* Restores the state from before, which the next tests need */
FIXTURE_TEARDOWN(removal)
{
	char driver[SYSFS_DRIVER_SIZE];

	/* A removal from a failed test waits for this close */
	session_detach(&self->session);
	sysfs_driver(self->pf, driver);
	if (!driver[0])
		EXPECT_EQ(sysfs_probe(self->pf), 0);
	if (!sysfs_exists(self->bdf))
		EXPECT_EQ(sysfs_write(self->pf, "sriov_numvfs", self->vfs), 0);
	EXPECT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	EXPECT_EQ(qmp_count(self->bdf, "mmr-offline"), self->offline);
	EXPECT_TRUE(session_close(&self->session));
}

/* A separate process, because the write to sysfs waits for the user, which is this process */
static pid_t start_removal(struct __test_metadata *_metadata,
			   struct _test_data_removal *self, enum removal removal)
{
	char command[256], *arguments[] = { "sh", "-c", command, NULL };
	pid_t child = -1;

	switch (removal) {
	case VF_UNBOUND:
		snprintf(command, sizeof(command),
			 "echo %s >/sys/bus/pci/devices/%s/driver/unbind",
			 self->bdf, self->bdf);
		break;
	case VFS_SWITCHED_OFF:
		snprintf(command, sizeof(command),
			 "echo 0 >/sys/bus/pci/devices/%s/sriov_numvfs", self->pf);
		break;
	case PF_UNBOUND:
		snprintf(command, sizeof(command),
			 "echo %s >/sys/bus/pci/devices/%s/driver/unbind",
			 self->pf, self->pf);
		break;
	}
	EXPECT_EQ(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ), 0);
	return child;
}

static void expect_waiting(struct __test_metadata *_metadata, pid_t removal)
{
	int status;

	usleep(WAITS * 1000);
	EXPECT_EQ(waitpid(removal, &status, WNOHANG), 0) {
		TH_LOG("the removal is over, with status %#x", status);
	}
}

/* The removal has ended, and the function is gone */
static void expect_removed(struct __test_metadata *_metadata,
			   struct _test_data_removal *self, enum removal removal,
			   pid_t child)
{
	char driver[SYSFS_DRIVER_SIZE];
	int status = -1;

	ASSERT_TRUE(background_process_ends(child, GONE_TIMEOUT, &status)) {
		TH_LOG("process %d still waits for the function", child);
	}
	EXPECT_EQ(status, 0);
	if (removal == VF_UNBOUND) {
		sysfs_driver(self->bdf, driver);
		EXPECT_EQ(driver[0], '\0');
		return;
	}
	EXPECT_FALSE(sysfs_exists(self->bdf));
	EXPECT_EQ(sysfs_number(self->pf, "sriov_numvfs"), 0);
	sysfs_driver(self->pf, driver);
	EXPECT_EQ(!driver[0], removal == PF_UNBOUND);
}

/* The next user finds none of this state */
static void expect_works_again(struct __test_metadata *_metadata,
			       struct _test_data_removal *self)
{
	char driver[SYSFS_DRIVER_SIZE];

	sysfs_driver(self->pf, driver);
	if (!driver[0])
		ASSERT_EQ(sysfs_probe(self->pf), 0);
	if (!sysfs_exists(self->bdf))
		ASSERT_EQ(sysfs_write(self->pf, "sriov_numvfs", self->vfs), 0);
	ASSERT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	session_attach(&self->session);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	EXPECT_TRUE(entropy_works(&self->entropy));
	entropy_stop(&self->entropy);
	session_detach(&self->session);
}

static int request_eventfd(struct __test_metadata *_metadata, struct vfio_device *device)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	EXPECT_GE(fd, 0);
	EXPECT_EQ(vfio_set_irqs(device, VFIO_PCI_REQ_IRQ_INDEX, 1, &fd), 0);
	return fd;
}

static bool is_signalled(int fd, int milliseconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, milliseconds) == 1;
}

TEST_F_TIMEOUT(removal, waits_for_user, 120)
{
	struct vfio_device *device = self->device;
	struct background *watching;
	static struct watch watch;
	unsigned int good;
	uint32_t address;
	pid_t child;
	int request;

	session_attach(&self->session);
	NEED_VECTORS(device, 1);
	vfio_msix_enable(device, 1);
	request = request_eventfd(_metadata, device);
	entropy_start(&self->entropy, device, IOVA_BASE);
	watch = (struct watch){
		.device = device,
		.offset = VIRTIO_MMR_QUEUE_SIZE,
		.width = 2,
		.value = self->entropy.queue.ring.num,
	};
	/* Runs until the file descriptor is closed */
	watching = background_start(watch_read, &watch);
	EXPECT_FALSE(is_signalled(request, 0));

	child = start_removal(_metadata, self, variant->removal);
	EXPECT_TRUE(is_signalled(request, GONE_TIMEOUT));
	expect_waiting(_metadata, child);

	/* The device works for the user as before: registers, DMA, interrupts */
	good = __atomic_load_n(&watch.good, __ATOMIC_SEQ_CST);
	EXPECT_TRUE(entropy_works(&self->entropy));
	EXPECT_GT(vfio_msix_wait(device, 0, LEGACY_TIMEOUT), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_VENDOR_ID, 2), VIRTIO_MMR_VENDOR_ID);
	vfio_msix_disable(device);
	vfio_msix_enable(device, 1);
	usleep(100000);
	EXPECT_GT(__atomic_load_n(&watch.good, __ATOMIC_SEQ_CST), good);
	/* The removing task has locked the device. So a reset fails, but does not hang */
	address = legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4);
	EXPECT_NE(address, 0);
	EXPECT_EQ(vfio_reset(device), -EAGAIN);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), address);

	/* Closes with accesses in flight, and with MSI-X and queues still set up */
	session_detach(&self->session);
	iova_unmap(&self->entropy.area);
	EXPECT_EQ(background_wait(watching), -EBADF);
	EXPECT_EQ(watch.wrong + watch.ones, 0);
	expect_removed(_metadata, self, variant->removal, child);
	close(request);
	expect_works_again(_metadata, self);
}

/* A user that ignores the signal, until it is killed */
TEST_F_TIMEOUT(removal, user_is_killed, 120)
{
	pid_t user, child;
	int ready[2], status;
	char byte;

	ASSERT_EQ(pipe(ready), 0);
	fflush(stdout);
	user = fork();
	ASSERT_GE(user, 0);
	if (!user) {
		session_attach(&self->session);
		if (vfio_msix_vectors(self->device))
			vfio_msix_enable(self->device, 1);
		entropy_start(&self->entropy, self->device, IOVA_BASE);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		while (entropy_works(&self->entropy))
			;
		_exit(1);
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &byte, 1), 1);

	child = start_removal(_metadata, self, variant->removal);
	expect_waiting(_metadata, child);
	EXPECT_EQ(waitpid(user, &status, WNOHANG), 0);
	EXPECT_EQ(kill(user, SIGKILL), 0);
	EXPECT_EQ(waitpid(user, &status, 0), user);
	EXPECT_TRUE(WIFSIGNALED(status));
	expect_removed(_metadata, self, variant->removal, child);
	close(ready[0]);
	expect_works_again(_metadata, self);
}

/* The function is not open, so it sleeps. The removal waits for no user */
TEST_F_TIMEOUT(removal, without_user, 120)
{
	pid_t child;

	ASSERT_TRUE(sysfs_becomes_suspended(self->bdf, GONE_TIMEOUT));
	child = start_removal(_metadata, self, variant->removal);
	expect_removed(_metadata, self, variant->removal, child);
	expect_works_again(_metadata, self);
}

/* The user has put the function to sleep, and only the removal wakes it */
TEST_F_TIMEOUT(removal, in_low_power, 120)
{
	pid_t child;
	int request;

	session_attach(&self->session);
	if (!vfio_has_low_power(self->device)) {
		session_detach(&self->session);
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	}
	ASSERT_EQ(vfio_low_power(self->device, true), 0);
	request = request_eventfd(_metadata, self->device);
	ASSERT_TRUE(sysfs_becomes_suspended(self->bdf, GONE_TIMEOUT));
	child = start_removal(_metadata, self, variant->removal);
	EXPECT_TRUE(is_signalled(request, GONE_TIMEOUT));
	expect_waiting(_metadata, child);
	/* The function can still be used, awake or not */
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(self->device), 0);
	session_detach(&self->session);
	expect_removed(_metadata, self, variant->removal, child);
	close(request);
	expect_works_again(_metadata, self);
}

FUNCTIONS_HARNESS_MAIN
