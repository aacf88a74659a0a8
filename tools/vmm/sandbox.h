/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SANDBOX_H
#define SANDBOX_H

void sandbox_limit_files(void);
void sandbox_drop(const char *user);
void sandbox_enter(void);

#endif /* SANDBOX_H */
