// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

void make_utf8(char *text)
{
	json_t *string = json_string(text);

	if (!string)
		make_printable(text);
	json_decref(string);
}

json_t *json_text(const char *text)
{
	json_t *string;
	char *copy;

	if (!text || !*text)
		return json_null();
	copy = strdup(text);
	if (!copy)
		errx(STATUS_FAILED, "out of memory");
	make_utf8(copy);
	string = json_string(copy);
	free(copy);
	return string;
}

json_t *json_bytes(const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;
	char *hex = malloc(2 * size + 1);
	json_t *string;
	size_t i;

	if (!hex)
		errx(STATUS_FAILED, "out of memory");
	hex[0] = '\0';
	for (i = 0; i < size; i++)
		sprintf(hex + 2 * i, "%02x", byte[i]);
	string = json_string(hex);
	free(hex);
	return string;
}

json_t *make_json(const char *format, ...)
{
	json_error_t error;
	va_list arguments;
	json_t *object;

	va_start(arguments, format);
	object = json_vpack_ex(&error, 0, format, arguments);
	va_end(arguments);
	if (!object)
		errx(STATUS_FAILED, "cannot make JSON: %s", error.text);
	return object;
}

int print_json(json_t *object)
{
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
