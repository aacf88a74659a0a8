/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the test libraries, as TAP comments.
 *
 * fail() is for preparations, such as opening a container or mapping memory. It names the step
 * that failed, and ends the test as failed. Functions under test return an error code instead,
 * and the test asserts it.
 */
#ifndef SELFTESTS_REPORT_H
#define SELFTESTS_REPORT_H

void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif /* SELFTESTS_REPORT_H */
