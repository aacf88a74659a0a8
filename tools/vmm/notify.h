/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_H
#define NOTIFY_H

#include "function.h"

void notify_find_doorbells(struct function *function);
void notify_keep(struct function *function, uint16_t queue);
void notify_exit(struct function *function, uint16_t queue);
void notify_move(struct function *function, bool on, uint16_t port);

#endif /* NOTIFY_H */
