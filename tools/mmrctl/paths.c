// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "paths.h"

static const char *root_folder = "";
static const char *sysfs_folder;
static bool denied;

void paths_init(const char *root, const char *sysfs)
{
	root_folder = root && strcmp(root, "/") ? root : "";
	sysfs_folder = sysfs && *sysfs ? sysfs : NULL;
}

bool paths_have_root(void)
{
	return *root_folder;
}

bool paths_are_recorded(void)
{
	struct path path = sys_path(".");
	struct statfs status;

	return (*root_folder || sysfs_folder) &&
	       (statfs(path.text, &status) || status.f_type != SYSFS_MAGIC);
}

static struct path make_path(const char *before, const char *between,
			     const char *format, va_list arguments)
{
	struct path path;
	size_t length;

	length = snprintf(path.text, sizeof(path.text), "%s%s/", before, between);
	if (length < sizeof(path.text))
		vsnprintf(path.text + length, sizeof(path.text) - length, format, arguments);
	return path;
}

struct path sys_path(const char *format, ...)
{
	struct path path;
	va_list arguments;

	va_start(arguments, format);
	path = make_path(sysfs_folder ? sysfs_folder : root_folder,
			 sysfs_folder ? "" : "/sys", format, arguments);
	va_end(arguments);
	return path;
}

struct path root_path(const char *format, ...)
{
	struct path path;
	va_list arguments;

	va_start(arguments, format);
	path = make_path(root_folder, "", format, arguments);
	va_end(arguments);
	return path;
}

struct path function_path(const char *bdf, const char *file)
{
	return sys_path("bus/pci/devices/%s/%s", bdf, file);
}

void paths_forget_denials(void)
{
	denied = false;
}

bool paths_denied(void)
{
	return denied;
}

/* Returns @done; if that is false, errno has the reason */
static bool note(bool done)
{
	if (!done && (errno == EACCES || errno == EPERM))
		denied = true;
	return done;
}

bool path_exists(const struct path *path)
{
	return note(access(path->text, F_OK) == 0);
}

bool path_is_readable(const struct path *path)
{
	return note(access(path->text, R_OK) == 0);
}

DIR *open_folder(const char *path)
{
	DIR *folder = opendir(path);

	note(folder);
	return folder;
}

bool read_text(const struct path *path, char *text, size_t size)
{
	ssize_t length;
	int fd;

	text[0] = '\0';
	fd = open(path->text, O_RDONLY | O_CLOEXEC);
	if (!note(fd >= 0))
		return false;
	length = read(fd, text, size - 1);
	note(length >= 0);
	close(fd);
	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

bool read_line(const struct path *path, char *text, size_t size)
{
	bool done = read_text(path, text, size);

	text[strcspn(text, "\n")] = '\0';
	return done;
}

long long read_number(const struct path *path, long long fallback)
{
	char text[64], *end;
	long long number;

	if (!read_line(path, text, sizeof(text)))
		return fallback;
	errno = 0;
	number = strtoll(text, &end, 0);
	return errno || end == text ? fallback : number;
}

bool link_target(int folder, const char *file, char *target, size_t size)
{
	ssize_t length = readlinkat(folder, file, target, size - 1);

	target[length > 0 ? length : 0] = '\0';
	return note(length >= 0) && length;
}

bool link_name(const struct path *path, char *name, size_t size)
{
	char target[PATH_MAX], *slash;

	name[0] = '\0';
	if (!link_target(AT_FDCWD, path->text, target, sizeof(target)))
		return false;
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : target);
	return true;
}

int write_text(const struct path *path, const char *text)
{
	ssize_t done;
	int fd, error = 0;

	fd = open(path->text, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write(fd, text, strlen(text));
	if (done < 0)
		error = -errno;
	else if ((size_t)done != strlen(text))
		error = -EIO;
	close(fd);
	return error;
}
