// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal: keys reach the guest one by one, and each end gives it back from the sandbox. The
 * end may come from the host, which wants a function back.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "events.h"
#include "function.h"
#include "host.h"
#include "intx.h"
#include "message.h"
#include "sandbox.h"

#define PATIENCE_MS	10000
#define CTRL_C		3
#define CTRL_BACKSLASH	28
#define BDF		"0000:01:00.1"
#define TEXT_SIZE	512
#define HOLD_US		500000
#define READERS		8

static struct machine machine;
/* Why the guest ends, in memory that the program shares with the test */
static char *said;

void message(const char *format, ...) { }

void message_of_end(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(said, TEXT_SIZE, format, arguments);
	va_end(arguments);
}

void fail(const char *format, ...)
{
	_exit(STATUS_FAILED);
}

/* Nobody has interrupts. */
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

static void open_terminal(const char *name)
{
	setsid();
	close(STDIN_FILENO);
	/* The first one of a session becomes its terminal. */
	if (open(name, O_RDWR) != STDIN_FILENO)
		_exit(1);
}

/* Holds the lock as a CPU does whose guest resets functions all the time */
static void run_busy_cpu(void)
{
	for (;;) {
		lock_take(&machine.lock);
		usleep(HOLD_US);
		lock_give(&machine.lock);
	}
}

/* One instruction with many accesses: the lock is never given for good. */
static void run_long_instruction(void)
{
	lock_take(&machine.lock);
	for (;;) {
		usleep(HOLD_US);
		lock_let_first(&machine.lock);
	}
}

static pthread_barrier_t ready;

/* The C library makes calls at a thread's start that the sandbox forbids. */
static void *run_thread(void *run)
{
	pthread_barrier_wait(&ready);
	((void (*)(void))run)();
	return NULL;
}

/* A pipe that tells that signals become events from now on */
static int started[2] = { -1, -1 };

static void say_started(void)
{
	if (started[1] >= 0 && write(started[1], "", 1) != 1)
		_exit(1);
}

static bool wait_for_start(void)
{
	char byte;

	return read(started[0], &byte, 1) == 1;
}

/* A program with the terminal, as mmrvmm is one */
static void run_beside(void (*run_cpu)(void), unsigned int busy_cpus)
{
	pthread_t thread;
	unsigned int i;

	lock_open(&machine.lock);
	events_open(&machine, -1, NULL);
	pthread_barrier_init(&ready, NULL, 2 + busy_cpus);
	pthread_create(&thread, NULL, run_thread, events_run_input);
	for (i = 0; i < busy_cpus; i++)
		pthread_create(&thread, NULL, run_thread, run_cpu);
	pthread_barrier_wait(&ready);
	say_started();
	sandbox_enter();
	exit(events_run(&machine));
}

static void run(unsigned int busy_cpus)
{
	run_beside(run_busy_cpu, busy_cpus);
}

static bool is_raw(int terminal)
{
	struct termios settings;

	return !tcgetattr(terminal, &settings) && !(settings.c_lflag & (ICANON | ECHO));
}

static void start(struct __test_metadata *_metadata, struct _test_data_terminal *self,
		  bool ignores_hangup, unsigned int busy_cpus)
{
	unsigned int i;

	self->child = fork();
	ASSERT_LE(0, self->child);
	if (!self->child) {
		open_terminal(ptsname(self->controller));
		if (ignores_hangup)
			signal(SIGHUP, SIG_IGN);
		run(busy_cpus);
	}
	for (i = 0; i < PATIENCE_MS && !is_raw(self->terminal); i++)
		usleep(1000);
	ASSERT_TRUE(is_raw(self->terminal));
}

static int quiet(void)
{
	return eventfd(0, EFD_NONBLOCK);
}

static void add_function(struct function *function)
{
	unsigned int i;

	strcpy(function->bdf, BDF);
	for (i = 0; i < VIRTIO_MMR_NUM_VECTORS; i++)
		function->intx.sources[i] = quiet();
	function->intx.resample = quiet();
	function->request = quiet();
	function->error = quiet();
	machine.functions[machine.num_functions++] = function;
}

FIXTURE_SETUP(terminal)
{
	said = mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, said);
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
	start(_metadata, self, false, 0);
	kill(self->child, SIGTERM);
	EXPECT_ENDS(128 + SIGTERM);
}

TEST_F(terminal, ends_by_sighup)
{
	start(_metadata, self, false, 0);
	kill(self->child, SIGHUP);
	EXPECT_ENDS(128 + SIGHUP);
}

TEST_F(terminal, ends_by_a_key)
{
	const char key = CTRL_C;

	start(_metadata, self, false, 0);
	ASSERT_EQ(1, write(self->controller, &key, 1));
	EXPECT_ENDS(128 + SIGINT);
}

TEST_F(terminal, ends_by_another_key)
{
	const char key = CTRL_BACKSLASH;

	start(_metadata, self, false, 0);
	ASSERT_EQ(1, write(self->controller, &key, 1));
	EXPECT_ENDS(128 + SIGQUIT);
}

/* Of the second function: the first one stays silent. */
TEST_F(terminal, ends_for_the_host)
{
	static struct function functions[2];

	add_function(&functions[0]);
	add_function(&functions[1]);
	strcpy(functions[0].bdf, "other");
	start(_metadata, self, false, 0);
	ASSERT_EQ(0, eventfd_write(functions[1].request, 1));
	EXPECT_ENDS(STATUS_FAILED);
	EXPECT_EQ(said, strstr(said, BDF ": the host takes it back"));
}

TEST_F(terminal, ends_after_an_error)
{
	static struct function function;

	add_function(&function);
	start(_metadata, self, false, 0);
	ASSERT_EQ(0, eventfd_write(function.error, 1));
	EXPECT_ENDS(STATUS_FAILED);
	EXPECT_EQ(said, strstr(said, BDF ": the host reports an error"));
}

/* A shell with the program as its job, which goes to the background at once and ends there */
static void run_shell(const char *name)
{
	unsigned int i;
	int status;
	pid_t job;

	open_terminal(name);
	signal(SIGTTOU, SIG_IGN);
	job = fork();
	if (!job) {
		setpgid(0, 0);
		tcsetpgrp(STDIN_FILENO, getpgrp());
		signal(SIGTTOU, SIG_DFL);
		run(0);
	}
	for (i = 0; i < PATIENCE_MS && !is_raw(STDIN_FILENO); i++)
		usleep(1000);
	if (tcsetpgrp(STDIN_FILENO, getpgrp()))
		_exit(1);
	kill(job, SIGTERM);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFEXITED(status)) {
		kill(job, SIGKILL);
		_exit(1);
	}
	_exit(WEXITSTATUS(status));
}

/* The terminal keeps the settings that it has by then. */
TEST_F(terminal, ends_in_the_background)
{
	int status;

	self->child = fork();
	if (!self->child)
		run_shell(ptsname(self->controller));
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(128 + SIGTERM, WEXITSTATUS(status));
	EXPECT_TRUE(is_raw(self->terminal));
}

/* As nohup has it */
TEST_F(terminal, ignored_signal_stays_ignored)
{
	int status;

	start(_metadata, self, true, 0);
	kill(self->child, SIGHUP);
	usleep(300000);
	ASSERT_EQ(0, waitpid(self->child, &status, WNOHANG));
	kill(self->child, SIGTERM);
	EXPECT_ENDS(128 + SIGTERM);
}

/* Whatever CPUs do, the first thread has the lock after one of them. */
TEST_F(terminal, ends_beside_busy_cpus)
{
	unsigned int i;
	int status;

	start(_metadata, self, false, 4);
	kill(self->child, SIGTERM);
	for (i = 0; i < PATIENCE_MS && !waitpid(self->child, &status, WNOHANG); i++)
		usleep(1000);
	ASSERT_LT(i, PATIENCE_MS);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(128 + SIGTERM, WEXITSTATUS(status));
}

TEST(ends_in_an_instruction)
{
	unsigned int i;
	pid_t child;
	int status;

	ASSERT_EQ(0, pipe(started));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		run_beside(run_long_instruction, 1);
	ASSERT_TRUE(wait_for_start());
	kill(child, SIGTERM);
	for (i = 0; i < PATIENCE_MS && !waitpid(child, &status, WNOHANG); i++)
		usleep(1000);
	if (i == PATIENCE_MS)
		kill(child, SIGKILL);
	ASSERT_LT(i, PATIENCE_MS);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(128 + SIGTERM, WEXITSTATUS(status));
}

/* A guest that does not read leaves its input to others. */
TEST(takes_little_input)
{
	static char data[60000];
	int files[2], status, left;
	pid_t child;

	ASSERT_EQ(0, pipe(files));
	ASSERT_EQ(0, pipe(started));
	ASSERT_EQ(sizeof(data), write(files[1], data, sizeof(data)));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		dup2(files[0], STDIN_FILENO);
		run(0);
	}
	ASSERT_TRUE(wait_for_start());
	do {
		usleep(1000);
		ASSERT_EQ(0, ioctl(files[0], FIONREAD, &left));
	} while (left == sizeof(data));
	/* Time to take more of it */
	sleep(1);
	kill(child, SIGTERM);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(128 + SIGTERM, WEXITSTATUS(status));
	ASSERT_EQ(0, ioctl(files[0], FIONREAD, &left));
	EXPECT_LT(50000, left);
}

/*
 * Each byte wakes all of them, and one gets it. A read of the others blocks, and the busy CPU
 * leaves much time between the wake-up and the read.
 */
TEST(input_of_several)
{
	pid_t children[READERS];
	int files[2], status, left;
	unsigned int i, j;

	ASSERT_EQ(0, pipe(files));
	ASSERT_EQ(0, pipe(started));
	for (i = 0; i < READERS; i++) {
		children[i] = fork();
		if (!children[i]) {
			dup2(files[0], STDIN_FILENO);
			run(1);
		}
	}
	for (i = 0; i < READERS; i++)
		ASSERT_TRUE(wait_for_start());
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(1, write(files[1], "x", 1));
		usleep(50000);
	}
	for (i = 0; i < READERS; i++)
		kill(children[i], SIGTERM);
	for (i = 0; i < READERS; i++) {
		for (j = 0; j < PATIENCE_MS && !waitpid(children[i], &status, WNOHANG); j++)
			usleep(1000);
		if (j == PATIENCE_MS) {
			kill(children[i], SIGKILL);
			waitpid(children[i], &status, 0);
		}
		EXPECT_LT(j, PATIENCE_MS);
		/* By itself, and not as it did what the sandbox forbids */
		EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM);
	}
	ASSERT_EQ(0, ioctl(files[0], FIONREAD, &left));
	EXPECT_EQ(0, left);
}

TEST_HARNESS_MAIN
