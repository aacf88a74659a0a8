/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounted file systems of all mount namespaces that have a process.
 */
#ifndef MMRCTL_MOUNTS_H
#define MMRCTL_MOUNTS_H

#include "functions.h"

/**
 * struct mount - a mounted file system
 * @number: MAJOR:MINOR of its device
 * @where: folder that it is mounted on
 * @type: of the file system
 * @source: what it was mounted from, such as /dev/vda or a 9P mount tag
 * @pid: a process in its mount namespace, 0 if that is mmrctl's own
 */
struct mount {
	char number[24];
	char where[NAME_LENGTH];
	char type[16];
	char source[NAME_LENGTH];
	int pid;
};

/**
 * struct mounts - all of them
 * @list: those of mmrctl's own namespace first
 * @count: of them
 * @complete: false if only root can see all
 */
struct mounts {
	struct mount *list;
	size_t count;
	bool complete;
};

/* Looks for them once, and again after mounts_forget() */
const struct mounts *mounts_find(void);
void mounts_forget(void);

#endif /* MMRCTL_MOUNTS_H */
