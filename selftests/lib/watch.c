// SPDX-License-Identifier: GPL-2.0-only
#include "watch.h"

int watch_read(void *data)
{
	struct watch *watch = data;
	uint32_t ones = 0xffffffff >> (32 - 8 * watch->width), value = 0;
	ssize_t done;

	done = vfio_read(watch->device, VFIO_PCI_BAR0_REGION_INDEX, watch->offset, &value,
			 watch->width);
	if (done != (ssize_t)watch->width)
		return vfio_error(done, watch->width);
	if (value == watch->value)
		watch->good++;
	else if (value == ones)
		watch->ones++;
	else
		watch->wrong++;
	return 0;
}
