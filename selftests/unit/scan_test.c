// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scan of a configuration space: the capability that counts, the order of verdicts, MSI-X,
 * and the modern structures.
 */
#include "kselftest_harness.h"

#include "lib/harness.h"
#include "unit/space.h"
#include "virtio_mmr/scan.h"

#include <linux/virtio_mmr.h>

#define CAP	0x100

FIXTURE(scan)
{
	struct memory_space memory;
	struct virtio_mmr_scan scan;
	struct virtio_mmr_lists lists;
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];
	unsigned int seen_capabilities, seen_structures;
	u16 last_position;
	struct virtio_mmr_virtio_cap last_structure;
};

static void set_bar(struct _test_data_scan *self, unsigned int bar, u64 size, unsigned int more)
{
	virtio_mmr_function_set_bar(&self->scan.function, bar, size,
				    VIRTIO_MMR_BAR_FLAG_ASSIGNED | more);
}

/* A function with 4 KiB in BAR 2 and a good capability that points there */
FIXTURE_SETUP(scan)
{
	memory_space_init(&self->memory);
	memory_space_add_mmr(&self->memory, CAP, 10, 2, 0, 0x100);
	set_bar(self, 2, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
}

FIXTURE_TEARDOWN(scan) { }

static enum virtio_mmr_verdict run_with(struct _test_data_scan *self, u16 device,
					const struct virtio_mmr_scan_visitor *visitor)
{
	virtio_mmr_space_find_known(&self->memory.space);
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists,
			    VIRTIO_MMR_VENDOR_ID, device, visitor);
	virtio_mmr_scan_explain(self->why, sizeof(self->why), &self->scan, &self->lists,
				VIRTIO_MMR_VENDOR_ID, device);
	return self->scan.verdict;
}

static enum virtio_mmr_verdict run(struct _test_data_scan *self)
{
	return run_with(self, VIRTIO_MMR_DEVICE_NET, NULL);
}

TEST_F(scan, usable)
{
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.cap_position, CAP);
	EXPECT_EQ(self->scan.cap.bar, 2);
	EXPECT_EQ(self->scan.cap.length, 0x100);
	EXPECT_STREQ(self->scan.identity->name, "net");
	EXPECT_EQ(self->scan.placement.fate, VIRTIO_MMR_BAR0_ABSENT);
	EXPECT_FALSE(self->scan.has_notification);
	EXPECT_FALSE(self->scan.function.has_msix);
	EXPECT_EQ(self->scan.msix_flags, 0);
	EXPECT_STREQ(self->why, "");
}

TEST_F(scan, other_ids)
{
	EXPECT_EQ(run_with(self, 0x1041, NULL), VIRTIO_MMR_SCAN_OTHER_ID);
	EXPECT_STREQ(self->why, "1af4:1041 is not an MMR device ID");
	EXPECT_EQ(self->scan.identity, NULL);
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists, 0x8086,
			    VIRTIO_MMR_DEVICE_NET, NULL);
	EXPECT_EQ(self->scan.verdict, VIRTIO_MMR_SCAN_OTHER_ID);
}

/* Harmful lists of an otherwise usable function come before every verdict except the ID */
TEST_F(scan, harmful_lists)
{
	memory_space_put(&self->memory, CAP, 0xb | 1 << 16 | 0x200 << 20, 4);
	memory_space_add_extended(&self->memory, 0x200, 0xb, CAP);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_LISTS);
	EXPECT_EQ(self->scan.lists_defect, VIRTIO_MMR_LISTS_LOOP);
	EXPECT_NE(strstr(self->why, "comes back to"), NULL);
	EXPECT_EQ(run_with(self, 0x1041, NULL), VIRTIO_MMR_SCAN_OTHER_ID);
	self->memory.bytes[CAP + 4] = 9;
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_LISTS);
}

/* Either list */
TEST_F(scan, loops)
{
	memory_space_add(&self->memory, 0x40, PCI_CAP_ID_PM);
	run(self);
	EXPECT_FALSE(self->scan.list_loops);
	memory_space_put(&self->memory, 0x41, 0x40, 1);
	run(self);
	EXPECT_TRUE(self->scan.list_loops);
	memory_space_put(&self->memory, 0x41, 0, 1);
	memory_space_add_extended(&self->memory, CAP, 0xd, CAP);
	run(self);
	EXPECT_TRUE(self->scan.list_loops);
}

TEST_F(scan, plain)
{
	self->memory.bytes[CAP + 4] = 9;
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLAIN);
	EXPECT_STREQ(self->why, "capability at 0x100: cfg_type 9 is not 10");
	/* The first one is named */
	memory_space_add_extended(&self->memory, CAP, 0xb, 0x200);
	memory_space_add_mmr(&self->memory, 0x200, 8, 2, 0, 0x100);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLAIN);
	EXPECT_STREQ(self->why, "capability at 0x100: cfg_type 9 is not 10");
	memory_space_put(&self->memory, CAP, 0, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLAIN);
	EXPECT_STREQ(self->why, "it has no extended capability 0x000b");
	EXPECT_EQ(self->scan.cap_position, 0);
}

TEST_F(scan, unusable_capability)
{
	self->memory.bytes[CAP + 5] = 4;
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_CAPABILITY);
	EXPECT_STREQ(self->why, "capability at 0x100: BAR 4 is not assigned");
}

/* One of another kind, one unusable and two usable ones, in the order of the list */
TEST_F(scan, first_usable_capability_counts)
{
	memory_space_add_mmr(&self->memory, 0x100, 9, 2, 0, 0x100);
	memory_space_add_mmr(&self->memory, 0x300, 10, 5, 0, 0x100);
	memory_space_add_mmr(&self->memory, 0x200, 10, 2, 0x40, 0x100);
	memory_space_add_mmr(&self->memory, 0x400, 10, 2, 0x80, 0x100);
	memory_space_add_extended(&self->memory, 0x100, 0xb, 0x300);
	memory_space_add_extended(&self->memory, 0x300, 0xb, 0x200);
	memory_space_add_extended(&self->memory, 0x200, 0xb, 0x400);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.cap_position, 0x200);
	EXPECT_EQ(self->scan.cap.offset, 0x40);
	/* Nobody reads the one after it */
	EXPECT_EQ(self->memory.reads_of[0x208 / 4], 1);
	EXPECT_EQ(self->memory.reads_of[0x408 / 4], 0);

	/* Without a usable one the defect is that of the first that claims to be one */
	self->memory.bytes[0x205] = 6;
	self->memory.bytes[0x405] = 6;
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_CAPABILITY);
	EXPECT_EQ(self->scan.cap_position, 0x300);
}

static void see_capability(void *context, u16 position, const struct virtio_mmr_cap *cap,
			   enum virtio_mmr_defect defect)
{
	struct _test_data_scan *self = context;

	self->seen_capabilities++;
	self->last_position = position;
}

static void see_structure(void *context, const struct virtio_mmr_virtio_cap *cap)
{
	struct _test_data_scan *self = context;

	self->seen_structures++;
	self->last_structure = *cap;
}

/* A visitor also sees the capabilities after the one that counts, and changes nothing */
TEST_F(scan, visitor)
{
	const struct virtio_mmr_scan_visitor visitor = {
		.capability = see_capability, .structure = see_structure, .context = self,
	};

	memory_space_add_extended(&self->memory, CAP, 0xb, 0x200);
	memory_space_add_mmr(&self->memory, 0x200, 10, 2, 0x40, 0x100);
	memory_space_add_virtio(&self->memory, 0x40, 16, 1, 2, 0, 0x40);
	memory_space_add_virtio(&self->memory, 0x50, 16, 99, 9, 0, 0x40);
	memory_space_add_virtio(&self->memory, 0x60, 15, 1, 2, 0, 0x40);
	ASSERT_EQ(run_with(self, VIRTIO_MMR_DEVICE_NET, &visitor), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.cap_position, CAP);
	EXPECT_EQ(self->seen_capabilities, 2);
	EXPECT_EQ(self->last_position, 0x200);
	/* A capability that is too short does not count */
	EXPECT_EQ(self->seen_structures, 2);
}

/* It sees each structure as the capability has it, and where the window of PCI_CFG points now */
TEST_F(scan, visited_structures)
{
	const struct virtio_mmr_scan_visitor visitor = {
		.capability = see_capability, .structure = see_structure, .context = self,
	};

	memory_space_add_virtio(&self->memory, 0x40, 20, 5, 2, 0x204, 4);
	run_with(self, VIRTIO_MMR_DEVICE_NET, &visitor);
	ASSERT_EQ(self->seen_structures, 1);
	EXPECT_EQ(self->last_structure.position, 0x40);
	EXPECT_EQ(self->last_structure.cfg_type, 5);
	EXPECT_EQ(self->last_structure.bar, 2);
	EXPECT_EQ(self->last_structure.offset, 0x204);
	EXPECT_EQ(self->last_structure.length, 4);
	EXPECT_EQ(self->last_structure.multiplier, 0);
	EXPECT_TRUE(self->last_structure.is_inside);

	/* The end of the conventional part is the end of the last one */
	memory_space_add_virtio(&self->memory, 0xf0, 16, 4, 2, 0x208, 8);
	self->memory.bytes[PCI_CAPABILITY_LIST] = 0xf0;
	self->memory.bytes[0xf1] = 0;
	self->seen_structures = 0;
	run_with(self, VIRTIO_MMR_DEVICE_NET, &visitor);
	ASSERT_EQ(self->seen_structures, 1);
	EXPECT_EQ(self->last_structure.position, 0xf0);
	EXPECT_EQ(self->last_structure.cfg_type, 4);
	EXPECT_EQ(self->last_structure.offset, 0x208);
	EXPECT_EQ(self->last_structure.length, 8);
	memory_space_put(&self->memory, 0xf2, 17, 1);
	self->seen_structures = 0;
	run_with(self, VIRTIO_MMR_DEVICE_NET, &visitor);
	EXPECT_EQ(self->seen_structures, 0);
}

static void add_msix(struct _test_data_scan *self, unsigned int position, u8 bar)
{
	memory_space_add(&self->memory, position, PCI_CAP_ID_MSIX);
	memory_space_put(&self->memory, position + PCI_MSIX_FLAGS, 3, 2);
	memory_space_put(&self->memory, position + PCI_MSIX_TABLE, 0x800 | bar, 4);
	memory_space_put(&self->memory, position + PCI_MSIX_PBA, 0xc00 | bar, 4);
}

TEST_F(scan, msix)
{
	add_msix(self, 0x40, 2);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_TRUE(self->scan.function.has_msix);
	EXPECT_EQ(self->scan.function.msix_table.offset, 0x800);
	EXPECT_EQ(self->scan.function.msix_table.length, 64);
	EXPECT_EQ(self->scan.function.msix_pba.offset, 0xc00);
	EXPECT_EQ(self->scan.msix_flags, 0x42);
	EXPECT_TRUE(self->scan.can_interrupt);

	/* The window must not lie over its table */
	memory_space_put(&self->memory, CAP + 8, 0x7f0, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_CAPABILITY);
	EXPECT_EQ(self->scan.defect, VIRTIO_MMR_OVER_MSIX);
}

/* The kernel could take vectors of MSI for those of MSI-X */
TEST_F(scan, no_interrupt_beside_msi)
{
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.can_interrupt);
	add_msix(self, 0x40, 2);
	memory_space_add(&self->memory, 0x80, PCI_CAP_ID_MSI);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.can_interrupt);
	EXPECT_TRUE(self->scan.function.has_msix);
}

/* The place that a kernel has found counts, even if the list now has another one */
TEST_F(scan, msix_position_is_given)
{
	add_msix(self, 0x40, 2);
	self->memory.space.msix_position = 0;
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists,
			    VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_NET, NULL);
	EXPECT_FALSE(self->scan.function.has_msix);
	self->memory.bytes[PCI_CAPABILITY_LIST] = 0;
	self->memory.space.msix_position = 0x40;
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists,
			    VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_NET, NULL);
	EXPECT_TRUE(self->scan.function.has_msix);
}

/* It counts, but has no fields to translate, and so nothing in BAR0 */
TEST_F(scan, msix_at_the_end)
{
	set_bar(self, 0, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
	memory_space_put(&self->memory, CAP + 4, 10 | 0 << 8, 4);
	add_msix(self, 0xf8, 0);
	virtio_mmr_space_find_known(&self->memory.space);
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists,
			    VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_NET, NULL);
	EXPECT_TRUE(self->scan.function.has_msix);
	EXPECT_EQ(self->scan.msix_flags, 0);
	EXPECT_FALSE(self->scan.can_interrupt);
	EXPECT_NE(self->scan.placement.fate, VIRTIO_MMR_BAR0_MOVED);
}

/* The last place that has room for all of it */
TEST_F(scan, msix_up_to_the_end)
{
	add_msix(self, 0xf4, 2);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.msix_flags, 0xf6);
	EXPECT_TRUE(self->scan.can_interrupt);
}

/* A guest needs the table and the pending bits, so they keep BAR0 */
TEST_F(scan, msix_in_bar0)
{
	static const struct {
		u8 table, pba;
		enum virtio_mmr_bar0_fate fate;
	} cases[] = {
		{ 2, 2, VIRTIO_MMR_BAR0_HIDDEN }, { 0, 0, VIRTIO_MMR_BAR0_MOVED },
		{ 0, 2, VIRTIO_MMR_BAR0_MOVED }, { 2, 0, VIRTIO_MMR_BAR0_MOVED },
	};
	unsigned int i;

	set_bar(self, 0, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
	memory_space_put(&self->memory, CAP + 4, 10 | 0 << 8, 4);
	add_msix(self, 0x40, 2);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memory_space_put(&self->memory, 0x44, 0x800 | cases[i].table, 4);
		memory_space_put(&self->memory, 0x48, 0xc00 | cases[i].pba, 4);
		ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
		EXPECT_EQ(self->scan.placement.fate, cases[i].fate) {
			TH_LOG("table in BAR %u, pending bits in BAR %u", cases[i].table,
			       cases[i].pba);
		}
	}
}

static void add_structures(struct _test_data_scan *self)
{
	memory_space_add_virtio(&self->memory, 0x60, 20, 2, 2, 0x200, 0x80);
	memory_space_put(&self->memory, 0x70, 4, 4);
	memory_space_add_virtio(&self->memory, 0x40, 16, 1, 2, 0x100, 0x38);
}

TEST_F(scan, structures)
{
	add_structures(self);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	ASSERT_TRUE(self->scan.has_notification);
	EXPECT_EQ(self->scan.common_config.bar, 2);
	EXPECT_EQ(self->scan.common_config.offset, 0x100);
	EXPECT_EQ(self->scan.notify.offset, 0x200);
	EXPECT_EQ(self->scan.notify.length, 0x80);
	EXPECT_EQ(self->scan.notify_multiplier, 4);
	EXPECT_TRUE(virtio_mmr_fields_have(&self->scan.bar_fields, 0x44));
	EXPECT_TRUE(virtio_mmr_fields_have(&self->scan.bar_fields, 0x64));
	EXPECT_FALSE(virtio_mmr_fields_have(&self->scan.window_fields, 0x44));
}

/* A host binds many functions and opens few of them, and each read crosses PCIe. */
TEST_F(scan, structures_are_found_later)
{
	struct virtio_mmr_space *space = &self->memory.space;

	add_structures(self);
	memset(self->memory.reads_of, 0, sizeof(self->memory.reads_of));
	virtio_mmr_scan_identify(&self->scan, space, &self->lists, VIRTIO_MMR_VENDOR_ID,
				 VIRTIO_MMR_DEVICE_NET, NULL);
	EXPECT_EQ(self->scan.verdict, VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.is_complete);
	EXPECT_FALSE(self->scan.has_common_config);
	/* The common configuration: its BAR, offset and length */
	EXPECT_EQ(self->memory.reads_of[0x44 / 4], 1);
	EXPECT_EQ(self->memory.reads_of[0x48 / 4], 0);
	EXPECT_EQ(self->memory.reads_of[0x4c / 4], 0);

	virtio_mmr_scan_structures(&self->scan, space);
	EXPECT_TRUE(self->scan.is_complete);
	EXPECT_TRUE(self->scan.has_notification);
	EXPECT_EQ(self->scan.common_config.offset, 0x100);
	EXPECT_EQ(self->memory.reads_of[0x44 / 4], 1);
	EXPECT_EQ(self->memory.reads_of[0x48 / 4], 1);

	/* The view has the BAR numbers of the first scan, whatever the device says later */
	memory_space_add_virtio(&self->memory, 0xc0, 16, 3, 2, 0x300, 1);
	virtio_mmr_scan_structures(&self->scan, space);
	EXPECT_TRUE(self->scan.has_isr);
	EXPECT_FALSE(virtio_mmr_fields_have(&self->scan.bar_fields, 0xc4));

	/* They may be gone by then */
	memory_space_put(&self->memory, PCI_CAPABILITY_LIST, 0, 1);
	virtio_mmr_scan_structures(&self->scan, space);
	EXPECT_FALSE(self->scan.has_common_config);
	EXPECT_FALSE(self->scan.has_notification);
	EXPECT_FALSE(self->scan.has_isr);
}

/* ISR status has one byte, at any place, and the first one counts */
TEST_F(scan, isr_status)
{
	add_structures(self);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.has_isr);
	memory_space_add_virtio(&self->memory, 0x80, 16, 3, 2, 0x301, 4);
	memory_space_add_virtio(&self->memory, 0xa0, 16, 3, 2, 0x303, 1);
	memory_space_add_virtio(&self->memory, 0xc0, 16, 3, 2, 0x1000, 1);
	memory_space_add_virtio(&self->memory, 0xd0, 16, 3, 2, 0x305, 0);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	ASSERT_TRUE(self->scan.has_isr);
	EXPECT_EQ(self->scan.isr.offset, 0x303);
	EXPECT_EQ(self->scan.isr.length, 1);
}

/* Aligned to 4 bytes; the first good one counts. The scan itself does without. */
TEST_F(scan, device_configuration)
{
	struct virtio_mmr_structure structure = { .bar = 1, .offset = 2, .length = 3 };
	struct virtio_mmr_space *space = &self->memory.space;

	add_structures(self);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(virtio_mmr_scan_device_config(&self->scan, space, &structure));
	EXPECT_EQ(structure.bar, 1);
	EXPECT_EQ(structure.offset, 2);
	EXPECT_EQ(structure.length, 3);
	memory_space_add_virtio(&self->memory, 0x80, 16, 4, 2, 0x400, 0x20);
	memory_space_add_virtio(&self->memory, 0xa0, 16, 4, 2, 0x300, 0x10);
	memory_space_add_virtio(&self->memory, 0xc0, 16, 4, 2, 0x302, 0x10);
	memory_space_add_virtio(&self->memory, 0xd0, 16, 4, 2, 0x300, 0);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->memory.reads_of[0xa8 / 4], 0);
	EXPECT_EQ(self->memory.reads_of[0xac / 4], 0);
	EXPECT_TRUE(virtio_mmr_fields_have(&self->scan.bar_fields, 0xa4));
	ASSERT_TRUE(virtio_mmr_scan_device_config(&self->scan, space, &structure));
	EXPECT_EQ(structure.bar, 2);
	EXPECT_EQ(structure.offset, 0x300);
	EXPECT_EQ(structure.length, 0x10);
}

static const char *why_not_native(struct _test_data_scan *self)
{
	virtio_mmr_scan_explain_native(self->why, sizeof(self->why), &self->scan,
				       VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_NET);
	return self->why;
}

/* What only vfio-pci-core and guests mind is no obstacle for a driver of the host. */
TEST_F(scan, native)
{
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.native_verdict, VIRTIO_MMR_SCAN_USABLE);
	EXPECT_STREQ(why_not_native(self), "");

	/* A list that comes back to where it was */
	memory_space_put(&self->memory, CAP, 0xb | 1 << 16 | 0x200 << 20, 4);
	memory_space_add_extended(&self->memory, 0x200, 0xd, CAP);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_LISTS);
	EXPECT_EQ(self->scan.native_verdict, VIRTIO_MMR_SCAN_USABLE);
	EXPECT_STREQ(why_not_native(self), "");

	/* A function that nobody can use has a reason of its own. */
	self->memory.bytes[CAP + 5] = 7;
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_LISTS);
	EXPECT_EQ(self->scan.native_verdict, VIRTIO_MMR_SCAN_CAPABILITY);
	EXPECT_NE(strstr(why_not_native(self), "BAR 7"), NULL);
	self->memory.bytes[CAP + 4] = 9;
	run(self);
	EXPECT_EQ(self->scan.native_verdict, VIRTIO_MMR_SCAN_PLAIN);
	EXPECT_EQ(run_with(self, 0x1041, NULL), VIRTIO_MMR_SCAN_OTHER_ID);
	EXPECT_EQ(self->scan.native_verdict, VIRTIO_MMR_SCAN_OTHER_ID);
}

/* What makes one of the two structures unusable: a byte of its capability */
TEST_F(scan, unusable_structures)
{
	static const struct {
		unsigned int position;
		unsigned int width;
		u32 value;
	} defects[] = {
		{ 0x44, 1, 6 },		/* no such BAR */
		{ 0x44, 1, 3 },		/* not assigned */
		{ 0x48, 4, 0x102 },	/* not a multiple of 4 */
		{ 0x48, 4, 0xff0 },	/* not inside */
		{ 0x4c, 4, 0x1f },	/* too short for queue_notify_off */
		{ 0x42, 1, 15 },	/* the capability is too short */
		{ 0x62, 1, 19 },	/* and this one, for the multiplier */
		{ 0x64, 1, 1 },
		{ 0x68, 4, 0x201 },	/* odd */
		{ 0x6c, 4, 1 },		/* no room for a doorbell */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(defects); i++) {
		memory_space_init(&self->memory);
		memory_space_add_mmr(&self->memory, CAP, 10, 2, 0, 0x100);
		add_structures(self);
		memory_space_put(&self->memory, defects[i].position, defects[i].value,
				 defects[i].width);
		ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
		EXPECT_FALSE(self->scan.has_notification) {
			TH_LOG("with 0x%x at 0x%x", defects[i].value, defects[i].position);
		}
	}
}

/* The host would write its registers into MSI-X. Only a notification structure may lie there */
TEST_F(scan, structures_over_msix)
{
	struct virtio_mmr_space *space = &self->memory.space;
	struct virtio_mmr_structure structure;

	memory_space_add_virtio(&self->memory, 0xe0, 16, 4, 2, 0x7f0, 0x10);
	memory_space_add_virtio(&self->memory, 0xd0, 16, 3, 2, 0x7ff, 1);
	memory_space_add_virtio(&self->memory, 0x80, 20, 2, 2, 0x800, 0x80);
	memory_space_add_virtio(&self->memory, 0xa0, 16, 1, 2, 0x7c8, 0x38);
	add_msix(self, 0x40, 2);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_TRUE(self->scan.has_notification);
	EXPECT_TRUE(self->scan.has_isr);
	EXPECT_TRUE(virtio_mmr_scan_device_config(&self->scan, space, &structure));

	/* One byte more is the table's first, and then its last */
	memory_space_put(&self->memory, 0xac, 0x39, 4);
	memory_space_put(&self->memory, 0xd8, 0x83f, 4);
	memory_space_put(&self->memory, 0xec, 0x11, 4);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.has_common_config);
	EXPECT_FALSE(self->scan.has_notification);
	EXPECT_FALSE(self->scan.has_isr);
	EXPECT_FALSE(virtio_mmr_scan_device_config(&self->scan, space, &structure));

	/* The byte after it; and the pending bits */
	memory_space_put(&self->memory, 0xa8, 0xc08, 4);
	memory_space_put(&self->memory, 0xd8, 0x840, 4);
	memory_space_put(&self->memory, 0xe8, 0xc00, 4);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_TRUE(self->scan.has_common_config);
	EXPECT_TRUE(self->scan.has_isr);
	EXPECT_FALSE(virtio_mmr_scan_device_config(&self->scan, space, &structure));
}

/* The first usable structure of each type counts */
TEST_F(scan, later_structures)
{
	add_structures(self);
	memory_space_add_virtio(&self->memory, 0x80, 16, 1, 3, 0, 0x38);
	memory_space_add_virtio(&self->memory, 0xa0, 20, 2, 2, 0x301, 0x80);
	memory_space_put(&self->memory, 0xb0, 8, 4);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	ASSERT_TRUE(self->scan.has_notification);
	EXPECT_EQ(self->scan.common_config.offset, 0x100);
	EXPECT_EQ(self->scan.notify.offset, 0x200);
	EXPECT_EQ(self->scan.notify_multiplier, 4);
}

/* The others after it do not, whether they could be used or not */
TEST_F(scan, earlier_structures)
{
	u32 length;

	for (length = 0; length <= 0x80; length += 0x80) {
		memory_space_init(&self->memory);
		memory_space_add_mmr(&self->memory, CAP, 10, 2, 0, 0x100);
		memory_space_add_virtio(&self->memory, 0x80, 16, 1, 2, 0x400, length);
		memory_space_add_virtio(&self->memory, 0xa0, 20, 2, 2, 0x500, length);
		memory_space_put(&self->memory, 0xb0, 8, 4);
		memory_space_add_virtio(&self->memory, 0xc0, 16, 3, 2, 0x600, length);
		memory_space_add_virtio(&self->memory, 0xd0, 16, 3, 2, 0x300, 1);
		add_structures(self);
		ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
		EXPECT_TRUE(self->scan.has_notification);
		EXPECT_EQ(self->scan.common_config.offset, 0x100);
		EXPECT_EQ(self->scan.notify.offset, 0x200);
		EXPECT_EQ(self->scan.notify_multiplier, 4);
		EXPECT_TRUE(self->scan.has_isr);
		EXPECT_EQ(self->scan.isr.offset, 0x300);
	}
}

TEST_F(scan, window_of_pci_cfg)
{
	memory_space_add_virtio(&self->memory, 0x40, 20, 5, 0, 0, 0);
	set_bar(self, 0, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
	memory_space_put(&self->memory, CAP + 4, 10 | 0 << 8, 4);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_TRUE(virtio_mmr_fields_have(&self->scan.window_fields, 0x44));
	/* It points nowhere by itself, so BAR0 has nothing for the guest */
	EXPECT_EQ(self->scan.placement.fate, VIRTIO_MMR_BAR0_HIDDEN);
	/* And nobody reads where the guest has directed it */
	EXPECT_EQ(self->memory.reads_of[0x44 / 4], 0);
	EXPECT_EQ(self->memory.reads_of[0x48 / 4], 0);
	EXPECT_EQ(self->memory.reads_of[0x4c / 4], 0);
}

TEST_F(scan, structures_in_bar0)
{
	set_bar(self, 0, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
	memory_space_put(&self->memory, CAP + 4, 10 | 0 << 8, 4);
	memory_space_add_virtio(&self->memory, 0x40, 16, 99, 0, 0, 0);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.placement.fate, VIRTIO_MMR_BAR0_MOVED);
	EXPECT_EQ(self->scan.placement.slot, 1);
	/* In another BAR */
	memory_space_put(&self->memory, 0x44, 2, 1);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.placement.fate, VIRTIO_MMR_BAR0_HIDDEN);
}

TEST_F(scan, structure_in_an_io_bar0)
{
	set_bar(self, 0, 32, 0);
	memory_space_add_virtio(&self->memory, 0x40, 16, 5, 0, 0, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	memory_space_add_virtio(&self->memory, 0x60, 16, 3, 0, 0, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLACEMENT);
	EXPECT_STREQ(self->why, "BAR 0 of 0x20 bytes must make room for the I/O BAR, but a virtio structure lies in it and it is an I/O BAR itself");
}

/* Capabilities of other IDs are none of virtio, whatever follows */
TEST_F(scan, other_capabilities)
{
	struct virtio_mmr_structure structure;

	memory_space_add_virtio(&self->memory, 0x40, 16, 1, 2, 0x100, 0x38);
	memory_space_add_virtio(&self->memory, 0x60, 16, 4, 2, 0x200, 0x10);
	memory_space_put(&self->memory, 0x40, PCI_CAP_ID_PM, 1);
	memory_space_put(&self->memory, 0x60, PCI_CAP_ID_PM, 1);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.has_common_config);
	EXPECT_FALSE(virtio_mmr_fields_have(&self->scan.bar_fields, 0x44));
	EXPECT_FALSE(virtio_mmr_scan_device_config(&self->scan, &self->memory.space, &structure));
}

/* The last sizes that are enough */
TEST_F(scan, smallest_structures)
{
	struct virtio_mmr_structure structure;

	memory_space_add_virtio(&self->memory, 0x40, 16, 1, 2, 0x100, 0x20);
	memory_space_add_virtio(&self->memory, 0x60, 20, 2, 2, 0x202, 2);
	memory_space_add_virtio(&self->memory, 0x80, 16, 4, 2, 0x300, 1);
	memory_space_add_virtio(&self->memory, 0xa0, 16, 99, 2, 0x400, 4);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_TRUE(self->scan.has_notification);
	EXPECT_EQ(self->scan.notify.offset, 0x202);
	/* ISR status is a structure of its own type alone */
	EXPECT_FALSE(self->scan.has_isr);
	EXPECT_TRUE(virtio_mmr_scan_device_config(&self->scan, &self->memory.space, &structure));
	EXPECT_EQ(structure.length, 1);
}

TEST_F(scan, no_room_for_bar0)
{
	unsigned int bar;

	for (bar = 0; bar < VIRTIO_MMR_NUM_BARS; bar++)
		set_bar(self, bar, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLACEMENT);
	EXPECT_EQ(self->scan.native_verdict, VIRTIO_MMR_SCAN_USABLE);
	EXPECT_STREQ(self->why, "BAR 0 of 0x1000 bytes must make room for the I/O BAR, but no other BAR is free for what lies in it");

	/* This verdict comes first, and the structures are not searched */
	self->memory.bytes[CAP + 4] = 9;
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLAIN);
}

TEST_F(scan, bar0_is_too_large)
{
	memset(&self->scan, 0, sizeof(self->scan));
	set_bar(self, 0, 1ULL << 32, VIRTIO_MMR_BAR_FLAG_MEMORY | VIRTIO_MMR_BAR_FLAG_64_BIT);
	set_bar(self, 1, 0, 0);
	set_bar(self, 2, 0x1000, VIRTIO_MMR_BAR_FLAG_MEMORY);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_PLACEMENT);
	EXPECT_STREQ(self->why, "BAR 0 of 0x100000000 bytes must make room for the I/O BAR and is too large for a 32-bit BAR 1");
}

/* A function that has changed since is scanned anew in the same place */
TEST_F(scan, again)
{
	/* BAR 2 has the window at its start, so the table there makes it unusable */
	add_msix(self, 0x40, 2);
	memory_space_put(&self->memory, 0x44, 2, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_CAPABILITY);
	EXPECT_EQ(self->scan.defect, VIRTIO_MMR_OVER_MSIX);

	self->memory.bytes[PCI_STATUS] &= ~PCI_STATUS_CAP_LIST;
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_FALSE(self->scan.function.has_msix);
	EXPECT_EQ(self->scan.function.msix_table.length, 0);
	EXPECT_EQ(self->scan.function.msix_pba.length, 0);
}

/* A thousand functions are scanned, and each read crosses PCIe. No answer outlives its scan. */
TEST_F(scan, first_part_is_read_once)
{
	unsigned int position;

	add_structures(self);
	add_msix(self, 0x80, 2);
	ASSERT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	memset(self->memory.reads_of, 0, sizeof(self->memory.reads_of));
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists,
			    VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_NET, NULL);
	for (position = 0; position < VIRTIO_MMR_SPACE_KEPT; position += 4)
		EXPECT_LE(self->memory.reads_of[position / 4], 1);
	EXPECT_EQ(self->memory.reads_of[0x40 / 4], 1);

	/* Of the common configuration */
	self->memory.bytes[0x48] = 4;
	virtio_mmr_scan_run(&self->scan, &self->memory.space, &self->lists,
			    VIRTIO_MMR_VENDOR_ID, VIRTIO_MMR_DEVICE_NET, NULL);
	EXPECT_EQ(self->scan.common_config.offset, 0x104);
}

/* The bare form is shorter by a dword, and that may belong to another capability. */
TEST_F(scan, capability_is_read_to_its_end)
{
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->memory.reads_of[(CAP + 0x14) / 4], 1);
	EXPECT_EQ(self->memory.reads_of[(CAP + 0x18) / 4], 0);

	memory_space_put(&self->memory, CAP + 4, 0x1c << 20, 4);
	memory_space_put(&self->memory, CAP + 8, 10 | 2 << 8, 4);
	memory_space_put(&self->memory, CAP + 0x10, 0, 4);
	memory_space_put(&self->memory, CAP + 0x14, 0x100, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->memory.reads_of[(CAP + 0x18) / 4], 1);
	EXPECT_EQ(self->scan.cap.length, 0x100);
	memory_space_put(&self->memory, CAP + 0x18, 1, 4);
	EXPECT_EQ(run(self), VIRTIO_MMR_SCAN_CAPABILITY);
	EXPECT_EQ(self->scan.cap.length, 0x100000100);
}

/* A capability that begins in the last bytes */
TEST_F(scan, capability_at_the_end)
{
	memory_space_add_extended(&self->memory, CAP, 0, 0xffc);
	memory_space_add_extended(&self->memory, 0xffc, 0xb, 0);
	EXPECT_NE(run(self), VIRTIO_MMR_SCAN_USABLE);
	EXPECT_EQ(self->scan.cap_position, 0xffc);
	EXPECT_EQ(self->scan.defect, VIRTIO_MMR_TRUNCATED);
}

HARNESS_MAIN()
