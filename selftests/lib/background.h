/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads and processes beside a test. A thread calls a function again and again: until it is
 * told to stop, until the function returns an error, or so many times.
 *
 * A test that an ASSERT ends leaves its threads running. session_close() stops them. Until
 * then they go on with their data, which must outlive the test: static, or the fixture's.
 */
#ifndef SELFTESTS_BACKGROUND_H
#define SELFTESTS_BACKGROUND_H

#include <stdbool.h>
#include <sys/types.h>

/* At the same time */
#define BACKGROUND_MAX	32

struct background;

/*
 * The function returns 0, or a negative error code, after which it is not called again.
 * The thread runs when these return.
 */
struct background *background_start(int (*function)(void *data), void *data);
struct background *background_repeat(int (*function)(void *data), void *data,
				     unsigned int times);

/* Whether it has ended by itself */
bool background_is_over(struct background *thread);

/*
 * Waits for its end, which background_stop() asks for. Returns the function's error, or 0.
 * The thread does not exist any more afterwards.
 */
int background_wait(struct background *thread);
int background_stop(struct background *thread);

/* Stops all that are left. One that does not come back in time is reported, and stays */
void background_stop_all(void);

/* Waits for the end of a child; false if it has not come in time */
bool background_process_ends(pid_t process, unsigned int milliseconds, int *status);

#endif /* SELFTESTS_BACKGROUND_H */
