/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_PORT_ADDRESS	0xcf8
#define PCI_PORT_DATA		0xcfc
#define PCI_SLOTS		32

/**
 * struct pci_slot - function 0 of a device of bus 0
 * @read: gives 1, 2 or 4 bytes of configuration space, naturally aligned; NULL for an empty slot
 * @write: takes them
 * @context: for both
 */
struct pci_slot {
	void (*read)(void *context, unsigned int position, uint8_t *data, unsigned int width);
	void (*write)(void *context, unsigned int position, const uint8_t *data,
		      unsigned int width);
	void *context;
};

/**
 * struct pci - a bus with access by configuration mechanism 1 (PCI 3.0, 3.2.2.3.2)
 * @address: what the guest wrote to the address port
 * @slots: its devices
 */
struct pci {
	uint32_t address;
	struct pci_slot slots[PCI_SLOTS];
};

void pci_init(struct pci *pci);
bool pci_has_port(uint16_t port, unsigned int width);
void pci_port_read(struct pci *pci, uint16_t port, uint8_t *data, unsigned int width);
void pci_port_write(struct pci *pci, uint16_t port, const uint8_t *data, unsigned int width);

#endif /* PCI_H */
