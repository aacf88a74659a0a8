/* SPDX-License-Identifier: ((GPL-2.0-or-later WITH Linux-syscall-note) OR MIT) */
/*
 * Transitional MMR virtio PCI functions: identification, the extended
 * capability, and the legacy registers that the capability points to.
 *
 * "Stated" below means: in the virtio-dev proposal "Introduce transitional mmr
 * pci device" (31 March 2023) or in virtio 1.4. "Policy" means this project's
 * reading where both are silent. Documentation/device.rst has the whole
 * contract.
 */
#ifndef _UAPI_LINUX_VIRTIO_MMR_H
#define _UAPI_LINUX_VIRTIO_MMR_H

#define VIRTIO_MMR_VENDOR_ID		0x1af4

/*
 * PCI device IDs of MMR functions. The range is stated. The type of each ID is
 * policy. The comments have the virtio device ID, and the transitional PCI
 * device ID that the guest sees (virtio 1.4, 4.1.2 and 5).
 */
#define VIRTIO_MMR_DEVICE_NET		0x10f9	/* virtio  1, guest sees 0x1000 */
#define VIRTIO_MMR_DEVICE_BLOCK		0x10fa	/* virtio  2, guest sees 0x1001 */
#define VIRTIO_MMR_DEVICE_BALLOON	0x10fb	/* virtio  5, guest sees 0x1002 */
#define VIRTIO_MMR_DEVICE_CONSOLE	0x10fc	/* virtio  3, guest sees 0x1003 */
#define VIRTIO_MMR_DEVICE_SCSI		0x10fd	/* virtio  8, guest sees 0x1004 */
#define VIRTIO_MMR_DEVICE_RNG		0x10fe	/* virtio  4, guest sees 0x1005 */
#define VIRTIO_MMR_DEVICE_9P		0x10ff	/* virtio  9, guest sees 0x1009 */

/* PCIe extended capability ID (vendor specific, PCIe 7.9.5) */
#define VIRTIO_MMR_EXT_CAP_ID		0x000b

/*
 * Start of the capability's body, in bytes from its extended capability header.
 * The bare form is the proposal's layout. The wrapped form has the VSEC header
 * dword before the body. PCIe requires it of every capability with this ID.
 */
#define VIRTIO_MMR_CAP_BODY_BARE	0x04
#define VIRTIO_MMR_CAP_BODY_WRAPPED	0x08

/* The body: offsets in bytes, all fields little-endian */
#define VIRTIO_MMR_CAP_CFG_TYPE		0x00	/* 8 bits */
#define VIRTIO_MMR_CAP_BAR		0x01	/* 8 bits, 0..5 */
#define VIRTIO_MMR_CAP_INSTANCE		0x02	/* 8 bits, tells capabilities apart */
#define VIRTIO_MMR_CAP_PADDING		0x03	/* 8 bits, zero */
#define VIRTIO_MMR_CAP_OFFSET		0x04	/* 64 bits, bytes into the BAR */
#define VIRTIO_MMR_CAP_LENGTH		0x0c	/* 64 bits, bytes */
#define VIRTIO_MMR_CAP_BODY_SIZE	0x14

/* VSEC header dword of the wrapped form (PCIe 7.9.5.2) */
#define VIRTIO_MMR_VSEC_LENGTH_SHIFT	20
#define VIRTIO_MMR_VSEC_LENGTH_MIN \
	(VIRTIO_MMR_CAP_BODY_WRAPPED + VIRTIO_MMR_CAP_BODY_SIZE)

/* cfg_type of the legacy registers; unassigned in virtio 1.4 */
#define VIRTIO_MMR_CFG_TYPE_LEGACY	10

/*
 * Legacy registers (virtio 1.4, 4.1.4.10), as offsets in bytes from the start of
 * the window. The two vector registers exist only while MSI-X is enabled. Without
 * them the device-specific configuration starts at VIRTIO_MMR_CONFIG_VECTOR.
 */
#define VIRTIO_MMR_DEVICE_FEATURES	0x00	/* 32 bits, R */
#define VIRTIO_MMR_DRIVER_FEATURES	0x04	/* 32 bits, RW */
#define VIRTIO_MMR_QUEUE_ADDRESS	0x08	/* 32 bits, RW, 4096-byte pages */
#define VIRTIO_MMR_QUEUE_SIZE		0x0c	/* 16 bits, R, entries */
#define VIRTIO_MMR_QUEUE_SELECT		0x0e	/* 16 bits, RW, queue index */
#define VIRTIO_MMR_QUEUE_NOTIFY		0x10	/* 16 bits, RW, queue index */
#define VIRTIO_MMR_DEVICE_STATUS	0x12	/* 8 bits, RW, 0 resets */
#define VIRTIO_MMR_ISR_STATUS		0x13	/* 8 bits, R, reading clears */
#define VIRTIO_MMR_CONFIG_VECTOR	0x14	/* 16 bits, RW, with MSI-X */
#define VIRTIO_MMR_QUEUE_VECTOR		0x16	/* 16 bits, RW, with MSI-X */

/* Bytes before the device-specific configuration */
#define VIRTIO_MMR_COMMON_SIZE		0x14	/* MSI-X disabled */
#define VIRTIO_MMR_COMMON_SIZE_MSIX	0x18	/* MSI-X enabled */

/* Size of the I/O BAR shown to the guest, in bytes (policy; PCI's limit) */
#define VIRTIO_MMR_IO_BAR_SIZE_MIN	32
#define VIRTIO_MMR_IO_BAR_SIZE_MAX	256

#endif /* _UAPI_LINUX_VIRTIO_MMR_H */
