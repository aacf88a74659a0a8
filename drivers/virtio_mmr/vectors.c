// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The vector registers of a device whose guest does not see them. The guest uses INTx, and the
 * function interrupts by MSI-X.
 */
#include "macros.h"
#include "vectors.h"

/* Bits of device status (virtio 1.4, 2.1) */
#define STATUS_DRIVER_OK	0x4

/* Returns whether the device took the vector. It answers with no vector if it did not. */
static bool set_vector(const struct virtio_mmr_port_ops *ops, void *context, u32 offset,
		       u16 vector)
{
	ops->write(context, offset, 2, vector);
	return ops->read(context, offset, 2) == vector;
}

/**
 * virtio_mmr_vectors_starts - find out whether a write makes the device live
 * @offset: of the guest's write in its I/O BAR, in bytes
 * @data: the bytes that it writes
 * @count: their number
 *
 * A device with queues and without DRIVER_OK is live as well: old drivers use their queues
 * first.
 *
 * Return: VIRTIO_MMR_STARTS_* bits.
 */
unsigned int virtio_mmr_vectors_starts(u32 offset, const u8 *data, u32 count)
{
	unsigned int starts = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		u32 at = offset + i;

		if (at >= VIRTIO_MMR_QUEUE_ADDRESS && at < VIRTIO_MMR_QUEUE_ADDRESS + 4 && data[i])
			starts |= VIRTIO_MMR_STARTS_QUEUE;
		if (at == VIRTIO_MMR_DEVICE_STATUS && data[i] & STATUS_DRIVER_OK)
			starts |= VIRTIO_MMR_STARTS_DRIVER;
	}
	return starts;
}

/**
 * virtio_mmr_vectors_reset - the device was reset, or the whole function
 * @vectors: the vectors
 *
 * The device has no queues and no vectors then, and changes of the configuration from before
 * are over.
 */
void virtio_mmr_vectors_reset(struct virtio_mmr_vectors *vectors)
{
	WRITE_ONCE(vectors->queues_end, 0);
	WRITE_ONCE(vectors->config, VIRTIO_MMR_NO_VECTOR);
	WRITE_ONCE(vectors->queue_refused, false);
}

/**
 * virtio_mmr_vectors_set_config - give the device a vector for changes of its configuration
 * @vectors: the vectors
 * @ops: how the registers are accessed; MSI-X is enabled
 * @context: for the operations
 *
 * A device that refuses a vector of its own may take the one of the queues. When
 * virtio_mmr_vectors_share() becomes true by this, the caller sets @generation.
 *
 * Return: VIRTIO_MMR_REFUSED_CONFIG at the first refusal, else VIRTIO_MMR_REFUSED_NONE. Drivers
 * write device status several times, and each time leads here.
 */
int virtio_mmr_vectors_set_config(struct virtio_mmr_vectors *vectors,
				  const struct virtio_mmr_port_ops *ops, void *context)
{
	u16 vector = VIRTIO_MMR_NO_VECTOR;

	if (vectors->count > VIRTIO_MMR_VECTOR_OF_CONFIG &&
	    set_vector(ops, context, VIRTIO_MMR_CONFIG_VECTOR, VIRTIO_MMR_VECTOR_OF_CONFIG))
		vector = VIRTIO_MMR_VECTOR_OF_CONFIG;
	else if (set_vector(ops, context, VIRTIO_MMR_CONFIG_VECTOR, VIRTIO_MMR_VECTOR_OF_QUEUES))
		vector = VIRTIO_MMR_VECTOR_OF_QUEUES;
	WRITE_ONCE(vectors->config, vector);
	if (vector != VIRTIO_MMR_NO_VECTOR || vectors->config_refused)
		return VIRTIO_MMR_REFUSED_NONE;
	vectors->config_refused = true;
	return VIRTIO_MMR_REFUSED_CONFIG;
}

/**
 * virtio_mmr_vectors_set_queue - give a queue its vector, or take it
 * @vectors: the vectors
 * @ops: how the registers are accessed; MSI-X is enabled
 * @context: for the operations
 * @queue: index; queue select keeps it
 * @vector: VIRTIO_MMR_VECTOR_OF_QUEUES or VIRTIO_MMR_NO_VECTOR
 *
 * A queue without an address is left alone.
 *
 * Return: VIRTIO_MMR_REFUSED_NONE, or @queue if the device refuses to use
 * VIRTIO_MMR_VECTOR_OF_QUEUES. Nothing depends on a device that keeps a vector.
 */
int virtio_mmr_vectors_set_queue(struct virtio_mmr_vectors *vectors,
				 const struct virtio_mmr_port_ops *ops, void *context,
				 u16 queue, u16 vector)
{
	ops->write(context, VIRTIO_MMR_QUEUE_SELECT, 2, queue);
	if (!ops->read(context, VIRTIO_MMR_QUEUE_ADDRESS, 4) ||
	    set_vector(ops, context, VIRTIO_MMR_QUEUE_VECTOR, vector) ||
	    vector == VIRTIO_MMR_NO_VECTOR)
		return VIRTIO_MMR_REFUSED_NONE;
	WRITE_ONCE(vectors->queue_refused, true);
	return queue;
}

/**
 * virtio_mmr_vectors_queue - the device gets the selected queue
 * @vectors: the vectors
 * @engaged: they serve the guest's INTx interrupt; if not, the call only counts the queue
 * @ops: how the registers are accessed
 * @context: for the operations
 * @queue: its index
 *
 * Return: VIRTIO_MMR_REFUSED_NONE, or the queue whose vector the device refuses.
 */
int virtio_mmr_vectors_queue(struct virtio_mmr_vectors *vectors, bool engaged,
			     const struct virtio_mmr_port_ops *ops, void *context, u16 queue)
{
	if (queue >= READ_ONCE(vectors->queues_end))
		WRITE_ONCE(vectors->queues_end, queue + 1);
	if (!engaged || set_vector(ops, context, VIRTIO_MMR_QUEUE_VECTOR,
				   VIRTIO_MMR_VECTOR_OF_QUEUES))
		return VIRTIO_MMR_REFUSED_NONE;
	WRITE_ONCE(vectors->queue_refused, true);
	return queue;
}

/**
 * virtio_mmr_vectors_enable - pass on a write of the guest that enables a modern queue, or not
 * @vectors: the vectors
 * @engaged: as in virtio_mmr_vectors_queue()
 * @ops: how the registers of the modern common configuration are accessed: VIRTIO_MMR_QUEUE_ADDRESS
 *	is queue_enable, which has two bytes
 * @context: for the operations
 * @shift: first byte of the register that the guest writes
 * @width: number of bytes
 * @value: what it writes
 *
 * A device may look at the vector when the queue is enabled, so the vector comes first. The device
 * gets the guest's width: a register of two bytes must not be written in parts.
 *
 * Return: as virtio_mmr_vectors_queue().
 */
int virtio_mmr_vectors_enable(struct virtio_mmr_vectors *vectors, bool engaged,
			      const struct virtio_mmr_port_ops *ops, void *context, u32 shift,
			      u32 width, u32 value)
{
	int refused = VIRTIO_MMR_REFUSED_NONE;

	if (value)
		refused = virtio_mmr_vectors_queue(vectors, engaged, ops, context,
						   ops->read(context, VIRTIO_MMR_QUEUE_SELECT, 2));
	ops->write(context, VIRTIO_MMR_QUEUE_ADDRESS + shift, width, value);
	return refused;
}

/* Queue select is that of the guest, and the queue may have lost its address. */
static int queue_written(struct virtio_mmr_vectors *vectors, bool engaged,
			 const struct virtio_mmr_port_ops *ops, void *context)
{
	u16 queue = ops->read(context, VIRTIO_MMR_QUEUE_SELECT, 2);

	if (!ops->read(context, VIRTIO_MMR_QUEUE_ADDRESS, 4))
		return VIRTIO_MMR_REFUSED_NONE;
	return virtio_mmr_vectors_queue(vectors, engaged, ops, context, queue);
}

/**
 * virtio_mmr_vectors_written - after a device access of the guest's write
 * @vectors: the vectors
 * @engaged: they serve the guest's INTx interrupt; if not, the call only counts the queues
 * @ops: how the registers are accessed
 * @context: for the operations
 * @piece: the access
 * @data: the bytes written, little-endian
 *
 * Return: VIRTIO_MMR_REFUSED_NONE, or the queue whose vector the device refuses, or
 * VIRTIO_MMR_REFUSED_CONFIG.
 */
int virtio_mmr_vectors_written(struct virtio_mmr_vectors *vectors, bool engaged,
			       const struct virtio_mmr_port_ops *ops, void *context,
			       const struct virtio_mmr_piece *piece, const u8 *data)
{
	if (virtio_mmr_piece_covers(piece, VIRTIO_MMR_QUEUE_ADDRESS, 4))
		return queue_written(vectors, engaged, ops, context);
	if (!virtio_mmr_piece_covers(piece, VIRTIO_MMR_DEVICE_STATUS, 1))
		return VIRTIO_MMR_REFUSED_NONE;
	if (!*data)
		virtio_mmr_vectors_reset(vectors);
	else if (engaged)
		return virtio_mmr_vectors_set_config(vectors, ops, context);
	return VIRTIO_MMR_REFUSED_NONE;
}
