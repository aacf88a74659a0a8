// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages for people. While the guest runs, a thread of its own writes them: stderr may be a pipe
 * that nobody reads, and those with a message may hold the lock of the machine.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "message.h"
#include "output.h"

#define PREFIX		"mmrvmm: "
#define MAX_TEXT	512
/* A guest can cause as many as it likes, and the log of a host is not its own. */
#define MAX_MESSAGES	100

static struct output errors;
static atomic_bool is_started;

/* There is room for all of them, with the one that says so and the last one: none is lost. */
_Static_assert((MAX_MESSAGES + 2) * (sizeof(PREFIX) + MAX_TEXT) < OUTPUT_SIZE, "");

__attribute__((format(printf, 1, 0)))
static void print(const char *format, va_list arguments)
{
	char text[MAX_TEXT], line[sizeof(PREFIX) + MAX_TEXT];
	int length;

	vsnprintf(text, sizeof(text), format, arguments);
	/* One line at a time, also from several threads */
	length = snprintf(line, sizeof(line), PREFIX "%s\n", text);
	if (atomic_load(&is_started))
		output_add(&errors, (const uint8_t *)line, length);
	else
		fputs(line, stderr);
}

/**
 * message_start - leave messages to message_run() from now on
 */
void message_start(void)
{
	output_open(&errors, STDERR_FILENO, "standard error");
	atomic_store(&is_started, true);
}

/**
 * message_run - write messages; for a thread of its own, which begins after message_start()
 *
 * Does not return.
 */
void message_run(void)
{
	output_run(&errors);
	for (;;)
		pause();
}

/**
 * message_finish - wait until all messages are written, as long as that goes on
 */
void message_finish(void)
{
	if (atomic_load(&is_started))
		output_finish(&errors);
}

__attribute__((format(printf, 1, 0)))
static void count_and_print(const char *format, va_list arguments)
{
	static atomic_uint count;
	unsigned int number = atomic_fetch_add(&count, 1);

	if (number > MAX_MESSAGES) {
		atomic_store(&count, MAX_MESSAGES + 1);
		return;
	}
	if (number == MAX_MESSAGES)
		format = "there are more messages, which are not shown";
	print(format, arguments);
}

void message(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	count_and_print(format, arguments);
	va_end(arguments);
}

void message_of_end(const char *format, ...)
{
	static atomic_flag is_said = ATOMIC_FLAG_INIT;
	va_list arguments;

	va_start(arguments, format);
	if (atomic_flag_test_and_set(&is_said))
		count_and_print(format, arguments);
	else
		print(format, arguments);
	va_end(arguments);
}

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(format, arguments);
	va_end(arguments);
	message_finish();
	exit(STATUS_FAILED);
}
