// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "paths.h"

/* Deeper than any disk lies below its PCI function */
#define DEPTH_MAX	8

static struct path below(const char *folder, const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%.3000s/%s", folder, name);
	return path;
}

/* The kernel says where in /dev it is if that is not its name */
static bool find_file(const char *folder, const char *name, char *file, size_t size)
{
	struct path path = below(folder, "dev");
	char line[256];
	FILE *stream;

	file[0] = '\0';
	if (!path_exists(&path))
		return false;
	snprintf(file, size, "%.*s", (int)size - 1, name);
	path = below(folder, "uevent");
	stream = fopen(path.text, "re");
	while (stream && fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "DEVNAME=", 8))
			snprintf(file, size, "%.*s", (int)size - 1, line + 8);
	}
	if (stream)
		fclose(stream);
	return true;
}

static struct device *add(struct devices *devices, enum device_kind kind, const char *folder,
			  const char *name)
{
	struct device *device;

	devices->list = reallocarray(devices->list, devices->count + 1, sizeof(*devices->list));
	if (!devices->list)
		errx(STATUS_FAILED, "out of memory");
	device = &devices->list[devices->count++];
	*device = (struct device){ .kind = kind, .folder = strdup(folder) };
	if (!device->folder)
		errx(STATUS_FAILED, "out of memory");
	snprintf(device->name, sizeof(device->name), "%.*s", NAME_LENGTH - 1, name);
	make_printable(device->name);
	find_file(folder, name, device->file, sizeof(device->file));
	return device;
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

static bool is_virtio(const char *name)
{
	return !strncmp(name, "virtio", 6) && isdigit((unsigned char)name[6]);
}

static void look_at_virtio(struct devices *devices, const char *folder, const char *name)
{
	struct path path = below(folder, "driver");
	char driver[NAME_LENGTH], tag[NAME_LENGTH];

	link_name(&path, driver, sizeof(driver));
	if (!*devices->virtio) {
		snprintf(devices->virtio, sizeof(devices->virtio), "%.*s", NAME_LENGTH - 1, name);
		strcpy(devices->virtio_driver, driver);
	}
	/*
	 * sysfs shows the interfaces of one network namespace. If a driver that always makes an
	 * interface shows none, the interface is in another namespace, and may be up.
	 */
	path = below(folder, "net");
	if (!strcmp(driver, "virtio_net") && !has_subfolder(&path))
		add(devices, DEVICE_HIDDEN_INTERFACE, folder, name);
	/* The generator has no folder of its own */
	if (!strcmp(driver, "virtio_rng"))
		add(devices, DEVICE_HWRNG, folder, "hwrng");
	path = below(folder, "mount_tag");
	if (path_exists(&path) && read_line(&path, tag, sizeof(tag)))
		add(devices, DEVICE_MOUNT_TAG, folder, tag);
}

/* The content of a folder of sysfs */
enum content { DEVICES, INTERFACES, DISKS, PARTITIONS, PORTS, SCSI_HOSTS };

static enum content content_of(const char *name)
{
	static const struct {
		const char *name;
		enum content content;
	} classes[] = {
		{ "net", INTERFACES },
		{ "block", DISKS },
		{ "virtio-ports", PORTS },
		{ "scsi_host", SCSI_HOSTS },
	};
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strcmp(name, classes[i].name))
			return classes[i].content;
	return DEVICES;
}

static void look_in(struct devices *devices, const char *folder, enum content content, int depth);

static void look_at(struct devices *devices, const char *folder, const char *name,
		    enum content content, int depth)
{
	char file[NAME_LENGTH];
	struct path path;

	switch (content) {
	case INTERFACES:
		add(devices, DEVICE_INTERFACE, folder, name);
		return;
	case PORTS:
		add(devices, DEVICE_PORT, folder, name);
		return;
	case SCSI_HOSTS:
		add(devices, DEVICE_SCSI_HOST, folder, name);
		return;
	case DISKS:
		path = below(folder, "dev");
		if (!path_exists(&path))
			return;
		add(devices, DEVICE_DISK, folder, name);
		/* Disks have their partitions in them */
		look_in(devices, folder, PARTITIONS, 0);
		return;
	case PARTITIONS:
		path = below(folder, "dev");
		if (path_exists(&path))
			add(devices, DEVICE_PARTITION, folder, name);
		return;
	case DEVICES:
		if (is_virtio(name))
			look_at_virtio(devices, folder, name);
		else if (find_file(folder, name, file, sizeof(file)))
			add(devices, DEVICE_OTHER, folder, file);
		if (depth)
			look_in(devices, folder, content_of(name), depth - 1);
		return;
	}
}

static void look_in(struct devices *devices, const char *folder, enum content content, int depth)
{
	struct dirent *entry;
	DIR *stream;

	stream = open_folder(folder);
	while (stream && (entry = readdir(stream))) {
		struct path path;

		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		path = below(folder, entry->d_name);
		look_at(devices, path.text, entry->d_name, content, depth);
	}
	if (stream)
		closedir(stream);
}

/* Readers of folders get names in any order; a partition's begins with its disk's */
static int by_name(const void *one, const void *other)
{
	const struct device *a = one, *b = other;

	return strverscmp(a->name, b->name);
}

void devices_find(struct devices *devices, const struct function *function)
{
	struct path path = function_path(function->bdf, ".");

	*devices = (struct devices){};
	paths_forget_denials();
	look_in(devices, path.text, DEVICES, DEPTH_MAX);
	devices->complete = !paths_denied();
	if (devices->count)
		qsort(devices->list, devices->count, sizeof(*devices->list), by_name);
}

void devices_release(struct devices *devices)
{
	size_t i;

	for (i = 0; i < devices->count; i++)
		free(devices->list[i].folder);
	free(devices->list);
	*devices = (struct devices){};
}

bool device_is_main(const struct device *device)
{
	return device->kind != DEVICE_PARTITION && device->kind != DEVICE_OTHER;
}

void describe_device(const struct device *device, char *text, size_t size)
{
	static const char *const words[] = {
		[DEVICE_DISK] = "disk ",
		[DEVICE_PARTITION] = "partition ",
		[DEVICE_INTERFACE] = "interface ",
		[DEVICE_HIDDEN_INTERFACE] = "interface in another network namespace, of ",
		[DEVICE_PORT] = "port ",
		[DEVICE_SCSI_HOST] = "SCSI host ",
		[DEVICE_MOUNT_TAG] = "9P mount tag ",
		[DEVICE_HWRNG] = "",
		[DEVICE_OTHER] = "/dev/",
	};

	snprintf(text, size, "%s%s", words[device->kind], device->name);
}

void describe_devices(const struct devices *devices, char *text, size_t size)
{
	size_t used = 0, i;

	snprintf(text, size, "%s%s", devices->virtio,
		 *devices->virtio && !*devices->virtio_driver ? " without a driver" : "");
	for (i = 0; i < devices->count && used < size; i++)
		if (device_is_main(&devices->list[i]))
			used += snprintf(text + used, size - used, "%s%s", used ? ", " : "",
					 devices->list[i].name);
}

json_t *devices_json(const struct devices *devices)
{
	static const char *const kinds[] = {
		[DEVICE_DISK] = "disk",
		[DEVICE_INTERFACE] = "interface",
		[DEVICE_HIDDEN_INTERFACE] = "hidden_interface",
		[DEVICE_PORT] = "port",
		[DEVICE_SCSI_HOST] = "scsi_host",
		[DEVICE_MOUNT_TAG] = "mount_tag",
		[DEVICE_HWRNG] = "hwrng",
	};
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < devices->count; i++)
		if (device_is_main(&devices->list[i]))
			json_array_append_new(list, make_json("{s:s, s:s}",
							      "kind", kinds[devices->list[i].kind],
							      "name", devices->list[i].name));
	return list;
}
