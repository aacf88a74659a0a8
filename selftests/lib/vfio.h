/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VFIO. The variable VIRTIO_MMR_IOMMU chooses the way to a device: "group" is the default, by
 * groups and containers with a type 1 IOMMU. "iommufd" is the way by /dev/vfio/devices, which
 * kernels need CONFIG_VFIO_DEVICE_CDEV for.
 */
#ifndef SELFTESTS_VFIO_H
#define SELFTESTS_VFIO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/types.h>

#include "sysfs.h"

#define VFIO_GROUPS_MAX		8
#define VFIO_VECTORS_MAX	4

/* The memory that devices see: a container of groups, or address space @ioas of an iommufd */
struct vfio_container {
	int fd;
	bool is_iommufd;
	uint32_t ioas;
	struct {
		int id;
		int fd;
		unsigned int users;
	} groups[VFIO_GROUPS_MAX];
};

struct vfio_device {
	char bdf[SYSFS_BDF_SIZE];
	struct vfio_container *container;
	int group;
	int fd;
	struct vfio_region_info regions[VFIO_PCI_NUM_REGIONS];
	/* Region and place of its legacy registers. By default BAR0, from its start */
	unsigned int registers_region;
	uint64_t registers_offset;
	/* Old drivers leave bus mastering alone */
	bool sets_no_master;
	unsigned int vectors;
	int eventfds[VFIO_VECTORS_MAX];
};

void vfio_container_open(struct vfio_container *container);
void vfio_container_close(struct vfio_container *container);

/* Several devices may share a container, and then its memory mappings */
void vfio_device_open(struct vfio_device *device,
		      struct vfio_container *container, const char *bdf);

/* The same, but a refusal by the kernel is returned: 0 or a negative error code */
int vfio_device_try_open(struct vfio_device *device,
			 struct vfio_container *container, const char *bdf);
void vfio_device_close(struct vfio_device *device);

/* Opens an open device once more, as its own user may: an fd or a negative error code */
int vfio_device_reopen(struct vfio_device *device);

/* Opens it as a stranger would, and closes that. 0 or a negative error code */
int vfio_device_steal(struct vfio_device *device);

/* Bytes moved, or a negative error code */
ssize_t vfio_read(struct vfio_device *device, unsigned int region,
		  uint64_t offset, void *data, size_t size);
ssize_t vfio_write(struct vfio_device *device, unsigned int region,
		   uint64_t offset, const void *data, size_t size);

/* 0 if that moved all bytes, else a negative error code */
static inline int vfio_error(ssize_t moved, size_t size)
{
	if (moved < 0)
		return moved;
	return moved == (ssize_t)size ? 0 : -EIO;
}

/* Config space registers of 1, 2 or 4 bytes; a short access ends the test */
uint32_t vfio_config_read(struct vfio_device *device, unsigned int offset,
			  unsigned int width);
void vfio_config_write(struct vfio_device *device, unsigned int offset,
		       unsigned int width, uint32_t value);

/* Offset of a capability in config space, 0 if absent */
unsigned int vfio_capability(struct vfio_device *device, uint8_t id);

/* Sets and clears bits of COMMAND as a guest would: read, modify, write */
void vfio_command(struct vfio_device *device, uint16_t set, uint16_t clear);

/* 0 or a negative error code */
int vfio_reset(struct vfio_device *device);
int vfio_set_irqs(struct vfio_device *device, unsigned int index,
		  unsigned int count, const int *eventfds);

/* Any SET_IRQS. The flags have an action and a form of data, as in linux/vfio.h */
int vfio_irq_action(struct vfio_device *device, unsigned int index, uint32_t flags,
		    unsigned int start, unsigned int count, const void *data, size_t size);

/* Interrupts that the function has of a kind, such as VFIO_PCI_INTX_IRQ_INDEX */
unsigned int vfio_irqs(const struct vfio_device *device, unsigned int index);

/*
 * A signal of the eventfd writes data at an offset of the device's file. The width is that of
 * VFIO_DEVICE_IOEVENTFD_8 to _64. An fd of -1 removes the ioeventfd. 0 or a negative error
 * code.
 */
int vfio_ioeventfd(struct vfio_device *device, uint32_t width, uint64_t offset, uint64_t data,
		   int fd);

/* VFIO_DEVICE_FEATURE without data, such as a probe of one. 0, or a negative error code */
int vfio_feature(struct vfio_device *device, uint32_t flags);

/*
 * A DMA-BUF of the first bytes of a region, with VFIO_DEVICE_FEATURE_DMA_BUF. Its descriptor, or a
 * negative error code
 */
int vfio_dma_buf(struct vfio_device *device, unsigned int region, uint64_t length);

/* Whether the user can let the function sleep, until an access or until the user ends it */
bool vfio_has_low_power(struct vfio_device *device);
int vfio_low_power(struct vfio_device *device, bool enter);

/* The same, until something wakes it. That signals the eventfd */
int vfio_low_power_with_wakeup(struct vfio_device *device, int eventfd);

/* MSI-X vectors that the function has; none if it has no MSI-X */
unsigned int vfio_msix_vectors(const struct vfio_device *device);

/* Skips a function with fewer vectors, in a test or in a fixture's setup */
#define NEED_VECTORS(device, count) do {						\
	unsigned int wanted_ = (count), has_ = vfio_msix_vectors(device);	\
										\
	if (has_ < wanted_)							\
		SKIP(return, "needs %u MSI-X vectors, the function has %u",	\
		     wanted_, has_);						\
} while (0)

/* MSI-X with an eventfd for each vector; disable closes them */
void vfio_msix_enable(struct vfio_device *device, unsigned int vectors);
void vfio_msix_disable(struct vfio_device *device);

/* Interrupts counted on a vector since the last call; waits for the first */
uint64_t vfio_msix_wait(struct vfio_device *device, unsigned int vector,
			unsigned int milliseconds);

/* The same for any eventfd that does not block */
uint64_t vfio_eventfd_wait(int fd, unsigned int milliseconds);
int vfio_eventfd(void);

/* Memory of this process for the device; 0 or a negative error code */
int vfio_dma_map(struct vfio_container *container, void *memory,
		 uint64_t iova, size_t size);
int vfio_dma_unmap(struct vfio_container *container, uint64_t iova,
		   size_t size);

#endif /* SELFTESTS_VFIO_H */
