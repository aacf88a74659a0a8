// SPDX-License-Identifier: GPL-2.0-only
/*
 * The synthesised I/O BAR0: its register, its region, accesses that it refuses, and that no
 * state survives a close.
 */
#include <stdlib.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/iova.h"
#include "lib/legacy.h"
#include "lib/session.h"

FIXTURE(bar)
{
	struct session session;
	struct vfio_device *device;
	const struct vfio_region_info *region;
	uint32_t mask;
	bool has_lost_resets;
};

FIXTURE_SETUP(bar)
{
	const char *bdf = functions_find(NULL, 0);

	self->device = session_open(&self->session, bdf);
	self->region = &self->device->regions[VFIO_PCI_BAR0_REGION_INDEX];
	self->mask = -(uint32_t)self->region->size;
}

FIXTURE_TEARDOWN(bar)
{
	if (self->has_lost_resets)
		EXPECT_EQ(sysfs_write(self->device->bdf, "reset_method", "default"), 0);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(bar, region_info)
{
	struct mmr_window window;
	uint64_t size = VIRTIO_MMR_IO_BAR_SIZE_MIN;

	ASSERT_TRUE(sysfs_window(self->device->bdf, &window));
	while (size < window.length && size < VIRTIO_MMR_IO_BAR_SIZE_MAX)
		size *= 2;
	EXPECT_EQ(self->region->size, size);
	EXPECT_EQ(self->region->flags,
		  VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	EXPECT_EQ(self->region->cap_offset, 0);
}

TEST_F(bar, sizing)
{
	struct vfio_device *device = self->device;
	unsigned int width, at;

	for (width = 1; width <= 4; width *= 2) {
		vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, 0);
		EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
			  PCI_BASE_ADDRESS_SPACE_IO);
		for (at = 0; at < 4; at += width)
			vfio_config_write(device, PCI_BASE_ADDRESS_0 + at, width,
					  0xffffffff);
		EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
			  (self->mask | PCI_BASE_ADDRESS_SPACE_IO)) {
			TH_LOG("written %u bytes at a time", width);
		}
	}
}

TEST_F(bar, address)
{
	struct vfio_device *device = self->device;

	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, 0xc7ff);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  ((0xc7ff & self->mask) | PCI_BASE_ADDRESS_SPACE_IO));
	/* One byte changes, the others stay; the type bit cannot be cleared */
	vfio_config_write(device, PCI_BASE_ADDRESS_0 + 1, 1, 0x10);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  ((0x10ff & self->mask) | PCI_BASE_ADDRESS_SPACE_IO));
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 1, 0);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  ((0x1000 & self->mask) | PCI_BASE_ADDRESS_SPACE_IO));
	/* A write that begins in the register before this one */
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, 0);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  PCI_BASE_ADDRESS_SPACE_IO);
}

/* The registers and regions of the other BARs agree, and all are memory */
TEST_F(bar, memory_bars_agree)
{
	struct vfio_device *device = self->device;
	unsigned int bar, memory_bars = 0;

	for (bar = 1; bar < 6; bar++) {
		unsigned int at = PCI_BASE_ADDRESS_0 + 4 * bar;
		uint64_t size = device->regions[bar].size;
		uint64_t value, high;

		vfio_config_write(device, at, 4, 0xffffffff);
		value = vfio_config_read(device, at, 4);
		vfio_config_write(device, at, 4, 0);
		if (!size) {
			EXPECT_EQ(value, 0) {
				TH_LOG("BAR %u has no region", bar);
			}
			continue;
		}
		memory_bars++;
		EXPECT_EQ(value & PCI_BASE_ADDRESS_SPACE, PCI_BASE_ADDRESS_SPACE_MEMORY);
		if (value & PCI_BASE_ADDRESS_MEM_TYPE_64) {
			ASSERT_LT(bar, 5);
			vfio_config_write(device, at + 4, 4, 0xffffffff);
			high = vfio_config_read(device, at + 4, 4);
			vfio_config_write(device, at + 4, 4, 0);
			value |= high << 32;
			EXPECT_EQ(device->regions[bar + 1].size, 0);
			EXPECT_EQ(-(value & PCI_BASE_ADDRESS_MEM_MASK), size);
			bar++;
		} else {
			EXPECT_EQ((uint32_t)-(value & PCI_BASE_ADDRESS_MEM_MASK), size);
		}
	}
	/* The MMR window lies in one */
	EXPECT_GE(memory_bars, 1);
}

/*
 * A BAR that the guest does not see cannot be reached at its usual place in vfio-pci's file.
 * Such BARs are absent ones, the upper half of a 64-bit one, and a physical BAR0 with only the
 * legacy registers.
 */
TEST_F(bar, nothing_where_no_region_is)
{
	struct vfio_device *device = self->device;
	unsigned int bar, other, absent = 0;
	uint32_t value;
	void *memory;

	for (bar = 0; bar < 6; bar++) {
		off_t place = (off_t)bar << 40;

		for (other = 0; other < 6; other++)
			if (device->regions[other].size &&
			    (off_t)device->regions[other].offset == place)
				break;
		if (other < 6)
			continue;
		absent++;
		EXPECT_EQ(pread(device->fd, &value, 4, place), -1);
		EXPECT_EQ(errno, EINVAL) {
			TH_LOG("BAR %u", bar);
		}
		EXPECT_EQ(pwrite(device->fd, &value, 4, place), -1);
		EXPECT_EQ(errno, EINVAL);
		memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			      device->fd, place);
		EXPECT_EQ(memory, MAP_FAILED);
	}
	if (!absent)
		SKIP(return, "the function uses all six BARs");
}

TEST_F(bar, mmap_refused)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->device->fd, self->region->offset);

	EXPECT_EQ(memory, MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
}

/*
 * The user's number of a BAR is the guest's: its DMA-BUF has the size of that region. There is none
 * of the I/O BAR, as the function's BAR of that number is another one. Nor is there one where the
 * function has no BAR of that number: vfio-pci-core looks at that first.
 */
TEST_F(bar, dma_bufs)
{
	const uint64_t page = getpagesize();
	bool there = !system("grep -qw vfio_pci_core_get_dmabuf_phys /proc/kallsyms");
	struct sysfs_bar bars[SYSFS_NUM_BARS];
	unsigned int bar;

	sysfs_bars(self->device->bdf, bars);
	for (bar = 0; bar < SYSFS_NUM_BARS; bar++) {
		uint64_t size = bar ? self->device->regions[bar].size & -page : 0;
		bool known = bars[bar].size;
		int refusal = !there ? -ENOTTY : known ? -EINVAL : -ENODEV;
		int buffer = vfio_dma_buf(self->device, bar, size + page);

		EXPECT_EQ(buffer, refusal) {
			TH_LOG("more than BAR %u", bar);
		}
		if (!size)
			continue;
		buffer = vfio_dma_buf(self->device, bar, size);
		if (!there || !known) {
			EXPECT_EQ(buffer, refusal);
			continue;
		}
		EXPECT_GE(buffer, 0) {
			TH_LOG("BAR %u", bar);
		}
		close(buffer);
	}
}

TEST_F(bar, beyond_the_end)
{
	uint64_t size = self->region->size;
	uint32_t value = 0;

	vfio_command(self->device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(vfio_read(self->device, 0, size, &value, 1), -EINVAL);
	EXPECT_EQ(vfio_read(self->device, 0, size, &value, 4), -EINVAL);
	EXPECT_EQ(vfio_write(self->device, 0, size, &value, 1), -EINVAL);
	EXPECT_EQ(vfio_write(self->device, 0, size, &value, 4), -EINVAL);
	EXPECT_EQ(vfio_read(self->device, 0, size - 2, &value, 4), -EINVAL);
	EXPECT_EQ(vfio_write(self->device, 0, size - 2, &value, 4), -EINVAL);
	EXPECT_EQ(vfio_read(self->device, 0, 1ull << 39, &value, 4), -EINVAL);
	/* The last bytes of the BAR are fine */
	EXPECT_EQ(vfio_read(self->device, 0, size - 4, &value, 4), 4);
}

TEST_F(bar, io_decode_off)
{
	struct vfio_device *device = self->device;
	uint8_t bytes[VIRTIO_MMR_COMMON_SIZE];
	unsigned int i;

	vfio_command(device, PCI_COMMAND_IO, 0);
	legacy_reset(device);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ASSERT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);

	vfio_command(device, 0, PCI_COMMAND_IO);
	EXPECT_EQ(legacy_status(device), 0xff);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2), 0xffff);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4), 0xffffffff);
	memset(bytes, 0, sizeof(bytes));
	EXPECT_EQ(vfio_read(device, 0, 0, bytes, sizeof(bytes)), sizeof(bytes));
	for (i = 0; i < sizeof(bytes); i++)
		EXPECT_EQ(bytes[i], 0xff);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);

	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE) {
		TH_LOG("a write with I/O decode off reached the device");
	}
	legacy_reset(device);
}

/* One user leaves the device in use, with a queue. Then the next user opens it */
static void expect_no_state_after_close(struct __test_metadata *_metadata,
					struct _test_data_bar *self)
{
	struct vfio_device *device = self->device;
	struct iova_area area;

	iova_map(&area, &self->session.container, IOVA_BASE, 1 << 16);
	legacy_start(device, 0xffffffff);
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, 0xc000);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, area.iova >> 12);
	ASSERT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), area.iova >> 12);
	ASSERT_NE(legacy_status(device), 0);

	session_detach(&self->session);
	iova_unmap(&area);
	session_attach(&self->session);

	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) &
		  (PCI_COMMAND_IO | PCI_COMMAND_MASTER), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  PCI_BASE_ADDRESS_SPACE_IO);
	EXPECT_EQ(legacy_status(device), 0xff) {
		TH_LOG("BAR0 answers before I/O decode is on");
	}
	vfio_command(device, PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(device), 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DRIVER_FEATURES, 4), 0);
	/* The driver's search for doorbells has left no state either */
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SELECT, 2), 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
}

TEST_F(bar, no_state_after_close)
{
	expect_no_state_after_close(_metadata, self);
}

/* If vfio-pci cannot reset the function, the driver resets the device */
TEST_F(bar, no_state_after_close_without_reset)
{
	self->has_lost_resets = !sysfs_write(self->device->bdf, "reset_method", "\n");
	ASSERT_NE(vfio_reset(self->device), 0);
	expect_no_state_after_close(_metadata, self);
}

/* A second user cannot open the device in the meantime */
TEST_F(bar, second_opener)
{
	/* A group is open once; by iommufd it is the device that is in use */
	EXPECT_EQ(vfio_device_steal(self->device),
		  self->device->container->is_iommufd ? -EINVAL : -EBUSY);
}

FUNCTIONS_HARNESS_MAIN
