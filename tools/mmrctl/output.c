// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mmrctl.h"

/* show_progress() has left the cursor after its text */
static bool in_progress;

static void end_progress(void)
{
	if (in_progress)
		fputc('\n', stderr);
	in_progress = false;
}

void show_progress(const char *verb, size_t done, size_t count)
{
	if (count < 2 || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s %zu of %zu", verb, done, count);
	in_progress = true;
	if (done == count)
		end_progress();
}

void complain(const char *format, ...)
{
	va_list arguments;

	/* What has been printed so far comes first, also where both go to one file */
	fflush(stdout);
	end_progress();
	fputs("mmrctl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

json_t *json_text(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

int print_json(json_t *object)
{
	if (!object)
		errx(STATUS_FAILED, "cannot make JSON: out of memory");
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
	return finish_output();
}

int finish_output(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output");
		return STATUS_FAILED;
	}
	return STATUS_OK;
}
