// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens functions of VFIO, with the guest's memory as all that they reach: by the file of the
 * function and iommufd where the host has both, or else by the file of its IOMMU group.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "iommu.h"
#include "iommufd.h"
#include "message.h"
#include "sysfs.h"

#define NO_MEMORY \
	"the IOMMU does not take the guest's memory: %s; less --memory or a higher limit of locked memory may help"

/* The container gets the guest's memory with its first group. */
static void map_memory(struct machine *machine, const char *bdf)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)machine->memory,
		.size = machine->size,
	};

	if (ioctl(machine->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		fail("%s: no IOMMU of type 1: %s; %s", bdf, strerror(errno), errno == EPERM ?
		     "the host does not remap interrupts, and 'mmrctl check' says what helps" :
		     "the host needs its IOMMU on, and vfio_iommu_type1");
	if (ioctl(machine->container, VFIO_IOMMU_MAP_DMA, &map))
		fail("%s: " NO_MEMORY, bdf, strerror(errno));
}

/*
 * KVM holds the group or the function, and lets the guest's CPUs honour its own cache types where
 * DMA does not snoop caches.
 */
static void give_to_kvm(struct machine *machine, const char *bdf, int32_t file)
{
	struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_device_attr attribute = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = KVM_DEV_VFIO_GROUP_ADD,
		.addr = (uintptr_t)&file,
	};

	if (machine->kvm_vfio < 0) {
		if (ioctl(machine->vm, KVM_CREATE_DEVICE, &create))
			fail("KVM takes no functions of VFIO: %s", strerror(errno));
		machine->kvm_vfio = create.fd;
	}
	if (ioctl(machine->kvm_vfio, KVM_SET_DEVICE_ATTR, &attribute))
		fail("%s: KVM does not take it: %s", bdf, strerror(errno));
}

/* A group opens once, and may have several functions. */
static int find_group(const struct machine *machine, const char *number)
{
	unsigned int i;

	for (i = 0; i < machine->num_groups; i++)
		if (!strcmp(machine->groups[i].number, number))
			return machine->groups[i].file;
	return -1;
}

/* Returns the group's file. */
static int open_group(struct machine *machine, const char *bdf)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX], number[PATH_MAX];
	int group;
	bool first = machine->container < 0;

	sysfs_link(bdf, "iommu_group", number);
	if (!*number)
		fail("%s: no IOMMU group; the host needs its IOMMU on, and a function that it covers",
		     bdf);
	group = find_group(machine, number);
	if (group >= 0)
		return group;
	if (strlen(number) >= sizeof(machine->groups[0].number))
		fail("%s: IOMMU group '%s' has no number", bdf, number);
	snprintf(path, sizeof(path), "/dev/vfio/%.64s", number);
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group < 0)
		fail("%s: cannot open %s: %s; another program may use it", bdf, path,
		     strerror(errno));
	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		fail("%s: IOMMU group %s has functions of the host's drivers; bind all of it to vfio-pci",
		     bdf, number);
	if (first) {
		machine->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
		if (machine->container < 0)
			fail("cannot open /dev/vfio/vfio: %s", strerror(errno));
	}
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &machine->container))
		fail("%s: IOMMU group %s does not go with the other functions: %s", bdf, number,
		     strerror(errno));
	if (first)
		map_memory(machine, bdf);
	give_to_kvm(machine, bdf, group);
	machine->groups[machine->num_groups].file = group;
	strcpy(machine->groups[machine->num_groups++].number, number);
	return group;
}

/* Returns whether the host has a file of the function, and iommufd. */
static bool find_file(const char *bdf, char path[PATH_MAX])
{
	char pattern[PATH_MAX];
	glob_t found;

	sysfs_path(pattern, bdf, "vfio-dev/vfio*");
	if (glob(pattern, 0, NULL, &found))
		return false;
	snprintf(path, PATH_MAX, "/dev/vfio/devices/%s", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	return !access(path, F_OK) && !access("/dev/iommu", F_OK);
}

/* With the first function; it gets the guest's memory. */
static void open_iommufd(struct machine *machine, const char *bdf)
{
	struct iommufd_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommufd_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_WRITEABLE | IOMMUFD_MAP_READABLE,
		.address = (uintptr_t)machine->memory,
		.length = machine->size,
	};

	machine->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (machine->iommufd < 0)
		fail("%s: cannot open /dev/iommu: %s", bdf, strerror(errno));
	if (ioctl(machine->iommufd, IOMMUFD_IOAS_ALLOC, &alloc))
		fail("/dev/iommu gives no address space: %s", strerror(errno));
	machine->address_space = alloc.ioas;
	map.ioas = alloc.ioas;
	if (ioctl(machine->iommufd, IOMMUFD_IOAS_MAP, &map))
		fail("%s: " NO_MEMORY, bdf, strerror(errno));
}

/* KVM must know the file before the function is open. */
static int open_file(struct machine *machine, const char *bdf, const char *path)
{
	struct vfio_cdev_bind bind = { .argsz = sizeof(bind) };
	struct vfio_cdev_attach attach = { .argsz = sizeof(attach) };
	int file = open(path, O_RDWR | O_CLOEXEC);

	if (file < 0)
		fail("%s: cannot open %s: %s", bdf, path, strerror(errno));
	if (machine->iommufd < 0)
		open_iommufd(machine, bdf);
	give_to_kvm(machine, bdf, file);
	bind.iommufd = machine->iommufd;
	attach.ioas = machine->address_space;
	if (ioctl(file, VFIO_CDEV_BIND, &bind))
		fail("%s: %s does not open: %s; another program may use it, or a driver of the host another function of its IOMMU group",
		     bdf, path, strerror(errno));
	if (ioctl(file, VFIO_CDEV_ATTACH, &attach))
		fail("%s: the IOMMU does not take it: %s", bdf, strerror(errno));
	return file;
}

/**
 * iommu_open - open a function, or end the program
 * @machine: with memory
 * @bdf: the function
 *
 * Return: its file.
 */
int iommu_open(struct machine *machine, const char *bdf)
{
	char path[PATH_MAX];
	int device;

	if (find_file(bdf, path))
		return open_file(machine, bdf, path);
	device = ioctl(open_group(machine, bdf), VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		fail("%s: VFIO does not open it: %s", bdf, strerror(errno));
	return device;
}
