// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to the I/O BAR: the device accesses that they become, their order, reads after
 * writes, and resets.
 */
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/port.h"

FIXTURE(port)
{
	struct virtio_mmr_port port;
	u8 registers[0x40];
	/* One line for each device access */
	char log[1024];
};

static void note(struct _test_data_port *self, const char *what, u32 offset, u32 width, u32 value)
{
	size_t length = strlen(self->log);

	snprintf(self->log + length, sizeof(self->log) - length, "%s%x/%u=%x ", what, offset, width,
		 value);
}

static u32 device_read(void *context, u32 offset, u32 width)
{
	struct _test_data_port *self = context;
	u32 value = 0;

	if (offset % width || offset + width > sizeof(self->registers))
		abort();
	memcpy(&value, self->registers + offset, width);
	note(self, "r", offset, width, value);
	return value;
}

static void device_write(void *context, u32 offset, u32 width, u32 value)
{
	struct _test_data_port *self = context;

	if (offset % width || offset + width > sizeof(self->registers))
		abort();
	memcpy(self->registers + offset, &value, width);
	note(self, "w", offset, width, value);
}

static void device_notify(void *context, u16 queue)
{
	note(context, "n", 0, 2, queue);
}

static const struct virtio_mmr_port_ops device = {
	.read = device_read, .write = device_write, .notify = device_notify,
};

FIXTURE_SETUP(port)
{
	unsigned int i;

	self->port = (struct virtio_mmr_port){
		.ops = &device, .context = self, .length = sizeof(self->registers),
	};
	for (i = 0; i < sizeof(self->registers); i++)
		self->registers[i] = 0x80 + i;
}

FIXTURE_TEARDOWN(port) { }

#define EXPECT_ACCESSES(text) do { \
	EXPECT_STREQ(self->log, text); \
	self->log[0] = '\0'; \
} while (0)

TEST_F(port, reads)
{
	u8 data[16];

	virtio_mmr_port_read(&self->port, 0, data, 4);
	EXPECT_EQ(memcmp(data, "\x80\x81\x82\x83", 4), 0);
	EXPECT_ACCESSES("r0/4=83828180 ");
	/* Over four registers, each byte once */
	virtio_mmr_port_read(&self->port, 0x0e, data, 6);
	EXPECT_EQ(memcmp(data, "\x8e\x8f\x90\x91\x92\x93", 6), 0);
	EXPECT_ACCESSES("re/2=8f8e r10/2=9190 r12/1=92 r13/1=93 ");
	/* Not a byte beyond the guest's access */
	data[6] = 0;
	virtio_mmr_port_read(&self->port, 0x14, data, 6);
	EXPECT_EQ(memcmp(data, "\x94\x95\x96\x97\x98\x99\x00", 7), 0);
	EXPECT_ACCESSES("r14/4=97969594 r18/2=9998 ");
}

TEST_F(port, writes)
{
	u8 data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	virtio_mmr_port_write(&self->port, 0x14, data, 6);
	EXPECT_ACCESSES("w14/4=4030201 w18/2=605 ");
	virtio_mmr_port_write(&self->port, 0x19, data, 4);
	EXPECT_ACCESSES("w19/1=1 w1a/2=302 w1c/1=4 ");
}

TEST_F(port, beyond_the_window)
{
	u8 data[8];

	self->port.length = 0x18;
	virtio_mmr_port_read(&self->port, 0x14, data, 8);
	EXPECT_EQ(memcmp(data, "\x94\x95\x96\x97\xff\xff\xff\xff", 8), 0);
	EXPECT_ACCESSES("r14/4=97969594 ");
	/* In pieces of two bytes, and of one */
	memset(data, 0, sizeof(data));
	virtio_mmr_port_read(&self->port, 0x1c, data, 3);
	EXPECT_EQ(memcmp(data, "\xff\xff\xff\x00", 4), 0);
	EXPECT_ACCESSES("");
	virtio_mmr_port_write(&self->port, 0x18, data, 4);
	EXPECT_ACCESSES("");
}

TEST_F(port, vectors)
{
	u8 data[4] = { 1, 2, 3, 4 };

	self->port.layout.has_vectors = true;
	virtio_mmr_port_write(&self->port, 0x14, data, 4);
	EXPECT_ACCESSES("w14/2=201 w16/2=403 ");
}

TEST_F(port, notify)
{
	u8 data[4] = { 5, 1, 3, 0 };

	virtio_mmr_port_write(&self->port, 0x10, data, 2);
	EXPECT_ACCESSES("n0/2=105 ");
	/* Half of it is a write of the register, and no notification */
	virtio_mmr_port_write(&self->port, 0x10, data, 1);
	EXPECT_ACCESSES("w10/1=5 ");
	virtio_mmr_port_write(&self->port, 0x10, data, 3);
	EXPECT_ACCESSES("n0/2=105 w12/1=3 r12/1=3 ");
	/* A read of it is a read */
	virtio_mmr_port_read(&self->port, 0x10, data, 2);
	EXPECT_NE(self->log[0], 'n');
}

/* Queue address and device status are read back, others are not */
TEST_F(port, flush)
{
	u8 data[4] = { 1, 0, 0, 0 };
	u32 offset;

	for (offset = 0; offset < 0x14; offset++) {
		struct virtio_mmr_port_reset reset;
		bool flushed;

		reset = virtio_mmr_port_write(&self->port, offset, data, 1);
		flushed = strstr(self->log, "r12/1=");
		EXPECT_EQ(flushed, (offset >= 0x08 && offset < 0x0c) || offset == 0x12) {
			TH_LOG("at 0x%x: %s", offset, self->log);
		}
		EXPECT_FALSE(reset.asked);
		self->log[0] = '\0';
	}
}

TEST_F(port, reset)
{
	u8 data[4] = { 0, 0, 0, 0 };
	struct virtio_mmr_port_reset reset;

	reset = virtio_mmr_port_write(&self->port, 0x12, data, 1);
	EXPECT_TRUE(reset.asked);
	EXPECT_EQ(reset.status, 0);
	EXPECT_ACCESSES("w12/1=0 r12/1=0 ");

	/* Within a longer write */
	reset = virtio_mmr_port_write(&self->port, 0x10, data, 4);
	EXPECT_TRUE(reset.asked);
	EXPECT_ACCESSES("n0/2=0 w12/1=0 r12/1=0 w13/1=0 ");

	/* Zero elsewhere, and beyond a window that ends before */
	reset = virtio_mmr_port_write(&self->port, 0x08, data, 4);
	EXPECT_FALSE(reset.asked);
	self->port.length = 0x12;
	reset = virtio_mmr_port_write(&self->port, 0x12, data, 1);
	EXPECT_FALSE(reset.asked);
}

static u32 stuck_read(void *context, u32 offset, u32 width)
{
	device_read(context, offset, width);
	return 0x80;
}

/* The result shows a device that is not done yet */
TEST_F(port, reset_that_goes_on)
{
	const struct virtio_mmr_port_ops stuck = {
		.read = stuck_read, .write = device_write, .notify = device_notify,
	};
	struct virtio_mmr_port_reset reset;
	u8 data[2] = { 0, 0 };

	self->port.ops = &stuck;
	reset = virtio_mmr_port_write(&self->port, 0x12, data, 2);
	EXPECT_TRUE(reset.asked);
	EXPECT_EQ(reset.status, 0x80);
}

HARNESS_MAIN()
