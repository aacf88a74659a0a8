/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel lets the nth allocation of a task fail, or the nth copy of a user's memory:
 * /proc/thread-self/fail-nth. Here only those with the driver's module on the stack count.
 */
#ifndef SELFTESTS_INJECTION_H
#define SELFTESTS_INJECTION_H

#include <stdbool.h>

#define INJECTION_FILE	"/proc/thread-self/fail-nth"

/*
 * For all that follows. Nothing fails within the function of the kernel with the name @spare, if
 * there is one. False if this kernel cannot do that
 */
bool injection_switch_on(const char *spare);

/* The nth one of this thread fails; 0: none. @file is INJECTION_FILE, open */
void injection_arm(int file, unsigned int nth);

/* None fails any more. Whether the one that should fail has failed */
bool injection_disarm(int file);

#endif /* SELFTESTS_INJECTION_H */
