/* SPDX-License-Identifier: GPL-2.0-only */
/* Variables of the environment that change a test. */
#ifndef SELFTESTS_ENVIRONMENT_H
#define SELFTESTS_ENVIRONMENT_H

/* The number in this variable. The other number if the variable is unset or empty */
unsigned long environment_number(const char *variable, unsigned long otherwise);

#endif /* SELFTESTS_ENVIRONMENT_H */
