/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_VECTORS_H
#define VIRTIO_MMR_VECTORS_H

#include "interrupt.h"
#include "port.h"

/* All queues of a guest without MSI-X use this vector. */
#define VIRTIO_MMR_VECTOR_OF_QUEUES	0
/* Changes of the configuration use this one if the function has it, else that of the queues. */
#define VIRTIO_MMR_VECTOR_OF_CONFIG	1
#define VIRTIO_MMR_NUM_VECTORS		2

/* In place of a queue whose vector was refused */
#define VIRTIO_MMR_REFUSED_NONE		(-1)
#define VIRTIO_MMR_REFUSED_CONFIG	0x10000

/* What a write of the guest starts */
#define VIRTIO_MMR_STARTS_QUEUE		0x1	/* the device gets a queue */
#define VIRTIO_MMR_STARTS_DRIVER	0x2	/* the driver is ready (DRIVER_OK) */

/**
 * struct virtio_mmr_vectors - the function's vectors while they serve a guest's INTx interrupt
 * @count: vectors that serve it, 1 or 2
 * @config: the vector that the device uses for changes of its configuration, or
 *	VIRTIO_MMR_NO_VECTOR
 * @config_refused: the device has refused each vector for them, and the user was told
 * @queue_refused: the device has refused a vector for a queue since the last reset
 * @generation: config_generation of the modern common configuration at the last look
 * @queues_end: one more than the highest queue that has had an address since the last reset;
 *	counted before the vectors serve anything, too
 *
 * Registers lose their vectors at each reset, and there are many kinds of reset. So a vector is
 * written whenever the guest sets up the thing that it serves, and no reset needs care.
 */
struct virtio_mmr_vectors {
	unsigned int count;
	u16 config;
	bool config_refused;
	bool queue_refused;
	u8 generation;
	u32 queues_end;
};

unsigned int virtio_mmr_vectors_starts(u32 offset, const u8 *data, u32 count);
int virtio_mmr_vectors_written(struct virtio_mmr_vectors *vectors, bool engaged,
			       const struct virtio_mmr_port_ops *ops, void *context,
			       const struct virtio_mmr_piece *piece, const u8 *data);
int virtio_mmr_vectors_queue(struct virtio_mmr_vectors *vectors, bool engaged,
			     const struct virtio_mmr_port_ops *ops, void *context, u16 queue);
int virtio_mmr_vectors_enable(struct virtio_mmr_vectors *vectors, bool engaged,
			      const struct virtio_mmr_port_ops *ops, void *context, u32 shift,
			      u32 width, u32 value);
void virtio_mmr_vectors_reset(struct virtio_mmr_vectors *vectors);
int virtio_mmr_vectors_set_config(struct virtio_mmr_vectors *vectors,
				  const struct virtio_mmr_port_ops *ops, void *context);
int virtio_mmr_vectors_set_queue(struct virtio_mmr_vectors *vectors,
				 const struct virtio_mmr_port_ops *ops, void *context,
				 u16 queue, u16 vector);

/**
 * virtio_mmr_vectors_share - whether the queues and the configuration have the same vector
 * @vectors: the vectors
 *
 * Return: true if an interrupt of the queues' vector may mean a change of the configuration.
 */
static inline bool virtio_mmr_vectors_share(const struct virtio_mmr_vectors *vectors)
{
	return vectors->config == VIRTIO_MMR_VECTOR_OF_QUEUES;
}

/**
 * virtio_mmr_vectors_isr - find the bits that the driver does not know by itself
 * @vectors: the vectors
 *
 * The device's ISR status is the only place where they may be. A guest that polls a queue
 * without a vector finds it there.
 *
 * Return: VIRTIO_MMR_ISR_* bits, 0 as a rule.
 */
static inline u8 virtio_mmr_vectors_isr(const struct virtio_mmr_vectors *vectors)
{
	return (virtio_mmr_vectors_share(vectors) ? VIRTIO_MMR_ISR_CONFIG : 0) |
	       (vectors->queue_refused ? VIRTIO_MMR_ISR_QUEUE : 0);
}

#endif /* VIRTIO_MMR_VECTORS_H */
