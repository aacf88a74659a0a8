// SPDX-License-Identifier: GPL-2.0-only
/* The MP table, read as the MultiProcessor specification 1.4 has it. */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "mptable.h"

#define POINTER	16
#define HEADER	44

static const struct mptable_line lines[] = { { 1, 5 }, { 2, 9 }, { 5, 5 } };

FIXTURE(mptable)
{
	uint8_t *table;
	size_t size;
};

/* As large as it must be and no larger, for the sanitizer */
FIXTURE_SETUP(mptable)
{
	self->table = malloc(MPTABLE_SIZE);
	self->size = mptable_write(self->table, MPTABLE_SIZE, 3, lines, 3);
	ASSERT_LE(self->size, MPTABLE_SIZE);
	free(self->table);
	self->table = malloc(self->size);
	memset(self->table, 0xaa, self->size);
	ASSERT_EQ(self->size, mptable_write(self->table, self->size, 3, lines, 3));
}

FIXTURE_TEARDOWN(mptable)
{
	free(self->table);
}

static uint8_t sum(const uint8_t *bytes, size_t count)
{
	uint8_t total = 0;

	while (count--)
		total += *bytes++;
	return total;
}

static unsigned int get16(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

TEST_F(mptable, pointer)
{
	EXPECT_EQ(0, memcmp(self->table, "_MP_", 4));
	EXPECT_EQ(MPTABLE_ADDRESS + POINTER, get16(self->table + 4) | get16(self->table + 6) << 16);
	EXPECT_EQ(1, self->table[8]);
	EXPECT_EQ(0, sum(self->table, POINTER));
}

TEST_F(mptable, checksum_covers_all)
{
	const uint8_t *header = self->table + POINTER;

	EXPECT_EQ(0, memcmp(header, "PCMP", 4));
	ASSERT_EQ(self->size - POINTER, get16(header + 4));
	EXPECT_EQ(0, sum(header, get16(header + 4)));
}

/* The number of entries leads exactly to the end. */
TEST_F(mptable, entries)
{
	const uint8_t *at = self->table + POINTER + HEADER;
	unsigned int count = get16(self->table + POINTER + 34), cpus = 0, functions = 0, shared = 0;

	while (count--) {
		ASSERT_LT(at, self->table + self->size);
		if (at[0] == 0) {
			EXPECT_EQ(cpus, at[1]);
			EXPECT_EQ(cpus ? 1 : 3, at[3]);
			cpus++;
		}
		/* INTA of slots 1, 2 and 5; by level and active low */
		if (at[0] == 3 && at[4] == 0) {
			EXPECT_EQ(0xf, get16(at + 2));
			EXPECT_EQ(lines[functions].slot << 2, at[5]);
			EXPECT_EQ(3, at[6]);
			EXPECT_EQ(lines[functions].irq, at[7]);
			functions++;
		}
		/* Inputs of functions are no inputs of ISA. */
		if (at[0] == 3 && at[4] == 1)
			shared += at[7] == 5 || at[7] == 9;
		at += at[0] ? 8 : 20;
	}
	EXPECT_EQ(self->table + self->size, at);
	EXPECT_EQ(3, cpus);
	EXPECT_EQ(3, functions);
	EXPECT_EQ(0, shared);
}

TEST_F(mptable, does_not_fit)
{
	uint8_t *small = malloc(self->size - 1);

	EXPECT_EQ(self->size, mptable_write(small, self->size - 1, 3, lines, 3));
	free(small);
	small = malloc(1);
	EXPECT_EQ(self->size, mptable_write(small, 1, 3, lines, 3));
	free(small);
}

TEST_HARNESS_MAIN
