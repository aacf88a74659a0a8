// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <limits.h>
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
 * bound to one of its devices. sysfs does not show that flag. The drivers
 * below have it and are found in groups with functions.
 */
static bool blocks(const char *driver)
{
	return *driver && !is_vfio_driver(driver) && strcmp(driver, "pcieport") &&
	       strcmp(driver, "pci-stub");
}

/* The devices that a driver has made are lost with it. */
static enum loss find_loss(const struct member *member, const struct function *function)
{
	struct path path = function_path(function->bdf, ".");
	char real[PATH_MAX], folder[NAME_LENGTH + 2];

	if (!strcmp(member->name, function->pf))
		return LOSS_VF;
	/* Such as the function with the controller of a PCI domain (vmd) */
	snprintf(folder, sizeof(folder), "/%s/", member->name);
	if (realpath(path.text, real) && strstr(real, folder))
		return LOSS_BELOW;
	path = function_path(member->name, "sriov_numvfs");
	return read_number(&path, 0) > 0 ? LOSS_OTHER_VFS : LOSS_NONE;
}

static int by_name(const void *one, const void *other)
{
	const struct member *a = one, *b = other;

	return strcmp(a->name, b->name);
}

void group_members(struct members *members, const struct function *function)
{
	struct path path = sys_path("kernel/iommu_groups/%d/devices", function->group);
	struct dirent *entry;
	DIR *folder;

	*members = (struct members){};
	paths_forget_denials();
	folder = open_folder(path.text);
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
		path = sys_path("kernel/iommu_groups/%d/devices/%s/driver", function->group,
				entry->d_name);
		link_name(&path, member->driver, sizeof(member->driver));
		member->blocks = blocks(member->driver);
		if (member->blocks)
			member->loss = find_loss(member, function);
	}
	if (folder)
		closedir(folder);
	members->complete = !paths_denied();
	if (members->count)
		qsort(members->list, members->count, sizeof(*members->list), by_name);
}

void group_release(struct members *members)
{
	free(members->list);
	*members = (struct members){};
}

void describe_blocker(const struct member *member, char *text, size_t size)
{
	static const struct {
		const char *what, *loss;
	} words[] = {
		[LOSS_NONE] = { "", "" },
		[LOSS_VF] = { ", its PF", ", and the VF is lost with that driver" },
		[LOSS_BELOW] = { " above it", ", and the function is lost with that driver" },
		[LOSS_OTHER_VFS] = { ", a PF", ", and its VFs are lost with that driver" },
	};

	snprintf(text, size, "%s%s, which the host uses through %s%s", member->name,
		 words[member->loss].what, member->driver, words[member->loss].loss);
}

void describe_way_out(const struct member *member, char *text, size_t size)
{
	static const char split[] =
		"a slot below a port with ACS, or ACS switched on in the firmware's setup";

	switch (member->loss) {
	case LOSS_NONE:
		/* With its checks, and the driver that it had before */
		if (is_mmr_driver(member->driver)) {
			snprintf(text, size, "end its use, then: mmrctl unbind %s; or separate the two: %s",
				 member->name, split);
			break;
		}
		snprintf(text, size,
			 "take that device from its driver: echo %s >/sys/bus/pci/drivers/%s/unbind; or separate the two: %s",
			 member->name, member->driver, split);
		break;
	case LOSS_BELOW:
		snprintf(text, size,
			 "leave that driver bound, and use a slot that is not below %s",
			 member->name);
		break;
	case LOSS_VF:
	case LOSS_OTHER_VFS:
		snprintf(text, size, "leave that driver bound, and separate the two: %s", split);
		break;
	}
}
