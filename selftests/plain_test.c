// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with an MMR function's device ID and no MMR capability. The driver serves it as
 * vfio-pci would, and replaces or hides no part of it.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include <linux/virtio_mmr.h>

#include "lib/functions.h"
#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/session.h"

FIXTURE(plain)
{
	const char *bdf;
	struct session session;
	struct vfio_device *device;
	uint8_t config[SYSFS_CONFIG_SIZE];
	struct sysfs_bar bars[SYSFS_NUM_BARS];
};

FIXTURE_SETUP(plain)
{
	struct mmr_window window;

	self->bdf = functions_find(NULL, 0);
	ASSERT_NE(self->bdf, NULL);
	if (sysfs_window(self->bdf, &window))
		SKIP(return, "%s has an MMR capability", self->bdf);
	sysfs_config(self->bdf, self->config);
	sysfs_bars(self->bdf, self->bars);
	self->device = session_open(&self->session, self->bdf);
	vfio_command(self->device, PCI_COMMAND_MEMORY, 0);
}

FIXTURE_TEARDOWN(plain)
{
	EXPECT_TRUE(session_close(&self->session));
}

/* IDs, revision and class, and the places in the capabilities */
TEST_F(plain, configuration_is_the_functions)
{
	struct vfio_device *device = self->device;
	unsigned int at, steps;

	EXPECT_EQ(vfio_config_read(device, PCI_VENDOR_ID, 2), VIRTIO_MMR_VENDOR_ID);
	EXPECT_EQ(vfio_config_read(device, PCI_DEVICE_ID, 2),
		  sysfs_number(self->bdf, "device"));
	EXPECT_EQ(vfio_config_read(device, PCI_CLASS_REVISION, 4),
		  self->config[8] | self->config[9] << 8 | self->config[10] << 16 |
		  (uint32_t)self->config[11] << 24);
	EXPECT_EQ(vfio_config_read(device, PCI_SUBSYSTEM_VENDOR_ID, 2),
		  self->config[0x2c] | self->config[0x2d] << 8);
	EXPECT_EQ(vfio_config_read(device, PCI_SUBSYSTEM_ID, 2),
		  self->config[0x2e] | self->config[0x2f] << 8);

	at = vfio_config_read(device, PCI_CAPABILITY_LIST, 1);
	for (steps = 0; at && steps < 48; steps++) {
		unsigned int byte;

		if (vfio_config_read(device, at, 1) == PCI_CAP_ID_VNDR ||
		    vfio_config_read(device, at, 1) == PCI_CAP_ID_MSIX) {
			for (byte = 0; byte < 12; byte++)
				EXPECT_EQ(vfio_config_read(device, at + byte, 1),
					  self->config[at + byte]);
		}
		at = vfio_config_read(device, at + PCI_CAP_LIST_NEXT, 1);
	}
	EXPECT_GT(steps, 0);
}

/* Each region is the BAR of its number, with the offset that vfio-pci gives it */
TEST_F(plain, regions_are_the_bars)
{
	unsigned int bar, count = 0;

	for (bar = 0; bar < SYSFS_NUM_BARS; bar++) {
		const struct vfio_region_info *region = &self->device->regions[bar];

		EXPECT_EQ(region->size, self->bars[bar].size);
		EXPECT_EQ(region->offset, (uint64_t)bar << 40);
		count += region->size != 0;
	}
	EXPECT_GT(count, 0);
}

/* The function's own memory BAR 0, read and mapped */
TEST_F(plain, bar0_is_the_functions)
{
	struct vfio_device *device = self->device;
	const struct vfio_region_info *region = &device->regions[0];
	uint32_t features = 0, mapped, type;
	struct qmp qmp;
	uint64_t reads;
	uint8_t value = 1;
	void *bar;

	if (!self->bars[0].size)
		SKIP(return, "it has no BAR 0");
	type = vfio_config_read(device, PCI_BASE_ADDRESS_0, 4);
	EXPECT_EQ(type & PCI_BASE_ADDRESS_SPACE, PCI_BASE_ADDRESS_SPACE_MEMORY);
	EXPECT_EQ(region->flags & VFIO_REGION_INFO_FLAG_MMAP, VFIO_REGION_INFO_FLAG_MMAP);

	/* Sizing by the guest gives the BAR's size */
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, 0xffffffff);
	EXPECT_EQ(~(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4) & ~0xfu) + 1,
		  self->bars[0].size);
	vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, type);

	if (!qmp_open(&qmp, self->bdf))
		SKIP(return, "needs QEMU's counters of the device's accesses (tools/vm/run)");
	/* The emulated device still has its legacy registers there */
	reads = qmp_counter(&qmp, "mmr-reads");
	ASSERT_EQ(vfio_read(device, 0, VIRTIO_MMR_DEVICE_FEATURES, &features, 4), 4);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), reads + 1);
	EXPECT_NE(features, 0);
	EXPECT_NE(features, 0xffffffff);
	bar = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
		   region->offset);
	ASSERT_NE(bar, MAP_FAILED);
	memcpy(&mapped, bar + VIRTIO_MMR_DEVICE_FEATURES, sizeof(mapped));
	EXPECT_EQ(mapped, features);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), reads + 2);
	/* Without the semantics of a port: a write of status causes no read */
	ASSERT_EQ(vfio_write(device, 0, VIRTIO_MMR_DEVICE_STATUS, &value, 1), 1);
	EXPECT_EQ(qmp_counter(&qmp, "mmr-reads"), reads + 2);
	value = 0;
	ASSERT_EQ(vfio_read(device, 0, VIRTIO_MMR_DEVICE_STATUS, &value, 1), 1);
	EXPECT_EQ(value, 1);
	munmap(bar, region->size);
	qmp_close(&qmp);
}

/* MSI-X, an eventfd in a memory BAR, resets by the user and by the host */
TEST_F(plain, works_as_with_vfio_pci)
{
	struct vfio_device *device = self->device;
	int fd = eventfd(0, EFD_CLOEXEC);
	unsigned int bar;

	vfio_msix_enable(device, 1);
	vfio_msix_disable(device);
	ASSERT_EQ(vfio_reset(device), 0);
	ASSERT_EQ(sysfs_reset(self->bdf), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_DEVICE_ID, 2),
		  sysfs_number(self->bdf, "device"));

	for (bar = SYSFS_NUM_BARS - 1; !self->bars[bar].size; bar--)
		;
	/* At a place without a meaning for the device */
	ASSERT_GE(fd, 0);
	EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_16, device->regions[bar].offset +
				 device->regions[bar].size - 2, 0, fd), 0);
	close(fd);
}

#define FEATURES	32 /* more than Linux has */

static void probe_features(struct vfio_device *device, int answers[2 * FEATURES])
{
	unsigned int i;

	for (i = 0; i < FEATURES; i++) {
		answers[2 * i] = vfio_feature(device, VFIO_DEVICE_FEATURE_PROBE |
						      VFIO_DEVICE_FEATURE_GET | i);
		answers[2 * i + 1] = vfio_feature(device, VFIO_DEVICE_FEATURE_PROBE |
							  VFIO_DEVICE_FEATURE_SET | i);
	}
}

/* A VF token, runtime power management, DMA-BUFs of BARs: what the kernel's vfio-pci has */
TEST_F(plain, features_are_those_of_vfio_pci)
{
	int ours[2 * FEATURES], theirs[2 * FEATURES];
	unsigned int i, there = 0;
	int ret;

	ASSERT_EQ(system("modprobe -q vfio-pci"), 0);
	probe_features(self->device, ours);
	session_detach(&self->session);
	ASSERT_EQ(sysfs_bind(self->bdf, "vfio-pci"), 0);
	ret = session_try_attach(&self->session);
	if (!ret)
		probe_features(self->device, theirs);
	session_detach(&self->session);
	ASSERT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	session_attach(&self->session);
	ASSERT_EQ(ret, 0);
	for (i = 0; i < 2 * FEATURES; i++) {
		there += !theirs[i];
		EXPECT_EQ(ours[i], theirs[i])
			TH_LOG("feature %u, %s", i / 2, i % 2 ? "set" : "get");
	}
	EXPECT_GT(there, 0);
}

/* The events that this driver counts do not happen here */
TEST_F(plain, has_no_counters)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/" SYSFS_COUNTERS, self->bdf);
	EXPECT_EQ(stat(path, &status), -1);
	EXPECT_EQ(errno, ENOENT);
}

FUNCTIONS_HARNESS_MAIN
