// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into a VMM, this acts as a kernel that refuses VFIO_DEVICE_IOEVENTFD. REFUSE_AFTER
 * is the number of ioeventfds that it accepts before. Removal is always accepted.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdlib.h>

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int fd, unsigned long request, ...);
	static int accepted;
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);

	if (!real)
		real = dlsym(RTLD_NEXT, "ioctl");
	if (request == VFIO_DEVICE_IOEVENTFD &&
	    ((struct vfio_device_ioeventfd *)argument)->fd != -1 &&
	    accepted++ >= atoi(getenv("REFUSE_AFTER"))) {
		errno = EINVAL;
		return -1;
	}
	return real(fd, request, argument);
}
