// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Messages for people, for programs without snprintf(). The kernel does not use it.
 */
#include <stdarg.h>

#include "pure.h"

struct text {
	char *at;
	size_t left;		/* bytes, of which one is for the end */
	size_t length;		/* of all, without the end */
};

static void add(struct text *text, char byte)
{
	text->length++;
	if (text->left > 1) {
		*text->at++ = byte;
		text->left--;
	}
}

/* The base is 10 or 16. On some machines only a division by a power of two needs no library. */
static void add_number(struct text *text, u64 value, unsigned int base, unsigned int digits)
{
	char number[20];
	unsigned int count = 0;

	do {
		unsigned int digit = value & 15;

		if (base == 10) {
			u64 tenth = 0, rest = 0;
			int bit;

			for (bit = 63; bit >= 0; bit--) {
				rest = rest << 1 | (value >> bit & 1);
				tenth <<= 1;
				if (rest >= 10) {
					rest -= 10;
					tenth |= 1;
				}
			}
			digit = rest;
			value = tenth;
		} else {
			value >>= 4;
		}
		number[count++] = "0123456789abcdef"[digit];
	} while (value);
	while (digits > count) {
		add(text, '0');
		digits--;
	}
	while (count)
		add(text, number[--count]);
}

/**
 * virtio_mmr_format - write a message
 * @text: where to store it, with its end
 * @size: of @text in bytes; the rest of a longer message is left out
 * @format: as for snprintf(), with %s, %u, %x, %0Nx with one digit N, %llu and %llx only
 *
 * Return: bytes of the whole message without its end.
 */
int virtio_mmr_format(char *text, size_t size, const char *format, ...)
{
	struct text out = { .at = text, .left = size };
	va_list arguments;

	va_start(arguments, format);
	for (; *format; format++) {
		unsigned int digits = 0;
		bool wide = false;
		u64 value;

		if (*format != '%') {
			add(&out, *format);
			continue;
		}
		format++;
		if (*format == '0') {
			digits = format[1] - '0';
			format += 2;
		}
		if (*format == 's') {
			const char *string = va_arg(arguments, const char *);

			while (*string)
				add(&out, *string++);
			continue;
		}
		if (*format == 'l') {
			wide = true;
			format += 2;
		}
		value = wide ? va_arg(arguments, unsigned long long) :
			       va_arg(arguments, unsigned int);
		add_number(&out, value, *format == 'x' ? 16 : 10, digits);
	}
	va_end(arguments);
	if (size)
		*out.at = '\0';
	return out.length;
}
