/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_INTERRUPT_H
#define VIRTIO_MMR_INTERRUPT_H

#include "layout.h"

/* Bits of ISR status (virtio 1.4, 4.1.4.5) */
#define VIRTIO_MMR_ISR_QUEUE	0x1
#define VIRTIO_MMR_ISR_CONFIG	0x2

/* A register of a vector reads this if there is none (virtio 1.4, 4.1.5.1.2) */
#define VIRTIO_MMR_NO_VECTOR	0xffff

/**
 * struct virtio_mmr_interrupt - the INTx interrupt of a guest, made from vectors of MSI-X
 * @isr: ISR status for the guest, VIRTIO_MMR_ISR_*; may be read while it is written
 * @owed: signals that no read of ISR status belongs to yet, 2 at most
 * @stale: a signal from before the last reset of the device is still to be acknowledged, and no
 *	read belongs to it yet. Only while @masked, and @owed is 0 then.
 * @masked: the user has masked the interrupt, or has not acknowledged the last signal
 * @disabled: COMMAND.INTX_DISABLE as the guest set it
 * @connected: somebody receives signals
 * @engaged: the function's vectors serve this interrupt: MSI-X is enabled, and the guest does
 *	not see that; may be read while it is written
 * @resetting: the guest waits for the end of a reset of the device; may be read while it is
 *	written
 *
 * A function without a pin has no wire that could stay asserted. So the wire is: a bit of @isr
 * is set, and neither @masked nor @disabled are. It leads to one signal, which masks by itself,
 * as in vfio-pci-core. The owner of the structure excludes its users from each other.
 */
struct virtio_mmr_interrupt {
	u8 isr;
	u8 owed;
	bool stale;
	bool masked;
	bool disabled;
	bool connected;
	bool engaged;
	bool resetting;
};

bool virtio_mmr_interrupt_raise(struct virtio_mmr_interrupt *interrupt, u8 isr);
bool virtio_mmr_interrupt_unmask(struct virtio_mmr_interrupt *interrupt);
void virtio_mmr_interrupt_acknowledge(struct virtio_mmr_interrupt *interrupt);
void virtio_mmr_interrupt_mask(struct virtio_mmr_interrupt *interrupt);
bool virtio_mmr_interrupt_disable(struct virtio_mmr_interrupt *interrupt, bool disabled);
bool virtio_mmr_interrupt_connect(struct virtio_mmr_interrupt *interrupt, bool connected);
void virtio_mmr_interrupt_off(struct virtio_mmr_interrupt *interrupt);
void virtio_mmr_interrupt_reset(struct virtio_mmr_interrupt *interrupt);
void virtio_mmr_interrupt_hold(struct virtio_mmr_interrupt *interrupt, bool resetting);
u8 virtio_mmr_interrupt_read(struct virtio_mmr_interrupt *interrupt);
bool virtio_mmr_interrupt_is_pending(const struct virtio_mmr_interrupt *interrupt);

/**
 * virtio_mmr_interrupt_guest_layout - find the layout that the guest sees
 * @interrupt: of the function; @engaged does not change at the same time
 * @device: the layout that the device has now
 *
 * Return: the layout; without vectors if MSI-X is enabled only for @interrupt.
 */
static inline struct virtio_mmr_layout
virtio_mmr_interrupt_guest_layout(const struct virtio_mmr_interrupt *interrupt,
				  const struct virtio_mmr_layout *device)
{
	return (struct virtio_mmr_layout){
		.has_vectors = device->has_vectors && !interrupt->engaged,
	};
}

#endif /* VIRTIO_MMR_INTERRUPT_H */
