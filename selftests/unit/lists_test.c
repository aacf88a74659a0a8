// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's check of capability lists, from its own source. Each capability whose length
 * vfio-pci-core knows or reads is at the last place where it fits, and beyond that. Other cases
 * are several capabilities that vfio-pci-core would take for one.
 */
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "virtio_mmr/lists.h"

FIXTURE(lists)
{
	struct virtio_mmr_lists lists;
	struct virtio_mmr_space space;
	uint8_t config[VIRTIO_MMR_CONFIG_SIZE_EXTENDED];
	unsigned int reads[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4];
	/* Place of the last one, for the next one's link; 0 for none */
	unsigned int last, last_extended;
	unsigned int unreadable;
};

static bool read_config(void *context, unsigned int position, u32 *value)
{
	struct _test_data_lists *self = context;

	if (position % 4 || position >= self->space.size)
		abort();
	self->reads[position / 4]++;
	memcpy(value, self->config + position, 4);
	return position != self->unreadable;
}

FIXTURE_SETUP(lists)
{
	self->space.read = read_config;
	self->space.context = self;
	self->space.size = VIRTIO_MMR_CONFIG_SIZE_EXTENDED;
	/* Version 2, an endpoint */
	self->space.pcie_flags = 2;
	self->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	self->unreadable = 1;
}

FIXTURE_TEARDOWN(lists) { }

/* At the end of the list */
static void add(struct _test_data_lists *self, unsigned int at, u8 id)
{
	self->config[self->last ? self->last + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST] = at;
	self->config[at] = id;
	self->config[at + PCI_CAP_LIST_NEXT] = 0;
	self->last = at;
}

static void put(struct _test_data_lists *self, unsigned int at, u32 value)
{
	memcpy(self->config + at, &value, 4);
}

static void add_extended(struct _test_data_lists *self, unsigned int at, u16 id)
{
	u32 header;

	if (at > 0x100) {
		if (!self->last_extended) {
			/* One without a length, since the list begins here */
			put(self, 0x100, 0x10000);
			self->last_extended = 0x100;
		}
		memcpy(&header, self->config + self->last_extended, 4);
		put(self, self->last_extended, (header & 0xfffff) | at << 20);
	}
	put(self, at, id | 0x10000);
	self->last_extended = at;
}

static enum virtio_mmr_lists_defect judge(struct _test_data_lists *self)
{
	memset(self->reads, 0, sizeof(self->reads));
	self->space.unreadable = false;
	return virtio_mmr_lists_validate(&self->lists, &self->space);
}

static void expect_fit(struct __test_metadata *_metadata, struct _test_data_lists *self)
{
	char text[VIRTIO_MMR_LISTS_EXPLANATION_SIZE];
	enum virtio_mmr_lists_defect defect = judge(self);

	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, defect);
	EXPECT_EQ(defect, VIRTIO_MMR_LISTS_FIT) {
		TH_LOG("%s", text);
	}
}

static void expect_overrun(struct __test_metadata *_metadata, struct _test_data_lists *self,
			   unsigned int at, unsigned int id, unsigned int length)
{
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_OVERRUN) {
		TH_LOG("0x%x at 0x%x", id, at);
	}
	EXPECT_EQ(self->lists.position, at);
	EXPECT_EQ(self->lists.id, id);
	EXPECT_EQ(self->lists.length, length);
	EXPECT_EQ(self->lists.room, self->space.size - at);
}

TEST_F(lists, none)
{
	self->config[PCI_STATUS] = 0;
	self->config[PCI_CAPABILITY_LIST] = 0x40;
	self->config[0x40] = PCI_CAP_ID_VNDR;
	self->config[0x42] = 255;
	self->space.size = VIRTIO_MMR_CONFIG_SIZE;
	expect_fit(_metadata, self);
	self->config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	expect_overrun(_metadata, self, 0x40, PCI_CAP_ID_VNDR, 255);
}

/* ID, what follows the two bytes of the link, bytes in all */
static const struct {
	u8 id;
	u8 body[3];
	u16 pcie_flags;
	unsigned int length;
} conventional[] = {
	{ PCI_CAP_ID_PM, {}, 2, 8 },
	{ PCI_CAP_ID_AGP, {}, 2, 12 },
	{ PCI_CAP_ID_VPD, {}, 2, 8 },
	{ PCI_CAP_ID_MSI, {}, 2, 10 },
	{ PCI_CAP_ID_MSI, { 0x80 }, 2, 14 },
	{ PCI_CAP_ID_MSI, { 0, 1 }, 2, 20 },
	{ PCI_CAP_ID_MSI, { 0x80, 1 }, 2, 24 },
	{ PCI_CAP_ID_PCIX, {}, 2, 8 },
	{ PCI_CAP_ID_PCIX, { 0xff, 0xcf }, 2, 8 },
	{ PCI_CAP_ID_PCIX, { 0, 0x10 }, 2, 24 },
	{ PCI_CAP_ID_PCIX, { 0, 0x20 }, 2, 24 },
	{ PCI_CAP_ID_HT, { 0, 0 }, 2, 28 },
	{ PCI_CAP_ID_HT, { 0, 0xa0 }, 2, 24 },
	{ PCI_CAP_ID_VNDR, { 4 }, 2, 4 },
	{ PCI_CAP_ID_VNDR, { 3 }, 2, 3 },
	{ PCI_CAP_ID_VNDR, { 188 }, 2, 188 },
	{ PCI_CAP_ID_EXP, {}, 2, PCI_CAP_EXP_ENDPOINT_SIZEOF_V2 },
	{ PCI_CAP_ID_EXP, {}, 1, 0x14 },
	{ PCI_CAP_ID_EXP, {}, 0x92, 0x2c },
	{ PCI_CAP_ID_EXP, {}, 0x91, 0xc },
	{ PCI_CAP_ID_MSIX, {}, 2, 12 },
	{ PCI_CAP_ID_SATA, { 0, 0, 0xf }, 2, 16 },
	{ PCI_CAP_ID_SATA, { 0, 0, 0xe }, 2, 8 },
	{ PCI_CAP_ID_AF, {}, 2, 6 },
};

TEST_F(lists, conventional_ends)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(conventional); i++) {
		unsigned int length = conventional[i].length;
		unsigned int at = VIRTIO_MMR_CONFIG_SIZE - length;

		self->space.pcie_flags = conventional[i].pcie_flags;
		self->space.size = VIRTIO_MMR_CONFIG_SIZE;
		self->last = 0;
		/* Before the end only, because the body would lie beyond it */
		for (; at < VIRTIO_MMR_CONFIG_SIZE - 4; at++) {
			bool fits = at + length <= VIRTIO_MMR_CONFIG_SIZE;

			memset(self->config + 0x40, 0, 0xc0);
			self->last = 0;
			add(self, at, conventional[i].id);
			memcpy(self->config + at + 2, conventional[i].body, 3);
			if (fits)
				expect_fit(_metadata, self);
			else
				expect_overrun(_metadata, self, at, conventional[i].id, length);
			/* Where there is an extended part there is room in any case */
			self->space.size = VIRTIO_MMR_CONFIG_SIZE_EXTENDED;
			expect_fit(_metadata, self);
			self->space.size = VIRTIO_MMR_CONFIG_SIZE;
		}
	}
}

/* The link alone, which vfio-pci-core writes. The unreadable bytes after it are all ones */
TEST_F(lists, conventional_last_bytes)
{
	self->space.size = VIRTIO_MMR_CONFIG_SIZE;
	add(self, 0xfc, PCI_CAP_ID_VNDR);
	self->config[0xfe] = 1;
	expect_fit(_metadata, self);
	self->config[PCI_CAPABILITY_LIST] = 0xff;
	self->config[0xff] = PCI_CAP_ID_VNDR;
	expect_overrun(_metadata, self, 0xff, PCI_CAP_ID_VNDR, 255);
	self->config[PCI_CAPABILITY_LIST] = 0xfe;
	self->config[0xfe] = PCI_CAP_ID_VNDR;
	self->config[0xff] = 0;
	expect_overrun(_metadata, self, 0xfe, PCI_CAP_ID_VNDR, 255);
}

/* ID, the two dwords after the header, bytes in all */
static const struct {
	u16 id;
	u32 first, second;
	unsigned int length;
} extended[] = {
	{ PCI_EXT_CAP_ID_ERR, 0, 0, 0x2c },
	{ PCI_EXT_CAP_ID_VC, 0, 0, 28 },
	{ PCI_EXT_CAP_ID_VC, 7, 0, 112 },
	{ PCI_EXT_CAP_ID_VC, 0, 0x2, 32 + 16 },
	{ PCI_EXT_CAP_ID_VC, 2, 0x2, 64 + 16 },
	{ PCI_EXT_CAP_ID_VC9, 7, 0x4, 112 + 32 },
	{ PCI_EXT_CAP_ID_MFVC, 3, 0xe, 64 + 64 },
	{ PCI_EXT_CAP_ID_DSN, 0, 0, 12 },
	{ PCI_EXT_CAP_ID_PWR, 0, 0, 16 },
	{ PCI_EXT_CAP_ID_VNDR, 0x00c00000, 0, 12 },
	{ PCI_EXT_CAP_ID_VNDR, 0xef0fffff, 0, 0xef0 },
	{ PCI_EXT_CAP_ID_ACS, 0xff5f, 0, 8 },
	{ PCI_EXT_CAP_ID_ACS, 0x0120, 0, 12 },
	{ PCI_EXT_CAP_ID_ACS, 0x2020, 0, 12 },
	{ PCI_EXT_CAP_ID_ACS, 0x2120, 0, 16 },
	{ PCI_EXT_CAP_ID_ACS, 0x0020, 0, 40 },
	{ PCI_EXT_CAP_ID_ARI, 0, 0, 8 },
	{ PCI_EXT_CAP_ID_ATS, 0, 0, 8 },
	{ PCI_EXT_CAP_ID_SRIOV, 0, 0, 64 },
	{ PCI_EXT_CAP_ID_MCAST, 0, 0, 40 },
	{ PCI_EXT_CAP_ID_PRI, 0, 0, 16 },
	{ PCI_EXT_CAP_ID_REBAR, 0, 0x20, 12 },
	{ PCI_EXT_CAP_ID_REBAR, 0, 0xe0, 60 },
	{ PCI_EXT_CAP_ID_DPA, 0, 0, 17 },
	{ PCI_EXT_CAP_ID_DPA, 0x1f, 0, 48 },
	{ PCI_EXT_CAP_ID_TPH, 0x07ff0000, 0, 12 },
	{ PCI_EXT_CAP_ID_TPH, 0x07ff0400, 0, 12 },
	{ PCI_EXT_CAP_ID_TPH, 0x00000200, 0, 14 },
	{ PCI_EXT_CAP_ID_TPH, 0x07ff0200, 0, 12 + 4096 },
	{ PCI_EXT_CAP_ID_LTR, 0, 0, 8 },
	{ PCI_EXT_CAP_ID_DVSEC, 0x00c00000, 0, 12 },
	{ PCI_EXT_CAP_ID_DVSEC, 0xef0fffff, 0, 0xef0 },
};

TEST_F(lists, extended_ends)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(extended); i++) {
		unsigned int length = extended[i].length;
		unsigned int at = length < 0xf00 ? (4096 - length) & ~3u : 0x104;

		/* Before the end only, because the dwords would lie beyond it */
		for (; at <= 4096 - 12; at += 4) {
			memset(self->config + 0x100, 0, 0xf00);
			self->last_extended = 0;
			add_extended(self, at, extended[i].id);
			put(self, at + 4, extended[i].first);
			put(self, at + 8, extended[i].second);
			if (at + length <= 4096)
				expect_fit(_metadata, self);
			else
				expect_overrun(_metadata, self, at, extended[i].id, length);
		}
	}
}

/* The shortest ones, at places that are too close to the end for the table above */
TEST_F(lists, extended_of_two_dwords)
{
	static const u16 ids[] = {
		PCI_EXT_CAP_ID_ARI, PCI_EXT_CAP_ID_ATS, PCI_EXT_CAP_ID_LTR, PCI_EXT_CAP_ID_ACS,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		memset(self->config + 0x100, 0, 0xf00);
		self->last_extended = 0;
		add_extended(self, 0xff8, ids[i]);
		/* All bits of ACS but that of its vector */
		put(self, 0xffc, 0xff5f);
		expect_fit(_metadata, self);
		self->last_extended = 0;
		add_extended(self, 0xffc, ids[i]);
		/* What gives the length of ACS would be beyond the end */
		expect_overrun(_metadata, self, 0xffc, ids[i],
			       ids[i] == PCI_EXT_CAP_ID_ACS ? 40 : 8);
	}
}

/* Capabilities whose length is not needed have none, at any place */
TEST_F(lists, unknown)
{
	unsigned int id;

	for (id = 0; id < 0x10000; id++) {
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(extended); i++)
			if (extended[i].id == id)
				break;
		if (i < ARRAY_SIZE(extended))
			continue;
		self->last_extended = 0;
		add_extended(self, 0xffc, id);
		expect_fit(_metadata, self);
		/* The list's first one is kept */
		self->last_extended = 0;
		add_extended(self, 0x100, id);
		expect_fit(_metadata, self);
	}
	for (id = 0; id < 0x100; id++) {
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(conventional); i++)
			if (conventional[i].id == id)
				break;
		if (i < ARRAY_SIZE(conventional))
			continue;
		self->space.size = VIRTIO_MMR_CONFIG_SIZE;
		self->last = 0;
		add(self, 0xfe, id);
		expect_fit(_metadata, self);
	}
}

/* A header at the very end: its length would lie beyond the end */
TEST_F(lists, extended_last_dword)
{
	add_extended(self, 0xffc, PCI_EXT_CAP_ID_VNDR);
	expect_overrun(_metadata, self, 0xffc, PCI_EXT_CAP_ID_VNDR, 0xfff);
	self->config[0xffc] = PCI_EXT_CAP_ID_DSN;
	expect_overrun(_metadata, self, 0xffc, PCI_EXT_CAP_ID_DSN, 12);
}

/* The longest possible list: twice the length at which the PCI core's walker stops */
TEST_F(lists, longest_list)
{
	unsigned int at;

	for (at = 0x100; at < 0xff8; at += 4)
		put(self, at, PCI_EXT_CAP_ID_RCLD | (at + 4) << 20);
	put(self, 0xff8, PCI_EXT_CAP_ID_VNDR);
	put(self, 0xffc, 9 << 20);
	expect_overrun(_metadata, self, 0xff8, PCI_EXT_CAP_ID_VNDR, 9);
	put(self, 0xffc, 8 << 20);
	expect_fit(_metadata, self);
	for (at = 0x100 / 4; at < 0x1000 / 4; at++)
		EXPECT_EQ(self->reads[at], 1);

	/* So it is with 48 of the other kind */
	for (at = 0; at < 47; at++)
		add(self, 0x40 + at * 4, PCI_CAP_ID_SSVID);
	self->space.size = VIRTIO_MMR_CONFIG_SIZE;
	add(self, 0xfc, PCI_CAP_ID_MSIX);
	expect_overrun(_metadata, self, 0xfc, PCI_CAP_ID_MSIX, 12);
	/* vfio-pci-core does not see a 49th */
	self->last = 0;
	for (at = 0; at < 48; at++)
		add(self, 0x41 + at * 3, PCI_CAP_ID_SSVID);
	add(self, 0xfc, PCI_CAP_ID_MSIX);
	expect_fit(_metadata, self);
}

/* As many as there may be: those that vfio-pci-core takes bytes for, in both lists */
TEST_F(lists, crowded)
{
	unsigned int at, count;

	add(self, 0x40, PCI_CAP_ID_PM);
	/* These have no length: a known one, and an unknown one */
	add(self, 0x48, PCI_CAP_ID_SSVID);
	add(self, 0x4c, PCI_CAP_ID_EA);
	for (count = 1, at = 0x100; count <= VIRTIO_MMR_LISTS_MAX; count++, at += 8) {
		expect_fit(_metadata, self);
		add_extended(self, at, PCI_EXT_CAP_ID_LTR);
		/* The next one has no length */
		at += 8;
		add_extended(self, at, count % 2 ? PCI_EXT_CAP_ID_RCLD : PCI_EXT_CAP_ID_DLF);
	}
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_CROWDED);
	EXPECT_EQ(self->lists.position, at - 16);
	EXPECT_EQ(self->lists.id, PCI_EXT_CAP_ID_LTR);
	EXPECT_EQ(self->lists.room, VIRTIO_MMR_LISTS_MAX);
	self->config[PCI_STATUS] = 0;
	expect_fit(_metadata, self);
}

TEST_F(lists, loops)
{
	add_extended(self, 0x200, PCI_EXT_CAP_ID_DSN);
	add_extended(self, 0x300, PCI_EXT_CAP_ID_DSN);
	put(self, 0x300, PCI_EXT_CAP_ID_DSN | 0x200 << 20);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_LOOP);
	EXPECT_EQ(self->lists.position, 0x200);
	put(self, 0x300, PCI_EXT_CAP_ID_DSN | 0x300 << 20);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_LOOP);
	EXPECT_EQ(self->lists.position, 0x300);
	/* A link to the conventional part ends the list */
	put(self, 0x300, PCI_EXT_CAP_ID_DSN | 0xfcu << 20);
	expect_fit(_metadata, self);

	add(self, 0x40, PCI_CAP_ID_VNDR);
	self->config[0x42] = 16;
	add(self, 0x50, PCI_CAP_ID_PM);
	expect_fit(_metadata, self);
	self->config[0x51] = 0x40;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_LOOP);
	EXPECT_EQ(self->lists.position, 0x40);
}

/* Some kernels see a capability under a DVSEC, others do not */
TEST_F(lists, under_a_dvsec)
{
	add_extended(self, 0x200, PCI_EXT_CAP_ID_DVSEC);
	put(self, 0x204, 0x40u << 20);
	add_extended(self, 0x240, PCI_EXT_CAP_ID_DSN);
	expect_fit(_metadata, self);
	put(self, 0x204, 0x41u << 20);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_OVERLAP);
	EXPECT_EQ(self->lists.position, 0x240);
	put(self, 0x204, 0x40u << 20);
	add_extended(self, 0x23c, PCI_EXT_CAP_ID_LTR);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_OVERLAP);
	EXPECT_EQ(self->lists.position, 0x23c);

	/* The DVSEC comes later */
	self->last_extended = 0;
	add_extended(self, 0x240, PCI_EXT_CAP_ID_DSN);
	add_extended(self, 0x200, PCI_EXT_CAP_ID_DVSEC);
	put(self, 0x204, 0x40u << 20);
	expect_fit(_metadata, self);
	put(self, 0x204, 0x41u << 20);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_OVERLAP);
	EXPECT_EQ(self->lists.position, 0x200);

	/* A capability of the other list runs into it */
	self->last_extended = 0;
	add_extended(self, 0x100, PCI_EXT_CAP_ID_DVSEC);
	put(self, 0x104, 0x40u << 20);
	add(self, 0xf8, PCI_CAP_ID_VNDR);
	self->config[0xfa] = 8;
	expect_fit(_metadata, self);
	self->config[0xfa] = 9;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_OVERLAP);
	EXPECT_EQ(self->lists.position, 0x100);
}

/* A list that goes up and down, with a capability between two DVSECs and beside both */
TEST_F(lists, between_dvsecs)
{
	static const struct { unsigned int at; bool fits; } cases[] = {
		{ 0x238, false }, { 0x23c, false }, { 0x240, true }, { 0x244, true },
		{ 0x274, true }, { 0x278, true }, { 0x27c, false },
		{ 0x2b8, false }, { 0x2bc, false }, { 0x2c0, true },
	};
	unsigned int i, down;

	for (down = 0; down < 2; down++) {
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			memset(self->config + 0x100, 0, 0xf00);
			self->last_extended = 0;
			add_extended(self, down ? 0x280 : 0x200, PCI_EXT_CAP_ID_DVSEC);
			add_extended(self, down ? 0x200 : 0x280, PCI_EXT_CAP_ID_DVSEC);
			add_extended(self, cases[i].at, PCI_EXT_CAP_ID_LTR);
			put(self, 0x204, 0x40u << 20);
			put(self, 0x284, 0x40u << 20);
			if (cases[i].fits)
				expect_fit(_metadata, self);
			else
				EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_OVERLAP) {
					TH_LOG("at 0x%x", cases[i].at);
				}
		}
	}
}

/* What comes later does not hide a capability that does not fit */
TEST_F(lists, first_defect)
{
	add_extended(self, 0x200, PCI_EXT_CAP_ID_VNDR);
	put(self, 0x204, 0xfffu << 20);
	add_extended(self, 0x300, PCI_EXT_CAP_ID_DSN);
	expect_overrun(_metadata, self, 0x200, PCI_EXT_CAP_ID_VNDR, 0xfff);
	self->space.size = VIRTIO_MMR_CONFIG_SIZE;
	add(self, 0x50, PCI_CAP_ID_VNDR);
	self->config[0x52] = 255;
	add(self, 0x40, PCI_CAP_ID_PM);
	expect_overrun(_metadata, self, 0x50, PCI_CAP_ID_VNDR, 255);
}

/* vfio-pci-core takes two adjacent capabilities with partly writable bits for one */
TEST_F(lists, merged)
{
	static const struct { u8 id; unsigned int length; } both[] = {
		{ PCI_CAP_ID_PM, 8 }, { PCI_CAP_ID_VPD, 8 }, { PCI_CAP_ID_MSI, 10 },
		{ PCI_CAP_ID_PCIX, 8 }, { PCI_CAP_ID_AF, 6 },
		{ PCI_CAP_ID_EXP, PCI_CAP_EXP_ENDPOINT_SIZEOF_V2 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(both); i++) {
		self->last = 0;
		memset(self->config + 0x40, 0, 0xc0);
		add(self, 0x50, both[i].id);
		add(self, 0x50 + both[i].length, both[i].id);
		EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
		EXPECT_EQ(self->lists.position, 0x50);
		EXPECT_EQ(self->lists.id, both[i].id);
		EXPECT_EQ(self->lists.length, 2 * both[i].length);
		EXPECT_EQ(self->lists.room, both[i].length);
		/* A byte between them */
		self->last = 0;
		memset(self->config + 0x40, 0, 0xc0);
		add(self, 0x50, both[i].id);
		add(self, 0x50 + both[i].length + 1, both[i].id);
		expect_fit(_metadata, self);
	}
	/* In a list that goes down, and beside a third one */
	self->last = 0;
	add(self, 0x60, PCI_CAP_ID_VNDR);
	self->config[0x62] = 4;
	add(self, 0x58, PCI_CAP_ID_PM);
	expect_fit(_metadata, self);
	add(self, 0x50, PCI_CAP_ID_PM);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x50);
	/* A third one beside the two, above and below, does not separate them */
	self->last = 0;
	add(self, 0x50, PCI_CAP_ID_PM);
	add(self, 0x58, PCI_CAP_ID_PM);
	add(self, 0x60, PCI_CAP_ID_VNDR);
	self->config[0x62] = 4;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	self->last = 0;
	add(self, 0x58, PCI_CAP_ID_PM);
	add(self, 0x50, PCI_CAP_ID_PM);
	add(self, 0x4c, PCI_CAP_ID_VNDR);
	self->config[0x4e] = 4;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	/* Between two others */
	self->last = 0;
	add(self, 0x50, PCI_CAP_ID_PM);
	add(self, 0x60, PCI_CAP_ID_VNDR);
	self->config[0x62] = 4;
	expect_fit(_metadata, self);
	add(self, 0x58, PCI_CAP_ID_PM);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.length, 16);
	self->last = 0;
	add(self, 0x58, PCI_CAP_ID_PM);
	add(self, 0x40, PCI_CAP_ID_VNDR);
	self->config[0x42] = 4;
	expect_fit(_metadata, self);
	add(self, 0x50, PCI_CAP_ID_PM);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.length, 16);

	/*
	 * One byte later than the other, and a byte after a third one. The lower one's link is the
	 * ID of the upper one, so the list goes there by way of the header
	 */
	self->last = 0;
	add(self, 0x40, PCI_CAP_ID_VNDR);
	self->config[0x42] = 16;
	add(self, 0x51, PCI_CAP_ID_PM);
	self->config[0x52] = PCI_CAP_ID_PM;
	self->config[PCI_CAP_ID_PM + PCI_CAP_LIST_NEXT] = 0x52;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x51);
	EXPECT_EQ(self->lists.length, 9);

	/* All of these are written as they are */
	self->last = 0;
	add(self, 0x50, PCI_CAP_ID_VNDR);
	self->config[0x52] = 16;
	add(self, 0x60, PCI_CAP_ID_VNDR);
	self->config[0x62] = 16;
	expect_fit(_metadata, self);

	/* The two lists have IDs of their own */
	self->last = 0;
	add(self, 0xf8, PCI_CAP_ID_PM);
	add_extended(self, 0x100, PCI_EXT_CAP_ID_ERR);
	expect_fit(_metadata, self);

	self->last_extended = 0;
	add_extended(self, 0x200, PCI_EXT_CAP_ID_ERR);
	add_extended(self, 0x22c, PCI_EXT_CAP_ID_ERR);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x200);
	EXPECT_EQ(self->lists.length, 0x58);
	self->last_extended = 0;
	add_extended(self, 0x200, PCI_EXT_CAP_ID_PWR);
	add_extended(self, 0x208, PCI_EXT_CAP_ID_PWR);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.length, 24);
	/* At the start of the list, where IDs of both lists could be meant */
	self->last_extended = 0;
	add_extended(self, 0x100, PCI_EXT_CAP_ID_PWR);
	add_extended(self, 0x110, PCI_EXT_CAP_ID_PWR);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x100);
	EXPECT_EQ(self->lists.length, 32);
	/* The first one is kept, and vfio-pci-core keeps the lower 8 bits of its ID */
	self->last_extended = 0;
	add_extended(self, 0x100, 0x100 | PCI_EXT_CAP_ID_ERR);
	add_extended(self, 0x104, PCI_EXT_CAP_ID_ERR);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x100);
	EXPECT_EQ(self->lists.length, 0x30);
}

/* The header is no part of the lists, so only what lies beyond it can be one */
TEST_F(lists, in_the_header)
{
	add(self, 0x38, PCI_CAP_ID_PM);
	add(self, 0x40, PCI_CAP_ID_PM);
	expect_fit(_metadata, self);
	self->last = 0;
	add(self, 0x39, PCI_CAP_ID_PM);
	add(self, 0x41, PCI_CAP_ID_PM);
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x40);
	EXPECT_EQ(self->lists.length, 9);
}

/* There is one table for MSI, as long as the first such capability */
TEST_F(lists, second_msi)
{
	add(self, 0x50, PCI_CAP_ID_MSI);
	add(self, 0x80, PCI_CAP_ID_MSI);
	expect_fit(_metadata, self);
	self->config[0x82] = 0x80;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.position, 0x80);
	EXPECT_EQ(self->lists.length, 14);
	EXPECT_EQ(self->lists.room, 10);
	/* No other capability changes that */
	add(self, 0xa0, PCI_CAP_ID_VNDR);
	self->config[0xa2] = 32;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_MERGE);
	EXPECT_EQ(self->lists.room, 10);
	self->config[0x52] = 0x80;
	self->config[0x82] = 0;
	expect_fit(_metadata, self);
}

/* Another capability covers this one: its registers are searched from its first visible byte */
TEST_F(lists, covered)
{
	self->space.size = VIRTIO_MMR_CONFIG_SIZE;
	add(self, 0xc4, PCI_CAP_ID_EXP);
	expect_fit(_metadata, self);
	add(self, 0xd4, PCI_CAP_ID_VNDR);
	self->config[0xd6] = 4;
	expect_overrun(_metadata, self, 0xd8, PCI_CAP_ID_EXP,
		       PCI_CAP_EXP_ENDPOINT_SIZEOF_V2);
	self->space.size = VIRTIO_MMR_CONFIG_SIZE_EXTENDED;
	expect_fit(_metadata, self);

	/* All of it is visible, up to the end. Others overlap */
	self->space.size = VIRTIO_MMR_CONFIG_SIZE;
	self->last = 0;
	add(self, 0x50, PCI_CAP_ID_MSI);
	add(self, 0x54, PCI_CAP_ID_VNDR);
	self->config[0x56] = 4;
	add(self, 0xf8, PCI_CAP_ID_PM);
	expect_fit(_metadata, self);
}

TEST_F(lists, unreadable)
{
	add(self, 0x50, PCI_CAP_ID_PM);
	add_extended(self, 0x200, PCI_EXT_CAP_ID_VNDR);
	self->unreadable = 0x50;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_UNREADABLE);
	self->unreadable = 0x204;
	EXPECT_EQ(judge(self), VIRTIO_MMR_LISTS_UNREADABLE);
	self->unreadable = 0x208;
	expect_fit(_metadata, self);
}

TEST_F(lists, explanations)
{
	char text[2 * VIRTIO_MMR_LISTS_EXPLANATION_SIZE];

	self->lists.position = 0xffc;
	self->lists.id = 0xffff;
	self->lists.length = 4108;
	self->lists.room = 4096;
	strcpy(text, "not written");
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_FIT);
	EXPECT_STREQ(text, "");
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists,
				 VIRTIO_MMR_LISTS_UNREADABLE);
	EXPECT_STREQ(text, "configuration space cannot be read");
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_OVERRUN);
	EXPECT_STREQ(text, "extended capability 0xffff at 0xffc has 4108 bytes, but only 4096 are left of configuration space");
	EXPECT_LT(strlen(text), VIRTIO_MMR_LISTS_EXPLANATION_SIZE);
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_MERGE);
	EXPECT_STREQ(text, "extended capabilities 0xffff at 0xffc touch each other and have 4108 bytes together, more than 4096");
	EXPECT_LT(strlen(text), VIRTIO_MMR_LISTS_EXPLANATION_SIZE);
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_LOOP);
	EXPECT_STREQ(text, "the list of extended capabilities comes back to 0xffff at 0xffc");
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_OVERLAP);
	EXPECT_STREQ(text, "extended capability 0xffff of 4108 bytes at 0xffc and another one overlap, and one of them is a DVSEC");
	EXPECT_LT(strlen(text), VIRTIO_MMR_LISTS_EXPLANATION_SIZE);
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_CROWDED);
	EXPECT_STREQ(text, "extended capability 0xffff at 0xffc comes after 4096 others, which are too many");
	EXPECT_LT(strlen(text), VIRTIO_MMR_LISTS_EXPLANATION_SIZE);
	self->lists.position = 0x100;
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_LOOP);
	EXPECT_STREQ(text, "the list of extended capabilities comes back to 0xffff at 0x100");
	self->lists.position = 0xfc;
	self->lists.id = 9;
	virtio_mmr_lists_explain(text, sizeof(text), &self->lists, VIRTIO_MMR_LISTS_OVERRUN);
	EXPECT_STREQ(text, "capability 0x09 at 0xfc has 4108 bytes, but only 4096 are left of configuration space");
}

TEST_HARNESS_MAIN
