/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_CAPABILITY_H
#define VIRTIO_MMR_CAPABILITY_H

#include "pure.h"

#define VIRTIO_MMR_NUM_BARS	6

/* Bytes of a capability that decoding looks at, in the longer form */
#define VIRTIO_MMR_CAP_MAX_SIZE	28

/* Bytes that the longest explanation of a defect takes, with its end */
#define VIRTIO_MMR_EXPLANATION_SIZE	160

enum virtio_mmr_bar_kind {
	VIRTIO_MMR_BAR_ABSENT,		/* not implemented or not assigned */
	VIRTIO_MMR_BAR_MEMORY,
	VIRTIO_MMR_BAR_IO,
	VIRTIO_MMR_BAR_UPPER_HALF,	/* of the 64-bit BAR before it */
};

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
 * struct virtio_mmr_function - what validation must know of a PCI function
 * @bar_kind: what each BAR is
 * @bar_size: size of each memory or I/O BAR in bytes
 * @has_msix: whether the function has the MSI-X capability
 * @msix_table: where its vectors are
 * @msix_pba: where its pending bits are
 */
struct virtio_mmr_function {
	enum virtio_mmr_bar_kind bar_kind[VIRTIO_MMR_NUM_BARS];
	u64 bar_size[VIRTIO_MMR_NUM_BARS];
	bool has_msix;
	struct virtio_mmr_range msix_table;
	struct virtio_mmr_range msix_pba;
};

/**
 * struct virtio_mmr_cap - a decoded MMR capability
 * @wrapped: has the VSEC header that PCIe requires
 * @claimed: says that it is one (cfg_type 10), also where it is cut off or too short to
 *	tell its form for sure
 * @vsec_length: VSEC length in bytes, zero unless @wrapped
 * @cfg_type: type of the structure it points to
 * @bar: BAR number as found, not validated by decoding
 * @offset: of the window in that BAR, in bytes
 * @length: of the window in bytes
 */
struct virtio_mmr_cap {
	bool wrapped;
	bool claimed;
	u16 vsec_length;
	u8 cfg_type;
	u8 bar;
	u64 offset;
	u64 length;
};

/* In the order in which virtio_mmr_cap_validate() looks */
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
virtio_mmr_cap_decode(struct virtio_mmr_cap *cap, const u8 *raw, size_t size);
enum virtio_mmr_defect
virtio_mmr_cap_validate(const struct virtio_mmr_cap *cap,
			const struct virtio_mmr_function *function);
enum virtio_mmr_defect
virtio_mmr_range_validate(const struct virtio_mmr_function *function,
			  u8 bar, u64 offset, u64 length);
void virtio_mmr_msix_decode(struct virtio_mmr_function *function, u16 flags,
			    u32 table, u32 pba);
const struct virtio_mmr_range *
virtio_mmr_msix_under(const struct virtio_mmr_function *function, u8 bar, u64 offset,
		      u64 length);
void virtio_mmr_cap_explain(char *text, size_t size, unsigned int position,
			    const struct virtio_mmr_cap *cap,
			    const struct virtio_mmr_function *function,
			    enum virtio_mmr_defect defect);
u32 virtio_mmr_min_length(const struct virtio_mmr_function *function);
u32 virtio_mmr_io_bar_size(u64 length);

#endif /* VIRTIO_MMR_CAPABILITY_H */
