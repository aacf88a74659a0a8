/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that have files in /dev open.
 */
#ifndef MMRCTL_OPENERS_H
#define MMRCTL_OPENERS_H

#include "functions.h"

/* Room for the number of a device */
#define NUMBER_SIZE	24

/**
 * struct opener - a process and one of its open files
 * @pid: of the process
 * @name: of the process
 * @file: below /dev, or below another folder of that name
 * @group: the IOMMU group whose file it is, as vfio/12 is that of 12; -1 for others
 * @number: of the device, as c10:196 or b254:0; empty if unknown
 */
struct opener {
	int pid;
	char name[NAME_LENGTH];
	char file[NAME_LENGTH];
	int group;
	char number[NUMBER_SIZE];
};

/**
 * struct openers - all of them
 * @list: a process is in it as often as it has such a file open
 * @count: of them
 * @complete: false if there may be other processes, or other files of these
 */
struct openers {
	struct opener *list;
	size_t count;
	bool complete;
};

/* Whether it has a device open. The numbers decide if both are known, else the names */
bool is_opener_of(const struct opener *opener, const char *file, const char *number);

/* Looks for them once, and again after openers_forget() */
const struct openers *openers_find(void);
void openers_forget(void);

#endif /* MMRCTL_OPENERS_H */
