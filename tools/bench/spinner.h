/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work of a program that waits for a device, where instructions are the clock. An idle CPU moves
 * that clock to its next timer, so a second process keeps the CPU busy meanwhile. It counts its
 * turns, and they are no work.
 */
#ifndef BENCH_SPINNER_H
#define BENCH_SPINNER_H

#include <stdint.h>

/* For programs that have one CPU. The spinner ends with this process */
void spinner_start(void);

/* Instructions of everything except the spinner, from some start on */
uint64_t spinner_work(void);

/* Turns of the spinner */
uint64_t spinner_turns(void);

#endif /* BENCH_SPINNER_H */
