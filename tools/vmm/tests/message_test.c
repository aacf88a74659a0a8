// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages while the guest runs: all of them arrive, and a reader that stops reading stops nothing.
 * The guest's output may be on the same pipe.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "message.h"
#include "output.h"

#define PASSED		42
/* Of all messages, and some more */
#define MESSAGES	110
#define SHOWN		100
#define PIPE_SIZE	4096

static struct output guest;
static int files[2];
/* The program tells the test that its pipe and its memory are full. */
static int told[2];

static void *run_messages(void *context)
{
	message_run();
	return NULL;
}

static void *run_guest(void *context)
{
	output_run(&guest);
	return NULL;
}

static void start_messages(void)
{
	pthread_t thread;

	message_start();
	if (pthread_create(&thread, NULL, run_messages, NULL))
		_exit(1);
}

static void fill_pipe(void)
{
	static char data[PIPE_SIZE];

	memset(data, '.', sizeof(data));
	if (write(STDERR_FILENO, data, sizeof(data)) != sizeof(data))
		_exit(1);
}

/* Nobody reads now, and the guest sends more than there is room for. */
static void overflow(void)
{
	static uint8_t data[2 * OUTPUT_SIZE];
	pthread_t thread;

	memset(data, '.', sizeof(data));
	fill_pipe();
	output_open(&guest, STDERR_FILENO, "the pipe");
	if (pthread_create(&thread, NULL, run_guest, NULL))
		_exit(1);
	output_add(&guest, data, sizeof(data));
	if (write(told[1], "", 1) != 1)
		_exit(1);
}

static void say_much(void)
{
	char text[400];
	unsigned int i;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (i = 0; i < MESSAGES; i++)
		message("%u %s", i, text);
}

static void before_start(void)
{
	message("first");
	message("second, %d", 2);
}

static void many(void)
{
	start_messages();
	say_much();
	message_finish();
}

static void end_after_many(void)
{
	start_messages();
	say_much();
	message_of_end("the end");
	message_of_end("another one");
	message_finish();
}

static void both(void)
{
	start_messages();
	overflow();
	message("last");
	output_finish(&guest);
	message_finish();
}

static void failure(void)
{
	start_messages();
	fill_pipe();
	fail("the end");
}

static void failure_of_full(void)
{
	start_messages();
	overflow();
	fail("the end");
}

FIXTURE(message)
{
	char text[128 << 10];
	pid_t child;
};

FIXTURE_SETUP(message)
{
	ASSERT_EQ(0, pipe(files));
	ASSERT_EQ(PIPE_SIZE, fcntl(files[1], F_SETPIPE_SZ, PIPE_SIZE));
	ASSERT_EQ(0, pipe(told));
}

FIXTURE_TEARDOWN(message) { }

static pid_t start(void (*does)(void))
{
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child) {
		close(files[1]);
		return child;
	}
	dup2(files[1], STDERR_FILENO);
	close(files[1]);
	does();
	_exit(PASSED);
}

static int status_of(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Reads to the end. Dots are the guest's. */
static void read_all(char *text, size_t size)
{
	char part[1024];
	size_t used = 0;
	ssize_t count, i;

	while ((count = read(files[0], part, sizeof(part))) > 0)
		for (i = 0; i < count; i++)
			if (part[i] != '.' && used < size - 1)
				text[used++] = part[i];
	text[used] = 0;
}

TEST_F(message, before_start)
{
	self->child = start(before_start);
	read_all(self->text, sizeof(self->text));
	EXPECT_STREQ("mmrvmm: first\nmmrvmm: second, 2\n", self->text);
	EXPECT_EQ(PASSED, status_of(self->child));
}

/* In order, up to the limit, although the program ends at once and the pipe has little room */
TEST_F(message, all_arrive)
{
	char *line = self->text, start_of[32];
	unsigned int i;

	self->child = start(many);
	read_all(self->text, sizeof(self->text));
	for (i = 0; i < SHOWN; i++) {
		snprintf(start_of, sizeof(start_of), "mmrvmm: %u x", i);
		ASSERT_EQ(line, strstr(line, start_of));
		line = strchr(line, '\n');
		ASSERT_NE(NULL, line);
		line++;
	}
	EXPECT_STREQ("mmrvmm: there are more messages, which are not shown\n", line);
	EXPECT_EQ(PASSED, status_of(self->child));
}

/* A guest that causes messages cannot hide why it ends. */
TEST_F(message, end_is_shown)
{
	char *more;

	self->child = start(end_after_many);
	read_all(self->text, sizeof(self->text));
	more = strstr(self->text, "mmrvmm: there are more messages");
	ASSERT_NE(NULL, more);
	EXPECT_STREQ("mmrvmm: there are more messages, which are not shown\n"
		     "mmrvmm: the end\n", more);
	EXPECT_EQ(PASSED, status_of(self->child));
}

/* The message about lost output goes to the pipe that does not take it. */
TEST_F(message, nobody_reads)
{
	self->child = start(both);
	EXPECT_EQ(PASSED, status_of(self->child));
}

TEST_F(message, somebody_reads_later)
{
	char byte;

	self->child = start(both);
	ASSERT_EQ(1, read(told[0], &byte, 1));
	read_all(self->text, sizeof(self->text));
	EXPECT_STREQ("mmrvmm: the pipe does not take the guest's output in time; some of it is lost\n"
		     "mmrvmm: last\n", self->text);
	EXPECT_EQ(PASSED, status_of(self->child));
}

/* The pipe is full until its reader comes. */
TEST_F(message, failure_arrives)
{
	self->child = start(failure);
	usleep(100000);
	read_all(self->text, sizeof(self->text));
	EXPECT_STREQ("mmrvmm: the end\n", self->text);
	EXPECT_EQ(STATUS_FAILED, status_of(self->child));
}

TEST_F(message, failure_while_nobody_reads)
{
	self->child = start(failure_of_full);
	EXPECT_EQ(STATUS_FAILED, status_of(self->child));
}

TEST_F(message, reader_is_gone)
{
	close(files[0]);
	signal(SIGPIPE, SIG_IGN);
	self->child = start(many);
	EXPECT_EQ(PASSED, status_of(self->child));
}

TEST_HARNESS_MAIN
