// SPDX-License-Identifier: GPL-2.0-or-later
#include <time.h>
#include <x86intrin.h>

#include "clock.h"

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
	int i;

	/* A timer interrupt can hit one attempt, not all */
	for (i = 0; i < 100 && !counts_instructions; i++)
		counts_instructions = turns(2000) - turns(1000) == 2000;
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
