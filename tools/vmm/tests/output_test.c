// SPDX-License-Identifier: GPL-2.0-only
/* Output of serial ports to readers that are fast, slow, or gone. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "message.h"
#include "output.h"

static int messages;

void message(const char *format, ...)
{
	messages++;
}

static void *run(void *output)
{
	output_run(output);
	return NULL;
}

FIXTURE(output) {
	struct output *output;
	int files[2];
	pthread_t thread;
};

FIXTURE_SETUP(output)
{
	signal(SIGPIPE, SIG_IGN);
	self->output = calloc(1, sizeof(*self->output));
	ASSERT_NE(NULL, self->output);
	ASSERT_EQ(0, pipe(self->files));
	output_open(self->output, self->files[1], "the pipe");
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, run, self->output));
}

/* The thread ends when its reader is gone. */
FIXTURE_TEARDOWN(output)
{
	close(self->files[0]);
	output_add(self->output, (const uint8_t *)"x", 1);
	pthread_join(self->thread, NULL);
	close(self->files[1]);
	free(self->output);
}

TEST_F(output, arrives)
{
	char text[8] = "";

	output_add(self->output, (const uint8_t *)"abc", 3);
	output_finish(self->output);
	ASSERT_EQ(3, read(self->files[0], text, sizeof(text)));
	EXPECT_STREQ("abc", text);
	EXPECT_EQ(0, messages);
}

/* All that has room arrives, in order; the rest is lost with one message. */
TEST_F(output, slow_reader)
{
	static uint8_t data[1024], received[1024];
	unsigned int i, j, total = 0, wanted = OUTPUT_SIZE;
	ssize_t count;

	for (i = 0; i < 2 * OUTPUT_SIZE / sizeof(data); i++) {
		for (j = 0; j < sizeof(data); j++)
			data[j] = (i * sizeof(data) + j) / 7;
		output_add(self->output, data, sizeof(data));
	}
	EXPECT_EQ(1, messages);
	while (total < wanted) {
		/* No byte beyond those that had room for sure */
		count = wanted - total < sizeof(received) ? wanted - total : sizeof(received);
		count = read(self->files[0], received, count);
		ASSERT_LT(0, count);
		for (i = 0; i < count; i++)
			ASSERT_EQ((uint8_t)((total + i) / 7), received[i]);
		total += count;
	}
}

/* A file that is full for now is not one that is gone. */
TEST_F(output, nonblocking)
{
	static uint8_t data[128 << 10], received[sizeof(data)];
	unsigned int total = 0;
	ssize_t count;

	ASSERT_EQ(0, fcntl(self->files[1], F_SETFL, O_NONBLOCK));
	output_add(self->output, data, sizeof(data));
	usleep(100000);
	while (total < sizeof(data)) {
		count = read(self->files[0], received, sizeof(received));
		ASSERT_LT(0, count);
		total += count;
	}
	EXPECT_EQ(0, messages);
}

TEST_F(output, gone_reader)
{
	close(self->files[0]);
	output_add(self->output, (const uint8_t *)"abc", 3);
	output_finish(self->output);
	pthread_mutex_lock(&self->output->lock);
	EXPECT_TRUE(self->output->is_gone);
	pthread_mutex_unlock(&self->output->lock);
	EXPECT_EQ(1, messages);
	output_add(self->output, (const uint8_t *)"abc", 3);
	EXPECT_EQ(0, self->output->count);
}

/* The end comes although nobody reads. */
TEST_F(output, finishes)
{
	static uint8_t data[128 << 10];

	output_add(self->output, data, sizeof(data));
	output_finish(self->output);
	EXPECT_NE(0, self->output->count);
}

static void *read_slowly(void *fd)
{
	static uint8_t data[4096];

	while (read(*(int *)fd, data, sizeof(data)) > 0)
		usleep(500000);
	return NULL;
}

/* The end comes although somebody reads on and on. */
TEST_F(output, finishes_beside_a_slow_reader)
{
	static uint8_t data[192 << 10];
	pthread_t reader, thread;
	struct output *other;
	int files[2];

	ASSERT_EQ(0, pthread_create(&reader, NULL, read_slowly, &self->files[0]));
	output_add(self->output, data, sizeof(data));
	output_finish(self->output);
	EXPECT_NE(0, self->output->count);

	/* Another file has some time nevertheless. */
	other = calloc(1, sizeof(*other));
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, pipe(files));
	output_open(other, files[1], "another pipe");
	ASSERT_EQ(0, pthread_create(&thread, NULL, run, other));
	output_add(other, data, 1024);
	output_finish(other);
	EXPECT_EQ(0, other->count);
	close(files[0]);
	output_add(other, data, 1);
	pthread_join(thread, NULL);
	free(other);
	pthread_cancel(reader);
	pthread_join(reader, NULL);
}

TEST_HARNESS_MAIN
