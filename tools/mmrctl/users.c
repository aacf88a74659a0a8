// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"
#include "openers.h"
#include "paths.h"
#include "users.h"

/* Deeper than any disk lies below its PCI function */
#define DEPTH_MAX	8

/* --- uses by the host ------------------------------------------------- */

static struct user *add(struct users *users, enum user_kind kind, const char *name)
{
	struct user *user;

	users->list = reallocarray(users->list, users->count + 1, sizeof(*users->list));
	if (!users->list)
		errx(STATUS_FAILED, "out of memory");
	user = &users->list[users->count++];
	*user = (struct user){ .kind = kind };
	snprintf(user->name, sizeof(user->name), "%.*s", NAME_LENGTH - 1, name);
	make_printable(user->name);
	return user;
}

static void look_at_interface(struct users *users, const char *folder, const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/%s/flags", folder, name);
	/* IFF_UP */
	if (read_number(&path, 0) & 1)
		add(users, USER_INTERFACE, name);
}

static bool has_subfolder(const struct path *path)
{
	struct dirent *entry;
	bool found = false;
	DIR *stream;

	stream = open_folder(path->text);
	while (stream && !found && (entry = readdir(stream)))
		found = entry->d_name[0] != '.' && entry->d_type == DT_DIR;
	if (stream)
		closedir(stream);
	return found;
}

/*
 * sysfs shows the interfaces of one network namespace. If a driver that always makes an
 * interface shows none, the interface is in another namespace, and may be up.
 */
static void look_for_hidden_interface(struct users *users, const char *folder, const char *name)
{
	char driver[NAME_LENGTH];
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/%s/driver", folder, name);
	if (!link_name(&path, driver, sizeof(driver)) || strcmp(driver, "virtio_net"))
		return;
	snprintf(path.text, sizeof(path.text), "%s/%s/net", folder, name);
	if (!has_subfolder(&path))
		add(users, USER_HIDDEN_INTERFACE, name);
}

/* Whether a line of mountinfo is about the device with this number or name */
static bool is_mount_of(char *line, const char *number, const char *name, char *where,
			size_t size)
{
	char *word, *rest = line, source[NAME_MAX + 8], *words[5] = {};
	bool same;
	int i;

	snprintf(source, sizeof(source), "/dev/%s", name);
	for (i = 0; i < 5; i++) {
		words[i] = strtok_r(rest, "\n ", &rest);
		if (!words[i])
			return false;
	}
	same = !strcmp(words[2], number);
	/* Some file systems have numbers of their own, and name the device at the end */
	while (!same && (word = strtok_r(rest, "\n ", &rest)))
		same = !strcmp(word, source);
	if (same)
		snprintf(where, size, "%s", words[4]);
	return same;
}

static void look_at_disk(struct users *users, const char *folder, const char *name)
{
	char number[32], line[4096], where[64];
	struct user *user = NULL;
	struct dirent *entry;
	struct path path;
	DIR *holders;
	FILE *file;

	snprintf(path.text, sizeof(path.text), "%s/%s/dev", folder, name);
	if (!read_line(&path, number, sizeof(number)))
		return;

	path = root_path("proc/self/mountinfo");
	path_is_readable(&path);
	file = fopen(path.text, "re");
	while (file && !user && fgets(line, sizeof(line), file))
		if (is_mount_of(line, number, name, where, sizeof(where))) {
			user = add(users, USER_DISK, name);
			snprintf(user->how, sizeof(user->how), "mounted on %s", where);
		}
	if (file)
		fclose(file);

	path = root_path("proc/swaps");
	path_is_readable(&path);
	file = fopen(path.text, "re");
	while (file && !user && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		if (!strncmp(line, "/dev/", 5) && !strcmp(line + 5, name)) {
			user = add(users, USER_DISK, name);
			strcpy(user->how, "swap space");
		}
	}
	if (file)
		fclose(file);

	snprintf(path.text, sizeof(path.text), "%s/%s/holders", folder, name);
	holders = user ? NULL : open_folder(path.text);
	while (holders && !user && (entry = readdir(holders)))
		if (entry->d_name[0] != '.') {
			user = add(users, USER_DISK, name);
			snprintf(user->how, sizeof(user->how), "part of %.64s", entry->d_name);
		}
	if (holders)
		closedir(holders);
	if (user)
		make_printable(user->how);
}

/* The content of a folder of sysfs */
enum content { DEVICES, INTERFACES, DISKS };

static void look_in(struct users *users, const char *folder, enum content content, int depth)
{
	struct dirent *entry;
	DIR *stream;

	stream = open_folder(folder);
	while (stream && (entry = readdir(stream))) {
		enum content below = content;
		int left = depth - 1;
		struct path path;

		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		if (content == INTERFACES) {
			look_at_interface(users, folder, entry->d_name);
		} else if (content == DISKS) {
			look_at_disk(users, folder, entry->d_name);
		} else if (!strcmp(entry->d_name, "net")) {
			below = INTERFACES;
			left = 0;
		} else if (!strcmp(entry->d_name, "block")) {
			/* Disks have their partitions in them */
			below = DISKS;
			left = 1;
		} else {
			look_for_hidden_interface(users, folder, entry->d_name);
		}
		snprintf(path.text, sizeof(path.text), "%.2048s/%s", folder, entry->d_name);
		if (left >= 0)
			look_in(users, path.text, below, left);
	}
	if (stream)
		closedir(stream);
}

void users_forget(void)
{
	openers_forget();
}

/* --- both -------------------------------------------------------------------------- */

/* /dev/vfio/devices/vfioN belongs to the function with vfio-dev/vfioN */
static bool is_opener_of(const struct opener *opener, const struct function *function)
{
	static const char prefix[] = "vfio/devices/";
	char group[24], name[NAME_LENGTH + 16];
	struct path path;

	snprintf(group, sizeof(group), "vfio/%d", function->group);
	if (function->group >= 0 && !strcmp(opener->file, group))
		return true;
	if (strncmp(opener->file, prefix, strlen(prefix)))
		return false;
	snprintf(name, sizeof(name), "vfio-dev/%s", opener->file + strlen(prefix));
	path = function_path(function->bdf, name);
	return path_exists(&path);
}

static bool is_listed(const struct users *users, int pid)
{
	size_t i;

	for (i = 0; i < users->count; i++)
		if (users->list[i].kind == USER_PROCESS && users->list[i].pid == pid)
			return true;
	return false;
}

void users_find(struct users *users, const struct function *function)
{
	struct path path = function_path(function->bdf, ".");
	const struct openers *openers;
	size_t i;

	*users = (struct users){ .complete = true };
	if (!*function->driver)
		return;

	if (is_vfio_driver(function->driver)) {
		openers = openers_find();
		users->complete = openers->complete;
		for (i = 0; i < openers->count; i++)
			if (is_opener_of(&openers->list[i], function) &&
			    !is_listed(users, openers->list[i].pid))
				add(users, USER_PROCESS, openers->list[i].name)->pid =
					openers->list[i].pid;
	} else {
		paths_forget_denials();
		look_in(users, path.text, DEVICES, DEPTH_MAX);
		users->complete = !paths_denied();
	}
	if (function->numvfs) {
		char number[16];

		snprintf(number, sizeof(number), "%u", function->numvfs);
		add(users, USER_VFS, number);
	}
}

void users_release(struct users *users)
{
	free(users->list);
	*users = (struct users){};
}

void describe_user(const struct user *user, char *text, size_t size)
{
	switch (user->kind) {
	case USER_PROCESS:
		snprintf(text, size, "%s (%d)", user->name, user->pid);
		break;
	case USER_INTERFACE:
		snprintf(text, size, "%s (interface is up)", user->name);
		break;
	case USER_HIDDEN_INTERFACE:
		snprintf(text, size, "%s (interface is in another network namespace)", user->name);
		break;
	case USER_DISK:
		snprintf(text, size, "%s (%s)", user->name, user->how);
		break;
	case USER_VFS:
		snprintf(text, size, "%s VF%s", user->name, strcmp(user->name, "1") ? "s" : "");
		break;
	}
}

json_t *users_json(const struct users *users)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < users->count; i++) {
		const struct user *user = &users->list[i];

		switch (user->kind) {
		case USER_PROCESS:
			json_array_append_new(list, json_pack("{s:s, s:i, s:s}", "kind", "process",
							      "pid", user->pid,
							      "name", user->name));
			break;
		case USER_INTERFACE:
			json_array_append_new(list, json_pack("{s:s, s:s}", "kind", "interface",
							      "name", user->name));
			break;
		case USER_HIDDEN_INTERFACE:
			json_array_append_new(list, json_pack("{s:s, s:s}",
							      "kind", "hidden_interface",
							      "name", user->name));
			break;
		case USER_DISK:
			json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", "disk",
							      "name", user->name,
							      "how", user->how));
			break;
		case USER_VFS:
			json_array_append_new(list, json_pack("{s:s, s:i}", "kind", "vfs",
							      "count", atoi(user->name)));
			break;
		}
	}
	return list;
}
