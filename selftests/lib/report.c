// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

/* kselftest's KSFT_FAIL; its header defines static state, so not included */
#define EXIT_FAILED	1

static void vreport(const char *format, va_list args)
{
	fputs("# ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void report(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vreport(format, args);
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vreport(format, args);
	va_end(args);
	exit(EXIT_FAILED);
}
