/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capability lists of a function. All of it comes from the device: positions
 * are bounded and a list that loops ends.
 */
#ifndef MMRCTL_CONFIG_SPACE_H
#define MMRCTL_CONFIG_SPACE_H

#include "functions.h"

/* Both have types of these names; the driver's are the ones in use here */
#define PCI_HAVE_Uxx_TYPES
#include <pci/pci.h>

enum config_room {
	CONFIG_RESTRICTED,	/* the kernel shows the first 64 bytes only */
	CONFIG_CONVENTIONAL,	/* 256 bytes */
	CONFIG_EXTENDED,	/* 4096 bytes */
};

/**
 * config_space_load - read and decode the capabilities of a function
 * @function: its BARs are known; capabilities, structures and MSI-X are
 *	filled in
 * @dev: the same function
 *
 * Return: how much of the configuration space could be read.
 */
enum config_room config_space_load(struct function *function, struct pci_dev *dev);

#endif /* MMRCTL_CONFIG_SPACE_H */
