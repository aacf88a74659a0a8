// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openers.h"
#include "paths.h"

static struct openers openers;
static bool known;

static int group_of(const char *file)
{
	unsigned int group;
	char rest;

	return sscanf(file, "vfio/%8u%c", &group, &rest) == 1 ? (int)group : -1;
}

static void add_opener(int pid, const char *file)
{
	struct path path = root_path("proc/%d/comm", pid);
	struct opener *opener;

	openers.list = reallocarray(openers.list, openers.count + 1, sizeof(*openers.list));
	if (!openers.list)
		errx(STATUS_FAILED, "out of memory");
	opener = &openers.list[openers.count++];
	*opener = (struct opener){ .pid = pid, .group = group_of(file) };
	snprintf(opener->file, sizeof(opener->file), "%.*s", NAME_LENGTH - 1, file);
	if (!read_line(&path, opener->name, sizeof(opener->name)))
		strcpy(opener->name, "?");
	make_printable(opener->name);
}

/* Files that no function has, and that nearly all processes have open */
static bool is_common(const char *file)
{
	static const char *const names[] = { "null", "zero", "random", "urandom", "tty" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(file, names[i]))
			return true;
	return !strncmp(file, "pts/", 4) || !strncmp(file, "shm/", 4);
}

static void look_at_process(int pid)
{
	static const char prefix[] = "/dev/";
	struct path path = root_path("proc/%d/fd", pid);
	struct dirent *entry;
	DIR *folder;

	folder = open_folder(path.text);
	/* Else it may have ended meanwhile */
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		char target[256];
		ssize_t length;

		length = readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
		if (length <= 0)
			continue;
		target[length] = '\0';
		if (!strncmp(target, prefix, strlen(prefix)) && !is_common(target + strlen(prefix)))
			add_opener(pid, target + strlen(prefix));
	}
	closedir(folder);
}

const struct openers *openers_find(void)
{
	struct path path = root_path("proc"), first = root_path("proc/1");
	/* A process of another root may well have the same number */
	int own = paths_are_recorded() ? 0 : getpid();
	struct dirent *entry;
	DIR *folder;

	if (known)
		return &openers;
	known = true;
	paths_forget_denials();
	/* hidepid can hide the processes of other users; the first process always exists */
	openers.complete = path_exists(&first);
	folder = open_folder(path.text);
	if (!folder) {
		openers.complete = false;
		return &openers;
	}
	while ((entry = readdir(folder)))
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != own)
			look_at_process(atoi(entry->d_name));
	closedir(folder);
	openers.complete &= !paths_denied();
	return &openers;
}

void openers_forget(void)
{
	free(openers.list);
	openers = (struct openers){};
	known = false;
}
