// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of every kind, power states, and closing, each also with accesses in
 * flight: defined answers meanwhile, a clean and working device afterwards.
 */
#include <pthread.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/qmp.h"

#define ROUNDS		20

/* PCI PM 1.2: the recovery time from D3hot */
#define D3HOT_DELAY	20000 /* us */

FIXTURE(reset)
{
	struct dmesg log;
	struct vfio_container container;
	struct vfio_device device;
	struct entropy entropy;
};

FIXTURE_VARIANT(reset)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(reset, without_msix) { .vectors = 0 };
FIXTURE_VARIANT_ADD(reset, with_msix) { .vectors = 1 };

FIXTURE_SETUP(reset)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	dmesg_mark(&self->log);
	vfio_container_open(&self->container);
	vfio_device_open(&self->device, &self->container, bdf);
	if (variant->vectors)
		vfio_msix_enable(&self->device, variant->vectors);
	entropy_start(&self->entropy, &self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(reset)
{
	entropy_stop(&self->entropy);
	vfio_device_close(&self->device);
	vfio_container_close(&self->container);
	EXPECT_TRUE(dmesg_clean(&self->log));
}

/* Nothing of before is left, and a driver can start over */
static void expect_fresh(struct __test_metadata *_metadata,
			 struct entropy *entropy)
{
	struct vfio_device *device = entropy->device;

	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(device), 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
	EXPECT_EQ(device->vectors ? legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2) :
				    LEGACY_NO_VECTOR, LEGACY_NO_VECTOR);
	entropy_restart(entropy);
	ASSERT_TRUE(entropy_works(entropy));
	EXPECT_EQ(device->vectors ? vfio_msix_wait(device, 0, LEGACY_TIMEOUT) : 1, 1);
}

static void function_level_reset(struct __test_metadata *_metadata,
				 struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_EXP);
	uint16_t control;

	ASSERT_NE(at, 0);
	ASSERT_NE(vfio_config_read(device, at + PCI_EXP_DEVCAP, 4) &
		  PCI_EXP_DEVCAP_FLR, 0);
	control = vfio_config_read(device, at + PCI_EXP_DEVCTL, 2);
	vfio_config_write(device, at + PCI_EXP_DEVCTL, 2,
			  control | PCI_EXP_DEVCTL_BCR_FLR);
	/* The bit starts a reset and reads as zero */
	EXPECT_EQ(vfio_config_read(device, at + PCI_EXP_DEVCTL, 2) &
		  PCI_EXP_DEVCTL_BCR_FLR, 0);
}

TEST_F(reset, by_ioctl)
{
	ASSERT_TRUE(entropy_works(&self->entropy));
	if (self->device.vectors)
		vfio_msix_wait(&self->device, 0, LEGACY_TIMEOUT);
	ASSERT_EQ(vfio_reset(&self->device), 0);
	expect_fresh(_metadata, &self->entropy);
}

TEST_F(reset, by_config_space)
{
	ASSERT_TRUE(entropy_works(&self->entropy));
	if (self->device.vectors)
		vfio_msix_wait(&self->device, 0, LEGACY_TIMEOUT);
	function_level_reset(_metadata, &self->device);
	expect_fresh(_metadata, &self->entropy);
}

TEST_F(reset, by_device_status)
{
	ASSERT_TRUE(entropy_works(&self->entropy));
	if (self->device.vectors)
		vfio_msix_wait(&self->device, 0, LEGACY_TIMEOUT);
	legacy_reset(&self->device);
	expect_fresh(_metadata, &self->entropy);
}

/* A chain offered before the reset must not be used after it */
TEST_F(reset, forgets_the_queue)
{
	const struct legacy_buffer buffer = {
		.iova = iova_of(&self->entropy.area, self->entropy.buffer),
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};
	unsigned int i;

	legacy_queue_add(&self->entropy.queue, &buffer, 1);
	ASSERT_EQ(vfio_reset(&self->device), 0);
	/*
	 * Until here the device may have used it, even without a notify: QEMU
	 * looks at the queues of its own accord at DRIVER_OK.
	 */
	self->entropy.queue.last_used = self->entropy.queue.ring.used->idx;
	memset(self->entropy.buffer, 0x5a, ENTROPY_BYTES);
	vfio_command(&self->device, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 0);
	legacy_queue_kick(&self->entropy.queue);
	EXPECT_FALSE(legacy_queue_wait(&self->entropy.queue, 300, NULL));
	for (i = 0; i < ENTROPY_BYTES; i++)
		ASSERT_EQ(self->entropy.buffer[i], 0x5a);
}

struct prober {
	struct vfio_device *device;
	unsigned int size;
	bool stop;
	unsigned int good, ones, wrong;
	ssize_t error;
};

/* Reads and writes all the time, and keeps books on the answers */
static void *probe(void *data)
{
	struct prober *prober = data;

	while (!__atomic_load_n(&prober->stop, __ATOMIC_SEQ_CST)) {
		uint16_t value = 0;
		ssize_t done = vfio_read(prober->device, 0, VIRTIO_MMR_QUEUE_SIZE,
					 &value, 2);

		if (done != 2) {
			prober->error = done;
			break;
		}
		if (value == prober->size)
			prober->good++;
		else if (value == 0xffff)
			prober->ones++;
		else
			prober->wrong++;
		value = 0;
		done = vfio_write(prober->device, 0, VIRTIO_MMR_QUEUE_SELECT,
				  &value, 2);
		if (done != 2) {
			prober->error = done;
			break;
		}
	}
	return NULL;
}

TEST_F(reset, with_accesses_in_flight)
{
	struct prober prober = {
		.device = &self->device,
		.size = self->entropy.queue.ring.num,
	};
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(pthread_create(&thread, NULL, probe, &prober), 0);
	for (i = 0; i < ROUNDS; i++) {
		if (i & 1)
			function_level_reset(_metadata, &self->device);
		else
			EXPECT_EQ(vfio_reset(&self->device), 0);
		vfio_command(&self->device, PCI_COMMAND_IO, 0);
		usleep(20000);
	}
	__atomic_store_n(&prober.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);

	TH_LOG("%u answers of the device, %u of all ones", prober.good, prober.ones);
	EXPECT_EQ(prober.error, 0);
	EXPECT_EQ(prober.wrong, 0);
	EXPECT_GT(prober.good, ROUNDS);
	expect_fresh(_metadata, &self->entropy);
}

static void set_power(struct __test_metadata *_metadata,
		      struct vfio_device *device, uint16_t state)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_PM);
	uint16_t control;

	ASSERT_NE(at, 0);
	control = vfio_config_read(device, at + PCI_PM_CTRL, 2);
	vfio_config_write(device, at + PCI_PM_CTRL, 2,
			  (control & ~PCI_PM_CTRL_STATE_MASK) | state);
	usleep(D3HOT_DELAY);
	EXPECT_EQ(vfio_config_read(device, at + PCI_PM_CTRL, 2) &
		  PCI_PM_CTRL_STATE_MASK, state);
}

#define D0	0
#define D3HOT	3

TEST_F(reset, d3hot)
{
	struct vfio_device *device = &self->device;
	uint64_t before = 0;
	struct qmp qmp;
	bool counting;

	if (!vfio_capability(device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	counting = qmp_open(&qmp, device->bdf);
	ASSERT_TRUE(entropy_works(&self->entropy));
	if (device->vectors)
		vfio_msix_wait(device, 0, LEGACY_TIMEOUT);

	set_power(_metadata, device, D3HOT);
	if (counting)
		before = qmp_counter(&qmp, "mmr-reads") +
			 qmp_counter(&qmp, "mmr-writes") +
			 qmp_counter(&qmp, "mmr-notifies");
	EXPECT_EQ(legacy_status(device), 0xff);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4), 0xffffffff);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2), 0xffff);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	if (counting) {
		EXPECT_EQ(qmp_counter(&qmp, "mmr-reads") +
			  qmp_counter(&qmp, "mmr-writes") +
			  qmp_counter(&qmp, "mmr-notifies"), before) {
			TH_LOG("the function was touched in D3hot");
		}
		qmp_close(&qmp);
	}

	set_power(_metadata, device, D0);
	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_NE(legacy_status(device), 0xff);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(device->vectors ? vfio_msix_wait(device, 0, LEGACY_TIMEOUT) : 1, 1);
}

TEST_F(reset, d3hot_with_accesses_in_flight)
{
	struct prober prober = {
		.device = &self->device,
		.size = self->entropy.queue.ring.num,
	};
	pthread_t thread;
	unsigned int i;

	if (!vfio_capability(&self->device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	ASSERT_EQ(pthread_create(&thread, NULL, probe, &prober), 0);
	for (i = 0; i < ROUNDS / 2; i++) {
		set_power(_metadata, &self->device, D3HOT);
		set_power(_metadata, &self->device, D0);
		vfio_command(&self->device, PCI_COMMAND_IO, 0);
		usleep(20000);
	}
	__atomic_store_n(&prober.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);

	TH_LOG("%u answers of the device, %u of all ones", prober.good, prober.ones);
	EXPECT_EQ(prober.error, 0);
	EXPECT_EQ(prober.wrong, 0);
	EXPECT_GT(prober.good, 0);
	EXPECT_GT(prober.ones, 0);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

TEST_F(reset, close_with_accesses_in_flight)
{
	struct prober prober = {
		.device = &self->device,
		.size = self->entropy.queue.ring.num,
	};
	unsigned int vectors = self->device.vectors, i;
	char bdf[SYSFS_BDF_SIZE];
	pthread_t thread;

	strcpy(bdf, self->device.bdf);
	for (i = 0; i < ROUNDS / 4; i++) {
		prober.error = 0;
		prober.stop = false;
		ASSERT_EQ(pthread_create(&thread, NULL, probe, &prober), 0);
		usleep(50000);
		iova_unmap(&self->entropy.area);
		vfio_device_close(&self->device);
		pthread_join(thread, NULL);
		/* The thread notices by its file descriptor, not by an odd value */
		EXPECT_EQ(prober.error, -EBADF);
		EXPECT_EQ(prober.wrong, 0);

		vfio_container_close(&self->container);
		vfio_container_open(&self->container);
		vfio_device_open(&self->device, &self->container, bdf);
		if (vectors)
			vfio_msix_enable(&self->device, vectors);
		vfio_command(&self->device, PCI_COMMAND_IO, 0);
		EXPECT_EQ(legacy_status(&self->device), 0);
		entropy_start(&self->entropy, &self->device, IOVA_BASE);
		ASSERT_TRUE(entropy_works(&self->entropy));
	}
	EXPECT_GT(prober.good, 0);
}

/* A child keeps the device open after its parent died in the middle of it */
TEST_F(reset, inherited_by_a_child)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		unsigned int i;
		uint8_t value;

		for (i = 0; i < 200; i++)
			if (vfio_read(&self->device, 0, VIRTIO_MMR_DEVICE_STATUS,
				      &value, 1) != 1)
				_exit(1);
		_exit(0);
	}
	ASSERT_EQ(vfio_reset(&self->device), 0);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	expect_fresh(_metadata, &self->entropy);
}

FUNCTIONS_HARNESS_MAIN
