// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dmesg.h"
#include "report.h"

#define RECORD_SIZE	8192
#define FAULTS_MAX	64

/* Taint that loading a module from outside the kernel tree sets: O and E */
#define TAINT_EXPECTED	(1ul << 12 | 1ul << 13)

static regex_t faults[FAULTS_MAX];
static unsigned int fault_count;

/*
 * tools/vm/kernel-log-faults has one extended regular expression per line. The build leaves a
 * copy beside the programs.
 */
static void read_faults(void)
{
	char path[512], line[256];
	ssize_t length;
	FILE *file;

	length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	if (length < 0)
		fail("/proc/self/exe: %s", strerror(errno));
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "kernel-log-faults");
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s; it belongs to the test programs, see 'make -C selftests'",
		     path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		if (fault_count == FAULTS_MAX ||
		    regcomp(&faults[fault_count++], line, REG_EXTENDED | REG_NOSUB))
			fail("%s: cannot use '%s'", path, line);
	}
	fclose(file);
	if (!fault_count)
		fail("%s: empty", path);
}

static unsigned long taint(void)
{
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long mask;

	if (!file || fscanf(file, "%lu", &mask) != 1)
		fail("/proc/sys/kernel/tainted: %s", strerror(errno));
	fclose(file);
	return mask;
}

void dmesg_mark(struct dmesg *log)
{
	if (!fault_count)
		read_faults();
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		fail("/dev/kmsg: %s; the tests need to read the kernel log (run as root)",
		     strerror(errno));
	if (lseek(log->fd, 0, SEEK_END) < 0)
		fail("/dev/kmsg: cannot seek to the end: %s", strerror(errno));
	log->taint = taint();
	log->faulty = false;
	log->injecting = false;
}

/*
 * Returns the next record's text, without prefix and continuation lines. False at the end. A
 * record lost in the ring buffer ends the test, because the test could no longer fail.
 */
static bool next(int fd, char record[RECORD_SIZE], char **text)
{
	ssize_t size;
	char *start;

	size = read(fd, record, RECORD_SIZE - 1);
	if (size < 0 && errno == EAGAIN)
		return false;
	if (size < 0)
		fail("/dev/kmsg: %s; if records were overwritten, boot with log_buf_len=4M",
		     strerror(errno));
	record[size] = '\0';
	start = strchr(record, ';');
	*text = start ? start + 1 : record;
	(*text)[strcspn(*text, "\n")] = '\0';
	return true;
}

static void note_fault(struct dmesg *log, const char *text)
{
	unsigned int i;

	if (log->injecting && strstr(text, "Call Trace:"))
		return;
	for (i = 0; i < fault_count; i++) {
		if (regexec(&faults[i], text, 0, NULL, 0))
			continue;
		report("kernel log: %s", text);
		log->faulty = true;
		return;
	}
}

bool dmesg_clean(struct dmesg *log)
{
	char record[RECORD_SIZE], *text;
	unsigned long new_taint;

	while (next(log->fd, record, &text))
		note_fault(log, text);
	close(log->fd);
	log->fd = -1;

	new_taint = taint() & ~log->taint & ~TAINT_EXPECTED;
	if (new_taint) {
		report("the test tainted the kernel: new taint bits %#lx", new_taint);
		log->faulty = true;
	}
	return !log->faulty;
}

unsigned int dmesg_count(struct dmesg *log, const char *word1,
			 const char *word2)
{
	char record[RECORD_SIZE], *text;
	unsigned int count = 0;

	while (next(log->fd, record, &text)) {
		note_fault(log, text);
		if (strstr(text, word1) && (!word2 || strstr(text, word2)))
			count++;
	}
	return count;
}

static void say(const char *text)
{
	FILE *file = fopen("/dev/kmsg", "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		fail("/dev/kmsg: %s", strerror(errno));
}

/* Time in milliseconds until the kernel logs each DMA fault again: it logs about three in 5 s */
static long dma_faults_are_limited(void)
{
	char record[RECORD_SIZE], *text;
	long long now, last = -1, stamp;
	struct timespec clock;
	ssize_t size;
	int fd;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fail("/dev/kmsg: %s", strerror(errno));
	/* Starts at the oldest record, even if some are lost (EPIPE) */
	while ((size = read(fd, record, RECORD_SIZE - 1)) > 0 || errno == EPIPE) {
		if (size < 0)
			continue;
		record[size] = '\0';
		text = strchr(record, ';');
		if (text && strstr(text, "DMAR: [DMA") &&
		    sscanf(record, "%*u,%*u,%lld,", &stamp) == 1)
			last = stamp / 1000;
	}
	close(fd);
	if (last < 0)
		return 0;
	/* The log has another clock, with about the same time */
	clock_gettime(CLOCK_MONOTONIC, &clock);
	now = clock.tv_sec * 1000LL + clock.tv_nsec / 1000000;
	return now - last < 7000 ? 7000 - (now - last) : 0;
}

void dmesg_expect_dma_stopped(struct dmesg *log)
{
	long limited = dma_faults_are_limited();
	char record[RECORD_SIZE], *text;

	if (limited > 0)
		usleep(limited * 1000);
	while (next(log->fd, record, &text))
		note_fault(log, text);
	/* For readers of the whole log, see kernel_log.sh */
	say("selftests: DMA faults are expected\n");
}

bool dmesg_dma_stopped(struct dmesg *log, const char *bdf, uint64_t iova,
		       unsigned int milliseconds)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	char record[RECORD_SIZE], *text, short_device[32], device[32], address[32];
	bool stopped = false;

	/* "Request device [0000:01:00.1]", or without the domain in earlier kernels */
	snprintf(device, sizeof(device), "device [%s]", bdf);
	snprintf(short_device, sizeof(short_device), "device [%s]", strchr(bdf, ':') + 1);
	snprintf(address, sizeof(address), "fault addr 0x%llx ",
		 (unsigned long long)iova);
	for (;;) {
		while (next(log->fd, record, &text)) {
			if (strstr(text, "DMAR: [DMA") && strstr(text, address) &&
			    (strstr(text, device) || strstr(text, short_device)))
				stopped = true;
			else if (!strstr(text, "DMAR: DRHD: handling fault status"))
				note_fault(log, text);
		}
		if (stopped || !milliseconds--)
			break;
		nanosleep(&millisecond, NULL);
	}
	say("selftests: that was the last one\n");
	return stopped;
}

void dmesg_expect_injections(struct dmesg *log)
{
	log->injecting = true;
	/* For readers of the whole log, see kernel_log.sh */
	say("selftests: failures are injected\n");
}

void dmesg_injections_end(struct dmesg *log)
{
	char record[RECORD_SIZE], *text;

	while (next(log->fd, record, &text))
		note_fault(log, text);
	log->injecting = false;
	say("selftests: no more failures are injected\n");
}

/* Whether a function is part of allocating or copying, whoever needs that */
static bool is_tool(const char *function)
{
	static const char *const tools[] = {
		"dump_stack", "should_fail", "fail_dump", "__kmalloc", "kmalloc",
		"kmem_cache_alloc", "__kmem_cache", "alloc_pages", "__alloc_pages",
		"__get_free_page", "get_free_page", "__kvmalloc", "kvmalloc", "krealloc",
		"__vmalloc", "vmalloc", "_copy_", "memdup_user", "vmemdup_user", "kstrdup",
		"kvasprintf", "kasprintf", "devm_kmalloc", "devres_alloc", "__devres_alloc",
		"pcpu_alloc", "kmemdup", "__should_fail",
	};
	unsigned int i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (!strncmp(function, tools[i], strlen(tools[i])))
			return true;
	return false;
}

bool dmesg_injected(struct dmesg *log, const char *module, char *place, size_t size)
{
	char record[RECORD_SIZE], function[128], mark[64], *text;
	bool injected = false, named = false, ours = false;

	snprintf(mark, sizeof(mark), "[%s]", module);
	place[0] = '\0';
	while (next(log->fd, record, &text)) {
		note_fault(log, text);
		if (strstr(text, "FAULT_INJECTION: forcing a failure"))
			injected = true;
		/* A frame of a stack: " function+0x10/0x20 [module]" */
		if (!injected || text[0] != ' ' || text[1] == '?' || !strchr(text, '+') ||
		    sscanf(text, " %127[^+]", function) != 1 || is_tool(function))
			continue;
		if (!named)
			snprintf(place, size, "%s", function);
		else if (!ours && strstr(text, mark))
			snprintf(place + strlen(place), size - strlen(place), " for %s", function);
		if (strstr(text, mark))
			ours = true;
		named = true;
	}
	return injected;
}
