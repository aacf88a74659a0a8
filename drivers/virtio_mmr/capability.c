// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The MMR extended capability: decoding and validation. All its values come from the device,
 * and are checked here before they become an address.
 */
#include <linux/virtio_mmr.h>

#include "capability.h"

/**
 * virtio_mmr_cap_decode - decode a capability of either form
 * @cap: where to store the result
 * @raw: the capability from its extended capability header on,
 *	virtio_mmr_cap_size() bytes or @size if that is less
 * @size: bytes from there to the end of configuration space
 *
 * The dword after the header shows the form, by its bits 31:20. In the wrapped form they are
 * the VSEC length (PCIe 7.9.5.2). In the bare form they are zero: padding and the upper half of
 * a small instance number.
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
	cap->vsec_length = virtio_mmr_get_le32(raw + start) >> VIRTIO_MMR_VSEC_LENGTH_SHIFT;
	cap->wrapped = cap->vsec_length != 0;
	/* A capability that fits neither form may be meant as either. */
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
	cap->offset = virtio_mmr_get_le64(body + VIRTIO_MMR_CAP_OFFSET);
	cap->length = virtio_mmr_get_le64(body + VIRTIO_MMR_CAP_LENGTH);
	return VIRTIO_MMR_USABLE;
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
 * virtio_mmr_cap_explain - describe the defect of a capability, for people
 * @text: where to store it, one line without its end
 * @size: of @text in bytes; VIRTIO_MMR_EXPLANATION_SIZE is always enough
 * @position: of the capability in configuration space, in bytes
 * @cap: the capability as decoded
 * @function: the function that has it
 * @defect: result of decoding or validation; for VIRTIO_MMR_USABLE the text is empty
 */
void virtio_mmr_cap_explain(char *text, size_t size, unsigned int position,
			    const struct virtio_mmr_cap *cap,
			    const struct virtio_mmr_function *function,
			    enum virtio_mmr_defect defect)
{
	const struct virtio_mmr_range *under;

	switch (defect) {
	case VIRTIO_MMR_USABLE:
		virtio_mmr_format(text, size, "%s", "");
		break;
	case VIRTIO_MMR_TRUNCATED:
		virtio_mmr_format(text, size,
				  "capability at 0x%x runs past the end of config space (VSEC length %u)",
				  position, cap->vsec_length);
		break;
	case VIRTIO_MMR_VSEC_TOO_SHORT:
		virtio_mmr_format(text, size,
				  "capability at 0x%x: VSEC length %u is less than %u (in a bare capability: padding is not 0 or id not below 16)",
				  position, cap->vsec_length, VIRTIO_MMR_VSEC_LENGTH_MIN);
		break;
	case VIRTIO_MMR_CFG_TYPE_UNKNOWN:
		virtio_mmr_format(text, size, "capability at 0x%x: cfg_type %u is not %u",
				  position, cap->cfg_type, VIRTIO_MMR_CFG_TYPE_LEGACY);
		break;
	case VIRTIO_MMR_BAR_OUT_OF_RANGE:
		virtio_mmr_format(text, size, "capability at 0x%x: there is no BAR %u",
				  position, cap->bar);
		break;
	case VIRTIO_MMR_BAR_IS_UPPER_HALF:
		virtio_mmr_format(text, size,
				  "capability at 0x%x: BAR %u is the upper half of a 64-bit BAR",
				  position, cap->bar);
		break;
	case VIRTIO_MMR_BAR_IS_IO:
		virtio_mmr_format(text, size, "capability at 0x%x: BAR %u is not a memory BAR",
				  position, cap->bar);
		break;
	case VIRTIO_MMR_BAR_UNASSIGNED:
		virtio_mmr_format(text, size, "capability at 0x%x: BAR %u is not assigned",
				  position, cap->bar);
		break;
	case VIRTIO_MMR_OFFSET_UNALIGNED:
		virtio_mmr_format(text, size,
				  "capability at 0x%x: offset 0x%llx is not a multiple of 4",
				  position, cap->offset);
		break;
	case VIRTIO_MMR_LENGTH_TOO_SHORT:
		virtio_mmr_format(text, size, "capability at 0x%x: length %llu is less than %u",
				  position, cap->length, virtio_mmr_min_length(function));
		break;
	case VIRTIO_MMR_OUTSIDE_BAR:
		virtio_mmr_format(text, size,
				  "capability at 0x%x: offset 0x%llx, length 0x%llx are not inside BAR %u of 0x%llx bytes",
				  position, cap->offset, cap->length, cap->bar,
				  function->bar_size[cap->bar]);
		break;
	case VIRTIO_MMR_OVER_MSIX:
		under = virtio_mmr_msix_under(function, cap->bar, cap->offset, cap->length);
		virtio_mmr_format(text, size,
				  "capability at 0x%x: offset 0x%llx, length 0x%llx in BAR %u overlap the MSI-X %s at 0x%x, length 0x%x",
				  position, cap->offset, cap->length, cap->bar,
				  under == &function->msix_pba ? "pending bits" : "table",
				  under->offset, under->length);
		break;
	}
}

/**
 * virtio_mmr_io_bar_size - size of the I/O BAR for a window
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
