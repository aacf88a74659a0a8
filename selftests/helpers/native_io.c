// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traffic of network interfaces and disks for tests in shell, with contents that are checked:
 *	native_io receive PORT SEED                      TCP, of one connection
 *	native_io send ADDRESS PORT BYTES SEED
 *	native_io write|read DISK FIRST BYTES SEED       4 KiB requests by each CPU, not cached
 *	native_io load DISK FIRST BYTES SEED             both, until a signal or an error
 *	native_io channels INTERFACE [NUMBER]            prints or sets the pairs of queues
 *	native_io again FILE                             reads it all the time by each CPU
 *
 * All bytes depend on the seed and their place, so one that is lost, late or elsewhere shows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK		4096
#define CPUS_MAX	64
/* For the other end to appear */
#define PATIENCE	30 /* s */

static atomic_bool stopped;

static void __attribute__((noreturn, format(printf, 1, 2))) give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

static unsigned long long parse_number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (!*text || *end)
		give_up("'%s' is no number", text);
	return value;
}

/* The block with this number */
static void fill(uint64_t *words, uint64_t seed, uint64_t block)
{
	uint64_t state = (seed << 40) ^ (block + 1) * 0x9e3779b97f4a7c15ull;
	size_t i;

	for (i = 0; i < BLOCK / sizeof(*words); i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		words[i] = state;
	}
	words[0] = block;
}

static void compare(const uint64_t *got, const uint64_t *want, size_t bytes, uint64_t block)
{
	size_t i;

	if (!memcmp(got, want, bytes))
		return;
	for (i = 0; i < bytes / sizeof(*got) && got[i] == want[i]; i++)
		;
	give_up("block %llu differs from byte %zu on: %#llx instead of %#llx",
		(unsigned long long)block, i * sizeof(*got), (unsigned long long)got[i],
		(unsigned long long)want[i]);
}

/* --- TCP ----------------------------------------------------------------------- */

static void receive(uint16_t port, uint64_t seed)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	uint64_t got[BLOCK / 8], want[BLOCK / 8], block = 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, fd;
	size_t have = 0;
	ssize_t bytes;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		give_up("port %u: %s", port, strerror(errno));
	alarm(4 * PATIENCE);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		give_up("accept: %s", strerror(errno));
	while ((bytes = read(fd, (char *)got + have, BLOCK - have)) > 0) {
		have += bytes;
		if (have < BLOCK)
			continue;
		fill(want, seed, block);
		compare(got, want, BLOCK, block++);
		have = 0;
	}
	if (bytes < 0)
		give_up("after %llu blocks: %s", (unsigned long long)block, strerror(errno));
	printf("%llu\n", (unsigned long long)block * BLOCK + have);
}

static void send_all(const char *host, uint16_t port, uint64_t total, uint64_t seed)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	uint64_t words[BLOCK / 8], block;
	int fd, tries = 0;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		give_up("'%s' is no address", host);
	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			break;
		/* The receiver may not listen yet */
		if (errno != ECONNREFUSED || ++tries > 10 * PATIENCE)
			give_up("%s: %s", host, strerror(errno));
		close(fd);
		usleep(100000);
	}
	alarm(4 * PATIENCE);
	for (block = 0; block * BLOCK < total; block++) {
		size_t done = 0;

		fill(words, seed, block);
		while (done < BLOCK) {
			ssize_t bytes = write(fd, (char *)words + done, BLOCK - done);

			if (bytes < 0)
				give_up("after %llu blocks: %s", (unsigned long long)block,
					strerror(errno));
			done += bytes;
		}
	}
	close(fd);
	printf("%llu\n", (unsigned long long)block * BLOCK);
}

/* --- disks ---------------------------------------------------------------------- */

static const char *disk;
static uint64_t first, blocks, disk_seed;
static unsigned int threads;
static unsigned long long requests;

/* The blocks of one CPU, in an order that jumps; false after an error, if that may happen */
static bool pass(int fd, unsigned int thread, bool writes, bool may_fail)
{
	/* Coprime to all powers of two */
	const uint64_t step = 1021;
	uint64_t *want, *got, i, at;
	bool good = true;

	if (posix_memalign((void **)&want, BLOCK, BLOCK) ||
	    posix_memalign((void **)&got, BLOCK, BLOCK))
		give_up("out of memory");
	for (i = 0; i < blocks && !stopped; i++) {
		ssize_t bytes;

		at = i * step % blocks;
		if (at % threads != thread)
			continue;
		fill(want, disk_seed, at);
		errno = 0;
		if (writes)
			bytes = pwrite(fd, want, BLOCK, first + at * BLOCK);
		else
			bytes = pread(fd, got, BLOCK, first + at * BLOCK);
		if (bytes != BLOCK) {
			if (!may_fail)
				give_up("%s block %llu of %s: %s", writes ? "write" : "read",
					(unsigned long long)at, disk,
					bytes < 0 ? strerror(errno) : "incomplete");
			good = false;
			break;
		}
		if (!writes)
			compare(got, want, BLOCK, at);
		__atomic_add_fetch(&requests, 1, __ATOMIC_RELAXED);
	}
	free(want);
	free(got);
	return good;
}

enum action {
	WRITE,
	READ,
	LOAD,
};

static enum action action;

/* A copy of an image is a file in memory, where older kernels refuse O_DIRECT */
static int open_disk(void)
{
	struct stat status;

	if (stat(disk, &status))
		return -1;
	return open(disk, O_RDWR | O_CLOEXEC | (S_ISBLK(status.st_mode) ? O_DIRECT : 0));
}

static void *work(void *argument)
{
	unsigned int thread = (uintptr_t)argument;
	int fd = open_disk();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(thread, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		give_up("CPU %u: %s", thread, strerror(errno));
	if (fd < 0)
		give_up("%s: %s", disk, strerror(errno));
	switch (action) {
	case WRITE:
		pass(fd, thread, true, false);
		if (fsync(fd))
			give_up("%s: fsync: %s", disk, strerror(errno));
		break;
	case READ:
		pass(fd, thread, false, false);
		break;
	case LOAD:
		while (!stopped && pass(fd, thread, true, true) && pass(fd, thread, false, true))
			;
		break;
	}
	close(fd);
	return NULL;
}

static void stop(int signal)
{
	stopped = 1;
}

static void use_disk(char **arguments)
{
	pthread_t others[CPUS_MAX];
	unsigned int i;

	disk = arguments[0];
	first = parse_number(arguments[1]);
	blocks = parse_number(arguments[2]) / BLOCK;
	disk_seed = parse_number(arguments[3]);
	threads = sysconf(_SC_NPROCESSORS_ONLN);
	if (threads > CPUS_MAX)
		threads = CPUS_MAX;
	if (!blocks || first % BLOCK || (blocks & (blocks - 1)))
		give_up("the first byte must be a multiple of 4096, and the blocks a power of two");
	signal(SIGTERM, stop);
	for (i = 0; i < threads; i++) {
		if (pthread_create(&others[i], NULL, work, (void *)(uintptr_t)i))
			give_up("cannot start a thread");
	}
	for (i = 0; i < threads; i++)
		pthread_join(others[i], NULL);
	printf("%llu requests%s\n", requests,
	       action == LOAD ? (stopped ? ", until a signal" : ", until an error") : "");
}

/* --- queues --------------------------------------------------------------------- */

static void channels(const char *interface, const char *wanted)
{
	struct ethtool_channels value = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCETHTOOL, &request))
		give_up("%s: %s", interface, strerror(errno));
	if (wanted) {
		value.cmd = ETHTOOL_SCHANNELS;
		value.combined_count = parse_number(wanted);
		if (ioctl(fd, SIOCETHTOOL, &request))
			give_up("%s: %s pairs: %s", interface, wanted, strerror(errno));
	}
	printf("%u of %u\n", value.combined_count, value.max_combined);
}

static void *read_again(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[BLOCK];

	while (fd >= 0 && pread(fd, text, sizeof(text), 0) >= 0)
		;
	give_up("%s: %s", (char *)path, strerror(errno));
}

/* Until a signal */
static void read_all_the_time(char *path)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	while (cpus-- > 1)
		if (pthread_create(&thread, NULL, read_again, path))
			give_up("no thread");
	read_again(path);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	/* A receiver or sender that waits for ever ends by the alarm */
	if (!strcmp(what, "receive") && argc == 4) {
		receive(parse_number(argv[2]), parse_number(argv[3]));
	} else if (!strcmp(what, "send") && argc == 6) {
		send_all(argv[2], parse_number(argv[3]), parse_number(argv[4]),
			 parse_number(argv[5]));
	} else if (!strcmp(what, "again") && argc == 3) {
		read_all_the_time(argv[2]);
	} else if (!strcmp(what, "channels") && (argc == 3 || argc == 4)) {
		channels(argv[2], argv[3]);
	} else if (argc == 6 && (!strcmp(what, "write") || !strcmp(what, "read") ||
				 !strcmp(what, "load"))) {
		action = what[0] == 'w' ? WRITE : what[0] == 'r' ? READ : LOAD;
		use_disk(argv + 2);
	} else {
		fprintf(stderr, "usage: see the start of selftests/helpers/native_io.c\n");
		return 2;
	}
	return 0;
}
