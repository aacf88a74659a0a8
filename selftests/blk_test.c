// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio block driven through BAR0. The test overwrites sectors of the disk. If the disk's
 * image file is available (tools/vm/run), its bytes are compared too.
 */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>

#include "kselftest_harness.h"

#include "lib/disk.h"
#include "lib/functions.h"
#include "lib/qmp.h"
#include "lib/session.h"

/* Beyond the sectors that the runner labels and the guest tests use */
#define SECTOR		4096
#define BYTES		16384

FIXTURE(blk)
{
	struct session session;
	struct vfio_device *device;
	struct disk disk;
};

FIXTURE_VARIANT(blk)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(blk, polled) { .vectors = 0 };
FIXTURE_VARIANT_ADD(blk, msix) { .vectors = 2 };

FIXTURE_SETUP(blk)
{
	const char *bdf = functions_find("blk", 0);

	if (!bdf)
		SKIP(return, "no blk function given");
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	if (!legacy_has_config(self->device, sizeof(self->disk.sectors)))
		SKIP(return, "the disk's size is not in the function's window");
	disk_start(&self->disk, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(blk)
{
	disk_stop(&self->disk);
	EXPECT_TRUE(session_close(&self->session));
}

/* The bytes are different in each sector and each run */
static void fill(uint8_t *bytes, size_t size, unsigned int seed)
{
	size_t i;

	srandom(seed ^ getpid());
	for (i = 0; i < size; i++)
		bytes[i] = random() >> 7;
}

TEST_F(blk, capacity)
{
	EXPECT_GT(self->disk.sectors, SECTOR + BYTES / DISK_SECTOR);
	EXPECT_LT(self->disk.sectors, 1ull << 48);
}

TEST_F(blk, write_flush_read)
{
	struct disk *disk = &self->disk;
	uint8_t pattern[BYTES];

	fill(pattern, sizeof(pattern), 1);
	memcpy(disk->data, pattern, sizeof(pattern));
	ASSERT_EQ(disk_write(disk, SECTOR, BYTES), DISK_OK);
	ASSERT_EQ(disk->features & 1u << VIRTIO_BLK_F_FLUSH ? disk_flush(disk) : DISK_OK,
		  DISK_OK);
	memset(disk->data, 0, BYTES);
	ASSERT_EQ(disk_read(disk, SECTOR, BYTES), DISK_OK);
	EXPECT_EQ(memcmp(disk->data, pattern, BYTES), 0);

	/* One sector in the middle. Its neighbours must not change */
	fill(disk->data, DISK_SECTOR, 2);
	memcpy(pattern + 3 * DISK_SECTOR, disk->data, DISK_SECTOR);
	ASSERT_EQ(disk_write(disk, SECTOR + 3, DISK_SECTOR), DISK_OK);
	ASSERT_EQ(disk_read(disk, SECTOR, BYTES), DISK_OK);
	EXPECT_EQ(memcmp(disk->data, pattern, BYTES), 0);
	/* Nothing is written beyond the requested bytes */
	EXPECT_EQ(disk->data[BYTES], 0);
}

TEST_F(blk, interrupt)
{
	if (!variant->vectors) {
		legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1);
		ASSERT_EQ(disk_read(&self->disk, 0, DISK_SECTOR), DISK_OK);
		EXPECT_EQ(legacy_read(self->device, VIRTIO_MMR_ISR_STATUS, 1), 1);
		return;
	}
	EXPECT_EQ(vfio_msix_wait(self->device, 0, 0), 0);
	ASSERT_EQ(disk_read(&self->disk, 0, DISK_SECTOR), DISK_OK);
	EXPECT_EQ(vfio_msix_wait(self->device, 0, LEGACY_TIMEOUT), 1);
}

TEST_F(blk, beyond_the_disk)
{
	EXPECT_EQ(disk_read(&self->disk, self->disk.sectors, DISK_SECTOR),
		  VIRTIO_BLK_S_IOERR);
	/* The failed request does not harm the next one */
	EXPECT_EQ(disk_read(&self->disk, 0, DISK_SECTOR), DISK_OK);
}

/* The bytes that the guest wrote are in the host's file, at the same place */
TEST_F(blk, image_file)
{
	uint8_t pattern[BYTES], bytes[BYTES];
	const char *path;
	struct qmp qmp;
	int fd;

	if (!qmp_open(&qmp, self->device->bdf))
		SKIP(return, "needs the image file of tools/vm/run");
	qmp_close(&qmp);
	path = qmp.backend;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0) {
		TH_LOG("%s: %s", path, strerror(errno));
	}

	fill(pattern, sizeof(pattern), 3);
	memcpy(self->disk.data, pattern, sizeof(pattern));
	ASSERT_EQ(disk_write(&self->disk, SECTOR, BYTES), DISK_OK);
	ASSERT_NE(self->disk.features & 1u << VIRTIO_BLK_F_FLUSH, 0);
	ASSERT_EQ(disk_flush(&self->disk), DISK_OK);
	ASSERT_EQ(pread(fd, bytes, sizeof(bytes), SECTOR * DISK_SECTOR),
		  sizeof(bytes));
	EXPECT_EQ(memcmp(bytes, pattern, sizeof(bytes)), 0);
	close(fd);
}

FUNCTIONS_HARNESS_MAIN
