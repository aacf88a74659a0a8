// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation, and each copy of a user's memory, fails once: with the module on the stack, in
 * bind, open, close, unbind and the operations in between. The operation returns an error or
 * does without, the next try works, and whatever comes after it does as well. The kernel's search
 * for leaks at the end of the suite is a judge, too.
 *
 * That needs a kernel with fault injection, such as the debug kernel. Comments name the places
 * that were reached.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/injection.h"
#include "lib/intx.h"
#include "lib/report.h"
#include "lib/session.h"

/* No operation has as many places */
#define PLACES_MAX	500
/*
 * What the kernel keeps from one try to the next, it need not allocate. So the same number is
 * not always the same place, and a single round leaves some out.
 */
#define ROUNDS		3
#define AREA_SIZE	(1 << 17)
/* Time for a signal that must not come, in milliseconds */
#define NO_SIGNAL	50

FIXTURE(injection)
{
	struct session session;
	struct vfio_device *device;
	struct iova_area area;
	int eventfd, unmask, fail_nth;
	void *memory;
	size_t memory_size;
};

FIXTURE_VARIANT(injection)
{
	/* Undisturbed: what must be there before, and what undoes a success. 0 or an error code */
	int (*prepare)(struct _test_data_injection *self);
	int (*run)(struct _test_data_injection *self);
	int (*undo)(struct _test_data_injection *self);
	/* One more error code that the kernel has for it */
	int error;
	/* Part of the kernel that warns if an allocation in it fails, which is not the module's */
	const char *spare;
	/* Nothing in it can fail: neither an allocation nor a copy */
	bool is_safe;
};

/* --- Operations ------------------------------------------------------------------------------ */

static int attach(struct _test_data_injection *self)
{
	int ret = session_try_attach(&self->session);

	if (ret)
		return ret;
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	/* For a queue, which stays empty */
	iova_map(&self->area, &self->session.container, IOVA_BASE, AREA_SIZE);
	return 0;
}

/* All that an open needs, but the function is closed */
static int attach_closed(struct _test_data_injection *self)
{
	int ret = session_try_attach(&self->session);

	if (ret)
		return ret;
	close(self->device->fd);
	self->device->fd = -1;
	return 0;
}

/* The first one since it was bound. Whoever has a function open must find its counters */
static int first_open(struct _test_data_injection *self)
{
	int ret = session_try_attach(&self->session);

	if (ret)
		return ret;
	return sysfs_counters_exist(self->session.bdf) ? 0 : -ENODATA;
}

static int only_open(struct _test_data_injection *self)
{
	int fd = vfio_device_reopen(self->device);

	if (fd < 0)
		return fd;
	self->device->fd = fd;
	return 0;
}

static int only_close(struct _test_data_injection *self)
{
	close(self->device->fd);
	self->device->fd = -1;
	return 0;
}

static int detach(struct _test_data_injection *self)
{
	session_detach(&self->session);
	if (self->area.memory)
		munmap(self->area.memory, self->area.size);
	self->area.memory = NULL;
	return 0;
}

static int nothing(struct _test_data_injection *self)
{
	return 0;
}

static int unbind(struct _test_data_injection *self)
{
	return sysfs_unbind(self->session.bdf);
}

static int bind(struct _test_data_injection *self)
{
	return sysfs_bind(self->session.bdf, MMR_DRIVER);
}

static int rebind(struct _test_data_injection *self)
{
	int ret;

	detach(self);
	ret = unbind(self);
	return ret ? ret : bind(self);
}

/* drivers_probe alone; whether it bound is another question */
static int probe(struct _test_data_injection *self)
{
	char driver[SYSFS_DRIVER_SIZE];
	int ret = sysfs_probe(self->session.bdf);

	sysfs_driver(self->session.bdf, driver);
	return !strcmp(driver, MMR_DRIVER) ? 0 : ret ? ret : -ENODEV;
}

static int region_info(struct _test_data_injection *self)
{
	struct {
		struct vfio_region_info info;
		uint8_t more[256];
	} region = { .info.argsz = sizeof(region) };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < VFIO_PCI_NUM_REGIONS && !ret; i++) {
		region.info.index = i;
		if (ioctl(self->device->fd, VFIO_DEVICE_GET_REGION_INFO, &region))
			ret = i == VFIO_PCI_VGA_REGION_INDEX && errno == EINVAL ? 0 : -errno;
	}
	return ret;
}

static int read_bar0(struct _test_data_injection *self)
{
	uint8_t bytes[32];

	return vfio_error(vfio_read(self->device, 0, 0, bytes, sizeof(bytes)), sizeof(bytes));
}

static int write_bar0(struct _test_data_injection *self)
{
	const uint8_t bytes[16] = {};

	return vfio_error(vfio_write(self->device, 0, 4, bytes, sizeof(bytes)), sizeof(bytes));
}

static int read_config(struct _test_data_injection *self)
{
	uint8_t bytes[64];

	return vfio_error(vfio_read(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, bytes,
				    sizeof(bytes)), sizeof(bytes));
}

static int write_config(struct _test_data_injection *self)
{
	const uint32_t bars[2] = { 0xc000, 0xfe000000 };
	const uint16_t command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	int ret;

	ret = vfio_error(vfio_write(self->device, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
				    &command, 2), 2);
	if (ret)
		return ret;
	return vfio_error(vfio_write(self->device, VFIO_PCI_CONFIG_REGION_INDEX,
				     PCI_BASE_ADDRESS_0, bars, sizeof(bars)), sizeof(bars));
}

static int map_bar(struct _test_data_injection *self)
{
	const struct vfio_region_info *region = self->device->regions;
	unsigned int bar;

	for (bar = 1; bar < 6; bar++)
		if (region[bar].size >= 4096 && region[bar].flags & VFIO_REGION_INFO_FLAG_MMAP)
			break;
	if (bar == 6)
		fail("no BAR can be mapped");
	self->memory_size = region[bar].size;
	self->memory = mmap(NULL, self->memory_size, PROT_READ, MAP_SHARED, self->device->fd,
			    region[bar].offset);
	if (self->memory == MAP_FAILED) {
		self->memory = NULL;
		return -errno;
	}
	return 0;
}

static int unmap_bar(struct _test_data_injection *self)
{
	return munmap(self->memory, self->memory_size) ? -errno : 0;
}

static int queue_eventfd(struct _test_data_injection *self)
{
	return legacy_ioeventfd(self->device, 0, self->eventfd);
}

static int no_queue_eventfd(struct _test_data_injection *self)
{
	return legacy_ioeventfd(self->device, 0, -1);
}

static uint64_t place_in_bar(struct _test_data_injection *self)
{
	struct mmr_window window;

	if (!sysfs_window(self->session.bdf, &window))
		fail("no window");
	return self->device->regions[window.bar].offset + window.offset + VIRTIO_MMR_QUEUE_NOTIFY;
}

static int bar_eventfd(struct _test_data_injection *self)
{
	return vfio_ioeventfd(self->device, VFIO_DEVICE_IOEVENTFD_16, place_in_bar(self), 0,
			      self->eventfd);
}

static int no_bar_eventfd(struct _test_data_injection *self)
{
	return vfio_ioeventfd(self->device, VFIO_DEVICE_IOEVENTFD_16, place_in_bar(self), 0, -1);
}

static int intx_on(struct _test_data_injection *self)
{
	return intx_trigger(self->device, self->eventfd);
}

static int intx_is_off(struct _test_data_injection *self)
{
	return intx_off(self->device);
}

static int attach_with_intx(struct _test_data_injection *self)
{
	int ret = attach(self);

	return ret ? ret : intx_on(self);
}

static int unmask_by(struct _test_data_injection *self)
{
	return intx_unmask_by(self->device, self->unmask);
}

static int no_unmask_by(struct _test_data_injection *self)
{
	return intx_unmask_by(self->device, -1);
}

/* The driver takes the function's vectors. It has no way to refuse: the guest gets no interrupt */
static int first_queue(struct _test_data_injection *self)
{
	const uint32_t page = IOVA_BASE >> 12;

	return vfio_error(vfio_write(self->device, 0, VIRTIO_MMR_QUEUE_ADDRESS, &page, 4), 4);
}

/* INTx off gives them back. The next try starts from a reset */
static int no_queue(struct _test_data_injection *self)
{
	int ret;

	legacy_reset(self->device);
	ret = intx_off(self->device);
	return ret ? ret : intx_on(self);
}

static int msix_on(struct _test_data_injection *self)
{
	const int fds[2] = { self->eventfd, self->unmask };

	return vfio_set_irqs(self->device, VFIO_PCI_MSIX_IRQ_INDEX, 2, fds);
}

static int msix_off(struct _test_data_injection *self)
{
	return vfio_set_irqs(self->device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
}

static int error_eventfd(struct _test_data_injection *self)
{
	return vfio_set_irqs(self->device, VFIO_PCI_ERR_IRQ_INDEX, 1, &self->eventfd);
}

static int no_error_eventfd(struct _test_data_injection *self)
{
	const int none = -1;

	return vfio_set_irqs(self->device, VFIO_PCI_ERR_IRQ_INDEX, 1, &none);
}

static int reset(struct _test_data_injection *self)
{
	return vfio_reset(self->device);
}

/* With all that a user can have of a function */
static int attach_with_all(struct _test_data_injection *self)
{
	int ret = attach_with_intx(self);

	if (!ret)
		ret = unmask_by(self);
	if (!ret)
		ret = first_queue(self);
	if (!ret)
		ret = queue_eventfd(self);
	return ret ? ret : bar_eventfd(self);
}

/* --- What is done with them ----------------------------------------------------------------- */

FIXTURE_VARIANT_ADD(injection, bind) {
	.prepare = unbind, .run = probe, .undo = unbind, .error = -ENODEV,
	.spare = "vfio_create_group",
};

FIXTURE_VARIANT_ADD(injection, unbind) {
	.prepare = nothing, .run = unbind, .undo = bind,
};

FIXTURE_VARIANT_ADD(injection, first_open) {
	.prepare = rebind, .run = first_open, .undo = rebind,
};

FIXTURE_VARIANT_ADD(injection, open) {
	.prepare = attach_closed, .run = only_open, .undo = only_close,
};

FIXTURE_VARIANT_ADD(injection, close) {
	.prepare = attach_with_all, .run = detach, .undo = attach_with_all,
};

FIXTURE_VARIANT_ADD(injection, region_info) {
	.prepare = attach, .run = region_info, .undo = nothing,
};

FIXTURE_VARIANT_ADD(injection, bar0_read) {
	.prepare = attach, .run = read_bar0, .undo = nothing,
};

FIXTURE_VARIANT_ADD(injection, bar0_write) {
	.prepare = attach, .run = write_bar0, .undo = nothing,
};

FIXTURE_VARIANT_ADD(injection, config_read) {
	.prepare = attach, .run = read_config, .undo = nothing,
};

FIXTURE_VARIANT_ADD(injection, config_write) {
	.prepare = attach, .run = write_config, .undo = nothing,
};

FIXTURE_VARIANT_ADD(injection, mmap) {
	.prepare = attach, .run = map_bar, .undo = unmap_bar, .is_safe = true,
};

FIXTURE_VARIANT_ADD(injection, queue_eventfd) {
	.prepare = attach, .run = queue_eventfd, .undo = no_queue_eventfd,
};

FIXTURE_VARIANT_ADD(injection, bar_eventfd) {
	.prepare = attach, .run = bar_eventfd, .undo = no_bar_eventfd,
};

FIXTURE_VARIANT_ADD(injection, intx) {
	.prepare = attach, .run = intx_on, .undo = intx_is_off,
};

FIXTURE_VARIANT_ADD(injection, intx_unmask_eventfd) {
	.prepare = attach_with_intx, .run = unmask_by, .undo = no_unmask_by,
};

FIXTURE_VARIANT_ADD(injection, intx_first_queue) {
	.prepare = attach_with_intx, .run = first_queue, .undo = no_queue,
	.spare = "__proc_create",
};

FIXTURE_VARIANT_ADD(injection, msix) {
	.prepare = attach, .run = msix_on, .undo = msix_off, .error = -EAGAIN,
	.spare = "__proc_create",
};

FIXTURE_VARIANT_ADD(injection, error_eventfd) {
	.prepare = attach, .run = error_eventfd, .undo = no_error_eventfd,
};

FIXTURE_VARIANT_ADD(injection, reset) {
	.prepare = attach, .run = reset, .undo = nothing, .is_safe = true,
};

FIXTURE_SETUP(injection)
{
	const char *bdf = functions_prefer("rng");

	self->fail_nth = open(INJECTION_FILE, O_RDWR | O_CLOEXEC);
	if (self->fail_nth < 0)
		SKIP(return, "the kernel has no " INJECTION_FILE ": use that of make check-debug");
	ASSERT_TRUE(injection_switch_on(variant->spare));
	session_begin(&self->session, bdf);
	self->device = &self->session.device;
	self->eventfd = vfio_eventfd();
	self->unmask = vfio_eventfd();
}

FIXTURE_TEARDOWN(injection)
{
	injection_arm(self->fail_nth, 0);
	detach(self);
	EXPECT_EQ(bind(self), 0);
	EXPECT_TRUE(session_close(&self->session));
}

/* What an operation may say of it */
static bool is_clean(int error)
{
	return error == -ENOMEM || error == -EFAULT || error == -EBUSY || error == -ENOSPC;
}

/* Requests and interrupts, for the next user */
static void expect_works(struct __test_metadata *_metadata, struct _test_data_injection *self)
{
	struct entropy entropy;

	detach(self);
	ASSERT_EQ(bind(self), 0);
	session_attach(&self->session);
	if (!strcmp(sysfs_type(self->session.bdf)->name, "rng")) {
		vfio_msix_enable(self->device, 1);
		entropy_start(&entropy, self->device, IOVA_BASE);
		EXPECT_TRUE(entropy_works(&entropy));
		EXPECT_GT(vfio_msix_wait(self->device, 0, LEGACY_TIMEOUT), 0);
		entropy_stop(&entropy);
	}
	detach(self);
}

/* The places that were reached, and what came of it */
static struct {
	char name[160];
	int error;
} places[PLACES_MAX];
static unsigned int named;

static void note_place(const char *name, int error)
{
	unsigned int i;

	for (i = 0; i < named; i++)
		if (!strcmp(places[i].name, name) && places[i].error == error)
			return;
	if (named == PLACES_MAX)
		fail("more than %u places", PLACES_MAX);
	snprintf(places[named].name, sizeof(places[named].name), "%s", name);
	places[named++].error = error;
}

/* Fails each one in turn; the number of them */
static unsigned int fail_each(struct __test_metadata *_metadata,
			      struct _test_data_injection *self,
			      const struct _fixture_variant_injection *variant)
{
	unsigned int nth, refused = 0;
	char place[160];
	bool failed;
	int ret;

	for (nth = 1; nth < PLACES_MAX; nth++) {
		injection_arm(self->fail_nth, nth);
		ret = variant->run(self);
		failed = injection_disarm(self->fail_nth);
		if (!failed)
			break;
		/* The kernel does not name those that have a substitute, such as its own checks' */
		dmesg_injected(&self->session.log, MMR_DRIVER, place, sizeof(place));
		note_place(place[0] ? place : "not named", ret);
		if (ret) {
			refused++;
			EXPECT_TRUE(is_clean(ret) || ret == variant->error) {
				TH_LOG("%s: %s", place, strerror(-ret));
			}
			/* The next try works */
			ASSERT_EQ(variant->run(self), 0);
		}
		ASSERT_EQ(variant->undo(self), 0);
	}
	TH_LOG("%u failures, %u of them refused the operation", nth - 1, refused);
	EXPECT_LT(nth, PLACES_MAX);
	/* The last one was undisturbed */
	EXPECT_EQ(ret, 0);
	EXPECT_EQ(variant->undo(self), 0);
	return nth - 1;
}

TEST_F_TIMEOUT(injection, each_fails_once, 300)
{
	unsigned int round, failures, all = 0, i;

	ASSERT_EQ(variant->prepare(self), 0);
	dmesg_expect_injections(&self->session.log);
	for (round = 0; round < ROUNDS; round++) {
		failures = fail_each(_metadata, self, variant);
		if (!failures)
			break;
		all += failures;
	}
	/* Or the filter misses the operation, and nothing was tried */
	EXPECT_EQ(!all, variant->is_safe);
	dmesg_injections_end(&self->session.log);
	for (i = 0; i < named; i++)
		TH_LOG("%s: %s", places[i].name,
		       places[i].error ? strerror(-places[i].error) : "does without");
	expect_works(_metadata, self);
}

/* --- The vectors of INTx ---------------------------------------------------------------------- */

FIXTURE(vectors)
{
	INTX_FIELDS;
	int fail_nth;
};

FIXTURE_VARIANT(vectors)
{
	/* Undisturbed: all up to there */
	void (*prepare)(struct _test_data_vectors *self);
	/* This takes the vectors. 0 or a negative error code */
	int (*take)(struct _test_data_vectors *self);
};

/* INTx is on, and the guest's driver is about to set up its queue */
static void before_queue(struct _test_data_vectors *self)
{
	entropy_restart(&self->entropy);
	intx_off(self->device);
	legacy_start(self->device, 0);
	if (intx_trigger(self->device, self->trigger))
		fail("INTx cannot be turned on");
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
}

static int take_by_queue(struct _test_data_vectors *self)
{
	const uint32_t page = self->entropy.queue.iova >> 12;
	int ret;

	ret = vfio_error(vfio_write(self->device, 0, VIRTIO_MMR_QUEUE_ADDRESS, &page, 4), 4);
	if (!ret)
		legacy_ready(self->device);
	return ret;
}

/* The guest's driver runs, and INTx is off */
static void before_trigger(struct _test_data_vectors *self)
{
	intx_off(self->device);
	entropy_restart(&self->entropy);
}

static int take_by_trigger(struct _test_data_vectors *self)
{
	return intx_trigger(self->device, self->trigger);
}

FIXTURE_VARIANT_ADD(vectors, first_queue) {
	.prepare = before_queue, .take = take_by_queue,
};

FIXTURE_VARIANT_ADD(vectors, late) {
	.prepare = before_trigger, .take = take_by_trigger,
};

FIXTURE_SETUP(vectors)
{
	self->fail_nth = open(INJECTION_FILE, O_RDWR | O_CLOEXEC);
	if (self->fail_nth < 0)
		SKIP(return, "the kernel has no " INJECTION_FILE ": use that of make check-debug");
	ASSERT_TRUE(injection_switch_on("__proc_create"));
	INTX_SETUP();
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(vectors)
{
	injection_arm(self->fail_nth, 0);
	INTX_TEARDOWN();
}

/* Each request has its interrupt. Signals from before may be under way */
static void expect_interrupts(struct __test_metadata *_metadata,
			      struct _test_data_vectors *self)
{
	ASSERT_TRUE(intx_msix_is_on(self->device));
	ASSERT_EQ(intx_settle(self->device, self->trigger), 0);
	INTX_ASSERT_SERVED(self->trigger);
}

/* No vector is left, the queue works, and the next start of the guest has its interrupts */
static void expect_polling(struct __test_metadata *_metadata, struct _test_data_vectors *self)
{
	EXPECT_FALSE(intx_msix_is_on(self->device));
	EXPECT_EQ(intx_host_interrupts(self->device, "virtio_mmr-"), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, NO_SIGNAL), 0);
	/* ISR status is the device's own */
	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1), INTX_ISR_QUEUE);
	entropy_restart(&self->entropy);
	expect_interrupts(_metadata, self);
}

/*
 * What the driver needs for its vectors fails, one thing at a time. A guest's write cannot be
 * refused for that, nor can a VMM's trigger: the guest has no interrupts then.
 */
TEST_F_TIMEOUT(vectors, guest_polls_meanwhile, 300)
{
	unsigned int nth, without = 0, refused = 0;
	unsigned long before;
	char place[160];
	bool failed;
	int ret;

	dmesg_expect_injections(&self->session.log);
	for (nth = 1; nth < PLACES_MAX; nth++) {
		variant->prepare(self);
		before = sysfs_counter(self->session.bdf, "intx_refused_vectors");
		injection_arm(self->fail_nth, nth);
		ret = variant->take(self);
		failed = injection_disarm(self->fail_nth);
		before = sysfs_counter(self->session.bdf, "intx_refused_vectors") - before;
		if (!failed)
			break;
		dmesg_injected(&self->session.log, MMR_DRIVER, place, sizeof(place));
		if (ret) {
			refused++;
			EXPECT_TRUE(is_clean(ret)) {
				TH_LOG("%s: %s", place, strerror(-ret));
			}
			ASSERT_EQ(variant->take(self), 0);
			expect_interrupts(_metadata, self);
		} else if (intx_msix_is_on(self->device)) {
			EXPECT_EQ(before, 0);
			expect_interrupts(_metadata, self);
		} else {
			without++;
			EXPECT_EQ(before, 1);
			expect_polling(_metadata, self);
		}
	}
	dmesg_injections_end(&self->session.log);
	TH_LOG("%u failures: %u without vectors, %u refused", nth - 1, without, refused);
	EXPECT_LT(nth, PLACES_MAX);
	EXPECT_GT(without, 0);
	/* The last one was undisturbed */
	EXPECT_EQ(ret, 0);
	expect_interrupts(_metadata, self);
	EXPECT_EQ(intx_off(self->device), 0);
	EXPECT_FALSE(intx_msix_is_on(self->device));
	EXPECT_EQ(intx_host_interrupts(self->device, "virtio_mmr-"), 0);
}

FUNCTIONS_HARNESS_MAIN
