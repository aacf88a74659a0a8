/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users of a function: processes through VFIO, the host through the function's
 * driver.
 */
#ifndef MMRCTL_USERS_H
#define MMRCTL_USERS_H

#include "functions.h"

enum user_kind {
	USER_PROCESS,		/* has its IOMMU group or its VFIO device open */
	USER_INTERFACE,		/* network interface that is up */
	USER_HIDDEN_INTERFACE,	/* network interface in another network namespace */
	USER_DISK,		/* block device: mounted, swap, or below another */
	USER_VFS,		/* a PF's VFs, which are lost with its driver */
};

/**
 * struct user - one user of a function
 * @kind: its kind
 * @pid: of a process
 * @name: of the process, interface or disk; of the virtio device if the interface is
 *	hidden; for VFs how many
 * @how: of a disk, such as "mounted on /srv"
 */
struct user {
	enum user_kind kind;
	int pid;
	char name[NAME_LENGTH];
	char how[96];
};

/**
 * struct users - all of a function's users
 * @list: the users
 * @count: of them
 * @complete: false if there may be others that only root can see
 */
struct users {
	struct user *list;
	size_t count;
	bool complete;
};

/**
 * users_find - find the present users of a function
 * @users: where to store them
 * @function: the function
 *
 * A process opens a group as a whole, so a process that uses one function of a group is
 * a user of all of them.
 */
void users_find(struct users *users, const struct function *function);
void users_release(struct users *users);

/* Processes are looked for once; look again at the next users_find() */
void users_forget(void);

/* "qemu-system-x86 (1234)" */
void describe_user(const struct user *user, char *text, size_t size);
json_t *users_json(const struct users *users);

#endif /* MMRCTL_USERS_H */
