// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PF that has an interrupt pin could raise INTx by itself. The INTx that its user sees comes
 * from MSI-X, as for a VF, so no handler exists for the pin, and the PF must not raise it.
 * COMMAND's INTx Disable stays set while the function is open, regardless of the actions of the
 * user and the host.
 */
#include <stdlib.h>

#include "kselftest_harness.h"

#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/report.h"
#include "lib/session.h"

FIXTURE(intx)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
};

FIXTURE_SETUP(intx)
{
	const char *bdf = functions_find("rng", 0);
	uint8_t config[SYSFS_CONFIG_SIZE];

	if (!bdf)
		SKIP(return, "no rng function given");
	sysfs_config(bdf, config);
	if (!config[PCI_INTERRUPT_PIN])
		SKIP(return, "%s has no interrupt pin", bdf);
	self->device = session_open(&self->session, bdf);
	vfio_command(self->device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
}

FIXTURE_TEARDOWN(intx)
{
	EXPECT_TRUE(session_close(&self->session));
}

static bool is_disabled(const struct vfio_device *device, const char *when)
{
	if (intx_physical(device, PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE)
		return true;
	report("%s: INTx is enabled %s", device->bdf, when);
	return false;
}

#define EXPECT_DISABLED(when) EXPECT_TRUE(is_disabled(self->device, when))

/* The user's INTx is on and off, with interrupts, and the pin has no part in it */
TEST_F(intx, is_not_the_users)
{
	struct vfio_device *device = self->device;
	int fd = vfio_eventfd();
	unsigned int i;

	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_PIN, 1), 1);
	EXPECT_EQ(vfio_irqs(device, VFIO_PCI_INTX_IRQ_INDEX), 1);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(intx_trigger(device, fd), 0);
		EXPECT_DISABLED("with the user's INTx on");
		entropy_start(&self->entropy, device, IOVA_BASE);
		EXPECT_DISABLED("with a queue");
		ASSERT_TRUE(entropy_works(&self->entropy));
		ASSERT_EQ(vfio_eventfd_wait(fd, LEGACY_TIMEOUT), 1);
		EXPECT_DISABLED("with an interrupt pending");
		vfio_command(device, PCI_COMMAND_INTX_DISABLE, 0);
		EXPECT_DISABLED("by the user");
		vfio_command(device, 0, PCI_COMMAND_INTX_DISABLE);
		EXPECT_DISABLED("after the user's write");
		EXPECT_EQ(intx_off(device), 0);
		EXPECT_DISABLED("after the user's INTx");
		ASSERT_TRUE(entropy_works(&self->entropy));
		EXPECT_DISABLED("after that, with an interrupt pending");
		entropy_stop(&self->entropy);
	}
	/* Until the next user comes as well */
	ASSERT_EQ(intx_trigger(device, fd), 0);
	entropy_start(&self->entropy, device, IOVA_BASE);
	ASSERT_TRUE(entropy_works(&self->entropy));
	session_detach(&self->session);
	iova_unmap(&self->entropy.area);
	session_attach(&self->session);
	EXPECT_DISABLED("for the next user");
	close(fd);
}

TEST_F(intx, stays_disabled)
{
	struct vfio_device *device = self->device;
	unsigned int at;

	EXPECT_DISABLED("at open");
	vfio_command(device, PCI_COMMAND_INTX_DISABLE, 0);
	EXPECT_DISABLED("where the user has disabled it");
	vfio_command(device, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_DISABLED("by a write to COMMAND");
	vfio_config_write(device, PCI_COMMAND + 1, 1, 0);
	EXPECT_DISABLED("by a write of one byte");

	/* The kernel disables INTx for MSI-X, and enables it again afterwards */
	if (vfio_msix_vectors(device)) {
		vfio_msix_enable(device, 1);
		EXPECT_DISABLED("with MSI-X");
		vfio_msix_disable(device);
		EXPECT_DISABLED("after MSI-X");
	}

	ASSERT_EQ(vfio_reset(device), 0);
	EXPECT_DISABLED("after VFIO_DEVICE_RESET");
	at = vfio_capability(device, PCI_CAP_ID_EXP);
	ASSERT_NE(at, 0);
	/* Without effect if there is no such reset */
	vfio_config_write(device, at + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_DISABLED("after a reset by config space");
	ASSERT_EQ(sysfs_reset(device->bdf), 0);
	EXPECT_DISABLED("after a reset by the host");

	if (!vfio_capability(device, PCI_CAP_ID_PM))
		return;
	intx_set_power(device, INTX_D3HOT);
	intx_set_power(device, INTX_D0);
	EXPECT_DISABLED("after D3hot");
}

/*
 * INTx Disable that is set between two users is not the next guest's. The second round puts the
 * parameter of vfio-pci-core back, which outlives vfio-pci
 */
TEST_F(intx, is_not_disabled_for_the_next_user)
{
	struct vfio_device *device = self->device;
	int fd = vfio_eventfd();
	unsigned int i, user;

	for (i = 0; i < 2; i++) {
		if (system("modprobe -q -r vfio-pci"))
			SKIP(return, "vfio-pci is in use");
		EXPECT_EQ(system(i ? "modprobe vfio-pci nointxmask=0" :
				     "modprobe vfio-pci nointxmask=1"), 0);
		for (user = 0; user < 2; user++) {
			session_detach(&self->session);
			session_attach(&self->session);
			EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) &
				  PCI_COMMAND_INTX_DISABLE, 0);
			EXPECT_DISABLED("for another user");
			vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
			EXPECT_EQ(intx_trigger(device, fd), 0);
			entropy_start(&self->entropy, device, IOVA_BASE);
			EXPECT_TRUE(entropy_works(&self->entropy));
			EXPECT_EQ(intx_handle(device, fd, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
			EXPECT_EQ(intx_off(device), 0);
			entropy_stop(&self->entropy);
		}
	}
	EXPECT_EQ(system("modprobe -q -r vfio-pci"), 0);
	close(fd);
}

/* The device has a pending interrupt all the time, and must not raise it */
TEST_F(intx, is_not_raised)
{
	struct vfio_device *device = self->device;

	entropy_start(&self->entropy, device, IOVA_BASE);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_NE(intx_physical(device, PCI_STATUS) & PCI_STATUS_INTERRUPT, 0) {
		TH_LOG("the device wants no interrupt, so this proves nothing");
	}
	EXPECT_DISABLED("with an interrupt pending");
	vfio_command(device, 0, PCI_COMMAND_INTX_DISABLE);
	EXPECT_DISABLED("by the user, with an interrupt pending");
	if (vfio_msix_vectors(device)) {
		vfio_msix_enable(device, 1);
		vfio_msix_disable(device);
		EXPECT_DISABLED("after MSI-X, with an interrupt pending");
	}
	/* Time for the kernel to report interrupts without a handler */
	usleep(500000);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 1);
	EXPECT_EQ(intx_physical(device, PCI_STATUS) & PCI_STATUS_INTERRUPT, 0);
	EXPECT_TRUE(entropy_works(&self->entropy));
	entropy_stop(&self->entropy);
}

FUNCTIONS_HARNESS_MAIN
