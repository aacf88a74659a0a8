// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link above a function fails while the function sleeps. The kernel wakes the function up in
 * the middle of its recovery, with pci_bus_sem held. With lockdep, this shows whether a wakeup
 * needs a lock that is held elsewhere when pci_bus_sem is taken.
 */
#include <poll.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/link.h"
#include "lib/qmp.h"
#include "lib/session.h"

#define SUSPEND_TIMEOUT	5000 /* ms */

FIXTURE(recovery)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
	char pf[SYSFS_BDF_SIZE];
};

FIXTURE_SETUP(recovery)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf || !sysfs_physical_function(bdf, self->pf))
		SKIP(return, "no rng VF given");
	self->device = session_open(&self->session, bdf);
	if (!vfio_has_low_power(self->device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	if (!vfio_capability(self->device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(recovery)
{
	entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(recovery, wakes_a_function)
{
	struct vfio_device *device = self->device;
	struct pollfd woken = { .fd = vfio_eventfd(), .events = POLLIN };
	uint8_t config[SYSFS_CONFIG_SIZE];
	unsigned int waited;

	ASSERT_TRUE(entropy_works(&self->entropy));
	sysfs_config(self->pf, config);
	/* A change of the state takes pci_bus_sem with memory_lock held, vfio-pci-core's own */
	intx_set_power(device, INTX_D3HOT);
	intx_set_power(device, INTX_D0);

	ASSERT_EQ(vfio_low_power_with_wakeup(device, woken.fd), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
	EXPECT_EQ(poll(&woken, 1, 0), 0);
	if (!qmp_break_link(device->bdf))
		SKIP(return, "no monitor that could make a link fail");
	EXPECT_EQ(poll(&woken, 1, LEGACY_TIMEOUT), 1);
	/* The PF's driver takes no part in it */
	for (waited = 0; !dmesg_count(&self->session.log, "recovery failed", NULL); waited++) {
		ASSERT_LT(waited, LEGACY_TIMEOUT / 10);
		usleep(10000);
	}

	link_restore_pf(self->pf, config);
	ASSERT_EQ(vfio_reset(device), 0);
	vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	EXPECT_EQ(legacy_status(device), 0);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
	close(woken.fd);
}

FUNCTIONS_HARNESS_MAIN
