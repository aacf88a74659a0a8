// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "devices.h"
#include "groups.h"
#include "mounts.h"
#include "openers.h"
#include "paths.h"
#include "users.h"

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

__attribute__((format(printf, 2, 3)))
static void set_how(struct user *user, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(user->how, sizeof(user->how), format, arguments);
	va_end(arguments);
	make_printable(user->how);
}

static bool is_listed(const struct users *users, int pid)
{
	size_t i;

	for (i = 0; i < users->count; i++)
		if (users->list[i].kind == USER_PROCESS && users->list[i].pid == pid)
			return true;
	return false;
}

/* --- uses of the host's devices ----------------------------------------------- */

/* Bridges, bonds, VLANs and the like */
static bool find_upper(const char *folder, char *name, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *stream;

	stream = open_folder(folder);
	while (stream && !found && (entry = readdir(stream))) {
		found = !strncmp(entry->d_name, "upper_", 6);
		if (found)
			snprintf(name, size, "%s", entry->d_name + 6);
	}
	if (stream)
		closedir(stream);
	return found;
}

static void look_at_interface(struct users *users, const struct device *device)
{
	char upper[NAME_LENGTH];
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/flags", device->folder);
	/* IFF_UP */
	if (read_number(&path, 0) & 1)
		set_how(add(users, USER_INTERFACE, device->name), "interface is up");
	else if (find_upper(device->folder, upper, sizeof(upper)))
		set_how(add(users, USER_INTERFACE, device->name), "part of %s", upper);
}

static bool is_swap(const char *name)
{
	struct path path = root_path("proc/swaps");
	bool found = false;
	char line[4096];
	FILE *file;

	path_is_readable(&path);
	file = fopen(path.text, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		found = !strncmp(line, "/dev/", 5) && !strcmp(line + 5, name);
	}
	if (file)
		fclose(file);
	return found;
}

/* A device above it, such as one of device mapper or md */
static bool find_holder(const char *folder, char *name, size_t size)
{
	struct dirent *entry;
	bool found = false;
	struct path path;
	DIR *stream;

	snprintf(path.text, sizeof(path.text), "%s/holders", folder);
	stream = open_folder(path.text);
	while (stream && !found && (entry = readdir(stream))) {
		found = entry->d_name[0] != '.';
		if (found)
			snprintf(name, size, "%.*s", (int)size - 1, entry->d_name);
	}
	if (stream)
		closedir(stream);
	return found;
}

/* A loop device does not claim the disk that it is on, and its process has ended */
static bool find_loop(const char *file, char *name, size_t size)
{
	struct path path = sys_path("block");
	char target[NAME_LENGTH + 8];
	struct dirent *entry;
	bool found = false;
	DIR *stream;

	stream = open_folder(path.text);
	while (stream && !found && (entry = readdir(stream))) {
		if (strncmp(entry->d_name, "loop", 4))
			continue;
		path = sys_path("block/%s/loop/backing_file", entry->d_name);
		found = read_line(&path, target, sizeof(target)) &&
			!strncmp(target, "/dev/", 5) && !strcmp(target + 5, file);
		if (found)
			snprintf(name, size, "%.*s", (int)size - 1, entry->d_name);
	}
	if (stream)
		closedir(stream);
	return found;
}

/* The tag can be of any bytes, and its name is what can be printed of it. So is the mount's here */
static bool has_tag(const struct mount *mount, const char *name)
{
	char tag[NAME_LENGTH];

	snprintf(tag, sizeof(tag), "%s", mount->source);
	tag[strcspn(tag, "\n")] = '\0';
	make_printable(tag);
	return !strcmp(mount->type, "9p") && !strcmp(tag, name);
}

static const struct mount *find_mount(struct users *users, const struct device *device,
				      const char *number)
{
	const struct mounts *mounts = mounts_find();
	size_t i;

	users->complete &= mounts->complete;
	for (i = 0; i < mounts->count; i++) {
		const struct mount *mount = &mounts->list[i];

		if (device->kind == DEVICE_MOUNT_TAG ? has_tag(mount, device->name) :
						       !strcmp(mount->number, number))
			return mount;
		/* Some file systems have numbers of their own */
		if (device->kind != DEVICE_MOUNT_TAG && !strncmp(mount->source, "/dev/", 5) &&
		    !strcmp(mount->source + 5, device->file))
			return mount;
	}
	return NULL;
}

static void set_mounted(struct user *user, const struct mount *mount)
{
	if (mount->pid)
		set_how(user, "mounted on %s, which process %d sees", mount->where, mount->pid);
	else
		set_how(user, "mounted on %s", mount->where);
}

static void look_at_disk(struct users *users, const struct device *device)
{
	const struct mount *mount;
	char text[NAME_LENGTH];
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/dev", device->folder);
	if (!read_line(&path, text, sizeof(text)))
		return;
	mount = find_mount(users, device, text);
	if (mount)
		set_mounted(add(users, USER_DISK, device->name), mount);
	else if (is_swap(device->file))
		set_how(add(users, USER_DISK, device->name), "swap space");
	else if (find_holder(device->folder, text, sizeof(text)))
		set_how(add(users, USER_DISK, device->name), "part of %s", text);
	else if (find_loop(device->file, text, sizeof(text)))
		set_how(add(users, USER_DISK, device->name), "backing file of %s", text);
}

static void look_at_mount_tag(struct users *users, const struct device *device)
{
	const struct mount *mount = find_mount(users, device, "");

	if (mount)
		set_mounted(add(users, USER_MOUNT_TAG, device->name), mount);
}

/*
 * The terminal of a port that is a console. The kernel numbers both alike, from 0 and from 1.
 * False if it is none, or if debugfs is not there to tell.
 */
static bool find_terminal(const struct device *device, char *name, size_t size)
{
	struct path path = sys_path("kernel/debug/virtio-ports/%s", device->name);
	unsigned int number = 0, value;
	bool is_console = false;
	char line[128];
	FILE *file;

	path_is_readable(&path);
	file = fopen(path.text, "re");
	while (file && fgets(line, sizeof(line), file)) {
		is_console |= !strcmp(line, "is_console: yes\n");
		if (sscanf(line, "console_vtermno: %u", &value) == 1)
			number = value;
	}
	if (file)
		fclose(file);
	if (!is_console || !number)
		return false;
	snprintf(name, size, "hvc%u", number - 1);
	return true;
}

static bool is_kernel_console(const char *name)
{
	struct path path = root_path("proc/consoles");
	bool found = false;
	char line[128];
	FILE *file;

	path_is_readable(&path);
	file = fopen(path.text, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n ")] = '\0';
		found = !strcmp(line, name);
	}
	if (file)
		fclose(file);
	return found;
}

/* Of a file "dev" in sysfs, which says nothing of the kind; empty if there is none */
static void read_device_number(const struct path *path, char kind, char number[NUMBER_SIZE])
{
	char text[NUMBER_SIZE - 1];

	read_line(path, text, sizeof(text));
	snprintf(number, NUMBER_SIZE, *text ? "%c%s" : "", kind, text);
}

static void look_for_openers(struct users *users, const char *file, const char *number)
{
	const struct openers *openers = openers_find();
	struct user *user;
	size_t i;

	users->complete &= openers->complete;
	for (i = 0; i < openers->count; i++) {
		const struct opener *opener = &openers->list[i];

		if (!is_opener_of(opener, file, number) || is_listed(users, opener->pid))
			continue;
		user = add(users, USER_PROCESS, opener->name);
		user->pid = opener->pid;
		set_how(user, "has /dev/%s open", opener->file);
	}
}

static void look_at_device(struct users *users, const struct device *device)
{
	char terminal[NAME_LENGTH], number[NUMBER_SIZE];
	struct path path;

	switch (device->kind) {
	case DEVICE_DISK:
	case DEVICE_PARTITION:
		look_at_disk(users, device);
		break;
	case DEVICE_INTERFACE:
		look_at_interface(users, device);
		break;
	case DEVICE_HIDDEN_INTERFACE:
		add(users, USER_HIDDEN_INTERFACE, device->name);
		break;
	case DEVICE_MOUNT_TAG:
		look_at_mount_tag(users, device);
		break;
	case DEVICE_PORT:
		if (!find_terminal(device, terminal, sizeof(terminal)))
			break;
		if (is_kernel_console(terminal))
			set_how(add(users, USER_CONSOLE, terminal), "console of the kernel");
		look_for_openers(users, terminal, "");
		break;
	case DEVICE_SCSI_HOST:
	case DEVICE_HWRNG:
	case DEVICE_OTHER:
		break;
	}
	if (!*device->file)
		return;
	snprintf(path.text, sizeof(path.text), "%s/dev", device->folder);
	read_device_number(&path, device->kind == DEVICE_DISK || device->kind == DEVICE_PARTITION ?
			   'b' : 'c', number);
	look_for_openers(users, device->file, number);
}

/* True if the kernel has claimed a disk, or a part of it, for whatever it is */
static bool is_claimed(const struct device *disk)
{
	struct path path = root_path("dev/%s", disk->file);
	bool claimed;
	int fd;

	fd = open(path.text, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	claimed = fd < 0 && errno == EBUSY;
	if (fd >= 0)
		close(fd);
	return claimed;
}

static void look_at_devices(struct users *users, const struct function *function, bool claim)
{
	struct devices devices;
	size_t i, known = 0;

	devices_find(&devices, function);
	paths_forget_denials();
	for (i = 0; i < devices.count; i++) {
		const struct device *device = &devices.list[i];

		look_at_device(users, device);
		/* Its partitions follow it, and their users are its users */
		if (device->kind == DEVICE_DISK && claim && !paths_are_recorded()) {
			while (i + 1 < devices.count &&
			       devices.list[i + 1].kind == DEVICE_PARTITION)
				look_at_device(users, &devices.list[++i]);
			if (users->count == known && is_claimed(device))
				set_how(add(users, USER_DISK, device->name), "claimed by the kernel or a process");
		}
		known = users->count;
	}
	users->complete &= devices.complete && !paths_denied();
	devices_release(&devices);
}

/* --- VFIO ---------------------------------------------------------------------- */

/* The file of a function in /dev/vfio/devices, and its number; empty if it has none */
static void find_device_file(const char *bdf, char file[NAME_LENGTH], char number[NUMBER_SIZE])
{
	struct path path = function_path(bdf, "vfio-dev");
	char name[NAME_LENGTH - 20] = "";
	struct dirent *entry;
	DIR *folder;

	folder = open_folder(path.text);
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			snprintf(name, sizeof(name), "%.*s", (int)sizeof(name) - 1, entry->d_name);
	if (folder)
		closedir(folder);
	snprintf(file, NAME_LENGTH, *name ? "vfio/devices/%s" : "", name);
	path = sys_path("class/vfio-dev/%s/dev", name);
	read_device_number(&path, 'c', number);
}

/* The file of a group in /dev/vfio, and its number. Without an IOMMU it has another name */
static void find_group_file(const struct function *function, char name[NAME_LENGTH],
			    char number[NUMBER_SIZE])
{
	struct path path = sys_path("class/vfio/noiommu-%d", function->group);

	snprintf(name, NAME_LENGTH, path_exists(&path) ? "noiommu-%d" : "%d", function->group);
	path = sys_path("class/vfio/%s/dev", name);
	read_device_number(&path, 'c', number);
}

static bool is_group_of(const struct opener *opener, const struct function *function,
			const char *number)
{
	if (*number && *opener->number)
		return !strcmp(opener->number, number);
	return opener->group >= 0 && opener->group == function->group;
}

static void look_at_vfio(struct users *users, const struct function *function)
{
	char file[NAME_LENGTH], name[NAME_LENGTH], number[NUMBER_SIZE], group[NUMBER_SIZE];
	const struct openers *openers = openers_find();
	size_t i;

	users->complete &= openers->complete;
	find_device_file(function->bdf, file, number);
	find_group_file(function, name, group);
	for (i = 0; i < openers->count; i++) {
		const struct opener *opener = &openers->list[i];

		if ((is_group_of(opener, function, group) || is_opener_of(opener, file, number)) &&
		    !is_listed(users, opener->pid))
			add(users, USER_PROCESS, opener->name)->pid = opener->pid;
	}
}

/* A process that has another function of the group by that one's own file has not this one */
static bool is_other_function_open(const struct function *function)
{
	const struct openers *openers = openers_find();
	char file[NAME_LENGTH], number[NUMBER_SIZE];
	struct members members;
	bool found = false;
	size_t i, j;

	group_members(&members, function);
	for (i = 0; i < members.count && !found; i++) {
		find_device_file(members.list[i].name, file, number);
		for (j = 0; j < openers->count && *file && !found; j++)
			found = is_opener_of(&openers->list[j], file, number);
	}
	group_release(&members);
	return found;
}

/*
 * The kernel knows whether any process has the group, or still a function of it, also where mmrctl
 * cannot look. An open changes nothing. Nobody else can open the group at that moment. The file may
 * be that of another group, in a container that has its own /dev.
 */
static void claim_group(struct users *users, const struct function *function)
{
	char name[NAME_LENGTH], number[NUMBER_SIZE], found[NUMBER_SIZE], text[NAME_LENGTH];
	struct stat status;
	struct path path;
	int fd;

	find_group_file(function, name, number);
	path = root_path("dev/vfio/%s", name);
	if (stat(path.text, &status) || !S_ISCHR(status.st_mode))
		return;
	snprintf(found, sizeof(found), "c%u:%u", major(status.st_rdev), minor(status.st_rdev));
	if (strcmp(found, number))
		return;
	fd = open(path.text, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		users->complete = true;
	} else if (errno == EBUSY && !(users->complete && is_other_function_open(function))) {
		snprintf(text, sizeof(text), "IOMMU group %d", function->group);
		set_how(add(users, USER_GROUP, text),
			"open in a process that cannot be seen, or that has closed the group's file");
	}
}

/* --- both ------------------------------------------------------------------------ */

/* When the first users_find() since users_forget() has ended, in nanoseconds; 0: there was none */
static long long look;

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void find(struct users *users, const struct function *function, bool claim)
{
	*users = (struct users){ .complete = true };
	if (!*function->driver)
		return;

	if (is_vfio_driver(function->driver)) {
		look_at_vfio(users, function);
		if (claim && !users->count && function->group >= 0 && !paths_are_recorded())
			claim_group(users, function);
	} else {
		look_at_devices(users, function, claim);
	}
	if (function->numvfs) {
		char number[16];

		snprintf(number, sizeof(number), "%u", function->numvfs);
		add(users, USER_VFS, number);
	}
	/* Not when it began: else a look of more than a second would be one for each function */
	if (!look)
		look = now();
}

void users_find(struct users *users, const struct function *function)
{
	find(users, function, false);
}

void users_find_thoroughly(struct users *users, const struct function *function)
{
	find(users, function, true);
}

void users_release(struct users *users)
{
	free(users->list);
	*users = (struct users){};
}

void users_forget(void)
{
	openers_forget();
	mounts_forget();
	look = 0;
}

void users_forget_old(void)
{
	if (look && now() - look >= 1000000000ll)
		users_forget();
}

void describe_user(const struct user *user, char *text, size_t size)
{
	switch (user->kind) {
	case USER_PROCESS:
		snprintf(text, size, "%s (%d%s%s)", user->name, user->pid,
			 *user->how ? ", " : "", user->how);
		break;
	case USER_HIDDEN_INTERFACE:
		snprintf(text, size, "%s (interface is in another network namespace)", user->name);
		break;
	case USER_GROUP:
	case USER_INTERFACE:
	case USER_DISK:
	case USER_MOUNT_TAG:
	case USER_CONSOLE:
		snprintf(text, size, "%s (%s)", user->name, user->how);
		break;
	case USER_VFS:
		snprintf(text, size, "%s VF%s", user->name, strcmp(user->name, "1") ? "s" : "");
		break;
	}
}

json_t *users_json(const struct users *users)
{
	static const char *const kinds[] = {
		[USER_PROCESS] = "process",
		[USER_GROUP] = "group",
		[USER_INTERFACE] = "interface",
		[USER_HIDDEN_INTERFACE] = "hidden_interface",
		[USER_DISK] = "disk",
		[USER_MOUNT_TAG] = "mount_tag",
		[USER_CONSOLE] = "console",
		[USER_VFS] = "vfs",
	};
	json_t *list = json_array(), *object;
	size_t i;

	for (i = 0; i < users->count; i++) {
		const struct user *user = &users->list[i];

		object = make_json("{s:s}", "kind", kinds[user->kind]);
		if (user->kind == USER_PROCESS)
			json_object_set_new(object, "pid", json_integer(user->pid));
		if (user->kind == USER_VFS)
			json_object_set_new(object, "count", json_integer(atoi(user->name)));
		else
			json_object_set_new(object, "name", json_string(user->name));
		if (*user->how)
			json_object_set_new(object, "how", json_string(user->how));
		json_array_append_new(list, object);
	}
	return list;
}
