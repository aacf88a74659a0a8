// SPDX-License-Identifier: GPL-2.0-only
/* Results of requests to the host, by a model of ioctl(): which of them are refusals. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "host.h"

#define DEVICE	100

/* What the host answers to requests in turn, errors as negative numbers; and the last request */
static int answers[4];
static unsigned int num_requests;
static struct vfio_irq_set last;

int __wrap_ioctl(int fd, unsigned long number, ...)
{
	struct vfio_irq_set *set;
	va_list arguments;
	int answer = answers[num_requests++];

	va_start(arguments, number);
	set = va_arg(arguments, struct vfio_irq_set *);
	va_end(arguments);
	if (fd != DEVICE || number != VFIO_DEVICE_SET_IRQS)
		answer = -ENOTTY;
	else
		memcpy(&last, set, sizeof(last));
	if (answer >= 0)
		return answer;
	errno = -answer;
	return -1;
}

static const int eventfds[2] = { 10, 11 };

TEST(vectors)
{
	EXPECT_EQ(0, host_set_vectors(DEVICE, eventfds, 2));
	EXPECT_EQ(VFIO_PCI_MSIX_IRQ_INDEX, last.index);
	EXPECT_EQ(2, last.count);
}

TEST(vectors_are_refused)
{
	answers[0] = -ENOMEM;
	EXPECT_EQ(-ENOMEM, host_set_vectors(DEVICE, eventfds, 2));
}

/* One vector is left: the host says so, and gives none. */
TEST(fewer_vectors_are_left)
{
	answers[0] = 1;
	EXPECT_EQ(-ENOSPC, host_set_vectors(DEVICE, eventfds, 2));
}

TEST(end_of_a_function)
{
	EXPECT_EQ(0, host_signal_request(DEVICE, eventfds[0]));
	EXPECT_EQ(VFIO_PCI_REQ_IRQ_INDEX, last.index);
	EXPECT_EQ(1, last.count);
	EXPECT_EQ(0, host_signal_error(DEVICE, eventfds[0]));
	EXPECT_EQ(VFIO_PCI_ERR_IRQ_INDEX, last.index);
	EXPECT_EQ(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, last.flags);
}

/* Without its second request, the interrupt would come once. So there is none. */
TEST(intx_is_whole_or_off)
{
	answers[1] = -EINVAL;
	EXPECT_EQ(-EINVAL, host_set_intx(DEVICE, eventfds[0], eventfds[1], true));
	EXPECT_EQ(3, num_requests);
	EXPECT_EQ(VFIO_PCI_INTX_IRQ_INDEX, last.index);
	EXPECT_EQ(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, last.flags);
	EXPECT_EQ(0, last.count);
}

TEST_HARNESS_MAIN
