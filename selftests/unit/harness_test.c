// SPDX-License-Identifier: GPL-2.0-only
/* Slow machines: the limits of single cases follow VIRTIO_MMR_TIMEOUT_SCALE. */
#include "kselftest_harness.h"

#include "lib/harness.h"

#define SCALE		7
#define OWN_LIMIT	120 /* s */

FIXTURE(harness) { };

FIXTURE_SETUP(harness) { }

FIXTURE_TEARDOWN(harness) { }

TEST(limit)
{
	EXPECT_EQ(_metadata->timeout, SCALE * TEST_TIMEOUT_DEFAULT);
}

TEST_F(harness, limit)
{
	EXPECT_EQ(_metadata->timeout, SCALE * TEST_TIMEOUT_DEFAULT);
}

TEST_F_TIMEOUT(harness, own_limit, OWN_LIMIT)
{
	EXPECT_EQ(_metadata->timeout, SCALE * OWN_LIMIT);
}

HARNESS_MAIN(setenv("VIRTIO_MMR_TIMEOUT_SCALE", "7", 1))
