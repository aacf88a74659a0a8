/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_DOORBELL_H
#define VIRTIO_MMR_DOORBELL_H

#include "scan.h"

/*
 * Time that the device may take for the reads of all doorbells, in nanoseconds (policy). It needs
 * microseconds for each. Time that the CPU spends elsewhere does not count.
 */
#define VIRTIO_MMR_DOORBELLS_NS		1000000000ull

enum virtio_mmr_doorbell_defect {
	VIRTIO_MMR_DOORBELL_USABLE,
	VIRTIO_MMR_DOORBELL_STATUS,		/* device status is not 0 after a reset */
	VIRTIO_MMR_DOORBELL_NUM_QUEUES,		/* none, or all ones */
	VIRTIO_MMR_DOORBELL_ODD_OR_OUTSIDE,	/* of the notification structure */
	VIRTIO_MMR_DOORBELL_OVER_MSIX,
	VIRTIO_MMR_DOORBELL_TOO_SLOW,		/* all reads took longer than the time above */
};

enum virtio_mmr_doorbell_defect
virtio_mmr_doorbell_judge(u8 status, u16 num_queues);
enum virtio_mmr_doorbell_defect
virtio_mmr_doorbell_place(const struct virtio_mmr_scan *scan, u16 notify_off, u64 *offset);
const char *virtio_mmr_doorbell_explain(enum virtio_mmr_doorbell_defect defect);

#endif /* VIRTIO_MMR_DOORBELL_H */
