/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For measuring the cost of the driver's counters: a driver built with this has none. */
#ifndef BENCH_UNCOUNTED_H
#define BENCH_UNCOUNTED_H

#include <linux/percpu.h>

#undef this_cpu_inc
#define this_cpu_inc(counter) ((void)&(counter))

#endif /* BENCH_UNCOUNTED_H */
