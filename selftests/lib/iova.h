/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that the device sees at a chosen I/O virtual address. */
#ifndef SELFTESTS_IOVA_H
#define SELFTESTS_IOVA_H

#include <stddef.h>
#include <stdint.h>

struct vfio_container;

/*
 * Above 4 GiB, and different from all addresses of this process and of RAM. So DMA that
 * bypasses the IOMMU's mapping fails the test. Below 2^44, the limit of a legacy queue address
 * (a 32-bit page number).
 */
#define IOVA_BASE	0x123450000ull

struct iova_area {
	struct vfio_container *container;
	uint8_t *memory;
	uint64_t iova;
	size_t size;
	size_t used;
};

/* Zeroed memory of a whole number of pages, mapped for reading and writing */
void iova_map(struct iova_area *area, struct vfio_container *container,
	      uint64_t iova, size_t size);

/*
 * Takes the memory from the device only. The test can still read it. A device reads a live queue
 * even after the answer to the last request, when it looks for more. So the queue is reset
 * before, or the session is detached.
 */
void iova_hide(struct iova_area *area);
void iova_unmap(struct iova_area *area);

/* Carves a piece off; ends the test if the area is exhausted */
void *iova_take(struct iova_area *area, size_t size, size_t align);
uint64_t iova_of(const struct iova_area *area, const void *memory);

#endif /* SELFTESTS_IOVA_H */
