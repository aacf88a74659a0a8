/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Declarations that the files of the core need. In the kernel they come from its headers.
 * Elsewhere a freestanding compiler and linux/pci_regs.h are enough.
 */
#ifndef VIRTIO_MMR_PURE_H
#define VIRTIO_MMR_PURE_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

#define virtio_mmr_format	snprintf
#else
#include <stdbool.h>
#include <stddef.h>

/* The same types as in the kernel, on every machine */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#endif

__attribute__((format(printf, 3, 4)))
int virtio_mmr_format(char *text, size_t size, const char *format, ...);
#endif

/* Little-endian numbers at any address */

static inline u16 virtio_mmr_get_le16(const u8 *raw)
{
	return raw[0] | raw[1] << 8;
}

static inline u32 virtio_mmr_get_le32(const u8 *raw)
{
	return virtio_mmr_get_le16(raw) | (u32)virtio_mmr_get_le16(raw + 2) << 16;
}

static inline u64 virtio_mmr_get_le64(const u8 *raw)
{
	return virtio_mmr_get_le32(raw) | (u64)virtio_mmr_get_le32(raw + 4) << 32;
}

static inline void virtio_mmr_put_le16(u8 *raw, u16 value)
{
	raw[0] = value;
	raw[1] = value >> 8;
}

static inline void virtio_mmr_put_le32(u8 *raw, u32 value)
{
	virtio_mmr_put_le16(raw, value);
	virtio_mmr_put_le16(raw + 2, value >> 16);
}

#endif /* VIRTIO_MMR_PURE_H */
