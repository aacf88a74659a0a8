// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI-X of the guest. The guest's table is here, and that of the function is the host's. Each
 * vector of the function signals an eventfd. While the guest has the vector unmasked, KVM makes
 * an interrupt of each signal. While it is masked, the eventfd keeps the signal.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "host.h"
#include "intx.h"
#include "message.h"
#include "msix.h"

#define ENABLE		(PCI_MSIX_FLAGS_ENABLE >> 8)
#define MASK_ALL	(PCI_MSIX_FLAGS_MASKALL >> 8)

/**
 * msix_read_control - the guest reads the upper byte of Message Control
 * @function: the function
 * @byte: the function's byte
 *
 * Return: the byte for the guest.
 */
uint8_t msix_read_control(const struct function *function, uint8_t byte)
{
	return (byte & ~(ENABLE | MASK_ALL)) | function->msix.control;
}

/**
 * msix_is_on - whether the guest uses MSI-X
 * @function: the function
 *
 * Return: true if it does.
 */
bool msix_is_on(const struct function *function)
{
	return function->msix.control & ENABLE;
}

static bool is_masked(const struct function *function, unsigned int vector)
{
	return (function->msix.control & (ENABLE | MASK_ALL)) != ENABLE ||
	       function->msix.vectors[vector].entry[PCI_MSIX_ENTRY_VECTOR_CTRL] &
	       PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static struct kvm_irq_routing_entry *route_of(const struct function *function,
					      unsigned int vector)
{
	unsigned int gsi = function->msix.first_gsi + vector;

	return &function->machine->routes->entries[MACHINE_ROUTES + gsi - MACHINE_INPUTS];
}

/* Gives the route of an unmasked vector the guest's message. Returns whether it has changed. */
static bool set_route(struct function *function, unsigned int vector)
{
	const uint8_t *entry = function->msix.vectors[vector].entry;
	struct kvm_irq_routing_entry *route = route_of(function, vector);
	uint32_t low = virtio_mmr_get_le32(entry + PCI_MSIX_ENTRY_LOWER_ADDR);
	uint32_t high = virtio_mmr_get_le32(entry + PCI_MSIX_ENTRY_UPPER_ADDR);
	uint32_t data = virtio_mmr_get_le32(entry + PCI_MSIX_ENTRY_DATA);

	if (route->u.msi.address_lo == low && route->u.msi.address_hi == high &&
	    route->u.msi.data == data)
		return false;
	route->u.msi.address_lo = low;
	route->u.msi.address_hi = high;
	route->u.msi.data = data;
	return true;
}

static void attach(struct function *function, unsigned int vector, bool on)
{
	struct function_vector *entry = &function->msix.vectors[vector];
	int error;

	if (entry->is_attached == on)
		return;
	error = host_signal_interrupts(function->machine->vm, function->msix.first_gsi + vector,
				       function->msix.eventfds[vector], -1, on);
	if (error)
		message("%s: vector %u does not interrupt, KVM refuses its eventfd: error %d",
			function->bdf, vector, -error);
	else
		entry->is_attached = on;
}

/* The guest may have changed vectors from @first to before @end. */
static void refresh(struct function *function, unsigned int first, unsigned int end)
{
	bool changed = function->machine->routes_are_stale;
	unsigned int vector;

	for (vector = first; vector < end; vector++)
		if (!is_masked(function, vector))
			changed |= set_route(function, vector);
	if (changed)
		machine_route(function->machine);
	for (vector = first; vector < end; vector++)
		attach(function, vector, !is_masked(function, vector));
}

static bool is_signalled(const struct function *function, unsigned int vector)
{
	struct pollfd poll_ = { .fd = function->msix.eventfds[vector], .events = POLLIN };

	return poll(&poll_, 1, 0) == 1;
}

static bool turn_on(struct function *function)
{
	unsigned int vector;
	uint64_t count;
	int error;

	/* Signals of an earlier use are nobody's. An empty eventfd has nothing to read. */
	for (vector = 0; vector < function->msix.count; vector++)
		while (read(function->msix.eventfds[vector], &count, sizeof(count)) > 0)
			;
	error = host_set_vectors(function->device, function->msix.eventfds, function->msix.count);
	if (!error)
		return true;
	message("%s: MSI-X stays off for the guest, the host gives no %u vectors: error %d; fewer functions may help",
		function->bdf, function->msix.count, -error);
	return false;
}

/**
 * msix_write_control - the guest writes the upper byte of Message Control
 * @function: the function
 * @byte: the byte
 */
void msix_write_control(struct function *function, uint8_t byte)
{
	bool was_on = msix_is_on(function), on = byte & ENABLE;

	if (on && !was_on) {
		intx_release(function);
		on = turn_on(function);
		/* The guest has no MSI-X, so it may still have INTx. */
		if (!on)
			intx_take_over(function);
	}
	function->msix.control = on ? byte & (ENABLE | MASK_ALL) : byte & MASK_ALL;
	refresh(function, 0, function->msix.count);
	if (!on && was_on) {
		host_set_vectors(function->device, NULL, 0);
		function->has_vectors = false;
		intx_take_over(function);
	} else {
		function->has_vectors |= on;
	}
}

static uint64_t table_size(const struct function *function)
{
	return function->scan.function.msix_table.length;
}

static uint64_t pba_size(const struct function *function)
{
	return function->scan.function.msix_pba.length;
}

/**
 * msix_covers - whether a place of a BAR belongs to the table or the pending bits
 * @function: the function
 * @bar: number, the function's
 * @offset: in the BAR
 *
 * Return: true if it does.
 */
bool msix_covers(const struct function *function, unsigned int bar, uint64_t offset)
{
	const struct virtio_mmr_function *facts = &function->scan.function;

	if (!facts->has_msix)
		return false;
	return (bar == facts->msix_table.bar &&
		offset - facts->msix_table.offset < table_size(function)) ||
	       (bar == facts->msix_pba.bar && offset - facts->msix_pba.offset < pba_size(function));
}

static uint8_t read_pending(const struct function *function, uint64_t byte)
{
	unsigned int bit, vector;
	uint8_t value = 0;

	for (bit = 0; bit < 8; bit++) {
		vector = byte * 8 + bit;
		if (vector < function->msix.count && is_masked(function, vector) &&
		    is_signalled(function, vector))
			value |= 1 << bit;
	}
	return value;
}

/**
 * msix_read - the guest reads from the table or the pending bits
 * @function: the function
 * @offset: in the BAR, where msix_covers() is true
 * @data: where to put the bytes
 * @width: their number
 */
void msix_read(const struct function *function, uint64_t offset, uint8_t *data,
	       unsigned int width)
{
	const struct virtio_mmr_function *facts = &function->scan.function;
	unsigned int i;

	for (i = 0; i < width; i++) {
		uint64_t at = offset + i - facts->msix_table.offset;

		if (at < table_size(function)) {
			data[i] = at / 16 < function->msix.count ?
				  function->msix.vectors[at / 16].entry[at % 16] : 0;
			continue;
		}
		at = offset + i - facts->msix_pba.offset;
		data[i] = at < pba_size(function) ? read_pending(function, at) : 0;
	}
}

/**
 * msix_write - the guest writes to the table
 * @function: the function
 * @offset: in the BAR, where msix_covers() is true; pending bits cannot be written
 * @data: the bytes
 * @width: their number
 */
void msix_write(struct function *function, uint64_t offset, const uint8_t *data,
		unsigned int width)
{
	uint64_t at = offset - function->scan.function.msix_table.offset;
	unsigned int i, vector = at / 16;

	if (at >= table_size(function) || vector >= function->msix.count)
		return;
	for (i = 0; i < width && at % 16 + i < 16; i++)
		function->msix.vectors[vector].entry[at % 16 + i] = data[i];
	/* The other bits of the control word stay 0. */
	memset(function->msix.vectors[vector].entry + PCI_MSIX_ENTRY_VECTOR_CTRL + 1, 0, 3);
	function->msix.vectors[vector].entry[PCI_MSIX_ENTRY_VECTOR_CTRL] &=
		PCI_MSIX_ENTRY_CTRL_MASKBIT;
	refresh(function, vector, vector + 1);
}

/**
 * msix_start - prepare the table; all vectors are masked
 * @function: the function, with the number of vectors, eventfds and the first GSI
 */
void msix_start(struct function *function)
{
	unsigned int vector;

	for (vector = 0; vector < function->msix.count; vector++) {
		struct kvm_irq_routing_entry *route = route_of(function, vector);

		function->msix.vectors[vector].entry[PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
		route->gsi = function->msix.first_gsi + vector;
		route->type = KVM_IRQ_ROUTING_MSI;
	}
}
