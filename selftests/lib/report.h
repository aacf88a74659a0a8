/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the test libraries, as TAP comments.
 *
 * fail() is for steps that are not what a test is about (opening a container,
 * mapping memory): it names what broke and ends the test as failed. What a
 * test is about returns an error code, which the test asserts itself.
 */
#ifndef SELFTESTS_REPORT_H
#define SELFTESTS_REPORT_H

void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif /* SELFTESTS_REPORT_H */
