/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions as sysfs and their configuration space describe them, judged by
 * the driver's own rules.
 */
#ifndef MMRCTL_FUNCTIONS_H
#define MMRCTL_FUNCTIONS_H

#include <stdint.h>
#include <string.h>

#include "mmrctl.h"
#include "virtio_mmr/scan.h"

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
 * @pf: address of the PF if it is a VF, else empty
 * @vf_index: number of the VF, from 0, or -1
 * @numvfs: VFs that a PF has now
 * @group: IOMMU group, -1 if none
 * @driver: name of the driver, empty if none
 * @override: driver_override, empty if none
 * @override_is_cut: driver_override is longer than that, as no driver's name is
 * @scan: what the core found; without the right to read configuration space only the
 *	device type and the BARs
 * @bars: more about the BARs
 * @msix_vectors: size of the MSI-X table, 0 without MSI-X
 * @capabilities: of ID 0x000b, in the order of the list
 * @capability_count: of them
 * @structures: virtio's, in the order of the list
 * @structure_count: of them
 * @used: the capability that the driver uses, or NULL
 * @verdict: whether the driver takes the function as an MMR function
 * @reason: why not, or why that is unknown; empty if it does
 */
struct function {
	char bdf[BDF_SIZE];
	u16 vendor, device, subsystem_vendor, subsystem_device;
	u8 revision;
	char pf[BDF_SIZE];
	int vf_index;
	unsigned int numvfs;
	int group;
	char driver[NAME_LENGTH];
	char override[NAME_LENGTH];
	bool override_is_cut;
	struct virtio_mmr_scan scan;
	struct bar bars[VIRTIO_MMR_NUM_BARS];
	unsigned int msix_vectors;
	struct mmr_capability *capabilities;
	size_t capability_count;
	struct virtio_mmr_virtio_cap *structures;
	size_t structure_count;
	const struct mmr_capability *used;
	enum verdict verdict;
	char reason[256];
};

/*
 * It has an MMR device ID, which others may use as well, and no MMR capability. The driver
 * serves it as vfio-pci does.
 */
static inline bool function_is_foreign(const struct function *function)
{
	return function->scan.verdict == VIRTIO_MMR_SCAN_PLAIN;
}

/* Whether the driver is one of this project's two */
static inline bool is_mmr_driver(const char *driver)
{
	return !strcmp(driver, MMR_DRIVER) || !strcmp(driver, NATIVE_DRIVER);
}

struct functions {
	struct function *list;
	size_t count;
};

/**
 * functions_find - all functions that have an MMR function's IDs
 * @found: where to store them, in the order of their addresses
 *
 * Functions that vanish meanwhile, as VFs do, are left out.
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
/* One that was taken out of its list */
void function_release(struct function *function);

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

/*
 * The same request with the VFs that its PFs have now; STATUS_OK or a status after a message. Its
 * @bdfs are to be freed.
 */
int request_again(struct request *now, const struct request *request);

/* For people, as it can be of any bytes */
void describe_override(const char *override, char *text, size_t size);

/* Read again what others may change: driver, driver_override, and the VFs of a PF */
void function_refresh(struct function *function);

/*
 * VFs come and go with the same addresses. The inode of a folder in sysfs is new for each, so
 * another number is one of another VF; 0 if there is none.
 */
json_int_t function_incarnation(const char *bdf);

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
