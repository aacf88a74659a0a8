// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another part of the kernel has claimed a memory BAR of a function, so the driver must not touch
 * it. Without the BAR of the registers or of the doorbells, the function cannot be opened. Without
 * another one, only what needs that BAR is refused. Once the BAR is free, all of it works.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/modern.h"
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
	struct modern modern;

	session_attach(&self->session);
	ASSERT_TRUE(modern_find(&modern, &self->session.device));
	session_detach(&self->session);
	ASSERT_NE(modern.notify.bar, self->window.bar);
	is_not_opened(_metadata, &self->session, modern.notify.bar);
}

/* The BAR of the MSI-X table, whose last bytes are free */
TEST_F(claimed_bar, of_an_ioeventfd)
{
	struct vfio_device *device = &self->session.device;
	int fd = eventfd(0, EFD_CLOEXEC);
	unsigned int at, bar;
	uint64_t last;

	ASSERT_GE(fd, 0);
	session_attach(&self->session);
	at = vfio_capability(device, PCI_CAP_ID_MSIX);
	ASSERT_NE(at, 0);
	bar = vfio_config_read(device, at + PCI_MSIX_TABLE, 4) & PCI_MSIX_TABLE_BIR;
	session_detach(&self->session);
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
