/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MESSAGE_H
#define MESSAGE_H

/* Exit status of mmrvmm if it could not start, or not go on */
#define STATUS_FAILED	125
/* If a CPU of the guest has ended by a triple fault */
#define STATUS_CRASHED	124

/* To stderr, after the program's name and with a line's end */
__attribute__((format(printf, 1, 2)))
void message(const char *format, ...);

/* The same, and says why the guest ends. The first one is shown however many others there were */
__attribute__((format(printf, 1, 2)))
void message_of_end(const char *format, ...);

/* As message(), and ends the program with STATUS_FAILED */
__attribute__((format(printf, 1, 2), noreturn))
void fail(const char *format, ...);

void message_start(void);
void message_run(void);
void message_finish(void);

#endif /* MESSAGE_H */
