/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU groups: what the hardware can keep apart, and therefore what can only be
 * given away as a whole.
 */
#ifndef MMRCTL_GROUPS_H
#define MMRCTL_GROUPS_H

#include "functions.h"

/**
 * struct member - a device in a group
 * @name: a BDF for PCI functions
 * @driver: empty if none
 * @blocks: its driver uses the device for the host, so VFIO refuses the group
 */
struct member {
	char name[NAME_LENGTH];
	char driver[NAME_LENGTH];
	bool blocks;
};

struct members {
	struct member *list;
	size_t count;
};

/* The devices in a group, in the order of their names; none if there is no such group */
void group_members(struct members *members, int group);
void group_release(struct members *members);

/* Whether a driver gives devices to user space */
bool is_vfio_driver(const char *driver);

#endif /* MMRCTL_GROUPS_H */
