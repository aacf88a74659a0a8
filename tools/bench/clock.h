/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is measured: time, or instructions where the TSC counts those. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether the TSC counts instructions (QEMU -icount shift=0). Then clock_now()
 * reads it and counts instructions of this CPU, those of the kernel and of guests
 * included; otherwise clock_now() is in nanoseconds. Call it before.
 */
bool clock_init(void);

uint64_t clock_now(void);

#endif /* BENCH_CLOCK_H */
