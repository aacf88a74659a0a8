// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Output of serial ports, and messages. A thread of its own writes each file: a reader that stops
 * reading must not stop the guest, or the thread that handles interrupts and signals.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "output.h"

/* At the end, a reader may take this long for the next bytes, and all readers this long in all */
#define NEXT_S		1
#define FINISH_S	5
#define CHUNK		4096u

/**
 * output_open - prepare a file
 * @output: all zero
 * @fd: the file, or -1 for none
 * @name: for messages
 */
void output_open(struct output *output, int fd, const char *name)
{
	pthread_condattr_t attributes;

	output->name = name;
	output->fd = fd;
	output->is_gone = fd < 0;
	pthread_mutex_init(&output->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&output->changed, &attributes);
}

/**
 * output_add - write later
 * @output: the file
 * @data: the bytes, which are dropped if there is no room
 * @count: their number
 */
void output_add(struct output *output, const uint8_t *data, unsigned int count)
{
	bool loses = false;
	unsigned int i;

	pthread_mutex_lock(&output->lock);
	if (!output->is_gone) {
		for (i = 0; i < count && output->count < OUTPUT_SIZE; i++)
			output->data[(output->first + output->count++) % OUTPUT_SIZE] = data[i];
		loses = i < count && !output->is_lossy;
		output->is_lossy |= loses;
		pthread_cond_broadcast(&output->changed);
	}
	pthread_mutex_unlock(&output->lock);
	if (loses)
		message("%s does not take the guest's output in time; some of it is lost",
			output->name);
}

/* Returns the number of bytes that were written, or -1. */
static ssize_t try_write(int fd, const uint8_t *data, unsigned int count)
{
	struct pollfd event = { .fd = fd, .events = POLLOUT };
	ssize_t done;

	for (;;) {
		done = write(fd, data, count);
		if (done >= 0)
			return done;
		/* The file may be one that others have set to O_NONBLOCK. */
		if (errno == EAGAIN)
			poll(&event, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
}

/**
 * output_run - write what comes
 * @output: the file
 *
 * Returns when nothing can be written any more. The guest goes on then.
 */
void output_run(struct output *output)
{
	uint8_t chunk[CHUNK];
	unsigned int i, count;
	ssize_t done;

	pthread_mutex_lock(&output->lock);
	while (!output->is_gone) {
		if (!output->count) {
			pthread_cond_wait(&output->changed, &output->lock);
			continue;
		}
		count = output->count < CHUNK ? output->count : CHUNK;
		for (i = 0; i < count; i++)
			chunk[i] = output->data[(output->first + i) % OUTPUT_SIZE];
		pthread_mutex_unlock(&output->lock);
		done = try_write(output->fd, chunk, count);
		if (done < 0)
			message("cannot write to %s: %s; the guest goes on without it",
				output->name, strerror(errno));
		pthread_mutex_lock(&output->lock);
		if (done < 0) {
			output->is_gone = true;
			output->count = 0;
		} else {
			output->first = (output->first + done) % OUTPUT_SIZE;
			output->count -= done;
		}
		pthread_cond_broadcast(&output->changed);
	}
	pthread_mutex_unlock(&output->lock);
}

static struct timespec last;

static struct timespec in_seconds(unsigned int seconds)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += seconds;
	return time;
}

static void set_last(void)
{
	last = in_seconds(FINISH_S);
}

static bool is_later(const struct timespec *one, const struct timespec *other)
{
	return one->tv_sec > other->tv_sec ||
	       (one->tv_sec == other->tv_sec && one->tv_nsec > other->tv_nsec);
}

/**
 * output_finish - wait until all is written, as long as that goes on
 * @output: the file
 *
 * From the first call on, all files together have 5 s. A later one has a second at least.
 */
void output_finish(struct output *output)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct timespec limit, end;
	int error = 0;

	pthread_once(&once, set_last);
	limit = in_seconds(NEXT_S);
	if (is_later(&last, &limit))
		limit = last;
	pthread_mutex_lock(&output->lock);
	while (output->count && !error) {
		end = in_seconds(NEXT_S);
		error = pthread_cond_timedwait(&output->changed, &output->lock,
					       is_later(&end, &limit) ? &limit : &end);
	}
	pthread_mutex_unlock(&output->lock);
}
