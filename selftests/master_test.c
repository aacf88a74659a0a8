// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that never set bus mastering. The host's driver sets it for them when the device is
 * live: at the first queue address and at DRIVER_OK. A guest that clears it afterwards is left
 * alone, until it resets the device and makes it live again.
 */
#include "kselftest_harness.h"

#include "lib/disk.h"
#include "lib/entropy.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/session.h"

#define SHORT		300 /* ms; for what must not happen */
#define AREA_SIZE	(1 << 18)

FIXTURE(master)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
};

FIXTURE_VARIANT(master)
{
	/* Writes to device status, ended by 0xff: before the queue, and after it */
	uint8_t before[4], after[4];
	/* Some devices work without DRIVER_OK, and others do not, as this one */
	bool never_ok;
};

#define END 0xff

FIXTURE_VARIANT_ADD(master, one_by_one) {
	.before = { 0, 1, 3, END }, .after = { 7, END },
};

FIXTURE_VARIANT_ADD(master, each_alone) {
	.before = { 0, 1, 2, END }, .after = { 4, END },
};

FIXTURE_VARIANT_ADD(master, at_once) {
	.before = { END }, .after = { 7, END },
};

FIXTURE_VARIANT_ADD(master, driver_ok_alone) {
	.before = { 0, END }, .after = { 4, END },
};

FIXTURE_VARIANT_ADD(master, never_ok) {
	.before = { 0, 1, 3, END }, .after = { END }, .never_ok = true,
};

FIXTURE_VARIANT_ADD(master, ok_before_the_queue) {
	.before = { 0, 1, 3, 7 }, .after = { END },
};

FIXTURE_SETUP(master)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	self->entropy.device = self->device;
	iova_map(&self->entropy.area, &self->session.container, IOVA_BASE, AREA_SIZE);
	legacy_reset(self->device);
}

FIXTURE_TEARDOWN(master)
{
	entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

static bool guest_has_it(struct vfio_device *device)
{
	return vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;
}

static bool is_set(struct vfio_device *device)
{
	bool guest = guest_has_it(device), function = intx_master_is_on(device);

	if (guest != function)
		fprintf(stderr, "# COMMAND.MASTER: guest %u, function %u\n", guest, function);
	return guest && function;
}

static bool is_clear(struct vfio_device *device)
{
	return !guest_has_it(device) && !intx_master_is_on(device);
}

static void write_statuses(struct vfio_device *device, const uint8_t statuses[4])
{
	unsigned int i;

	for (i = 0; i < 4 && statuses[i] != END; i++)
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, statuses[i]);
}

static void set_up_queue(struct entropy *entropy)
{
	memset(entropy->area.memory, 0, entropy->area.size);
	entropy->area.used = 0;
	legacy_queue_start(&entropy->queue, entropy->device, 0, &entropy->area, LEGACY_NO_VECTOR);
	entropy->buffer = iova_take(&entropy->area, 4096, 4096);
}

/* A request is served */
#define ASSERT_WORKS() do {							\
	if (!variant->never_ok)							\
		ASSERT_TRUE(entropy_works(&self->entropy));			\
} while (0)

TEST_F(master, is_set_for_the_guest)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		vfio_command(device, 0, PCI_COMMAND_MASTER);
		legacy_reset(device);
		EXPECT_TRUE(is_clear(device));
		legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4);
		write_statuses(device, variant->before);
		set_up_queue(&self->entropy);
		EXPECT_TRUE(is_set(device)) {
			TH_LOG("after the queue's address");
		}
		write_statuses(device, variant->after);
		EXPECT_TRUE(is_set(device));
		ASSERT_WORKS();
		ASSERT_WORKS();
	}
}

/* Cleared by the guest: no DMA any more, whatever it writes, until it starts again */
TEST_F(master, stays_clear)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	write_statuses(device, variant->before);
	set_up_queue(&self->entropy);
	write_statuses(device, variant->after);
	ASSERT_WORKS();

	/* By a word, or by one byte */
	vfio_command(device, 0, PCI_COMMAND_MASTER);
	EXPECT_TRUE(is_clear(device));
	vfio_command(device, PCI_COMMAND_MASTER, 0);
	EXPECT_TRUE(is_set(device));
	vfio_config_write(device, PCI_COMMAND, 1, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	EXPECT_TRUE(is_clear(device));
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	if (!variant->never_ok) {
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 7);
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 4);
	}
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, self->entropy.queue.iova >> 12);
	EXPECT_TRUE(is_clear(device));
	memset(self->entropy.buffer, 0x5a, ENTROPY_BYTES);
	EXPECT_EQ(entropy_fetch(&self->entropy,
				iova_of(&self->entropy.area, self->entropy.buffer), SHORT), 0);
	for (i = 0; i < ENTROPY_BYTES; i++)
		ASSERT_EQ(self->entropy.buffer[i], 0x5a);
	EXPECT_TRUE(is_clear(device));

	legacy_reset(device);
	EXPECT_TRUE(is_clear(device));
	write_statuses(device, variant->before);
	set_up_queue(&self->entropy);
	write_statuses(device, variant->after);
	EXPECT_TRUE(is_set(device));
	ASSERT_WORKS();
}

/* Nothing short of a live device sets it */
TEST_F(master, not_before_the_device_is_live)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	legacy_queues(device);
	for (i = 0; i < 4; i++)
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, i);
	legacy_write(device, VIRTIO_MMR_DRIVER_FEATURES, 4, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, 0);
	/* FAILED says that the driver has given up */
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0x83);
	EXPECT_TRUE(is_clear(device));
	/* A guest whose accesses do not arrive starts nothing */
	vfio_command(device, 0, PCI_COMMAND_IO);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS, 4, IOVA_BASE >> 12);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 7);
	EXPECT_TRUE(is_clear(device));
	vfio_command(device, PCI_COMMAND_IO, 0);
	legacy_reset(device);
	EXPECT_TRUE(is_clear(device));

	/* DRIVER_OK without a queue is live. So is a part of an address */
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 4);
	EXPECT_TRUE(is_set(device));
	vfio_command(device, 0, PCI_COMMAND_MASTER);
	legacy_reset(device);
	legacy_write(device, VIRTIO_MMR_QUEUE_ADDRESS + 2, 2, 1);
	EXPECT_TRUE(is_set(device));
	legacy_reset(device);
	/* A reset of the device leaves COMMAND alone */
	EXPECT_TRUE(is_set(device));
}

/* Resets of the function and the close take the bit away, or leave it, as for any function */
TEST_F(master, over_resets_of_the_function)
{
	struct vfio_device *device = self->device;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		write_statuses(device, variant->before);
		set_up_queue(&self->entropy);
		write_statuses(device, variant->after);
		EXPECT_TRUE(is_set(device));
		ASSERT_WORKS();
		switch (i) {
		case 0:
			ASSERT_EQ(vfio_reset(device), 0);
			break;
		case 1:
			ASSERT_EQ(sysfs_reset(device->bdf), 0);
			break;
		case 2:
			session_detach(&self->session);
			iova_unmap(&self->entropy.area);
			session_attach(&self->session);
			EXPECT_FALSE(guest_has_it(device));
			iova_map(&self->entropy.area, &self->session.container, IOVA_BASE,
				 AREA_SIZE);
			break;
		}
		/* The guest and the function agree at any rate */
		EXPECT_EQ(guest_has_it(device), intx_master_is_on(device));
		vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER);
		EXPECT_TRUE(is_clear(device));
	}
	/* The reset by the function made it new as well: no write of 0 is needed */
	set_up_queue(&self->entropy);
	EXPECT_TRUE(is_set(device));
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 7);
	ASSERT_TRUE(entropy_works(&self->entropy));
}

/* --- Network and disks, by drivers that leave COMMAND alone ------------------------------- */

FIXTURE(traffic)
{
	struct session session;
	struct vfio_device *device;
};

FIXTURE_SETUP(traffic)
{
}

FIXTURE_TEARDOWN(traffic)
{
	EXPECT_TRUE(session_close(&self->session));
}

/* MASTER is clear from the open on, and the driver of the test does not set it */
static struct vfio_device *open_without_master(struct session *session, const char *bdf)
{
	struct vfio_device *device = session_open(session, bdf);

	device->sets_no_master = true;
	vfio_command(device, PCI_COMMAND_IO, 0);
	return device;
}

TEST_F(traffic, net)
{
	static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct ethernet ethernet;
	struct vfio_device *device;
	unsigned int i;
	const char *bdf = functions_find("net", 0);

	if (!bdf)
		SKIP(session_begin(&self->session, functions_find(NULL, 0)); return,
		     "no net function given");
	device = open_without_master(&self->session, bdf);
	if (!ethernet_has_mac(device))
		SKIP(return, "the function has no MAC address, or none in its window");
	EXPECT_FALSE(guest_has_it(device));
	ethernet_start(&ethernet, device, IOVA_BASE);
	EXPECT_TRUE(is_set(device));
	for (i = 0; i < 20; i++)
		ASSERT_TRUE(ethernet_send(&ethernet, frame, sizeof(frame)));
	ethernet_stop(&ethernet);
}

TEST_F(traffic, blk)
{
	struct vfio_device *device;
	struct disk disk;
	unsigned int i;
	const char *bdf = functions_find("blk", 0);

	if (!bdf)
		SKIP(session_begin(&self->session, functions_find(NULL, 0)); return,
		     "no blk function given");
	device = open_without_master(&self->session, bdf);
	EXPECT_FALSE(guest_has_it(device));
	disk_start(&disk, device, IOVA_BASE);
	EXPECT_TRUE(is_set(device));
	for (i = 0; i < 20; i++) {
		memset(disk.data, i, DISK_SECTOR);
		ASSERT_EQ(disk_write(&disk, i, DISK_SECTOR), DISK_OK);
		memset(disk.data, 0xee, DISK_SECTOR);
		ASSERT_EQ(disk_read(&disk, i, DISK_SECTOR), DISK_OK);
		ASSERT_EQ(disk.data[0], i);
		ASSERT_EQ(disk.data[DISK_SECTOR - 1], i);
	}
	disk_stop(&disk);
}

FUNCTIONS_HARNESS_MAIN
