// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The machine's lock. Guests decide how often CPUs take it, and each reset of a function takes
 * them 100 ms or more. The first thread handles signals and requests of the host. So it comes
 * before all CPUs, and waits for one of them at most.
 */
#include "lock.h"

/**
 * lock_open - prepare a lock
 * @lock: all zero
 */
void lock_open(struct lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	pthread_cond_init(&lock->given, NULL);
	pthread_cond_init(&lock->given_to_first, NULL);
}

/**
 * lock_take - take it; for CPUs
 * @lock: the lock
 */
void lock_take(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	while (lock->is_taken || lock->first_waits)
		pthread_cond_wait(&lock->given, &lock->mutex);
	lock->is_taken = true;
	pthread_mutex_unlock(&lock->mutex);
}

/**
 * lock_take_first - take it before all CPUs that wait; for the first thread
 * @lock: the lock
 */
void lock_take_first(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	lock->first_waits = true;
	while (lock->is_taken)
		pthread_cond_wait(&lock->given_to_first, &lock->mutex);
	lock->is_taken = true;
	lock->first_waits = false;
	pthread_mutex_unlock(&lock->mutex);
}

/**
 * lock_give - give it to the next thread
 * @lock: the lock, taken
 */
void lock_give(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	lock->is_taken = false;
	pthread_cond_signal(lock->first_waits ? &lock->given_to_first : &lock->given);
	pthread_mutex_unlock(&lock->mutex);
}

/**
 * lock_let_first - let the first thread have it if it waits, and take it again
 * @lock: the lock, taken by a CPU
 *
 * One instruction of a guest can access a port thousands of times.
 */
void lock_let_first(struct lock *lock)
{
	bool waits;

	pthread_mutex_lock(&lock->mutex);
	waits = lock->first_waits;
	pthread_mutex_unlock(&lock->mutex);
	if (!waits)
		return;
	lock_give(lock);
	lock_take(lock);
}
