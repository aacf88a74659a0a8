// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The MMR extended capability: decoding and validation. Everything in it comes
 * from the device and is checked here before it becomes an address.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>

#include "capability.h"

#define MSIX_VECTOR_SIZE	16

static u32 read_le32(const u8 *raw)
{
	return raw[0] | (u32)raw[1] << 8 | (u32)raw[2] << 16 | (u32)raw[3] << 24;
}

static u64 read_le64(const u8 *raw)
{
	return read_le32(raw) | (u64)read_le32(raw + 4) << 32;
}

/**
 * virtio_mmr_cap_decode - decode a capability of either form
 * @cap: where to store the result
 * @raw: the capability from its extended capability header on,
 *	VIRTIO_MMR_CAP_MAX_SIZE bytes or @size if that is less
 * @size: bytes from there to the end of configuration space
 *
 * The dword after the header tells the forms apart: its bits 31:20 are the
 * VSEC length in the wrapped form (PCIe 7.9.5.2) and zero in the bare one,
 * where they are the padding and the upper half of a small instance number.
 *
 * Return: VIRTIO_MMR_USABLE, or the defect that ended the decoding.
 */
enum virtio_mmr_defect
virtio_mmr_cap_decode(struct virtio_mmr_cap *cap, const u8 *raw, size_t size)
{
	const size_t wrapped_type = VIRTIO_MMR_CAP_BODY_WRAPPED + VIRTIO_MMR_CAP_CFG_TYPE;
	size_t start = VIRTIO_MMR_CAP_BODY_BARE;
	const u8 *body;

	*cap = (struct virtio_mmr_cap){};

	if (size < start + sizeof(u32))
		return VIRTIO_MMR_TRUNCATED;
	cap->vsec_length = read_le32(raw + start) >> VIRTIO_MMR_VSEC_LENGTH_SHIFT;
	cap->wrapped = cap->vsec_length != 0;
	/* What neither form fits may be meant as either. */
	cap->claimed = raw[start + VIRTIO_MMR_CAP_CFG_TYPE] == VIRTIO_MMR_CFG_TYPE_LEGACY ||
		       (size > wrapped_type && cap->vsec_length > wrapped_type &&
			raw[wrapped_type] == VIRTIO_MMR_CFG_TYPE_LEGACY);

	if (cap->vsec_length > size || size < start + VIRTIO_MMR_CAP_BODY_SIZE)
		return VIRTIO_MMR_TRUNCATED;
	if (cap->wrapped) {
		start = VIRTIO_MMR_CAP_BODY_WRAPPED;
		if (cap->vsec_length < VIRTIO_MMR_VSEC_LENGTH_MIN)
			return VIRTIO_MMR_VSEC_TOO_SHORT;
	}

	body = raw + start;
	cap->cfg_type = body[VIRTIO_MMR_CAP_CFG_TYPE];
	cap->claimed = cap->cfg_type == VIRTIO_MMR_CFG_TYPE_LEGACY;
	cap->bar = body[VIRTIO_MMR_CAP_BAR];
	cap->offset = read_le64(body + VIRTIO_MMR_CAP_OFFSET);
	cap->length = read_le64(body + VIRTIO_MMR_CAP_LENGTH);
	return VIRTIO_MMR_USABLE;
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
 * virtio_mmr_msix_decode - note where a function's MSI-X structures lie
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
 * virtio_mmr_msix_under - which MSI-X structure lies under a range of a BAR
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

/**
 * virtio_mmr_cap_validate - check a decoded capability
 * @cap: the capability
 * @function: the function that has it
 *
 * Return: VIRTIO_MMR_USABLE or the first defect.
 */
enum virtio_mmr_defect
virtio_mmr_cap_validate(const struct virtio_mmr_cap *cap,
			const struct virtio_mmr_function *function)
{
	enum virtio_mmr_defect defect;

	if (cap->cfg_type != VIRTIO_MMR_CFG_TYPE_LEGACY)
		return VIRTIO_MMR_CFG_TYPE_UNKNOWN;

	defect = virtio_mmr_range_validate(function, cap->bar, cap->offset,
					   cap->length);
	if (defect && defect != VIRTIO_MMR_OUTSIDE_BAR)
		return defect;
	if (cap->offset % 4)
		return VIRTIO_MMR_OFFSET_UNALIGNED;
	if (cap->length < virtio_mmr_min_length(function))
		return VIRTIO_MMR_LENGTH_TOO_SHORT;
	if (defect)
		return defect;
	if (virtio_mmr_msix_under(function, cap->bar, cap->offset, cap->length))
		return VIRTIO_MMR_OVER_MSIX;
	return VIRTIO_MMR_USABLE;
}

/**
 * virtio_mmr_cap_explain - say what is wrong with a capability, for people
 * @text: where to store it, one line without its end
 * @size: of @text in bytes; VIRTIO_MMR_EXPLANATION_SIZE is always enough
 * @position: of the capability in configuration space, in bytes
 * @cap: the capability as decoded
 * @function: the function that has it
 * @defect: what decoding or validation returned; for VIRTIO_MMR_USABLE the
 *	text is empty
 */
void virtio_mmr_cap_explain(char *text, size_t size, unsigned int position,
			    const struct virtio_mmr_cap *cap,
			    const struct virtio_mmr_function *function,
			    enum virtio_mmr_defect defect)
{
	const struct virtio_mmr_range *under;

	switch (defect) {
	case VIRTIO_MMR_USABLE:
		snprintf(text, size, "%s", "");
		break;
	case VIRTIO_MMR_TRUNCATED:
		snprintf(text, size,
			 "capability at 0x%x runs past the end of config space (VSEC length %u)",
			 position, cap->vsec_length);
		break;
	case VIRTIO_MMR_VSEC_TOO_SHORT:
		snprintf(text, size,
			 "capability at 0x%x: VSEC length %u is less than %u (in a bare capability: padding is not 0 or id not below 16)",
			 position, cap->vsec_length, VIRTIO_MMR_VSEC_LENGTH_MIN);
		break;
	case VIRTIO_MMR_CFG_TYPE_UNKNOWN:
		snprintf(text, size, "capability at 0x%x: cfg_type %u is not %u",
			 position, cap->cfg_type, VIRTIO_MMR_CFG_TYPE_LEGACY);
		break;
	case VIRTIO_MMR_BAR_OUT_OF_RANGE:
		snprintf(text, size, "capability at 0x%x: there is no BAR %u",
			 position, cap->bar);
		break;
	case VIRTIO_MMR_BAR_IS_UPPER_HALF:
		snprintf(text, size,
			 "capability at 0x%x: BAR %u is the upper half of a 64-bit BAR",
			 position, cap->bar);
		break;
	case VIRTIO_MMR_BAR_IS_IO:
		snprintf(text, size, "capability at 0x%x: BAR %u is not a memory BAR",
			 position, cap->bar);
		break;
	case VIRTIO_MMR_BAR_UNASSIGNED:
		snprintf(text, size, "capability at 0x%x: BAR %u is not assigned",
			 position, cap->bar);
		break;
	case VIRTIO_MMR_OFFSET_UNALIGNED:
		snprintf(text, size,
			 "capability at 0x%x: offset 0x%llx is not a multiple of 4",
			 position, cap->offset);
		break;
	case VIRTIO_MMR_LENGTH_TOO_SHORT:
		snprintf(text, size, "capability at 0x%x: length %llu is less than %u",
			 position, cap->length, virtio_mmr_min_length(function));
		break;
	case VIRTIO_MMR_OUTSIDE_BAR:
		snprintf(text, size,
			 "capability at 0x%x: offset 0x%llx, length 0x%llx are not inside BAR %u of 0x%llx bytes",
			 position, cap->offset, cap->length, cap->bar,
			 function->bar_size[cap->bar]);
		break;
	case VIRTIO_MMR_OVER_MSIX:
		under = virtio_mmr_msix_under(function, cap->bar, cap->offset, cap->length);
		snprintf(text, size,
			 "capability at 0x%x: offset 0x%llx, length 0x%llx in BAR %u overlap the MSI-X %s at 0x%x, length 0x%x",
			 position, cap->offset, cap->length, cap->bar,
			 under == &function->msix_pba ? "pending bits" : "table",
			 under ? under->offset : 0, under ? under->length : 0);
		break;
	}
}

/**
 * virtio_mmr_io_bar_size - size of the I/O BAR that shows a window
 * @length: of the window in bytes
 *
 * Return: @length rounded up to a power of two, within
 * VIRTIO_MMR_IO_BAR_SIZE_MIN and VIRTIO_MMR_IO_BAR_SIZE_MAX.
 */
u32 virtio_mmr_io_bar_size(u64 length)
{
	u32 size = VIRTIO_MMR_IO_BAR_SIZE_MIN;

	while (size < length && size < VIRTIO_MMR_IO_BAR_SIZE_MAX)
		size *= 2;
	return size;
}
