/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions as sysfs and their configuration space describe them, judged by
 * the driver's own rules.
 */
#ifndef MMRCTL_FUNCTIONS_H
#define MMRCTL_FUNCTIONS_H

#include <stdint.h>

#include "virtio_mmr/capability.h"
#include "virtio_mmr/identity.h"
#include "virtio_mmr/lists.h"
#include "mmrctl.h"
#include "virtio_mmr/placement.h"

#define NAME_LENGTH	64

enum verdict {
	VERDICT_UNKNOWN,	/* needs more rights to tell */
	VERDICT_USABLE,
	VERDICT_UNUSABLE,
};

/**
 * struct mmr_capability - a vendor-specific extended capability
 * @position: in configuration space, in bytes
 * @cap: as decoded
 * @defect: why it cannot be used
 * @why: the same in words, empty if it can
 */
struct mmr_capability {
	unsigned int position;
	struct virtio_mmr_cap cap;
	enum virtio_mmr_defect defect;
	char why[VIRTIO_MMR_EXPLANATION_SIZE];
};

/**
 * struct virtio_structure - a vendor capability of virtio 1.x
 * @position: in configuration space, in bytes
 * @cfg_type: what it points to (virtio 1.4, 4.1.4)
 * @bar: BAR number as found
 * @offset: in that BAR, in bytes
 * @length: in bytes
 * @multiplier: notify_off_multiplier of a notification structure
 * @inside: whether it lies in a memory BAR
 */
struct virtio_structure {
	unsigned int position;
	u8 cfg_type;
	u8 bar;
	u32 offset;
	u32 length;
	u32 multiplier;
	bool inside;
};

/**
 * struct bar - a BAR of the function
 * @address: on the bus, as the host sees it
 * @is_64_bit: takes the next BAR as well
 * @prefetchable: as the function says
 */
struct bar {
	uint64_t address;
	bool is_64_bit;
	bool prefetchable;
};

/**
 * struct function - a PCI function
 * @bdf: address
 * @vendor: vendor ID
 * @device: device ID
 * @subsystem_vendor: subsystem vendor ID
 * @subsystem_device: subsystem device ID
 * @revision: revision ID
 * @identity: type of MMR function, NULL if it is none by its IDs
 * @pf: address of the PF if it is a VF, else empty
 * @vf_index: number of the VF, from 0, or -1
 * @numvfs: VFs that a PF has now
 * @group: IOMMU group, -1 if none
 * @driver: name of the driver, empty if none
 * @override: driver_override, empty if none
 * @shape: what validation must know
 * @bars: more about the BARs
 * @msix_vectors: size of the MSI-X table, 0 without MSI-X
 * @msix_table_bar: BAR number
 * @msix_pba_bar: BAR number
 * @msix_is_whole: that capability ends where it should, so both numbers are its own
 * @capabilities: of ID 0x000b, in the order of the list
 * @capability_count: of them
 * @structures: virtio's, in the order of the list
 * @structure_count: of them
 * @bar0_shared: the MSI-X table or PBA or one of @structures lies in BAR 0
 * @list_loops: a capability list comes back to where it was
 * @lists_defect: why no driver of VFIO can use the lists; empty if all can
 * @used: the capability that the driver uses, or NULL
 * @common_config: virtio's common configuration that the driver uses, or NULL
 * @notify: the notification structure that the driver uses, or NULL
 * @placement: what becomes of a physical BAR0; with @used only
 * @foreign: an MMR device ID, which others may use as well, and no MMR capability: no MMR
 *	function; the driver serves it as vfio-pci does
 * @verdict: whether the driver takes the function as an MMR function
 * @reason: why not, or why that is unknown; empty if it does
 */
struct function {
	char bdf[BDF_SIZE];
	u16 vendor, device, subsystem_vendor, subsystem_device;
	u8 revision;
	const struct virtio_mmr_identity *identity;
	char pf[BDF_SIZE];
	int vf_index;
	unsigned int numvfs;
	int group;
	char driver[NAME_LENGTH];
	char override[NAME_LENGTH];
	struct virtio_mmr_function shape;
	struct bar bars[VIRTIO_MMR_NUM_BARS];
	unsigned int msix_vectors;
	u8 msix_table_bar, msix_pba_bar;
	bool msix_is_whole;
	struct mmr_capability *capabilities;
	size_t capability_count;
	struct virtio_structure *structures;
	size_t structure_count;
	bool bar0_shared;
	bool list_loops;
	char lists_defect[VIRTIO_MMR_LISTS_EXPLANATION_SIZE];
	const struct mmr_capability *used;
	const struct virtio_structure *common_config, *notify;
	struct virtio_mmr_placement placement;
	bool foreign;
	enum verdict verdict;
	char reason[256];
};

struct functions {
	struct function *list;
	size_t count;
};

/**
 * functions_find - all functions that have an MMR function's IDs
 * @found: where to store them, in the order of their addresses
 */
void functions_find(struct functions *found);

/**
 * functions_load - the functions that the user named
 * @found: where to store them, in the order of the request
 * @request: names them
 *
 * Return: STATUS_OK, or STATUS_NOT_FOUND or STATUS_DENIED after a message.
 */
int functions_load(struct functions *found, const struct request *request);
void functions_release(struct functions *found);

/**
 * parse_bdf - an address as people write it
 * @bdf: where to store it in sysfs's form
 * @text: [DOMAIN:]BUS:DEVICE.FUNCTION, in hexadecimal
 *
 * Return: false if it is none.
 */
bool parse_bdf(char bdf[BDF_SIZE], const char *text);

/* Name a function in a request; one that is named twice counts once */
void request_add(struct request *request, const char *bdf);
/*
 * Name the VFs that a PF has now; STATUS_OK, or, after a message, STATUS_NOT_FOUND if it has
 * none or not all of them are there, or STATUS_DENIED
 */
int request_add_vfs(struct request *request, const char *pf);

/* Read again what binding changes: driver and driver_override */
void function_refresh(struct function *function);

/* "BAR 2 at 0x0 (0x100 bytes)" */
void describe_registers(const struct function *function, char *text, size_t size);
/* The same as JSON, null if there are none that can be used */
json_t *registers_json(const struct function *function);
json_t *usable_json(const struct function *function);

/* What driverctl calls it if a function is to have no driver */
#define DRIVERCTL_NO_DRIVER	"none"

/**
 * function_persistent_driver - what driverctl binds a function to at each boot
 * @function: the function
 * @name: where to put the driver's name, which can be DRIVERCTL_NO_DRIVER; empty if
 *	driverctl leaves the function alone
 * @size: of that, in bytes
 *
 * Return: false if only root can tell.
 */
bool function_persistent_driver(const struct function *function, char *name, size_t size);

#endif /* MMRCTL_FUNCTIONS_H */
