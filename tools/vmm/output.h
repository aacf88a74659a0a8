/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define OUTPUT_SIZE	(256u << 10)

/**
 * struct output - a file that gets a serial port's output, or messages
 * @name: for messages
 * @fd: the file, or -1 for none
 * @lock: of the fields below
 * @changed: signalled when @count or @is_gone changes
 * @data: bytes that wait, a ring
 * @first: of @data
 * @count: of @data
 * @is_gone: nothing can be written any more
 * @is_lossy: bytes were dropped, and a message has said so
 */
struct output {
	const char *name;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t data[OUTPUT_SIZE];
	unsigned int first, count;
	bool is_gone, is_lossy;
};

void output_open(struct output *output, int fd, const char *name);
void output_add(struct output *output, const uint8_t *data, unsigned int count);
void output_run(struct output *output);
void output_finish(struct output *output);

#endif /* OUTPUT_H */
