// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each legacy register through BAR0, at its own width and inside accesses of
 * other widths, with the layout of either MSI-X state.
 */
#include "kselftest_harness.h"

#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/qmp.h"
#include "lib/session.h"

/* A number below the range that QEMU ignores as too large to select */
#define NO_QUEUE	0x3ff

FIXTURE(registers)
{
	const struct mmr_type *type;
	struct session session;
	struct vfio_device *device;
	struct iova_area area;
};

FIXTURE_VARIANT(registers)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(registers, without_msix) { .vectors = 0 };
FIXTURE_VARIANT_ADD(registers, with_msix) { .vectors = 2 };

FIXTURE_SETUP(registers)
{
	/* A net function is best: it has configuration and several queues */
	const char *bdf = functions_prefer("net");

	self->type = sysfs_type(bdf);
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	iova_map(&self->area, &self->session.container, IOVA_BASE, 1 << 17);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	legacy_reset(self->device);
}

FIXTURE_TEARDOWN(registers)
{
	legacy_reset(self->device);
	iova_unmap(&self->area);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(registers, device_features)
{
	uint32_t features = legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);

	/* No device of QEMU's, and no useful device, offers no feature or all features */
	EXPECT_NE(features, 0);
	EXPECT_NE(features, 0xffffffff);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4, ~features);
	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4), features);
}

TEST_F(registers, driver_features)
{
	uint32_t features;

	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_DRIVER_FEATURES, 4), 0);
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	features = legacy_read(self->device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	/* The lowest bit offered, alone */
	features &= -features;
	legacy_write(self->device, VIRTIO_MMR_DRIVER_FEATURES, 4, features);
	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_DRIVER_FEATURES, 4), features);
}

TEST_F(registers, queue)
{
	struct vfio_device *device = self->device;
	unsigned int size;

	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), 0);
	size = legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2);
	EXPECT_GT(size, 0);
	EXPECT_EQ(size & (size - 1), 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SIZE, 2, size * 2);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2), size);

	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, self->area.iova >> 12);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4),
		  self->area.iova >> 12);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, 0);
}

TEST_F(registers, queue_select)
{
	struct vfio_device *device = self->device;

	if (strcmp(self->type->name, "net"))
		SKIP(return, "needs a function with several queues (net)");
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 1);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), 1);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, self->area.iova >> 12);
	/* The address belongs to the queue that was selected */
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 1);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4),
		  self->area.iova >> 12);
}

TEST_F(registers, absent_queue)
{
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 2, NO_QUEUE);
	EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_QUEUE_SIZE, 2), 0);
}

TEST_F(registers, device_status)
{
	struct vfio_device *device = self->device;

	EXPECT_EQ(legacy_status(device), 0);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	EXPECT_EQ(legacy_status(device),
		  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

TEST_F(registers, status_zero_resets)
{
	struct vfio_device *device = self->device;

	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, self->area.iova >> 12);
	ASSERT_NE(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
	legacy_reset(device);
	/* The OUT is not posted: when it ends, the reset is complete */
	EXPECT_EQ(legacy_status(device), 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
}

TEST_F(registers, vectors)
{
	struct vfio_device *device = self->device;
	uint16_t config;

	NEED_VECTORS(device, 2);
	if (!variant->vectors) {
		/* Without MSI-X the same place belongs to the device configuration */
		config = legacy_read(device, VIRTIO_MMR_CONFIG_VECTOR, 2);
		legacy_write(device, VIRTIO_MMR_CONFIG_VECTOR, 2, 1);
		legacy_write(device, VIRTIO_MMR_CONFIG_VECTOR, 2, config);
		vfio_msix_enable(device, 2);
	}
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_CONFIG_VECTOR, 2), LEGACY_NO_VECTOR);
	legacy_write(device, VIRTIO_MMR_CONFIG_VECTOR, 2, 1);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_CONFIG_VECTOR, 2), 1);

	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), LEGACY_NO_VECTOR);
	legacy_write(device, VIRTIO_MMR_QUEUE_VECTOR, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_CONFIG_VECTOR, 4), 1);
	/* The device refuses a vector that it does not have */
	legacy_write(device, VIRTIO_MMR_QUEUE_VECTOR, 2, vfio_msix_vectors(device));
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), LEGACY_NO_VECTOR);
}

static void read_mac(struct vfio_device *device, uint8_t mac[6])
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		mac[i] = legacy_read(device, legacy_config(device) + i, 1);
}

/* Device configuration starts after the vectors, if there are any */
TEST_F(registers, device_config_moves_with_msix)
{
	struct vfio_device *device = self->device;
	uint8_t mac[6], other[6];

	if (!ethernet_has_mac(device))
		SKIP(return, "needs a function with a MAC address (net)");
	NEED_VECTORS(device, 2);
	read_mac(device, mac);
	EXPECT_EQ(mac[0] & 1, 0);
	EXPECT_NE(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5], 0);

	if (variant->vectors)
		vfio_msix_disable(device);
	else
		vfio_msix_enable(device, 2);
	read_mac(device, other);
	EXPECT_EQ(memcmp(mac, other, sizeof(mac)), 0);

	/* The same by one access of six bytes */
	if (!legacy_takes_any_width(device))
		return;
	memset(other, 0, sizeof(other));
	EXPECT_EQ(vfio_read(device, 0, legacy_config(device), other, 6), 6);
	EXPECT_EQ(memcmp(mac, other, sizeof(mac)), 0);
}

TEST_F(registers, device_config_write)
{
	struct vfio_device *device = self->device;
	uint8_t mac[6], other[6];
	unsigned int at = legacy_config(device);

	if (!ethernet_has_mac(device))
		SKIP(return, "needs a function with a MAC address (net)");
	/* Legacy drivers may write the MAC address */
	read_mac(device, mac);
	legacy_write(device, at + 5, 1, mac[5] ^ 0xff);
	read_mac(device, other);
	EXPECT_EQ(memcmp(mac, other, 5), 0);
	EXPECT_EQ(other[5], mac[5] ^ 0xff);
	legacy_write(device, at + 5, 1, mac[5]);
}

TEST_F(registers, wide_reads)
{
	struct vfio_device *device = self->device;
	uint8_t bytes[VIRTIO_MMR_COMMON_SIZE];
	uint32_t features, size;
	uint64_t value;

	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	size = legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2);
	features = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, self->area.iova >> 12);
	legacy_write(device, VIRTIO_MMR_DRIVER_FEATURES, 4, features & -features);

	/* Two registers at a time: size and select, status and ISR */
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 4), size);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_STATUS, 2), 3);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_NOTIFY, 4) >> 16, 3);

	value = 0;
	EXPECT_EQ(vfio_read(device, 0, VIRTIO_MMR_DEVICE_FEATURES, &value, 8), 8);
	EXPECT_EQ(value, (uint64_t)(features & -features) << 32 | features);
	value = 0;
	EXPECT_EQ(vfio_read(device, 0, VIRTIO_MMR_QUEUE_ADDRESS, &value, 8), 8);
	EXPECT_EQ(value, ((uint64_t)size << 32 | self->area.iova >> 12));

	/* Six bytes from queue size, unaligned in the end: size, select, notify */
	value = 0;
	EXPECT_EQ(vfio_read(device, 0, VIRTIO_MMR_QUEUE_SIZE, &value, 5), 5);
	EXPECT_EQ(value & 0xffffffff, size);

	/* All of the common part at once */
	EXPECT_EQ(vfio_read(device, 0, 0, bytes, sizeof(bytes)), sizeof(bytes));
	EXPECT_EQ(memcmp(bytes, &features, 4), 0);
	EXPECT_EQ(bytes[VIRTIO_MMR_DEVICE_STATUS], 3);
	EXPECT_EQ(bytes[VIRTIO_MMR_QUEUE_SIZE] | bytes[VIRTIO_MMR_QUEUE_SIZE + 1] << 8,
		  size);
}

TEST_F(registers, wide_writes)
{
	struct vfio_device *device = self->device;
	uint64_t value;

	if (legacy_queues(device) < 2)
		SKIP(return, "needs a function with several queues (net)");
	/* Select 1, and size, which is read-only */
	legacy_write(device, VIRTIO_MMR_QUEUE_SIZE, 4, 1 << 16 | 7);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), 1);
	/* Status, and ISR, which is read-only */
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 2,
		     0xff00 | VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 0);

	/* Address of queue 0 and select 1 afterwards, lowest address first */
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	value = 1ull << 48 | self->area.iova >> 12;
	ASSERT_EQ(vfio_write(device, 0, VIRTIO_MMR_QUEUE_ADDRESS, &value, 8), 8);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), 1);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4),
		  self->area.iova >> 12);
}

/* Number of accesses that the device sees for one access of the guest */
TEST_F(registers, accesses_are_split)
{
	static const struct {
		unsigned int offset, size, reads;
	} cases[] = {
		{ 0x00, 1, 1 }, { 0x00, 2, 1 }, { 0x00, 3, 2 }, { 0x00, 4, 1 },
		{ 0x00, 8, 2 }, { 0x01, 1, 1 }, { 0x01, 2, 2 }, { 0x01, 3, 2 },
		{ 0x01, 4, 3 }, { 0x02, 4, 2 }, { 0x07, 2, 2 }, { 0x0b, 3, 2 },
		{ 0x0c, 2, 1 }, { 0x0c, 4, 2 }, { 0x0d, 2, 2 }, { 0x0e, 2, 1 },
		{ 0x10, 2, 1 }, { 0x10, 4, 3 }, { 0x11, 2, 2 }, { 0x12, 1, 1 },
		{ 0x12, 2, 2 }, { 0x13, 1, 1 }, { 0x00, 20, 8 }, { 0x08, 8, 3 },
	};
	uint64_t before, after;
	unsigned int i, vector_reads;
	uint8_t bytes[32];
	struct qmp qmp;

	if (!qmp_open(&qmp, self->device->bdf))
		SKIP(return, "needs QEMU's counters of the device's accesses (tools/vm/run)");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		before = qmp_counter(&qmp, "mmr-reads");
		EXPECT_EQ(vfio_read(self->device, 0, cases[i].offset, bytes,
				    cases[i].size), cases[i].size);
		after = qmp_counter(&qmp, "mmr-reads");
		EXPECT_EQ(after - before, cases[i].reads) {
			TH_LOG("%u bytes at %#x", cases[i].size, cases[i].offset);
		}
	}

	/* Two vectors, or the first dword of the device configuration */
	vector_reads = variant->vectors ? 2 : 1;
	before = qmp_counter(&qmp, "mmr-reads");
	EXPECT_EQ(vfio_read(self->device, 0, VIRTIO_MMR_CONFIG_VECTOR, bytes, 4), 4);
	after = qmp_counter(&qmp, "mmr-reads");
	EXPECT_EQ(after - before, vector_reads);
	/* ISR and the register after it are never read in the same access */
	before = qmp_counter(&qmp, "mmr-reads");
	EXPECT_EQ(vfio_read(self->device, 0, VIRTIO_MMR_ISR_STATUS, bytes, 5), 5);
	after = qmp_counter(&qmp, "mmr-reads");
	EXPECT_EQ(after - before, 1 + vector_reads);

	/* One write each of status and of the read-only ISR */
	before = qmp_counter(&qmp, "mmr-writes");
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 2,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE);
	after = qmp_counter(&qmp, "mmr-writes");
	EXPECT_EQ(after - before, 2);
	qmp_close(&qmp);
}

/* An OUT has reached the device when it returns. A notification may arrive later */
TEST_F(registers, writes_are_flushed)
{
	struct vfio_device *device = self->device;
	uint64_t before;
	struct qmp qmp;

	if (!qmp_open(&qmp, device->bdf))
		SKIP(return, "needs QEMU's counters of the device's accesses (tools/vm/run)");
	before = qmp_counter(&qmp, "mmr-reads");
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), before + 1);

	before = qmp_counter(&qmp, "mmr-reads");
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), before);
	/* Besides, the driver looks which queue this is, and whether it has an address now */
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, self->area.iova >> 12);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), before + 3);

	before = qmp_counter(&qmp, "mmr-reads");
	legacy_write(device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), before);

	/* A reset is waited for */
	before = qmp_counter(&qmp, "mmr-reads");
	legacy_reset(device);
	EXPECT_GE(qmp_counter(&qmp, "mmr-reads"), before + 1);
	qmp_close(&qmp);
}

/* The window's last bytes belong to the device. No register has the bytes of BAR0 after them */
TEST_F(registers, end_of_the_window)
{
	uint64_t size = self->device->regions[0].size, before = 0, end;
	struct mmr_window window;
	unsigned int at;
	uint8_t last[8];
	uint32_t value;
	struct qmp qmp;
	bool counting;

	ASSERT_TRUE(sysfs_window(self->device->bdf, &window));
	end = window.length < size ? window.length : size;
	counting = qmp_open(&qmp, self->device->bdf);
	if (counting) {
		before = qmp_counter(&qmp, "mmr-reads");
		legacy_read(self->device, end - 1, 1);
		EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), before + 1);
		before = qmp_counter(&qmp, "mmr-reads") +
			 qmp_counter(&qmp, "mmr-writes");
	}
	for (at = end; at < size; at++) {
		EXPECT_EQ(legacy_read(self->device, at, 1), 0xff);
		legacy_write(self->device, at, 1, 0);
	}
	if (counting) {
		EXPECT_EQ(qmp_counter(&qmp, "mmr-reads") +
			  qmp_counter(&qmp, "mmr-writes"), before);
		qmp_close(&qmp);
	}

	/* An access across the end is answered byte by byte, or refused */
	memset(last, 0, sizeof(last));
	if (end + 4 <= size) {
		EXPECT_EQ(vfio_read(self->device, 0, end - 4, last, 8), 8);
		EXPECT_EQ(last[4] & last[5] & last[6] & last[7], 0xff);
		value = legacy_read(self->device, end - 4, 4);
		EXPECT_EQ(memcmp(last, &value, sizeof(value)), 0);
		/* The emulated device has no ones there. Another device may */
		EXPECT_TRUE(!counting || value != 0xffffffff);
	} else if (end == size) {
		EXPECT_EQ(vfio_read(self->device, 0, end - 4, last, 8), -EINVAL);
	}
}

FUNCTIONS_HARNESS_MAIN
