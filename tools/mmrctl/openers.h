/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that have files in /dev open.
 */
#ifndef MMRCTL_OPENERS_H
#define MMRCTL_OPENERS_H

#include "functions.h"

/**
 * struct opener - a process and one of its open files
 * @pid: of the process
 * @name: of the process
 * @file: below /dev
 * @group: the IOMMU group whose file it is, as vfio/12 is that of 12; -1 for others
 */
struct opener {
	int pid;
	char name[NAME_LENGTH];
	char file[NAME_LENGTH];
	int group;
};

/**
 * struct openers - all of them
 * @list: a process is in it as often as it has such a file open
 * @count: of them
 * @complete: false if only root can see all processes
 */
struct openers {
	struct opener *list;
	size_t count;
	bool complete;
};

/* Looks for them once, and again after openers_forget() */
const struct openers *openers_find(void);
void openers_forget(void);

#endif /* MMRCTL_OPENERS_H */
