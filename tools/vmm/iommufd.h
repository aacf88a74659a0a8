/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mmrvmm and the tests need of linux/iommufd.h and of VFIO's part for it. Both are newer
 * than the headers of Debian 12. The layouts are the kernel's, since 6.2 and 6.6.
 */
#ifndef IOMMUFD_H
#define IOMMUFD_H

#include <stdint.h>
#include <sys/ioctl.h>

#define IOMMUFD_DESTROY		_IO(';', 0x80)
#define IOMMUFD_IOAS_ALLOC	_IO(';', 0x81)
#define IOMMUFD_IOAS_MAP	_IO(';', 0x85)
#define IOMMUFD_IOAS_UNMAP	_IO(';', 0x86)

#define IOMMUFD_MAP_FIXED_IOVA	0x01
#define IOMMUFD_MAP_WRITEABLE	0x02
#define IOMMUFD_MAP_READABLE	0x04

struct iommufd_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;		/* out */
};

struct iommufd_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;
	uint32_t reserved;
	uint64_t address;	/* in this process */
	uint64_t length;
	uint64_t iova;
};

struct iommufd_ioas_unmap {
	uint32_t size;
	uint32_t ioas;
	uint64_t iova;
	uint64_t length;	/* in, and out: what was unmapped */
};

#define VFIO_CDEV_BIND		_IO(';', 100 + 18)
#define VFIO_CDEV_ATTACH	_IO(';', 100 + 19)

struct vfio_cdev_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t device;	/* out */
};

struct vfio_cdev_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t ioas;		/* in, and out: the page table in use */
};

#endif /* IOMMUFD_H */
