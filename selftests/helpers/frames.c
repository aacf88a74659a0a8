// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ethernet frames from each of two interfaces to the other, at the same time, over whatever is
 * between them:
 *	frames INTERFACE INTERFACE COUNT SECONDS
 * It prints how many arrived at the second one, how many at the first one, and how many were wrong
 * at either. A frame is right if it is the next one, byte by byte. Ends when all are there, or
 * when none comes for SECONDS.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* For local experiments (IEEE 802) */
#define FRAMES_TYPE	0x88b5
#define FRAMES_SHORTEST	60
#define FRAMES_LONGEST	1514
/* Under way in each direction, as no queue in between may overflow */
#define FRAMES_WINDOW	32

struct side {
	const char *name;
	int fd;
	uint8_t mac[6];
	unsigned int sent, arrived, wrong;
};

/* Tells these frames from those of an earlier run */
static uint32_t run;

static void side_open(struct side *side, const char *name)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(FRAMES_TYPE),
		.sll_ifindex = if_nametoindex(name),
	};
	struct ifreq request = {};

	if (!address.sll_ifindex)
		err(2, "%s", name);
	side->name = name;
	side->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (side->fd < 0)
		err(2, "socket");
	if (bind(side->fd, (struct sockaddr *)&address, sizeof(address)))
		err(2, "%s: bind", name);
	if_indextoname(address.sll_ifindex, request.ifr_name);
	if (ioctl(side->fd, SIOCGIFHWADDR, &request))
		err(2, "%s: SIOCGIFHWADDR", name);
	memcpy(side->mac, request.ifr_hwaddr.sa_data, sizeof(side->mac));
}

/* Of all kinds of length. Some frames are for all stations */
static size_t frame_make(uint8_t *frame, const struct side *from, const struct side *to,
			 uint32_t number)
{
	size_t length = FRAMES_SHORTEST + number * 37 % (FRAMES_LONGEST - FRAMES_SHORTEST + 1);
	uint16_t type = htons(FRAMES_TYPE);
	size_t at;

	for (at = 0; at < length; at++)
		frame[at] = at * 7 + number * 13 + (at >> 8);
	if (number % 8 == 7)
		memset(frame, 0xff, 6);
	else
		memcpy(frame, to->mac, 6);
	memcpy(frame + 6, from->mac, 6);
	memcpy(frame + 12, &type, 2);
	memcpy(frame + 14, &run, sizeof(run));
	memcpy(frame + 18, &number, sizeof(number));
	return length;
}

static void frames_send(struct side *from, const struct side *to, unsigned int count)
{
	uint8_t frame[FRAMES_LONGEST];
	size_t length;

	while (from->sent < count && from->sent < to->arrived + FRAMES_WINDOW) {
		length = frame_make(frame, from, to, from->sent);
		if (send(from->fd, frame, length, 0) != (ssize_t)length)
			err(2, "%s: send", from->name);
		from->sent++;
	}
}

static void frames_receive(const struct side *from, struct side *to)
{
	uint8_t frame[FRAMES_LONGEST + 1], expected[FRAMES_LONGEST];
	ssize_t length;

	while ((length = recv(to->fd, frame, sizeof(frame), MSG_DONTWAIT)) >= 0) {
		if (length < FRAMES_SHORTEST || memcmp(frame + 14, &run, sizeof(run)))
			continue;
		if (length == frame_make(expected, from, to, to->arrived) &&
		    !memcmp(frame, expected, length))
			to->arrived++;
		else
			to->wrong++;
	}
	if (errno != EAGAIN)
		err(2, "%s: recv", to->name);
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	unsigned int count, seconds;
	struct side sides[2] = {};

	if (argc != 5)
		errx(2, "usage: frames INTERFACE INTERFACE COUNT SECONDS");
	count = atoi(argv[3]);
	seconds = atoi(argv[4]);
	if (!count || !seconds)
		errx(2, "COUNT and SECONDS are positive numbers");
	run = getpid();
	side_open(&sides[0], argv[1]);
	side_open(&sides[1], argv[2]);
	fds[0].fd = sides[0].fd;
	fds[1].fd = sides[1].fd;
	do {
		frames_receive(&sides[0], &sides[1]);
		frames_receive(&sides[1], &sides[0]);
		if (sides[0].arrived == count && sides[1].arrived == count)
			break;
		frames_send(&sides[0], &sides[1], count);
		frames_send(&sides[1], &sides[0], count);
	} while (poll(fds, 2, seconds * 1000) > 0);
	printf("%u %u %u\n", sides[1].arrived, sides[0].arrived,
	       sides[0].wrong + sides[1].wrong);
	return 0;
}
