/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads and processes beside a test. A thread calls a function again and again. It ends after
 * a given number of calls, at an error of the function, or when the test stops it.
 *
 * A test that ends by an ASSERT leaves its threads running. session_close() stops them. Until
 * then they use their data, so the data must outlive the test: static, or the fixture's.
 */
#ifndef SELFTESTS_BACKGROUND_H
#define SELFTESTS_BACKGROUND_H

#include <stdbool.h>
#include <sys/types.h>

/* At the same time */
#define BACKGROUND_MAX	32

struct background;

/*
 * The function returns 0, or a negative error code that ends the thread. The thread already
 * runs when these return.
 */
struct background *background_start(int (*function)(void *data), void *data);
struct background *background_repeat(int (*function)(void *data), void *data,
				     unsigned int times);

/* Waits for a thread to raise a counter of its own above 0; false if that takes 5 s */
bool background_counts(const unsigned int *counter);

/* Whether the thread has ended by itself */
bool background_is_over(struct background *thread);

/*
 * Waits for the thread's end. background_stop() also asks for it. Returns the function's error,
 * or 0. The thread no longer exists afterwards.
 */
int background_wait(struct background *thread);
int background_stop(struct background *thread);

/* Stops all remaining threads. A thread that does not end in time is reported, and stays */
void background_stop_all(void);

/* Waits for the end of a child; false if it has not come in time */
bool background_process_ends(pid_t process, unsigned int milliseconds, int *status);

#endif /* SELFTESTS_BACKGROUND_H */
