// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mounts.h"
#include "paths.h"

static struct mounts mounts;
static bool known;

/* The kernel writes blanks and the like in a field as \ and three octal digits */
static void copy_field(char *text, size_t size, const char *field)
{
	size_t used = 0;

	for (; *field && used + 1 < size; field++) {
		unsigned int octal;

		if (field[0] == '\\' && strlen(field) >= 4 &&
		    sscanf(field + 1, "%3o", &octal) == 1) {
			text[used++] = octal;
			field += 3;
		} else {
			text[used++] = *field;
		}
	}
	text[used] = '\0';
}

static void add_line(char *line, int pid)
{
	char *words[5] = {}, *word, *rest = line;
	struct mount *mount;
	int i;

	for (i = 0; i < 5; i++) {
		words[i] = strtok_r(rest, "\n ", &rest);
		if (!words[i])
			return;
	}
	/* After options and a varying number of other fields */
	do {
		word = strtok_r(rest, "\n ", &rest);
	} while (word && strcmp(word, "-"));

	mounts.list = reallocarray(mounts.list, mounts.count + 1, sizeof(*mounts.list));
	if (!mounts.list)
		errx(STATUS_FAILED, "out of memory");
	mount = &mounts.list[mounts.count++];
	*mount = (struct mount){ .pid = pid };
	copy_field(mount->number, sizeof(mount->number), words[2]);
	copy_field(mount->where, sizeof(mount->where), words[4]);
	word = strtok_r(rest, "\n ", &rest);
	copy_field(mount->type, sizeof(mount->type), word ? word : "");
	word = strtok_r(rest, "\n ", &rest);
	copy_field(mount->source, sizeof(mount->source), word ? word : "");
}

static void read_mounts(const char *process, int pid)
{
	struct path path = root_path("proc/%s/mountinfo", process);
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	path_is_readable(&path);
	file = fopen(path.text, "re");
	while (file && getline(&line, &size, file) > 0)
		add_line(line, pid);
	free(line);
	if (file)
		fclose(file);
}

/* True the first time that it sees a namespace */
static bool is_new(char ***seen, size_t *count, const char *namespace)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if (!strcmp((*seen)[i], namespace))
			return false;
	*seen = reallocarray(*seen, *count + 1, sizeof(**seen));
	if (!*seen)
		errx(STATUS_FAILED, "out of memory");
	(*seen)[*count] = strdup(namespace);
	if (!(*seen)[(*count)++])
		errx(STATUS_FAILED, "out of memory");
	return true;
}

const struct mounts *mounts_find(void)
{
	struct path path = root_path("proc/self/ns/mnt");
	char namespace[NAME_LENGTH], **seen = NULL;
	struct dirent *entry;
	size_t count = 0;
	DIR *folder;

	if (known)
		return &mounts;
	known = true;
	paths_forget_denials();
	read_mounts("self", 0);
	if (link_name(&path, namespace, sizeof(namespace)))
		is_new(&seen, &count, namespace);
	path = root_path("proc");
	folder = open_folder(path.text);
	while (folder && (entry = readdir(folder))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		path = root_path("proc/%s/ns/mnt", entry->d_name);
		if (link_name(&path, namespace, sizeof(namespace)) &&
		    is_new(&seen, &count, namespace))
			read_mounts(entry->d_name, atoi(entry->d_name));
	}
	if (folder)
		closedir(folder);
	while (count)
		free(seen[--count]);
	free(seen);
	mounts.complete = !paths_denied();
	return &mounts;
}

void mounts_forget(void)
{
	free(mounts.list);
	mounts = (struct mounts){};
	known = false;
}
