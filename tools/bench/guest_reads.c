// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a Linux guest of tools/bench/interrupt does with its two disks, the first of which
 * interrupts by MSI-X and the second by INTx: it reads 4 KiB, one request at a time, and counts
 * the instructions of each. Its CPU never halts, as a spinner runs meanwhile.
 *
 * Prints "start WAY", and then "end WAY READS AWAKE TURNS", and "sample WAY COUNT" for each read
 * that counts. WAY is msix, intx, or none for no read at all. READS is the number of all reads.
 * AWAKE is that of reads that ended before the program slept, which do not count. TURNS is that
 * of the spinner. It is idle for a moment before and after, for the reader of these lines to look
 * at its counters.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lib/report.h"
#include "spinner.h"

#define ROUNDS		3
#define WARM_UP		20
#define READS		400
/* Their number depends on how fast this machine is */
#define AWAKE_MAX	(2 * READS)
#define PAUSE		1	/* seconds */
#define BLOCK		4096
#define DISK_PATIENCE	1000	/* tenths of a second */

static const struct way {
	const char *name, *disk, *controller;
} ways[] = {
	{ "msix", "vda", "MSI" },
	{ "intx", "vdb", "IO-APIC" },
};

/* The spinner ends with its parent, which is a process for each measurement. This is shared */
static struct {
	uint64_t samples[READS], turns;
	unsigned int awake;
} *result;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

/* The virtio device of a disk; the PCI function is the folder around it */
static void device_of(const char *disk, char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/sys/block/%s/device", disk);
	if (!realpath(link, path))
		fail("%s: %s", link, strerror(errno));
}

/* Its driver is bound again while the kernel refuses MSI-X to it */
static void take_msix(const char *disk)
{
	char path[PATH_MAX], attribute[PATH_MAX + 16], bdf[32], node[64];
	unsigned int tenths = 0;
	struct stat status;

	device_of(disk, path);
	*strrchr(path, '/') = '\0';
	snprintf(bdf, sizeof(bdf), "%s", strrchr(path, '/') + 1);
	put("/sys/bus/pci/drivers/virtio-pci/unbind", bdf);
	snprintf(attribute, sizeof(attribute), "%s/msi_bus", path);
	put(attribute, "0");
	put("/sys/bus/pci/drivers/virtio-pci/bind", bdf);
	snprintf(node, sizeof(node), "/dev/%s", disk);
	while (stat(node, &status)) {
		if (tenths++ == DISK_PATIENCE)
			fail("%s: %s", node, strerror(errno));
		usleep(100000);
	}
}

/* How many lines of /proc/interrupts name the disk with the right controller, and any other */
static void check_lines(const struct way *way)
{
	unsigned int right = 0, wrong = 0;
	char line[1024], path[PATH_MAX];
	const char *name, *found;
	FILE *file;

	device_of(way->disk, path);
	name = strrchr(path, '/') + 1;
	file = fopen("/proc/interrupts", "re");
	while (file && fgets(line, sizeof(line), file)) {
		found = strstr(line, name);
		if (!found || (found[strlen(name)] != '-' && found[strlen(name)] != '\n'))
			continue;
		if (strstr(line, way->controller))
			right++;
		else
			wrong++;
	}
	if (!right || wrong)
		fail("%s: %u lines of %s, %u others", way->name, right, way->controller, wrong);
	fclose(file);
}

static void read_block(int fd)
{
	static char buffer[BLOCK] __attribute__((aligned(BLOCK)));

	if (pread(fd, buffer, sizeof(buffer), 0) != sizeof(buffer))
		fail("read of the disk: %s", strerror(errno));
}

/* As in waits.c */
static void measure(int fd)
{
	unsigned int i, done = 0;

	spinner_start();
	for (i = 0; i < WARM_UP; i++)
		read_block(fd);
	while (done < READS) {
		uint64_t turns = spinner_turns(), start = spinner_work();

		read_block(fd);
		result->samples[done] = spinner_work() - start;
		if (spinner_turns() != turns)
			done++;
		else if (++result->awake > AWAKE_MAX)
			fail("%u reads without sleep", result->awake);
	}
	result->turns = spinner_turns();
}

static void run(const struct way *way)
{
	const char *name = way ? way->name : "none";
	char node[64] = "/dev/null";
	unsigned int i;
	int status, fd;
	pid_t child;

	if (way)
		snprintf(node, sizeof(node), "/dev/%s", way->disk);
	fd = open(node, O_RDONLY | O_CLOEXEC | (way ? O_DIRECT : 0));
	if (fd < 0)
		fail("%s: %s", node, strerror(errno));
	memset(result, 0, sizeof(*result));
	sleep(PAUSE);
	printf("start %s\n", name);
	sleep(PAUSE);
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child) {
		if (way)
			measure(fd);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status)
		fail("%s: the reads ended with status 0x%x", name, status);
	close(fd);
	printf("end %s %u %u %llu\n", name, way ? WARM_UP + READS + result->awake : 0,
	       result->awake, (unsigned long long)result->turns);
	sleep(PAUSE);
	for (i = 0; way && i < READS; i++)
		printf("sample %s %llu\n", name, (unsigned long long)result->samples[i]);
}

int main(void)
{
	unsigned int round, turn, i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!clock_init())
		fail("the TSC does not count instructions here");
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (result == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	take_msix(ways[1].disk);
	for (i = 0; i < 2; i++)
		check_lines(&ways[i]);
	for (round = 0; round < ROUNDS; round++) {
		run(NULL);
		/* Each is first in every other round */
		for (turn = 0; turn < 2; turn++)
			run(&ways[(round + turn) & 1]);
	}
	return 0;
}
