// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of a function in sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "sysfs.h"

/**
 * sysfs_path - make the name of a file
 * @path: gets it
 * @bdf: the function
 * @name: of the file in the function's folder
 */
void sysfs_path(char path[PATH_MAX], const char *bdf, const char *name)
{
	snprintf(path, PATH_MAX, "/sys/bus/pci/devices/%s/%s", bdf, name);
}

/**
 * sysfs_link - read a link
 * @bdf: the function
 * @name: of the link
 * @target: gets the last part of what it points to, or an empty string
 */
void sysfs_link(const char *bdf, const char *name, char target[PATH_MAX])
{
	char path[PATH_MAX], text[PATH_MAX];
	ssize_t length;
	const char *slash;

	sysfs_path(path, bdf, name);
	length = readlink(path, text, sizeof(text) - 1);
	text[length < 0 ? 0 : length] = 0;
	slash = strrchr(text, '/');
	strcpy(target, slash ? slash + 1 : text);
}

/**
 * sysfs_read - read a file, or end the program
 * @bdf: the function
 * @name: of the file
 * @data: gets the bytes, and zeros after them
 * @size: of @data
 *
 * Return: the number of bytes that the file has.
 */
size_t sysfs_read(const char *bdf, const char *name, void *data, size_t size)
{
	char path[PATH_MAX];
	ssize_t length;
	int fd;

	sysfs_path(path, bdf, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, data, size);
	if (length < 0)
		fail("%s: cannot read %s: %s", bdf, path, strerror(errno));
	memset((uint8_t *)data + length, 0, size - length);
	close(fd);
	return length;
}

/**
 * sysfs_id - read a number of 16 bits, or end the program
 * @bdf: the function
 * @name: of its file
 *
 * Return: the number.
 */
uint16_t sysfs_id(const char *bdf, const char *name)
{
	char text[16];

	sysfs_read(bdf, name, text, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	return strtoul(text, NULL, 16);
}
