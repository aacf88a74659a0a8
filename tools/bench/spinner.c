// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "lib/report.h"
#include "spinner.h"

/* Of the loop below, for each turn */
#define INSTRUCTIONS	2

static uint64_t *turns;

static void set_policy(int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, policy, &param))
		fail("sched_setscheduler: %s", strerror(errno));
}

void spinner_start(void)
{
	pid_t pid, parent = getpid();

	turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (turns == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The parent may have ended before that, without a sleep */
		if (getppid() != parent)
			_exit(0);
		/* It ends a little later than this process, which may have a device open */
		close_range(STDERR_FILENO + 1, ~0u, 0);
		set_policy(SCHED_IDLE, 0);
		asm volatile("1: incq %0; jmp 1b" : "+m"(*turns));
	}
	/* The work is never interrupted by the spinner */
	set_policy(SCHED_FIFO, 1);
}

uint64_t spinner_turns(void)
{
	return __atomic_load_n(turns, __ATOMIC_RELAXED);
}

uint64_t spinner_work(void)
{
	return clock_now() - INSTRUCTIONS * spinner_turns();
}
