/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_FUNCTION_H
#define VIRTIO_MMR_FUNCTION_H

#include "pure.h"

#define VIRTIO_MMR_NUM_BARS	6

enum virtio_mmr_bar_kind {
	VIRTIO_MMR_BAR_ABSENT,		/* not implemented or not assigned */
	VIRTIO_MMR_BAR_MEMORY,
	VIRTIO_MMR_BAR_IO,
	VIRTIO_MMR_BAR_UPPER_HALF,	/* of the 64-bit BAR before it */
};

/* Facts from a BAR register and its assignment */
#define VIRTIO_MMR_BAR_FLAG_MEMORY	0x01	/* else of I/O */
#define VIRTIO_MMR_BAR_FLAG_64_BIT	0x02
#define VIRTIO_MMR_BAR_FLAG_ASSIGNED	0x04	/* has an address */

/**
 * struct virtio_mmr_range - a part of a BAR
 * @bar: BAR number as found, 0 to 7
 * @offset: first byte in the BAR
 * @length: bytes, none if 0
 */
struct virtio_mmr_range {
	u8 bar;
	u32 offset;
	u32 length;
};

/**
 * struct virtio_mmr_function - the BARs and the MSI-X structures of a PCI function
 * @bar_kind: kind of each BAR
 * @bar_size: size of each memory or I/O BAR in bytes
 * @wide_bars: bit N is set if BAR N is a memory BAR of 64 bits
 * @has_msix: whether the function has the MSI-X capability
 * @msix_table: place of its vectors
 * @msix_pba: place of its pending bits
 */
struct virtio_mmr_function {
	enum virtio_mmr_bar_kind bar_kind[VIRTIO_MMR_NUM_BARS];
	u64 bar_size[VIRTIO_MMR_NUM_BARS];
	u8 wide_bars;
	bool has_msix;
	struct virtio_mmr_range msix_table;
	struct virtio_mmr_range msix_pba;
};

/* In the order in which virtio_mmr_cap_validate() checks them */
enum virtio_mmr_defect {
	VIRTIO_MMR_USABLE,
	VIRTIO_MMR_TRUNCATED,		/* runs out of config space */
	VIRTIO_MMR_VSEC_TOO_SHORT,
	VIRTIO_MMR_CFG_TYPE_UNKNOWN,
	VIRTIO_MMR_BAR_OUT_OF_RANGE,
	VIRTIO_MMR_BAR_IS_UPPER_HALF,
	VIRTIO_MMR_BAR_IS_IO,
	VIRTIO_MMR_BAR_UNASSIGNED,
	VIRTIO_MMR_OFFSET_UNALIGNED,
	VIRTIO_MMR_LENGTH_TOO_SHORT,
	VIRTIO_MMR_OUTSIDE_BAR,
	VIRTIO_MMR_OVER_MSIX,
};

enum virtio_mmr_defect
virtio_mmr_range_validate(const struct virtio_mmr_function *function,
			  u8 bar, u64 offset, u64 length);
void virtio_mmr_msix_decode(struct virtio_mmr_function *function, u16 flags,
			    u32 table, u32 pba);
const struct virtio_mmr_range *
virtio_mmr_msix_under(const struct virtio_mmr_function *function, u8 bar, u64 offset,
		      u64 length);
u32 virtio_mmr_min_length(const struct virtio_mmr_function *function);
void virtio_mmr_function_set_bar(struct virtio_mmr_function *function, unsigned int bar,
				 u64 size, unsigned int flags);

#endif /* VIRTIO_MMR_FUNCTION_H */
