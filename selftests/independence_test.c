// SPDX-License-Identifier: GPL-2.0-only
/* Two functions of one device in use at once do not notice one another. */
#include "kselftest_harness.h"

#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/session.h"

#define ROUNDS	20

FIXTURE(independence)
{
	struct session sessions[2];
	struct vfio_device *devices[2];
	struct entropy entropy[2];
};

FIXTURE_VARIANT(independence)
{
	bool one_container;
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(independence, one_user) {
	.one_container = true,
	.vectors = 1,
};

FIXTURE_VARIANT_ADD(independence, two_users) {
	.one_container = false,
	.vectors = 1,
};

FIXTURE_SETUP(independence)
{
	const char *bdf[2] = { functions_find("rng", 0), functions_find("rng", 1) };
	unsigned int i;

	if (!bdf[1])
		SKIP(return, "needs two rng functions");
	if (!variant->one_container &&
	    sysfs_iommu_group(bdf[0]) == sysfs_iommu_group(bdf[1]))
		SKIP(return, "%s and %s share an IOMMU group", bdf[0], bdf[1]);
	for (i = 0; i < 2; i++) {
		if (i && variant->one_container) {
			session_begin(&self->sessions[i], bdf[i]);
			self->devices[i] = session_attach_beside(&self->sessions[i],
								 &self->sessions[0]);
		} else {
			self->devices[i] = session_open(&self->sessions[i], bdf[i]);
		}
		NEED_VECTORS(self->devices[i], variant->vectors);
		session_enable_vectors(&self->sessions[i], variant->vectors);
		/* Two users may use the same addresses */
		entropy_start(&self->entropy[i], self->devices[i], IOVA_BASE +
			      (variant->one_container ? i * 0x1000000ull : 0));
	}
}

FIXTURE_TEARDOWN(independence)
{
	unsigned int i;

	/* The first one's container is the container of both */
	for (i = 2; i--;) {
		if (self->sessions[i].attached)
			entropy_stop(&self->entropy[i]);
		EXPECT_TRUE(session_close(&self->sessions[i]));
	}
}

TEST_F(independence, in_turn)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(entropy_works(&self->entropy[i & 1]));
		EXPECT_EQ(vfio_msix_wait(self->devices[i & 1], 0, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(vfio_msix_wait(self->devices[!(i & 1)], 0, 0), 0);
	}
}

/* No kind of reset of one function disturbs the other one */
TEST_F(independence, reset_of_one)
{
	uint8_t status = legacy_status(self->devices[0]);
	uint64_t address;

	legacy_write(self->devices[0], VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	address = legacy_read(self->devices[0], VIRTIO_MMR_QUEUE_ADDRESS, 4);
	ASSERT_NE(address, 0);

	ASSERT_EQ(vfio_reset(self->devices[1]), 0);
	EXPECT_EQ(legacy_status(self->devices[0]), status);
	EXPECT_EQ(legacy_read(self->devices[0], VIRTIO_MMR_QUEUE_ADDRESS, 4), address);
	EXPECT_TRUE(entropy_works(&self->entropy[0]));
	EXPECT_EQ(vfio_msix_wait(self->devices[0], 0, LEGACY_TIMEOUT), 1);

	entropy_restart(&self->entropy[1]);
	legacy_reset(self->devices[1]);
	EXPECT_EQ(legacy_status(self->devices[0]), status);
	EXPECT_TRUE(entropy_works(&self->entropy[0]));
	entropy_restart(&self->entropy[1]);
	EXPECT_TRUE(entropy_works(&self->entropy[1]));
	EXPECT_TRUE(entropy_works(&self->entropy[0]));
}

TEST_F(independence, io_decode_of_one)
{
	vfio_command(self->devices[1], 0, PCI_COMMAND_IO);
	EXPECT_EQ(legacy_status(self->devices[1]), 0xff);
	EXPECT_TRUE(entropy_works(&self->entropy[0]));
	vfio_command(self->devices[1], PCI_COMMAND_IO, 0);
	EXPECT_TRUE(entropy_works(&self->entropy[1]));
}

TEST_F(independence, close_of_one)
{
	entropy_stop(&self->entropy[1]);
	session_detach(&self->sessions[1]);
	EXPECT_TRUE(entropy_works(&self->entropy[0]));
	EXPECT_EQ(vfio_msix_wait(self->devices[0], 0, LEGACY_TIMEOUT), 1);
}

FUNCTIONS_HARNESS_MAIN
