/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users of a function: processes through VFIO, the host through the function's
 * driver.
 */
#ifndef MMRCTL_USERS_H
#define MMRCTL_USERS_H

#include "functions.h"

enum user_kind {
	USER_PROCESS,		/* has its IOMMU group, VFIO device or another file open */
	USER_GROUP,		/* IOMMU group of a process that is hidden or has closed its file */
	USER_INTERFACE,		/* network interface that is up, or part of another */
	USER_HIDDEN_INTERFACE,	/* network interface in another network namespace */
	USER_DISK,		/* block device: mounted, swap, or below another */
	USER_MOUNT_TAG,		/* 9P file system that is mounted */
	USER_CONSOLE,		/* console of the kernel */
	USER_VFS,		/* a PF's VFs, which are lost with its driver */
};

/**
 * struct user - one user of a function
 * @kind: its kind
 * @pid: of a process
 * @name: of the process, interface, disk or console; the mount tag; of the virtio device if
 *	the interface is hidden; for VFs how many
 * @how: such as "mounted on /srv"; empty for processes that have the function itself
 */
struct user {
	enum user_kind kind;
	int pid;
	char name[NAME_LENGTH];
	char how[160];
};

/**
 * struct users - all of a function's users
 * @list: the users
 * @count: of them
 * @complete: false if there may be others that only root can see, or only outside of a container
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
/*
 * The same before the function is taken from its driver. Claims disks and IOMMU groups for a
 * moment, to see uses that neither sysfs nor a process shows; a mount at that moment would fail.
 */
void users_find_thoroughly(struct users *users, const struct function *function);
void users_release(struct users *users);

/* Processes and mounts are looked for once; look again at the next users_find() */
void users_forget(void);
/*
 * The same if the last look was a second ago or longer. For use between changes of many
 * functions: each has its users of that moment, and not each costs a look at all processes.
 */
void users_forget_old(void);

/* Room for what describe_user() writes */
#define USER_TEXT_SIZE	256

/* "qemu-system-x86 (1234)" */
void describe_user(const struct user *user, char *text, size_t size);
json_t *users_json(const struct users *users);

#endif /* MMRCTL_USERS_H */
