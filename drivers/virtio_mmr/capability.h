/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_CAPABILITY_H
#define VIRTIO_MMR_CAPABILITY_H

#include <linux/virtio_mmr.h>

#include "function.h"

/* Bytes of a capability that decoding reads, in the longer form */
#define VIRTIO_MMR_CAP_MAX_SIZE	28

/* Size of the longest explanation of a defect in bytes, with its end */
#define VIRTIO_MMR_EXPLANATION_SIZE	160

/**
 * struct virtio_mmr_cap - a decoded MMR capability
 * @wrapped: has the VSEC header that PCIe requires
 * @claimed: claims to be one by cfg_type 10. Also set if it is cut off, or too short to show
 *	its form for sure
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

/**
 * virtio_mmr_cap_size - how much of a capability to read
 * @form: the dword after its extended capability header, which shows the form
 *
 * Return: bytes that decoding looks at, at most VIRTIO_MMR_CAP_MAX_SIZE.
 */
static inline unsigned int virtio_mmr_cap_size(u32 form)
{
	return VIRTIO_MMR_CAP_BODY_SIZE + (form >> VIRTIO_MMR_VSEC_LENGTH_SHIFT ?
					   VIRTIO_MMR_CAP_BODY_WRAPPED :
					   VIRTIO_MMR_CAP_BODY_BARE);
}

enum virtio_mmr_defect
virtio_mmr_cap_decode(struct virtio_mmr_cap *cap, const u8 *raw, size_t size);
enum virtio_mmr_defect
virtio_mmr_cap_validate(const struct virtio_mmr_cap *cap,
			const struct virtio_mmr_function *function);
void virtio_mmr_cap_explain(char *text, size_t size, unsigned int position,
			    const struct virtio_mmr_cap *cap,
			    const struct virtio_mmr_function *function,
			    enum virtio_mmr_defect defect);
u32 virtio_mmr_io_bar_size(u64 length);

#endif /* VIRTIO_MMR_CAPABILITY_H */
