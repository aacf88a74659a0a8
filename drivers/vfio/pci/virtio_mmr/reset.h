/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_RESET_H
#define VIRTIO_MMR_RESET_H

#include "common.h"

/**
 * enum virtio_mmr_reset_event - events of a reset, for a tracepoint
 * @VIRTIO_MMR_RESET_DEVICE: the user has written 0 to device status
 * @VIRTIO_MMR_RESET_DEVICE_STUCK: device status did not become 0 in time
 * @VIRTIO_MMR_RESET_FUNCTION_BEGIN: from here no access to the I/O BAR and no ioeventfd touches
 *	the function
 * @VIRTIO_MMR_RESET_FUNCTION_END: accesses and ioeventfds touch the function again
 */
enum virtio_mmr_reset_event {
	VIRTIO_MMR_RESET_DEVICE,
	VIRTIO_MMR_RESET_DEVICE_STUCK,
	VIRTIO_MMR_RESET_FUNCTION_BEGIN,
	VIRTIO_MMR_RESET_FUNCTION_END,
};

/**
 * struct virtio_mmr_resetter - a call that may reset the function with no access in flight
 * @node: in the list of the device
 * @task: the caller
 */
struct virtio_mmr_resetter {
	struct list_head node;
	struct task_struct *task;
};

void virtio_mmr_reset_report(struct virtio_mmr_device *mmr,
			     enum virtio_mmr_reset_event event);
void virtio_mmr_device_was_reset(struct virtio_mmr_device *mmr);
int virtio_mmr_wait_for_reset(struct virtio_mmr_device *mmr, bool awake);
int virtio_mmr_reset_open(struct virtio_mmr_device *mmr);
void virtio_mmr_reset_init(struct virtio_mmr_device *mmr);
void virtio_mmr_may_reset_begin(struct virtio_mmr_device *mmr,
				struct virtio_mmr_resetter *resetter);
void virtio_mmr_may_reset_end(struct virtio_mmr_device *mmr,
			      struct virtio_mmr_resetter *resetter);
extern const struct pci_error_handlers virtio_mmr_err_handlers;

#endif /* VIRTIO_MMR_RESET_H */
