/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whatever a user and root can do to a function, by many threads at the same time. No answer is
 * looked at: a thread only has to come back. Users are processes of their own, so they can be
 * killed at any time, and an fd that is closed too early is no other file.
 */
#ifndef SELFTESTS_TORTURE_H
#define SELFTESTS_TORTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sysfs.h"

#define TORTURE_FUNCTIONS_MAX	8
/* Of each user, and of root */
#define TORTURE_USER_THREADS	6
#define TORTURE_ROOT_THREADS	3
/* The first one is that of the user's process: open and close */
#define TORTURE_USER_SLOTS	(TORTURE_USER_THREADS + 1)
#define TORTURE_SLOTS_OF_USERS	(TORTURE_FUNCTIONS_MAX * TORTURE_USER_SLOTS)
#define TORTURE_THREADS_MAX	(TORTURE_SLOTS_OF_USERS + TORTURE_ROOT_THREADS)
#define TORTURE_KINDS_MAX	40
#define TORTURE_LIFE_MIN	3000 /* ms */

/* Of a thread, in memory that all processes share */
struct torture_thread {
	pid_t id;
	/* What it does now; NULL: nothing */
	const char *what;
	/* Goes up with each step. The watch takes the time: a clock may cost more than an access */
	uint64_t steps;
};

struct torture_function {
	const char *bdf;
	char pf[SYSFS_BDF_SIZE];
	char vfs[16];
	bool is_rng;
	/*
	 * Users map its memory, and root does not reset it: accesses by mappings reach a function
	 * that root resets, as with vfio-pci (Documentation/driver.rst)
	 */
	bool is_mapped;
	/* Root waits for the user to close. A VMM gets a request for that */
	unsigned int wanted;
};

/* All of it, in memory that all processes share */
struct torture {
	bool stop;
	/* All VFs of a PF may go away for a while */
	bool without_vfs;
	/* How often links fail, compared with the other operations of root; 0: never */
	unsigned int link_weight;
	unsigned long seed;
	/* The longest time from open to close, in ms, at least TORTURE_LIFE_MIN */
	unsigned int life;
	unsigned int functions;
	struct torture_function function[TORTURE_FUNCTIONS_MAX];
	struct torture_thread thread[TORTURE_THREADS_MAX];
	/* Operations that were done, of each kind; times a function was opened, and was not */
	uint64_t done[2 * TORTURE_KINDS_MAX], opened, refused;
	/* Links that have failed, with a recovery after each */
	uint64_t links;
	/* File descriptors that a user had left after its close */
	uint64_t fds;
};

struct torture *torture_create(unsigned long seed);
uint64_t torture_now(void); /* ms */

/* The processes that open function @nth again and again, and those of root. They run already */
pid_t torture_users(struct torture *torture, unsigned int nth);
pid_t torture_root(struct torture *torture);

/* Binds a function that may be anywhere, or be gone. 0 or a negative error code */
int torture_restore(const struct torture_function *function);

/* Comments with the number of operations of each kind */
void torture_report(const struct torture *torture);

/* Kinds that were never done, which are reported */
unsigned int torture_missing(const struct torture *torture);

#endif /* SELFTESTS_TORTURE_H */
