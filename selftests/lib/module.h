/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules for tests alone, which selftests/modules/build makes */
#ifndef SELFTESTS_MODULE_H
#define SELFTESTS_MODULE_H

#include "background.h"

/*
 * Loads a module of this repository's build/RELEASE/tests. 0, or a negative error code: -ENOENT
 * if nobody has built it, or if the kernel lacks a symbol that it needs.
 */
int module_load(const char *name, const char *parameters);

/* In a test of the harness: skips it if there is no such module, ends it if it does not load */
#define MODULE_LOAD(name, parameters)						\
do {										\
	int error_ = module_load(name, parameters);				\
	if (error_ == -ENOENT)							\
		SKIP(return, "no module of selftests/modules");			\
	ASSERT_EQ(error_, 0);							\
} while (0)

/* Ends the test if the module does not go */
void module_unload(const char *name);

/*
 * Waits for the end of a child for that time, unloads the module, and then waits for the child as
 * long as it takes. False if the child did not end while the module was there.
 */
bool module_unload_after(const char *name, pid_t child, unsigned int milliseconds, int *status);

/* The present value of a number; ends the test if there is none */
unsigned long module_number(const char *name, const char *parameter);

/* Sets one; ends the test if that is refused */
void module_set_number(const char *name, const char *parameter, unsigned long value);

/* Waits until a number is not 0, or the thread, if given, is over, or LEGACY_TIMEOUT */
void module_wait(const char *name, const char *parameter, struct background *thread);

#endif /* SELFTESTS_MODULE_H */
