// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx is turned on or off at bad moments, which modules of selftests/modules make certain. All
 * queues of the guest get their interrupts, and each operation ends.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/legacy.h"
#include "lib/modern.h"
#include "lib/module.h"
#include "lib/session.h"
#include "lib/sysfs.h"

#define HOLD_CONFIG	"hold_config"
#define LINGER		"linger"
#define WIDE_SELECT	"wide_select"
/* Time for a thread to get as far as it gets, in ms */
#define MOMENT		200
/* The highest index, and registers of each queue are read and written */
#define LAST_QUEUE	65535
#define WALK		(6 * LEGACY_TIMEOUT)
/* Far more than the 10 s that the driver waits for a reset of the host */
#define RELEASE		(12 * LEGACY_TIMEOUT)

FIXTURE(race)
{
	struct session session;
	struct vfio_device *device;
	struct modern modern;
	int trigger;
};

FIXTURE_SETUP(race)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = session_open(&self->session, bdf);
	NEED_INTX(self->device);
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	self->trigger = vfio_eventfd();
}

FIXTURE_TEARDOWN(race)
{
	background_stop_all();
	EXPECT_TRUE(session_close(&self->session));
}

/* The next thread that calls the function of the kernel lingers there */
#define LINGER_AT(function, after)						\
do {										\
	char parameters_[128];							\
	snprintf(parameters_, sizeof(parameters_), "process=%d after=%d function=%s",	\
		 getpid(), after, function);					\
	MODULE_LOAD(LINGER, parameters_);					\
} while (0)

static struct background *start(struct __test_metadata *_metadata,
				struct _test_data_race *self, int (*call)(void *data))
{
	struct background *thread = background_repeat(call, self, 1);

	module_wait(LINGER, "lingering", thread);
	EXPECT_EQ(module_number(LINGER, "lingering"), 1);
	return thread;
}

static int set_address(void *data)
{
	struct _test_data_race *self = data;

	legacy_write(self->device, VIRTIO_MMR_QUEUE_ADDRESS, 4, IOVA_BASE >> 12);
	return 0;
}

static int enable_queue(void *data)
{
	struct _test_data_race *self = data;

	modern_write(&self->modern, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	return 0;
}

static int turn_on(void *data)
{
	struct _test_data_race *self = data;

	return intx_trigger(self->device, self->trigger);
}

static int wake_up(void *data)
{
	struct _test_data_race *self = data;

	intx_set_power(self->device, INTX_D0);
	return 0;
}

/* The guest's thread has found INTx off, and its device does not have the queue yet */
static void turn_on_beside(struct __test_metadata *_metadata, struct _test_data_race *self,
			   int (*call)(void *data))
{
	struct background *guest = start(_metadata, self, call);

	EXPECT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_FALSE(background_is_over(guest));
	module_set_number(LINGER, "over", 1);
	EXPECT_EQ(background_wait(guest), 0);
	module_unload(LINGER);
	EXPECT_TRUE(intx_msix_is_on(self->device));
}

TEST_F(race, on_while_a_queue_starts)
{
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	LINGER_AT("virtio_mmr_next_piece", false);
	turn_on_beside(_metadata, self, set_address);
}

TEST_F(race, on_while_a_modern_queue_starts)
{
	if (!modern_find(&self->modern, self->device))
		SKIP(return, "no modern interface");
	modern_write(&self->modern, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	modern_write(&self->modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	LINGER_AT("virtio_mmr_vectors_enable", false);
	turn_on_beside(_metadata, self, enable_queue);
}

/* The function is in D3, and awake again before the driver notes that it was out of reach */
TEST_F(race, on_while_the_function_wakes_up)
{
	struct background *user, *guest;

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	set_address(self);
	intx_set_power(self->device, INTX_D3HOT);
	LINGER_AT("virtio_mmr_msix_take", true);
	user = start(_metadata, self, turn_on);
	guest = background_repeat(wake_up, self, 1);
	usleep(MOMENT * 1000);
	EXPECT_FALSE(background_is_over(user));
	module_set_number(LINGER, "over", 1);
	EXPECT_EQ(background_wait(user), 0);
	EXPECT_EQ(background_wait(guest), 0);
	module_unload(LINGER);
	EXPECT_TRUE(intx_msix_is_on(self->device));
}

/* The guest selects what it likes, and a device may believe it */
TEST_F(race, off_with_the_highest_queue)
{
	char parameters[64];
	int status;
	pid_t child;

	if (!modern_find(&self->modern, self->device))
		SKIP(return, "no modern interface");
	modern_write(&self->modern, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	snprintf(parameters, sizeof(parameters), "process=%d value=%u", getpid(), LAST_QUEUE);
	MODULE_LOAD(WIDE_SELECT, parameters);
	modern_write(&self->modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, LAST_QUEUE);
	modern_write(&self->modern, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	module_unload(WIDE_SELECT);
	EXPECT_TRUE(intx_msix_is_on(self->device));

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(intx_off(self->device) ? 1 : 0);
	EXPECT_TRUE(background_process_ends(child, WALK, &status)) {
		/* Or nothing else could be tested */
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	EXPECT_FALSE(intx_msix_is_on(self->device));
}

/*
 * A reset of a bus that has begun with this function may wait for the unbinding of another one,
 * which waits for the same user. The user must be able to leave, or even to be killed.
 */
TEST_F(race, off_during_a_reset_without_end)
{
	char parameters[64];
	int status;
	pid_t child;

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	set_address(self);
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(self->device));
	snprintf(parameters, sizeof(parameters), "function=%s", self->device->bdf);
	MODULE_LOAD(HOLD_CONFIG, parameters);

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(intx_off(self->device) ? 1 : 0);
	EXPECT_TRUE(module_unload_after(HOLD_CONFIG, child, RELEASE, &status));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	EXPECT_FALSE(intx_msix_is_on(self->device));

	/* The function works on, with new vectors */
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(self->device));
}

/* As the function has it, whatever the guest sees */
static uint16_t command_of(const struct vfio_device *device)
{
	uint8_t config[SYSFS_CONFIG_SIZE];

	sysfs_config(device->bdf, config);
	return config[PCI_COMMAND] | config[PCI_COMMAND + 1] << 8;
}

/* A reset ends while the vectors are given back, and restores COMMAND */
TEST_F(race, off_while_a_reset_ends)
{
	char parameters[64];

	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	set_address(self);
	vfio_command(self->device, PCI_COMMAND_MASTER, 0);
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(self->device));
	EXPECT_TRUE(command_of(self->device) & PCI_COMMAND_MASTER);

	snprintf(parameters, sizeof(parameters), "function=%s until=pci_free_irq_vectors",
		 self->device->bdf);
	MODULE_LOAD(HOLD_CONFIG, parameters);
	EXPECT_EQ(intx_off(self->device), 0);
	EXPECT_EQ(module_number(HOLD_CONFIG, "held"), 0);
	module_unload(HOLD_CONFIG);
	EXPECT_TRUE(command_of(self->device) & PCI_COMMAND_MASTER);
	EXPECT_FALSE(intx_msix_is_on(self->device));
}

/* Opens the function, has its INTx interrupt on, says so, and waits to be killed */
static void use_until_killed(struct _test_data_race *self, int ready)
{
	session_attach(&self->session);
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	set_address(self);
	if (!intx_trigger(self->device, self->trigger) && intx_msix_is_on(self->device) &&
	    write(ready, "", 1) == 1)
		pause();
	_exit(1);
}

TEST_F(race, killed_during_a_reset_without_end)
{
	char parameters[64], byte;
	int ready[2], status;
	pid_t child;

	session_detach(&self->session);
	ASSERT_EQ(pipe(ready), 0);
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		use_until_killed(self, ready[1]);
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	snprintf(parameters, sizeof(parameters), "function=%s", self->device->bdf);
	MODULE_LOAD(HOLD_CONFIG, parameters);
	kill(child, SIGKILL);
	EXPECT_TRUE(module_unload_after(HOLD_CONFIG, child, RELEASE, &status));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	/* The next user finds a function without vectors, and gets some */
	session_attach(&self->session);
	EXPECT_FALSE(intx_msix_is_on(self->device));
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	set_address(self);
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(self->device));
}

FUNCTIONS_HARNESS_MAIN
