// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of VFIO, by a model of the kernel's files: a group opens once, and has one container;
 * the guest's memory is mapped once; KVM knows each group, or each file, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "iommu.h"
#include "iommufd.h"
#include "message.h"
#include "sysfs.h"

#define VM	1
#define FILES	32

/* A file of the model: its number is 100 and its index. */
enum kind { NONE, GROUP, CONTAINER, KVM_VFIO, IOMMUFD, CDEV, DEVICE };

static struct file {
	enum kind kind;
	char name[64];
	/* What was done to it */
	bool has_container, is_mapped, is_known, is_bound, is_attached;
} files[FILES];
static unsigned int num_files;

/* The host */
static const char *group_of_first, *group_of_second;
static bool has_cdev, is_busy;
static int iommu_error;

static jmp_buf failed;
static char why[512];

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	longjmp(failed, 1);
}

void sysfs_path(char path[PATH_MAX], const char *bdf, const char *name)
{
	snprintf(path, PATH_MAX, "/sys/%s/%s", bdf, name);
}

void sysfs_link(const char *bdf, const char *name, char target[PATH_MAX])
{
	strcpy(target, !strcmp(bdf, "first") ? group_of_first : group_of_second);
}

static int add_file(enum kind kind, const char *name)
{
	if (num_files == FILES)
		abort();
	files[num_files] = (struct file){ .kind = kind };
	snprintf(files[num_files].name, sizeof(files[0].name), "%s", name);
	return 100 + num_files++;
}

static struct file *file_of(int fd)
{
	return fd >= 100 && fd < 100 + (int)num_files ? &files[fd - 100] : NULL;
}

static unsigned int count(enum kind kind)
{
	unsigned int i, found = 0;

	for (i = 0; i < num_files; i++)
		found += files[i].kind == kind;
	return found;
}

int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	unsigned int i;
	enum kind kind = GROUP;

	if (!strcmp(path, "/dev/vfio/vfio"))
		kind = CONTAINER;
	else if (!strcmp(path, "/dev/iommu"))
		kind = IOMMUFD;
	else if (!strncmp(path, "/dev/vfio/devices/", 18))
		kind = CDEV;
	for (i = 0; i < num_files; i++) {
		if (kind != CONTAINER && !strcmp(files[i].name, path)) {
			errno = EBUSY;
			return -1;
		}
	}
	return add_file(kind, path);
}

int __wrap_access(const char *path, int mode);

int __wrap_access(const char *path, int mode)
{
	return has_cdev ? 0 : -1;
}

int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found);

int __wrap_glob(const char *pattern, int flags, int (*error)(const char *, int), glob_t *found)
{
	static char path[64], *paths[] = { path, NULL };

	if (!has_cdev)
		return GLOB_NOMATCH;
	snprintf(path, sizeof(path), "/sys/vfio-dev/vfio%d", !strstr(pattern, "first"));
	*found = (glob_t){ .gl_pathc = 1, .gl_pathv = paths };
	return 0;
}

void __wrap_globfree(glob_t *found);
void __wrap_globfree(glob_t *found) { }

static int error(int number)
{
	errno = number;
	return -1;
}

/* Something that can be done once */
static int once(bool *done)
{
	if (*done)
		return error(EEXIST);
	*done = true;
	return 0;
}

static int learn(const struct kvm_device_attr *attribute)
{
	struct file *file = file_of(*(const int32_t *)(uintptr_t)attribute->addr);

	if (attribute->group != KVM_DEV_VFIO_GROUP || attribute->attr != KVM_DEV_VFIO_GROUP_ADD ||
	    !file || (file->kind != GROUP && file->kind != CDEV))
		return error(EINVAL);
	return once(&file->is_known);
}

static int of_group(struct file *file, unsigned long request, void *argument)
{
	struct vfio_group_status *status = argument;

	switch (request) {
	case VFIO_GROUP_GET_STATUS:
		status->flags = is_busy ? 0 : VFIO_GROUP_FLAGS_VIABLE;
		return 0;
	case VFIO_GROUP_SET_CONTAINER:
		if (!file_of(*(int *)argument) || file_of(*(int *)argument)->kind != CONTAINER)
			return error(EBADF);
		return once(&file->has_container);
	case VFIO_GROUP_GET_DEVICE_FD:
		/* The guest's memory is there first. */
		if (!file->has_container || !file->is_known)
			return error(EINVAL);
		return add_file(DEVICE, argument);
	}
	return error(ENOTTY);
}

static int of_cdev(struct file *file, unsigned long request, void *argument)
{
	struct vfio_cdev_bind *bind = argument;
	struct vfio_cdev_attach *attach = argument;

	switch (request) {
	case VFIO_CDEV_BIND:
		if (!file->is_known || file_of(bind->iommufd)->kind != IOMMUFD)
			return error(EINVAL);
		return once(&file->is_bound);
	case VFIO_CDEV_ATTACH:
		if (!file->is_bound || attach->ioas != 7)
			return error(EINVAL);
		return once(&file->is_attached);
	}
	return error(ENOTTY);
}

int __wrap_ioctl(int fd, unsigned long request, void *argument);

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	struct file *file = file_of(fd);

	if (fd == VM && request == KVM_CREATE_DEVICE) {
		((struct kvm_create_device *)argument)->fd = add_file(KVM_VFIO, "kvm");
		return 0;
	}
	if (!file)
		return error(EBADF);
	switch (file->kind) {
	case GROUP:
		return of_group(file, request, argument);
	case CDEV:
		return of_cdev(file, request, argument);
	case KVM_VFIO:
		return request == KVM_SET_DEVICE_ATTR ? learn(argument) : error(ENOTTY);
	case CONTAINER:
		if (request == VFIO_SET_IOMMU)
			return iommu_error ? error(iommu_error) : 0;
		return request == VFIO_IOMMU_MAP_DMA ? once(&file->is_mapped) : error(ENOTTY);
	case IOMMUFD:
		if (request == IOMMUFD_IOAS_ALLOC) {
			((struct iommufd_ioas_alloc *)argument)->ioas = 7;
			return 0;
		}
		return request == IOMMUFD_IOAS_MAP ? once(&file->is_mapped) : error(ENOTTY);
	default:
		return error(ENOTTY);
	}
}

FIXTURE(iommu)
{
	struct machine machine;
};

FIXTURE_SETUP(iommu)
{
	num_files = 0;
	has_cdev = false;
	is_busy = false;
	iommu_error = 0;
	group_of_first = "7";
	group_of_second = "8";
	self->machine = (struct machine){
		.vm = VM, .kvm_vfio = -1, .container = -1, .iommufd = -1,
	};
}

FIXTURE_TEARDOWN(iommu) { }

static int open_function(struct machine *machine, const char *bdf)
{
	if (setjmp(failed))
		return -1;
	return iommu_open(machine, bdf);
}

#define ASSERT_OPENS(bdf) do {							\
	int fd = open_function(&self->machine, bdf);				\
	ASSERT_LT(0, fd) {							\
		TH_LOG("%s", why);						\
	}									\
} while (0)

TEST_F(iommu, two_groups)
{
	ASSERT_OPENS("first");
	ASSERT_OPENS("second");
	EXPECT_EQ(2, count(GROUP));
	EXPECT_EQ(1, count(CONTAINER));
	EXPECT_EQ(2, count(DEVICE));
}

/* The group's file serves both. */
TEST_F(iommu, two_functions_of_one_group)
{
	group_of_second = "7";
	ASSERT_OPENS("first");
	ASSERT_OPENS("second");
	EXPECT_EQ(1, count(GROUP));
	EXPECT_EQ(1, count(CONTAINER));
	EXPECT_EQ(2, count(DEVICE));
	EXPECT_STREQ("second", files[num_files - 1].name);
}

/* A number that begins like another one is another group. */
TEST_F(iommu, similar_groups)
{
	group_of_second = "77";
	ASSERT_OPENS("first");
	ASSERT_OPENS("second");
	EXPECT_EQ(2, count(GROUP));
}

TEST_F(iommu, no_group)
{
	group_of_first = "";
	ASSERT_EQ(-1, open_function(&self->machine, "first"));
	EXPECT_NE(NULL, strstr(why, "first: no IOMMU group"));
}

TEST_F(iommu, group_of_others)
{
	is_busy = true;
	ASSERT_EQ(-1, open_function(&self->machine, "first"));
	EXPECT_NE(NULL, strstr(why, "first: IOMMU group 7 has functions of the host's drivers"));
	EXPECT_EQ(0, count(DEVICE));
}

TEST_F(iommu, no_iommu)
{
	iommu_error = ENODEV;
	ASSERT_EQ(-1, open_function(&self->machine, "first"));
	EXPECT_NE(NULL, strstr(why, "first: no IOMMU of type 1: No such device; the host needs"));
}

/* VFIO refuses the function then, unless its administrator trusts all guests. */
TEST_F(iommu, interrupts_are_not_remapped)
{
	iommu_error = EPERM;
	ASSERT_EQ(-1, open_function(&self->machine, "first"));
	EXPECT_NE(NULL, strstr(why, "the host does not remap interrupts, and 'mmrctl check'"));
}

TEST_F(iommu, by_files)
{
	has_cdev = true;
	group_of_second = "7";
	ASSERT_OPENS("first");
	ASSERT_OPENS("second");
	EXPECT_EQ(2, count(CDEV));
	EXPECT_EQ(1, count(IOMMUFD));
	EXPECT_EQ(0, count(GROUP));
	EXPECT_TRUE(files[num_files - 1].is_attached);
}

TEST_HARNESS_MAIN
