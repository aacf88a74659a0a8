// SPDX-License-Identifier: GPL-2.0-only
/* The driver's table of device types, against the contract's. */
#include <linux/virtio_ids.h>
#include <linux/virtio_mmr.h>

#include "virtio_mmr/identity.h"
#include "kselftest_harness.h"

#include "lib/harness.h"

TEST(types)
{
	static const struct {
		unsigned int mmr, guest, virtio;
	} expected[] = {
		{ 0x10f9, 0x1000, VIRTIO_ID_NET },
		{ 0x10fa, 0x1001, VIRTIO_ID_BLOCK },
		{ 0x10fb, 0x1002, VIRTIO_ID_BALLOON },
		{ 0x10fc, 0x1003, VIRTIO_ID_CONSOLE },
		{ 0x10fd, 0x1004, VIRTIO_ID_SCSI },
		{ 0x10fe, 0x1005, VIRTIO_ID_RNG },
		{ 0x10ff, 0x1009, VIRTIO_ID_9P },
	};
	const struct virtio_mmr_identity *identity;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		identity = virtio_mmr_identify(expected[i].mmr);
		ASSERT_NE(identity, NULL);
		EXPECT_EQ(identity->guest_id, expected[i].guest);
		EXPECT_EQ(identity->virtio_id, expected[i].virtio);
		EXPECT_GT(strlen(identity->name), 1);
	}
}

TEST(others)
{
	unsigned int id;

	for (id = 0; id < 0x10000; id++)
		EXPECT_EQ(!virtio_mmr_identify(id), id < 0x10f9 || id > 0x10ff);
}

HARNESS_MAIN()
