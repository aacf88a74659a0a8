/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions and their counters in Prometheus' text format, as the textfile collector of its
 * node_exporter reads it.
 */
#ifndef MMRCTL_PROMETHEUS_H
#define MMRCTL_PROMETHEUS_H

#include "counters.h"

/**
 * print_prometheus - print all metrics
 * @found: the functions
 * @counters: those of each, in the same order; none for a function without
 */
void print_prometheus(const struct functions *found, const struct counters *counters);

#endif /* MMRCTL_PROMETHEUS_H */
