// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users that do to INTx what no VMM does: several operations at once, arguments that change
 * while the kernel reads them, and events in a loop. The function serves requests afterwards.
 */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/session.h"

#define DURATION	3 /* s */

FIXTURE(hostile)
{
	INTX_FIELDS;
};

FIXTURE_SETUP(hostile)
{
	INTX_SETUP();
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(hostile)
{
	background_stop_all();
	INTX_TEARDOWN();
}

static bool time_is_over(struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!end->tv_sec) {
		*end = now;
		end->tv_sec += DURATION;
	}
	return now.tv_sec > end->tv_sec ||
	       (now.tv_sec == end->tv_sec && now.tv_nsec >= end->tv_nsec);
}

/* Everything off, whatever it was; then one of each, as a new guest would have it */
#define ASSERT_WORKS_AFTERWARDS() do {							\
	struct vfio_device *device_ = self->device;					\
	int none_ = -1;									\
											\
	intx_off(device_);								\
	vfio_set_irqs(device_, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);			\
	vfio_set_irqs(device_, VFIO_PCI_ERR_IRQ_INDEX, 1, &none_);			\
	EXPECT_FALSE(intx_msix_is_on(device_));						\
	EXPECT_EQ(intx_host_interrupts(device_, "virtio_mmr"), 0);			\
	vfio_command(device_, PCI_COMMAND_IO | PCI_COMMAND_MEMORY,			\
		     PCI_COMMAND_INTX_DISABLE);						\
	legacy_reset(device_);								\
	vfio_eventfd_wait(self->trigger, 0);						\
	vfio_msix_enable(device_, 1);							\
	entropy_restart(&self->entropy);						\
	ASSERT_TRUE(entropy_works(&self->entropy));					\
	ASSERT_EQ(vfio_msix_wait(device_, 0, LEGACY_TIMEOUT), 1);			\
	vfio_msix_disable(device_);							\
	ASSERT_EQ(intx_trigger(device_, self->trigger), 0);				\
	entropy_restart(&self->entropy);						\
	ASSERT_EQ(intx_settle(device_, self->trigger), 0);				\
	legacy_read(device_, VIRTIO_MMR_ISR_STATUS, 1);					\
	legacy_read(device_, VIRTIO_MMR_ISR_STATUS, 1);					\
	legacy_read(device_, VIRTIO_MMR_ISR_STATUS, 1);					\
	ASSERT_EQ(intx_unmask(device_), 0);						\
	ASSERT_TRUE(entropy_works(&self->entropy));					\
	ASSERT_EQ(intx_handle(device_, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);	\
} while (0)

/* --- Arguments that change while the kernel reads them -------------------------------- */

static union {
	struct vfio_irq_set set;
	struct {
		struct vfio_irq_set header;
		int fd;
	} with_fd;
} shared;

/* The driver serves INTx itself, and leaves all else to vfio-pci-core, which reads it again */
static int flip(void *data)
{
	static const uint32_t indices[] = {
		VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_INTX_IRQ_INDEX,
		VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
	};
	static const uint32_t flags[] = {
		VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
		VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
		VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE,
		VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE,
		VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD,
	};
	static unsigned int n;
	struct vfio_irq_set *set = &shared.set;
	uint32_t other = 0;
	unsigned int i;

	for (i = 0; i < 256; i++, n++) {
		__atomic_store_n(&set->index, indices[n % ARRAY_SIZE(indices)], __ATOMIC_SEQ_CST);
		if (n % 7 == 0) {
			other = flags[n / 7 % ARRAY_SIZE(flags)];
			__atomic_store_n(&set->flags, other, __ATOMIC_SEQ_CST);
		}
		if (n % 11)
			continue;
		__atomic_store_n(&set->count, other & VFIO_IRQ_SET_DATA_NONE ? n / 11 % 2 : 1,
				 __ATOMIC_SEQ_CST);
	}
	return 0;
}

static int touch_queue(void *data)
{
	struct vfio_device *device = data;

	/* The address of the guest's ring, so that no DMA goes astray */
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, IOVA_BASE >> 12);
	legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
	vfio_config_read(device, PCI_STATUS, 2);
	return 0;
}

TEST_F(hostile, arguments_change_between_two_reads)
{
	struct background *flipping, *touching;
	struct timespec end = {};
	unsigned long good = 0, bad = 0;
	int none = -1;

	shared.set.argsz = sizeof(shared.with_fd);
	shared.set.start = 0;
	shared.set.count = 1;
	shared.set.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
	shared.with_fd.fd = self->trigger;
	flipping = background_start(flip, NULL);
	touching = background_start(touch_queue, self->device);
	/* Some of each have to come; the harness has a limit */
	while (!time_is_over(&end) || good <= 10 || bad <= 10) {
		if (ioctl(self->device->fd, VFIO_DEVICE_SET_IRQS, &shared.set))
			bad++;
		else
			good++;
		/* Now and then everything ends, so that each can begin */
		if ((good + bad) % 16 == 0) {
			intx_off(self->device);
			vfio_set_irqs(self->device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
			vfio_set_irqs(self->device, VFIO_PCI_ERR_IRQ_INDEX, 1, &none);
		}
	}
	EXPECT_EQ(background_stop(flipping), 0);
	EXPECT_EQ(background_stop(touching), 0);
	TH_LOG("%lu calls succeeded, %lu failed", good, bad);
	ASSERT_WORKS_AFTERWARDS();
}

/* --- Everything at once ------------------------------------------------------------------ */

struct user {
	struct vfio_device *device;
	int trigger, unmask;
};

static int switch_intx(void *data)
{
	struct user *user = data;

	intx_trigger(user->device, user->trigger);
	intx_unmask_by(user->device, user->unmask);
	usleep(rand() % 2000);
	intx_off(user->device);
	return 0;
}

static int switch_msix(void *data)
{
	struct user *user = data;

	vfio_set_irqs(user->device, VFIO_PCI_MSIX_IRQ_INDEX, 1, &user->unmask);
	usleep(rand() % 1000);
	vfio_set_irqs(user->device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
	usleep(rand() % 5000);
	return 0;
}

static int mask_and_unmask(void *data)
{
	const uint64_t one = 1;
	struct user *user = data;

	intx_mask(user->device);
	intx_unmask(user->device);
	intx_loopback(user->device);
	if (write(user->unmask, &one, sizeof(one)) != sizeof(one) && errno != EAGAIN)
		return -errno;
	vfio_eventfd_wait(user->trigger, 0);
	vfio_command(user->device, PCI_COMMAND_INTX_DISABLE, 0);
	vfio_command(user->device, 0, PCI_COMMAND_INTX_DISABLE);
	return 0;
}

/*
 * A guest that starts its driver again and again, and requests between. The function may be out
 * of reach at any time, so the guest looks at no answer.
 */
static int drive(void *data)
{
	struct entropy *entropy = data;
	struct vfio_device *device = entropy->device;
	struct legacy_queue *queue = &entropy->queue;
	const struct legacy_buffer buffer = {
		.iova = iova_of(&entropy->area, entropy->buffer),
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};
	unsigned int i;

	legacy_reset(device);
	queue->ring.avail->idx = 0;
	queue->ring.used->idx = 0;
	queue->next_free = 0;
	queue->last_used = 0;
	vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, queue->iova >> 12);
	legacy_ready(device);
	for (i = 0; i < 3; i++) {
		legacy_queue_add(queue, &buffer, 1);
		legacy_queue_kick(queue);
		legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
	}
	return 0;
}

static int reset_by_user(void *device)
{
	int ret = vfio_reset(device);

	usleep(50000);
	return ret;
}

static int reset_by_host(void *data)
{
	struct vfio_device *device = data;
	int ret = sysfs_reset(device->bdf);

	usleep(30000);
	return ret;
}

static int sleep_and_wake(void *device)
{
	if (!vfio_low_power(device, true))
		usleep(20000);
	vfio_low_power(device, false);
	return 0;
}

/* With pauses in which the function can be opened */
static int reset_now_and_then(void *data)
{
	int ret = reset_by_host(data);

	usleep(150000);
	return ret;
}

/* Users that open, use and close without an end of INTx, while the host resets the function */
TEST_F_TIMEOUT(hostile, closes_at_once, 60)
{
	struct background *thread = NULL;
	unsigned int i;

	/* vfio-pci-core saves the BARs at open and may get those of a reset */
	if (!sysfs_is_vf(self->session.bdf))
		SKIP(return, "a PF loses its BARs by this, with plain vfio-pci too");
	thread = background_start(reset_now_and_then, self->device);
	for (i = 0; i < 10; i++) {
		intx_trigger(self->device, self->trigger);
		drive(&self->entropy);
		usleep(rand() % 20000);
		session_detach(&self->session);
		/* vfio does not wait for the reset by another task */
		while (session_try_attach(&self->session) == -EAGAIN)
			usleep(10000);
		ASSERT_TRUE(self->session.attached);
		/* The same memory, for another container */
		ASSERT_EQ(vfio_dma_map(&self->session.container, self->entropy.area.memory,
				       IOVA_BASE, self->entropy.area.size), 0);
	}
	EXPECT_EQ(background_stop(thread), 0);
	ASSERT_WORKS_AFTERWARDS();
}

FIXTURE(many)
{
	INTX_FIELDS;
};

FIXTURE_VARIANT(many)
{
	int (*also)(void *device);
	bool msix;
};

FIXTURE_VARIANT_ADD(many, switches) { .msix = true };
FIXTURE_VARIANT_ADD(many, with_resets_by_user) { .also = reset_by_user, .msix = true };
FIXTURE_VARIANT_ADD(many, with_resets_by_host) { .also = reset_by_host };
FIXTURE_VARIANT_ADD(many, with_low_power) { .also = sleep_and_wake, .msix = true };

FIXTURE_SETUP(many)
{
	INTX_SETUP();
	if (variant->also == sleep_and_wake && !vfio_has_low_power(self->device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(many)
{
	background_stop_all();
	INTX_TEARDOWN();
}

TEST_F(many, operations_at_once)
{
	struct background *threads[6];
	unsigned int i, count = 0;
	static struct user user;

	user = (struct user){ self->device, self->trigger, self->other };
	threads[count++] = background_start(switch_intx, &user);
	threads[count++] = background_start(mask_and_unmask, &user);
	threads[count++] = background_start(drive, &self->entropy);
	if (variant->msix)
		threads[count++] = background_start(switch_msix, &user);
	if (variant->also)
		threads[count++] = background_start(variant->also, self->device);
	sleep(DURATION);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(background_stop(threads[i]), 0) {
			TH_LOG("thread %u", i);
		}
	}
	vfio_low_power(self->device, false);
	ASSERT_WORKS_AFTERWARDS();
}

FUNCTIONS_HARNESS_MAIN
