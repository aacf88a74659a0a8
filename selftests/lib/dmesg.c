// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmesg.h"
#include "report.h"

#define RECORD_SIZE	8192

/* Taint that loading a module from outside the kernel tree sets: O and E */
#define TAINT_EXPECTED	(1ul << 12 | 1ul << 13)

static const char *const faults[] = {
	"WARNING:", "BUG:", "kernel BUG", "Oops", "Call Trace",
	"general protection fault", "UBSAN:", "KASAN:", "KCSAN:",
	"INFO: task", "rcu_sched self-detected", "possible circular locking",
	"sleeping function called", "refcount_t:", "unable to handle",
	"stack-protector:", "scheduling while atomic",
};

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
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		fail("/dev/kmsg: %s; the tests need to read the kernel log (run as root)",
		     strerror(errno));
	if (lseek(log->fd, 0, SEEK_END) < 0)
		fail("/dev/kmsg: cannot seek to the end: %s", strerror(errno));
	log->taint = taint();
	log->faulty = false;
}

/*
 * The next record's text, without prefix and continuation lines; false at the
 * end. A record lost to the ring buffer's wrap would be a test that cannot
 * fail, so it ends the test.
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
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!strstr(text, faults[i]))
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
