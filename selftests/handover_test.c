// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function's own MSI-X changes hands: the driver takes it for INTx at the guest's first
 * queue, and gives it back when the user switches INTx off. The orders of
 * several VMMs are here as well. A request and its interrupt follow each time.
 */

#include "kselftest_harness.h"

#include "lib/entropy.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/session.h"

#define SHORT		300 /* ms; for what must not happen */
#define SUSPEND_TIMEOUT	5000 /* ms */

FIXTURE(handover)
{
	INTX_FIELDS;
};

FIXTURE_SETUP(handover)
{
	INTX_SETUP();
}

FIXTURE_TEARDOWN(handover)
{
	INTX_TEARDOWN();
}

static uint8_t isr(struct _test_data_handover *self)
{
	return legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
}

/* The guest's driver starts, for the first time or again */
static void start(struct _test_data_handover *self)
{
	if (self->entropy.device) {
		entropy_restart(&self->entropy);
		/* A queue of before may have caused a signal; without INTx there is none */
		intx_settle(self->device, self->trigger);
		return;
	}
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

#define ASSERT_SERVED() INTX_ASSERT_SERVED(self->trigger)

#define ASSERT_SERVED_BY_MSIX() do {						\
	ASSERT_TRUE(entropy_works(&self->entropy));				\
	ASSERT_EQ(vfio_msix_wait(self->device, 0, LEGACY_TIMEOUT), 1);		\
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, 0), 0);			\
} while (0)

#define EXPECT_QUIET() EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0)

/* Late: the queue lives already. One interrupt comes for what may have been missed */
#define ASSERT_ENABLED_LATE() do {						\
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);		\
	ASSERT_EQ(intx_handle(self->device, self->trigger, LEGACY_TIMEOUT),	\
		  INTX_ISR_QUEUE);						\
} while (0)

/* --- When the driver takes MSI-X, and what the guest sees of it --------------------- */

TEST_F(handover, at_the_first_queue)
{
	struct vfio_device *device = self->device;
	unsigned int at = vfio_capability(device, PCI_CAP_ID_MSIX);
	uint16_t flags = vfio_config_read(device, at + PCI_MSIX_FLAGS, 2);

	EXPECT_EQ(flags & (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL), 0);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_FALSE(intx_msix_is_on(device));
	legacy_start(device, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, 0);
	legacy_ready(device);
	/* A guest that goes on to MSI-X has cost no vector */
	EXPECT_FALSE(intx_msix_is_on(device));
	EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr"), 0);

	start(self);
	EXPECT_TRUE(intx_msix_is_on(device));
	EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr-queues"), 1);
	if (vfio_msix_vectors(device) > 1)
		EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr-config"), 1);
	/* The guest has not enabled MSI-X. Some drivers choose the layout by this bit */
	EXPECT_EQ(vfio_config_read(device, at + PCI_MSIX_FLAGS, 2), flags);
	EXPECT_EQ(vfio_config_read(device, at + PCI_MSIX_FLAGS + 1, 1), flags >> 8);
	EXPECT_EQ(vfio_config_read(device, at, 4) >> 16, flags);
	ASSERT_SERVED();
	/* Neither a write of the bits nor a reset by status changes anything */
	vfio_config_write(device, at + PCI_MSIX_FLAGS, 2,
			  flags | PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	EXPECT_TRUE(intx_msix_is_on(device));
	ASSERT_SERVED();
	legacy_reset(device);
	EXPECT_TRUE(intx_msix_is_on(device));
	start(self);
	ASSERT_SERVED();

	EXPECT_EQ(intx_off(device), 0);
	EXPECT_FALSE(intx_msix_is_on(device));
	EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr"), 0);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

/* Without a user who listens nothing is taken */
TEST_F(handover, not_without_intx)
{
	start(self);
	EXPECT_TRUE(entropy_works(&self->entropy));
	EXPECT_FALSE(intx_msix_is_on(self->device));
	EXPECT_EQ(intx_host_interrupts(self->device, "virtio_mmr"), 0);
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), 0);
}

/* An address that comes in parts: the first part that is not zero counts */
TEST_F(handover, at_a_part_of_the_address)
{
	struct vfio_device *device = self->device;
	const uint32_t page = IOVA_BASE >> 12;
	unsigned int width, i, changed;

	for (width = 1; width <= 2; width++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		legacy_start(device, 0);
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
		changed = 0;
		for (i = 0; i < 4; i += width) {
			unsigned int part = page >> 8 * i & ((1u << 8 * width) - 1);

			legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS + i, width, part);
			changed |= part;
			EXPECT_EQ(intx_msix_is_on(device), !!changed);
		}
		legacy_reset(device);
		EXPECT_EQ(intx_off(device), 0);
	}
}

/* DPDK configures queues before SET_IRQS. What was pending then is not lost */
TEST_F(handover, enabled_late)
{
	struct vfio_device *device = self->device;

	start(self);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_FALSE(intx_msix_is_on(device));
	ASSERT_ENABLED_LATE();
	EXPECT_TRUE(intx_msix_is_on(device));
	EXPECT_EQ(isr(self), 0);
	ASSERT_SERVED();
	ASSERT_SERVED();

	/* Off and on again, any number of times. In between the device's own ISR status counts */
	EXPECT_EQ(intx_off(device), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), 0);
	ASSERT_ENABLED_LATE();
	ASSERT_SERVED();
	/* Without a trigger as well */
	EXPECT_EQ(intx_off(device), 0);
	ASSERT_EQ(intx_trigger(device, -1), 0);
	EXPECT_TRUE(intx_msix_is_on(device));
	ASSERT_TRUE(entropy_works(&self->entropy));
	ASSERT_ENABLED_LATE();
	ASSERT_SERVED();
}

/*
 * The function is out of reach when INTx is turned on, with live queues. INTx begins when the
 * guest, or the user, brings it back
 */
TEST_F(handover, enabled_late_in_d3hot)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	if (!vfio_capability(device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	for (i = 0; i < 4; i++) {
		start(self);
		ASSERT_TRUE(entropy_works(&self->entropy));
		intx_set_power(device, INTX_D3HOT);
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		/* Other writes do not help */
		vfio_command(device, PCI_COMMAND_MASTER, 0);
		EXPECT_FALSE(intx_msix_is_on(device));
		EXPECT_QUIET();
		if (i % 2 && vfio_has_low_power(device)) {
			ASSERT_EQ(vfio_low_power(device, true), 0);
			ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
			ASSERT_EQ(vfio_low_power(device, false), 0);
		} else {
			intx_set_power(device, INTX_D0);
		}
		EXPECT_TRUE(intx_msix_is_on(device));
		EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT),
			  INTX_ISR_QUEUE);
		/* The device may have lost its queue */
		intx_set_power(device, INTX_D0);
		start(self);
		ASSERT_SERVED();
		ASSERT_EQ(intx_off(device), 0);
	}
	/* Off again in D3hot: nothing begins */
	start(self);
	intx_set_power(device, INTX_D3HOT);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	ASSERT_EQ(intx_off(device), 0);
	intx_set_power(device, INTX_D0);
	EXPECT_FALSE(intx_msix_is_on(device));
	/* The queue goes by a reset before the function is back: nothing to begin with */
	intx_set_power(device, INTX_D3HOT);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	ASSERT_EQ(vfio_reset(device), 0);
	intx_set_power(device, INTX_D0);
	EXPECT_FALSE(intx_msix_is_on(device));
	start(self);
	ASSERT_SERVED();
}

/* A PF does not decode its memory then, and a VF always does (PCIe 9.3.4.1.3) */
TEST_F(handover, enabled_late_without_memory_decode)
{
	struct vfio_device *device = self->device;
	bool is_vf = sysfs_is_vf(device->bdf);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		start(self);
		vfio_command(device, 0, PCI_COMMAND_MEMORY);
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		EXPECT_EQ(intx_msix_is_on(device), is_vf);
		vfio_command(device, PCI_COMMAND_MEMORY, 0);
		EXPECT_TRUE(intx_msix_is_on(device));
		EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT),
			  INTX_ISR_QUEUE);
		ASSERT_SERVED();
		ASSERT_EQ(intx_off(device), 0);
	}
}

/* An interrupt that the guest has not read stays over the end of INTx */
TEST_F(handover, off_with_an_interrupt_pending)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		start(self);
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(intx_off(device), 0);
		EXPECT_EQ(isr(self) & INTX_ISR_QUEUE, INTX_ISR_QUEUE);
		EXPECT_EQ(isr(self), 0);
		EXPECT_FALSE(intx_status(device));
		ASSERT_ENABLED_LATE();
		ASSERT_SERVED();
		EXPECT_EQ(intx_off(device), 0);
	}
}

/* --- To the guest's MSI-X and back ------------------------------------------------- */

/* The guest's driver gives its live queue a vector. The registers show none before */
static void use_vector(struct __test_metadata *_metadata, struct _test_data_handover *self)
{
	struct vfio_device *device = self->device;

	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), LEGACY_NO_VECTOR);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_CONFIG_VECTOR, 2), LEGACY_NO_VECTOR);
	legacy_write(device, VIRTIO_MMR_QUEUE_VECTOR, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), 0);
}

TEST_F(handover, to_msix_and_back)
{
	struct vfio_device *device = self->device;
	unsigned int round, vectors = vfio_msix_vectors(device) > 1 ? 2 : 1;
	int fds[2] = { self->other, self->other };

	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	start(self);
	for (round = 0; round < 5; round++) {
		ASSERT_SERVED();
		/* Not both at once, in both directions */
		EXPECT_EQ(vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, vectors, fds), -EINVAL);
		EXPECT_EQ(vfio_set_irqs(device, VFIO_PCI_MSI_IRQ_INDEX, 1, fds), -EINVAL);
		EXPECT_EQ(vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL), -EINVAL);
		EXPECT_EQ(vfio_set_irqs(device, VFIO_PCI_MSI_IRQ_INDEX, 0, NULL), -EINVAL);
		ASSERT_SERVED();

		ASSERT_EQ(intx_off(device), 0);
		vfio_msix_enable(device, vectors);
		EXPECT_EQ(intx_trigger(device, self->trigger), -EINVAL);
		EXPECT_EQ(intx_off(device), -EINVAL);
		EXPECT_EQ(intx_unmask(device), -EINVAL);
		if (round & 1)
			start(self);
		else
			use_vector(_metadata, self);
		ASSERT_SERVED_BY_MSIX();
		ASSERT_SERVED_BY_MSIX();

		vfio_msix_disable(device);
		EXPECT_FALSE(intx_msix_is_on(device));
		ASSERT_ENABLED_LATE();
	}
	ASSERT_SERVED();
}

/* While INTx is on and no queue lives, MSI-X is refused all the same */
TEST_F(handover, msix_is_refused_before_the_first_queue)
{
	struct vfio_device *device = self->device;
	int fd = self->other;

	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_EQ(vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd), -EINVAL);
	EXPECT_EQ(intx_off(device), 0);
	vfio_msix_enable(device, 1);
	start(self);
	ASSERT_SERVED_BY_MSIX();
	vfio_msix_disable(device);
}

/* QEMU with KVM: on, off and on again at each reset, masked while the unmask eventfd comes */
TEST_F(handover, as_qemu_does)
{
	struct vfio_device *device = self->device;
	unsigned int round, bar;

	for (round = 0; round < 3; round++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		ASSERT_EQ(intx_mask(device), 0);
		ASSERT_EQ(intx_unmask_by(device, self->other), 0);
		ASSERT_EQ(intx_unmask(device), 0);
		/* The firmware polls, the guest resets and uses INTx */
		start(self);
		ASSERT_TRUE(entropy_works(&self->entropy));
		/* Its interrupt has arrived, so that it cannot come after the reset */
		ASSERT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		legacy_reset(device);
		start(self);
		ASSERT_SERVED();
		ASSERT_SERVED();

		ASSERT_EQ(intx_off(device), 0);
		ASSERT_EQ(vfio_reset(device), 0);
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		for (bar = 0; bar < 6; bar++)
			vfio_config_write(device, PCI_BASE_ADDRESS_0 + 4 * bar, 4, 0);
		ASSERT_EQ(intx_off(device), 0);
	}
}

/* A VMM that arms both eventfds before its guest runs, and never asks again */
TEST_F(handover, armed_before_the_guest_runs)
{
	const uint64_t one = 1;
	unsigned int i;

	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	ASSERT_EQ(intx_unmask_by(self->device, self->other), 0);
	/* EOI of the guest without any interrupt */
	EXPECT_EQ(write(self->other, &one, sizeof(one)), sizeof(one));
	EXPECT_QUIET();
	start(self);
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
		EXPECT_EQ(write(self->other, &one, sizeof(one)), sizeof(one));
	}
	EXPECT_QUIET();
}

/*
 * A VMM that passes the write of MSI-X Enable on, tears INTx down, reserves all vectors without
 * eventfds, and gives them one by one. Afterwards it arms INTx again.
 */
TEST_F(handover, enable_bit_before_the_switch)
{
	struct vfio_device *device = self->device;
	unsigned int at = vfio_capability(device, PCI_CAP_ID_MSIX), round, i;
	unsigned int vectors = vfio_msix_vectors(device);
	int none[64], fd = vfio_eventfd();

	ASSERT_LE(vectors, ARRAY_SIZE(none));
	for (i = 0; i < vectors; i++)
		none[i] = -1;
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		ASSERT_EQ(intx_unmask_by(device, self->other), 0);
		start(self);
		ASSERT_SERVED();

		vfio_config_write(device, at + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
		ASSERT_SERVED();
		ASSERT_EQ(intx_off(device), 0);
		ASSERT_EQ(vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, vectors, none), 0);
		ASSERT_EQ(vfio_irq_action(device, VFIO_PCI_MSIX_IRQ_INDEX,
					  VFIO_IRQ_SET_ACTION_TRIGGER |
					  VFIO_IRQ_SET_DATA_EVENTFD, vectors - 1, 1, &fd,
					  sizeof(fd)), 0);
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), LEGACY_NO_VECTOR);
		legacy_write(device, VIRTIO_MMR_QUEUE_VECTOR, 2, vectors - 1);
		ASSERT_TRUE(entropy_works(&self->entropy));
		EXPECT_EQ(vfio_eventfd_wait(fd, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, 0), 0);

		vfio_config_write(device, at + PCI_MSIX_FLAGS, 2, 0);
		ASSERT_EQ(vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL), 0);
		ASSERT_ENABLED_LATE();
		ASSERT_SERVED();
		ASSERT_EQ(intx_off(device), 0);
	}
	close(fd);
}

/* --- Several users --------------------------------------------------------------- */

/* A second descriptor of the same function is the same function, until both are closed */
TEST_F(handover, second_descriptor)
{
	struct vfio_device *device = self->device, second = *device;

	second.fd = vfio_device_reopen(device);
	if (device->container->is_iommufd) {
		ASSERT_EQ(second.fd, -EINVAL);
		return;
	}
	ASSERT_GE(second.fd, 0);
	ASSERT_EQ(intx_trigger(&second, self->trigger), 0);
	start(self);
	ASSERT_SERVED();
	EXPECT_EQ(intx_mask(&second), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_QUIET();
	EXPECT_EQ(legacy_read(&second, VIRTIO_MMR_ISR_STATUS, 1), INTX_ISR_QUEUE);
	EXPECT_EQ(intx_unmask(device), 0);
	close(second.fd);
	EXPECT_TRUE(intx_msix_is_on(device));
	ASSERT_SERVED();
	EXPECT_EQ(intx_off(device), 0);
}

/* --- The layout of BAR0 ------------------------------------------------------------ */

FIXTURE(layout)
{
	struct session session;
	struct vfio_device *device;
	struct ethernet ethernet;
};

FIXTURE_SETUP(layout)
{
	const char *bdf = functions_find("net", 0);

	if (!bdf)
		SKIP(return, "no net function given");
	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	NEED_INTX(self->device);
	if (!ethernet_has_mac(self->device))
		SKIP(return, "the function has no MAC address, or none in its window");
}

FIXTURE_TEARDOWN(layout)
{
	if (self->ethernet.device)
		ethernet_stop(&self->ethernet);
	EXPECT_TRUE(session_close(&self->session));
}

/* The driver's MSI-X is no matter of the guest: its configuration stays at 20 */
TEST_F(layout, is_the_one_without_vectors)
{
	struct ethernet *ethernet = &self->ethernet;
	struct vfio_device *device = self->device;
	int fd = vfio_eventfd(), again = vfio_eventfd();
	uint8_t bytes[2 + 6];
	unsigned int i;

	ASSERT_EQ(intx_trigger(device, fd), 0);
	ethernet_start(ethernet, device, IOVA_BASE);
	ASSERT_TRUE(intx_msix_is_on(device));
	for (i = 0; i < 6; i++)
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_COMMON_SIZE + i, 1), ethernet->mac[i]);
	/* Across the end of the registers, where the device has its vectors */
	EXPECT_EQ(vfio_read(device, 0, VIRTIO_MMR_DEVICE_STATUS, bytes, sizeof(bytes)),
		  sizeof(bytes));
	EXPECT_EQ(memcmp(bytes + 2, ethernet->mac, 6), 0);
	EXPECT_NE(bytes[0] & VIRTIO_CONFIG_S_DRIVER_OK, 0);
	/* No write of the guest reaches the vectors. (The address can be changed) */
	for (i = 0; i < 6; i++)
		legacy_write(device, VIRTIO_MMR_COMMON_SIZE + i, 1, ethernet->mac[i] ^ 0x10);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_COMMON_SIZE + i, 1),
			  ethernet->mac[i] ^ 0x10);
	for (i = 0; i < 6; i++)
		legacy_write(device, VIRTIO_MMR_COMMON_SIZE + i, 1, ethernet->mac[i]);
	ASSERT_EQ(intx_settle(device, fd), 0);
	ASSERT_TRUE(ethernet_send(ethernet, bytes, 60));
	EXPECT_EQ(intx_handle(device, fd, LEGACY_TIMEOUT), INTX_ISR_QUEUE);

	/* With the guest's MSI-X at 24, and back at 20, with the queues alive */
	ASSERT_EQ(intx_off(device), 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_COMMON_SIZE, 1), ethernet->mac[0]);
	vfio_msix_enable(device, 1);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_COMMON_SIZE_MSIX, 1), ethernet->mac[0]);
	vfio_msix_disable(device);
	/* The walk over the live queues leaves the guest's selection alone */
	for (i = 0; i < 2; i++) {
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, i);
		ASSERT_EQ(intx_trigger(device, again), 0);
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), i);
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_COMMON_SIZE, 1), ethernet->mac[0]);
		EXPECT_EQ(intx_handle(device, again, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		ASSERT_TRUE(ethernet_send(ethernet, bytes, 60));
		EXPECT_EQ(intx_handle(device, again, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		ASSERT_EQ(intx_off(device), 0);
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), i);
	}
}

FUNCTIONS_HARNESS_MAIN
