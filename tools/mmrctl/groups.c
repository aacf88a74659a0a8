// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "paths.h"

bool is_vfio_driver(const char *driver)
{
	size_t length = strlen(driver);

	return !strncmp(driver, "vfio-", 5) ||
	       (length >= 8 && (!strcmp(driver + length - 8, "vfio-pci") ||
				!strcmp(driver + length - 8, "vfio_pci")));
}

/*
 * The kernel refuses a group while a driver that has not set driver_managed_dma is
 * bound to one of its devices. sysfs does not show that flag; of the drivers that
 * are found in groups with functions these have it.
 */
static bool blocks(const char *driver)
{
	return *driver && !is_vfio_driver(driver) && strcmp(driver, "pcieport") &&
	       strcmp(driver, "pci-stub");
}

static int by_name(const void *one, const void *other)
{
	const struct member *a = one, *b = other;

	return strcmp(a->name, b->name);
}

void group_members(struct members *members, int group)
{
	struct path path = sys_path("kernel/iommu_groups/%d/devices", group);
	struct dirent *entry;
	DIR *folder;

	*members = (struct members){};
	folder = opendir(path.text);
	while (folder && (entry = readdir(folder))) {
		struct member *member;

		if (entry->d_name[0] == '.')
			continue;
		members->list = reallocarray(members->list, members->count + 1,
					     sizeof(*members->list));
		if (!members->list)
			errx(STATUS_FAILED, "out of memory");
		member = &members->list[members->count++];
		*member = (struct member){};
		snprintf(member->name, sizeof(member->name), "%.*s", NAME_LENGTH - 1,
			 entry->d_name);
		path = sys_path("kernel/iommu_groups/%d/devices/%s/driver", group,
				entry->d_name);
		link_name(&path, member->driver, sizeof(member->driver));
		member->blocks = blocks(member->driver);
	}
	if (folder)
		closedir(folder);
	if (members->count)
		qsort(members->list, members->count, sizeof(*members->list), by_name);
}

void group_release(struct members *members)
{
	free(members->list);
	*members = (struct members){};
}
