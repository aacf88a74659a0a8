// SPDX-License-Identifier: GPL-2.0-only
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "background.h"
#include "report.h"

/* For threads that are left over; the kernel may keep one for good */
#define STOP_TIMEOUT	5 /* s */

/* For a counter, in ms at least */
#define COUNT_TIMEOUT	5000

struct background {
	bool is_used;
	pthread_t thread;
	sem_t begun;
	int (*function)(void *data);
	void *data;
	/* 0: it runs until it must stop */
	unsigned int times;
	atomic_bool stop, over;
	int error;
};

static struct background threads[BACKGROUND_MAX];

static void *run(void *data)
{
	struct background *thread = data;
	unsigned int done = 0;

	sem_post(&thread->begun);
	while (!thread->error && !atomic_load(&thread->stop) &&
	       (!thread->times || done++ < thread->times))
		thread->error = thread->function(thread->data);
	atomic_store(&thread->over, true);
	return NULL;
}

struct background *background_repeat(int (*function)(void *data), void *data,
				     unsigned int times)
{
	struct background *thread = threads;
	int ret;

	while (thread->is_used)
		if (++thread == threads + BACKGROUND_MAX)
			fail("more than %u threads in the background", BACKGROUND_MAX);
	thread->function = function;
	thread->data = data;
	thread->times = times;
	thread->error = 0;
	atomic_store(&thread->stop, false);
	atomic_store(&thread->over, false);
	sem_init(&thread->begun, 0, 0);
	ret = pthread_create(&thread->thread, NULL, run, thread);
	if (ret)
		fail("pthread_create: %s", strerror(ret));
	thread->is_used = true;
	while (sem_wait(&thread->begun))
		;
	return thread;
}

struct background *background_start(int (*function)(void *data), void *data)
{
	return background_repeat(function, data, 0);
}

bool background_counts(const unsigned int *counter)
{
	unsigned int waited;

	for (waited = 0; waited < COUNT_TIMEOUT; waited++) {
		if (__atomic_load_n(counter, __ATOMIC_RELAXED))
			return true;
		usleep(1000);
	}
	return false;
}

bool background_is_over(struct background *thread)
{
	return atomic_load(&thread->over);
}

int background_wait(struct background *thread)
{
	int ret = pthread_join(thread->thread, NULL);

	if (ret)
		fail("pthread_join: %s", strerror(ret));
	thread->is_used = false;
	return thread->error;
}

int background_stop(struct background *thread)
{
	atomic_store(&thread->stop, true);
	return background_wait(thread);
}

void background_stop_all(void)
{
	struct background *thread;
	struct timespec end;
	int ret;

	for (thread = threads; thread < threads + BACKGROUND_MAX; thread++)
		atomic_store(&thread->stop, true);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += STOP_TIMEOUT;
	for (thread = threads; thread < threads + BACKGROUND_MAX; thread++) {
		if (!thread->is_used)
			continue;
		ret = pthread_timedjoin_np(thread->thread, NULL, &end);
		if (ret)
			report("a thread in the background does not stop: %s", strerror(ret));
		else
			thread->is_used = false;
	}
}

bool background_process_ends(pid_t process, unsigned int milliseconds, int *status)
{
	unsigned int waited;

	for (waited = 0; waited < milliseconds; waited += 100) {
		if (waitpid(process, status, WNOHANG))
			return true;
		usleep(100000);
	}
	return false;
}
