// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * INTx for a guest that does not use MSI-X. VFs have no pin (PCI Express base specification,
 * 9.3.4.1.15). So the function interrupts by MSI-X, and this state machine decides when the
 * guest gets a signal, and the value of its ISR status.
 */
#include "interrupt.h"
#include "macros.h"

/* Two signals can be under way: the guest's EOI may come before its read of ISR status. */
#define MAX_OWED	2

static bool evaluate(struct virtio_mmr_interrupt *interrupt)
{
	if (!interrupt->isr || interrupt->masked || interrupt->disabled ||
	    !interrupt->connected)
		return false;
	interrupt->masked = true;
	if (interrupt->owed < MAX_OWED)
		interrupt->owed++;
	return true;
}

/* The guest has answered a signal from before a reset, with or without a read. */
static void end_mask(struct virtio_mmr_interrupt *interrupt)
{
	interrupt->masked = false;
	interrupt->stale = false;
}

/**
 * virtio_mmr_interrupt_raise - the function interrupts
 * @interrupt: the interrupt
 * @isr: what happened, VIRTIO_MMR_ISR_*
 *
 * Return: whether to signal the user now.
 */
bool virtio_mmr_interrupt_raise(struct virtio_mmr_interrupt *interrupt, u8 isr)
{
	if (interrupt->resetting)
		return false;
	isr &= VIRTIO_MMR_ISR_QUEUE | VIRTIO_MMR_ISR_CONFIG;
	WRITE_ONCE(interrupt->isr, interrupt->isr | isr);
	return evaluate(interrupt);
}

/**
 * virtio_mmr_interrupt_unmask - the user unmasks the interrupt, or acknowledges the signal
 * @interrupt: the interrupt
 *
 * If the guest has not read ISR status, the wire is still asserted, and a new signal follows.
 *
 * Return: whether to signal the user now.
 */
bool virtio_mmr_interrupt_unmask(struct virtio_mmr_interrupt *interrupt)
{
	end_mask(interrupt);
	return evaluate(interrupt);
}

/**
 * virtio_mmr_interrupt_acknowledge - the signal has acknowledged itself
 * @interrupt: the interrupt
 *
 * For a user that signals by the same thing that it unmasks by. Another signal now would
 * acknowledge itself as well, without end. So the next interrupt is the next one of the
 * function.
 */
void virtio_mmr_interrupt_acknowledge(struct virtio_mmr_interrupt *interrupt)
{
	end_mask(interrupt);
}

/**
 * virtio_mmr_interrupt_mask - the user masks the interrupt
 * @interrupt: the interrupt
 */
void virtio_mmr_interrupt_mask(struct virtio_mmr_interrupt *interrupt)
{
	interrupt->masked = true;
}

/**
 * virtio_mmr_interrupt_disable - the guest has written COMMAND
 * @interrupt: the interrupt
 * @disabled: COMMAND.INTX_DISABLE
 *
 * Return: whether to signal the user now.
 */
bool virtio_mmr_interrupt_disable(struct virtio_mmr_interrupt *interrupt, bool disabled)
{
	interrupt->disabled = disabled;
	return evaluate(interrupt);
}

/**
 * virtio_mmr_interrupt_connect - the user gives or takes the receiver of signals
 * @interrupt: the interrupt
 * @connected: whether there is a receiver
 *
 * Without a receiver the interrupt stays pending, and the next receiver gets it. That differs
 * from vfio-pci-core on purpose, which drops it.
 *
 * Return: whether to signal the user now.
 */
bool virtio_mmr_interrupt_connect(struct virtio_mmr_interrupt *interrupt, bool connected)
{
	interrupt->connected = connected;
	return evaluate(interrupt);
}

/**
 * virtio_mmr_interrupt_off - the user turns the interrupt off
 * @interrupt: the interrupt
 *
 * The guest can still read ISR status once. So it loses nothing if it polls from now on.
 */
void virtio_mmr_interrupt_off(struct virtio_mmr_interrupt *interrupt)
{
	interrupt->connected = false;
	end_mask(interrupt);
	interrupt->owed = 0;
}

/**
 * virtio_mmr_interrupt_reset - the device was reset
 * @interrupt: the interrupt
 *
 * A signal may be under way, which the user acknowledges later. So a mask stays. The guest's
 * line may be asserted as well until then, and its handler finds a bit once.
 */
void virtio_mmr_interrupt_reset(struct virtio_mmr_interrupt *interrupt)
{
	WRITE_ONCE(interrupt->isr, 0);
	if (interrupt->masked && interrupt->owed)
		interrupt->stale = true;
	interrupt->owed = 0;
}

/**
 * virtio_mmr_interrupt_hold - the guest resets the device, or sets it up
 * @interrupt: the interrupt
 * @resetting: it has written 0 to device status, and waits for the end of the reset by itself
 *
 * A modern driver does so. The device may interrupt until the end, and such an interrupt is
 * nobody's. The guest may have freed its handler, and a line that it shares would stay asserted.
 * So nothing counts until the guest writes another status, which it must do to use the device
 * again, or sets it up as a legacy driver. Call this before the device can see that.
 */
void virtio_mmr_interrupt_hold(struct virtio_mmr_interrupt *interrupt, bool resetting)
{
	if (resetting)
		virtio_mmr_interrupt_reset(interrupt);
	WRITE_ONCE(interrupt->resetting, resetting);
}

/**
 * virtio_mmr_interrupt_read - the guest reads ISR status, which clears it
 * @interrupt: the interrupt
 *
 * A wire would be deasserted now. An emulated interrupt controller learns that only from the
 * next EOI. With an 8259 the guest sends its EOI before it reads ISR status. Then
 * an event has two signals, and the second one finds ISR status clear. A signal from before a
 * reset finds it clear, too. Some guests do not acknowledge such an interrupt, and would never
 * get another one. So a read that belongs to a signal shows the bit of queues if no bit is set.
 *
 * Return: VIRTIO_MMR_ISR_*.
 */
u8 virtio_mmr_interrupt_read(struct virtio_mmr_interrupt *interrupt)
{
	u8 isr = interrupt->isr;

	WRITE_ONCE(interrupt->isr, 0);
	if (interrupt->owed)
		interrupt->owed--;
	else if (interrupt->stale)
		interrupt->stale = false;
	else
		return isr;
	return isr ? isr : VIRTIO_MMR_ISR_QUEUE;
}

/**
 * virtio_mmr_interrupt_is_pending - find the value of STATUS.INTERRUPT
 * @interrupt: the interrupt, which may change at the same time
 *
 * Return: whether the guest has not read ISR status since the function interrupted, regardless
 * of COMMAND.INTX_DISABLE (PCI 3.0, 6.2.3). False while the function interrupts by itself.
 */
bool virtio_mmr_interrupt_is_pending(const struct virtio_mmr_interrupt *interrupt)
{
	return READ_ONCE(interrupt->engaged) && READ_ONCE(interrupt->isr);
}
