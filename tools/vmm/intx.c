// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INTx of a guest without MSI-X. The function has no pin. From the guest's first queue on its
 * vectors serve the interrupt: they signal this program, which asks the core's state machine, and
 * signals KVM.
 */
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>

#include "host.h"
#include "intx.h"
#include "message.h"
#include "modern.h"
#include "msix.h"

static void signal_guest(struct function *function)
{
	uint64_t one = 1;

	/* Full only if KVM does not read it, and then a signal is pending anyway. */
	if (write(function->intx.trigger, &one, sizeof(one)) < 0)
		return;
}

static bool drain(int eventfd)
{
	uint64_t count;

	return read(eventfd, &count, sizeof(count)) == sizeof(count);
}

static const struct virtio_mmr_port_ops *registers_of(const struct function *function)
{
	return function->intx.is_modern ? &modern_registers : &function_registers;
}

static uint8_t generation(struct function *function)
{
	return function_bar_read(function, function->scan.common_config.bar,
				 function->scan.common_config.offset +
				 VIRTIO_PCI_COMMON_CFGGENERATION, 1);
}

/**
 * intx_refused - report something that gets no interrupts
 * @function: the function
 * @refused: a queue, VIRTIO_MMR_REFUSED_CONFIG, or VIRTIO_MMR_REFUSED_NONE for nothing
 */
void intx_refused(struct function *function, int refused)
{
	if (refused == VIRTIO_MMR_REFUSED_CONFIG)
		message("%s: the guest learns nothing of changes of the configuration, the device refuses MSI-X vector %u; a guest that uses MSI-X may help",
			function->bdf, VIRTIO_MMR_VECTOR_OF_QUEUES);
	else if (refused != VIRTIO_MMR_REFUSED_NONE)
		message("%s: queue %d gets no interrupts, the device refuses MSI-X vector %u; a guest that polls or uses MSI-X may help",
			function->bdf, refused, VIRTIO_MMR_VECTOR_OF_QUEUES);
}

/* All queues with an address get @vector. The guest's queue select is restored. */
static void set_queues(struct function *function, uint16_t vector)
{
	const struct virtio_mmr_port_ops *registers = registers_of(function);
	uint32_t end = function->intx.vectors.queues_end, queue;
	uint16_t selected;

	if (!end)
		return;
	selected = registers->read(function, VIRTIO_MMR_QUEUE_SELECT, 2);
	for (queue = 0; queue < end; queue++)
		intx_refused(function, virtio_mmr_vectors_set_queue(&function->intx.vectors,
								    registers, function,
								    queue, vector));
	registers->write(function, VIRTIO_MMR_QUEUE_SELECT, 2, selected);
}

static void raise(struct function *function, uint8_t isr)
{
	if (isr && virtio_mmr_interrupt_raise(&function->intx.state, isr))
		signal_guest(function);
}

static bool take_vectors(struct function *function)
{
	struct function_intx *intx = &function->intx;
	int error = 0;

	for (intx->vectors.count = function->msix.count < VIRTIO_MMR_NUM_VECTORS ?
				   function->msix.count : VIRTIO_MMR_NUM_VECTORS;
	     intx->vectors.count; intx->vectors.count--) {
		error = host_set_vectors(function->device, intx->sources, intx->vectors.count);
		if (!error)
			return true;
	}
	message("%s: the guest gets no INTx interrupts, the host gives no MSI-X vectors: error %d; fewer functions may help",
		function->bdf, -error);
	return false;
}

static void engage(struct function *function)
{
	struct function_intx *intx = &function->intx;
	uint8_t isr;

	if (!take_vectors(function))
		return;
	function->has_vectors = true;
	intx->state.engaged = true;
	/* An interrupt may have come before; a needless one does no harm. */
	isr = function_registers.read(function, VIRTIO_MMR_ISR_STATUS, 1);
	intx_refused(function, virtio_mmr_vectors_set_config(&intx->vectors, registers_of(function),
							     function));
	if (function->scan.has_common_config)
		intx->vectors.generation = generation(function);
	set_queues(function, VIRTIO_MMR_VECTOR_OF_QUEUES);
	if (intx->vectors.queues_end)
		isr |= VIRTIO_MMR_ISR_QUEUE;
	raise(function, isr);
}

/**
 * intx_begin - before the guest makes the device live
 * @function: the function
 * @starts: things that the guest starts now, VIRTIO_MMR_STARTS_*
 */
void intx_begin(struct function *function, unsigned int starts)
{
	if (!starts)
		return;
	function_enable_master(function);
	if (virtio_mmr_view_pin(&function->view) && !function->intx.state.engaged &&
	    !msix_is_on(function))
		engage(function);
}

static void give_back_vectors(struct function *function)
{
	const struct virtio_mmr_port_ops *registers = registers_of(function);

	/* The guest must not find vector numbers of the VMM. */
	registers->write(function, VIRTIO_MMR_CONFIG_VECTOR, 2, VIRTIO_MMR_NO_VECTOR);
	set_queues(function, VIRTIO_MMR_NO_VECTOR);
	function->intx.vectors.config = VIRTIO_MMR_NO_VECTOR;
	host_set_vectors(function->device, NULL, 0);
	function->has_vectors = false;
	function->intx.state.engaged = false;
}

/**
 * intx_release - the guest is about to use MSI-X
 * @function: the function
 */
void intx_release(struct function *function)
{
	if (function->by_driver)
		host_set_intx(function->device, -1, -1, false);
	if (function->intx.state.engaged)
		give_back_vectors(function);
	virtio_mmr_interrupt_off(&function->intx.state);
}

/* The driver has a pin, unless its administrator has hidden that. */
static void turn_on_driver(struct function *function)
{
	int error;

	if (!(function_config_dword(function, PCI_INTERRUPT_LINE) >> 8 & 0xff))
		return;
	/* The line may be shared, and ends of others' interrupts are not those of this one. */
	drain(function->intx.resample);
	error = host_set_intx(function->device, function->intx.trigger, function->intx.resample,
			      true);
	if (error)
		message("%s: the guest gets no INTx interrupts, the driver refuses them: error %d",
			function->bdf, -error);
}

/**
 * intx_take_over - the guest does not use MSI-X, or no more
 * @function: the function
 */
void intx_take_over(struct function *function)
{
	if (function->by_driver)
		turn_on_driver(function);
	/* While the guest used MSI-X its line was still, whatever it had not read. */
	if (virtio_mmr_interrupt_connect(&function->intx.state, true))
		signal_guest(function);
	if (virtio_mmr_view_pin(&function->view) && function->intx.vectors.queues_end)
		engage(function);
}

/**
 * intx_disable - the guest has written COMMAND
 * @function: the function
 * @disabled: COMMAND.INTX_DISABLE
 */
void intx_disable(struct function *function, bool disabled)
{
	if (virtio_mmr_interrupt_disable(&function->intx.state, disabled))
		signal_guest(function);
}

/* The first thread may not have come to signals from before, which are nobody's now. */
static void forget_signals(struct function *function)
{
	unsigned int vector;

	for (vector = 0; vector < VIRTIO_MMR_NUM_VECTORS; vector++)
		drain(function->intx.sources[vector]);
}

/**
 * intx_hold - before the guest resets the device, or sets it up
 * @function: the function
 * @resetting: it resets the device, and waits for the end of that by itself
 */
void intx_hold(struct function *function, bool resetting)
{
	if (!resetting && function->intx.state.resetting)
		forget_signals(function);
	virtio_mmr_interrupt_hold(&function->intx.state, resetting);
}

/**
 * intx_was_reset - the device was reset, or the whole function
 * @function: the function
 */
void intx_was_reset(struct function *function)
{
	forget_signals(function);
	virtio_mmr_interrupt_reset(&function->intx.state);
	virtio_mmr_vectors_reset(&function->intx.vectors);
	function->intx.is_modern = false;
}

/**
 * intx_read_isr - the guest reads ISR status
 * @function: the function
 * @bar: BAR with the device's ISR status
 * @offset: of it
 *
 * While MSI-X is on a device need not set its own (virtio 1.4, 4.1.4.5.1).
 *
 * Return: the value, which is cleared.
 */
uint8_t intx_read_isr(struct function *function, unsigned int bar, uint64_t offset)
{
	struct function_intx *intx = &function->intx;
	uint8_t value = 0, bits, now;

	if (intx->state.engaged || intx->state.isr)
		value = virtio_mmr_interrupt_read(&intx->state);
	if (!intx->state.engaged)
		return value | function_bar_read(function, bar, offset, 1);
	bits = virtio_mmr_vectors_isr(&intx->vectors);
	if (!bits)
		return value;
	/* With one vector for all, a change of the configuration shows in one of two ways */
	value |= function_bar_read(function, bar, offset, 1) & bits;
	if (bits & VIRTIO_MMR_ISR_CONFIG && function->scan.has_common_config) {
		now = generation(function);
		if (now != intx->vectors.generation)
			value |= VIRTIO_MMR_ISR_CONFIG;
		intx->vectors.generation = now;
	}
	return value;
}

/**
 * intx_signalled - a vector of the function has signalled
 * @function: the function
 * @vector: number of the vector
 */
void intx_signalled(struct function *function, unsigned int vector)
{
	if (drain(function->intx.sources[vector]) && function->intx.state.engaged)
		raise(function, vector == VIRTIO_MMR_VECTOR_OF_QUEUES ? VIRTIO_MMR_ISR_QUEUE :
									VIRTIO_MMR_ISR_CONFIG);
}

/**
 * intx_resampled - the guest has ended an interrupt
 * @function: the function
 */
void intx_resampled(struct function *function)
{
	if (drain(function->intx.resample) && virtio_mmr_interrupt_unmask(&function->intx.state))
		signal_guest(function);
}
