// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>
#include <x86intrin.h>

#include "clock.h"

/* A timer interrupt can hit one attempt, or a few; a clock of time is right by accident only */
#define ATTEMPTS	100
#define HITS_MIN	90

static bool counts_instructions;

/* Two instructions each time */
static uint64_t turns(uint64_t count)
{
	uint64_t start = __rdtsc();

	asm volatile("1: dec %0; jnz 1b" : "+r"(count));
	return __rdtsc() - start;
}

bool clock_init(void)
{
	unsigned int i, hits = 0;

	for (i = 0; i < ATTEMPTS; i++)
		hits += turns(2000) - turns(1000) == 2000;
	counts_instructions = hits >= HITS_MIN;
	return counts_instructions;
}

uint64_t clock_now(void)
{
	struct timespec now;

	if (counts_instructions)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}
