// SPDX-License-Identifier: GPL-2.0-only
/* The terminal: keys reach the guest one by one, and each end gives it back from the sandbox. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "events.h"
#include "host.h"
#include "intx.h"
#include "message.h"
#include "sandbox.h"

#define PATIENCE_MS	10000
#define CTRL_C		3

static struct machine machine;

void message(const char *format, ...) { }

void fail(const char *format, ...)
{
	_exit(STATUS_FAILED);
}

/* There are no functions, and nobody has interrupts. */
int host_set_line(int vm, uint32_t gsi, bool level)
{
	return 0;
}

void intx_signalled(struct function *function, unsigned int vector) { }
void intx_resampled(struct function *function) { }

FIXTURE(terminal)
{
	int controller, terminal;
	pid_t child;
	struct termios before;
};

/* A program with the terminal, as mmrvmm is one */
static void run(const char *name, bool ignores_hangup)
{
	setsid();
	close(STDIN_FILENO);
	/* The first one of a session becomes its terminal. */
	if (open(name, O_RDWR) != STDIN_FILENO)
		_exit(1);
	if (ignores_hangup)
		signal(SIGHUP, SIG_IGN);
	pthread_mutex_init(&machine.lock, NULL);
	events_open(&machine, -1, NULL);
	sandbox_enter();
	exit(events_run(&machine));
}

static bool is_raw(int terminal)
{
	struct termios settings;

	return !tcgetattr(terminal, &settings) && !(settings.c_lflag & (ICANON | ECHO));
}

static void start(struct __test_metadata *_metadata, struct _test_data_terminal *self,
		  bool ignores_hangup)
{
	unsigned int i;

	self->child = fork();
	ASSERT_LE(0, self->child);
	if (!self->child)
		run(ptsname(self->controller), ignores_hangup);
	for (i = 0; i < PATIENCE_MS && !is_raw(self->terminal); i++)
		usleep(1000);
	ASSERT_TRUE(is_raw(self->terminal));
}

FIXTURE_SETUP(terminal)
{
	self->controller = posix_openpt(O_RDWR | O_NOCTTY);
	ASSERT_LE(0, self->controller);
	ASSERT_EQ(0, grantpt(self->controller));
	ASSERT_EQ(0, unlockpt(self->controller));
	/* Open here, so that the settings stay when the program ends */
	self->terminal = open(ptsname(self->controller), O_RDWR | O_NOCTTY);
	ASSERT_LE(0, self->terminal);
	ASSERT_EQ(0, tcgetattr(self->terminal, &self->before));
	ASSERT_TRUE(self->before.c_lflag & ICANON);
}

FIXTURE_TEARDOWN(terminal) { }

#define EXPECT_ENDS(wanted) do {						\
	struct termios after;							\
	int status;								\
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));		\
	ASSERT_TRUE(WIFEXITED(status));						\
	EXPECT_EQ(wanted, WEXITSTATUS(status));					\
	ASSERT_EQ(0, tcgetattr(self->terminal, &after));			\
	EXPECT_EQ(self->before.c_lflag, after.c_lflag);				\
	EXPECT_EQ(self->before.c_iflag, after.c_iflag);				\
} while (0)

TEST_F(terminal, ends_by_sigterm)
{
	start(_metadata, self, false);
	kill(self->child, SIGTERM);
	EXPECT_ENDS(128 + SIGTERM);
}

TEST_F(terminal, ends_by_sighup)
{
	start(_metadata, self, false);
	kill(self->child, SIGHUP);
	EXPECT_ENDS(128 + SIGHUP);
}

TEST_F(terminal, ends_by_a_key)
{
	const char key = CTRL_C;

	start(_metadata, self, false);
	ASSERT_EQ(1, write(self->controller, &key, 1));
	EXPECT_ENDS(128 + SIGINT);
}

/* As nohup has it */
TEST_F(terminal, ignored_signal_stays_ignored)
{
	int status;

	start(_metadata, self, true);
	kill(self->child, SIGHUP);
	usleep(300000);
	ASSERT_EQ(0, waitpid(self->child, &status, WNOHANG));
	kill(self->child, SIGTERM);
	EXPECT_ENDS(128 + SIGTERM);
}

TEST_HARNESS_MAIN
