// SPDX-License-Identifier: GPL-2.0-only
/*
 * INTx as the user of VFIO and the guest see it: SET_IRQS, the automatic mask, ISR status,
 * COMMAND's INTx Disable and STATUS. An entropy device provides the interrupts, one for each
 * request.
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/session.h"

#define SHORT	300 /* ms; for what must not happen */
#define SWITCH	"virtio_mmr_intx"

FIXTURE(interrupt)
{
	INTX_FIELDS;
};

FIXTURE_SETUP(interrupt)
{
	INTX_SETUP();
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	/* The device is live and INTx is off. Each test begins again with INTx on */
	legacy_reset(self->device);
}

FIXTURE_TEARDOWN(interrupt)
{
	sysfs_write(self->session.bdf, SWITCH, "1");
	INTX_TEARDOWN();
}

static uint8_t isr(struct _test_data_interrupt *self)
{
	return legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
}

static uint64_t signals(struct _test_data_interrupt *self, unsigned int milliseconds)
{
	return vfio_eventfd_wait(self->trigger, milliseconds);
}

static unsigned long interrupts(struct _test_data_interrupt *self)
{
	return sysfs_counter(self->session.bdf, "intx_interrupts");
}

/* A request that the device has served, and whose interrupt has reached the driver */
static bool request(struct _test_data_interrupt *self)
{
	unsigned long before = interrupts(self);
	unsigned int waited;

	if (!entropy_works(&self->entropy))
		return false;
	for (waited = 0; interrupts(self) == before; waited++) {
		if (waited == LEGACY_TIMEOUT)
			return false;
		usleep(1000);
	}
	/* The handler counts first */
	return intx_becomes_pending(self->device, LEGACY_TIMEOUT);
}

/* Queues of before may have caused a signal, and their interrupt may come late. */
#define ASSERT_STARTS() do {							\
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);		\
	entropy_restart(&self->entropy);					\
	ASSERT_EQ(intx_settle(self->device, self->trigger), 0);			\
} while (0)

#define ASSERT_SERVED() INTX_ASSERT_SERVED(self->trigger)

#define EXPECT_QUIET() EXPECT_EQ(signals(self, SHORT), 0)

/* --- What the kernel says and accepts ------------------------------------------ */

TEST_F(interrupt, info)
{
	struct vfio_irq_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_INTX_IRQ_INDEX,
	};
	struct vfio_device *device = self->device;

	ASSERT_EQ(ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
	EXPECT_EQ(info.count, 1);
	/* kvmtool refuses a function without the last of these */
	EXPECT_EQ(info.flags, (VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			       VFIO_IRQ_INFO_AUTOMASKED));
	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_PIN, 1), 1);
	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_LINE, 2) >> 8, 1);
	vfio_config_write(device, PCI_INTERRUPT_PIN, 1, 0);
	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_PIN, 1), 1);
	vfio_config_write(device, PCI_INTERRUPT_LINE, 1, 11);
	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_LINE, 2), (1 << 8 | 11));
	/* A VF has no pin of its own, and a PF's is not used */
	if (sysfs_is_vf(device->bdf))
		EXPECT_EQ(intx_physical(device, PCI_INTERRUPT_PIN) & 0xff, 0);
}

static void reopen(struct _test_data_interrupt *self)
{
	if (self->entropy.device)
		entropy_stop(&self->entropy);
	self->entropy.device = NULL;
	session_detach(&self->session);
	session_attach(&self->session);
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
}

/* Pin, count and requests agree */
static bool has_intx(struct _test_data_interrupt *self, bool expected)
{
	struct vfio_device *device = self->device;
	int ret = intx_trigger(device, self->trigger);

	if (!ret)
		intx_off(device);
	return vfio_config_read(device, PCI_INTERRUPT_PIN, 1) == expected &&
	       vfio_irqs(device, VFIO_PCI_INTX_IRQ_INDEX) == expected &&
	       ret == (expected ? 0 : -EINVAL);
}

/* The switch of the administrator. A user keeps what he has, and a new bind begins with 1 */
TEST_F(interrupt, hidden_by_the_switch)
{
	const char *bdf = self->session.bdf;

	ASSERT_EQ(sysfs_number(bdf, SWITCH), 1);
	EXPECT_EQ(sysfs_write(bdf, SWITCH, "perhaps"), -EINVAL);
	ASSERT_EQ(sysfs_write(bdf, SWITCH, "0"), 0);
	EXPECT_EQ(sysfs_number(bdf, SWITCH), 0);
	EXPECT_TRUE(has_intx(self, true));
	reopen(self);
	EXPECT_TRUE(has_intx(self, false));
	/* The guest polls */
	entropy_start(&self->entropy, self->device, IOVA_BASE);
	EXPECT_TRUE(entropy_works(&self->entropy));
	EXPECT_FALSE(intx_msix_is_on(self->device));
	ASSERT_EQ(sysfs_write(bdf, SWITCH, "1"), 0);
	EXPECT_TRUE(has_intx(self, false));
	reopen(self);
	EXPECT_TRUE(has_intx(self, true));

	ASSERT_EQ(sysfs_write(bdf, SWITCH, "0"), 0);
	session_detach(&self->session);
	ASSERT_EQ(sysfs_unbind(bdf), 0);
	ASSERT_EQ(sysfs_bind(bdf, MMR_DRIVER), 0);
	EXPECT_EQ(sysfs_number(bdf, SWITCH), 1);
	session_attach(&self->session);
	EXPECT_TRUE(has_intx(self, true));
}

TEST_F(interrupt, on_and_off)
{
	struct vfio_device *device = self->device;
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ASSERT_GE(file, 0);
	EXPECT_EQ(intx_off(device), -EINVAL);
	EXPECT_EQ(intx_loopback(device), -EINVAL);
	EXPECT_EQ(intx_mask(device), -EINVAL);
	EXPECT_EQ(intx_unmask(device), -EINVAL);
	EXPECT_EQ(intx_unmask_by(device, self->other), -EINVAL);
	EXPECT_EQ(intx_trigger(device, file), -EINVAL);
	EXPECT_EQ(intx_trigger(device, 1 << 20), -EBADF);
	/* Neither of them has switched it on */
	EXPECT_EQ(intx_off(device), -EINVAL);

	ASSERT_STARTS();
	ASSERT_SERVED();
	/* A mistake changes nothing */
	EXPECT_EQ(intx_trigger(device, file), -EINVAL);
	EXPECT_EQ(intx_trigger(device, 1 << 20), -EBADF);
	EXPECT_EQ(intx_unmask_by(device, file), -EINVAL);
	EXPECT_EQ(intx_unmask_by(device, 1 << 20), -EBADF);
	ASSERT_SERVED();
	EXPECT_EQ(intx_off(device), 0);
	EXPECT_EQ(intx_off(device), -EINVAL);
	/* The device still works, for a guest that polls */
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_QUIET();
	close(file);
}

TEST_F(interrupt, mistakes)
{
	static const struct {
		uint32_t flags;
		unsigned int start, count;
		size_t size;
		int error;
	} cases[] = {
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD
		{ TRIGGER | EVENTFD,	1, 1, 4, EINVAL },
		{ TRIGGER | EVENTFD,	0, 2, 8, EINVAL },
		{ TRIGGER | EVENTFD,	0, 0, 0, EINVAL },
		{ TRIGGER | EVENTFD,	0, 1, 3, EINVAL },
		{ TRIGGER | EVENTFD,	~0u, 1, 4, EINVAL },
		{ TRIGGER | EVENTFD,	0, ~0u, 4, EINVAL },
		{ TRIGGER | EVENTFD,	1, ~0u, 4, EINVAL },
		{ TRIGGER | NONE,	1, 0, 0, EINVAL },
		{ TRIGGER | NONE,	0, 2, 0, EINVAL },
		{ TRIGGER | BOOL,	0, 0, 0, EINVAL },
		{ TRIGGER | BOOL,	0, 1, 0, EINVAL },
		{ MASK | NONE,		0, 0, 0, EINVAL },
		{ MASK | NONE,		1, 1, 0, EINVAL },
		{ MASK | EVENTFD,	0, 1, 4, ENOTTY },
		{ UNMASK | NONE,	0, 0, 0, EINVAL },
		{ UNMASK | NONE,	0, 2, 0, EINVAL },
		{ UNMASK | EVENTFD,	0, 2, 8, EINVAL },
		{ TRIGGER | MASK | NONE, 0, 1, 0, ENOTTY },
		{ TRIGGER | NONE | BOOL, 0, 1, 1, EINVAL },
		{ TRIGGER,		0, 1, 4, EINVAL },
		{ NONE,			0, 1, 0, ENOTTY },
		{ TRIGGER | NONE | 1u << 6, 0, 1, 0, EINVAL },
		{ 0,			0, 0, 0, EINVAL },
	};
	struct vfio_irq_set set = { .index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1 };
	struct vfio_device *device = self->device;
	int fds[2] = { self->other, self->other };
	unsigned int i;

	ASSERT_STARTS();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(vfio_irq_action(device, VFIO_PCI_INTX_IRQ_INDEX, cases[i].flags,
					  cases[i].start, cases[i].count, fds, cases[i].size),
			  -cases[i].error) {
			TH_LOG("case %u", i);
		}
	}
	set.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK;
	set.argsz = sizeof(set) - 1;
	EXPECT_EQ(ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &set), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(ioctl(device->fd, VFIO_DEVICE_SET_IRQS, NULL), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(vfio_eventfd_wait(self->other, 0), 0);
	ASSERT_SERVED();
}

TEST_F(interrupt, loopback)
{
	struct vfio_device *device = self->device;

	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_EQ(intx_loopback(device), 0);
	EXPECT_EQ(signals(self, 0), 1);
	EXPECT_EQ(intx_bool(device, VFIO_IRQ_SET_ACTION_TRIGGER, 1), 0);
	EXPECT_EQ(signals(self, 0), 1);
	EXPECT_EQ(intx_bool(device, VFIO_IRQ_SET_ACTION_TRIGGER, 0), 0);
	EXPECT_EQ(signals(self, SHORT), 0);
	/* Nothing is pending, so nothing is repeated */
	EXPECT_FALSE(intx_status(device));
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_QUIET();
	/* Without a trigger it has no effect */
	EXPECT_EQ(intx_trigger(device, -1), 0);
	EXPECT_EQ(intx_loopback(device), 0);
	EXPECT_QUIET();
}

/* --- Interrupts ------------------------------------------------------------------ */

TEST_F(interrupt, one_for_each_request)
{
	unsigned int i;

	ASSERT_STARTS();
	for (i = 0; i < 2 * self->entropy.queue.ring.num + 3; i++) {
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(intx_handle(self->device, self->trigger, LEGACY_TIMEOUT),
			  INTX_ISR_QUEUE) {
			TH_LOG("request %u", i);
		}
	}
	EXPECT_EQ(isr(self), 0);
	EXPECT_QUIET();
}

/* A signal masks. What comes meanwhile, or is still unread, is signalled by the unmask */
TEST_F(interrupt, masks_itself)
{
	struct vfio_device *device = self->device;

	ASSERT_STARTS();
	ASSERT_TRUE(request(self));
	EXPECT_EQ(signals(self, LEGACY_TIMEOUT), 1);
	ASSERT_TRUE(request(self));
	ASSERT_TRUE(request(self));
	EXPECT_QUIET();
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), 0);
	/* All is read, so the unmask has nothing to tell */
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_QUIET();

	/* An interrupt after the read, before the unmask */
	ASSERT_TRUE(request(self));
	EXPECT_EQ(signals(self, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	ASSERT_TRUE(request(self));
	EXPECT_EQ(signals(self, SHORT), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(signals(self, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_QUIET();
	ASSERT_SERVED();
}

/*
 * A guest with the 8259 says EOI before it reads ISR status, so the line still looks raised and
 * one event interrupts twice. The second handler must find its reason as well: a guest that
 * gets interrupts without one switches the line off.
 */
TEST_F(interrupt, unmasked_before_the_read)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	ASSERT_STARTS();
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(request(self));
		ASSERT_EQ(signals(self, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(intx_unmask(device), 0);
		EXPECT_EQ(signals(self, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
		EXPECT_EQ(intx_unmask(device), 0);
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
		EXPECT_EQ(isr(self), 0);
		EXPECT_FALSE(intx_status(device));
		EXPECT_QUIET();
	}
	/* A guest that never reads it is not owed more than two */
	ASSERT_TRUE(request(self));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(signals(self, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(intx_unmask(device), 0);
	}
	ASSERT_EQ(signals(self, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	ASSERT_SERVED();
}

TEST_F(interrupt, masked_by_the_user)
{
	struct vfio_device *device = self->device;

	ASSERT_STARTS();
	EXPECT_EQ(intx_mask(device), 0);
	EXPECT_EQ(intx_mask(device), 0);
	ASSERT_TRUE(request(self));
	EXPECT_TRUE(intx_status(device));
	EXPECT_QUIET();
	EXPECT_EQ(intx_bool(device, VFIO_IRQ_SET_ACTION_UNMASK, 0), 0);
	EXPECT_QUIET();
	EXPECT_EQ(intx_bool(device, VFIO_IRQ_SET_ACTION_UNMASK, 1), 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);

	EXPECT_EQ(intx_bool(device, VFIO_IRQ_SET_ACTION_MASK, 0), 0);
	ASSERT_SERVED();
	EXPECT_EQ(intx_bool(device, VFIO_IRQ_SET_ACTION_MASK, 1), 0);
	ASSERT_TRUE(request(self));
	EXPECT_QUIET();
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);

	/* INTx that was off is not masked */
	EXPECT_EQ(intx_mask(device), 0);
	EXPECT_EQ(intx_off(device), 0);
	ASSERT_STARTS();
	ASSERT_SERVED();
}

TEST_F(interrupt, replaced_and_detached)
{
	struct vfio_device *device = self->device;

	ASSERT_STARTS();
	ASSERT_SERVED();
	ASSERT_EQ(intx_trigger(device, self->other), 0);
	INTX_ASSERT_SERVED(self->other);
	EXPECT_EQ(signals(self, 0), 0);

	/* Without a trigger the interrupt waits for the next one */
	ASSERT_EQ(intx_trigger(device, -1), 0);
	ASSERT_TRUE(request(self));
	EXPECT_TRUE(intx_status(device));
	EXPECT_EQ(vfio_eventfd_wait(self->other, SHORT), 0);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	EXPECT_EQ(vfio_eventfd_wait(self->other, 0), 0);
	ASSERT_SERVED();

	/* INTx can begin without a trigger */
	EXPECT_EQ(intx_off(device), 0);
	ASSERT_EQ(intx_trigger(device, -1), 0);
	entropy_restart(&self->entropy);
	ASSERT_TRUE(request(self));
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	ASSERT_SERVED();
	EXPECT_EQ(intx_off(device), 0);
}

/* The user closes its descriptors. The driver has its own */
TEST_F(interrupt, eventfds_closed)
{
	struct vfio_device *device = self->device;
	unsigned int i;
	int fd;

	ASSERT_STARTS();
	for (i = 0; i < 3; i++) {
		fd = vfio_eventfd();
		ASSERT_EQ(intx_trigger(device, fd), 0);
		close(fd);
		ASSERT_TRUE(request(self));
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
		EXPECT_EQ(intx_unmask(device), 0);
	}
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	ASSERT_SERVED();
}

static const uint64_t one = 1;

/* Waits until the driver has forgotten the eventfd that unmasked */
static int unmask_by_again(struct vfio_device *device, int fd)
{
	unsigned int waited;
	int ret = -EBUSY;

	for (waited = 0; ret == -EBUSY && waited < LEGACY_TIMEOUT; waited++) {
		ret = intx_unmask_by(device, fd);
		if (ret)
			usleep(1000);
	}
	return ret;
}

TEST_F(interrupt, unmasked_by_eventfd)
{
	struct vfio_device *device = self->device;
	int fd = vfio_eventfd();
	unsigned int i;

	ASSERT_STARTS();
	ASSERT_EQ(intx_unmask_by(device, self->other), 0);
	EXPECT_EQ(intx_unmask_by(device, fd), -EBUSY);
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(request(self));
		ASSERT_EQ(signals(self, LEGACY_TIMEOUT), 1);
		/* Unread, so it comes again */
		EXPECT_EQ(write(self->other, &one, sizeof(one)), sizeof(one));
		ASSERT_EQ(signals(self, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
		EXPECT_EQ(write(self->other, &one, sizeof(one)), sizeof(one));
		EXPECT_EQ(signals(self, SHORT), 0);
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
		EXPECT_EQ(isr(self), 0);
	}
	/* Both ways at once */
	ASSERT_SERVED();

	/* Removed: it has no effect, and another one can come */
	ASSERT_EQ(intx_unmask_by(device, -1), 0);
	ASSERT_EQ(intx_unmask_by(device, -1), 0);
	ASSERT_TRUE(request(self));
	ASSERT_EQ(signals(self, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(write(self->other, &one, sizeof(one)), sizeof(one));
	EXPECT_QUIET();
	ASSERT_EQ(intx_unmask_by(device, fd), 0);
	EXPECT_EQ(write(fd, &one, sizeof(one)), sizeof(one));
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);

	/* Closed by the user: the same as removed, as soon as the kernel comes to it */
	close(fd);
	EXPECT_EQ(unmask_by_again(device, self->other), 0);
	ASSERT_SERVED();
	/* INTx that ends takes it along */
	EXPECT_EQ(intx_off(device), 0);
	EXPECT_EQ(intx_trigger(device, self->trigger), 0);
	EXPECT_EQ(intx_unmask_by(device, self->other), 0);
}

/*
 * Each signal unmasks at once. That must neither wait for itself nor repeat itself for ever.
 * The kernel takes the value of an eventfd that unmasks, so the driver's counter shows it.
 */
TEST_F(interrupt, one_eventfd_for_both)
{
	struct vfio_device *device = self->device;
	unsigned long before, after;
	unsigned int i;

	ASSERT_STARTS();
	ASSERT_EQ(intx_unmask_by(device, self->trigger), 0);
	for (i = 0; i < 10; i++) {
		before = sysfs_counter(device->bdf, "intx_signals");
		ASSERT_TRUE(request(self));
		usleep(SHORT * 1000);
		after = sysfs_counter(device->bdf, "intx_signals");
		EXPECT_EQ(after - before, 1);
		EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	}
	ASSERT_EQ(intx_unmask_by(device, -1), 0);
	EXPECT_EQ(isr(self), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	ASSERT_SERVED();
}

/* --- What the guest sees of it in configuration space ----------------------------- */

TEST_F(interrupt, disabled_in_command)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	ASSERT_STARTS();
	for (i = 0; i < 3; i++) {
		vfio_command(device, PCI_COMMAND_INTX_DISABLE, 0);
		ASSERT_TRUE(request(self));
		/* DPDK and uio_pci_generic look at this first, and clear the bit afterwards */
		EXPECT_TRUE(intx_status(device));
		EXPECT_QUIET();
		EXPECT_EQ(intx_unmask(device), 0);
		EXPECT_QUIET();
		/* By a byte, as some do */
		vfio_config_write(device, PCI_COMMAND + 1, 1, 0);
		EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		EXPECT_FALSE(intx_status(device));
	}
	/* What the guest has read does not come again */
	vfio_command(device, PCI_COMMAND_INTX_DISABLE, 0);
	ASSERT_TRUE(request(self));
	EXPECT_EQ(isr(self), INTX_ISR_QUEUE);
	vfio_command(device, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_QUIET();
	/* A mask stays over it */
	EXPECT_EQ(intx_mask(device), 0);
	vfio_command(device, PCI_COMMAND_INTX_DISABLE, 0);
	ASSERT_TRUE(request(self));
	vfio_command(device, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_QUIET();
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
}

TEST_F(interrupt, pending_in_status)
{
	struct vfio_device *device = self->device;
	uint16_t status;

	ASSERT_STARTS();
	status = vfio_config_read(device, PCI_STATUS, 2);
	EXPECT_EQ(status & PCI_STATUS_INTERRUPT, 0);
	ASSERT_TRUE(request(self));
	EXPECT_EQ(vfio_config_read(device, PCI_STATUS, 2), (status | PCI_STATUS_INTERRUPT));
	EXPECT_EQ(vfio_config_read(device, PCI_STATUS, 1),
		  ((status | PCI_STATUS_INTERRUPT) & 0xff));
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 4) >> 16,
		  (status | PCI_STATUS_INTERRUPT));
	EXPECT_EQ(vfio_config_read(device, PCI_STATUS + 1, 1), status >> 8);
	/* Read-only */
	vfio_config_write(device, PCI_STATUS, 2, PCI_STATUS_INTERRUPT);
	EXPECT_TRUE(intx_status(device));
	vfio_config_write(device, PCI_STATUS, 2, 0);
	EXPECT_TRUE(intx_status(device));
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	EXPECT_EQ(vfio_config_read(device, PCI_STATUS, 2), status);
}

/* ISR status is one byte of longer reads, too, and a read of its neighbours leaves it alone */
TEST_F(interrupt, isr_in_longer_reads)
{
	struct vfio_device *device = self->device;

	ASSERT_STARTS();
	ASSERT_TRUE(request(self));
	legacy_read(device, VIRTIO_MMR_DEVICE_STATUS, 1);
	EXPECT_TRUE(intx_status(device));
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_STATUS, 2) >> 8, INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(signals(self, 0), 1);
	ASSERT_TRUE(request(self));
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_NOTIFY, 4) >> 24, INTX_ISR_QUEUE);
	EXPECT_EQ(isr(self), 0);
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(signals(self, 0), 1);

	/* A guest that may not reach its registers reads nothing, and loses nothing */
	ASSERT_TRUE(request(self));
	vfio_command(device, 0, PCI_COMMAND_IO);
	EXPECT_EQ(isr(self), 0xff);
	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
	/* A write has no effect */
	ASSERT_TRUE(request(self));
	legacy_write(device, VIRTIO_MMR_ISR_STATUS, 1, 0xff);
	EXPECT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
}

FUNCTIONS_HARNESS_MAIN
