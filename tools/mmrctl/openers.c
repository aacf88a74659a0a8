// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "openers.h"
#include "paths.h"

static struct openers openers;
static bool known;

/* Of the first namespace of processes (PROC_PID_INIT_INO of the kernel's linux/proc_ns.h) */
#define FIRST_NAMESPACE	"pid:[4026531836]"

/* A group without an IOMMU has another name */
static int group_of(const char *file)
{
	unsigned int group;
	char rest;

	return sscanf(file, "vfio/%8u%c", &group, &rest) == 1 ||
	       sscanf(file, "vfio/noiommu-%8u%c", &group, &rest) == 1 ? (int)group : -1;
}

/*
 * A file in a container may have another name there, and the same device. Other files are of no
 * interest, and may be on a server that does not answer: it must not be asked. False for them, and
 * an empty number if that is unknown. Recordings have no devices.
 */
static bool find_number(int folder, const char *fd, char *number, size_t size)
{
	struct statx status;

	number[0] = '\0';
	if (paths_are_recorded() ||
	    statx(folder, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &status))
		return true;
	if (!S_ISCHR(status.stx_mode) && !S_ISBLK(status.stx_mode))
		return false;
	snprintf(number, size, "%c%u:%u", S_ISBLK(status.stx_mode) ? 'b' : 'c',
		 status.stx_rdev_major, status.stx_rdev_minor);
	return true;
}

static void add_opener(int pid, const char *file, const char *number)
{
	struct path path = root_path("proc/%d/comm", pid);
	struct opener *opener;

	openers.list = reallocarray(openers.list, openers.count + 1, sizeof(*openers.list));
	if (!openers.list)
		errx(STATUS_FAILED, "out of memory");
	opener = &openers.list[openers.count++];
	*opener = (struct opener){ .pid = pid, .group = group_of(file) };
	snprintf(opener->file, sizeof(opener->file), "%.*s", NAME_LENGTH - 1, file);
	strcpy(opener->number, number);
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

/* What is below the last folder /dev in @target, which may be in another root; NULL if nothing */
static char *file_of(char *target)
{
	static const char folder[] = "/dev/", end[] = " (deleted)";
	char *found, *file = NULL;

	for (found = target; (found = strstr(found, folder)); found++)
		file = found + strlen(folder);
	if (file && strlen(file) > strlen(end) &&
	    !strcmp(file + strlen(file) - strlen(end), end))
		file[strlen(file) - strlen(end)] = '\0';
	return file;
}

static void look_at_process(int pid)
{
	struct path path = root_path("proc/%d/fd", pid);
	struct dirent *entry;
	DIR *folder;

	folder = open_folder(path.text);
	/* Else it may have ended meanwhile */
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		char target[PATH_MAX], number[NUMBER_SIZE], *file;

		if (!link_target(dirfd(folder), entry->d_name, target, sizeof(target)))
			continue;
		file = file_of(target);
		if (file && !is_common(file) &&
		    find_number(dirfd(folder), entry->d_name, number, sizeof(number)))
			add_opener(pid, file, number);
	}
	closedir(folder);
}

/* True in a container, which does not see the processes of the host, and with /proc of one */
static bool is_in_a_namespace(void)
{
	char target[64];

	return !paths_are_recorded() &&
	       (!link_target(AT_FDCWD, "/proc/self/ns/pid", target, sizeof(target)) ||
		strcmp(target, FIRST_NAMESPACE));
}

const struct openers *openers_find(void)
{
	struct path path = root_path("proc"), first = root_path("proc/1");
	/* A process of another root may well have the same number */
	int own = paths_have_root() ? 0 : getpid();
	struct dirent *entry;
	DIR *folder;

	if (known)
		return &openers;
	known = true;
	paths_forget_denials();
	/* hidepid can hide the processes of other users; the first process always exists */
	openers.complete = path_exists(&first) && (paths_have_root() || !is_in_a_namespace());
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

bool is_opener_of(const struct opener *opener, const char *file, const char *number)
{
	return *number && *opener->number ? !strcmp(opener->number, number) :
					    !strcmp(opener->file, file);
}

void openers_forget(void)
{
	free(openers.list);
	openers = (struct openers){};
	known = false;
}
