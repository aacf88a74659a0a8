// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fields of the device-specific configuration that stop the kernel if a device gives them values
 * that make no sense. The kernel's drivers do not look at those.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_scsi.h>

#include "limits.h"

struct limit {
	u32 type;
	unsigned int offset;
	unsigned int count;
	u32 most;
};

static const struct limit limits[] = {
	{
		/* The kernel has two names for it, and virtio_blk a BUG_ON() for a third one. */
		.type = VIRTIO_ID_BLOCK,
		.offset = offsetof(struct virtio_blk_config, wce),
		.count = sizeof_field(struct virtio_blk_config, wce),
		.most = 1,
	}, {
		/* The SCSI host has 16 bits for it. virtio_scsi has a BUG_ON() for what is lost. */
		.type = VIRTIO_ID_SCSI,
		.offset = offsetof(struct virtio_scsi_config, seg_max),
		.count = sizeof_field(struct virtio_scsi_config, seg_max),
		.most = U16_MAX,
	},
};

/**
 * virtio_mmr_limit - replace a value that the virtio driver could not bear
 * @transport: the device
 * @offset: of the field in the device-specific configuration, in bytes
 * @value: what the device gives, little-endian; the largest usable value if it is larger
 * @count: bytes of the field
 *
 * Reported once.
 */
void virtio_mmr_limit(struct virtio_mmr_transport *transport, unsigned int offset, void *value,
		      unsigned int count)
{
	const struct limit *limit;
	__le32 given = 0, most;

	for (limit = limits; limit < limits + ARRAY_SIZE(limits); limit++) {
		if (limit->type != transport->vdev.id.device || limit->offset != offset ||
		    limit->count != count)
			continue;
		memcpy(&given, value, count);
		if (le32_to_cpu(given) <= limit->most)
			return;
		most = cpu_to_le32(limit->most);
		memcpy(value, &most, count);
		if (!transport->limited)
			pci_warn(transport->pdev, "virtio %s: the field of %u bytes at 0x%x of the device configuration is 0x%x, which Linux cannot use; it is taken for 0x%x\n",
				 transport->scan.identity->name, count, offset,
				 le32_to_cpu(given), limit->most);
		transport->limited = true;
		return;
	}
}
