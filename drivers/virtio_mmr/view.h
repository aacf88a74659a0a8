/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_VIEW_H
#define VIRTIO_MMR_VIEW_H

#include "interrupt.h"
#include "scan.h"

/**
 * struct virtio_mmr_view_bar - a BAR register that the view provides
 * @is_provided: the view provides the register; if not, the function does
 * @type: bits with the type of the BAR
 * @size: of the BAR in bytes, a power of two; 0 if the register reads 0
 * @address: the address that the guest wrote
 */
struct virtio_mmr_view_bar {
	bool is_provided;
	u8 type;
	u32 size;
	u32 address;
};

/**
 * struct virtio_mmr_view - the configuration space that the guest sees
 * @scan: of the function
 * @interrupt: the INTx interrupt that the guest gets, or NULL
 * @io_bar_size: of the I/O BAR, in bytes
 * @command_io: COMMAND.IO as the guest set it; may be read while it is written
 * @bars: the BAR registers
 * @changed: bytes that may read differently from those of the function
 */
struct virtio_mmr_view {
	const struct virtio_mmr_scan *scan;
	const struct virtio_mmr_interrupt *interrupt;
	u32 io_bar_size;
	bool command_io;
	struct virtio_mmr_view_bar bars[VIRTIO_MMR_NUM_BARS];
	struct virtio_mmr_fields changed;
};

/* How a byte that the guest writes is handled */
enum virtio_mmr_view_owner {
	VIRTIO_MMR_VIEW_FUNCTION,	/* the function gets it as it is */
	VIRTIO_MMR_VIEW_COMMAND,	/* both bytes; the function gets them without COMMAND.IO */
	VIRTIO_MMR_VIEW_BAR,		/* the function does not get it */
	VIRTIO_MMR_VIEW_WINDOW,		/* the function gets its own number of that BAR */
};

void virtio_mmr_view_init(struct virtio_mmr_view *view, const struct virtio_mmr_scan *scan,
			  const struct virtio_mmr_interrupt *interrupt);
u8 virtio_mmr_view_pin(const struct virtio_mmr_view *view);
void virtio_mmr_view_reset(struct virtio_mmr_view *view);
u8 virtio_mmr_view_read(const struct virtio_mmr_view *view, unsigned int position, u8 byte);
enum virtio_mmr_view_owner
virtio_mmr_view_owner(const struct virtio_mmr_view *view, unsigned int position);
u8 virtio_mmr_view_write(struct virtio_mmr_view *view, unsigned int position, u8 byte);

/**
 * virtio_mmr_view_changes - whether a byte may differ from the function's
 * @view: the view
 * @position: in configuration space, in bytes, any value
 *
 * Return: false if virtio_mmr_view_read() gives the function's byte.
 */
static inline bool virtio_mmr_view_changes(const struct virtio_mmr_view *view,
					   unsigned int position)
{
	return virtio_mmr_fields_have(&view->changed, position);
}

#endif /* VIRTIO_MMR_VIEW_H */
