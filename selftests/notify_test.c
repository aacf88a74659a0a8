// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue Notify in BAR0 reaches the right place in the device. This is the queue's doorbell if
 * the device has doorbells, else the register. QEMU's counters show it. The traffic tests check
 * that buffers come back.
 */
#include <linux/virtio_pci.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/qmp.h"
#include "lib/session.h"

struct counters {
	uint64_t reads, writes, notifies, doorbells, strays;
};

FIXTURE(notify)
{
	struct session session;
	struct vfio_device *device;
	struct qmp qmp;
	bool has_doorbells;
	/* From the modern common configuration. Without one, from the queue sizes */
	unsigned int queues;
	struct counters before;
};

struct structure {
	unsigned int bar;
	uint64_t offset, length;
	uint32_t multiplier;
};

/* Reads a virtio capability. True if its values are valid */
static bool find_structure(struct vfio_device *device, uint8_t type,
			   unsigned int min_length, unsigned int alignment,
			   struct structure *found)
{
	unsigned int at, steps;

	at = vfio_config_read(device, PCI_CAPABILITY_LIST, 1);
	for (steps = 0; at && steps < 48; steps++) {
		if (vfio_config_read(device, at, 1) == PCI_CAP_ID_VNDR &&
		    vfio_config_read(device, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == type) {
			found->bar = vfio_config_read(device, at + VIRTIO_PCI_CAP_BAR, 1);
			found->offset = vfio_config_read(device, at + VIRTIO_PCI_CAP_OFFSET, 4);
			found->length = vfio_config_read(device, at + VIRTIO_PCI_CAP_LENGTH, 4);
			found->multiplier =
				vfio_config_read(device, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
			/* BAR0 is the I/O BAR */
			return found->bar >= 1 && found->bar <= 5 &&
			       found->offset % alignment == 0 &&
			       found->length >= min_length &&
			       found->offset + found->length <=
			       device->regions[found->bar].size;
		}
		at = vfio_config_read(device, at + PCI_CAP_LIST_NEXT, 1);
	}
	return false;
}

/* Whether two bytes of a BAR lie in the MSI-X table or in the pending bits */
static bool is_over_msix(struct vfio_device *device, unsigned int bar, uint64_t offset)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_MSIX), vectors;
	uint32_t table, pba;

	if (!at)
		return false;
	vectors = (vfio_config_read(device, at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;
	table = vfio_config_read(device, at + PCI_MSIX_TABLE, 4);
	pba = vfio_config_read(device, at + PCI_MSIX_PBA, 4);
	return ((table & 7) == bar && offset + 2 > (table & ~7u) &&
		offset < (table & ~7u) + vectors * 16) ||
	       ((pba & 7) == bar && offset + 2 > (pba & ~7u) &&
		offset < (pba & ~7u) + (vectors + 63) / 64 * 8);
}

/* The validity rules of Documentation/device.rst, "Notification" */
static bool doorbells_are_valid(struct vfio_device *device,
				const struct structure *common,
				const struct structure *notify, unsigned int queues)
{
	uint16_t queue, notify_off;
	uint64_t doorbell;

	for (queue = 0; queue < queues; queue++) {
		if (vfio_write(device, common->bar,
			       common->offset + VIRTIO_PCI_COMMON_Q_SELECT, &queue, 2) != 2 ||
		    vfio_read(device, common->bar,
			      common->offset + VIRTIO_PCI_COMMON_Q_NOFF, &notify_off, 2) != 2)
			return false;
		doorbell = (uint64_t)notify_off * notify->multiplier;
		if (doorbell % 2 || doorbell + 2 > notify->length ||
		    is_over_msix(device, notify->bar, notify->offset + doorbell))
			return false;
	}
	return true;
}

static struct counters count(struct qmp *qmp)
{
	return (struct counters){
		.reads = qmp_counter(qmp, "mmr-reads"),
		.writes = qmp_counter(qmp, "mmr-writes"),
		.notifies = qmp_counter(qmp, "mmr-notifies"),
		.doorbells = qmp_counter(qmp, "mmr-doorbells"),
		.strays = qmp_counter(qmp, "mmr-strays"),
	};
}

FIXTURE_SETUP(notify)
{
	/* A net function has several queues */
	const char *bdf = functions_prefer("net");
	struct structure common, notify;
	uint16_t queues, selected;

	if (!qmp_open(&self->qmp, bdf))
		SKIP(return, "needs QEMU's counters of the device's accesses (tools/vm/run)");
	self->device = session_open(&self->session, bdf);
	self->has_doorbells = false;
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	if (find_structure(self->device, VIRTIO_PCI_CAP_COMMON_CFG,
			   VIRTIO_PCI_COMMON_Q_NOFF + 2, 4, &common)) {
		/* The value is that of a reset, although the driver has selected each queue */
		ASSERT_EQ(vfio_read(self->device, common.bar,
				    common.offset + VIRTIO_PCI_COMMON_Q_SELECT, &selected, 2), 2);
		EXPECT_EQ(selected, 0);
		legacy_reset(self->device);
		ASSERT_EQ(vfio_read(self->device, common.bar,
				    common.offset + VIRTIO_PCI_COMMON_NUMQ, &queues, 2), 2);
		self->queues = queues;
		self->has_doorbells = find_structure(self->device, VIRTIO_PCI_CAP_NOTIFY_CFG,
						     2, 2, &notify) &&
				      doorbells_are_valid(self->device, &common, &notify,
							  queues);
	} else {
		legacy_reset(self->device);
		self->queues = legacy_queues(self->device);
	}
	ASSERT_GT(self->queues, 0);
	self->before = count(&self->qmp);
}

FIXTURE_TEARDOWN(notify)
{
	qmp_close(&self->qmp);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(notify, every_queue)
{
	struct counters after;
	unsigned int queue;

	for (queue = 0; queue < self->queues; queue++) {
		legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, queue);
		after = count(&self->qmp);
		EXPECT_EQ(after.notifies - self->before.notifies, 1);
		EXPECT_EQ(after.doorbells - self->before.doorbells,
			  self->has_doorbells);
		/* No write to another queue's address, or of another width */
		EXPECT_EQ(after.strays - self->before.strays, 0);
		/* One notification only, and without a flush */
		EXPECT_EQ(after.writes - self->before.writes, !self->has_doorbells);
		EXPECT_EQ(after.reads - self->before.reads, 0);
		self->before = after;
	}
}

/* The queue has no doorbell to ring, and the device checks the index */
TEST_F(notify, absent_queue)
{
	const unsigned int absent[] = { self->queues, 0x3ff, 0xffff };
	struct counters after;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(absent); i++) {
		legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, absent[i]);
		after = count(&self->qmp);
		EXPECT_EQ(after.doorbells - self->before.doorbells, 0);
		EXPECT_EQ(after.strays - self->before.strays, 0);
		EXPECT_EQ(after.writes - self->before.writes, 1) {
			TH_LOG("index %u of %u queues", absent[i], self->queues);
		}
		EXPECT_EQ(after.reads - self->before.reads, 0);
		self->before = after;
	}
}

/* Half an index notifies no queue. It goes to the register, as a stray write */
TEST_F(notify, half_a_write)
{
	struct counters after;
	unsigned int half;

	for (half = 0; half < 2; half++) {
		legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY + half, 1, 0);
		after = count(&self->qmp);
		EXPECT_EQ(after.notifies - self->before.notifies, 0);
		EXPECT_EQ(after.doorbells - self->before.doorbells, 0);
		EXPECT_EQ(after.writes - self->before.writes, 1);
		EXPECT_EQ(after.strays - self->before.strays, 1);
		self->before = after;
	}
	/* The same for the end of a wider write: select 0 and half of notify */
	EXPECT_EQ(vfio_write(self->device, 0, VIRTIO_MMR_QUEUE_SELECT, "\0\0", 3), 3);
	after = count(&self->qmp);
	EXPECT_EQ(after.notifies - self->before.notifies, 0);
	EXPECT_EQ(after.doorbells - self->before.doorbells, 0);
	EXPECT_EQ(after.writes - self->before.writes, 2);
}

TEST_F(notify, read_is_of_the_register)
{
	struct counters after;

	legacy_read(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2);
	after = count(&self->qmp);
	EXPECT_EQ(after.reads - self->before.reads, 1);
	EXPECT_EQ(after.notifies - self->before.notifies, 0);
	EXPECT_EQ(after.strays - self->before.strays, 0);
}

/* Wider accesses contain the same notification */
TEST_F(notify, wider_writes)
{
	struct counters after;

	/* Select 0 and notify 0 */
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 4, 0);
	after = count(&self->qmp);
	EXPECT_EQ(after.notifies - self->before.notifies, 1);
	EXPECT_EQ(after.doorbells - self->before.doorbells, self->has_doorbells);
	self->before = after;
	/* Notify 0, status ACKNOWLEDGE, ISR */
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 4,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE << 16);
	after = count(&self->qmp);
	EXPECT_EQ(after.notifies - self->before.notifies, 1);
	EXPECT_EQ(after.doorbells - self->before.doorbells, self->has_doorbells);
	EXPECT_EQ(after.strays - self->before.strays, 0);
	EXPECT_EQ(legacy_status(self->device), VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

TEST_F(notify, dropped_with_io_decode_off)
{
	struct counters after;

	vfio_command(self->device, 0, PCI_COMMAND_IO);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	after = count(&self->qmp);
	EXPECT_EQ(after.notifies - self->before.notifies, 0);
	EXPECT_EQ(after.writes - self->before.writes, 0);
	EXPECT_EQ(after.strays - self->before.strays, 0);
}

FUNCTIONS_HARNESS_MAIN
