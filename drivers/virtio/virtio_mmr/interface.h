/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_INTERFACE_H
#define VIRTIO_MMR_INTERFACE_H

#include "transport.h"

extern const struct virtio_mmr_interface virtio_mmr_legacy_interface;
extern const struct virtio_mmr_interface virtio_mmr_modern_interface;

void virtio_mmr_legacy_config(struct virtio_mmr_transport *transport, void *value,
			      unsigned int count);
const char *virtio_mmr_modern_obstacle(struct virtio_mmr_transport *transport);
bool virtio_mmr_may_have_vfs(struct virtio_mmr_transport *transport);
bool virtio_mmr_answers(struct virtio_mmr_transport *transport);
bool virtio_mmr_break_if_dead(struct virtio_mmr_transport *transport);
void virtio_mmr_report_needs_reset(struct virtio_mmr_transport *transport);
u8 virtio_mmr_get_status(struct virtio_device *vdev);
void virtio_mmr_set_status(struct virtio_device *vdev, u8 status);
bool virtio_mmr_uses_queues(struct virtio_mmr_transport *transport);
bool virtio_mmr_is_reset(struct virtio_mmr_transport *transport);
int virtio_mmr_check_addresses(struct virtio_mmr_transport *transport);
void virtio_mmr_keep_out(struct virtio_mmr_transport *transport, unsigned int index);
int virtio_mmr_reset_device(struct virtio_mmr_transport *transport);
void virtio_mmr_reset(struct virtio_device *vdev);
const char *virtio_mmr_bus_name(struct virtio_device *vdev);

#endif /* VIRTIO_MMR_INTERFACE_H */
