// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations of a user against a model of the guest's view. Operations are on config
 * space, BAR0 at any place and length, MSI-X, resets of each kind, close and open.
 * VIRTIO_MMR_SEED repeats a run, VIRTIO_MMR_OPERATIONS sets its length.
 *
 * If QEMU's monitor is available, the device reports the number of accesses that reached it.
 * The number shows how the driver splits them.
 *
 * The model treats a value as unknown if neither the contract nor the device gives it. Unknown
 * values are not compared. A register that was written in part is unknown until all of it is
 * written.
 */
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/environment.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/modern.h"
#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/sequence.h"
#include "lib/session.h"

#define OPERATIONS	200000
#define ACCESS_MAX	64
#define HISTORY		8
#define QUEUES		8
#define VECTORS		2
#define AREA_PAGES	64
/* Pages of the largest ring that a queue address is given for */
#define RING_PAGES	8
#define BAR0_SIZE	VIRTIO_MMR_IO_BAR_SIZE_MAX
#define CONFIG_SIZE	4096
/* Interval of the reads of the device's counters */
#define COUNT_EVERY	1000 /* operations */
#define MAC_SIZE	6

/* A net device uses these features, and does not only store them */
#define FEATURES_LEFT_OUT	(1u << VIRTIO_NET_F_CTRL_MAC_ADDR | 1u << 30)

struct model {
	bool command_io, msix;
	uint32_t bars[6];

	uint32_t device_features;
	uint16_t sizes[QUEUES];
	/* Values after a reset, and current values */
	uint8_t initial_config[BAR0_SIZE], config[BAR0_SIZE];

	struct {
		uint32_t value;
		bool known;
	} driver_features, select, address[QUEUES], config_vector, vector[QUEUES];
	uint8_t status;
};

/* Accesses that reach the device */
struct accesses {
	uint64_t reads, writes, doorbells;
};

FIXTURE(random)
{
	struct session session;
	struct vfio_device *device;
	struct iova_area area;
	struct sequence sequence;
	unsigned long operations, operation;
	struct mmr_window window;
	unsigned int bar0_size, queues;
	/* It has a MAC address. An absent queue can be selected */
	bool is_net, selects_any;
	/* The last operations, printed with a failure */
	char history[HISTORY][192];
	unsigned int done;

	/* Config space: the constant part, and the bytes of it that may have any value */
	uint8_t constant[CONFIG_SIZE];
	bool varies[CONFIG_SIZE], writable[CONFIG_SIZE];
	uint32_t bar_masks[6], bar_types[6];
	unsigned int pcie_cap;
	struct model model;

	/* The device's counters at the start, and the number of accesses since then */
	bool counting, has_doorbells;
	struct accesses first, model_accesses;
};

static unsigned int below(struct _test_data_random *self, unsigned int limit)
{
	return sequence_below(&self->sequence, limit);
}

static void note(struct _test_data_random *self, const char *what,
		 unsigned int at, unsigned int length,
		 const uint8_t *bytes)
{
	char *text = self->history[self->done++ % HISTORY];
	size_t size = sizeof(self->history[0]);
	unsigned int i, used;

	used = snprintf(text, size, "%lu: %s %#x, %u", self->operation, what, at, length);
	for (i = 0; bytes && i < length && used < size; i++)
		used += snprintf(text + used, size - used, " %02x", bytes[i]);
}

static void wrong(struct _test_data_random *self, const char *what,
		  unsigned int at, unsigned int want,
		  unsigned int got)
{
	unsigned int i;

	for (i = 0; i < HISTORY; i++)
		report("%s", self->history[(self->done + i) % HISTORY]);
	fail("operation %lu of VIRTIO_MMR_SEED=%lu: %s at %#x: want %#x, got %#x",
	     self->operation, self->sequence.seed, what, at, want, got);
}

/* --- The model of the registers --------------------------------------------- */

static void model_reset(struct _test_data_random *self)
{
	struct model *model = &self->model;
	unsigned int i;

	model->status = 0;
	model->driver_features.value = 0;
	model->driver_features.known = true;
	model->select.value = 0;
	model->select.known = true;
	model->config_vector.value = LEGACY_NO_VECTOR;
	model->config_vector.known = true;
	for (i = 0; i < QUEUES; i++) {
		model->address[i].value = 0;
		model->address[i].known = true;
		model->vector[i].value = LEGACY_NO_VECTOR;
		model->vector[i].known = true;
	}
	memcpy(model->config, model->initial_config, sizeof(model->config));
}

static unsigned int config_start(struct _test_data_random *self)
{
	return self->model.msix ? VIRTIO_MMR_COMMON_SIZE_MSIX : VIRTIO_MMR_COMMON_SIZE;
}

/* The register of a byte of BAR0: its start and size. For configuration, only the byte */
static unsigned int register_at(struct _test_data_random *self, unsigned int at,
				unsigned int *size)
{
	static const struct {
		uint8_t offset, size;
	} registers[] = {
		{ VIRTIO_MMR_DEVICE_FEATURES, 4 }, { VIRTIO_MMR_DRIVER_FEATURES, 4 },
		{ VIRTIO_MMR_QUEUE_ADDRESS, 4 }, { VIRTIO_MMR_QUEUE_SIZE, 2 },
		{ VIRTIO_MMR_QUEUE_SELECT, 2 }, { VIRTIO_MMR_QUEUE_NOTIFY, 2 },
		{ VIRTIO_MMR_DEVICE_STATUS, 1 }, { VIRTIO_MMR_ISR_STATUS, 1 },
		{ VIRTIO_MMR_CONFIG_VECTOR, 2 }, { VIRTIO_MMR_QUEUE_VECTOR, 2 },
	};
	unsigned int i;

	*size = 1;
	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		if (at < registers[i].offset ||
		    at >= registers[i].offset + registers[i].size ||
		    registers[i].offset >= config_start(self))
			continue;
		*size = registers[i].size;
		return registers[i].offset;
	}
	return at;
}

/* The value that a register reads as. False if it is unknown */
static bool model_read(struct _test_data_random *self, unsigned int start, uint32_t *value)
{
	struct model *model = &self->model;
	unsigned int queue = model->select.value;

	if (start >= config_start(self)) {
		*value = model->config[start - config_start(self)];
		return self->is_net;
	}
	switch (start) {
	case VIRTIO_MMR_DEVICE_FEATURES:
		*value = model->device_features;
		return true;
	case VIRTIO_MMR_DRIVER_FEATURES:
		*value = model->driver_features.value;
		return model->driver_features.known;
	case VIRTIO_MMR_QUEUE_ADDRESS:
		*value = model->address[queue].value;
		return model->select.known && model->address[queue].known;
	case VIRTIO_MMR_QUEUE_SIZE:
		*value = model->sizes[queue];
		return model->select.known;
	case VIRTIO_MMR_QUEUE_SELECT:
		*value = queue;
		return model->select.known;
	case VIRTIO_MMR_DEVICE_STATUS:
		*value = model->status;
		return true;
	case VIRTIO_MMR_ISR_STATUS:
		/* The device never uses a buffer, and the configuration does not change */
		*value = 0;
		return true;
	case VIRTIO_MMR_CONFIG_VECTOR:
		*value = model->config_vector.value;
		return model->config_vector.known;
	case VIRTIO_MMR_QUEUE_VECTOR:
		*value = model->vector[queue].value;
		return model->select.known && model->vector[queue].known;
	}
	return false;
}

static uint32_t vector_taken(uint32_t value)
{
	return value < VECTORS ? value : LEGACY_NO_VECTOR;
}

/* A write of a whole register, or of a part of it */
static void model_write(struct _test_data_random *self, unsigned int start,
			uint32_t value, bool whole)
{
	struct model *model = &self->model;
	unsigned int queue = model->select.value, i;

	if (start >= config_start(self)) {
		if (start - config_start(self) < MAC_SIZE)
			model->config[start - config_start(self)] = value;
		return;
	}
	switch (start) {
	case VIRTIO_MMR_DRIVER_FEATURES:
		model->driver_features.value = value & model->device_features;
		model->driver_features.known = whole;
		break;
	case VIRTIO_MMR_QUEUE_ADDRESS:
		for (i = 0; i < QUEUES; i++)
			if (!model->select.known || i == queue)
				model->address[i].known = false;
		if (model->select.known && whole) {
			/* A queue that the device lacks has no address */
			model->address[queue].value = model->sizes[queue] ? value : 0;
			model->address[queue].known = true;
		}
		break;
	case VIRTIO_MMR_QUEUE_SELECT:
		model->select.value = value % QUEUES;
		model->select.known = whole;
		break;
	case VIRTIO_MMR_DEVICE_STATUS:
		model->status = value;
		if (!value)
			model_reset(self);
		break;
	case VIRTIO_MMR_CONFIG_VECTOR:
		model->config_vector.value = vector_taken(value);
		model->config_vector.known = whole;
		break;
	case VIRTIO_MMR_QUEUE_VECTOR:
		for (i = 0; i < QUEUES; i++)
			if (!model->select.known || i == queue)
				model->vector[i].known = false;
		if (model->select.known && whole && model->sizes[queue]) {
			model->vector[queue].value = vector_taken(value);
			model->vector[queue].known = true;
		}
		break;
	}
}

/* --- What reaches the device ----------------------------------------------------- */

static struct accesses ask_device(struct _test_data_random *self)
{
	struct accesses accesses = {};
	struct qmp qmp;

	if (!qmp_open(&qmp, self->session.bdf))
		return accesses;
	self->counting = true;
	accesses.reads = qmp_counter(&qmp, "mmr-reads");
	accesses.writes = qmp_counter(&qmp, "mmr-writes");
	accesses.doorbells = qmp_counter(&qmp, "mmr-doorbells");
	qmp_close(&qmp);
	return accesses;
}

static void start_counting(struct _test_data_random *self)
{
	memset(&self->model_accesses, 0, sizeof(self->model_accesses));
	self->first = ask_device(self);
}

static void check_accesses(struct _test_data_random *self)
{
	const struct accesses *want = &self->model_accesses, *first = &self->first;
	struct accesses now;

	if (!self->counting)
		return;
	now = ask_device(self);
	if (now.reads - first->reads != want->reads)
		wrong(self, "number of reads", 0, want->reads, now.reads - first->reads);
	if (now.writes - first->writes != want->writes)
		wrong(self, "number of writes", 0, want->writes, now.writes - first->writes);
	if (now.doorbells - first->doorbells != want->doorbells)
		wrong(self, "number of doorbells", 0, want->doorbells,
		      now.doorbells - first->doorbells);
	start_counting(self);
}

/* Naturally aligned pieces that never cross two registers. NULL bytes for a read */
static bool has_queue(const struct _test_data_random *self, unsigned int queue)
{
	return queue < QUEUES && self->model.sizes[queue];
}

static void count_access(struct _test_data_random *self, unsigned int at,
			 unsigned int length, const uint8_t *bytes)
{
	struct accesses *accesses = &self->model_accesses;
	unsigned int end = at + length, start, size, stop, width;

	if (end > self->window.length)
		end = self->window.length;
	for (; at < end; at += width) {
		start = register_at(self, at, &size);
		/* Each byte of the device configuration is a register of its own */
		stop = start >= config_start(self) || start + size > end ? end : start + size;
		width = at % 4 == 0 && stop - at >= 4 ? 4 : at % 2 == 0 && stop - at >= 2 ? 2 : 1;
		if (!bytes) {
			accesses->reads++;
		} else if (start == VIRTIO_MMR_QUEUE_NOTIFY && width == 2 &&
			   self->has_doorbells && has_queue(self, bytes[0] | bytes[1] << 8)) {
			accesses->doorbells++;
		} else {
			accesses->writes++;
			/* Flushed by a read. The driver looks whether there is a queue now */
			accesses->reads += start == VIRTIO_MMR_DEVICE_STATUS ? 1 :
					   start == VIRTIO_MMR_QUEUE_ADDRESS ? 3 : 0;
		}
		if (bytes)
			bytes += width;
	}
}

/* --- Accesses to BAR0 --------------------------------------------------------- */

static void random_place(struct _test_data_random *self, unsigned int *at,
			 unsigned int *length)
{
	*length = below(self, 4) ? 1 + below(self, 8) : 1 + below(self, ACCESS_MAX);
	/* Most accesses are near the registers, some across the end or beyond it */
	*at = below(self, 4) ? below(self, 0x24) : below(self, self->bar0_size + 8);
}

static void check_bar0(struct _test_data_random *self, unsigned int at, unsigned int length)
{
	unsigned int i, start, size, want;
	uint8_t bytes[ACCESS_MAX];
	uint32_t value;
	ssize_t done;

	note(self, "read BAR0 at", at, length, NULL);
	memset(bytes, 0x5a, sizeof(bytes));
	done = vfio_read(self->device, 0, at, bytes, length);
	if (at + length > self->bar0_size) {
		if (done != -EINVAL)
			wrong(self, "result of a read across BAR0's end", at, -EINVAL, done);
		return;
	}
	if (done != length)
		wrong(self, "result of a BAR0 read", at, length, done);
	if (self->model.command_io)
		count_access(self, at, length, NULL);
	for (i = 0; i < length; i++) {
		want = 0xff;
		if (self->model.command_io && at + i < self->window.length) {
			start = register_at(self, at + i, &size);
			if (!model_read(self, start, &value))
				continue;
			want = value >> 8 * (at + i - start) & 0xff;
		}
		if (bytes[i] != want)
			wrong(self, "byte of BAR0", at + i, want, bytes[i]);
	}
}

static uint32_t random_value(struct _test_data_random *self, unsigned int start, bool whole)
{
	static const uint8_t status[] = { 1, 3, 0x81, 0x83 };
	static const uint16_t vectors[] = { 0, 1, 0x7fe, LEGACY_NO_VECTOR };
	const uint32_t first = self->area.iova >> 12;

	switch (start) {
	case VIRTIO_MMR_DRIVER_FEATURES:
		return sequence_next(&self->sequence) & ~FEATURES_LEFT_OUT;
	case VIRTIO_MMR_QUEUE_ADDRESS:
		/* After a write in parts the address must be in memory that the device can reach */
		return whole ? first + below(self, AREA_PAGES - RING_PAGES) : first;
	case VIRTIO_MMR_QUEUE_SELECT:
		return below(self, self->selects_any ? QUEUES : self->queues);
	case VIRTIO_MMR_QUEUE_NOTIFY:
		return below(self, 2 * QUEUES);
	case VIRTIO_MMR_DEVICE_STATUS:
		return below(self, 40) ? status[below(self, ARRAY_SIZE(status))] : 0;
	case VIRTIO_MMR_CONFIG_VECTOR:
	case VIRTIO_MMR_QUEUE_VECTOR:
		/* The configuration vector has no such limit */
		return vectors[below(self, ARRAY_SIZE(vectors))];
	}
	return sequence_next(&self->sequence);
}

static void write_bar0(struct _test_data_random *self, unsigned int at, unsigned int length)
{
	const struct model before = self->model;
	unsigned int start, size, pos, end, i;
	uint8_t bytes[ACCESS_MAX] = {};
	bool whole, reset = false;
	uint32_t value;
	ssize_t want, done;

	for (pos = at; pos < at + length; pos = end) {
		start = register_at(self, pos, &size);
		end = start + size < at + length ? start + size : at + length;
		whole = start >= at && end == start + size;
		value = random_value(self, start, whole);
		for (i = pos; i < end; i++)
			bytes[i - at] = value >> 8 * (i - start);
		model_write(self, start, value, whole);
		if (start == VIRTIO_MMR_DEVICE_STATUS && !value) {
			/*
			 * QEMU keeps writes to the configuration over a reset until the next
			 * read. So no write may follow in the same operation.
			 */
			reset = true;
			length = end - at;
		}
	}
	want = at + length <= self->bar0_size ? (ssize_t)length : -EINVAL;
	if (want < 0 || !before.command_io) {
		self->model = before;
		reset = false;
	}
	if (want >= 0 && before.command_io)
		count_access(self, at, length, bytes);
	note(self, "write BAR0 at", at, length, bytes);
	done = vfio_write(self->device, 0, at, bytes, length);
	if (done != want)
		wrong(self, "result of a BAR0 write", at, want, done);
	if (reset)
		check_bar0(self, config_start(self), MAC_SIZE);
}

/* --- Config space --------------------------------------------------------------- */

static unsigned int config_byte(struct _test_data_random *self, unsigned int at)
{
	unsigned int bar = (at - PCI_BASE_ADDRESS_0) / 4;

	if (at == PCI_COMMAND)
		return (self->constant[at] & ~PCI_COMMAND_IO) |
		       (self->model.command_io ? PCI_COMMAND_IO : 0);
	if (at >= PCI_BASE_ADDRESS_0 && bar < 6)
		return ((self->model.bars[bar] & self->bar_masks[bar]) |
			self->bar_types[bar]) >> 8 * (at % 4) & 0xff;
	return self->constant[at];
}

static void check_config(struct _test_data_random *self, unsigned int at,
			 unsigned int length)
{
	uint8_t bytes[ACCESS_MAX];
	unsigned int i, want;
	ssize_t done;

	note(self, "read config space at", at, length, NULL);
	done = vfio_read(self->device, VFIO_PCI_CONFIG_REGION_INDEX, at, bytes, length);
	if (done != length)
		wrong(self, "result of a config read", at, length, done);
	for (i = 0; i < length; i++) {
		want = config_byte(self, at + i);
		if (!self->varies[at + i] && bytes[i] != want)
			wrong(self, "byte of config space", at + i, want, bytes[i]);
	}
}

static void write_config(struct _test_data_random *self, unsigned int at,
			 unsigned int length)
{
	uint8_t bytes[ACCESS_MAX];
	unsigned int i, bar, shift;
	ssize_t done;

	for (i = 0; i < length; i++) {
		bytes[i] = self->writable[at + i] ? sequence_next(&self->sequence) :
						    self->constant[at + i];
		bar = (at + i - PCI_BASE_ADDRESS_0) / 4;
		shift = 8 * ((at + i) % 4);
		if (at + i == PCI_COMMAND) {
			bytes[i] = (self->constant[PCI_COMMAND] & ~PCI_COMMAND_IO) |
				   below(self, 2) * PCI_COMMAND_IO;
			self->model.command_io = bytes[i] & PCI_COMMAND_IO;
		} else if (at + i >= PCI_BASE_ADDRESS_0 && bar < 6) {
			self->model.bars[bar] &= ~(0xffu << shift);
			self->model.bars[bar] |= (uint32_t)bytes[i] << shift;
		}
	}
	note(self, "write config space at", at, length, bytes);
	done = vfio_write(self->device, VFIO_PCI_CONFIG_REGION_INDEX, at, bytes, length);
	if (done != length)
		wrong(self, "result of a config write", at, length, done);
}

static void random_config_place(struct _test_data_random *self, unsigned int *at,
				unsigned int *length)
{
	static const unsigned int limits[] = {
		PCI_STD_HEADER_SIZEOF, PCI_STD_HEADER_SIZEOF, 256, CONFIG_SIZE,
	};

	*length = below(self, 4) ? 1u << below(self, 3) : 1 + below(self, ACCESS_MAX);
	*at = below(self, limits[below(self, ARRAY_SIZE(limits))]);
	if (*at + *length > CONFIG_SIZE)
		*length = CONFIG_SIZE - *at;
}

/* --- Everything else ------------------------------------------------------------ */

static void open_device(struct _test_data_random *self)
{
	self->device = session_attach(&self->session);
	iova_map(&self->area, &self->session.container, IOVA_BASE, AREA_PAGES << 12);
	self->model.command_io = false;
	self->model.msix = false;
	memset(self->model.bars, 0, sizeof(self->model.bars));
}

static void close_device(struct _test_data_random *self)
{
	session_detach(&self->session);
	iova_unmap(&self->area);
}

static void set_command(struct _test_data_random *self, bool io)
{
	note(self, "I/O decode", io, 0, NULL);
	vfio_command(self->device, io ? PCI_COMMAND_IO | PCI_COMMAND_MASTER :
				    PCI_COMMAND_MASTER, io ? 0 : PCI_COMMAND_IO);
	self->model.command_io = io;
}

/* After a reset of any kind: checks everything, and QEMU forgets what was written */
static void check_reset(struct _test_data_random *self, bool opened)
{
	bool io = self->model.command_io;

	model_reset(self);
	/* The driver selects all queues when it opens the device */
	self->model.select.known = !opened;
	if (!io) {
		check_bar0(self, 0, 20);
		set_command(self, true);
	}
	check_bar0(self, 0, 20);
	check_bar0(self, config_start(self), MAC_SIZE);
	check_config(self, 0, 64);
	if (!io)
		set_command(self, false);
}

static void switch_msix(struct _test_data_random *self)
{
	struct model *model = &self->model;
	unsigned int i;

	if (vfio_msix_vectors(self->device) < VECTORS)
		return;
	note(self, "MSI-X", !model->msix, 0, NULL);
	if (model->msix)
		vfio_msix_disable(self->device);
	else
		vfio_msix_enable(self->device, VECTORS);
	model->msix = !model->msix;
	/* The device decides whether vectors survive. Only the value for no vector is certain */
	if (model->config_vector.value != LEGACY_NO_VECTOR)
		model->config_vector.known = false;
	for (i = 0; i < QUEUES; i++)
		if (model->vector[i].value != LEGACY_NO_VECTOR)
			model->vector[i].known = false;
}

static void rare_operation(struct _test_data_random *self)
{
	unsigned int kind = below(self, 5);

	note(self, "reset, FLR or close", kind, 0, NULL);
	switch (kind) {
	case 0:
	case 1:
		if (vfio_reset(self->device))
			wrong(self, "result of VFIO_DEVICE_RESET", 0, 0, 1);
		break;
	case 2:
	case 3:
		vfio_config_write(self->device, self->pcie_cap + PCI_EXP_DEVCTL, 2,
				  PCI_EXP_DEVCTL_BCR_FLR);
		break;
	case 4:
		check_accesses(self);
		close_device(self);
		open_device(self);
		start_counting(self);
		check_config(self, PCI_STATUS, 58);
		if (vfio_config_read(self->device, PCI_COMMAND, 2) &
		    (PCI_COMMAND_IO | PCI_COMMAND_MASTER))
			wrong(self, "COMMAND after open", PCI_COMMAND, 0, 1);
		check_bar0(self, 0, 20);
		set_command(self, false);
		break;
	}
	check_reset(self, kind == 4);
}

static void operation(struct _test_data_random *self)
{
	unsigned int choice = below(self, 10000), at, length;

	if (choice < 5) {
		rare_operation(self);
	} else if (choice < 30) {
		switch_msix(self);
	} else if (choice < 800) {
		set_command(self, below(self, 3));
	} else if (choice < 4500) {
		random_place(self, &at, &length);
		check_bar0(self, at, length);
	} else if (choice < 7000) {
		random_place(self, &at, &length);
		write_bar0(self, at, length);
	} else if (choice < 9000) {
		random_config_place(self, &at, &length);
		check_config(self, at, length);
	} else {
		random_config_place(self, &at, &length);
		write_config(self, at, length);
	}
}

/* --- What the model starts with -------------------------------------------------- */

static void mark(bool *marks, unsigned int from, unsigned int size, bool value)
{
	while (size--)
		marks[from++] = value;
}

/*
 * The window of configuration space keeps its place over a reset. A write to its data would go
 * to the register that the last user had chosen. Without a length it goes nowhere
 */
static void empty_window(struct vfio_device *device)
{
	struct modern modern;

	modern_find(&modern, device);
	if (modern.window)
		vfio_config_write(device, modern.window + VIRTIO_PCI_CAP_LENGTH, 4, 0);
}

/* Finds bytes that change by themselves, and bytes that a guest writes without effect */
static void learn_config(struct _test_data_random *self)
{
	struct vfio_device *device = self->device;
	unsigned int at, bar, steps, id;
	bool upper = false;
	uint32_t header;

	empty_window(device);
	for (at = 0; at < CONFIG_SIZE; at++)
		self->constant[at] = vfio_config_read(device, at, 1);
	for (bar = 0; bar < 6; bar++) {
		at = PCI_BASE_ADDRESS_0 + 4 * bar;
		self->bar_types[bar] = vfio_config_read(device, at, 4);
		if (upper) {
			self->bar_masks[bar] = -device->regions[bar - 1].size >> 32;
			upper = false;
			continue;
		}
		upper = bar && self->bar_types[bar] & PCI_BASE_ADDRESS_MEM_TYPE_64;
		self->bar_masks[bar] = -device->regions[bar].size;
	}

	mark(self->writable, PCI_VENDOR_ID, 4, true);
	mark(self->writable, PCI_REVISION_ID, 4, true);
	mark(self->writable, PCI_BASE_ADDRESS_0, 24, true);
	mark(self->writable, PCI_SUBSYSTEM_VENDOR_ID, 4, true);
	mark(self->writable, PCI_INTERRUPT_PIN, 1, true);
	mark(self->varies, PCI_STATUS, 2, true);
	at = self->constant[PCI_CAPABILITY_LIST];
	for (steps = 0; at && steps < 48; steps++) {
		id = self->constant[at];
		if (id == PCI_CAP_ID_MSIX) {
			mark(self->varies, at + PCI_MSIX_FLAGS, 2, true);
			mark(self->writable, at + PCI_MSIX_TABLE, 8, true);
		} else if (id == PCI_CAP_ID_EXP) {
			self->pcie_cap = at;
			mark(self->varies, at + PCI_EXP_DEVCTL, 4, true);
			mark(self->varies, at + PCI_EXP_LNKSTA, 2, true);
		} else if (id == PCI_CAP_ID_VNDR &&
			   self->constant[at + VIRTIO_PCI_CAP_CFG_TYPE] == VIRTIO_PCI_CAP_PCI_CFG) {
			mark(self->varies, at + VIRTIO_PCI_CAP_BAR, 16, true);
		} else if (id == PCI_CAP_ID_VNDR) {
			mark(self->writable, at + VIRTIO_PCI_CAP_BAR, 12, true);
		}
		at = self->constant[at + PCI_CAP_LIST_NEXT];
	}
	/* The MMR capability after its header */
	for (at = 256; at >= 256; at = PCI_EXT_CAP_NEXT(header)) {
		memcpy(&header, self->constant + at, sizeof(header));
		if (PCI_EXT_CAP_ID(header) == VIRTIO_MMR_EXT_CAP_ID)
			mark(self->writable, at + sizeof(header),
			     VIRTIO_MMR_CAP_BODY_SIZE, true);
	}
}

static void learn_registers(struct _test_data_random *self)
{
	struct vfio_device *device = self->device;
	struct model *model = &self->model;
	unsigned int i;

	model->device_features = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	for (i = 0; i < QUEUES; i++) {
		legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, i);
		model->sizes[i] = legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2);
	}
	for (i = VIRTIO_MMR_COMMON_SIZE; i < self->bar0_size && i < self->window.length; i++)
		model->initial_config[i - VIRTIO_MMR_COMMON_SIZE] = legacy_read(device, i, 1);
}

FIXTURE_SETUP(random)
{
	sequence_start(&self->sequence);
	self->operations = environment_number("VIRTIO_MMR_OPERATIONS", OPERATIONS);
	TH_LOG("VIRTIO_MMR_SEED=%lu, %lu operations", self->sequence.seed, self->operations);

	session_begin(&self->session, functions_prefer("net"));
	ASSERT_TRUE(sysfs_window(self->session.bdf, &self->window));
	open_device(self);
	self->bar0_size = self->device->regions[0].size;
	set_command(self, false);
	learn_config(self);
	if (!self->pcie_cap || !(vfio_config_read(self->device,
						  self->pcie_cap + PCI_EXP_DEVCAP, 4) &
				 PCI_EXP_DEVCAP_FLR))
		SKIP(return, "the function has no function level reset");
	set_command(self, true);
	legacy_reset(self->device);
	if (!legacy_takes_any_width(self->device))
		SKIP(return, "the device has no answer to a part of a register");
	self->is_net = ethernet_has_mac(self->device);
	self->queues = legacy_queues(self->device);
	if (self->queues > QUEUES)
		self->queues = QUEUES;
	learn_registers(self);
	legacy_reset(self->device);
	start_counting(self);
	self->selects_any = self->counting;
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	self->has_doorbells = ask_device(self).doorbells != self->first.doorbells;
	start_counting(self);
	check_reset(self, false);
}

FIXTURE_TEARDOWN(random)
{
	close_device(self);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F_TIMEOUT(random, against_model, 250)
{
	for (self->operation = 0; self->operation < self->operations; self->operation++) {
		operation(self);
		if (self->operation % COUNT_EVERY == 0)
			check_accesses(self);
	}
	/* Checks all of it at the end */
	check_config(self, 0, ACCESS_MAX);
	set_command(self, true);
	check_bar0(self, 0, ACCESS_MAX);
	check_accesses(self);
}

FUNCTIONS_HARNESS_MAIN
