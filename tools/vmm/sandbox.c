// SPDX-License-Identifier: GPL-2.0-or-later
/* What this program may still do once the guest runs: as little as it needs. */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/kvm.h>
#include <linux/vfio.h>

#include "message.h"
#include "sandbox.h"

/* Memory for later: what the C library takes for messages and requests */
#define FREE_MEMORY	(64ull << 20)
/* One for each vector, and for each queue whose notifications stay in the kernel */
#define OPEN_FILES	8192

/* A user other than root may have some, to read all of configuration space. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	static const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	       syscall(SYS_capset, &header, none);
}

/**
 * sandbox_drop - give up privileges for good, or end the program
 * @user: name of the user to become if this is root
 */
void sandbox_drop(const char *user)
{
	struct passwd *entry;

	if (!geteuid()) {
		entry = getpwnam(user);
		if (!entry)
			fail("there is no user '%s'; --user names another one", user);
		if (!entry->pw_uid)
			fail("user '%s' is root, which gives up nothing; --user names another one",
			     user);
		if (setgroups(0, NULL) || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
		    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
			fail("cannot become user '%s': %s", user, strerror(errno));
	}
	/*
	 * Each thread would get 64 MiB or more of addresses at its first request of memory, and the
	 * limit of addresses has no room for that.
	 */
	mallopt(M_ARENA_MAX, 1);
	/* Core files would have the guest's memory. */
	if (drop_capabilities() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		fail("cannot give up privileges: %s", strerror(errno));
}

static void limit(int resource, rlim_t value)
{
	struct rlimit now, wanted;

	if (getrlimit(resource, &now))
		fail("cannot read limits: %s", strerror(errno));
	wanted.rlim_max = now.rlim_max < value ? now.rlim_max : value;
	wanted.rlim_cur = wanted.rlim_max;
	if (setrlimit(resource, &wanted))
		fail("cannot set limits: %s", strerror(errno));
}

/**
 * sandbox_limit_files - as many open files as a guest can need, and no more
 *
 * Eight functions with 480 vectors have more than the usual soft limit.
 */
void sandbox_limit_files(void)
{
	limit(RLIMIT_NOFILE, OPEN_FILES);
}

static rlim_t address_space(void)
{
	unsigned long long pages = 0;
	char text[32] = "";
	FILE *file = fopen("/proc/self/statm", "re");

	if (file && fgets(text, sizeof(text), file))
		pages = strtoull(text, NULL, 10);
	if (!pages)
		fail("cannot read /proc/self/statm");
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/**
 * sandbox_enter - allow only the system calls and the resources that a guest needs
 *
 * All threads are there, and they are included.
 */
void sandbox_enter(void)
{
	/* No files are opened, no programs are started, no memory becomes code. */
	static const int calls[] = {
		SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
		SCMP_SYS(writev), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(futex),
		SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(eventfd2), SCMP_SYS(close),
		SCMP_SYS(pause), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(madvise),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(exit),
		SCMP_SYS(exit_group), SCMP_SYS(newfstatat), SCMP_SYS(fstat),
	};
	static const unsigned long requests[] = {
		KVM_RUN, KVM_SET_USER_MEMORY_REGION, KVM_IOEVENTFD, KVM_IRQFD,
		KVM_SET_GSI_ROUTING, KVM_IRQ_LINE, VFIO_DEVICE_SET_IRQS, VFIO_DEVICE_IOEVENTFD,
		/* The terminal gets its settings back if this is its foreground. */
		TCSETS, TIOCGPGRP,
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	unsigned int i;
	int error = 0;

	/* Conversions of times read files once. */
	tzset();
	/* No limit of processes: KVM makes a thread of this one when the guest starts. */
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, address_space() + FREE_MEMORY);
	if (!filter)
		fail("the kernel has no filter of system calls; --no-sandbox goes without");
	error |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_EQ, requests[i]));
	/* The C library takes memory for larger requests, and never as code. */
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				  SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
	error |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				  SCMP_A2(SCMP_CMP_MASKED_EQ, 4, 0));
	if (error || seccomp_load(filter))
		fail("the kernel takes no system call filter; --no-sandbox goes without");
	seccomp_release(filter);
}
