// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The BARs of a function, and checks of places in them. The places come from the device, with
 * any value.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>

#include "function.h"

#define MSIX_VECTOR_SIZE	16

/**
 * virtio_mmr_function_set_bar - describe a BAR
 * @function: the function; its BARs before this one are set
 * @bar: number of the BAR, below VIRTIO_MMR_NUM_BARS
 * @size: in bytes, 0 if the function does not have it
 * @flags: VIRTIO_MMR_BAR_FLAG_*, ignored if @size is 0
 *
 * A usable 64-bit memory BAR takes the next BAR as its upper half. A BAR of size 0 or without
 * an address cannot be used.
 */
void virtio_mmr_function_set_bar(struct virtio_mmr_function *function, unsigned int bar,
				 u64 size, unsigned int flags)
{
	enum virtio_mmr_bar_kind kind = VIRTIO_MMR_BAR_IO;

	if (bar && function->wide_bars & 1 << (bar - 1))
		kind = VIRTIO_MMR_BAR_UPPER_HALF;
	else if (!size || !(flags & VIRTIO_MMR_BAR_FLAG_ASSIGNED))
		kind = VIRTIO_MMR_BAR_ABSENT;
	else if (flags & VIRTIO_MMR_BAR_FLAG_MEMORY)
		kind = VIRTIO_MMR_BAR_MEMORY;

	function->bar_kind[bar] = kind;
	function->bar_size[bar] = size;
	function->wide_bars &= ~(1 << bar);
	if (kind == VIRTIO_MMR_BAR_MEMORY && flags & VIRTIO_MMR_BAR_FLAG_64_BIT)
		function->wide_bars |= 1 << bar;
}

/**
 * virtio_mmr_range_validate - check that a range lies in a memory BAR
 * @function: the function
 * @bar: BAR number, any value
 * @offset: first byte in the BAR, any value
 * @length: bytes, any value
 *
 * Return: VIRTIO_MMR_USABLE or the first defect.
 */
enum virtio_mmr_defect
virtio_mmr_range_validate(const struct virtio_mmr_function *function,
			  u8 bar, u64 offset, u64 length)
{
	u64 size;

	if (bar >= VIRTIO_MMR_NUM_BARS)
		return VIRTIO_MMR_BAR_OUT_OF_RANGE;

	switch (function->bar_kind[bar]) {
	case VIRTIO_MMR_BAR_UPPER_HALF:
		return VIRTIO_MMR_BAR_IS_UPPER_HALF;
	case VIRTIO_MMR_BAR_IO:
		return VIRTIO_MMR_BAR_IS_IO;
	case VIRTIO_MMR_BAR_ABSENT:
		return VIRTIO_MMR_BAR_UNASSIGNED;
	case VIRTIO_MMR_BAR_MEMORY:
		break;
	}

	/* Written so that no sum can overflow. */
	size = function->bar_size[bar];
	if (offset > size || length > size - offset)
		return VIRTIO_MMR_OUTSIDE_BAR;
	return VIRTIO_MMR_USABLE;
}

/**
 * virtio_mmr_msix_decode - note the places of a function's MSI-X structures
 * @function: the function, which has the MSI-X capability
 * @flags: its Message Control
 * @table: its Table Offset and BIR
 * @pba: its PBA Offset and BIR
 */
void virtio_mmr_msix_decode(struct virtio_mmr_function *function, u16 flags,
			    u32 table, u32 pba)
{
	u32 vectors = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;

	function->has_msix = true;
	function->msix_table = (struct virtio_mmr_range){
		.bar = table & PCI_MSIX_TABLE_BIR,
		.offset = table & ~(u32)PCI_MSIX_TABLE_BIR,
		.length = vectors * MSIX_VECTOR_SIZE,
	};
	/* A bit for each vector, in whole numbers of 64 bits */
	function->msix_pba = (struct virtio_mmr_range){
		.bar = pba & PCI_MSIX_PBA_BIR,
		.offset = pba & ~(u32)PCI_MSIX_PBA_BIR,
		.length = (vectors + 63) / 64 * 8,
	};
}

static bool is_under(const struct virtio_mmr_range *range, u8 bar, u64 offset, u64 length)
{
	/* Ends are 33 bits at most; @offset + @length is never formed. */
	u64 end = (u64)range->offset + range->length;

	if (range->bar != bar || offset >= end)
		return false;
	return offset >= range->offset || length > range->offset - offset;
}

/**
 * virtio_mmr_msix_under - find the MSI-X structure under a range of a BAR
 * @function: the function
 * @bar: BAR number
 * @offset: first byte in the BAR, any value
 * @length: bytes, at least 1
 *
 * Return: &function->msix_table, &function->msix_pba, or NULL for neither.
 */
const struct virtio_mmr_range *
virtio_mmr_msix_under(const struct virtio_mmr_function *function, u8 bar, u64 offset,
		      u64 length)
{
	if (is_under(&function->msix_table, bar, offset, length))
		return &function->msix_table;
	if (is_under(&function->msix_pba, bar, offset, length))
		return &function->msix_pba;
	return NULL;
}

/**
 * virtio_mmr_min_length - shortest window that has all legacy registers
 * @function: the function
 *
 * Return: bytes.
 */
u32 virtio_mmr_min_length(const struct virtio_mmr_function *function)
{
	return function->has_msix ? VIRTIO_MMR_COMMON_SIZE_MSIX :
				    VIRTIO_MMR_COMMON_SIZE;
}

