// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "link.h"

static void restore_function(const char *bdf, const uint8_t config[SYSFS_CONFIG_SIZE],
			     unsigned int first, unsigned int end)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (; fd >= 0 && first < end; first += 4)
		if (pwrite(fd, &config[first], 4, first) != 4)
			break;
	close(fd);
}

void link_restore_pf(const char *pf, const uint8_t config[SYSFS_CONFIG_SIZE])
{
	unsigned int at = PCI_CFG_SPACE_SIZE, steps;

	restore_function(pf, config, PCI_BASE_ADDRESS_0, PCI_CARDBUS_CIS);
	restore_function(pf, config, PCI_COMMAND, PCI_COMMAND + 4);
	for (steps = 0; at && steps < 64; steps++) {
		uint32_t header;

		memcpy(&header, &config[at], 4);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_SRIOV) {
			/* Number and BARs of the VFs before they are enabled */
			restore_function(pf, config, at + PCI_SRIOV_NUM_VF,
					 at + PCI_SRIOV_NUM_VF + 4);
			restore_function(pf, config, at + PCI_SRIOV_SYS_PGSIZE,
					 at + PCI_SRIOV_VFM);
			restore_function(pf, config, at + PCI_SRIOV_CTRL, at + PCI_SRIOV_CTRL + 4);
		}
		at = PCI_EXT_CAP_NEXT(header);
	}
}
