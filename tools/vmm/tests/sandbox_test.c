// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits and the filter of system calls: what a program under attack would do. events_test has what
 * mmrvmm itself does.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "kselftest_harness.h"
#include "message.h"
#include "sandbox.h"

#define PASSED	42
#define ORDINARY_USER	65534

static int terminal;

void fail(const char *format, ...)
{
	_exit(STATUS_FAILED);
}

static int open_file(void)
{
	return open("/dev/null", O_RDONLY);
}

static int run_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static int connect_(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int type_key(void)
{
	return ioctl(terminal, TIOCSTI, "x");
}

/* More than what is free for the C library */
static int take_memory(void)
{
	return mmap(NULL, 128 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED || errno != ENOMEM;
}

static int take_files(void)
{
	unsigned int i;

	for (i = 0; i < 2 * 8192; i++)
		if (eventfd(0, 0) < 0)
			return errno != EMFILE;
	return 1;
}

FIXTURE(sandbox) { };

FIXTURE_VARIANT(sandbox)
{
	int (*does)(void);
	bool survives;
};

FIXTURE_VARIANT_ADD(sandbox, limits_memory) { take_memory, true };
FIXTURE_VARIANT_ADD(sandbox, limits_files) { take_files, true };
FIXTURE_VARIANT_ADD(sandbox, opens_a_file) { open_file };
FIXTURE_VARIANT_ADD(sandbox, runs_a_program) { run_program };
FIXTURE_VARIANT_ADD(sandbox, makes_a_socket) { connect_ };
FIXTURE_VARIANT_ADD(sandbox, makes_code) { make_code };
FIXTURE_VARIANT_ADD(sandbox, types_a_key) { type_key };

FIXTURE_SETUP(sandbox)
{
	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	ASSERT_LE(0, terminal);
}

FIXTURE_TEARDOWN(sandbox) { }

TEST_F(sandbox, filter)
{
	int status;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		sandbox_limit_files();
		sandbox_enter();
		_exit(variant->does() ? 1 : PASSED);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	if (variant->survives) {
		ASSERT_TRUE(WIFEXITED(status));
		EXPECT_EQ(PASSED, WEXITSTATUS(status));
	} else {
		ASSERT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGSYS, WTERMSIG(status));
	}
}

/* The usual soft limit is less than many vectors need. */
TEST(files_up_to_the_hard_limit)
{
	struct rlimit few = { .rlim_cur = 64, .rlim_max = 1024 };
	unsigned int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &few));
	sandbox_limit_files();
	for (i = 0; i < 500; i++)
		ASSERT_LE(0, eventfd(0, 0));
}

static struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

static bool get_capabilities(struct __user_cap_data_struct *data)
{
	return !syscall(SYS_capget, &header, data);
}

/* Root takes them along. Others have them in a namespace of their own, where they are not root */
static bool become_ordinary_user(void)
{
	if (geteuid())
		return !unshare(CLONE_NEWUSER) && geteuid();
	return !prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) &&
	       !setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER);
}

/* As a service has them that is not root */
static void drop_as_ordinary_user(void)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	unsigned int i;

	if (!become_ordinary_user() || !get_capabilities(data))
		_exit(2);
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted;
	if (!data[0].permitted || syscall(SYS_capset, &header, data))
		_exit(2);
	sandbox_drop("nobody");
	if (!get_capabilities(data))
		_exit(2);
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (data[i].permitted | data[i].effective | data[i].inheritable)
			_exit(1);
	_exit(PASSED);
}

TEST(capabilities)
{
	int status;
	pid_t child;

	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		drop_as_ordinary_user();
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(PASSED, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
