/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters that the driver keeps of a function, from sysfs.
 */
#ifndef MMRCTL_COUNTERS_H
#define MMRCTL_COUNTERS_H

#include "functions.h"

/* The driver's file in the function's folder; Documentation/ABI has its lines */
#define COUNTERS_FILE	"virtio_mmr_counters"

#define COUNTERS_MAX		64
#define COUNTER_NAME_SIZE	48

/**
 * struct counter - a line of the file
 * @name: lower case letters, digits and underscores
 * @value: wraps around
 */
struct counter {
	char name[COUNTER_NAME_SIZE];
	unsigned long long value;
};

struct counters {
	struct counter list[COUNTERS_MAX];
	size_t count;
};

/**
 * counters_read - all counters of a function
 * @counters: where to store them, in the order of the file
 * @function: the function
 * @named: by the user; else it has no counters, and no message, if it is bound no longer
 *
 * The driver makes the file when the function is opened for the first time. Until then the
 * counters that this version knows are 0.
 *
 * Return: STATUS_OK, or STATUS_DENIED or STATUS_UNUSABLE after a message.
 */
int counters_read(struct counters *counters, const struct function *function, bool named);

/* What it counts, in a sentence without characters that Prometheus escapes */
const char *counter_help(const char *name);

/* The counter of that name, or NULL */
const struct counter *counters_find(const struct counters *counters, const char *name);

/* Whether the driver keeps counters of it: it is bound, and no foreign function */
bool function_has_counters(const struct function *function);

/* The counters as JSON */
json_t *counters_json(const struct counters *counters);

#endif /* MMRCTL_COUNTERS_H */
