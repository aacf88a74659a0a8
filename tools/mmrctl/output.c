// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <errno.h>
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
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		errx(STATUS_FAILED, "out of memory");
	va_end(arguments);
	make_printable(text);
	/* What has been printed so far comes first, also where both go to one file */
	fflush(stdout);
	end_progress();
	fprintf(stderr, "mmrctl: %s\n", text);
	free(text);
}

static char printable(char byte)
{
	return byte < ' ' || byte > '~' ? '?' : byte;
}

/* For the stream below, which takes less than @size for an error */
static ssize_t write_printable(void *cookie __attribute__((unused)), const char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		char text[BUFSIZ];
		size_t length = size - done < sizeof(text) ? size - done : sizeof(text), i;
		ssize_t written;

		for (i = 0; i < length; i++) {
			char byte = bytes[done + i];

			text[i] = byte == '\n' ? byte : printable(byte);
		}
		written = write(STDOUT_FILENO, text, length);
		if (written < 0 && errno != EINTR)
			break;
		if (written > 0)
			done += written;
	}
	return done;
}

void print_for_people(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){ .write = write_printable });

	if (!stream)
		errx(STATUS_FAILED, "out of memory");
	if (isatty(STDOUT_FILENO))
		setvbuf(stream, NULL, _IOLBF, 0);
	stdout = stream;
}

void make_printable(char *text)
{
	for (; *text; text++)
		*text = printable(*text);
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
