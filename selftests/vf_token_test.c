// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VF whose PF belongs to a user of vfio-pci. That user could see the VF's actions. So the
 * user of the VF must give the token that the PF's user has set.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/functions.h"
#include "lib/report.h"
#include "lib/vfio.h"

#define SRIOV_ALLOWED	"/sys/module/vfio_pci/parameters/enable_sriov"
#define TOKEN		"0a4e1c0e-3f5b-4b6e-9d5b-1d1f6a7c2b10"
#define OTHER_TOKEN	"0a4e1c0e-3f5b-4b6e-9d5b-1d1f6a7c2b11"

FIXTURE(vf_token)
{
	const char *bdf;
	char pf[SYSFS_BDF_SIZE];
	char driver[SYSFS_DRIVER_SIZE];
	char vfs[16];
	struct dmesg log;
	struct vfio_container pf_container, container;
};

/* All VFs of the PF disappear with its driver, and return without a driver */
static int give_pf(const char *pf, const char *bdf, const char *driver, const char *vfs)
{
	int ret = sysfs_write(pf, "sriov_numvfs", "0");

	ret = ret ?: sysfs_unbind(pf);
	ret = ret ?: sysfs_bind(pf, driver);
	ret = ret ?: sysfs_write(pf, "sriov_numvfs", vfs);
	return ret ?: sysfs_bind(bdf, MMR_DRIVER);
}

FIXTURE_SETUP(vf_token)
{
	int fd;

	self->bdf = functions_find(NULL, 0);
	ASSERT_NE(self->bdf, NULL);
	if (!sysfs_physical_function(self->bdf, self->pf))
		SKIP(return, "%s is no VF", self->bdf);
	if (system("modprobe vfio-pci"))
		SKIP(return, "there is no vfio-pci");
	sysfs_driver(self->pf, self->driver);
	sysfs_text(self->pf, "sriov_numvfs", self->vfs, sizeof(self->vfs));
	dmesg_mark(&self->log);
	fd = open(SRIOV_ALLOWED, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(write(fd, "Y", 1), 1);
	close(fd);
	ASSERT_EQ(give_pf(self->pf, self->bdf, "vfio-pci", self->vfs), 0);
	vfio_container_open(&self->pf_container);
	vfio_container_open(&self->container);
}

FIXTURE_TEARDOWN(vf_token)
{
	vfio_container_close(&self->container);
	vfio_container_close(&self->pf_container);
	EXPECT_EQ(give_pf(self->pf, self->bdf, self->driver, self->vfs), 0);
	EXPECT_EQ(sysfs_override(self->pf, NULL), 0);
	EXPECT_TRUE(dmesg_clean(&self->log));
}

/* A file descriptor of the function, or a negative error code */
static int open_with(struct vfio_container *container, const char *bdf, const char *token)
{
	char path[32], name[SYSFS_BDF_SIZE + 64];
	int group, fd;

	snprintf(path, sizeof(path), "/dev/vfio/%d", sysfs_iommu_group(bdf));
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group < 0)
		fail("%s: %s", path, strerror(errno));
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container->fd) ||
	    (ioctl(container->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) && errno != EINVAL))
		fail("%s: %s", path, strerror(errno));
	snprintf(name, sizeof(name), token ? "%s vf_token=%s" : "%s", bdf, token);
	fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (fd < 0)
		fd = -errno;
	close(group);
	return fd;
}

TEST_F(vf_token, is_required)
{
	int pf = open_with(&self->pf_container, self->pf, TOKEN), fd;

	ASSERT_GE(pf, 0);
	EXPECT_EQ(open_with(&self->container, self->bdf, NULL), -EACCES);
	EXPECT_EQ(open_with(&self->container, self->bdf, OTHER_TOKEN), -EACCES);
	fd = open_with(&self->container, self->bdf, TOKEN);
	EXPECT_GE(fd, 0);
	close(fd);
	close(pf);
}

FUNCTIONS_HARNESS_MAIN
