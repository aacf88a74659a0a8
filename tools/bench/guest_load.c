// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a Linux guest of tools/bench/guest does with its functions, two of net and two of
 * blk, whose notifications go two ways:
 *
 *	blk	reads 4 KiB from the disk, one request at a time
 *	net	sends UDP packets of 16 bytes, as fast as they go
 *
 * Prints "start LOAD INDEX" and then "end LOAD INDEX OPERATIONS NANOSECONDS", INDEX 0 or
 * 1 for the first or second function, and is idle for a moment around both, for the
 * reader of these lines to look at its clocks.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS		5
#define READS		2500
#define PACKETS		20000
#define PAUSE		1	/* seconds */
/* Ioeventfds, ARP and caches come with the first ones */
#define WARM_UP		100
#define DISK_BLOCKS	((64 << 20) / 4096)

static void fail(const char *what)
{
	printf("failed %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void read_block(int fd)
{
	static char buffer[4096] __attribute__((aligned(4096)));

	if (pread(fd, buffer, sizeof(buffer), rand() % DISK_BLOCKS * 4096ll) != sizeof(buffer))
		fail("read of the disk");
}

static void send_packet(int fd)
{
	static const char packet[16];

	if (send(fd, packet, sizeof(packet), 0) < 0)
		fail("send");
}

static void run(const char *load, int index, void (*operation)(int fd), int fd, int count)
{
	uint64_t start, end;
	int i;

	for (i = 0; i < WARM_UP; i++)
		operation(fd);
	sleep(PAUSE);
	printf("start %s %d\n", load, index);
	sleep(PAUSE);
	start = now();
	for (i = 0; i < count; i++)
		operation(fd);
	end = now();
	sleep(PAUSE);
	printf("end %s %d %d %llu\n", load, index, count, (unsigned long long)(end - start));
	sleep(PAUSE);
}

static int open_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT);

	if (fd < 0)
		fail(path);
	return fd;
}

/* All networks have the same addresses, so the socket says which one it means */
static int connect_through(const char *interface)
{
	struct sockaddr_in gateway = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char command[128];

	snprintf(command, sizeof(command), "ip link set %s up && ip address add 10.0.2.15/24 dev %s",
		 interface, interface);
	if (system(command))
		fail(interface);
	inet_pton(AF_INET, "10.0.2.2", &gateway.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) ||
	    connect(fd, (struct sockaddr *)&gateway, sizeof(gateway)))
		fail(interface);
	return fd;
}

int main(void)
{
	int disks[2], networks[2], round, turn;

	setvbuf(stdout, NULL, _IOLBF, 0);
	disks[0] = open_disk("/dev/vda");
	disks[1] = open_disk("/dev/vdb");
	networks[0] = connect_through("eth0");
	networks[1] = connect_through("eth1");
	for (round = 0; round < ROUNDS; round++)
		for (turn = 0; turn < 2; turn++) {
			/* Each is first in every other round */
			int index = (round + turn) & 1;

			run("blk", index, read_block, disks[index], READS);
			run("net", index, send_packet, networks[index], PACKETS);
		}
	return 0;
}
