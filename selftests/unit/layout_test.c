// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's splitting of accesses, from its own source. Checks every access that fits BAR0,
 * for both MSI-X states, against the contract.
 */
#include <linux/virtio_mmr.h>

#include "virtio_mmr/layout.h"
#include "kselftest_harness.h"

#include "lib/harness.h"

#define WINDOW	256

/* Register bounds of the common part, from the contract's table */
static const unsigned int bounds[] = {
	0x00, 0x04, 0x08, 0x0c, 0x0e, 0x10, 0x12, 0x13, 0x14, 0x16, 0x18,
};

/* Number of the common register that a byte is in, -1 after the last one */
static int register_of(unsigned int offset, bool has_vectors)
{
	int i;

	if (offset >= (has_vectors ? 0x18 : 0x14))
		return -1;
	for (i = 0; bounds[i + 1] <= offset; i++)
		;
	return i;
}

FIXTURE(layout)
{
	struct virtio_mmr_layout layout;
};

FIXTURE_VARIANT(layout)
{
	bool has_vectors;
};

FIXTURE_VARIANT_ADD(layout, without_msix) { .has_vectors = false };
FIXTURE_VARIANT_ADD(layout, with_msix) { .has_vectors = true };

FIXTURE_SETUP(layout)
{
	self->layout.has_vectors = variant->has_vectors;
}

FIXTURE_TEARDOWN(layout) { }

TEST_F(layout, every_access)
{
	unsigned int start, count, done;

	for (start = 0; start < WINDOW; start++) {
		for (count = 1; count <= WINDOW - start; count++) {
			for (done = 0; done < count;) {
				struct virtio_mmr_piece piece =
					virtio_mmr_next_piece(&self->layout, &self->layout, WINDOW,
							      start + done, count - done);

				/* In order, each byte once, and none outside of the access */
				ASSERT_EQ(piece.offset, start + done);
				ASSERT_NE(piece.target, VIRTIO_MMR_TARGET_NOTHING);
				/* Naturally aligned, of 1, 2 or 4 bytes */
				ASSERT_TRUE(piece.width == 1 || piece.width == 2 ||
					    piece.width == 4);
				ASSERT_EQ(piece.offset % piece.width, 0);
				ASSERT_LE(piece.width, count - done);
				/* Inside one register */
				ASSERT_EQ(register_of(piece.offset, variant->has_vectors),
					  register_of(piece.offset + piece.width - 1,
						      variant->has_vectors));
				/* A whole Queue Notify is a notification, nothing else is */
				ASSERT_EQ(piece.target == VIRTIO_MMR_TARGET_NOTIFY,
					  piece.offset == 0x10 && piece.width == 2);
				done += piece.width;
			}
			ASSERT_EQ(done, count);
		}
	}
}

/* Where one access of the widest kind is possible, it is one */
TEST_F(layout, no_needless_split)
{
	static const struct {
		unsigned int offset, count, width;
	} cases[] = {
		{ 0x00, 4, 4 }, { 0x04, 4, 4 }, { 0x08, 8, 4 }, { 0x0c, 2, 2 },
		{ 0x0c, 4, 2 }, { 0x0e, 2, 2 }, { 0x10, 4, 2 }, { 0x12, 2, 1 },
		{ 0x13, 1, 1 }, { 0x02, 2, 2 }, { 0x01, 3, 1 }, { 0x18, 8, 4 },
		{ 0x1c, 4, 4 }, { 0x1a, 4, 2 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct virtio_mmr_piece piece =
			virtio_mmr_next_piece(&self->layout, &self->layout, WINDOW,
					      cases[i].offset, cases[i].count);

		EXPECT_EQ(piece.width, cases[i].width) {
			TH_LOG("%u bytes at %#x", cases[i].count, cases[i].offset);
		}
	}
}

TEST_F(layout, behind_the_window)
{
	struct virtio_mmr_piece piece;
	unsigned int length, offset;

	for (length = 24; length < 64; length++) {
		for (offset = 0x18; offset < 64; offset++) {
			piece = virtio_mmr_next_piece(&self->layout, &self->layout,
						      length, offset, 4);
			EXPECT_EQ(piece.target == VIRTIO_MMR_TARGET_NOTHING,
				  offset >= length);
			EXPECT_TRUE(offset >= length || offset + piece.width <= length);
		}
	}
	/* A length near the top of 64 bits is not negative */
	piece = virtio_mmr_next_piece(&self->layout, &self->layout, -1ull, 0x20, 4);
	EXPECT_EQ(piece.target, VIRTIO_MMR_TARGET_REGISTER);
	EXPECT_EQ(piece.width, 4);
}

/* For a guest without vectors on a device with them, all else moves by four */
TEST(translation)
{
	const struct virtio_mmr_layout guest = { .has_vectors = false };
	const struct virtio_mmr_layout device = { .has_vectors = true };
	struct virtio_mmr_piece piece;
	unsigned int offset;

	for (offset = 0; offset < 0x14; offset++) {
		piece = virtio_mmr_next_piece(&guest, &device, WINDOW, offset, 1);
		EXPECT_EQ(piece.offset, offset);
	}
	for (offset = 0x14; offset < WINDOW - 4; offset++) {
		piece = virtio_mmr_next_piece(&guest, &device, WINDOW, offset, 1);
		EXPECT_EQ(piece.target, VIRTIO_MMR_TARGET_REGISTER);
		EXPECT_EQ(piece.offset, offset + 4);
	}
	for (; offset < WINDOW; offset++) {
		piece = virtio_mmr_next_piece(&guest, &device, WINDOW, offset, 1);
		EXPECT_EQ(piece.target, VIRTIO_MMR_TARGET_NOTHING);
	}
}

/* A vector register that only the guest has is nothing of the device */
TEST(vectors_of_the_guest_alone)
{
	const struct virtio_mmr_layout guest = { .has_vectors = true };
	const struct virtio_mmr_layout device = { .has_vectors = false };
	struct virtio_mmr_piece piece;
	unsigned int offset;

	for (offset = 0; offset < WINDOW; offset++) {
		bool is_vector = offset >= 0x14 && offset < 0x18;

		piece = virtio_mmr_next_piece(&guest, &device, WINDOW, offset, 1);
		EXPECT_EQ(piece.target, is_vector ? VIRTIO_MMR_TARGET_NOTHING :
						    VIRTIO_MMR_TARGET_REGISTER);
		if (!is_vector)
			EXPECT_EQ(piece.offset, offset < 0x14 ? offset : offset - 4);
	}
}

/* A window without the register */
TEST_F(layout, no_queue_notify)
{
	struct virtio_mmr_piece piece;

	piece = virtio_mmr_next_piece(&self->layout, &self->layout, 0x10, 0x10, 2);
	EXPECT_EQ(piece.target, VIRTIO_MMR_TARGET_NOTHING);
	EXPECT_EQ(piece.width, 2);
}

TEST(piece_covers)
{
	struct virtio_mmr_piece piece = {
		.target = VIRTIO_MMR_TARGET_REGISTER,
		.offset = 0x08,
		.width = 4,
	};

	EXPECT_TRUE(virtio_mmr_piece_covers(&piece, 0x08, 4));
	EXPECT_TRUE(virtio_mmr_piece_covers(&piece, 0x0b, 1));
	EXPECT_FALSE(virtio_mmr_piece_covers(&piece, 0x0c, 2));
	EXPECT_FALSE(virtio_mmr_piece_covers(&piece, 0x04, 4));
	piece.target = VIRTIO_MMR_TARGET_NOTHING;
	EXPECT_FALSE(virtio_mmr_piece_covers(&piece, 0x08, 4));
}

HARNESS_MAIN()
