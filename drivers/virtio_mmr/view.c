// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The guest's view of configuration space: the identity of a transitional device, COMMAND.IO,
 * its I/O BAR0, the new place of a physical BAR0, and an INTx interrupt. The function provides
 * everything else.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>

#include "macros.h"
#include "view.h"

#define NUM_BAR_BYTES	(4 * VIRTIO_MMR_NUM_BARS)

static void change(struct virtio_mmr_view *view, unsigned int position, unsigned int width)
{
	while (width--)
		virtio_mmr_fields_add(&view->changed, position++);
}

/* BAR numbers translate if a physical BAR0 has made way. */
static void change_numbers(struct virtio_mmr_view *view)
{
	const struct virtio_mmr_scan *scan = view->scan;
	unsigned int i;

	if (scan->placement.fate == VIRTIO_MMR_BAR0_ABSENT)
		return;
	for (i = 0; i < ARRAY_SIZE(view->changed.bits); i++)
		view->changed.bits[i] |= scan->bar_fields.bits[i];
	if (scan->msix_flags) {
		change(view, scan->msix_flags + PCI_MSIX_TABLE - PCI_MSIX_FLAGS, 1);
		change(view, scan->msix_flags + PCI_MSIX_PBA - PCI_MSIX_FLAGS, 1);
	}
}

/**
 * virtio_mmr_view_init - make the view of a function
 * @view: to be initialized
 * @scan: of the function, with VIRTIO_MMR_SCAN_USABLE; stays as long as the view
 * @interrupt: the INTx interrupt that the guest gets if MSI-X can serve it, or NULL for none;
 *	stays as long as the view, and changes at any time
 */
void virtio_mmr_view_init(struct virtio_mmr_view *view, const struct virtio_mmr_scan *scan,
			  const struct virtio_mmr_interrupt *interrupt)
{
	unsigned int slot;

	*view = (struct virtio_mmr_view){
		.scan = scan,
		.interrupt = scan->can_interrupt ? interrupt : NULL,
		.io_bar_size = virtio_mmr_io_bar_size(scan->cap.length),
	};
	view->bars[0] = (struct virtio_mmr_view_bar){
		.is_provided = true,
		.size = view->io_bar_size,
		.type = PCI_BASE_ADDRESS_SPACE_IO,
	};
	/* The upper half of a BAR0 that is no longer there */
	if (scan->function.bar_kind[1] == VIRTIO_MMR_BAR_UPPER_HALF)
		view->bars[1].is_provided = true;
	if (scan->placement.fate == VIRTIO_MMR_BAR0_MOVED)
		view->bars[scan->placement.slot] = (struct virtio_mmr_view_bar){
			.is_provided = true,
			.size = scan->function.bar_size[0],
			.type = PCI_BASE_ADDRESS_SPACE_MEMORY |
				PCI_BASE_ADDRESS_MEM_TYPE_32,
		};

	change(view, PCI_DEVICE_ID, 2);
	change(view, PCI_COMMAND, 1);
	change(view, PCI_REVISION_ID, 1);
	change(view, PCI_SUBSYSTEM_VENDOR_ID, 2);
	change(view, PCI_SUBSYSTEM_ID, 2);
	change(view, PCI_INTERRUPT_PIN, 1);
	if (view->interrupt) {
		change(view, PCI_STATUS, 1);
		change(view, scan->msix_flags + 1, 1);
	}
	for (slot = 0; slot < VIRTIO_MMR_NUM_BARS; slot++)
		if (view->bars[slot].is_provided)
			change(view, PCI_BASE_ADDRESS_0 + 4 * slot, 4);
	change_numbers(view);
}

/**
 * virtio_mmr_view_pin - the value of Interrupt Pin
 * @view: the view
 *
 * Return: 1, which is INTA, or 0 if the guest gets no INTx interrupt. A pin of the function
 * itself does not count.
 */
u8 virtio_mmr_view_pin(const struct virtio_mmr_view *view)
{
	return view->interrupt ? 1 : 0;
}

/**
 * virtio_mmr_view_reset - forget the values that the guest wrote, as at power-on
 * @view: the view
 */
void virtio_mmr_view_reset(struct virtio_mmr_view *view)
{
	unsigned int slot;

	for (slot = 0; slot < VIRTIO_MMR_NUM_BARS; slot++)
		view->bars[slot].address = 0;
	view->command_io = false;
}

static bool is_bar(unsigned int position)
{
	return position - PCI_BASE_ADDRESS_0 < NUM_BAR_BYTES;
}

static u8 read_bar(const struct virtio_mmr_view *view, unsigned int at)
{
	const struct virtio_mmr_view_bar *bar = &view->bars[at / 4];
	/* PCI 3.0, 6.2.5.1: the size shows in the bits that stay 0. All do for a size of 0. */
	u32 value = (bar->address & ~(bar->size - 1)) | bar->type;

	return value >> at % 4 * 8;
}

/* MSI-X is off for the guest while it serves INTx. */
static u8 read_msix_flags(const struct virtio_mmr_interrupt *interrupt, u8 byte)
{
	if (READ_ONCE(interrupt->engaged))
		byte &= ~((PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8);
	return byte;
}

/* BAR numbers: a byte in virtio's capabilities, and bits 2:0 in that of MSI-X */
static u8 read_number(const struct virtio_mmr_scan *scan, unsigned int position, u8 byte)
{
	u8 mask = PCI_MSIX_TABLE_BIR;

	if (virtio_mmr_fields_have(&scan->bar_fields, position))
		mask = 0xff;
	return (byte & ~mask) | virtio_mmr_guest_bar(&scan->placement, byte & mask);
}

/**
 * virtio_mmr_view_read - read a byte for the guest
 * @view: the view
 * @position: in configuration space, in bytes, any value
 * @byte: the function's byte at this position
 *
 * Return: the byte for the guest.
 */
u8 virtio_mmr_view_read(const struct virtio_mmr_view *view, unsigned int position, u8 byte)
{
	const struct virtio_mmr_identity *identity = view->scan->identity;

	if (!virtio_mmr_view_changes(view, position))
		return byte;
	if (is_bar(position))
		return read_bar(view, position - PCI_BASE_ADDRESS_0);

	switch (position) {
	case PCI_DEVICE_ID:
		return identity->guest_id & 0xff;
	case PCI_DEVICE_ID + 1:
		return identity->guest_id >> 8;
	case PCI_COMMAND:
		/* A function without I/O BARs may or may not keep the bit. */
		byte &= ~PCI_COMMAND_IO;
		return byte | (READ_ONCE(view->command_io) ? PCI_COMMAND_IO : 0);
	case PCI_REVISION_ID:
		return 0;
	case PCI_SUBSYSTEM_VENDOR_ID:
		return VIRTIO_MMR_VENDOR_ID & 0xff;
	case PCI_SUBSYSTEM_VENDOR_ID + 1:
		return VIRTIO_MMR_VENDOR_ID >> 8;
	/* Legacy drivers take the device type from it (virtio 1.4, 4.1.2.1). */
	case PCI_SUBSYSTEM_ID:
		return identity->virtio_id & 0xff;
	case PCI_SUBSYSTEM_ID + 1:
		return identity->virtio_id >> 8;
	case PCI_STATUS:
		byte &= ~PCI_STATUS_INTERRUPT;
		return byte | (virtio_mmr_interrupt_is_pending(view->interrupt) ?
			       PCI_STATUS_INTERRUPT : 0);
	case PCI_INTERRUPT_PIN:
		return virtio_mmr_view_pin(view);
	}
	if (view->interrupt && position == view->scan->msix_flags + 1u)
		return read_msix_flags(view->interrupt, byte);
	return read_number(view->scan, position, byte);
}

/**
 * virtio_mmr_view_owner - find the owner of a byte that the guest writes
 * @view: the view
 * @position: in configuration space, in bytes, any value
 *
 * Return: the owner.
 */
enum virtio_mmr_view_owner
virtio_mmr_view_owner(const struct virtio_mmr_view *view, unsigned int position)
{
	if (position == PCI_COMMAND || position == PCI_COMMAND + 1)
		return VIRTIO_MMR_VIEW_COMMAND;
	if (is_bar(position) && view->bars[(position - PCI_BASE_ADDRESS_0) / 4].is_provided)
		return VIRTIO_MMR_VIEW_BAR;
	/*
	 * The guest directs the window of the PCI_CFG capability by its own BAR numbers (virtio
	 * 1.4, 4.1.4.9).
	 */
	if (view->scan->placement.fate != VIRTIO_MMR_BAR0_ABSENT &&
	    virtio_mmr_fields_have(&view->scan->window_fields, position))
		return VIRTIO_MMR_VIEW_WINDOW;
	return VIRTIO_MMR_VIEW_FUNCTION;
}

/**
 * virtio_mmr_view_write - take a byte that the guest writes
 * @view: the view; writes and reads of its BAR registers exclude each other
 * @position: in configuration space, in bytes, any value
 * @byte: the byte
 *
 * Return: the byte for the function, unless the owner is VIRTIO_MMR_VIEW_BAR.
 */
u8 virtio_mmr_view_write(struct virtio_mmr_view *view, unsigned int position, u8 byte)
{
	unsigned int at = position - PCI_BASE_ADDRESS_0;
	unsigned int shift = at % 4 * 8;

	switch (virtio_mmr_view_owner(view, position)) {
	case VIRTIO_MMR_VIEW_FUNCTION:
		break;
	case VIRTIO_MMR_VIEW_COMMAND:
		if (position != PCI_COMMAND)
			break;
		WRITE_ONCE(view->command_io, byte & PCI_COMMAND_IO);
		return byte & ~PCI_COMMAND_IO;
	case VIRTIO_MMR_VIEW_BAR:
		view->bars[at / 4].address &= ~(0xffu << shift);
		view->bars[at / 4].address |= (u32)byte << shift;
		break;
	case VIRTIO_MMR_VIEW_WINDOW:
		return virtio_mmr_device_bar(&view->scan->placement, byte);
	}
	return byte;
}
