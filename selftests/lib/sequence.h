/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers that the same seed repeats. */
#ifndef SELFTESTS_SEQUENCE_H
#define SELFTESTS_SEQUENCE_H

#include <stdint.h>

struct sequence {
	unsigned long seed;
	uint64_t state;
};

/* The seed is VIRTIO_MMR_SEED. Without that variable it is another one each time */
void sequence_start(struct sequence *sequence);

uint64_t sequence_next(struct sequence *sequence);

/* A number from 0 to below the limit, which is not 0 */
uint32_t sequence_below(struct sequence *sequence, uint32_t limit);

#endif /* SELFTESTS_SEQUENCE_H */
