// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "groups.h"
#include "paths.h"
#include "users.h"
#include "vfio.h"

static int refuse_use(const struct function *function)
{
	struct users users;
	char text[USER_TEXT_SIZE];
	int status = STATUS_OK;

	users_forget();
	users_find(&users, function);
	if (users.count) {
		describe_user(&users.list[0], text, sizeof(text));
		complain("%s: in use by %s, and mmrctl would reset it; end that first",
			 function->bdf, text);
		status = STATUS_IN_USE;
	}
	users_release(&users);
	users_forget();
	return status;
}

static int open_file(const struct path *path)
{
	return open(path->text, O_RDWR | O_CLOEXEC);
}

static int explain_open(const char *bdf, const struct path *path, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		complain("%s: %s: %s; run mmrctl as root or as the file's owner", bdf,
			 path->text, strerror(error));
		return STATUS_DENIED;
	case EBUSY:
		complain("%s: %s: in use by another process; run mmrctl as root to see which", bdf,
			 path->text);
		return STATUS_IN_USE;
	default:
		complain("%s: %s: %s; 'mmrctl check %s' may say why", bdf, path->text,
			 strerror(error), bdf);
		return STATUS_FAILED;
	}
}

static int explain_group(const struct function *function)
{
	struct members members;
	size_t i;

	group_members(&members, function);
	for (i = 0; i < members.count; i++)
		if (members.list[i].blocks)
			complain("%s: IOMMU group %d is not viable: the host uses %s through %s",
				 function->bdf, function->group, members.list[i].name,
				 members.list[i].driver);
	group_release(&members);
	return STATUS_UNUSABLE;
}

/*
 * A kernel without CONFIG_VFIO_GROUP has /dev/vfio/devices alone, for IOMMUFD. None of the
 * kernels that mmrctl is tested on has that.
 */
static int refuse_without_group(const struct function *function)
{
	struct path device = function_path(function->bdf, "vfio-dev");
	struct path group = root_path("dev/vfio/%d", function->group);

	if (!path_exists(&device) || path_exists(&group))
		return STATUS_OK;
	complain("%s: %s is missing, and mmrctl does not use /dev/vfio/devices: use a kernel with CONFIG_VFIO_GROUP; 'mmrctl show' and 'mmrctl stats' work without it",
		 function->bdf, group.text);
	return STATUS_UNUSABLE;
}

/* On a recorded tree, files take the place of regions */
static int open_recorded(struct vfio_device *device)
{
	struct path path = root_path("vfio/%s", device->bdf);

	device->device = open_file(&path);
	if (device->device < 0)
		return explain_open(device->bdf, &path, errno);
	device->config = (struct vfio_region_info){ .size = 4096 };
	device->bar0 = (struct vfio_region_info){ .size = 256, .offset = 4096 };
	return STATUS_OK;
}

static int open_group(struct vfio_device *device, const struct function *function)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct path path = root_path("dev/vfio/vfio");

	device->container = open_file(&path);
	if (device->container < 0)
		return explain_open(device->bdf, &path, errno);
	path = root_path("dev/vfio/%d", function->group);
	device->group = open_file(&path);
	if (device->group < 0)
		return explain_open(device->bdf, &path, errno);
	if (ioctl(device->group, VFIO_GROUP_GET_STATUS, &status))
		return explain_open(device->bdf, &path, errno);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return explain_group(function);
	if (ioctl(device->group, VFIO_GROUP_SET_CONTAINER, &device->container) ||
	    (ioctl(device->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) &&
	     ioctl(device->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))) {
		complain("%s: %s: VFIO cannot use the IOMMU: %s; 'mmrctl check' may say why",
			 device->bdf, path.text, strerror(errno));
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

static bool get_region(struct vfio_device *device, struct vfio_region_info *region,
		       unsigned int index)
{
	*region = (struct vfio_region_info){ .argsz = sizeof(*region), .index = index };
	if (!ioctl(device->device, VFIO_DEVICE_GET_REGION_INFO, region))
		return true;
	complain("%s: VFIO does not describe region %u: %s", device->bdf, index, strerror(errno));
	return false;
}

int vfio_open(struct vfio_device *device, const struct function *function)
{
	int status;

	*device = (struct vfio_device){ .container = -1, .group = -1, .device = -1 };
	snprintf(device->bdf, sizeof(device->bdf), "%s", function->bdf);
	if (!is_vfio_driver(function->driver)) {
		complain("%s: bound to %s; first 'mmrctl bind %s'", function->bdf,
			 *function->driver ? function->driver : "no driver", function->bdf);
		return STATUS_UNUSABLE;
	}
	status = refuse_use(function);
	if (!status)
		status = refuse_without_group(function);
	if (status)
		return status;
	if (paths_are_recorded())
		return open_recorded(device);

	status = open_group(device, function);
	if (!status) {
		device->device = ioctl(device->group, VFIO_GROUP_GET_DEVICE_FD, device->bdf);
		if (device->device < 0) {
			complain("%s: VFIO refuses to open it: %s; the kernel log may say more: dmesg",
				 device->bdf, strerror(errno));
			status = STATUS_FAILED;
		} else if (!get_region(device, &device->config, VFIO_PCI_CONFIG_REGION_INDEX) ||
			   !get_region(device, &device->bar0, VFIO_PCI_BAR0_REGION_INDEX)) {
			status = STATUS_FAILED;
		}
	}
	if (status)
		vfio_close(device);
	return status;
}

void vfio_close(struct vfio_device *device)
{
	if (device->device >= 0)
		close(device->device);
	if (device->group >= 0)
		close(device->group);
	if (device->container >= 0)
		close(device->container);
	*device = (struct vfio_device){ .container = -1, .group = -1, .device = -1 };
}

bool vfio_read(const struct vfio_device *device, const struct vfio_region_info *region,
	       uint64_t offset, void *data, size_t size)
{
	if (pread(device->device, data, size, region->offset + offset) == (ssize_t)size)
		return true;
	complain("%s: cannot read %zu bytes at 0x%llx of region %u", device->bdf, size,
		 (unsigned long long)offset, region->index);
	return false;
}

bool vfio_write(const struct vfio_device *device, const struct vfio_region_info *region,
		uint64_t offset, const void *data, size_t size)
{
	/* A recorded device stays what it is */
	if (paths_are_recorded() ||
	    pwrite(device->device, data, size, region->offset + offset) == (ssize_t)size)
		return true;
	complain("%s: cannot write %zu bytes at 0x%llx of region %u", device->bdf, size,
		 (unsigned long long)offset, region->index);
	return false;
}
