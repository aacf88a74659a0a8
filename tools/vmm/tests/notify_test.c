// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a notification goes that KVM has no way for: to the doorbell of the queue, or to Queue
 * Notify if the queue has none.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/virtio_pci.h>

#include "kselftest_harness.h"
#include "model.h"

#include "function.h"
#include "host.h"
#include "message.h"
#include "notify.h"

#define QUEUES		3
#define MULTIPLIER	4
#define NOTIFY_BAR	5
#define NOTIFY_OFFSET	0x40
#define NOTIFY_LENGTH	0x20
#define NO_PLACE	NOTIFY_LENGTH

static struct function *function;
static struct machine machine;
static uint16_t places[QUEUES], selected;
static unsigned int messages, written_bar;
static uint64_t written_offset;
static uint64_t written;
/* In nanoseconds: of the test's own clock, and of each read of a queue's place */
static uint64_t clock_now, read_time;

void fail(const char *format, ...)
{
	abort();
}

void message(const char *format, ...)
{
	messages++;
}

uint64_t function_bar_read(struct function *from, unsigned int bar, uint64_t offset,
			   unsigned int width)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_NUMQ:
		return QUEUES;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		clock_now += read_time;
		return places[selected];
	default:
		return 0;
	}
}

void function_bar_write(struct function *to, unsigned int bar, uint64_t offset, unsigned int width,
			uint64_t value)
{
	if (bar == MODEL_MODERN && offset == VIRTIO_PCI_COMMON_Q_SELECT) {
		selected = value;
		return;
	}
	written_bar = bar;
	written_offset = offset;
	written = value;
}

/* In place of the C library's */
int clock_gettime(clockid_t id, struct timespec *time)
{
	time->tv_sec = clock_now / 1000000000;
	time->tv_nsec = clock_now % 1000000000;
	return 0;
}

/* No kernel takes a notification, so each one comes here. */
int host_signal_writes(int device, uint64_t position, uint16_t value, int eventfd)
{
	return -1;
}

int host_port_signals(int vm, uint16_t port, uint16_t value, int eventfd, bool on)
{
	return -1;
}

FIXTURE(notify) { };

FIXTURE_SETUP(notify)
{
	unsigned int queue;

	function = calloc(1, sizeof(*function));
	ASSERT_NE(NULL, function);
	function->machine = &machine;
	function->scan.cap.bar = MODEL_LEGACY;
	function->scan.common_config.bar = MODEL_MODERN;
	function->scan.has_notification = true;
	function->scan.notify_multiplier = MULTIPLIER;
	function->scan.notify.bar = NOTIFY_BAR;
	function->scan.notify.offset = NOTIFY_OFFSET;
	function->scan.notify.length = NOTIFY_LENGTH;
	for (queue = 0; queue < QUEUES; queue++)
		places[queue] = QUEUES - queue;
	messages = 0;
	read_time = 0;
}

FIXTURE_TEARDOWN(notify)
{
	free(function->notify.doorbells);
	free(function);
}

static bool goes_to_queue_notify(uint16_t queue)
{
	notify_exit(function, queue);
	return written_bar == MODEL_LEGACY && written_offset == VIRTIO_MMR_QUEUE_NOTIFY &&
	       written == queue;
}

static bool goes_to_its_doorbell(uint16_t queue)
{
	notify_exit(function, queue);
	return written_bar == NOTIFY_BAR && written == queue &&
	       written_offset == NOTIFY_OFFSET + places[queue] * MULTIPLIER;
}

TEST_F(notify, each_queue)
{
	unsigned int queue;

	notify_find_doorbells(function);
	EXPECT_EQ(0, messages);
	for (queue = 0; queue < QUEUES; queue++)
		EXPECT_TRUE(goes_to_its_doorbell(queue));
}

/* The guest's features may bring queues after the doorbells were read. */
TEST_F(notify, queues_that_came_later)
{
	notify_find_doorbells(function);
	EXPECT_TRUE(goes_to_queue_notify(QUEUES));
	EXPECT_TRUE(goes_to_queue_notify(0xffff));
}

/* Those before it are not used either. */
TEST_F(notify, one_doorbell_outside)
{
	unsigned int queue;

	places[QUEUES - 1] = NO_PLACE;
	notify_find_doorbells(function);
	EXPECT_EQ(1, messages);
	for (queue = 0; queue <= QUEUES; queue++)
		EXPECT_TRUE(goes_to_queue_notify(queue));
}

/* Reads of all but the last queue may take a second, and no more */
TEST_F(notify, slow_doorbells)
{
	clock_now = 999999999;
	read_time = VIRTIO_MMR_DOORBELLS_NS / (QUEUES - 1);
	notify_find_doorbells(function);
	EXPECT_EQ(0, messages);
	EXPECT_TRUE(goes_to_its_doorbell(0));

	free(function->notify.doorbells);
	function->notify.doorbells = NULL;
	messages = 0;
	read_time++;
	notify_find_doorbells(function);
	EXPECT_EQ(1, messages);
	EXPECT_TRUE(goes_to_queue_notify(0));
}

TEST_HARNESS_MAIN
