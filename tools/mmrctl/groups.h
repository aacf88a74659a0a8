/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU groups: devices that the hardware cannot keep apart, so that a guest gets all
 * of them or none.
 */
#ifndef MMRCTL_GROUPS_H
#define MMRCTL_GROUPS_H

#include "functions.h"

/* What is lost if a member of a group loses its driver */
enum loss {
	LOSS_NONE,
	LOSS_VF,		/* the function itself: the member is its PF */
	LOSS_BELOW,		/* the function itself: it is below the member */
	LOSS_OTHER_VFS,		/* the member's own VFs */
};

/**
 * struct member - a device in a group
 * @name: a BDF for PCI functions
 * @driver: empty if none
 * @blocks: its driver uses the device for the host, so VFIO refuses the group
 * @loss: what is lost with that driver, if the member blocks
 */
struct member {
	char name[NAME_LENGTH];
	char driver[NAME_LENGTH];
	bool blocks;
	enum loss loss;
};

/**
 * struct members - the devices in a group
 * @list: the devices, in the order of their names
 * @count: of them
 * @complete: false if only root can see them
 */
struct members {
	struct member *list;
	size_t count;
	bool complete;
};

/**
 * group_members - the devices in a function's group
 * @members: where to store them; none if there is no group
 * @function: the function, which is one of them
 */
void group_members(struct members *members, const struct function *function);
void group_release(struct members *members);

/* "0000:3a:02.0, which the host uses through igb", and what is lost with that driver */
void describe_blocker(const struct member *member, char *text, size_t size);
/* The remedy, without a command that would take the function away */
void describe_way_out(const struct member *member, char *text, size_t size);

/* Whether a driver gives devices to user space */
bool is_vfio_driver(const char *driver);

#endif /* MMRCTL_GROUPS_H */
