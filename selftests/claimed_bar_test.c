// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another part of the kernel has claimed a memory BAR of a function, so the driver must not touch
 * it. Without the BAR of the registers or of the doorbells, the function cannot be opened. Without
 * another one, only what needs that BAR is refused. Once the BAR is free, all of it works.
 */
#include <linux/virtio_pci.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/module.h"
#include "lib/session.h"
#include "lib/sysfs.h"

/* The module in selftests/modules */
#define CLAIM_BAR	"claim_bar"

FIXTURE(claimed_bar)
{
	const char *bdf;
	struct mmr_window window;
	struct session session;
};

FIXTURE_SETUP(claimed_bar)
{
	self->bdf = functions_find(NULL, 0);
	ASSERT_NE(self->bdf, NULL);
	ASSERT_TRUE(sysfs_window(self->bdf, &self->window));
	session_begin(&self->session, self->bdf);
}

FIXTURE_TEARDOWN(claimed_bar)
{
	EXPECT_TRUE(session_close(&self->session));
}

static const char *parameters(const char *bdf, unsigned int bar)
{
	static char text[64];

	snprintf(text, sizeof(text), "function=%s bar=%u", bdf, bar);
	return text;
}

static bool starts(struct vfio_device *device)
{
	legacy_start(device, 0);
	return legacy_status(device) == (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

/* Place of the next capability with this ID in configuration space, 0 if there is none */
static unsigned int next_capability(const uint8_t *config, unsigned int at, uint8_t id)
{
	at = config[at ? at + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST];
	while (at && config[at] != id)
		at = config[at + PCI_CAP_LIST_NEXT];
	return at;
}

static void is_not_opened(struct __test_metadata *_metadata, struct session *session,
			  unsigned int bar)
{
	MODULE_LOAD(CLAIM_BAR, parameters(session->bdf, bar));
	EXPECT_EQ(session_try_attach(session), -EBUSY);
	EXPECT_EQ(session_try_attach(session), -EBUSY);
	module_unload(CLAIM_BAR);

	session_attach(session);
	/* It is in use now, and not for others */
	EXPECT_EQ(module_load(CLAIM_BAR, parameters(session->bdf, bar)), -EBUSY);
	EXPECT_TRUE(starts(&session->device));
	session_detach(session);
}

TEST_F(claimed_bar, of_the_registers)
{
	is_not_opened(_metadata, &self->session, self->window.bar);
}

TEST_F(claimed_bar, of_the_doorbells)
{
	uint8_t config[SYSFS_CONFIG_SIZE];
	unsigned int at = 0, bar;

	sysfs_config(self->bdf, config);
	do {
		at = next_capability(config, at, PCI_CAP_ID_VNDR);
		ASSERT_NE(at, 0);
	} while (config[at + VIRTIO_PCI_CAP_CFG_TYPE] != VIRTIO_PCI_CAP_NOTIFY_CFG);
	bar = config[at + VIRTIO_PCI_CAP_BAR];
	ASSERT_NE(bar, self->window.bar);
	is_not_opened(_metadata, &self->session, bar);
}

/* The BAR of the MSI-X table, whose last bytes are free */
TEST_F(claimed_bar, of_an_ioeventfd)
{
	struct vfio_device *device = &self->session.device;
	int fd = eventfd(0, EFD_CLOEXEC);
	uint8_t config[SYSFS_CONFIG_SIZE];
	unsigned int at, bar;
	uint64_t last;

	ASSERT_GE(fd, 0);
	sysfs_config(self->bdf, config);
	at = next_capability(config, 0, PCI_CAP_ID_MSIX);
	ASSERT_NE(at, 0);
	bar = config[at + PCI_MSIX_TABLE] & PCI_MSIX_TABLE_BIR;
	ASSERT_NE(bar, self->window.bar);

	MODULE_LOAD(CLAIM_BAR, parameters(self->bdf, bar));
	session_attach(&self->session);
	last = device->regions[bar].offset + device->regions[bar].size - 4;
	EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_32, last, 0, fd), -EBUSY);
	/* The others are as always */
	EXPECT_EQ(legacy_ioeventfd(device, 0, fd), 0);
	EXPECT_TRUE(starts(device));
	session_detach(&self->session);
	module_unload(CLAIM_BAR);

	session_attach(&self->session);
	last = device->regions[bar].offset + device->regions[bar].size - 4;
	EXPECT_EQ(vfio_ioeventfd(device, VFIO_DEVICE_IOEVENTFD_32, last, 0, fd), 0);
	session_detach(&self->session);
	close(fd);
}

FUNCTIONS_HARNESS_MAIN
