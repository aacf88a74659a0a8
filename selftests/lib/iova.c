// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "iova.h"
#include "report.h"
#include "vfio.h"

void iova_map(struct iova_area *area, struct vfio_container *container,
	      uint64_t iova, size_t size)
{
	int ret;

	area->container = container;
	area->iova = iova;
	area->size = size;
	area->used = 0;
	area->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (area->memory == MAP_FAILED)
		fail("mmap of %zu bytes: %s", size, strerror(errno));
	ret = vfio_dma_map(container, area->memory, iova, size);
	if (ret)
		fail("MAP_DMA of %zu bytes at %#llx: %s", size,
		     (unsigned long long)iova, strerror(-ret));
}

void iova_hide(struct iova_area *area)
{
	struct vfio_container *container = area->container;
	int ret;

	area->container = NULL;
	/* A container that was closed has no mappings */
	if (!container || container->fd < 0)
		return;
	ret = vfio_dma_unmap(container, area->iova, area->size);
	if (ret)
		fail("UNMAP_DMA of %zu bytes at %#llx: %s", area->size,
		     (unsigned long long)area->iova, strerror(-ret));
}

void iova_unmap(struct iova_area *area)
{
	iova_hide(area);
	if (area->memory)
		munmap(area->memory, area->size);
	area->memory = NULL;
}

void *iova_take(struct iova_area *area, size_t size, size_t align)
{
	size_t start = (area->used + align - 1) / align * align;

	if (start + size > area->size)
		fail("%zu bytes do not fit the area of %zu bytes at %#llx", size,
		     area->size, (unsigned long long)area->iova);
	area->used = start + size;
	return area->memory + start;
}

uint64_t iova_of(const struct iova_area *area, const void *memory)
{
	return area->iova + ((const uint8_t *)memory - area->memory);
}
