/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel logs while something is done to a function.
 */
#ifndef MMRCTL_KERNEL_LOG_H
#define MMRCTL_KERNEL_LOG_H

/* Note where the log ends now */
void kernel_log_mark(void);

/* Complain with the lines since the mark that have @word in them */
void kernel_log_complain(const char *word);

#endif /* MMRCTL_KERNEL_LOG_H */
