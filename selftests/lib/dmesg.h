/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel logged since a mark, and whether that is free of faults. */
#ifndef SELFTESTS_DMESG_H
#define SELFTESTS_DMESG_H

#include <stdbool.h>

struct dmesg {
	int fd;
	unsigned long taint;
	bool faulty;
};

void dmesg_mark(struct dmesg *log);

/*
 * Reads on from the mark. False, with the line reported, at a WARN, BUG, oops
 * or call trace, or if the kernel got tainted by anything but an out-of-tree
 * or unsigned module. Closes the mark.
 */
bool dmesg_clean(struct dmesg *log);

/*
 * Reads on from the mark and counts the lines with both words in them (the
 * second may be NULL). The mark moves on; faults met are kept for dmesg_clean().
 */
unsigned int dmesg_count(struct dmesg *log, const char *word1,
			 const char *word2);

#endif /* SELFTESTS_DMESG_H */
