// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages for programs without snprintf(): the text is the same as that of snprintf().
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/pure.h"

#define EXPECT_SAME(...) do { \
	char expected[128], text[128]; \
	int length = snprintf(expected, sizeof(expected), __VA_ARGS__); \
	EXPECT_EQ(virtio_mmr_format(text, sizeof(text), __VA_ARGS__), length); \
	EXPECT_STREQ(text, expected); \
} while (0)

TEST(conversions)
{
	EXPECT_SAME("plain");
	EXPECT_SAME("%s", "");
	EXPECT_SAME("<%s>", "text");
	EXPECT_SAME("%u %u %u", 0, 7, UINT_MAX);
	EXPECT_SAME("%x %x %x", 0, 0xabc, UINT_MAX);
	EXPECT_SAME("%02x %04x %04x", 0xb, 0x1af4, 0x12345);
	EXPECT_SAME("%llu %llx", ULLONG_MAX, ULLONG_MAX);
	EXPECT_SAME("%llu %llu %llu", 0ULL, 9ULL, 10000000000000000000ULL);
	EXPECT_SAME("%u%s%llx%u", 1, "2", 3ULL, 4);
}

TEST(too_long)
{
	char text[8];

	memset(text, 'x', sizeof(text));
	EXPECT_EQ(virtio_mmr_format(text, 5, "%s", "abcdefg"), 7);
	EXPECT_STREQ(text, "abcd");
	/* Not a byte beyond */
	EXPECT_EQ(text[5], 'x');
	EXPECT_EQ(virtio_mmr_format(text, 1, "abc"), 3);
	EXPECT_EQ(text[0], '\0');
	text[0] = 'x';
	EXPECT_EQ(virtio_mmr_format(text, 0, "abc"), 3);
	EXPECT_EQ(text[0], 'x');
}

HARNESS_MAIN()
