/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Macros of the kernel that files of the core use. They are not in the headers that
 * programs include: some of these names are words that C and C++ have a use for.
 */
#ifndef VIRTIO_MMR_MACROS_H
#define VIRTIO_MMR_MACROS_H

#include "pure.h"

#ifndef __KERNEL__
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* One access, regardless of the compiler's knowledge of the variable */
#define READ_ONCE(variable)		(*(const volatile __typeof__(variable) *)&(variable))
#define WRITE_ONCE(variable, value)	(*(volatile __typeof__(variable) *)&(variable) = (value))

#define fallthrough		__attribute__((__fallthrough__))
#endif

#endif /* VIRTIO_MMR_MACROS_H */
