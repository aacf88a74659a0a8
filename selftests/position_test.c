// SPDX-License-Identifier: GPL-2.0-only
/*
 * The position in the file, by the rules of POSIX. An access advances it by the bytes done, and
 * a failed access leaves it. vfio's files cannot be seeked. So read() and write() show the
 * position only at 0, directly after open. preadv() and pwritev() show it everywhere: the
 * kernel passes one buffer after the other, each from the position after the previous access.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/session.h"

#define CONFIG_SIZE	4096

FIXTURE(position)
{
	struct session session;
	struct vfio_device *device;
	uint64_t bar0, config;
	/* An address without memory */
	void *absent;
};

FIXTURE_SETUP(position)
{
	self->device = session_open(&self->session, functions_prefer("net"));
	self->bar0 = self->device->regions[VFIO_PCI_BAR0_REGION_INDEX].offset;
	self->config = self->device->regions[VFIO_PCI_CONFIG_REGION_INDEX].offset;
	self->absent = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->absent, MAP_FAILED);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	legacy_reset(self->device);
	/* The device accepts driver features only after status DRIVER */
	legacy_write(self->device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

FIXTURE_TEARDOWN(position)
{
	munmap(self->absent, 4096);
	legacy_reset(self->device);
	EXPECT_TRUE(session_close(&self->session));
}

/* Returns the position of the file, from the kernel */
static long long file_position(const struct vfio_device *device)
{
	long long value = -1;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", device->fd);
	file = fopen(path, "re");
	if (!file || fscanf(file, "pos: %lld", &value) != 1)
		fail("%s: no position: %s", path, strerror(errno));
	fclose(file);
	return value;
}

/* Expects a result, and the position afterwards */
#define EXPECT_MOVES(access, result, where) do {			\
	errno = 0;							\
	EXPECT_EQ(access, result);					\
	EXPECT_EQ(file_position(self->device), where);			\
} while (0)

TEST_F(position, of_read_and_write)
{
	uint32_t features, lowest, value, size = self->device->regions[0].size;
	struct vfio_device *device = self->device;
	uint8_t bytes[VIRTIO_MMR_IO_BAR_SIZE_MAX];
	uint16_t select = 0;
	int fd = device->fd;

	if (self->bar0)
		SKIP(return, "the I/O BAR is not where the file begins");
	features = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	lowest = features & -features;

	EXPECT_MOVES(pread(fd, bytes, 4, self->bar0), 4, 0);
	EXPECT_MOVES(read(fd, &value, 4), 4, 4);
	EXPECT_EQ(value, features);
	EXPECT_MOVES(write(fd, &lowest, 4), 4, 8);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DRIVER_FEATURES, 4), lowest);
	EXPECT_MOVES(read(fd, self->absent, 4), -1, 8);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_MOVES(write(fd, self->absent, 4), -1, 8);
	EXPECT_MOVES(read(fd, bytes, 0), 0, 8);
	EXPECT_MOVES(write(fd, bytes, 0), 0, 8);
	EXPECT_MOVES(read(fd, bytes, size - 7), -1, 8);
	EXPECT_EQ(errno, EINVAL);
	/* Address and size of a queue, then its select, notify, and the next registers */
	EXPECT_MOVES(read(fd, bytes, 6), 6, 14);
	EXPECT_MOVES(write(fd, &select, 2), 2, 16);
	EXPECT_MOVES(write(fd, self->absent, 2), -1, 16);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_MOVES(write(fd, &select, 2), 2, 18);
	EXPECT_MOVES(read(fd, bytes, 1), 1, 19);
	EXPECT_EQ(bytes[0], VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);

	/* An access that does not reach the device advances the position as well */
	vfio_command(device, 0, PCI_COMMAND_IO);
	EXPECT_MOVES(read(fd, bytes, 1), 1, 20);
	EXPECT_EQ(bytes[0], 0xff);
	EXPECT_MOVES(write(fd, bytes, size - 20), size - 20, size);
	EXPECT_MOVES(read(fd, bytes, 1), -1, size);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_MOVES(write(fd, bytes, 1), -1, size);
	EXPECT_EQ(errno, EINVAL);
	/* Seeking fails even on a kernel that supports it */
	EXPECT_MOVES(lseek(fd, 0, SEEK_SET), -1, size);
	EXPECT_EQ(errno, ESPIPE);
}

/* At the place of a physical BAR0 that has moved or is not shown */
TEST_F(position, where_the_io_bar_is_not)
{
	const struct vfio_region_info *region = NULL;
	int fd = self->device->fd;
	unsigned int bar;
	uint32_t value;

	if (!self->bar0)
		SKIP(return, "the file begins with the I/O BAR");
	for (bar = 1; bar < 6; bar++)
		if (self->device->regions[bar].size && !self->device->regions[bar].offset)
			region = &self->device->regions[bar];
	if (!region) {
		EXPECT_MOVES(read(fd, &value, 4), -1, 0);
		EXPECT_EQ(errno, EINVAL);
		EXPECT_MOVES(write(fd, &value, 4), -1, 0);
		EXPECT_EQ(errno, EINVAL);
		return;
	}
	/* A PF's memory must be switched on */
	vfio_command(self->device, PCI_COMMAND_MEMORY, 0);
	EXPECT_MOVES(read(fd, &value, 4), 4, 4);
	EXPECT_MOVES(read(fd, self->absent, 4), -1, 4);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_MOVES(read(fd, &value, 4), 4, 8);
}

/* Buffers of these sizes, one after the other. A size of 0 ends the list */
static int vector(struct iovec *iov, void *memory, const unsigned int *sizes)
{
	int count;

	for (count = 0; sizes[count]; count++) {
		iov[count] = (struct iovec){ memory, sizes[count] };
		memory += sizes[count];
	}
	return count;
}

TEST_F(position, in_the_io_bar)
{
	struct vfio_device *device = self->device;
	uint32_t size = device->regions[0].size, lowest;
	uint8_t whole[VIRTIO_MMR_QUEUE_NOTIFY], parts[sizeof(whole)] = {};
	struct iovec iov[8];
	uint8_t status = 0;
	int count;

	/* Several reads give the same bytes as one. A device may refuse parts of a register */
	EXPECT_EQ(vfio_read(device, 0, 0, whole, sizeof(whole)), sizeof(whole));
	count = vector(iov, parts, (unsigned int[]){ 4, 8, 2, 2, 0 });
	EXPECT_EQ(preadv(device->fd, iov, count, self->bar0), sizeof(parts));
	EXPECT_EQ(memcmp(whole, parts, sizeof(parts)), 0);

	/* Select, notify and status come from the buffers after the first */
	memset(parts, 0, sizeof(parts));
	parts[4] = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	count = vector(iov, parts, (unsigned int[]){ 2, 2, 1, 0 });
	EXPECT_EQ(pwritev(device->fd, iov, count, self->bar0 + VIRTIO_MMR_QUEUE_SELECT), 5);
	EXPECT_EQ(legacy_status(device), VIRTIO_CONFIG_S_ACKNOWLEDGE);

	/* The access ends at the first failure: earlier buffers count, later ones are not used */
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	lowest = legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4);
	lowest &= -lowest;
	iov[0] = (struct iovec){ &lowest, 4 };
	iov[1] = (struct iovec){ self->absent, 14 };
	iov[2] = (struct iovec){ &status, 1 };
	EXPECT_EQ(pwritev(device->fd, iov, 3, self->bar0 + VIRTIO_MMR_DRIVER_FEATURES), 4);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DRIVER_FEATURES, 4), lowest);
	EXPECT_EQ(legacy_status(device),
		  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	iov[0].iov_base = parts;
	EXPECT_EQ(preadv(device->fd, iov, 2, self->bar0), 4);

	/* The last bytes of the BAR, and none after them */
	count = vector(iov, parts, (unsigned int[]){ 2, 2, 1, 0 });
	EXPECT_EQ(preadv(device->fd, iov, count, self->bar0 + size - 4), 4);
	EXPECT_EQ(pwritev(device->fd, iov, count, self->bar0 + size - 4), 4);
	EXPECT_EQ(preadv(device->fd, iov, count, self->bar0 + size), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(position, in_config_space)
{
	struct vfio_device *device = self->device;
	uint8_t whole[PCI_STD_HEADER_SIZEOF], parts[sizeof(whole)] = {};
	const unsigned int sizes[][9] = {
		/* Registers that the driver provides, whole and in parts */
		{ 2, 2, 2, 2, 1, 3, 4, 48 },
		{ 1, 2, 2, 1, 2, 1, 1, 54 },
		{ 16, 4, 20, 5, 1, 1, 1, 16 },
	};
	const uint8_t address[] = { 0x00, 0xc1, 0x5a, 0xa5 };
	uint32_t before, value;
	struct iovec iov[8];
	unsigned int i;
	int count;

	EXPECT_EQ(vfio_read(device, VFIO_PCI_CONFIG_REGION_INDEX, 0, whole, sizeof(whole)),
		  sizeof(whole));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(parts, 0x5a, sizeof(parts));
		count = vector(iov, parts, sizes[i]);
		EXPECT_EQ(preadv(device->fd, iov, count, self->config), sizeof(parts));
		EXPECT_EQ(memcmp(whole, parts, sizeof(parts)), 0) {
			TH_LOG("case %u", i);
		}
	}

	/* BAR0 byte by byte, each byte from its own buffer */
	memcpy(parts, address, sizeof(address));
	count = vector(iov, parts, (unsigned int[]){ 1, 2, 1, 0 });
	EXPECT_EQ(pwritev(device->fd, iov, count, self->config + PCI_BASE_ADDRESS_0), 4);
	memcpy(&value, address, sizeof(value));
	value &= -(uint32_t)device->regions[0].size;
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  (value | PCI_BASE_ADDRESS_SPACE_IO));

	/* An absent buffer ends the access */
	before = vfio_config_read(device, PCI_BASE_ADDRESS_0, 4);
	iov[0] = (struct iovec){ parts, 2 };
	iov[1] = (struct iovec){ self->absent, 2 };
	iov[2] = (struct iovec){ parts, 4 };
	memset(parts, 0xff, 4);
	EXPECT_EQ(pwritev(device->fd, iov, 3, self->config + PCI_BASE_ADDRESS_0 - 2), 2);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4), before);
	EXPECT_EQ(preadv(device->fd, iov, 3, self->config + PCI_DEVICE_ID), 2);
	/* The end of config space ends it, too: vfio-pci gives less than requested there */
	count = vector(iov, parts, (unsigned int[]){ 2, 2, 2, 0 });
	EXPECT_EQ(preadv(device->fd, iov, count, self->config + CONFIG_SIZE - 4), 4);
}

FUNCTIONS_HARNESS_MAIN
