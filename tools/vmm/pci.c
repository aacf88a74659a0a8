// SPDX-License-Identifier: GPL-2.0-or-later
/* Configuration mechanism 1, and the host bridge in slot 0. */
#include <string.h>

#include "pci.h"

#define ENABLE		0x80000000u
#define BUS_OR_FUNCTION	0x7fff0700u

/* Guests look for a host bridge before they believe in the bus. Red Hat gave out this ID. */
static const uint8_t bridge[16] = {
	0x36, 0x1b, 0x08, 0x00, 0, 0, 0, 0, 0, 0x00, 0x00, 0x06, 0, 0, 0, 0,
};

static void bridge_read(void *context, unsigned int position, uint8_t *data, unsigned int width)
{
	(void)context;
	memset(data, 0, width);
	if (position + width <= sizeof(bridge))
		memcpy(data, bridge + position, width);
}

static void bridge_write(void *context, unsigned int position, const uint8_t *data,
			 unsigned int width)
{
	(void)context;
	(void)position;
	(void)data;
	(void)width;
}

/**
 * pci_init - make a bus with a host bridge only
 * @pci: the bus
 */
void pci_init(struct pci *pci)
{
	memset(pci, 0, sizeof(*pci));
	pci->slots[0] = (struct pci_slot){ .read = bridge_read, .write = bridge_write };
}

/**
 * pci_has_port - whether an access is one of the mechanism
 * @port: first port
 * @width: 1, 2 or 4 bytes
 *
 * The address port exists for accesses of 4 bytes only; others pass by (PCI 3.0, 3.2.2.3.2).
 *
 * Return: true if it is.
 */
bool pci_has_port(uint16_t port, unsigned int width)
{
	if (port == PCI_PORT_ADDRESS)
		return width == 4;
	return port >= PCI_PORT_DATA && port + width <= PCI_PORT_DATA + 4u;
}

/* Returns the slot that the guest has chosen, or NULL. @position gets the byte in it. */
static const struct pci_slot *chosen(const struct pci *pci, uint16_t port, unsigned int width,
				     unsigned int *position)
{
	const struct pci_slot *slot = &pci->slots[pci->address >> 11 & (PCI_SLOTS - 1)];

	*position = (pci->address & 0xfc) + port - PCI_PORT_DATA;
	if (!(pci->address & ENABLE) || pci->address & BUS_OR_FUNCTION || !slot->read ||
	    *position % width)
		return NULL;
	return slot;
}

/**
 * pci_port_read - the guest reads a port of the mechanism
 * @pci: the bus
 * @port: first port
 * @data: where to put the bytes; all ones without a function
 * @width: their number, as for pci_has_port()
 */
void pci_port_read(struct pci *pci, uint16_t port, uint8_t *data, unsigned int width)
{
	const struct pci_slot *slot;
	unsigned int position;

	if (port == PCI_PORT_ADDRESS) {
		memcpy(data, &pci->address, sizeof(pci->address));
		return;
	}
	slot = chosen(pci, port, width, &position);
	if (slot)
		slot->read(slot->context, position, data, width);
	else
		memset(data, 0xff, width);
}

/**
 * pci_port_write - the guest writes a port of the mechanism
 * @pci: the bus
 * @port: first port
 * @data: the bytes
 * @width: their number, as for pci_has_port()
 */
void pci_port_write(struct pci *pci, uint16_t port, const uint8_t *data, unsigned int width)
{
	const struct pci_slot *slot;
	unsigned int position;

	if (port == PCI_PORT_ADDRESS) {
		memcpy(&pci->address, data, sizeof(pci->address));
		return;
	}
	slot = chosen(pci, port, width, &position);
	if (slot)
		slot->write(slot->context, position, data, width);
}
