/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_INTX_H
#define VIRTIO_MMR_INTX_H

#include <linux/mutex.h>
#include <linux/vfio.h>

#include "common.h"

/**
 * enum virtio_mmr_intx_event - events of the INTx interrupt, for a tracepoint
 * @VIRTIO_MMR_INTX_INTERRUPT: the function has interrupted
 * @VIRTIO_MMR_INTX_UNMASK: the user has unmasked or acknowledged
 * @VIRTIO_MMR_INTX_ENGAGE: the function's vectors serve the interrupt from now on
 * @VIRTIO_MMR_INTX_DISENGAGE: they do no longer
 */
enum virtio_mmr_intx_event {
	VIRTIO_MMR_INTX_INTERRUPT,
	VIRTIO_MMR_INTX_UNMASK,
	VIRTIO_MMR_INTX_ENGAGE,
	VIRTIO_MMR_INTX_DISENGAGE,
};

extern const struct attribute_group virtio_mmr_intx_group;

void virtio_mmr_intx_init(struct virtio_mmr_device *mmr);
void virtio_mmr_intx_open(struct virtio_mmr_device *mmr);
void virtio_mmr_intx_close(struct virtio_mmr_device *mmr);
long virtio_mmr_intx_set_irqs(struct virtio_mmr_device *mmr, struct vfio_irq_set *header,
			      const struct vfio_irq_set __user *argument);
void virtio_mmr_intx_raise(struct virtio_mmr_device *mmr, u8 isr);
void virtio_mmr_intx_disable(struct virtio_mmr_device *mmr, bool disabled);
void virtio_mmr_intx_device_reset(struct virtio_mmr_device *mmr);
void virtio_mmr_intx_hold(struct virtio_mmr_device *mmr, bool resetting);
u8 virtio_mmr_intx_read_isr(struct virtio_mmr_device *mmr, void __iomem *isr);
bool virtio_mmr_intx_start(struct virtio_mmr_device *mmr, unsigned int starts);
void virtio_mmr_intx_catch_up(struct virtio_mmr_device *mmr);

/**
 * virtio_mmr_intx_is_engaged - whether the function's vectors serve the guest's INTx interrupt
 * @mmr: the device; between virtio_mmr_access_begin() and its end the answer stays right
 *
 * Return: true if they do.
 */
static inline bool virtio_mmr_intx_is_engaged(const struct virtio_mmr_device *mmr)
{
	return READ_ONCE(mmr->intx.state.engaged);
}

/**
 * virtio_mmr_intx_needs_start - whether the guest's write takes the function's vectors
 * @mmr: the device, open; with igate held the answer stays right
 * @starts: things that the guest starts now, VIRTIO_MMR_STARTS_*
 *
 * Return: true for a queue if the interrupt is on and not engaged.
 */
static inline bool virtio_mmr_intx_needs_start(const struct virtio_mmr_device *mmr,
					       unsigned int starts)
{
	return starts & VIRTIO_MMR_STARTS_QUEUE && READ_ONCE(mmr->intx.on) &&
	       !virtio_mmr_intx_is_engaged(mmr);
}

/**
 * virtio_mmr_intx_is_started - whether the guest's write has its vectors already
 * @mmr: the device, open; with igate held the answer stays right
 * @starts: things that the guest starts now, VIRTIO_MMR_STARTS_*
 *
 * Return: true if it starts no queue, or if the interrupt is engaged.
 */
static inline bool virtio_mmr_intx_is_started(const struct virtio_mmr_device *mmr,
					      unsigned int starts)
{
	return !(starts & VIRTIO_MMR_STARTS_QUEUE) || virtio_mmr_intx_is_engaged(mmr);
}

#endif /* VIRTIO_MMR_INTX_H */
