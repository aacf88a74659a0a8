// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's capability decoding and validation, from its own source. Covers cases that no
 * device can show, and both sides of every limit.
 */
#include <linux/virtio_mmr.h>

#include "virtio_mmr/capability.h"
#include "kselftest_harness.h"

#include "lib/harness.h"

#define BAR_SIZE	0x1000ull

static void put(uint8_t *at, unsigned int bytes, uint64_t value)
{
	while (bytes--) {
		*at++ = value;
		value >>= 8;
	}
}

/* Lays a capability out as the contract says; vsec_length 0 is the bare form */
static void encode(uint8_t raw[VIRTIO_MMR_CAP_MAX_SIZE], unsigned int vsec_length,
		   uint8_t instance, uint8_t type, uint8_t bar, uint64_t offset,
		   uint64_t length)
{
	uint8_t *body = raw + 4;

	memset(raw, 0xcc, VIRTIO_MMR_CAP_MAX_SIZE);
	put(raw, 4, 0x1401000b);
	if (vsec_length) {
		put(body, 4, vsec_length << 20 | 0x10000 | 0x1234);
		body += 4;
	}
	body[0] = type;
	body[1] = bar;
	body[2] = instance;
	body[3] = 0;
	put(body + 4, 8, offset);
	put(body + 12, 8, length);
}

FIXTURE(capability)
{
	uint8_t raw[VIRTIO_MMR_CAP_MAX_SIZE];
	struct virtio_mmr_cap cap;
	struct virtio_mmr_function function;
};

FIXTURE_SETUP(capability)
{
	/* BAR1 32 bits, BAR2 and 3 one of 64 bits, BAR4 ports, no BAR0, no BAR5 */
	self->function.bar_kind[1] = VIRTIO_MMR_BAR_MEMORY;
	self->function.bar_size[1] = BAR_SIZE;
	self->function.bar_kind[2] = VIRTIO_MMR_BAR_MEMORY;
	self->function.bar_size[2] = BAR_SIZE;
	self->function.bar_kind[3] = VIRTIO_MMR_BAR_UPPER_HALF;
	self->function.bar_kind[4] = VIRTIO_MMR_BAR_IO;
	self->function.bar_size[4] = 256;
	self->function.has_msix = true;
	self->cap.cfg_type = VIRTIO_MMR_CFG_TYPE_LEGACY;
	self->cap.bar = 2;
	self->cap.offset = 0;
	self->cap.length = 256;
}

FIXTURE_TEARDOWN(capability) { }

TEST_F(capability, decodes_bare)
{
	encode(self->raw, 0, 3, 10, 5, 0x123456789abcdef0, 0xfedcba9876543210);
	/* The bare form ends 4 bytes earlier, and may end config space */
	ASSERT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 24), VIRTIO_MMR_USABLE);
	EXPECT_FALSE(self->cap.wrapped);
	EXPECT_EQ(self->cap.cfg_type, 10);
	EXPECT_EQ(self->cap.bar, 5);
	EXPECT_EQ(self->cap.offset, 0x123456789abcdef0);
	EXPECT_EQ(self->cap.length, 0xfedcba9876543210);
}

TEST_F(capability, decodes_wrapped)
{
	encode(self->raw, 28, 200, 10, 1, 0x123456789abcdef0, 0xfedcba9876543210);
	ASSERT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 28), VIRTIO_MMR_USABLE);
	EXPECT_TRUE(self->cap.wrapped);
	EXPECT_EQ(self->cap.vsec_length, 28);
	EXPECT_EQ(self->cap.cfg_type, 10);
	EXPECT_EQ(self->cap.bar, 1);
	EXPECT_EQ(self->cap.offset, 0x123456789abcdef0);
	EXPECT_EQ(self->cap.length, 0xfedcba9876543210);
}

TEST_F(capability, refuses_short_vsec)
{
	unsigned int length;

	for (length = 1; length < 28; length++) {
		encode(self->raw, length, 0, 10, 1, 0, 256);
		EXPECT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 28),
			  VIRTIO_MMR_VSEC_TOO_SHORT);
		EXPECT_EQ(self->cap.vsec_length, length);
	}
	/* To the last byte of configuration space, and beyond */
	encode(self->raw, 0xf00, 0, 10, 1, 0, 256);
	EXPECT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 0xf00), VIRTIO_MMR_USABLE);
	EXPECT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 0xeff),
		  VIRTIO_MMR_TRUNCATED);
	encode(self->raw, 0xfff, 0, 10, 1, 0, 256);
	EXPECT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 0xf00),
		  VIRTIO_MMR_TRUNCATED);
}

/* A function without a capability that claims to be one is no MMR function */
TEST_F(capability, claims)
{
	unsigned int type;

	for (type = 0; type < 256; type++) {
		encode(self->raw, 0, 0, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 28);
		EXPECT_EQ(self->cap.claimed, type == 10);
		encode(self->raw, 28, 0, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 28);
		EXPECT_EQ(self->cap.claimed, type == 10);
		/* Too short, but long enough to contain the type */
		encode(self->raw, 9, 0, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 28);
		EXPECT_EQ(self->cap.claimed, type == 10);
		encode(self->raw, 8, 0, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 28);
		EXPECT_FALSE(self->cap.claimed);
		/* Cut off */
		encode(self->raw, 0, 0, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 8);
		EXPECT_EQ(self->cap.claimed, type == 10);
		virtio_mmr_cap_decode(&self->cap, self->raw, 4);
		EXPECT_FALSE(self->cap.claimed);
		encode(self->raw, 28, 0, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 12);
		EXPECT_EQ(self->cap.claimed, type == 10);
		virtio_mmr_cap_decode(&self->cap, self->raw, 8);
		EXPECT_FALSE(self->cap.claimed);
		/* A bare one with id 16, which looks like a VSEC header */
		encode(self->raw, 0, 16, type, 1, 0, 256);
		virtio_mmr_cap_decode(&self->cap, self->raw, 28);
		EXPECT_EQ(self->cap.claimed, type == 10);
	}
	/* The VSEC ID of a whole one is not its type */
	encode(self->raw, 28, 0, 9, 1, 0, 256);
	self->raw[4] = 10;
	virtio_mmr_cap_decode(&self->cap, self->raw, 28);
	EXPECT_FALSE(self->cap.claimed);
}

TEST_F(capability, refuses_end_of_config_space)
{
	size_t size;

	encode(self->raw, 0, 0, 10, 1, 0, 256);
	for (size = 0; size < 24; size++)
		EXPECT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, size),
			  VIRTIO_MMR_TRUNCATED);
	encode(self->raw, 28, 0, 10, 1, 0, 256);
	EXPECT_EQ(virtio_mmr_cap_decode(&self->cap, self->raw, 27), VIRTIO_MMR_TRUNCATED);
}

TEST_F(capability, accepts_good)
{
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.bar = 1;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
}

TEST_F(capability, cfg_type)
{
	unsigned int type;

	for (type = 0; type < 256; type++) {
		self->cap.cfg_type = type;
		EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
			  type == 10 ? VIRTIO_MMR_USABLE : VIRTIO_MMR_CFG_TYPE_UNKNOWN);
	}
}

TEST_F(capability, bar)
{
	static const enum virtio_mmr_defect expected[] = {
		VIRTIO_MMR_BAR_UNASSIGNED, VIRTIO_MMR_USABLE, VIRTIO_MMR_USABLE,
		VIRTIO_MMR_BAR_IS_UPPER_HALF, VIRTIO_MMR_BAR_IS_IO,
		VIRTIO_MMR_BAR_UNASSIGNED,
	};
	unsigned int bar;

	for (bar = 0; bar < 256; bar++) {
		self->cap.bar = bar;
		EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
			  bar < 6 ? expected[bar] : VIRTIO_MMR_BAR_OUT_OF_RANGE);
	}
}

TEST_F(capability, alignment)
{
	unsigned int offset;

	for (offset = 0; offset < 16; offset++) {
		self->cap.offset = offset;
		EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
			  offset % 4 ? VIRTIO_MMR_OFFSET_UNALIGNED : VIRTIO_MMR_USABLE);
	}
}

TEST_F(capability, shortest_length)
{
	self->cap.length = 24;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.length = 23;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_LENGTH_TOO_SHORT);
	self->function.has_msix = false;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.length = 20;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.length = 19;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_LENGTH_TOO_SHORT);
	self->cap.length = 0;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_LENGTH_TOO_SHORT);
}

TEST_F(capability, inside_the_bar)
{
	self->cap.offset = BAR_SIZE - 256;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.length = 257;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.length = 256;
	self->cap.offset = BAR_SIZE - 252;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = BAR_SIZE;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
}

/* An empty range may lie at the end, and not beyond it */
TEST_F(capability, empty_range)
{
	EXPECT_EQ(virtio_mmr_range_validate(&self->function, 2, BAR_SIZE, 0), VIRTIO_MMR_USABLE);
	EXPECT_EQ(virtio_mmr_range_validate(&self->function, 2, BAR_SIZE + 1, 0),
		  VIRTIO_MMR_OUTSIDE_BAR);
}

/* Sums that wrap around to a small number must not pass */
TEST_F(capability, overflow)
{
	self->cap.offset = -256ull;
	self->cap.length = 256;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.length = 512;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = 8;
	self->cap.length = -8ull;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.length = -1ull;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = -4ull;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
}

/* Each byte of both structures and its neighbours */
TEST_F(capability, over_msix)
{
	u32 at;

	/* 65 vectors: 0x410 bytes, and 16 of pending bits */
	virtio_mmr_msix_decode(&self->function, 0x8000 | 64, 0x400 | 2, 0xc00 | 2);
	EXPECT_TRUE(self->function.has_msix);
	self->cap.length = 24;
	for (at = 0; at <= BAR_SIZE - 24; at += 4) {
		bool over = (at + 24 > 0x400 && at < 0x810) || (at + 24 > 0xc00 && at < 0xc10);

		self->cap.offset = at;
		EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
			  over ? VIRTIO_MMR_OVER_MSIX : VIRTIO_MMR_USABLE) {
			TH_LOG("at 0x%x", at);
		}
	}
	/* Around both, and in another BAR */
	self->cap.offset = 0;
	self->cap.length = BAR_SIZE;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_OVER_MSIX);
	self->cap.bar = 1;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
}

TEST_F(capability, msix_structures)
{
	const struct virtio_mmr_function *function = &self->function;
	static const struct { u16 flags; u32 table, pba; } lengths[] = {
		{ 0, 16, 8 }, { 63, 1024, 8 }, { 64, 1040, 16 }, { 0x7ff, 0x8000, 256 },
		{ 0xf800, 16, 8 },
	};
	unsigned int i;

	/* Without MSI-X nothing is under anything */
	EXPECT_EQ(virtio_mmr_msix_under(function, 0, 0, -1ull), NULL);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		virtio_mmr_msix_decode(&self->function, lengths[i].flags, 0xfffffff8 | 1,
				       0x1000 | 5);
		EXPECT_EQ(function->msix_table.bar, 1);
		EXPECT_EQ(function->msix_table.offset, 0xfffffff8);
		EXPECT_EQ(function->msix_table.length, lengths[i].table);
		EXPECT_EQ(function->msix_pba.bar, 5);
		EXPECT_EQ(function->msix_pba.offset, 0x1000);
		EXPECT_EQ(function->msix_pba.length, lengths[i].pba);
	}
	/* It ends above 4 GiB */
	EXPECT_EQ(virtio_mmr_msix_under(function, 1, 0xfffffff6, 2), NULL);
	EXPECT_EQ(virtio_mmr_msix_under(function, 1, 0xfffffff7, 2), &function->msix_table);
	EXPECT_EQ(virtio_mmr_msix_under(function, 1, 0x100000007, 2), &function->msix_table);
	EXPECT_EQ(virtio_mmr_msix_under(function, 1, 0x100000008, 2), NULL);
	EXPECT_EQ(virtio_mmr_msix_under(function, 1, -1ull, -1ull), NULL);
	EXPECT_EQ(virtio_mmr_msix_under(function, 1, 0, -1ull), &function->msix_table);
	EXPECT_EQ(virtio_mmr_msix_under(function, 5, 0x1007, 1), &function->msix_pba);
	EXPECT_EQ(virtio_mmr_msix_under(function, 5, 0x1008, 1), NULL);
}

/* With several defects the first rule decides */
TEST_F(capability, first_defect)
{
	virtio_mmr_msix_decode(&self->function, 0, 2, 8 | 2);
	self->cap = (struct virtio_mmr_cap){
		.cfg_type = 9, .bar = 6, .offset = BAR_SIZE + 2, .length = 23,
	};
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_CFG_TYPE_UNKNOWN);
	self->cap.cfg_type = 10;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_BAR_OUT_OF_RANGE);
	self->cap.bar = 3;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_BAR_IS_UPPER_HALF);
	self->cap.bar = 4;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_BAR_IS_IO);
	self->cap.bar = 5;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_BAR_UNASSIGNED);
	self->cap.bar = 2;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OFFSET_UNALIGNED);
	self->cap.offset = BAR_SIZE;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_LENGTH_TOO_SHORT);
	self->cap.length = BAR_SIZE;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = 4;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = 0;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_OVER_MSIX);
}

/* The shortest valid window depends on the function */
TEST_F(capability, explains_shortest_length)
{
	char text[VIRTIO_MMR_EXPLANATION_SIZE];

	self->cap.length = 19;
	virtio_mmr_cap_explain(text, sizeof(text), 0x100, &self->cap, &self->function,
			       VIRTIO_MMR_LENGTH_TOO_SHORT);
	EXPECT_STREQ(text, "capability at 0x100: length 19 is less than 24");
	self->function.has_msix = false;
	virtio_mmr_cap_explain(text, sizeof(text), 0x100, &self->cap, &self->function,
			       VIRTIO_MMR_LENGTH_TOO_SHORT);
	EXPECT_STREQ(text, "capability at 0x100: length 19 is less than 20");
}

/* The structure that the window overlaps */
TEST_F(capability, explains_msix)
{
	char text[VIRTIO_MMR_EXPLANATION_SIZE];

	virtio_mmr_msix_decode(&self->function, 0, 0x400 | 2, 0x800 | 2);
	self->cap.offset = 0x400;
	virtio_mmr_cap_explain(text, sizeof(text), 0x100, &self->cap, &self->function,
			       VIRTIO_MMR_OVER_MSIX);
	EXPECT_STREQ(text, "capability at 0x100: offset 0x400, length 0x100 in BAR 2 overlap the MSI-X table at 0x400, length 0x10");
	self->cap.offset = 0x800;
	virtio_mmr_cap_explain(text, sizeof(text), 0x100, &self->cap, &self->function,
			       VIRTIO_MMR_OVER_MSIX);
	EXPECT_STREQ(text, "capability at 0x100: offset 0x800, length 0x100 in BAR 2 overlap the MSI-X pending bits at 0x800, length 0x8");
}

/* Each defect has its own words, with the values at fault. The longest of them fit */
TEST_F(capability, explanations)
{
	static const char *const words[] = {
		[VIRTIO_MMR_USABLE] = "",
		[VIRTIO_MMR_TRUNCATED] = "0xffc runs past the end of config space (VSEC length 4095)",
		[VIRTIO_MMR_VSEC_TOO_SHORT] = "VSEC length 4095 is less than 28",
		[VIRTIO_MMR_CFG_TYPE_UNKNOWN] = "0xffc: cfg_type 255 is not 10",
		[VIRTIO_MMR_BAR_OUT_OF_RANGE] = "0xffc: there is no BAR 5",
		[VIRTIO_MMR_BAR_IS_UPPER_HALF] = "BAR 5 is the upper half of a 64-bit BAR",
		[VIRTIO_MMR_BAR_IS_IO] = "BAR 5 is not a memory BAR",
		[VIRTIO_MMR_BAR_UNASSIGNED] = "BAR 5 is not assigned",
		[VIRTIO_MMR_OFFSET_UNALIGNED] = "offset 0xffffffffffffffff is not a multiple of 4",
		[VIRTIO_MMR_LENGTH_TOO_SHORT] = "length 18446744073709551615 is less than 24",
		[VIRTIO_MMR_OUTSIDE_BAR] = "offset 0xffffffffffffffff, length 0xffffffffffffffff are not inside BAR 5 of 0xffffffffffffffff bytes",
		[VIRTIO_MMR_OVER_MSIX] = "offset 0x0, length 0xffffffffffffffff in BAR 5 overlap the MSI-X pending bits at 0xfffffff8, length 0x100",
	};
	char text[2 * VIRTIO_MMR_EXPLANATION_SIZE];
	unsigned int defect;

	self->cap = (struct virtio_mmr_cap){
		.vsec_length = 0xfff, .cfg_type = 255, .bar = 5, .offset = -1ull,
		.length = -1ull,
	};
	self->function.bar_size[5] = -1ull;
	virtio_mmr_msix_decode(&self->function, 0x7ff, 4, 0xfffffff8 | 5);
	for (defect = 0; defect < ARRAY_SIZE(words); defect++) {
		strcpy(text, "not written");
		/* The longest that overlaps anything */
		if (defect == VIRTIO_MMR_OVER_MSIX)
			self->cap.offset = 0;
		virtio_mmr_cap_explain(text, sizeof(text), 0xffc, &self->cap,
				       &self->function, defect);
		EXPECT_LT(strlen(text), VIRTIO_MMR_EXPLANATION_SIZE);
		EXPECT_NE(strstr(text, words[defect]), NULL) {
			TH_LOG("want '%s', got '%s'", words[defect], text);
		}
		EXPECT_EQ(!text[0], !defect);
	}
}

/* No half of these 64-bit numbers may get lost */
TEST_F(capability, above_4_gib)
{
	const u64 gib = 1ull << 30;

	self->cap.offset = 4 * gib;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = 0;
	self->cap.length = 4 * gib + 256;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);

	self->function.bar_size[self->cap.bar] = 8 * gib;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.length = 256;
	self->cap.offset = 4 * gib;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.offset = 8 * gib - 256;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.offset = 8 * gib - 252;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = 8 * gib;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
	self->cap.offset = 4 * gib;
	self->cap.length = 4 * gib;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function), VIRTIO_MMR_USABLE);
	self->cap.length = 4 * gib + 4;
	EXPECT_EQ(virtio_mmr_cap_validate(&self->cap, &self->function),
		  VIRTIO_MMR_OUTSIDE_BAR);
}

TEST(io_bar_size)
{
	EXPECT_EQ(virtio_mmr_io_bar_size(20), 32);
	EXPECT_EQ(virtio_mmr_io_bar_size(24), 32);
	EXPECT_EQ(virtio_mmr_io_bar_size(32), 32);
	EXPECT_EQ(virtio_mmr_io_bar_size(33), 64);
	EXPECT_EQ(virtio_mmr_io_bar_size(64), 64);
	EXPECT_EQ(virtio_mmr_io_bar_size(65), 128);
	EXPECT_EQ(virtio_mmr_io_bar_size(129), 256);
	EXPECT_EQ(virtio_mmr_io_bar_size(256), 256);
	EXPECT_EQ(virtio_mmr_io_bar_size(257), 256);
	EXPECT_EQ(virtio_mmr_io_bar_size(-1ull), 256);
}

HARNESS_MAIN()
