// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-specific configuration, for both interfaces. A device may answer only aligned accesses
 * of 1, 2 or 4 bytes, so a field of 8 bytes takes two (virtio 1.4, 4.1.3.1).
 */
#include <linux/io.h>
#include <linux/lockdep.h>
#include <linux/rwsem.h>
#include <linux/string.h>

#include "config.h"
#include "interface.h"

static unsigned int width_at(unsigned int offset, unsigned int left)
{
	if (!(offset % 4) && left >= 4)
		return 4;
	if (!(offset % 2) && left >= 2)
		return 2;
	return 1;
}

/**
 * virtio_mmr_config_has - whether the device has a field, and the field can be accessed
 * @transport: the device, with its config_lock held
 * @offset: of the field in the device-specific configuration, in bytes
 * @count: bytes of the field
 * @length: of the device's configuration, in bytes
 *
 * A device that has the feature of a field, and not the field, is reported once.
 *
 * Return: true if all of the field is there, and the function is not being reset.
 */
bool virtio_mmr_config_has(struct virtio_mmr_transport *transport, unsigned int offset,
			   unsigned int count, u64 length)
{
	lockdep_assert_held(&transport->config_lock);
	if (transport->away)
		return false;
	if ((u64)offset + count <= length)
		return true;
	if (!transport->short_config)
		pci_warn(transport->pdev, "virtio %s reads a field of %u bytes at 0x%x of a device configuration of 0x%llx bytes, and gets zeros; ask the vendor for other firmware\n",
			 transport->scan.identity->name, count, offset, length);
	transport->short_config = true;
	return false;
}

/**
 * virtio_mmr_config_hide - replace a value that no device has given
 * @transport: the device
 * @value: what was read; zeros if it is all ones and the function is gone
 * @count: bytes of @value
 *
 * Drivers trust some fields so much that a wild value stops the kernel.
 */
void virtio_mmr_config_hide(struct virtio_mmr_transport *transport, void *value,
			    unsigned int count)
{
	if (!memchr_inv(value, 0xff, count) && virtio_mmr_is_reset(transport))
		memset(value, 0, count);
}

/**
 * virtio_mmr_config_read - read a field
 * @from: start of the device-specific configuration, a multiple of 4
 * @to: where to store it, little-endian
 * @offset: of the field, in bytes
 * @count: bytes of the field
 */
void virtio_mmr_config_read(const void __iomem *from, void *to, unsigned int offset,
			    unsigned int count)
{
	while (count) {
		unsigned int width = width_at(offset, count);
		u8 byte;
		__le16 word;
		__le32 dword;

		switch (width) {
		case 4:
			dword = cpu_to_le32(ioread32(from + offset));
			memcpy(to, &dword, sizeof(dword));
			break;
		case 2:
			word = cpu_to_le16(ioread16(from + offset));
			memcpy(to, &word, sizeof(word));
			break;
		default:
			byte = ioread8(from + offset);
			memcpy(to, &byte, sizeof(byte));
		}
		to += width;
		offset += width;
		count -= width;
	}
}

/**
 * virtio_mmr_config_write - write a field
 * @to: start of the device-specific configuration, a multiple of 4
 * @from: the value, little-endian
 * @offset: of the field, in bytes
 * @count: bytes of the field
 */
void virtio_mmr_config_write(void __iomem *to, const void *from, unsigned int offset,
			     unsigned int count)
{
	while (count) {
		unsigned int width = width_at(offset, count);
		u8 byte;
		__le16 word;
		__le32 dword;

		switch (width) {
		case 4:
			memcpy(&dword, from, sizeof(dword));
			iowrite32(le32_to_cpu(dword), to + offset);
			break;
		case 2:
			memcpy(&word, from, sizeof(word));
			iowrite16(le16_to_cpu(word), to + offset);
			break;
		default:
			memcpy(&byte, from, sizeof(byte));
			iowrite8(byte, to + offset);
		}
		from += width;
		offset += width;
		count -= width;
	}
}
