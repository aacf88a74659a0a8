/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Refuses kernels that are not tested, and names the range that is. compat/Makefile.include
 * takes the range from kernel_range. It includes this file before all others: errors
 * about a missing feature would only confuse.
 */
#include <generated/utsrelease.h>
#include <linux/stringify.h>
#include <linux/version.h>

#define VIRTIO_MMR_KERNEL \
	KERNEL_VERSION(LINUX_VERSION_MAJOR, LINUX_VERSION_PATCHLEVEL, 0)
#define VIRTIO_MMR_OLDEST \
	KERNEL_VERSION(VIRTIO_MMR_OLDEST_MAJOR, VIRTIO_MMR_OLDEST_MINOR, 0)
#define VIRTIO_MMR_NEWEST \
	KERNEL_VERSION(VIRTIO_MMR_NEWEST_MAJOR, VIRTIO_MMR_NEWEST_MINOR, 0)

#if !defined(VIRTIO_MMR_ANY_KERNEL) && \
	(VIRTIO_MMR_KERNEL < VIRTIO_MMR_OLDEST || VIRTIO_MMR_KERNEL > VIRTIO_MMR_NEWEST)
/* #error would not expand these */
#pragma message("virtio_mmr supports Linux " \
		__stringify(VIRTIO_MMR_OLDEST_MAJOR) "." \
		__stringify(VIRTIO_MMR_OLDEST_MINOR) " to " \
		__stringify(VIRTIO_MMR_NEWEST_MAJOR) "." \
		__stringify(VIRTIO_MMR_NEWEST_MINOR) "; this kernel is " UTS_RELEASE)
#if VIRTIO_MMR_KERNEL < VIRTIO_MMR_OLDEST
#error This kernel is older than all that were tested. Use a newer one, or try this one by \
	"make VIRTIO_MMR_ANY_KERNEL=1" if its VFIO is newer than its version.
#else
#error This kernel is newer than all that were tested. Look for a newer version of the \
	driver, or try this one by "make VIRTIO_MMR_ANY_KERNEL=1".
#endif
#endif
