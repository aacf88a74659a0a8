// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * libvirtio_mmr: the core as one object. It needs no other library, not even a C library.
 */
#include "virtio_mmr/capability.c"
#include "virtio_mmr/doorbell.c"
#include "virtio_mmr/function.c"
#include "virtio_mmr/identity.c"
#include "virtio_mmr/interrupt.c"
#include "virtio_mmr/layout.c"
#include "virtio_mmr/lists.c"
#include "virtio_mmr/mapping.c"
#include "virtio_mmr/placement.c"
#include "virtio_mmr/port.c"
#include "virtio_mmr/scan.c"
#include "virtio_mmr/space.c"
#include "virtio_mmr/text.c"
#include "virtio_mmr/vectors.c"
#include "virtio_mmr/view.c"

/*
 * Compilers call these for large structures, even without a library. They stay private to the
 * object, so that they do not replace those of the program.
 */

/* A compiler that knows what such a loop does would call the function that it is in */
static inline void no_call(void)
{
	__asm__ volatile("" : : : "memory");
}

__attribute__((used)) static void *memset(void *to, int byte, size_t count)
{
	u8 *at = to;

	while (count--) {
		*at++ = byte;
		no_call();
	}
	return to;
}

__attribute__((used)) static void *memcpy(void *to, const void *from, size_t count)
{
	const u8 *source = from;
	u8 *at = to;

	while (count--) {
		*at++ = *source++;
		no_call();
	}
	return to;
}
