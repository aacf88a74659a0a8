/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LOCK_H
#define LOCK_H

#include <pthread.h>
#include <stdbool.h>

/**
 * struct lock - a lock for which the first thread does not wait in line
 * @mutex: held while the fields below are used
 * @given: for CPUs that wait
 * @given_to_first: for the first thread that waits
 * @is_taken: somebody has it
 * @first_waits: nobody else gets it
 */
struct lock {
	pthread_mutex_t mutex;
	pthread_cond_t given;
	pthread_cond_t given_to_first;
	bool is_taken;
	bool first_waits;
};

void lock_open(struct lock *lock);
void lock_take(struct lock *lock);
void lock_take_first(struct lock *lock);
void lock_give(struct lock *lock);
void lock_let_first(struct lock *lock);

#endif /* LOCK_H */
