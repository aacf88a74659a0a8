// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests the library against the driver, by the same random operations on two functions of one
 * type. The driver serves one of them, by its file. vfio-pci has the other one. There the
 * library does the work of a VMM: the guest's view of configuration space, and accesses to the
 * I/O BAR. Each answer must be the same.
 *
 * VIRTIO_MMR_SEED repeats a run, VIRTIO_MMR_OPERATIONS sets its length.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_mmr.h>

#include "kselftest_harness.h"

#include "lib/environment.h"
#include "lib/functions.h"
#include "lib/report.h"
#include "lib/sequence.h"
#include "lib/session.h"

#include <virtio_mmr.h>

#define OPERATIONS	100000
#define CONFIG_SIZE	256
#define STATUS_TRIES	10000

FIXTURE(library)
{
	/* One session of the driver, and one of vfio-pci */
	struct session sessions[2];
	struct vfio_device *driver, *plain;
	struct virtio_mmr_scan scan;
	struct virtio_mmr_view view;
	struct virtio_mmr_interrupt interrupt;
	struct virtio_mmr_port port;
	unsigned long operations, operation;
	struct sequence sequence;
};

static uint32_t random_below(struct _test_data_library *self, uint32_t limit)
{
	return sequence_below(&self->sequence, limit);
}

/* --- the library's function --------------------------------------------------- */

/* Reads the host's view: vfio-pci hides an MMR capability without a VSEC header from its users */
static bool read_config(void *context, unsigned int position, uint32_t *value)
{
	*value = virtio_mmr_get_le32((uint8_t *)context + position);
	return true;
}

static uint32_t read_register(void *context, uint32_t offset, uint32_t width)
{
	struct _test_data_library *self = context;
	uint8_t raw[4] = {};

	if (vfio_read(self->plain, self->scan.cap.bar, self->scan.cap.offset + offset, raw,
		      width) != width)
		abort();
	return virtio_mmr_get_le32(raw);
}

static void write_register(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
	struct _test_data_library *self = context;
	uint8_t raw[4];

	virtio_mmr_put_le32(raw, value);
	if (vfio_write(self->plain, self->scan.cap.bar, self->scan.cap.offset + offset, raw,
		       width) != width)
		abort();
}

static void notify(void *context, uint16_t queue)
{
	write_register(context, VIRTIO_MMR_QUEUE_NOTIFY, 2, queue);
}

static const struct virtio_mmr_port_ops registers = {
	.read = read_register, .write = write_register, .notify = notify,
};

static void scan(struct _test_data_library *self)
{
	static struct virtio_mmr_lists lists;
	static uint8_t config[SYSFS_CONFIG_SIZE];
	struct virtio_mmr_space space = {
		.read = read_config, .context = config,
		.size = VIRTIO_MMR_CONFIG_SIZE_EXTENDED,
	};
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];
	struct sysfs_bar bars[SYSFS_NUM_BARS];
	uint16_t device = sysfs_type(self->plain->bdf)->physical_id;
	unsigned int bar;

	sysfs_config(self->plain->bdf, config);
	sysfs_bars(self->plain->bdf, bars);
	for (bar = 0; bar < SYSFS_NUM_BARS; bar++)
		virtio_mmr_function_set_bar(&self->scan.function, bar, bars[bar].size,
					    VIRTIO_MMR_BAR_FLAG_MEMORY |
					    VIRTIO_MMR_BAR_FLAG_ASSIGNED |
					    (bars[bar].is_64_bit ? VIRTIO_MMR_BAR_FLAG_64_BIT : 0));
	virtio_mmr_space_find_known(&space);
	virtio_mmr_scan_run(&self->scan, &space, &lists, VIRTIO_MMR_VENDOR_ID, device, NULL);
	virtio_mmr_scan_explain(why, sizeof(why), &self->scan, &lists, VIRTIO_MMR_VENDOR_ID,
				device);
	if (self->scan.verdict != VIRTIO_MMR_SCAN_USABLE)
		fail("%s: the library does not take it: %s", self->plain->bdf, why);
}

static void library_config_read(struct _test_data_library *self, unsigned int position,
				uint8_t *data, unsigned int width)
{
	unsigned int i;

	if (vfio_read(self->plain, VFIO_PCI_CONFIG_REGION_INDEX, position, data, width) != width)
		abort();
	for (i = 0; i < width; i++)
		data[i] = virtio_mmr_view_read(&self->view, position + i, data[i]);
}

static void library_config_write(struct _test_data_library *self, unsigned int position,
				 const uint8_t *data, unsigned int width)
{
	unsigned int i;

	for (i = 0; i < width; i++) {
		enum virtio_mmr_view_owner owner = virtio_mmr_view_owner(&self->view, position + i);
		uint8_t byte = virtio_mmr_view_write(&self->view, position + i, data[i]);

		if (owner != VIRTIO_MMR_VIEW_BAR &&
		    vfio_write(self->plain, VFIO_PCI_CONFIG_REGION_INDEX, position + i, &byte,
			       1) != 1)
			abort();
	}
}

static void library_port_read(struct _test_data_library *self, unsigned int offset, uint8_t *data,
			      unsigned int width)
{
	if (self->view.command_io)
		virtio_mmr_port_read(&self->port, offset, data, width);
	else
		memset(data, 0xff, width);
}

static void library_port_write(struct _test_data_library *self, unsigned int offset,
			       const uint8_t *data, unsigned int width)
{
	struct virtio_mmr_port_reset reset;
	unsigned int tries;

	if (!self->view.command_io)
		return;
	reset = virtio_mmr_port_write(&self->port, offset, data, width);
	for (tries = 0; reset.asked && reset.status; tries++) {
		if (tries == STATUS_TRIES)
			fail("%s: device status does not become 0", self->plain->bdf);
		reset.status = read_register(self, VIRTIO_MMR_DEVICE_STATUS, 1);
	}
}

/* --- operations ------------------------------------------------------------------ */

static void differ(struct _test_data_library *self, const char *what, unsigned int at,
		   const uint8_t *driver, const uint8_t *library, unsigned int width)
{
	unsigned int i;

	for (i = 0; i < width; i++)
		if (driver[i] != library[i])
			fail("VIRTIO_MMR_SEED=%lu, operation %lu: %s at 0x%x: the driver gives 0x%02x, the library 0x%02x",
			     self->sequence.seed, self->operation, what, at + i, driver[i],
			     library[i]);
}

static void compare_config(struct _test_data_library *self, unsigned int position,
			   unsigned int width)
{
	uint8_t driver[CONFIG_SIZE], library[CONFIG_SIZE];

	if (vfio_read(self->driver, VFIO_PCI_CONFIG_REGION_INDEX, position, driver, width) != width)
		abort();
	library_config_read(self, position, library, width);
	differ(self, "configuration space", position, driver, library, width);
}

static void compare_port(struct _test_data_library *self, unsigned int offset,
			 unsigned int width)
{
	uint8_t driver[VIRTIO_MMR_IO_BAR_SIZE_MAX], library[VIRTIO_MMR_IO_BAR_SIZE_MAX];

	if (vfio_read(self->driver, VFIO_PCI_BAR0_REGION_INDEX, offset, driver, width) != width)
		abort();
	library_port_read(self, offset, library, width);
	differ(self, "the I/O BAR", offset, driver, library, width);
}

/* COMMAND, BAR registers, cache line size, latency timer, interrupt line */
static void write_config(struct _test_data_library *self)
{
	static const uint8_t places[] = {
		0x04, 0x04, 0x04, 0x0c, 0x10, 0x10, 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x3c,
	};
	unsigned int base = places[random_below(self, sizeof(places))];
	unsigned int width = 1 << random_below(self, 3);
	unsigned int position = base + random_below(self, 4) / width * width;
	uint8_t data[4];
	unsigned int i;

	for (i = 0; i < width; i++) {
		data[i] = random_below(self, 4) ? random_below(self, 256) : 0xff;
		/* Bus mastering and SERR are irrelevant here. Ports are on most of the time */
		if (position + i == 4)
			data[i] = random_below(self, 8) ? 0x03 : 0x02;
		else if (position + i >= 5 && position + i < 8)
			data[i] = 0;
	}
	if (vfio_write(self->driver, VFIO_PCI_CONFIG_REGION_INDEX, position, data, width) != width)
		abort();
	library_config_write(self, position, data, width);
}

/*
 * Writes anything that does not make the device read memory: no queue gets an address, and none
 * is notified. Status is a value that a driver may write.
 */
static void write_port(struct _test_data_library *self)
{
	static const uint8_t statuses[] = { 0, 1, 3, 0x80, 0x83 };
	unsigned int width = 1 << random_below(self, 3);
	unsigned int offset = random_below(self, self->view.io_bar_size - width + 1);
	uint8_t data[4];
	unsigned int i;

	for (i = 0; i < width; i++) {
		unsigned int at = offset + i;

		data[i] = random_below(self, 3) ? random_below(self, 8) : random_below(self, 256);
		if (at >= VIRTIO_MMR_QUEUE_ADDRESS && at < VIRTIO_MMR_QUEUE_SIZE)
			data[i] = 0;
		if (at == VIRTIO_MMR_QUEUE_NOTIFY || at == VIRTIO_MMR_QUEUE_NOTIFY + 1)
			return;
		if (at == VIRTIO_MMR_DEVICE_STATUS)
			data[i] = statuses[random_below(self, sizeof(statuses))];
	}
	if (vfio_write(self->driver, VFIO_PCI_BAR0_REGION_INDEX, offset, data, width) != width)
		abort();
	library_port_write(self, offset, data, width);
}

static void switch_msix(struct _test_data_library *self)
{
	bool enable = !self->port.layout.has_vectors;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (enable)
			vfio_msix_enable(&self->sessions[i].device, 1);
		else
			vfio_msix_disable(&self->sessions[i].device);
	}
	self->port.layout.has_vectors = enable;
}

static void reset_functions(struct _test_data_library *self)
{
	if (vfio_reset(self->driver) || vfio_reset(self->plain))
		fail("a function does not reset");
}

static void operate(struct _test_data_library *self)
{
	unsigned int width = 1 << random_below(self, 3), what = random_below(self, 1000);

	if (what == 0)
		reset_functions(self);
	else if (what < 5)
		switch_msix(self);
	else if (what < 200)
		write_config(self);
	else if (what < 450)
		compare_config(self, random_below(self, CONFIG_SIZE / width) * width, width);
	else if (what < 700)
		write_port(self);
	else
		compare_port(self, random_below(self, self->view.io_bar_size - width + 1), width);
}

FIXTURE_SETUP(library)
{
	/* A disk has writable registers, and no address that differs */
	const char *bdfs[2] = { functions_find("blk", 0), functions_find("blk", 1) };

	if (!bdfs[1])
		SKIP(return, "needs two blk functions");
	sequence_start(&self->sequence);
	self->operations = environment_number("VIRTIO_MMR_OPERATIONS", OPERATIONS);
	TH_LOG("VIRTIO_MMR_SEED=%lu, %lu operations", self->sequence.seed, self->operations);

	self->driver = session_open(&self->sessions[0], bdfs[0]);
	session_begin(&self->sessions[1], bdfs[1]);
	/* A loaded or built-in module is fine as well */
	ASSERT_EQ(system("modprobe -q vfio-pci"), 0);
	ASSERT_EQ(sysfs_bind(bdfs[1], "vfio-pci"), 0);
	self->plain = session_attach(&self->sessions[1]);
	NEED_VECTORS(self->driver, 1);

	scan(self);
	/* The interrupt that the driver has, and that nobody turns on here */
	virtio_mmr_view_init(&self->view, &self->scan, &self->interrupt);
	self->port = (struct virtio_mmr_port){
		.ops = &registers, .context = self, .length = self->scan.cap.length,
	};
	ASSERT_EQ(self->driver->regions[0].size, self->view.io_bar_size);
	/* The state of the register after the driver has opened the device */
	write_register(self, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
}

FIXTURE_TEARDOWN(library)
{
	EXPECT_TRUE(session_close(&self->sessions[1]));
	EXPECT_EQ(sysfs_bind(self->sessions[1].bdf, MMR_DRIVER), 0);
	EXPECT_TRUE(session_close(&self->sessions[0]));
}

TEST_F_TIMEOUT(library, equals_the_driver, 250)
{
	for (self->operation = 0; self->operation < self->operations; self->operation++)
		operate(self);
	compare_config(self, 0, CONFIG_SIZE);
	compare_port(self, 0, self->view.io_bar_size);
}

FUNCTIONS_HARNESS_MAIN
