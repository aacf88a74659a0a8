/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel messages since a mark, and a check that they have no faults. */
#ifndef SELFTESTS_DMESG_H
#define SELFTESTS_DMESG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dmesg {
	int fd;
	unsigned long taint;
	bool faulty;
	bool injecting;
};

void dmesg_mark(struct dmesg *log);

/*
 * Reads from the mark on, and closes it. False, with the line reported, at a message that a
 * healthy kernel does not log (tools/vm/kernel-log-faults). Also false for a taint, except by
 * an out-of-tree or unsigned module.
 */
bool dmesg_clean(struct dmesg *log);

/*
 * Reads on from the mark and counts the lines with both words in them (the
 * second may be NULL). The mark moves on; faults met are kept for dmesg_clean().
 */
unsigned int dmesg_count(struct dmesg *log, const char *word1,
			 const char *word2);

/*
 * DMA that the IOMMU stops is a fault like others, except between these two calls. The second
 * call waits until the kernel logs such a fault of this function at this address. It is false
 * if that does not happen. Faults elsewhere remain faults.
 */
void dmesg_expect_dma_stopped(struct dmesg *log);
bool dmesg_dma_stopped(struct dmesg *log, const char *bdf, uint64_t iova,
		       unsigned int milliseconds);

/*
 * The kernel logs the stack of each failure that it was asked for. That is no fault between
 * these two calls.
 */
void dmesg_expect_injections(struct dmesg *log);
void dmesg_injections_end(struct dmesg *log);

/*
 * The place of a failure since the last call: what allocates there, and for which function of
 * this module. False if the kernel has logged none.
 */
bool dmesg_injected(struct dmesg *log, const char *module, char *place, size_t size);

#endif /* SELFTESTS_DMESG_H */
