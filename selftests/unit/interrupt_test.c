// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine of a guest's INTx interrupt: signals, and the values of ISR status.
 */
#include "kselftest_harness.h"

#include "lib/harness.h"
#include "virtio_mmr/interrupt.h"

#define QUEUE	VIRTIO_MMR_ISR_QUEUE
#define CONFIG	VIRTIO_MMR_ISR_CONFIG

FIXTURE(interrupt)
{
	struct virtio_mmr_interrupt interrupt;
};

FIXTURE_SETUP(interrupt)
{
	self->interrupt.engaged = true;
	EXPECT_FALSE(virtio_mmr_interrupt_connect(&self->interrupt, true));
}

FIXTURE_TEARDOWN(interrupt) { }

TEST_F(interrupt, signals_once_until_unmasked)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
}

/* An interrupt between the guest's read and its EOI, or no read at all */
TEST_F(interrupt, unmask_signals_again)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), CONFIG);
}

TEST_F(interrupt, bits_add_up)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE | CONFIG);
	/* A device may set any bits in its ISR status */
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, 0xfe));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), CONFIG);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, 0xfc));
}

/* An 8259 gets the EOI first. Both interrupts find a bit, and there is no third one. */
TEST_F(interrupt, each_signal_has_a_bit)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), CONFIG);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
}

/* A guest that reads until ISR status is clear comes to an end */
TEST_F(interrupt, bits_for_signals_are_limited)
{
	unsigned int i;

	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	for (i = 0; i < 100; i++)
		EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
}

TEST_F(interrupt, mask_holds)
{
	virtio_mmr_interrupt_mask(&self->interrupt);
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_TRUE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
}

TEST_F(interrupt, disable_holds)
{
	EXPECT_FALSE(virtio_mmr_interrupt_disable(&self->interrupt, true));
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_TRUE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_TRUE(virtio_mmr_interrupt_disable(&self->interrupt, false));
	EXPECT_FALSE(virtio_mmr_interrupt_disable(&self->interrupt, false));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_FALSE(virtio_mmr_interrupt_is_pending(&self->interrupt));
}

/* The next receiver gets what came while there was none */
TEST_F(interrupt, without_a_receiver_it_stays_pending)
{
	EXPECT_FALSE(virtio_mmr_interrupt_connect(&self->interrupt, false));
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_TRUE(virtio_mmr_interrupt_connect(&self->interrupt, true));
	/* Not a second time for a new receiver: the user has not acknowledged the first one */
	EXPECT_FALSE(virtio_mmr_interrupt_connect(&self->interrupt, true));
}

TEST_F(interrupt, acknowledges_itself)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	virtio_mmr_interrupt_acknowledge(&self->interrupt);
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
}

/*
 * A device reset forgets the cause. The signal is still to be acknowledged, and the guest's
 * handler finds a bit for it, once.
 */
TEST_F(interrupt, reset)
{
	unsigned int i;

	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	for (i = 0; i < 3; i++) {
		virtio_mmr_interrupt_reset(&self->interrupt);
		EXPECT_FALSE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	}
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
}

/* The bit is for a signal that nobody has read or acknowledged, and for no other reason. */
TEST_F(interrupt, reset_without_an_outstanding_signal)
{
	/* Read before the reset */
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	virtio_mmr_interrupt_reset(&self->interrupt);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	/* Acknowledged before the read */
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	virtio_mmr_interrupt_reset(&self->interrupt);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	/* Masked without a signal */
	virtio_mmr_interrupt_mask(&self->interrupt);
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	virtio_mmr_interrupt_reset(&self->interrupt);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	/* Acknowledged before the reset: an 8259 that had its EOI twice */
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	virtio_mmr_interrupt_reset(&self->interrupt);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	/* Off and on again: the user has taken the signal back */
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	virtio_mmr_interrupt_reset(&self->interrupt);
	virtio_mmr_interrupt_off(&self->interrupt);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
}

/* A slow device interrupts until its reset is over, and nobody's handler waits for that */
TEST_F(interrupt, slow_reset)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	virtio_mmr_interrupt_hold(&self->interrupt, true);
	EXPECT_FALSE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_FALSE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	EXPECT_FALSE(virtio_mmr_interrupt_unmask(&self->interrupt));
	/* A reset of the function changes nothing */
	virtio_mmr_interrupt_reset(&self->interrupt);
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);

	virtio_mmr_interrupt_hold(&self->interrupt, false);
	EXPECT_FALSE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	/* The guest sets it up further */
	virtio_mmr_interrupt_hold(&self->interrupt, false);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), CONFIG);
}

/* The guest can still read what happened, and the next user of the interrupt starts anew */
TEST_F(interrupt, off)
{
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, QUEUE));
	virtio_mmr_interrupt_off(&self->interrupt);
	self->interrupt.engaged = false;
	EXPECT_FALSE(virtio_mmr_interrupt_is_pending(&self->interrupt));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), QUEUE);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
	EXPECT_FALSE(virtio_mmr_interrupt_connect(&self->interrupt, true));
	EXPECT_TRUE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));

	/* Nobody receives signals, and those from before need no bit */
	EXPECT_TRUE(virtio_mmr_interrupt_unmask(&self->interrupt));
	virtio_mmr_interrupt_off(&self->interrupt);
	EXPECT_FALSE(virtio_mmr_interrupt_raise(&self->interrupt, CONFIG));
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), CONFIG);
	EXPECT_EQ(virtio_mmr_interrupt_read(&self->interrupt), 0);
}

TEST_F(interrupt, guest_layout)
{
	struct virtio_mmr_layout device = { .has_vectors = true };

	EXPECT_FALSE(virtio_mmr_interrupt_guest_layout(&self->interrupt, &device).has_vectors);
	self->interrupt.engaged = false;
	EXPECT_TRUE(virtio_mmr_interrupt_guest_layout(&self->interrupt, &device).has_vectors);
	device.has_vectors = false;
	EXPECT_FALSE(virtio_mmr_interrupt_guest_layout(&self->interrupt, &device).has_vectors);
}

HARNESS_MAIN()
