// SPDX-License-Identifier: GPL-2.0-only
#include <time.h>

#include "environment.h"
#include "sequence.h"

void sequence_start(struct sequence *sequence)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	sequence->seed = environment_number("VIRTIO_MMR_SEED",
					    now.tv_sec * 1000 + now.tv_nsec / 1000000);
	/* The state must not be 0, and neighbouring seeds must begin differently */
	sequence->state = (sequence->seed + 1) * 0x9e3779b97f4a7c15ull;
}

/* xorshift64 */
uint64_t sequence_next(struct sequence *sequence)
{
	sequence->state ^= sequence->state << 13;
	sequence->state ^= sequence->state >> 7;
	sequence->state ^= sequence->state << 17;
	return sequence->state;
}

uint32_t sequence_below(struct sequence *sequence, uint32_t limit)
{
	return (sequence_next(sequence) >> 16) % limit;
}
