// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vectors that stand for INTx: one for queues and one for changes of the configuration, or
 * one for both. Devices with few vectors, devices that refuse some, and a host that has none
 * left.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/modern.h"
#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/session.h"

#define SHORT	300 /* ms; for what must not happen */
#define SLOW	300 /* ms; a slow reset by device status, on suite fault */

/* Vectors that the emulated device refuses: a mask, for writes from now on */
#define REFUSED_CONFIG	"mmr-refused-config"
#define REFUSED_QUEUE	"mmr-refused-queue"

/* --- Changes of the configuration ------------------------------------------------------- */

FIXTURE(net)
{
	struct session session;
	struct vfio_device *device;
	struct ethernet ethernet;
	int trigger;
};

FIXTURE_SETUP(net)
{
	const char *bdf = functions_find("net", 0);
	struct qmp qmp;

	if (!bdf)
		SKIP(return, "no net function given");
	self->device = session_open(&self->session, bdf);
	NEED_INTX(self->device);
	if (!qmp_open(&qmp, bdf))
		SKIP(return, "no monitor that could change the configuration");
	qmp_close(&qmp);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	if (!ethernet_has_mac(self->device))
		SKIP(return, "the function has no MAC address, or none in its window");
	qmp_set_link(bdf, true);
	self->trigger = vfio_eventfd();
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	ethernet_start(&self->ethernet, self->device, IOVA_BASE);
	legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
	ASSERT_EQ(intx_unmask(self->device), 0);
	vfio_eventfd_wait(self->trigger, SHORT);
}

FIXTURE_TEARDOWN(net)
{
	if (self->ethernet.device) {
		qmp_set_link(self->session.bdf, true);
		qmp_set_number(self->session.bdf, REFUSED_CONFIG, 0);
		ethernet_stop(&self->ethernet);
	}
	EXPECT_TRUE(session_close(&self->session));
}

static uint8_t isr(struct vfio_device *device)
{
	return legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
}

static bool send(struct ethernet *ethernet)
{
	static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return ethernet_send(ethernet, frame, sizeof(frame));
}

/*
 * With a vector for the configuration each cause has its own bit. Old disk drivers log a line
 * for each change of the configuration, so a queue must not look like one.
 */
TEST_F(net, bits_tell_the_cause)
{
	struct vfio_device *device = self->device;
	bool up = true;
	unsigned int i;

	if (vfio_msix_vectors(device) > 1)
		EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr-config"), 1);
	for (i = 0; i < 6; i++) {
		up = !up;
		qmp_set_link(device->bdf, up);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
		EXPECT_EQ(intx_unmask(device), 0);
		vfio_eventfd_wait(self->trigger, SHORT / 2);
		isr(device);
		EXPECT_EQ(intx_unmask(device), 0);
	}
	/* The link is up again */
	for (i = 0; i < 6; i++) {
		ASSERT_TRUE(send(&self->ethernet));
		EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	}
}

/* Only where it has a vector of its own, a change shows no queue */
TEST_F(net, a_change_is_no_queue)
{
	struct vfio_device *device = self->device;
	unsigned int i, alone = 0;
	bool up = true;
	int bits;

	if (vfio_msix_vectors(device) < 2 || !intx_host_interrupts(device, "virtio_mmr-config"))
		SKIP(return, "no vector for the configuration");
	for (i = 0; i < 6; i++) {
		up = !up;
		qmp_set_link(device->bdf, up);
		/* A packet from the network may come at the same time */
		bits = intx_handle(device, self->trigger, LEGACY_TIMEOUT);
		EXPECT_EQ(bits & ~INTX_ISR_QUEUE, INTX_ISR_CONFIG);
		alone += bits == INTX_ISR_CONFIG;
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
	}
	EXPECT_GT(alone, 0);
	/* Both at once */
	ASSERT_EQ(intx_mask(device), 0);
	ASSERT_TRUE(send(&self->ethernet));
	ASSERT_TRUE(intx_becomes_pending(device, LEGACY_TIMEOUT));
	qmp_set_link(device->bdf, false);
	usleep(SHORT * 1000);
	EXPECT_EQ(isr(device), (INTX_ISR_QUEUE | INTX_ISR_CONFIG));
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
}

/* The guest's driver starts again, so that the device gets its vectors anew */
static void restart(struct _test_data_net *self)
{
	ethernet_stop(&self->ethernet);
	ethernet_start(&self->ethernet, self->device, IOVA_BASE);
	while (isr(self->device))
		;
	intx_unmask(self->device);
	vfio_eventfd_wait(self->trigger, SHORT);
	intx_unmask(self->device);
}

static unsigned long refused(struct vfio_device *device)
{
	return sysfs_counter(device->bdf, "intx_refused_vectors");
}

/* The vector of the queues serves the configuration as well, and no cause is lost */
TEST_F(net, configuration_on_the_vector_of_queues)
{
	struct vfio_device *device = self->device;
	unsigned long before = refused(device);
	unsigned int i;
	bool up = true;

	qmp_set_number(device->bdf, REFUSED_CONFIG, 1 << 1);
	restart(self);
	EXPECT_EQ(refused(device), before);
	for (i = 0; i < 6; i++) {
		up = !up;
		qmp_set_link(device->bdf, up);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
		EXPECT_EQ(isr(device), 0);
		EXPECT_EQ(intx_unmask(device), 0);
		/* A queue's interrupt shows no change that there was none of */
		ASSERT_TRUE(send(&self->ethernet));
		EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	}

	/* No vector for the configuration at all: counted, and the queues work */
	qmp_set_number(device->bdf, REFUSED_CONFIG, ~0ull >> 1);
	restart(self);
	EXPECT_GT(refused(device), before);
	ASSERT_TRUE(send(&self->ethernet));
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	qmp_set_number(device->bdf, REFUSED_CONFIG, 0);
	restart(self);
	qmp_set_link(device->bdf, false);
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
}

/* No change from before a late start is lost, nor one from before a reset is kept */
TEST_F(net, changes_around_a_switch)
{
	struct vfio_device *device = self->device;

	qmp_set_link(device->bdf, false);
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
	legacy_reset(device);
	/* The bit for the signal does not tell of the change */
	EXPECT_EQ(isr(device), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(device), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	ethernet_stop(&self->ethernet);
	self->ethernet.device = NULL;
	EXPECT_EQ(intx_off(device), 0);

	qmp_set_link(device->bdf, true);
	ethernet_start(&self->ethernet, device, IOVA_BASE);
	isr(device);
	qmp_set_link(device->bdf, false);
	qmp_set_link(device->bdf, true);
	/* The device's ISR status has it; the driver takes that over */
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT),
		  (INTX_ISR_QUEUE | INTX_ISR_CONFIG));
	ASSERT_TRUE(send(&self->ethernet));
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
}

static int change_late(void *device)
{
	usleep(SLOW / 3 * 1000);
	return qmp_set_link(((struct vfio_device *)device)->bdf, false) ? 0 : -EIO;
}

/* A slow device goes on until its reset is over, and may interrupt. That is over then, too */
TEST_F(net, change_during_a_slow_reset)
{
	struct vfio_device *device = self->device;
	unsigned long before = sysfs_counter(device->bdf, "intx_interrupts");
	unsigned int delay = qmp_count(device->bdf, "mmr-reset-delay");
	struct background *thread = background_repeat(change_late, device, 1);

	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	EXPECT_FALSE(intx_status(device));
	EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
	EXPECT_EQ(background_wait(thread), 0);
	/* A fast device has no interrupt at all */
	EXPECT_EQ(sysfs_counter(device->bdf, "intx_interrupts") != before,
		  delay >= SLOW);
	EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
}

/*
 * A change that the guest has not read is over with the function. A device with one vector for
 * all must not tell of it later, and a new change is a change again
 */
TEST_F(net, changes_around_resets_of_the_function)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		qmp_set_link(device->bdf, false);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		ASSERT_EQ(i % 2 ? vfio_reset(device) : sysfs_reset(device->bdf), 0);
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
		ethernet_stop(&self->ethernet);
		ethernet_start(&self->ethernet, device, IOVA_BASE);
		/* The start of the guest's driver is no change either */
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
		qmp_set_link(device->bdf, true);
		restart(self);
		qmp_set_link(device->bdf, false);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
		EXPECT_EQ(isr(device) & INTX_ISR_CONFIG, 0);
		ASSERT_EQ(intx_unmask(device), 0);
		qmp_set_link(device->bdf, true);
		restart(self);
	}
}

/* --- Few vectors, and refusals ---------------------------------------------------------- */

FIXTURE(few)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
	int trigger;
	bool refusing;
};

FIXTURE_SETUP(few)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	self->trigger = vfio_eventfd();
}

FIXTURE_TEARDOWN(few)
{
	if (self->refusing)
		qmp_set_number(self->session.bdf, REFUSED_QUEUE, 0);
	if (self->entropy.device)
		entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

/*
 * Without MSI-X nothing can stand for INTx, and the function shows none. With an MSI capability
 * a user could free the vectors, so it shows none either.
 */
TEST_F(few, pin_follows_the_vectors)
{
	struct vfio_device *device = self->device;
	bool has_msi = vfio_capability(device, PCI_CAP_ID_MSI);
	bool has_intx = vfio_msix_vectors(device) && !has_msi;

	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_PIN, 1), has_intx);
	EXPECT_EQ(vfio_irqs(device, VFIO_PCI_INTX_IRQ_INDEX), has_intx);
	EXPECT_EQ(vfio_irqs(device, VFIO_PCI_MSI_IRQ_INDEX), has_msi);
	EXPECT_EQ(intx_trigger(device, self->trigger), has_intx ? 0 : -EINVAL);
	EXPECT_EQ(intx_mask(device), has_intx ? 0 : -EINVAL);
	EXPECT_EQ(intx_off(device), has_intx ? 0 : -EINVAL);
	/* The guest still polls */
	entropy_start(&self->entropy, device, IOVA_BASE);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

/* With one vector, with two, and with many */
TEST_F(few, each_request_interrupts)
{
	struct vfio_device *device = self->device;
	unsigned int i, vectors = vfio_msix_vectors(device);

	NEED_INTX(device);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	entropy_start(&self->entropy, device, IOVA_BASE);
	EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr-queues"), 1);
	EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr-config"), vectors > 1);
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		ASSERT_EQ(isr(device), 0);
	}
}

/*
 * A device that refuses every vector for queues. Its queue works without interrupts, which is
 * counted, and logged once.
 */
TEST_F(few, refused_by_the_device)
{
	struct vfio_device *device = self->device;
	unsigned long before = refused(device);
	unsigned int i;

	NEED_INTX(device);
	if (!qmp_set_number(device->bdf, REFUSED_QUEUE, ~0ull >> 1))
		SKIP(return, "no monitor that could make the device refuse");
	self->refusing = true;
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	entropy_start(&self->entropy, device, IOVA_BASE);
	EXPECT_GT(refused(device), before);
	for (i = 0; i < 5; i++)
		ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
	/* ISR status is the device's own for such a queue, so a guest can poll that as well */
	EXPECT_EQ(isr(device), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(device), 0);
	/* Said once, not for each start of a guest */
	EXPECT_EQ(dmesg_count(&self->session.log, device->bdf, "vector"), 1);
	for (i = 0; i < 40; i++)
		entropy_restart(&self->entropy);
	EXPECT_GE(refused(device) - before, 41);
	EXPECT_LT(dmesg_count(&self->session.log, device->bdf, "vector"), 20);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(intx_off(device), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	/* A late start meets the refusal as well */
	before = refused(device);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_GT(refused(device), before);
	while (isr(device))
		;
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(isr(device), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(device), 0);

	/* The next start of the guest has its interrupts, if the device takes them */
	qmp_set_number(device->bdf, REFUSED_QUEUE, 0);
	entropy_restart(&self->entropy);
	ASSERT_EQ(intx_settle(device, self->trigger), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
}

/* --- A device with many queues --------------------------------------------------------- */

static unsigned int now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

FIXTURE(slow)
{
	struct session session;
	struct vfio_device *device;
	struct modern modern;
	int trigger;
	unsigned int queues;
	/* ms; a look at a queue reads a register at least */
	unsigned int whole;
};

FIXTURE_SETUP(slow)
{
	const char *bdf = functions_find("blk", 0);

	if (!bdf || !qmp_count(bdf, "mmr-common-delay"))
		SKIP(return, "no blk function with a slow common configuration");
	self->device = session_open(&self->session, bdf);
	NEED_INTX(self->device);
	vfio_command(self->device, PCI_COMMAND_MEMORY, 0);
	ASSERT_TRUE(modern_find(&self->modern, self->device));
	self->trigger = vfio_eventfd();
	self->queues = modern_read(&self->modern, VIRTIO_PCI_COMMON_NUMQ, 2);
	self->whole = self->queues * qmp_count(bdf, "mmr-common-delay");
	ASSERT_GE(self->whole, 2000);
	modern_write(&self->modern, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

FIXTURE_TEARDOWN(slow)
{
	EXPECT_TRUE(session_close(&self->session));
}

static void enable_queue(struct modern *modern, unsigned int queue)
{
	modern_write(modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
	modern_write(modern, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

/*
 * INTx that is turned on late gives each live queue its vector, with locks held. A device may
 * have 65536 queues, and the highest live one says how many are looked at. A process that dies
 * does not wait for the rest
 */
TEST_F(slow, a_fatal_signal_ends_the_walk)
{
	struct vfio_device *device = self->device;
	unsigned int start, took;
	int status;
	pid_t child;

	/* One live queue is not much to look at */
	enable_queue(&self->modern, 0);
	start = now_ms();
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(device));
	ASSERT_EQ(intx_off(device), 0);
	EXPECT_LT(now_ms() - start, self->whole / 2);

	enable_queue(&self->modern, self->queues - 1);
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		intx_trigger(device, self->trigger);
		_exit(0);
	}
	usleep(self->whole / 4 * 1000);
	start = now_ms();
	kill(child, SIGKILL);
	EXPECT_TRUE(background_process_ends(child, LEGACY_TIMEOUT, &status));
	took = now_ms() - start;
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_LT(took, self->whole / 4);
	/* Without a signal it takes the time, so that this proves something */
	start = now_ms();
	EXPECT_EQ(intx_off(device), 0);
	EXPECT_GE(now_ms() - start, self->whole / 2);
	EXPECT_FALSE(intx_msix_is_on(device));

	/* At close nobody needs it, and no signal could end it */
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(device));
	start = now_ms();
	session_detach(&self->session);
	EXPECT_LT(now_ms() - start, self->whole);
	device = session_attach(&self->session);
	ASSERT_EQ(vfio_reset(device), 0);
}

/*
 * INTx that is turned off takes the vectors of all queues. The host's readers of configuration
 * space do not wait for a device with many queues, and neither does its reset, which ends that
 */
TEST_F(slow, the_host_waits_for_no_walk)
{
	struct vfio_device *device = self->device;
	unsigned int start;
	uint32_t ids;
	int status;
	pid_t child;

	/* The first one has the vectors taken, while there is not much to look at */
	enable_queue(&self->modern, 0);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	ASSERT_TRUE(intx_msix_is_on(device));
	enable_queue(&self->modern, self->queues - 1);
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(intx_off(device) ? 1 : 0);
	usleep(self->whole / 8 * 1000);
	start = now_ms();
	/* A dword, as each access waits for the walk's slow one in the emulated device */
	EXPECT_EQ(sysfs_read_config(device->bdf, &ids, sizeof(ids)), sizeof(ids));
	EXPECT_LT(now_ms() - start, self->whole / 8);
	/* The walk goes on, so that this proves something */
	EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
	EXPECT_EQ(sysfs_reset(device->bdf), 0);
	EXPECT_TRUE(background_process_ends(child, self->whole / 4, &status));
	EXPECT_LT(now_ms() - start, self->whole / 2);
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	EXPECT_FALSE(intx_msix_is_on(device));
}

/* --- A host without vectors ------------------------------------------------------------- */

#define OTHERS_MAX	15
#define EACH_MAX	2048

/* Takes so many of the function's vectors. Whether there were as many */
static bool takes(struct vfio_device *device, unsigned int count)
{
	static int fds[EACH_MAX];
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++)
		fds[i] = vfio_eventfd();
	ret = vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, count, fds);
	for (i = 0; i < count; i++)
		close(fds[i]);
	if (ret && ret != -ENOSPC)
		fail("%s: %u vectors: %s", device->bdf, count, strerror(-ret));
	return !ret;
}

/* Takes as many vectors as the host has for the function, by halves. Returns their number */
static unsigned int take_all(struct vfio_device *device, unsigned int count)
{
	unsigned int some = 0, step;

	if (takes(device, count))
		return count;
	for (step = count / 2; step; step = step > 1 ? (step + 1) / 2 : 0) {
		if (some + step >= count || !takes(device, some + step))
			continue;
		some += step;
		vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
	}
	if (some && !takes(device, some))
		fail("%s: not even %u vectors", device->bdf, some);
	return some;
}

/* One of the functions has a vector less from now on, and the host has one for others */
static void gives_one_back(struct session *others, unsigned int count)
{
	while (count--) {
		struct vfio_device *device = &others[count].device;
		unsigned int has = vfio_msix_vectors(device);

		vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
		has = take_all(device, has);
		if (!has)
			continue;
		vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
		if (has > 1 && !takes(device, has - 1))
			fail("%s: not even %u vectors", device->bdf, has - 1);
		return;
	}
	fail("no function has a vector");
}

/*
 * The other functions take all vectors of the host. The one under test can then be opened, its
 * INTx can be switched on, and its queue works by polling. Once there are vectors again, the
 * next start of the guest has its interrupts.
 */
TEST(no_vectors_left)
{
	static struct session others[OTHERS_MAX];
	struct rlimit limit = { 65536, 65536 };
	const char *bdf = functions_find("rng", 0);
	unsigned int count, got, n, taken = 0;
	struct vfio_device *device;
	struct session session;
	struct entropy entropy;
	bool exhausted = false;
	unsigned long before;
	int trigger;

	if (!bdf || !functions_find("rng", 1))
		SKIP(return, "needs several rng functions");
	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	device = session_open(&session, bdf);
	NEED_INTX(device);
	trigger = vfio_eventfd();
	for (n = 0; n < OTHERS_MAX && functions_find("rng", n + 1); n++) {
		session_begin(&others[n], functions_find("rng", n + 1));
		session_attach_beside(&others[n], &session);
		count = vfio_msix_vectors(&others[n].device);
		ASSERT_LE(count, EACH_MAX);
		got = take_all(&others[n].device, count);
		taken += got;
		exhausted |= got < count;
	}
	TH_LOG("%u vectors taken by %u functions", taken, n);
	if (exhausted) {
		before = refused(device);
		ASSERT_EQ(intx_trigger(device, trigger), 0);
		EXPECT_EQ(refused(device), before);
		entropy_start(&entropy, device, IOVA_BASE);
		EXPECT_EQ(refused(device), before + 1);
		EXPECT_TRUE(entropy_works(&entropy));
		EXPECT_EQ(vfio_eventfd_wait(trigger, SHORT), 0);
		EXPECT_FALSE(intx_msix_is_on(device));
		EXPECT_EQ(isr(device), INTX_ISR_QUEUE);
		EXPECT_EQ(dmesg_count(&session.log, bdf, "vector"), 1);
		/* Off and on as often as the VMM likes */
		EXPECT_EQ(intx_off(device), 0);
		EXPECT_EQ(intx_trigger(device, trigger), 0);
		EXPECT_TRUE(entropy_works(&entropy));

		/* One is enough for queues and the configuration */
		gives_one_back(others, n);
		before = refused(device);
		entropy_restart(&entropy);
		EXPECT_EQ(refused(device), before);
		EXPECT_TRUE(intx_msix_is_on(device));
		ASSERT_EQ(intx_settle(device, trigger), 0);
		EXPECT_TRUE(entropy_works(&entropy));
		EXPECT_EQ(intx_handle(device, trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		EXPECT_EQ(intx_off(device), 0);
		EXPECT_EQ(intx_trigger(device, trigger), 0);
	}
	while (n) {
		session_detach(&others[--n]);
		EXPECT_TRUE(dmesg_clean(&others[n].log));
	}
	if (exhausted) {
		entropy_restart(&entropy);
		EXPECT_TRUE(intx_msix_is_on(device));
		ASSERT_TRUE(entropy_works(&entropy));
		EXPECT_EQ(intx_handle(device, trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		entropy_stop(&entropy);
	}
	EXPECT_TRUE(session_close(&session));
	if (!exhausted)
		SKIP(return, "the functions do not have as many vectors as the host");
}

FUNCTIONS_HARNESS_MAIN
