// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest wakes the function up, and the host resets it meanwhile. vfio-pci-core has read the
 * register of the power state while the function was in D3, and writes it after the reset. The
 * function is awake in the end, was not touched while it slept, and works.
 *
 * A reset of the host may also begin right after that write, and not end before the writer does.
 */
#include <signal.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/environment.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/module.h"
#include "lib/qmp.h"
#include "lib/session.h"
#include "lib/sysfs.h"
#include "lib/watch.h"

/* The module in selftests/modules, which holds the write until the next reset has begun */
#define LATE_WRITE	"late_write"

/* The one that locks configuration space */
#define HOLD_CONFIG	"hold_config"

FIXTURE(late_write)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
	/* Reads a register all the time */
	struct watch watch;
	struct background *reader;
	/* The device's counter of accesses in D3 or in a reset; 0 without a monitor */
	uint64_t offline;
};

FIXTURE_VARIANT(late_write)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(late_write, without_msix) { .vectors = 0 };
FIXTURE_VARIANT_ADD(late_write, with_msix) { .vectors = 1 };

static void count_offline(const char *bdf, uint64_t *offline)
{
	struct qmp qmp;

	if (!qmp_open(&qmp, bdf))
		return;
	*offline = qmp_counter(&qmp, "mmr-offline");
	qmp_close(&qmp);
}

/*
 * How long a write waits for the reset, in ms. The test asks whether it was long enough. The kernel
 * complains about a CPU that does nothing else for 20 s.
 */
static unsigned int patience(void)
{
	unsigned long wanted = 2000 * environment_number("VIRTIO_MMR_TIMEOUT_SCALE", 1);

	return wanted < 10000 ? wanted : 10000;
}

FIXTURE_SETUP(late_write)
{
	const char *bdf = functions_find("rng", 0);
	char parameters[96];
	unsigned int at;

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	at = vfio_capability(self->device, PCI_CAP_ID_PM);
	if (!at)
		SKIP(return, "no power management capability");
	snprintf(parameters, sizeof(parameters), "function=%s place=%u patience=%u", bdf,
		 at + PCI_PM_CTRL, patience());
	MODULE_LOAD(LATE_WRITE, parameters);

	count_offline(bdf, &self->offline);
	self->watch = (struct watch) {
		.device = self->device,
		.offset = VIRTIO_MMR_QUEUE_SIZE,
		.width = 2,
		.value = self->entropy.queue.ring.num,
	};
	self->reader = background_start(watch_read, &self->watch);
}

FIXTURE_TEARDOWN(late_write)
{
	background_stop_all();
	entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

static int wake_up(void *data)
{
	const uint16_t control = INTX_D0;
	struct vfio_device *device = data;
	unsigned int at = vfio_capability(device, PCI_CAP_ID_PM) + PCI_PM_CTRL;

	return vfio_error(vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX, at, &control,
				     sizeof(control)), sizeof(control));
}

static int host_resets(void *data)
{
	const struct vfio_device *device = data;

	return sysfs_reset(device->bdf);
}

static int host_unbinds(void *data)
{
	const struct vfio_device *device = data;

	return sysfs_unbind(device->bdf);
}

/* The unbind comes in the middle, if there is a place for its thread */
static void wake_up_and_reset(struct __test_metadata *_metadata,
			      struct _test_data_late_write *self, struct background **unbind)
{
	struct vfio_device *device = self->device;
	struct background *guest, *reset;
	uint64_t offline = self->offline;

	intx_set_power(device, INTX_D3HOT);
	guest = background_repeat(wake_up, device, 1);
	module_wait(LATE_WRITE, "waiting", guest);
	EXPECT_EQ(module_number(LATE_WRITE, "waiting"), 1);
	reset = background_repeat(host_resets, device, 1);
	module_wait(LATE_WRITE, "late", guest);
	if (unbind)
		*unbind = background_repeat(host_unbinds, device, 1);
	EXPECT_EQ(background_wait(reset), 0);
	EXPECT_EQ(background_wait(guest), 0);
	/* Or nothing was shown. A kernel with patch 0004 writes nothing, and fails here */
	EXPECT_EQ(module_number(LATE_WRITE, "late"), 1);
	module_unload(LATE_WRITE);
	EXPECT_EQ(intx_power_state(device), INTX_D0);
	vfio_command(device, PCI_COMMAND_IO, 0);

	usleep(20000);
	EXPECT_EQ(background_stop(self->reader), 0);
	EXPECT_EQ(self->watch.wrong, 0);
	EXPECT_GT(self->watch.good, 0);
	EXPECT_GT(self->watch.ones, 0);
	count_offline(device->bdf, &offline);
	EXPECT_EQ(offline, self->offline);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

TEST_F(late_write, of_power_state)
{
	wake_up_and_reset(_metadata, self, NULL);
}

/* The unbind waits for the user with the device lock held, so no reset can help */
TEST_F(late_write, of_power_state_and_unbind)
{
	struct vfio_device *device = self->device;
	struct background *unbind;

	wake_up_and_reset(_metadata, self, &unbind);
	EXPECT_FALSE(background_is_over(unbind));
	entropy_stop(&self->entropy);
	session_detach(&self->session);
	EXPECT_EQ(background_wait(unbind), 0);
	EXPECT_EQ(sysfs_probe(device->bdf), 0);
	session_attach(&self->session);
	vfio_command(device, PCI_COMMAND_IO, 0);
	entropy_start(&self->entropy, device, IOVA_BASE);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

FIXTURE(held_write)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
};

FIXTURE_SETUP(held_write)
{
	const char *bdf = functions_find("rng", 0);
	char parameters[96];

	if (!bdf)
		SKIP(return, "no rng function given");
	session_open(&self->session, bdf);
	self->device = &self->session.device;
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	if (!vfio_capability(self->device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	snprintf(parameters, sizeof(parameters), "function=%s after=vfio_pci_core_write", bdf);
	MODULE_LOAD(HOLD_CONFIG, parameters);
}

FIXTURE_TEARDOWN(held_write)
{
	entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

/*
 * A reset of a bus may wait for the unbinding of another function, and that one for the writer's
 * end. The function may sleep then, so it is not touched after the reset. A new write of the power
 * state, or the next user, finds it awake.
 */
static void kill_writer(struct __test_metadata *_metadata, struct _test_data_held_write *self)
{
	struct vfio_device *device = self->device;
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(wake_up(device) ? 1 : 0);
	module_wait(HOLD_CONFIG, "held", NULL);
	EXPECT_EQ(module_number(HOLD_CONFIG, "held"), 1);
	usleep(100000);
	EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
	kill(child, SIGKILL);
	EXPECT_TRUE(module_unload_after(HOLD_CONFIG, child, LEGACY_TIMEOUT, &status));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	/* As long as nothing was reset, the function is awake */
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2), self->entropy.queue.ring.num);
	EXPECT_EQ(sysfs_reset(device->bdf), 0);
	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2), 0xffff);
}

TEST_F(held_write, killed)
{
	kill_writer(_metadata, self);
	EXPECT_EQ(wake_up(self->device), 0);
	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_QUEUE_SIZE, 2),
		  self->entropy.queue.ring.num);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

TEST_F(held_write, killed_and_closed)
{
	kill_writer(_metadata, self);
	entropy_stop(&self->entropy);
	session_detach(&self->session);
	session_attach(&self->session);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

FUNCTIONS_HARNESS_MAIN
