// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../tools/vmm/iommufd.h"
#include "report.h"
#include "vfio.h"

static bool wants_iommufd(void)
{
	const char *way = getenv("VIRTIO_MMR_IOMMU");

	if (!way || !strcmp(way, "group"))
		return false;
	if (strcmp(way, "iommufd"))
		fail("VIRTIO_MMR_IOMMU=%s is neither group nor iommufd", way);
	return true;
}

static void iommufd_open(struct vfio_container *container)
{
	struct iommufd_ioas_alloc alloc = { .size = sizeof(alloc) };

	container->is_iommufd = true;
	container->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (container->fd < 0)
		fail("/dev/iommu: %s; does the kernel have CONFIG_IOMMUFD?", strerror(errno));
	if (ioctl(container->fd, IOMMUFD_IOAS_ALLOC, &alloc))
		fail("/dev/iommu: IOMMU_IOAS_ALLOC: %s", strerror(errno));
	container->ioas = alloc.ioas;
}

void vfio_container_open(struct vfio_container *container)
{
	memset(container, 0, sizeof(*container));
	if (wants_iommufd()) {
		iommufd_open(container);
		return;
	}
	container->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (container->fd < 0)
		fail("/dev/vfio/vfio: %s; is the module vfio_iommu_type1 loaded?",
		     strerror(errno));
	if (ioctl(container->fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		fail("/dev/vfio/vfio: no type 1 IOMMU; is the module vfio_iommu_type1 loaded?");
}

void vfio_container_close(struct vfio_container *container)
{
	if (container->fd >= 0)
		close(container->fd);
	container->fd = -1;
}

/* Open the group, or take one more reference if a device of it is open */
static int group_get(struct vfio_container *container, int id)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];
	bool first = true;
	int i, slot = -1;

	for (i = 0; i < VFIO_GROUPS_MAX; i++) {
		if (container->groups[i].users) {
			first = false;
			if (container->groups[i].id == id) {
				container->groups[i].users++;
				return i;
			}
		} else if (slot < 0) {
			slot = i;
		}
	}
	if (slot < 0)
		fail("more than %d IOMMU groups in one container", VFIO_GROUPS_MAX);

	snprintf(path, sizeof(path), "/dev/vfio/%d", id);
	container->groups[slot].fd = open(path, O_RDWR | O_CLOEXEC);
	if (container->groups[slot].fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (ioctl(container->groups[slot].fd, VFIO_GROUP_GET_STATUS, &status))
		fail("%s: GET_STATUS: %s", path, strerror(errno));
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		fail("%s: not viable: a device in this IOMMU group is bound to a host driver",
		     path);
	if (ioctl(container->groups[slot].fd, VFIO_GROUP_SET_CONTAINER,
		  &container->fd))
		fail("%s: SET_CONTAINER: %s", path, strerror(errno));
	if (first && ioctl(container->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		fail("%s: SET_IOMMU: %s", path, strerror(errno));
	container->groups[slot].id = id;
	container->groups[slot].users = 1;
	return slot;
}

static void group_put(struct vfio_container *container, int slot)
{
	if (!--container->groups[slot].users)
		close(container->groups[slot].fd);
}

/* An fd, or a negative error code */
static int group_open(struct vfio_device *device)
{
	struct vfio_container *container = device->container;
	int group = sysfs_iommu_group(device->bdf);
	int fd;

	if (group < 0)
		fail("%s: in no IOMMU group; is the IOMMU on (intel_iommu=on)?", device->bdf);
	device->group = group_get(container, group);
	fd = ioctl(container->groups[device->group].fd, VFIO_GROUP_GET_DEVICE_FD, device->bdf);
	if (fd < 0) {
		int error = errno;

		group_put(container, device->group);
		return -error;
	}
	return fd;
}

/* The device is open from the bind to the close of the fd. An fd, or a negative error code */
static int cdev_open(struct vfio_device *device)
{
	struct vfio_cdev_bind bind = {
		.argsz = sizeof(bind), .iommufd = device->container->fd,
	};
	struct vfio_cdev_attach attach = {
		.argsz = sizeof(attach), .ioas = device->container->ioas,
	};
	char path[128];
	glob_t found;
	int fd, error;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev/vfio*", device->bdf);
	if (glob(path, 0, NULL, &found))
		fail("%s: no such path; does the kernel have CONFIG_VFIO_DEVICE_CDEV?", path);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	if (ioctl(fd, VFIO_CDEV_BIND, &bind)) {
		error = errno;
		close(fd);
		return -error;
	}
	if (ioctl(fd, VFIO_CDEV_ATTACH, &attach))
		fail("%s: ATTACH_IOMMUFD_PT: %s", path, strerror(errno));
	return fd;
}

int vfio_device_try_open(struct vfio_device *device,
			 struct vfio_container *container, const char *bdf)
{
	unsigned int i;

	memset(device, 0, sizeof(*device));
	snprintf(device->bdf, sizeof(device->bdf), "%s", bdf);
	device->container = container;
	device->fd = container->is_iommufd ? cdev_open(device) : group_open(device);
	if (device->fd < 0)
		return device->fd;

	for (i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		struct vfio_region_info *region = &device->regions[i];

		region->argsz = sizeof(*region);
		region->index = i;
		/* The VGA region is absent from most devices */
		if (ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, region) &&
		    i <= VFIO_PCI_CONFIG_REGION_INDEX) {
			int error = errno;

			vfio_device_close(device);
			return -error;
		}
	}
	return 0;
}

void vfio_device_open(struct vfio_device *device,
		      struct vfio_container *container, const char *bdf)
{
	int ret = vfio_device_try_open(device, container, bdf);

	if (ret)
		fail("%s: open: %s", bdf, strerror(-ret));
}

int vfio_device_reopen(struct vfio_device *device)
{
	struct vfio_device again = *device;
	int fd;

	if (device->container->is_iommufd)
		return cdev_open(&again);
	fd = ioctl(device->container->groups[device->group].fd, VFIO_GROUP_GET_DEVICE_FD,
		   device->bdf);
	return fd < 0 ? -errno : fd;
}

int vfio_device_steal(struct vfio_device *device)
{
	struct vfio_device again = *device;
	struct vfio_container other;
	char path[32];
	int fd;

	if (device->container->is_iommufd) {
		vfio_container_open(&other);
		again.container = &other;
		fd = cdev_open(&again);
		vfio_container_close(&other);
	} else {
		snprintf(path, sizeof(path), "/dev/vfio/%d", sysfs_iommu_group(device->bdf));
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

void vfio_device_close(struct vfio_device *device)
{
	unsigned int i;

	for (i = 0; i < device->vectors; i++)
		close(device->eventfds[i]);
	device->vectors = 0;
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
	if (!device->container->is_iommufd)
		group_put(device->container, device->group);
}

ssize_t vfio_read(struct vfio_device *device, unsigned int region,
		  uint64_t offset, void *data, size_t size)
{
	ssize_t done = pread(device->fd, data, size,
			     device->regions[region].offset + offset);

	return done < 0 ? -errno : done;
}

ssize_t vfio_write(struct vfio_device *device, unsigned int region,
		   uint64_t offset, const void *data, size_t size)
{
	ssize_t done = pwrite(device->fd, data, size,
			      device->regions[region].offset + offset);

	return done < 0 ? -errno : done;
}

uint32_t vfio_config_read(struct vfio_device *device, unsigned int offset,
			  unsigned int width)
{
	uint32_t value = 0;
	ssize_t done = vfio_read(device, VFIO_PCI_CONFIG_REGION_INDEX, offset,
				 &value, width);

	if (done != (ssize_t)width)
		fail("%s: config read of %u bytes at %#x: %zd", device->bdf,
		     width, offset, done);
	return value;
}

void vfio_config_write(struct vfio_device *device, unsigned int offset,
		       unsigned int width, uint32_t value)
{
	ssize_t done = vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX, offset,
				  &value, width);

	if (done != (ssize_t)width)
		fail("%s: config write of %u bytes at %#x: %zd", device->bdf,
		     width, offset, done);
}

unsigned int vfio_capability(struct vfio_device *device, uint8_t id)
{
	unsigned int at, steps;

	at = vfio_config_read(device, PCI_CAPABILITY_LIST, 1) & ~3u;
	for (steps = 0; at && steps < 48; steps++) {
		if (vfio_config_read(device, at + PCI_CAP_LIST_ID, 1) == id)
			return at;
		at = vfio_config_read(device, at + PCI_CAP_LIST_NEXT, 1) & ~3u;
	}
	return 0;
}

void vfio_command(struct vfio_device *device, uint16_t set, uint16_t clear)
{
	uint16_t command = vfio_config_read(device, PCI_COMMAND, 2);

	vfio_config_write(device, PCI_COMMAND, 2, (command & ~clear) | set);
}

int vfio_reset(struct vfio_device *device)
{
	return ioctl(device->fd, VFIO_DEVICE_RESET) ? -errno : 0;
}

int vfio_feature(struct vfio_device *device, uint32_t flags)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = flags,
	};

	return ioctl(device->fd, VFIO_DEVICE_FEATURE, &feature) ? -errno : 0;
}

/* Since Linux 6.19 */
#define DMA_BUF	11

int vfio_dma_buf(struct vfio_device *device, unsigned int region, uint64_t length)
{
	struct {
		struct vfio_device_feature header;
		uint32_t region;
		uint32_t open_flags;
		uint32_t flags;
		uint32_t ranges;
		uint64_t offset;
		uint64_t length;
	} feature = {
		.header.argsz = sizeof(feature),
		.header.flags = VFIO_DEVICE_FEATURE_GET | DMA_BUF,
		.region = region,
		.open_flags = O_RDWR | O_CLOEXEC,
		.ranges = 1,
		.length = length,
	};
	int ret = ioctl(device->fd, VFIO_DEVICE_FEATURE, &feature);

	return ret < 0 ? -errno : ret;
}

bool vfio_has_low_power(struct vfio_device *device)
{
	return !vfio_feature(device, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
				     VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
}

int vfio_low_power(struct vfio_device *device, bool enter)
{
	return vfio_feature(device, VFIO_DEVICE_FEATURE_SET |
				    (enter ? VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY :
					     VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
}

int vfio_low_power_with_wakeup(struct vfio_device *device, int eventfd)
{
	struct {
		struct vfio_device_feature header;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} feature = {
		.header.argsz = sizeof(feature),
		.header.flags = VFIO_DEVICE_FEATURE_SET |
				VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
		.entry.wakeup_eventfd = eventfd,
	};

	return ioctl(device->fd, VFIO_DEVICE_FEATURE, &feature) ? -errno : 0;
}

int vfio_irq_action(struct vfio_device *device, unsigned int index, uint32_t flags,
		    unsigned int start, unsigned int count, const void *data, size_t size)
{
	struct vfio_irq_set *set;
	int ret;

	set = calloc(1, sizeof(*set) + size);
	if (!set)
		return -ENOMEM;
	set->argsz = sizeof(*set) + size;
	set->index = index;
	set->start = start;
	set->count = count;
	set->flags = flags;
	if (size)
		memcpy(set->data, data, size);
	ret = ioctl(device->fd, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
	free(set);
	return ret;
}

int vfio_set_irqs(struct vfio_device *device, unsigned int index,
		  unsigned int count, const int *eventfds)
{
	return vfio_irq_action(device, index, VFIO_IRQ_SET_ACTION_TRIGGER |
			       (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
			       0, count, eventfds, count * sizeof(int));
}

unsigned int vfio_irqs(const struct vfio_device *device, unsigned int index)
{
	struct vfio_irq_info info = {
		.argsz = sizeof(info),
		.index = index,
	};

	if (ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info))
		fail("%s: GET_IRQ_INFO %u: %s", device->bdf, index, strerror(errno));
	return info.count;
}

int vfio_ioeventfd(struct vfio_device *device, uint32_t width, uint64_t offset, uint64_t data,
		   int fd)
{
	struct vfio_device_ioeventfd ioeventfd = {
		.argsz = sizeof(ioeventfd),
		.flags = width,
		.offset = offset,
		.data = data,
		.fd = fd,
	};

	return ioctl(device->fd, VFIO_DEVICE_IOEVENTFD, &ioeventfd) ? -errno : 0;
}

unsigned int vfio_msix_vectors(const struct vfio_device *device)
{
	return vfio_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX);
}

void vfio_msix_enable(struct vfio_device *device, unsigned int vectors)
{
	unsigned int i;
	int ret;

	if (vectors > VFIO_VECTORS_MAX)
		fail("%u vectors asked for, %u is the most", vectors, VFIO_VECTORS_MAX);
	for (i = 0; i < vectors; i++)
		device->eventfds[i] = vfio_eventfd();
	device->vectors = vectors;
	ret = vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, vectors,
			    device->eventfds);
	if (ret)
		fail("%s: SET_IRQS with %u MSI-X vectors: %s", device->bdf,
		     vectors, strerror(-ret));
}

void vfio_msix_disable(struct vfio_device *device)
{
	unsigned int i;
	int ret;

	ret = vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, NULL);
	if (ret)
		fail("%s: SET_IRQS without MSI-X vectors: %s", device->bdf,
		     strerror(-ret));
	for (i = 0; i < device->vectors; i++)
		close(device->eventfds[i]);
	device->vectors = 0;
}

int vfio_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		fail("eventfd: %s", strerror(errno));
	return fd;
}

uint64_t vfio_eventfd_wait(int fd, unsigned int milliseconds)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	uint64_t count;

	if (poll(&pollfd, 1, milliseconds) < 0)
		fail("poll: %s", strerror(errno));
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		return count;
	if (errno != EAGAIN)
		fail("eventfd: %s", strerror(errno));
	return 0;
}

uint64_t vfio_msix_wait(struct vfio_device *device, unsigned int vector,
			unsigned int milliseconds)
{
	return vfio_eventfd_wait(device->eventfds[vector], milliseconds);
}

static int ioas_map(struct vfio_container *container, void *memory, uint64_t iova, size_t size)
{
	struct iommufd_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_WRITEABLE | IOMMUFD_MAP_READABLE,
		.ioas = container->ioas,
		.address = (uintptr_t)memory,
		.length = size,
		.iova = iova,
	};

	return ioctl(container->fd, IOMMUFD_IOAS_MAP, &map) ? -errno : 0;
}

static int ioas_unmap(struct vfio_container *container, uint64_t iova, size_t size)
{
	struct iommufd_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas = container->ioas,
		.iova = iova,
		.length = size,
	};

	if (ioctl(container->fd, IOMMUFD_IOAS_UNMAP, &unmap))
		return -errno;
	return unmap.length == size ? 0 : -ENOENT;
}

int vfio_dma_map(struct vfio_container *container, void *memory,
		 uint64_t iova, size_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	if (container->is_iommufd)
		return ioas_map(container, memory, iova, size);
	return ioctl(container->fd, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int vfio_dma_unmap(struct vfio_container *container, uint64_t iova,
		   size_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	if (container->is_iommufd)
		return ioas_unmap(container, iova, size);
	if (ioctl(container->fd, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return -errno;
	return unmap.size == size ? 0 : -ENOENT;
}
