/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUNCTION_H
#define FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio_mmr.h>

#include "machine.h"

#define FUNCTION_BARS		VIRTIO_MMR_NUM_BARS
/* The core's areas, cut by the table of MSI-X and by its pending bits */
#define FUNCTION_AREAS		(VIRTIO_MMR_MAX_AREAS + 2)
/* All functions together keep within KVM's 4096 routes. */
#define FUNCTION_VECTORS	480
/* KVM looks through them in turn: with more, an exit is cheaper (Documentation/benchmark.rst) */
#define FUNCTION_BELLS		24

/**
 * struct function_bar - a BAR of the function
 * @size: in bytes, 0 for none
 * @position: in the function's file
 * @mapping: of all of it, or NULL
 */
struct function_bar {
	uint64_t size;
	uint64_t position;
	uint8_t *mapping;
};

/**
 * struct function_place - a BAR as the guest has placed it
 * @address: in the guest
 * @on: the guest can reach it there
 * @areas: parts that are the guest's memory
 * @is_mapped: of each area
 * @num_areas: their number
 */
struct function_place {
	uint64_t address;
	bool on;
	struct virtio_mmr_area areas[FUNCTION_AREAS];
	bool is_mapped[FUNCTION_AREAS];
	unsigned int num_areas;
};

/**
 * struct function_vector - an entry of the guest's MSI-X table
 * @entry: its bytes: address, data, control
 * @is_attached: a signal of its eventfd interrupts the guest
 */
struct function_vector {
	uint8_t entry[16];
	bool is_attached;
};

/**
 * struct function_msix - MSI-X as the guest sees it
 * @control: upper byte of Message Control, as the guest wrote it
 * @count: number of vectors
 * @first_gsi: interrupt number of the first one
 * @eventfds: signals from the function
 * @vectors: the table
 */
struct function_msix {
	uint8_t control;
	unsigned int count;
	unsigned int first_gsi;
	int eventfds[FUNCTION_VECTORS];
	struct function_vector vectors[FUNCTION_VECTORS];
};

/**
 * struct function_intx - the interrupt of a guest without MSI-X
 * @irq: input of the I/O APIC
 * @state: state machine of the core
 * @vectors: vectors of the function that serve it
 * @is_modern: the guest's driver uses the modern interface
 * @sources: eventfds that the function signals
 * @trigger: eventfd that interrupts the guest
 * @resample: eventfd that is signalled by the guest's EOI
 */
struct function_intx {
	unsigned int irq;
	struct virtio_mmr_interrupt state;
	struct virtio_mmr_vectors vectors;
	bool is_modern;
	int sources[VIRTIO_MMR_NUM_VECTORS];
	int trigger;
	int resample;
};

/**
 * struct function_notify - notifications
 * @doorbells: place of each queue's doorbell in its BAR; NULL for the register Queue Notify
 * @num_doorbells: their number
 * @queues: queues whose notifications stay in the kernel
 * @eventfds: of these
 * @in_kvm: of these: KVM knows the port
 * @count: their number
 * @port: the port that KVM knows
 * @is_refused: the kernel takes no more of them
 */
struct function_notify {
	uint64_t *doorbells;
	unsigned int num_doorbells;
	uint16_t queues[FUNCTION_BELLS];
	int eventfds[FUNCTION_BELLS];
	bool in_kvm[FUNCTION_BELLS];
	unsigned int count;
	uint16_t port;
	bool is_refused;
};

/**
 * struct function - a transitional MMR function
 * @machine: that has it
 * @bdf: its name in the host
 * @slot: its place on the guest's bus
 * @device: file of VFIO
 * @by_driver: the project's driver serves it, with the I/O BAR, the view and INTx
 * @ports_position: place of the I/O BAR in @device, if @by_driver
 * @config_position: place of configuration space in @device
 * @power_fields: bytes of configuration space with a power state; a list may have several
 * @express_resets: those with the bit of PCI Express that resets the function
 * @af_resets: those with the bit of Advanced Features that does so
 * @bars: by its own numbers
 * @places: by the guest's numbers; the first one is of I/O
 * @command_memory: COMMAND.MEMORY as the guest wrote it
 * @has_vectors: MSI-X of the function is on
 * @request: eventfd that the host signals when it wants the function back
 * @error: eventfd that it signals after an error of the function
 * @scan: the core's knowledge of it
 * @view: the guest's configuration space
 * @msix: MSI-X for the guest
 * @intx: INTx for the guest
 * @notify: notifications
 */
struct function {
	struct machine *machine;
	char bdf[16];
	unsigned int slot;
	int device;
	bool by_driver;
	uint64_t ports_position;
	uint64_t config_position;
	struct virtio_mmr_fields power_fields;
	struct virtio_mmr_fields express_resets;
	struct virtio_mmr_fields af_resets;
	struct function_bar bars[FUNCTION_BARS];
	struct function_place places[FUNCTION_BARS];
	bool command_memory;
	bool has_vectors;
	int request;
	int error;
	struct virtio_mmr_scan scan;
	struct virtio_mmr_view view;
	struct function_msix msix;
	struct function_intx intx;
	struct function_notify notify;
};

void function_start(struct function *function);
uint64_t function_bar_read(struct function *function, unsigned int bar, uint64_t offset,
			   unsigned int width);
void function_bar_write(struct function *function, unsigned int bar, uint64_t offset,
			unsigned int width, uint64_t value);
void function_config_read(void *context, unsigned int position, uint8_t *data,
			  unsigned int width);
void function_config_write(void *context, unsigned int position, const uint8_t *data,
			   unsigned int width);
uint32_t function_config_dword(struct function *function, unsigned int position);
void function_enable_master(struct function *function);

extern const struct virtio_mmr_port_ops function_registers;

#endif /* FUNCTION_H */
