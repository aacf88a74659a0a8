// SPDX-License-Identifier: GPL-2.0-only
/*
 * A physical BAR0, when the I/O BAR takes its place. The guest does not see it, or sees it as
 * another BAR. All of the guest's view must agree on that, and the guest must find the device's
 * registers there. The host's view of the function, by sysfs, shows which BAR must be where.
 */
#include <linux/virtio_pci.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/session.h"

#define CONFIG_SIZE	256
#define VSTATUS		(offsetof(struct virtio_pci_common_cfg, device_status))
#define VECTORS		2

FIXTURE(displaced)
{
	struct session session;
	struct vfio_device *device;
	/* The configuration space of the function itself */
	uint8_t config[SYSFS_CONFIG_SIZE];
	struct sysfs_bar bars[SYSFS_NUM_BARS];
	/* BAR number of BAR0 in the guest's view; 0: not shown */
	unsigned int slot;
	unsigned int msix, common, window;
};

/* Visits each capability once. True if the guest needs something in BAR0 */
static bool find_capabilities(struct _test_data_displaced *self)
{
	const uint8_t *config = self->config;
	unsigned int at, steps;
	bool shared = false;

	self->msix = 0;
	self->common = 0;
	self->window = 0;
	at = config[PCI_CAPABILITY_LIST];
	for (steps = 0; at && steps < 48; at = config[at + PCI_CAP_LIST_NEXT], steps++) {
		if (config[at] == PCI_CAP_ID_MSIX) {
			self->msix = at;
			if (!(config[at + PCI_MSIX_TABLE] & PCI_MSIX_TABLE_BIR) ||
			    !(config[at + PCI_MSIX_PBA] & PCI_MSIX_PBA_BIR))
				shared = true;
		}
		if (config[at] != PCI_CAP_ID_VNDR)
			continue;
		if (config[at + VIRTIO_PCI_CAP_CFG_TYPE] == VIRTIO_PCI_CAP_PCI_CFG)
			self->window = at;
		else if (!config[at + VIRTIO_PCI_CAP_BAR])
			shared = true;
		if (config[at + VIRTIO_PCI_CAP_CFG_TYPE] == VIRTIO_PCI_CAP_COMMON_CFG)
			self->common = at;
	}
	return shared;
}

FIXTURE_SETUP(displaced)
{
	const char *bdf = functions_prefer("net");
	unsigned int slot;

	sysfs_config(bdf, self->config);
	sysfs_bars(bdf, self->bars);
	if (!self->bars[0].size)
		SKIP(return, "needs a function with a physical BAR0");

	self->slot = 0;
	if (find_capabilities(self)) {
		for (slot = 1; slot < SYSFS_NUM_BARS && !self->slot; slot++)
			if (!self->bars[slot].size &&
			    (slot == 1 || !self->bars[slot - 1].is_64_bit))
				self->slot = slot;
		ASSERT_NE(self->slot, 0);
	}

	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	legacy_reset(self->device);
}

FIXTURE_TEARDOWN(displaced)
{
	legacy_reset(self->device);
	EXPECT_TRUE(session_close(&self->session));
}

/* The guest's number for one of the function's BARs */
static unsigned int shown_as(struct _test_data_displaced *self, unsigned int bar)
{
	return bar ? bar : self->slot;
}

/* The expected contents of the guest's BARs 1 to 5 */
static struct sysfs_bar expected_bar(struct _test_data_displaced *self, unsigned int bar)
{
	if (bar != self->slot)
		return self->bars[bar];
	return (struct sysfs_bar){ .size = self->bars[0].size };
}

TEST_F(displaced, regions)
{
	struct vfio_region_info *regions = self->device->regions;
	unsigned int bar, other;

	for (bar = 1; bar < SYSFS_NUM_BARS; bar++) {
		EXPECT_EQ(regions[bar].size, expected_bar(self, bar).size) {
			TH_LOG("BAR %u", bar);
		}
		EXPECT_EQ(regions[bar].index, bar);
		/* Whole pages can be mapped. Less than a page only if it has the page for itself */
		if (!regions[bar].size || regions[bar].size >= 4096)
			EXPECT_EQ(!!(regions[bar].flags & VFIO_REGION_INFO_FLAG_MMAP),
				  !!regions[bar].size);
	}
	EXPECT_LE(regions[0].size, VIRTIO_MMR_IO_BAR_SIZE_MAX);
	/* Each BAR has a separate place in the file */
	for (bar = 0; bar < SYSFS_NUM_BARS; bar++) {
		for (other = 0; other < bar; other++) {
			if (!regions[bar].size || !regions[other].size)
				continue;
			EXPECT_NE(regions[bar].offset, regions[other].offset);
		}
	}
}

TEST_F(displaced, bar_registers)
{
	struct vfio_device *device = self->device;
	unsigned int bar, at, flags;
	struct sysfs_bar expected;
	uint64_t value;

	for (bar = 1; bar < SYSFS_NUM_BARS; bar++) {
		expected = expected_bar(self, bar);
		at = PCI_BASE_ADDRESS_0 + 4 * bar;
		vfio_config_write(device, at, 4, 0xffffffff);
		value = vfio_config_read(device, at, 4);
		flags = value & ~PCI_BASE_ADDRESS_MEM_MASK;
		if (!expected.size) {
			if (self->bars[bar - 1].is_64_bit && bar - 1 != 0)
				continue;
			EXPECT_EQ(value, 0) {
				TH_LOG("BAR %u", bar);
			}
			continue;
		}
		EXPECT_EQ(flags & PCI_BASE_ADDRESS_SPACE, PCI_BASE_ADDRESS_SPACE_MEMORY);
		EXPECT_EQ(!!(flags & PCI_BASE_ADDRESS_MEM_TYPE_64), expected.is_64_bit);
		EXPECT_EQ((uint32_t)value - flags, (uint32_t)-expected.size) {
			TH_LOG("BAR %u", bar);
		}
	}
	if (!self->slot)
		return;

	/* The moved BAR is not prefetchable, and it keeps a written address */
	at = PCI_BASE_ADDRESS_0 + 4 * self->slot;
	EXPECT_EQ(vfio_config_read(device, at, 4) & ~PCI_BASE_ADDRESS_MEM_MASK, 0);
	vfio_config_write(device, at, 4, 0xc0000000);
	EXPECT_EQ(vfio_config_read(device, at, 4), 0xc0000000);
	vfio_config_write(device, at + 3, 1, 0xd0);
	EXPECT_EQ(vfio_config_read(device, at, 4), 0xd0000000);
	vfio_config_write(device, at, 4, 0xffffffff);
	EXPECT_EQ(vfio_config_read(device, at, 4), (uint32_t)-self->bars[0].size);
	/* The I/O BAR has another register */
	vfio_config_write(device, at, 4, 0);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  PCI_BASE_ADDRESS_SPACE_IO);
}

/* The function's own capabilities, with the guest's BAR numbers */
TEST_F(displaced, capabilities)
{
	struct vfio_device *device = self->device;
	uint8_t expected[CONFIG_SIZE];
	unsigned int at, steps, end;

	memcpy(expected, self->config, sizeof(expected));
	at = expected[PCI_CAPABILITY_LIST];
	for (steps = 0; at && steps < 48; at = expected[at + PCI_CAP_LIST_NEXT], steps++) {
		if (expected[at] == PCI_CAP_ID_MSIX) {
			expected[at + PCI_MSIX_TABLE] =
				(expected[at + PCI_MSIX_TABLE] & ~PCI_MSIX_TABLE_BIR) |
				shown_as(self, expected[at + PCI_MSIX_TABLE] & PCI_MSIX_TABLE_BIR);
			expected[at + PCI_MSIX_PBA] =
				(expected[at + PCI_MSIX_PBA] & ~PCI_MSIX_PBA_BIR) |
				shown_as(self, expected[at + PCI_MSIX_PBA] & PCI_MSIX_PBA_BIR);
			end = at + PCI_CAP_MSIX_SIZEOF;
		} else if (expected[at] == PCI_CAP_ID_VNDR && at != self->window) {
			expected[at + VIRTIO_PCI_CAP_BAR] =
				shown_as(self, expected[at + VIRTIO_PCI_CAP_BAR]);
			end = at + VIRTIO_PCI_CAP_LENGTH + 4;
		} else {
			continue;
		}
		for (; end-- > at;) {
			EXPECT_EQ(vfio_config_read(device, end, 1), expected[end]) {
				TH_LOG("byte at %#x of the capability at %#x", end, at);
			}
		}
	}
}

/* Reads one structure by the guest's BAR and by the legacy registers: it is one device */
TEST_F(displaced, modern_structure)
{
	struct vfio_device *device = self->device;
	struct virtio_pci_common_cfg *common;
	unsigned int bar, queues;
	uint8_t *memory, status;
	uint64_t offset;
	uint16_t value;

	if (!self->common)
		SKIP(return, "the function has no modern common configuration");
	bar = vfio_config_read(device, self->common + VIRTIO_PCI_CAP_BAR, 1);
	offset = vfio_config_read(device, self->common + VIRTIO_PCI_CAP_OFFSET, 4);
	queues = legacy_queues(device);
	ASSERT_GT(queues, 0);

	ASSERT_EQ(vfio_read(device, bar, offset + VIRTIO_PCI_COMMON_NUMQ, &value, 2), 2);
	EXPECT_EQ(value, queues);
	status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	ASSERT_EQ(vfio_write(device, bar, offset + VSTATUS, &status, 1), 1);
	EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);

	memory = mmap(NULL, device->regions[bar].size, PROT_READ | PROT_WRITE,
		      MAP_SHARED, device->fd, device->regions[bar].offset);
	ASSERT_NE(memory, MAP_FAILED) {
		TH_LOG("BAR %u: %s", bar, strerror(errno));
	}
	common = (void *)(memory + offset);
	EXPECT_EQ(__atomic_load_n(&common->num_queues, __ATOMIC_RELAXED), queues);
	__atomic_store_n(&common->device_status,
			 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
			 __ATOMIC_SEQ_CST);
	EXPECT_EQ(legacy_status(device),
		  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	munmap(memory, device->regions[bar].size);
}

/* True if the region may be mapped although the MSI-X table lies in it */
static bool says_msix_mappable(struct vfio_device *device, unsigned int index)
{
	struct {
		struct vfio_region_info info;
		uint8_t caps[512];
	} region = { .info = { .argsz = sizeof(region), .index = index } };
	struct vfio_info_cap_header *header;
	uint32_t at;

	if (ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &region) ||
	    !(region.info.flags & VFIO_REGION_INFO_FLAG_CAPS))
		return false;
	for (at = region.info.cap_offset; at; at = header->next) {
		header = (void *)((uint8_t *)&region + at);
		if (header->id == VFIO_REGION_INFO_CAP_MSIX_MAPPABLE)
			return true;
	}
	return false;
}

static uint32_t dword(const uint32_t *place)
{
	return __atomic_load_n(place, __ATOMIC_RELAXED);
}

TEST_F(displaced, msix_table)
{
	struct vfio_device *device = self->device;
	unsigned int bar, other, table, vector;
	uint32_t *entry;
	uint8_t *memory;
	uint32_t value;

	/* The test looks at one more entry of the table than it uses */
	NEED_VECTORS(device, VECTORS + 1);
	ASSERT_NE(self->msix, 0);
	table = vfio_config_read(device, self->msix + PCI_MSIX_TABLE, 4);
	bar = table & PCI_MSIX_TABLE_BIR;
	table &= PCI_MSIX_TABLE_OFFSET;
	ASSERT_GT(device->regions[bar].size, table);
	for (other = 0; other < SYSFS_NUM_BARS; other++) {
		EXPECT_EQ(says_msix_mappable(device, other), other == bar) {
			TH_LOG("BAR %u", other);
		}
	}

	/* vfio-pci gives no user the table by read: it belongs to the host */
	vfio_msix_enable(device, VECTORS);
	value = 0;
	ASSERT_EQ(vfio_read(device, bar, table, &value, 4), 4);
	EXPECT_EQ(value, 0xffffffff);

	memory = mmap(NULL, device->regions[bar].size, PROT_READ, MAP_SHARED,
		      device->fd, device->regions[bar].offset);
	ASSERT_NE(memory, MAP_FAILED) {
		TH_LOG("BAR %u: %s", bar, strerror(errno));
	}
	for (vector = 0; vector <= VECTORS; vector++) {
		entry = (void *)(memory + table + PCI_MSIX_ENTRY_SIZE * vector);
		if (vector < VECTORS) {
			/* x86 has its interrupt messages at this address */
			EXPECT_EQ(dword(entry + PCI_MSIX_ENTRY_LOWER_ADDR / 4) >> 20,
				  0xfee);
			EXPECT_EQ(dword(entry + PCI_MSIX_ENTRY_VECTOR_CTRL / 4) & 1, 0);
		} else {
			EXPECT_EQ(dword(entry + PCI_MSIX_ENTRY_VECTOR_CTRL / 4) & 1, 1);
		}
	}
	munmap(memory, device->regions[bar].size);
	vfio_msix_disable(device);
}

/* A BAR0 that is not shown is unreachable at its usual place in the file */
TEST_F(displaced, hidden)
{
	struct vfio_device *device = self->device;
	struct mmr_window window;
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	uint64_t at;
	void *memory;
	int fd;

	ASSERT_TRUE(sysfs_window(device->bdf, &window));
	at = (window.bar ? 0 : window.offset) + VIRTIO_MMR_DEVICE_STATUS;
	if (self->slot) {
		/* If BAR0 is shown as another BAR, that region is the BAR itself */
		EXPECT_EQ(device->regions[self->slot].offset, 0);
		EXPECT_EQ(pread(device->fd, &status, 1, at), 1);
		if (!window.bar) {
			EXPECT_EQ(status, 0);
			status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
			EXPECT_EQ(pwrite(device->fd, &status, 1, at), 1);
			EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);
		}
		return;
	}

	EXPECT_EQ(pwrite(device->fd, &status, 1, at), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(legacy_status(device), 0);
	EXPECT_EQ(pread(device->fd, &status, 1, at), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(status, VIRTIO_CONFIG_S_ACKNOWLEDGE);

	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, device->fd, 0);
	EXPECT_EQ(memory, MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);

	fd = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16,
				 window.offset + VIRTIO_MMR_QUEUE_NOTIFY, 0, fd), -EINVAL);
	close(fd);
}

static void direct_window(struct vfio_device *device, unsigned int window,
			  unsigned int bar, uint32_t offset, uint32_t length)
{
	vfio_config_write(device, window + VIRTIO_PCI_CAP_BAR, 1, bar);
	vfio_config_write(device, window + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	vfio_config_write(device, window + VIRTIO_PCI_CAP_LENGTH, 4, length);
}

static unsigned int physical_window_bar(struct _test_data_displaced *self)
{
	uint8_t config[SYSFS_CONFIG_SIZE];

	sysfs_config(self->device->bdf, config);
	return config[self->window + VIRTIO_PCI_CAP_BAR];
}

/* virtio's window in config space uses the guest's BAR numbers */
TEST_F(displaced, config_window)
{
	const unsigned int data = self->window + sizeof(struct virtio_pci_cap);
	struct vfio_device *device = self->device;
	unsigned int bar, number, physical;
	uint32_t offset, expected, dword;
	uint8_t fields[12] = {};

	if (!self->window || !self->common)
		SKIP(return, "the function has no modern configuration, or no window to it");
	bar = vfio_config_read(device, self->common + VIRTIO_PCI_CAP_BAR, 1);
	offset = vfio_config_read(device, self->common + VIRTIO_PCI_CAP_OFFSET, 4);

	direct_window(device, self->window, bar, offset + VIRTIO_PCI_COMMON_NUMQ, 2);
	EXPECT_EQ(vfio_config_read(device, self->window + VIRTIO_PCI_CAP_BAR, 1), bar);
	EXPECT_EQ(physical_window_bar(self), self->config[self->common + VIRTIO_PCI_CAP_BAR]);
	expected = 0;
	ASSERT_EQ(vfio_read(device, bar, offset + VIRTIO_PCI_COMMON_NUMQ, &expected, 2), 2);
	EXPECT_NE(expected, 0);
	EXPECT_EQ(vfio_config_read(device, data, 2), expected);

	direct_window(device, self->window, bar, offset + VSTATUS, 1);
	vfio_config_write(device, data, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);

	/* The same in the middle of a longer write: bar, id, padding, offset, length */
	fields[0] = bar;
	dword = offset + VIRTIO_PCI_COMMON_NUMQ;
	memcpy(fields + 4, &dword, 4);
	fields[8] = 2;
	ASSERT_EQ(vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX,
			     self->window + VIRTIO_PCI_CAP_BAR, fields, 12), 12);
	EXPECT_EQ(vfio_config_read(device, data, 2), expected);
	EXPECT_EQ(physical_window_bar(self), self->config[self->common + VIRTIO_PCI_CAP_BAR]);

	/* Any number reads back. Number 0 is the I/O BAR, which the function does not have */
	for (number = 0; number < 256; number += number < 8 ? 1 : 31) {
		vfio_config_write(device, self->window + VIRTIO_PCI_CAP_BAR, 1, number);
		physical = physical_window_bar(self);
		if (number == 7 && !self->slot)
			continue; /* reserved: what 0 becomes */
		EXPECT_EQ(vfio_config_read(device, self->window + VIRTIO_PCI_CAP_BAR, 1),
			  number);
		if (number == 0) {
			EXPECT_TRUE(physical >= SYSFS_NUM_BARS ||
				    (physical && !self->bars[physical].size));
		} else {
			EXPECT_EQ(physical, number == self->slot ? 0 : number);
		}
	}
	vfio_config_write(device, self->window + VIRTIO_PCI_CAP_BAR, 1, 0);
}

FUNCTIONS_HARNESS_MAIN
