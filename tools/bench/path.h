/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways of an access to a device that are measured. */
#ifndef BENCH_PATH_H
#define BENCH_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "target.h"

#define PATH_NAME_SIZE	48
#define PATHS_MAX	96

/* What one operation makes the device see */
enum path_effect {
	PATH_NOTHING,
	PATH_NOTIFIES,
	PATH_READS,
	PATH_WRITES,
};

struct path {
	char name[PATH_NAME_SIZE];
	enum path_effect effect;
	/* The device may look at its queues though nobody notifies it */
	bool is_start;
	/* Does that many operations; returns what clock_now() said they took */
	uint64_t (*batch)(const struct path *path, unsigned int operations);
	/* Operations for each one asked for, where a single one costs too little */
	unsigned int factor;

	struct machine *machine;
	const char *entry;
	void (*on_exit)(const struct path *path);
	uint16_t port;
	uint32_t address;
	uint16_t value;

	int fd;
	uint64_t position;
	unsigned int width;
	uint32_t data;
	uint16_t *mapped;
};

struct paths {
	struct path path[PATHS_MAX];
	unsigned int count;
	/* What they share */
	int eventfd, idle_eventfd;
	void *page;
};

/*
 * All paths that the target's driver has. Each guest has a machine of its own, as
 * KVM's costs depend on what else is registered there.
 */
void paths_create(struct paths *paths, struct target *target);
void paths_destroy(struct paths *paths);

/*
 * Does some operations and ends the program, with a message, unless the device saw
 * the work that it should have done: each notification, and the request that was offered before;
 * or, for a path that ends before the device, none. Returns the notifications.
 */
unsigned int path_verify(const struct path *path, struct target *target);

#endif /* BENCH_PATH_H */
