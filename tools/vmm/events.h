/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EVENTS_H
#define EVENTS_H

#include "machine.h"

void events_open(struct machine *machine, int second, const char *second_name);
void events_run_output(unsigned int number);
void events_run_input(void);
int events_run(struct machine *machine);

#endif /* EVENTS_H */
