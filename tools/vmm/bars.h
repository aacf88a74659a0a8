/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BARS_H
#define BARS_H

#include "function.h"

void bars_divide(struct function *function);
void bars_assign(struct machine *machine);
void bars_update(struct machine *machine);
struct function *bars_find_port(struct machine *machine, uint16_t port, unsigned int *offset);
struct function *bars_find(struct machine *machine, uint64_t address, unsigned int *bar,
			   uint64_t *offset);

#endif /* BARS_H */
