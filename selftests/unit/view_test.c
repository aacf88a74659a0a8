// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's view of configuration space, byte by byte: the guest's reads, and the bytes that
 * the function gets from its writes.
 */
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>

#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/view.h"

FIXTURE(view)
{
	struct virtio_mmr_scan scan;
	struct virtio_mmr_view view;
	struct virtio_mmr_interrupt interrupt;
};

/* A block function whose BAR0 is free, with a window of 0x40 bytes */
FIXTURE_SETUP(view)
{
	self->scan.identity = virtio_mmr_identify(VIRTIO_MMR_DEVICE_BLOCK);
	self->scan.cap.length = 0x40;
	self->scan.cap.bar = 2;
	virtio_mmr_view_init(&self->view, &self->scan, NULL);
}

FIXTURE_TEARDOWN(view) { }

/* BAR0 of 16 KiB is shown as BAR 1; MSI-X at 0x40, structures at 0x50 and 0x60 */
static void move_bar0(struct _test_data_view *self)
{
	self->scan.function.bar_kind[0] = VIRTIO_MMR_BAR_MEMORY;
	self->scan.function.bar_size[0] = 0x4000;
	self->scan.function.bar_kind[1] = VIRTIO_MMR_BAR_UPPER_HALF;
	self->scan.placement.fate = VIRTIO_MMR_BAR0_MOVED;
	self->scan.placement.slot = 1;
	self->scan.msix_flags = 0x42;
	virtio_mmr_fields_add(&self->scan.bar_fields, 0x54);
	virtio_mmr_fields_add(&self->scan.bar_fields, 0x64);
	virtio_mmr_fields_add(&self->scan.window_fields, 0x64);
	virtio_mmr_view_init(&self->view, &self->scan, NULL);
}

static u32 read_le(struct virtio_mmr_view *view, unsigned int position, unsigned int width,
		   u8 physical)
{
	u32 value = 0;

	while (width--)
		value = value << 8 | virtio_mmr_view_read(view, position + width, physical);
	return value;
}

static void write_le32(struct virtio_mmr_view *view, unsigned int position, u32 value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		virtio_mmr_view_write(view, position + i, value >> i * 8);
}

TEST_F(view, identity)
{
	EXPECT_EQ(read_le(&self->view, PCI_DEVICE_ID, 2, 0xff), 0x1001);
	EXPECT_EQ(read_le(&self->view, PCI_REVISION_ID, 1, 0xff), 0);
	EXPECT_EQ(read_le(&self->view, PCI_SUBSYSTEM_VENDOR_ID, 2, 0xff), 0x1af4);
	EXPECT_EQ(read_le(&self->view, PCI_SUBSYSTEM_ID, 2, 0xff), 2);
	EXPECT_EQ(read_le(&self->view, PCI_INTERRUPT_PIN, 1, 0xff), 0);
}

/* MSI-X at 0x40 can serve an INTx interrupt */
static void add_interrupt(struct _test_data_view *self)
{
	self->scan.msix_flags = 0x42;
	self->scan.can_interrupt = true;
	virtio_mmr_view_init(&self->view, &self->scan, &self->interrupt);
}

TEST_F(view, interrupt_pin)
{
	add_interrupt(self);
	EXPECT_EQ(virtio_mmr_view_pin(&self->view), 1);
	EXPECT_EQ(read_le(&self->view, PCI_INTERRUPT_PIN, 1, 0), 1);
	EXPECT_EQ(read_le(&self->view, PCI_INTERRUPT_PIN, 1, 4), 1);
	/* No interrupt is given, or MSI-X cannot serve it */
	virtio_mmr_view_init(&self->view, &self->scan, NULL);
	EXPECT_EQ(read_le(&self->view, PCI_INTERRUPT_PIN, 1, 1), 0);
	self->scan.can_interrupt = false;
	virtio_mmr_view_init(&self->view, &self->scan, &self->interrupt);
	EXPECT_EQ(virtio_mmr_view_pin(&self->view), 0);
	EXPECT_EQ(read_le(&self->view, PCI_INTERRUPT_PIN, 1, 1), 0);
	EXPECT_EQ(read_le(&self->view, PCI_STATUS, 2, 0xff), 0xffff);
}

TEST_F(view, interrupt_status)
{
	add_interrupt(self);
	/* The pin of the function itself does not count */
	EXPECT_EQ(read_le(&self->view, PCI_STATUS, 2, 0xff), 0xfff7);
	self->interrupt.isr = VIRTIO_MMR_ISR_CONFIG;
	EXPECT_EQ(read_le(&self->view, PCI_STATUS, 2, 0), 0);
	self->interrupt.engaged = true;
	EXPECT_EQ(read_le(&self->view, PCI_STATUS, 2, 0), PCI_STATUS_INTERRUPT);
	self->interrupt.disabled = true;
	EXPECT_EQ(read_le(&self->view, PCI_STATUS, 2, 0), PCI_STATUS_INTERRUPT);
}

/* A guest with INTx finds MSI-X off, although the function has it on */
TEST_F(view, interrupt_hides_msix)
{
	add_interrupt(self);
	EXPECT_EQ(read_le(&self->view, 0x42, 2, 0xff), 0xffff);
	self->interrupt.engaged = true;
	EXPECT_EQ(read_le(&self->view, 0x42, 2, 0xff), 0x3fff);
	EXPECT_EQ(read_le(&self->view, 0x42, 2, 0xc5), 0x05c5);
}

/* Beside a BAR0 that has moved, numbers of BARs translate as well */
TEST_F(view, interrupt_and_moved_bar0)
{
	struct virtio_mmr_view *view = &self->view;
	unsigned int position;

	move_bar0(self);
	add_interrupt(self);
	self->interrupt.engaged = true;
	EXPECT_EQ(virtio_mmr_view_read(view, 0x43, 0xff), 0x3f);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x44, 0x80), 0x81);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x54, 0), 1);
	for (position = 0x40; position < 0x100; position++)
		EXPECT_EQ(virtio_mmr_view_changes(view, position),
			  position == 0x43 || position == 0x44 || position == 0x48 ||
			  position == 0x54 || position == 0x64);
	EXPECT_TRUE(virtio_mmr_view_changes(view, PCI_STATUS));
	EXPECT_FALSE(virtio_mmr_view_changes(view, PCI_STATUS + 1));
}

/* A device may say that a byte of MSI-X is a BAR number. Without INTx it is nothing else */
TEST_F(view, number_over_msix)
{
	virtio_mmr_fields_add(&self->scan.bar_fields, 0x43);
	move_bar0(self);
	EXPECT_EQ(virtio_mmr_view_read(&self->view, 0x43, 0), 1);
}

/* No other byte of the whole space differs */
TEST_F(view, all_else_is_the_function)
{
	unsigned int position;

	for (position = 0; position < 0x1100; position++) {
		bool differs = position == 2 || position == 3 || position == 4 || position == 8 ||
			       (position >= 0x10 && position < 0x14) ||
			       (position >= 0x2c && position < 0x30) || position == 0x3d;

		EXPECT_EQ(virtio_mmr_view_changes(&self->view, position), differs) {
			TH_LOG("at 0x%x", position);
		}
		if (differs)
			continue;
		EXPECT_EQ(virtio_mmr_view_read(&self->view, position, 0xa5), 0xa5);
	}
	EXPECT_FALSE(virtio_mmr_view_changes(&self->view, 0xffffffff));
}

TEST_F(view, owners)
{
	unsigned int position;

	for (position = 0; position < 0x1100; position++) {
		enum virtio_mmr_view_owner owner = VIRTIO_MMR_VIEW_FUNCTION;

		if (position == PCI_COMMAND || position == PCI_COMMAND + 1)
			owner = VIRTIO_MMR_VIEW_COMMAND;
		else if (position >= 0x10 && position < 0x14)
			owner = VIRTIO_MMR_VIEW_BAR;
		EXPECT_EQ(virtio_mmr_view_owner(&self->view, position), owner) {
			TH_LOG("at 0x%x", position);
		}
		if (owner != VIRTIO_MMR_VIEW_FUNCTION)
			continue;
		EXPECT_EQ(virtio_mmr_view_write(&self->view, position, 0xa5), 0xa5);
	}
}

TEST_F(view, command_io)
{
	struct virtio_mmr_view *view = &self->view;

	/* The result does not depend on the function's byte */
	EXPECT_EQ(virtio_mmr_view_read(view, PCI_COMMAND, 0x07), 0x06);
	EXPECT_EQ(virtio_mmr_view_write(view, PCI_COMMAND, 0x07), 0x06);
	EXPECT_TRUE(view->command_io);
	EXPECT_EQ(virtio_mmr_view_read(view, PCI_COMMAND, 0x06), 0x07);
	EXPECT_EQ(virtio_mmr_view_write(view, PCI_COMMAND, 0x06), 0x06);
	EXPECT_FALSE(view->command_io);
	/* The upper byte has no such bit */
	EXPECT_EQ(virtio_mmr_view_write(view, PCI_COMMAND + 1, 0xff), 0xff);
	EXPECT_FALSE(view->command_io);
}

TEST_F(view, io_bar)
{
	struct virtio_mmr_view *view = &self->view;

	EXPECT_EQ(view->io_bar_size, 0x40);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_0, 4, 0xff), 0x00000001);
	write_le32(view, PCI_BASE_ADDRESS_0, 0xffffffff);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_0, 4, 0), 0xffffffc1);
	write_le32(view, PCI_BASE_ADDRESS_0, 0x0000c1ff);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_0, 4, 0), 0x0000c1c1);
	/* A byte of it */
	virtio_mmr_view_write(view, PCI_BASE_ADDRESS_0 + 1, 0xd2);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_0, 4, 0), 0x0000d2c1);
}

TEST_F(view, io_bar_sizes)
{
	self->scan.cap.length = 0x18;
	virtio_mmr_view_init(&self->view, &self->scan, NULL);
	EXPECT_EQ(self->view.io_bar_size, 32);
	self->scan.cap.length = 1ULL << 40;
	virtio_mmr_view_init(&self->view, &self->scan, NULL);
	EXPECT_EQ(self->view.io_bar_size, 256);
}

TEST_F(view, reset)
{
	struct virtio_mmr_view *view = &self->view;

	write_le32(view, PCI_BASE_ADDRESS_0, 0xc100);
	virtio_mmr_view_write(view, PCI_COMMAND, 1);
	virtio_mmr_view_reset(view);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_0, 4, 0), 1);
	EXPECT_FALSE(view->command_io);
	EXPECT_EQ(view->io_bar_size, 0x40);
}

TEST_F(view, moved_bar0)
{
	struct virtio_mmr_view *view = &self->view;

	move_bar0(self);
	write_le32(view, PCI_BASE_ADDRESS_0, 0x0000c1c0);
	write_le32(view, PCI_BASE_ADDRESS_1, 0xffffffff);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_1, 4, 0xff), 0xffffc000);
	write_le32(view, PCI_BASE_ADDRESS_1, 0xfeb00000);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_1, 4, 0xff), 0xfeb00000);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_0, 4, 0xff), 0x0000c1c1);
	EXPECT_EQ(virtio_mmr_view_owner(view, PCI_BASE_ADDRESS_1 + 3), VIRTIO_MMR_VIEW_BAR);
	EXPECT_EQ(virtio_mmr_view_owner(view, PCI_BASE_ADDRESS_2), VIRTIO_MMR_VIEW_FUNCTION);
}

/* After a BAR0 with only the window, the register of its upper half is empty */
TEST_F(view, hidden_bar0)
{
	struct virtio_mmr_view *view = &self->view;

	self->scan.function.bar_kind[1] = VIRTIO_MMR_BAR_UPPER_HALF;
	self->scan.placement.fate = VIRTIO_MMR_BAR0_HIDDEN;
	virtio_mmr_view_init(view, &self->scan, NULL);
	write_le32(view, PCI_BASE_ADDRESS_1, 0xffffffff);
	EXPECT_EQ(read_le(view, PCI_BASE_ADDRESS_1, 4, 0xff), 0);
	/* Without MSI-X there is nothing else to change */
	EXPECT_FALSE(virtio_mmr_view_changes(view, PCI_STATUS));
}

TEST_F(view, numbers_of_bars)
{
	struct virtio_mmr_view *view = &self->view;

	move_bar0(self);
	/* In MSI-X the lower 3 bits, in virtio's capabilities the byte */
	EXPECT_EQ(virtio_mmr_view_read(view, 0x44, 0x80), 0x81);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x48, 0xf8), 0xf9);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x48, 0xfa), 0xfa);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x54, 0), 1);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x54, 0x80), 0x80);
	/* No other byte of them */
	EXPECT_EQ(virtio_mmr_view_read(view, 0x45, 0), 0);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x49, 0), 0);
	EXPECT_EQ(virtio_mmr_view_read(view, 0x53, 0), 0);
}

/* The guest reads its own number back */
TEST_F(view, window)
{
	struct virtio_mmr_view *view = &self->view;
	unsigned int bar;

	move_bar0(self);
	EXPECT_EQ(virtio_mmr_view_owner(view, 0x64), VIRTIO_MMR_VIEW_WINDOW);
	EXPECT_EQ(virtio_mmr_view_owner(view, 0x54), VIRTIO_MMR_VIEW_FUNCTION);
	EXPECT_EQ(virtio_mmr_view_write(view, 0x64, 1), 0);
	for (bar = 0; bar < 256; bar++) {
		u8 physical = virtio_mmr_view_write(view, 0x64, bar);

		EXPECT_EQ(virtio_mmr_view_read(view, 0x64, physical), bar);
	}
}

/* Without a physical BAR0 there is nothing to translate */
TEST_F(view, window_as_it_is)
{
	move_bar0(self);
	self->scan.placement.fate = VIRTIO_MMR_BAR0_ABSENT;
	virtio_mmr_view_init(&self->view, &self->scan, NULL);
	EXPECT_EQ(virtio_mmr_view_owner(&self->view, 0x64), VIRTIO_MMR_VIEW_FUNCTION);
	EXPECT_EQ(virtio_mmr_view_write(&self->view, 0x64, 1), 1);
	EXPECT_FALSE(virtio_mmr_view_changes(&self->view, 0x64));
	EXPECT_FALSE(virtio_mmr_view_changes(&self->view, 0x44));
}

HARNESS_MAIN()
