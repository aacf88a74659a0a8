// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vector registers of a device whose guest uses INTx. The model of a device has four queues,
 * and takes the vectors that a test allows.
 */
#include <stdlib.h>

#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/interrupt.h"
#include "virtio_mmr/vectors.h"

#define QUEUES	4
#define STATUS_ACKNOWLEDGE	1

FIXTURE(vectors)
{
	struct virtio_mmr_vectors vectors;
	u32 address[QUEUES];
	u16 vector[QUEUES];
	u16 select, config;
	/* The device takes vectors below this one for queues, and for its configuration */
	u16 queue_limit, config_limit;
	/* Its queues keep their vectors, whatever is written */
	bool is_hardwired;
	unsigned int writes;
	/* Of the modern interface; the vector that each queue had when it was enabled */
	u8 enabled[QUEUES][2];
	u16 seen[QUEUES];
	u32 width;
};

static u32 device_read(void *context, u32 offset, u32 width)
{
	struct _test_data_vectors *self = context;

	switch (offset | width << 8) {
	case VIRTIO_MMR_QUEUE_ADDRESS | 4 << 8:
		return self->select < QUEUES ? self->address[self->select] : 0;
	case VIRTIO_MMR_QUEUE_SELECT | 2 << 8:
		return self->select;
	case VIRTIO_MMR_CONFIG_VECTOR | 2 << 8:
		return self->config;
	case VIRTIO_MMR_QUEUE_VECTOR | 2 << 8:
		return self->select < QUEUES ? self->vector[self->select] : VIRTIO_MMR_NO_VECTOR;
	}
	abort();
}

static void device_write(void *context, u32 offset, u32 width, u32 value)
{
	struct _test_data_vectors *self = context;

	self->writes++;
	switch (offset | width << 8) {
	case VIRTIO_MMR_QUEUE_SELECT | 2 << 8:
		self->select = value;
		return;
	case VIRTIO_MMR_CONFIG_VECTOR | 2 << 8:
		self->config = value < self->config_limit ? value : VIRTIO_MMR_NO_VECTOR;
		return;
	case VIRTIO_MMR_QUEUE_VECTOR | 2 << 8:
		if (self->select < QUEUES && !self->is_hardwired)
			self->vector[self->select] =
				value < self->queue_limit ? value : VIRTIO_MMR_NO_VECTOR;
		return;
	}
	abort();
}

static const struct virtio_mmr_port_ops device = {
	.read = device_read, .write = device_write,
};

/* The same for the modern interface: queue_enable is in the place of the address */
static u32 modern_read(void *context, u32 offset, u32 width)
{
	struct _test_data_vectors *self = context;

	if (offset != VIRTIO_MMR_QUEUE_ADDRESS)
		return device_read(context, offset, width);
	return self->enabled[self->select][0] | self->enabled[self->select][1];
}

static void modern_write(void *context, u32 offset, u32 width, u32 value)
{
	struct _test_data_vectors *self = context;
	u32 i, shift = offset - VIRTIO_MMR_QUEUE_ADDRESS;

	if (shift >= 2) {
		device_write(context, offset, width, value);
		return;
	}
	if (!width || shift + width > 2 || value >> 8 * width)
		abort();
	self->width = width;
	for (i = 0; i < width; i++)
		self->enabled[self->select][shift + i] = value >> 8 * i;
	self->seen[self->select] = self->vector[self->select];
}

static const struct virtio_mmr_port_ops modern = {
	.read = modern_read, .write = modern_write,
};

FIXTURE_SETUP(vectors)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		self->vector[i] = VIRTIO_MMR_NO_VECTOR;
	self->config = VIRTIO_MMR_NO_VECTOR;
	self->queue_limit = 2;
	self->config_limit = 2;
	self->vectors = (struct virtio_mmr_vectors){
		.count = 2, .config = VIRTIO_MMR_NO_VECTOR,
	};
}

FIXTURE_TEARDOWN(vectors) { }

/* The guest's write of a whole register has reached the device */
static int written(struct _test_data_vectors *self, bool engaged, u32 offset, u32 width, u32 value)
{
	struct virtio_mmr_piece piece = {
		.target = VIRTIO_MMR_TARGET_REGISTER, .offset = offset, .width = width,
	};
	u8 data[4];

	virtio_mmr_put_le32(data, value);
	if (offset == VIRTIO_MMR_QUEUE_ADDRESS)
		self->address[self->select] = value;
	return virtio_mmr_vectors_written(&self->vectors, engaged, &device, self, &piece, data);
}

static unsigned int starts(u32 offset, u32 width, u32 value)
{
	u8 data[4];

	virtio_mmr_put_le32(data, value);
	return virtio_mmr_vectors_starts(offset, data, width);
}

TEST(makes_live)
{
	static const u8 all[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4 };

	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_ADDRESS, 4, 1), VIRTIO_MMR_STARTS_QUEUE);
	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_ADDRESS, 4, 0x01000000), VIRTIO_MMR_STARTS_QUEUE);
	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_ADDRESS + 3, 1, 1), VIRTIO_MMR_STARTS_QUEUE);
	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_ADDRESS, 4, 0), 0);
	/* The registers beside it */
	EXPECT_EQ(starts(VIRTIO_MMR_DRIVER_FEATURES, 4, 0xffffffff), 0);
	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_SIZE, 2, 0xffff), 0);
	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_SELECT, 4, 0xffffffff), 0);
	EXPECT_EQ(starts(VIRTIO_MMR_DEVICE_STATUS, 1, 0x4), VIRTIO_MMR_STARTS_DRIVER);
	EXPECT_EQ(starts(VIRTIO_MMR_DEVICE_STATUS, 1, 0x7), VIRTIO_MMR_STARTS_DRIVER);
	EXPECT_EQ(starts(VIRTIO_MMR_DEVICE_STATUS, 1, 0x83), 0);
	EXPECT_EQ(starts(VIRTIO_MMR_QUEUE_NOTIFY, 4, 0x00040000), VIRTIO_MMR_STARTS_DRIVER);
	EXPECT_EQ(starts(VIRTIO_MMR_ISR_STATUS, 1, 0x7), 0);
	/* From queue address to device status */
	EXPECT_EQ(virtio_mmr_vectors_starts(VIRTIO_MMR_QUEUE_ADDRESS, all, sizeof(all)),
		  VIRTIO_MMR_STARTS_QUEUE | VIRTIO_MMR_STARTS_DRIVER);
}

TEST_F(vectors, of_a_queue)
{
	self->select = 2;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 5), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vector[2], VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_EQ(self->vectors.queues_end, 3);
	/* A queue that goes needs no vector, and the others keep their number */
	self->writes = 0;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->writes, 0);
	self->select = 0;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 6), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vectors.queues_end, 3);
	/* Other registers have no vectors */
	self->writes = 0;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_SELECT, 2, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_SELECT, 2, 1), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_SIZE, 2, 1), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(written(self, true, VIRTIO_MMR_ISR_STATUS, 1, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->writes, 0);
	EXPECT_EQ(self->vectors.queues_end, 3);
	/* Each byte of the address counts */
	self->vector[0] = VIRTIO_MMR_NO_VECTOR;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 1, 7), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vector[0], VIRTIO_MMR_VECTOR_OF_QUEUES);
	self->vector[0] = VIRTIO_MMR_NO_VECTOR;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_ADDRESS + 3, 1, 7),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vector[0], VIRTIO_MMR_VECTOR_OF_QUEUES);
}

/* Queues count, and the guest's vectors are its own */
TEST_F(vectors, of_a_guest_with_msix)
{
	self->select = 1;
	EXPECT_EQ(written(self, false, VIRTIO_MMR_QUEUE_ADDRESS, 4, 5), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(written(self, false, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->writes, 0);
	EXPECT_EQ(self->vectors.queues_end, 2);
	EXPECT_EQ(written(self, false, VIRTIO_MMR_DEVICE_STATUS, 1, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vectors.queues_end, 0);
}

TEST_F(vectors, of_the_configuration)
{
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->config, VIRTIO_MMR_VECTOR_OF_CONFIG);
	EXPECT_EQ(self->vectors.config, VIRTIO_MMR_VECTOR_OF_CONFIG);
	EXPECT_FALSE(virtio_mmr_vectors_share(&self->vectors));
	/* A reset takes the register's value, and the next status gives it again */
	self->config = VIRTIO_MMR_NO_VECTOR;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->config, VIRTIO_MMR_NO_VECTOR);
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->config, VIRTIO_MMR_VECTOR_OF_CONFIG);
}

/* A host that has one vector to give, and a device that takes only one */
TEST_F(vectors, shared)
{
	self->vectors.count = 1;
	EXPECT_EQ(virtio_mmr_vectors_set_config(&self->vectors, &device, self),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->config, VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_TRUE(virtio_mmr_vectors_share(&self->vectors));

	self->vectors.count = 2;
	self->config_limit = 1;
	EXPECT_EQ(virtio_mmr_vectors_set_config(&self->vectors, &device, self),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->config, VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_TRUE(virtio_mmr_vectors_share(&self->vectors));
	/* Until a reset, after which the driver takes a new look at the generation */
	virtio_mmr_vectors_reset(&self->vectors);
	EXPECT_FALSE(virtio_mmr_vectors_share(&self->vectors));
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_TRUE(virtio_mmr_vectors_share(&self->vectors));
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_FALSE(virtio_mmr_vectors_share(&self->vectors));
}

TEST_F(vectors, refused)
{
	self->queue_limit = 0;
	self->config_limit = 0;
	self->select = 3;
	EXPECT_EQ(written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 5), 3);
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE),
		  VIRTIO_MMR_REFUSED_CONFIG);
	EXPECT_FALSE(virtio_mmr_vectors_share(&self->vectors));
	/* The first time only */
	EXPECT_EQ(written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE),
		  VIRTIO_MMR_REFUSED_NONE);
}

static int set_queue(struct _test_data_vectors *self, u16 queue, u16 vector)
{
	return virtio_mmr_vectors_set_queue(&self->vectors, &device, self, queue, vector);
}

/* Of queues that the guest set up before */
TEST_F(vectors, set_queue)
{
	self->address[1] = 7;
	EXPECT_EQ(set_queue(self, 1, VIRTIO_MMR_VECTOR_OF_QUEUES),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vector[1], VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_EQ(set_queue(self, 1, VIRTIO_MMR_NO_VECTOR),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vector[1], VIRTIO_MMR_NO_VECTOR);
	/* Not of a queue that has no address */
	EXPECT_EQ(set_queue(self, 2, VIRTIO_MMR_VECTOR_OF_QUEUES),
		  VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->vector[2], VIRTIO_MMR_NO_VECTOR);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), 0);
	self->queue_limit = 0;
	EXPECT_EQ(set_queue(self, 1, VIRTIO_MMR_VECTOR_OF_QUEUES), 1);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), VIRTIO_MMR_ISR_QUEUE);
}

/* Such a device interrupts as asked for, and nobody need know that it keeps the vector */
TEST_F(vectors, kept)
{
	self->address[1] = 7;
	self->vector[1] = VIRTIO_MMR_VECTOR_OF_QUEUES;
	self->is_hardwired = true;
	EXPECT_EQ(set_queue(self, 1, VIRTIO_MMR_VECTOR_OF_QUEUES), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(set_queue(self, 1, VIRTIO_MMR_NO_VECTOR), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_FALSE(self->vectors.queue_refused);
}

static int enable(struct _test_data_vectors *self, bool engaged, u32 shift, u32 width, u32 value)
{
	self->width = 0;
	return virtio_mmr_vectors_enable(&self->vectors, engaged, &modern, self, shift, width,
					 value);
}

/* The device sees the vector when the queue is enabled, by the guest's own write */
TEST_F(vectors, of_a_modern_queue)
{
	self->select = 2;
	EXPECT_EQ(enable(self, true, 0, 2, 1), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->seen[2], VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_EQ(self->width, 2);
	EXPECT_EQ(self->enabled[2][0], 1);
	EXPECT_EQ(self->vectors.queues_end, 3);
	/* By bytes, in either order */
	self->select = 1;
	EXPECT_EQ(enable(self, true, 1, 1, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->width, 1);
	EXPECT_EQ(self->vector[1], VIRTIO_MMR_NO_VECTOR);
	EXPECT_EQ(enable(self, true, 0, 1, 1), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->width, 1);
	EXPECT_EQ(self->seen[1], VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_EQ(self->enabled[1][0], 1);
	EXPECT_EQ(self->enabled[1][1], 0);
	EXPECT_EQ(self->vectors.queues_end, 3);
	/* Any bit */
	self->select = 3;
	EXPECT_EQ(enable(self, true, 1, 1, 0x80), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->enabled[3][1], 0x80);
	EXPECT_EQ(self->seen[3], VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_EQ(self->vectors.queues_end, 4);
}

TEST_F(vectors, of_a_modern_queue_that_is_not_enabled)
{
	EXPECT_EQ(enable(self, true, 0, 2, 0), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->width, 2);
	EXPECT_EQ(self->writes, 0);
	EXPECT_EQ(self->vectors.queues_end, 0);
	/* A guest with MSI-X: the queue counts */
	EXPECT_EQ(enable(self, false, 0, 2, 1), VIRTIO_MMR_REFUSED_NONE);
	EXPECT_EQ(self->enabled[0][0], 1);
	EXPECT_EQ(self->writes, 0);
	EXPECT_EQ(self->vectors.queues_end, 1);
	/* A refusal does not keep the queue from work */
	self->queue_limit = 0;
	self->select = 3;
	EXPECT_EQ(enable(self, true, 0, 2, 1), 3);
	EXPECT_EQ(self->enabled[3][0], 1);
}

/* Bits of the device's ISR status that no vector stands for */
TEST_F(vectors, isr)
{
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), 0);
	self->vectors.count = 1;
	written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_ACKNOWLEDGE);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), VIRTIO_MMR_ISR_CONFIG);
	written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 5);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), VIRTIO_MMR_ISR_CONFIG);
	self->queue_limit = 0;
	written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 5);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors),
		  VIRTIO_MMR_ISR_QUEUE | VIRTIO_MMR_ISR_CONFIG);
	/* Another queue that has a vector does not change that, and a reset does */
	self->queue_limit = 1;
	self->select = 1;
	written(self, true, VIRTIO_MMR_QUEUE_ADDRESS, 4, 6);
	EXPECT_NE(virtio_mmr_vectors_isr(&self->vectors) & VIRTIO_MMR_ISR_QUEUE, 0);
	written(self, true, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), 0);
	/* A guest's own vectors are its matter */
	self->queue_limit = 0;
	written(self, false, VIRTIO_MMR_QUEUE_ADDRESS, 4, 5);
	EXPECT_EQ(virtio_mmr_vectors_isr(&self->vectors), 0);
}

HARNESS_MAIN()
