/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * What the decoding and translating files need, in the kernel and in user
 * space alike: they are unit-tested from the same source.
 */
#ifndef VIRTIO_MMR_PURE_H
#define VIRTIO_MMR_PURE_H

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif
#endif

#endif /* VIRTIO_MMR_PURE_H */
