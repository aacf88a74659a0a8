/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel logged since a mark, and whether that is free of faults. */
#ifndef SELFTESTS_DMESG_H
#define SELFTESTS_DMESG_H

#include <stdbool.h>
#include <stdint.h>

struct dmesg {
	int fd;
	unsigned long taint;
	bool faulty;
};

void dmesg_mark(struct dmesg *log);

/*
 * Reads on from the mark. False, with the line reported, at what a healthy
 * kernel does not log (tools/vm/kernel-log-faults), or if the kernel got tainted
 * by anything but an out-of-tree or unsigned module. Closes the mark.
 */
bool dmesg_clean(struct dmesg *log);

/*
 * Reads on from the mark and counts the lines with both words in them (the
 * second may be NULL). The mark moves on; faults met are kept for dmesg_clean().
 */
unsigned int dmesg_count(struct dmesg *log, const char *word1,
			 const char *word2);

/*
 * DMA that the IOMMU stops is a fault like others, but between these two: the
 * second one waits for the kernel to log one of this function at that address,
 * and is false if that does not happen. Faults elsewhere remain faults.
 */
void dmesg_expect_dma_stopped(struct dmesg *log);
bool dmesg_dma_stopped(struct dmesg *log, const char *bdf, uint64_t iova,
		       unsigned int milliseconds);

#endif /* SELFTESTS_DMESG_H */
