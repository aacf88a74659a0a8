// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages for people. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "message.h"

/* A guest can cause as many as it likes, and the log of a host is not its own. */
#define MAX_MESSAGES	100

__attribute__((format(printf, 1, 0)))
static void print(const char *format, va_list arguments)
{
	char text[512];

	vsnprintf(text, sizeof(text), format, arguments);
	/* One line at a time, also from several threads */
	fprintf(stderr, "mmrvmm: %s\n", text);
}

void message(const char *format, ...)
{
	static atomic_uint count;
	unsigned int number = atomic_fetch_add(&count, 1);
	va_list arguments;

	if (number > MAX_MESSAGES) {
		atomic_store(&count, MAX_MESSAGES + 1);
		return;
	}
	if (number == MAX_MESSAGES)
		format = "there are more messages, which are not shown";
	va_start(arguments, format);
	print(format, arguments);
	va_end(arguments);
}

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print(format, arguments);
	va_end(arguments);
	exit(STATUS_FAILED);
}
