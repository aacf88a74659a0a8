// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx over resets of each kind, power states and the close, each with an interrupt pending or
 * in flight. Requests and their interrupts follow each time, for the same user or the next one.
 */
#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/session.h"

#define ROUNDS		4
#define SHORT		300 /* ms; for what must not happen */
#define SUSPEND_TIMEOUT	5000 /* ms */

/* --- What happens to the function ---------------------------------------------------- */

static int by_status(struct vfio_device *device)
{
	legacy_reset(device);
	return 0;
}

static int by_config_space(struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_EXP);

	if (!at)
		return -ENOENT;
	vfio_config_write(device, at + PCI_EXP_DEVCTL, 2,
			  vfio_config_read(device, at + PCI_EXP_DEVCTL, 2) |
			  PCI_EXP_DEVCTL_BCR_FLR);
	return 0;
}

static int by_host(struct vfio_device *device)
{
	return sysfs_reset(device->bdf);
}

static int by_d3hot(struct vfio_device *device)
{
	intx_set_power(device, INTX_D3HOT);
	/* A guest that cannot reach the function has no ISR status to read */
	if (legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1) != 0xff)
		return -EIO;
	intx_set_power(device, INTX_D0);
	return 0;
}

static int by_low_power(struct vfio_device *device)
{
	int ret = vfio_low_power(device, true);

	if (!ret && !sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT))
		ret = -ETIMEDOUT;
	return ret ? ret : vfio_low_power(device, false);
}

/* INTx ends and begins again while the function is asleep */
static int switched(struct vfio_device *device)
{
	int ret = intx_off(device);

	return ret ? ret : intx_trigger(device, -1);
}

static int by_switch_in_d3hot(struct vfio_device *device)
{
	int ret;

	intx_set_power(device, INTX_D3HOT);
	ret = switched(device);
	intx_set_power(device, INTX_D0);
	return ret;
}

static int by_switch_in_low_power(struct vfio_device *device)
{
	int ret = vfio_low_power(device, true);

	if (!ret && !sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT))
		ret = -ETIMEDOUT;
	if (!ret)
		ret = switched(device);
	return ret ? ret : vfio_low_power(device, false);
}

FIXTURE(lost)
{
	INTX_FIELDS;
};

FIXTURE_VARIANT(lost)
{
	int (*happens)(struct vfio_device *device);
	/* The device may keep its state, and the guest its pending interrupt */
	bool keeps;
	/* INTx was off in between */
	bool switches;
};

FIXTURE_VARIANT_ADD(lost, by_status) { .happens = by_status };
FIXTURE_VARIANT_ADD(lost, by_ioctl) { .happens = vfio_reset };
FIXTURE_VARIANT_ADD(lost, by_config_space) { .happens = by_config_space };
FIXTURE_VARIANT_ADD(lost, by_host) { .happens = by_host };
FIXTURE_VARIANT_ADD(lost, by_d3hot) { .happens = by_d3hot, .keeps = true };
FIXTURE_VARIANT_ADD(lost, by_low_power) { .happens = by_low_power, .keeps = true };

FIXTURE_VARIANT_ADD(lost, by_switch_in_d3hot) {
	.happens = by_switch_in_d3hot, .keeps = true, .switches = true,
};

FIXTURE_VARIANT_ADD(lost, by_switch_in_low_power) {
	.happens = by_switch_in_low_power, .keeps = true, .switches = true,
};

FIXTURE_SETUP(lost)
{
	struct vfio_device *device;

	INTX_SETUP();
	device = self->device;
	if (variant->keeps && !vfio_capability(device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	if ((variant->happens == by_low_power || variant->happens == by_switch_in_low_power) &&
	    !vfio_has_low_power(device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	if (variant->happens == by_config_space &&
	    !(vfio_config_read(device, vfio_capability(device, PCI_CAP_ID_EXP) + PCI_EXP_DEVCAP,
			       4) & PCI_EXP_DEVCAP_FLR))
		SKIP(return, "no function level reset");
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	entropy_start(&self->entropy, device, IOVA_BASE);
}

FIXTURE_TEARDOWN(lost)
{
	INTX_TEARDOWN();
}

static uint8_t read_isr(struct vfio_device *device)
{
	return legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
}

#define ASSERT_SERVED() INTX_ASSERT_SERVED(self->trigger)

/* The guest's driver starts again. Interrupts from before are over then */
#define ASSERT_STARTS_AGAIN() do {						\
	if (variant->switches)							\
		ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);	\
	legacy_reset(self->device);						\
	ASSERT_EQ(intx_settle(self->device, self->trigger), 0);			\
	entropy_restart(&self->entropy);					\
	ASSERT_SERVED();							\
	ASSERT_SERVED();							\
	EXPECT_TRUE(intx_msix_is_on(self->device));				\
} while (0)

TEST_F(lost, between_requests)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_SERVED();
		ASSERT_EQ(variant->happens(self->device), 0);
		ASSERT_STARTS_AGAIN();
	}
}

/*
 * The guest answers an interrupt from before, and finds that its cause is gone. Its line is still
 * asserted. Guests that acknowledge only what has a bit find one, once
 */
TEST_F(lost, with_an_interrupt_pending)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		EXPECT_TRUE(intx_status(device));
		ASSERT_EQ(variant->happens(device), 0);
		if (!variant->keeps) {
			EXPECT_FALSE(intx_status(device));
			EXPECT_EQ(read_isr(device), INTX_ISR_QUEUE);
			EXPECT_EQ(read_isr(device), 0);
			EXPECT_EQ(intx_unmask(device), 0);
			EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
		}
		ASSERT_STARTS_AGAIN();
	}
}

/* A guest that was interrupted masks, and its EOI comes only after the reset */
TEST_F(lost, while_masked)
{
	struct vfio_device *device = self->device;

	ASSERT_EQ(intx_mask(device), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	ASSERT_TRUE(intx_becomes_pending(device, LEGACY_TIMEOUT));
	ASSERT_EQ(variant->happens(device), 0);
	if (variant->switches) {
		ASSERT_STARTS_AGAIN();
		return;
	}
	legacy_reset(device);
	entropy_restart(&self->entropy);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	ASSERT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	ASSERT_SERVED();
}

/* Requests are under way while it happens. They may get lost, later ones must not */
struct traffic {
	struct entropy *entropy;
	int trigger;
	/* INTx may be off for the unmask */
	bool may_be_off;
	unsigned int requests;
};

static int offer(void *data)
{
	struct traffic *traffic = data;
	struct entropy *entropy = traffic->entropy;
	const struct vring *ring = &entropy->queue.ring;
	uint16_t used = __atomic_load_n(&ring->used->idx, __ATOMIC_SEQ_CST);
	int ret = 0;
	const struct legacy_buffer buffer = {
		.iova = iova_of(&entropy->area, entropy->buffer),
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};

	/* What a reset has taken never comes back */
	if ((uint16_t)(ring->avail->idx - used) < ring->num) {
		legacy_queue_add(&entropy->queue, &buffer, 1);
		traffic->requests++;
	}
	legacy_queue_kick(&entropy->queue);
	if (vfio_eventfd_wait(traffic->trigger, 2)) {
		read_isr(entropy->device);
		ret = intx_unmask(entropy->device);
	}
	return ret == -EINVAL && traffic->may_be_off ? 0 : ret;
}

TEST_F(lost, in_the_middle_of_requests)
{
	static struct traffic traffic;
	struct background *thread;
	unsigned int i;
	bool sleeps = variant->happens == by_low_power ||
		      variant->happens == by_switch_in_low_power;

	for (i = 0; i < 2 * ROUNDS; i++) {
		traffic = (struct traffic){ &self->entropy, self->trigger, variant->switches };
		thread = background_start(offer, &traffic);
		usleep(30000);
		/* A busy machine may not have come to the first one yet */
		ASSERT_TRUE(background_counts(&traffic.requests));
		/* The function does not fall asleep while it is used */
		if (sleeps)
			ASSERT_EQ(background_stop(thread), 0);
		ASSERT_EQ(variant->happens(self->device), 0);
		usleep(5000);
		if (!sleeps)
			ASSERT_EQ(background_stop(thread), 0);
		ASSERT_STARTS_AGAIN();
	}
}

/* --- Resets by the host beside the driver's start ----------------------------------- */

#define STARTS	60

static int host_resets(void *data)
{
	const struct vfio_device *device = data;

	usleep(5000);
	return sysfs_reset(device->bdf);
}

FIXTURE(beside)
{
	INTX_FIELDS;
};

FIXTURE_SETUP(beside)
{
	INTX_SETUP();
}

FIXTURE_TEARDOWN(beside)
{
	INTX_TEARDOWN();
}

/*
 * A queue that the device has got has the vectors, however near the end of a reset. The reset
 * may take the queue away again, and not the vectors. On a busy machine the function is away
 * most of the time.
 */
TEST_F_TIMEOUT(beside, queues_that_the_device_has, 150)
{
	struct vfio_device *device = self->device;
	struct background *thread = background_start(host_resets, device);
	unsigned int i;
	uint32_t address;

	for (i = 0; i < STARTS; i++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		do {
			legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, 1);
			address = legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4);
		} while (address != 1);
		EXPECT_TRUE(intx_msix_is_on(device)) {
			TH_LOG("start %u", i);
		}
		ASSERT_EQ(intx_off(device), 0);
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	}
	EXPECT_EQ(background_stop(thread), 0);
}

/* --- The close -------------------------------------------------------------------- */

static int nothing(struct vfio_device *device)
{
	return 0;
}

static int into_d3hot(struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_PM);

	if (!at)
		return -ENOENT;
	intx_set_power(device, INTX_D3HOT);
	return 0;
}

static int into_low_power(struct vfio_device *device)
{
	int ret = vfio_low_power(device, true);

	if (!ret && !sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT))
		ret = -ETIMEDOUT;
	return ret;
}

static int into_disabled(struct vfio_device *device)
{
	vfio_command(device, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_IO);
	return 0;
}

static int into_off(struct vfio_device *device)
{
	return intx_off(device);
}

FIXTURE(closed)
{
	INTX_FIELDS;
};

FIXTURE_VARIANT(closed)
{
	int (*before)(struct vfio_device *device);
};

FIXTURE_VARIANT_ADD(closed, in_use) { .before = nothing };
FIXTURE_VARIANT_ADD(closed, in_d3hot) { .before = into_d3hot };
FIXTURE_VARIANT_ADD(closed, in_low_power) { .before = into_low_power };
FIXTURE_VARIANT_ADD(closed, disabled) { .before = into_disabled };
FIXTURE_VARIANT_ADD(closed, after_off) { .before = into_off };

FIXTURE_SETUP(closed)
{
	INTX_SETUP();
	if (variant->before == into_d3hot && !vfio_capability(self->device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	if (variant->before == into_low_power && !vfio_has_low_power(self->device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
}

FIXTURE_TEARDOWN(closed)
{
	EXPECT_TRUE(session_close(&self->session));
}

/* The next user finds nothing of the one before, and can use INTx or MSI-X */
TEST_F(closed, with_an_interrupt_pending)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		ASSERT_EQ(intx_unmask_by(device, self->other), 0);
		entropy_start(&self->entropy, device, IOVA_BASE);
		ASSERT_SERVED();
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		ASSERT_EQ(variant->before(device), 0);
		session_detach(&self->session);
		iova_unmap(&self->entropy.area);

		/* Unused, so the host sees its own state again */
		EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr"), 0);
		session_attach(&self->session);
		EXPECT_FALSE(intx_msix_is_on(device));
		EXPECT_FALSE(intx_status(device));
		EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE, 0);
		EXPECT_EQ(intx_off(device), -EINVAL);
		vfio_command(device, PCI_COMMAND_IO, 0);
		EXPECT_EQ(read_isr(device), 0);
		EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_PIN, 1), 1);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, 0), 0);
		if (i % 2)
			continue;
		vfio_msix_enable(device, 1);
		entropy_start(&self->entropy, device, IOVA_BASE);
		ASSERT_TRUE(entropy_works(&self->entropy));
		EXPECT_EQ(vfio_msix_wait(device, 0, LEGACY_TIMEOUT), 1);
		entropy_stop(&self->entropy);
		vfio_msix_disable(device);
	}
}

/* The user goes away while requests are under way, with a queue of interrupts */
TEST_F(closed, in_the_middle_of_requests)
{
	struct vfio_device *device = self->device;
	unsigned int i, j;

	for (i = 0; i < 2 * ROUNDS; i++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		entropy_start(&self->entropy, device, IOVA_BASE);
		for (j = 0; j < 8; j++) {
			const struct legacy_buffer buffer = {
				.iova = iova_of(&self->entropy.area, self->entropy.buffer),
				.size = ENTROPY_BYTES,
				.device_writes = true,
			};

			legacy_queue_add(&self->entropy.queue, &buffer, 1);
			legacy_queue_kick(&self->entropy.queue);
		}
		ASSERT_EQ(variant->before(device), 0);
		session_detach(&self->session);
		iova_unmap(&self->entropy.area);
		EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr"), 0);
		session_attach(&self->session);
		vfio_command(device, PCI_COMMAND_IO, 0);
		vfio_eventfd_wait(self->trigger, 0);
	}
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	entropy_start(&self->entropy, device, IOVA_BASE);
	ASSERT_SERVED();
	entropy_stop(&self->entropy);
}

/* --- Vectors are given back by a function that is awake --------------------------------- */

FIXTURE(asleep)
{
	INTX_FIELDS;
};

FIXTURE_SETUP(asleep)
{
	INTX_SETUP();
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(asleep)
{
	EXPECT_TRUE(session_close(&self->session));
}

/* vfio-pci-core wakes it for the close as well, but later, and says nothing */
TEST_F(asleep, is_woken_for_the_close)
{
	struct vfio_device *device = self->device;
	int wakeup = vfio_eventfd();

	if (!vfio_has_low_power(device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	ASSERT_SERVED();
	ASSERT_EQ(vfio_low_power_with_wakeup(device, wakeup), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
	EXPECT_EQ(vfio_eventfd_wait(wakeup, 0), 0);
	session_detach(&self->session);
	EXPECT_EQ(vfio_eventfd_wait(wakeup, 0), 1);
	iova_unmap(&self->entropy.area);
	close(wakeup);
}

struct power {
	const char *bdf;
	bool is_on;
};

/* A thread: whether the function is in D0 at some time */
static int watch_power(void *data)
{
	struct power *power = data;
	char state[16];

	sysfs_text(power->bdf, "power_state", state, sizeof(state));
	if (!strcmp(state, "D0"))
		power->is_on = true;
	return 0;
}

/*
 * In D3 the writes that mask the vectors would get lost. The function is in D0 for them, and in the
 * guest's D3 afterwards. It takes 10 ms to get there, so the thread has time to see it
 */
TEST_F(asleep, gives_them_back_in_d0)
{
	struct vfio_device *device = self->device;
	static struct power power;
	struct background *thread;
	char state[16];
	unsigned int i;

	if (!vfio_capability(device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	power = (struct power){ .bdf = device->bdf };
	/* On a busy machine the thread may be late */
	for (i = 0; i < 20 && !power.is_on; i++) {
		ASSERT_SERVED();
		intx_set_power(device, INTX_D3HOT);
		thread = background_start(watch_power, &power);
		ASSERT_EQ(intx_off(device), 0);
		ASSERT_EQ(background_stop(thread), 0);
		sysfs_text(device->bdf, "power_state", state, sizeof(state));
		EXPECT_STREQ(state, "D3hot");
		EXPECT_FALSE(intx_msix_is_on(device));
		intx_set_power(device, INTX_D0);
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		legacy_reset(device);
		ASSERT_EQ(intx_settle(device, self->trigger), 0);
		entropy_restart(&self->entropy);
	}
	EXPECT_TRUE(power.is_on);
	ASSERT_SERVED();
	entropy_stop(&self->entropy);
}

FUNCTIONS_HARNESS_MAIN
