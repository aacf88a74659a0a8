/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef VIRTIO_MMR_SCAN_H
#define VIRTIO_MMR_SCAN_H

#include "capability.h"
#include "identity.h"
#include "lists.h"
#include "placement.h"
#include "space.h"

/* Size of the longest explanation of a verdict in bytes, with its end */
#define VIRTIO_MMR_SCAN_EXPLANATION_SIZE	200

/**
 * struct virtio_mmr_structure - a validated range of a memory BAR
 * @bar: BAR number
 * @offset: first byte in the BAR
 * @length: bytes
 */
struct virtio_mmr_structure {
	u8 bar;
	u64 offset;
	u64 length;
};

/**
 * struct virtio_mmr_virtio_cap - a vendor capability of virtio (virtio 1.4, 4.1.4), as found
 * @position: in configuration space, in bytes
 * @cfg_type: type of the structure that it points to
 * @bar: BAR number
 * @offset: in that BAR, in bytes
 * @length: in bytes
 * @multiplier: notify_off_multiplier; 0 if the capability is too short to have one
 * @is_inside: it lies in a memory BAR, and has all fields that its type has
 */
struct virtio_mmr_virtio_cap {
	u8 position;
	u8 cfg_type;
	u8 bar;
	u32 offset;
	u32 length;
	u32 multiplier;
	bool is_inside;
};

/* A set of bytes of the conventional configuration space */
struct virtio_mmr_fields {
	u8 bits[VIRTIO_MMR_CONFIG_SIZE / 8];
};

static inline void virtio_mmr_fields_add(struct virtio_mmr_fields *fields,
					 unsigned int position)
{
	fields->bits[position / 8] |= 1 << position % 8;
}

/* Any position is allowed. Positions beyond the conventional part are in no set. */
static inline bool virtio_mmr_fields_have(const struct virtio_mmr_fields *fields,
					  unsigned int position)
{
	return position < VIRTIO_MMR_CONFIG_SIZE &&
	       fields->bits[position / 8] & 1 << position % 8;
}

/* In order of precedence */
enum virtio_mmr_verdict {
	VIRTIO_MMR_SCAN_USABLE,		/* as an MMR function */
	VIRTIO_MMR_SCAN_OTHER_ID,	/* vendor and device ID are no MMR function's */
	VIRTIO_MMR_SCAN_LISTS,		/* the capability lists would or might harm vfio-pci-core */
	VIRTIO_MMR_SCAN_PLAIN,		/* no capability claims to be an MMR capability */
	VIRTIO_MMR_SCAN_CAPABILITY,	/* no MMR capability can be used */
	VIRTIO_MMR_SCAN_PLACEMENT,	/* its BAR0 cannot make room for an I/O BAR */
};

/**
 * struct virtio_mmr_scan - result of a scan of the configuration space
 * @function: BARs, set by the caller (virtio_mmr_function_set_bar()), and MSI-X
 * @identity: device type, NULL for VIRTIO_MMR_SCAN_OTHER_ID
 * @verdict: whether it can be shown to a guest as an MMR function
 * @native_verdict: whether a driver of the host can use its registers: VIRTIO_MMR_SCAN_USABLE,
 *	_OTHER_ID, _PLAIN or _CAPABILITY. What only vfio-pci-core or a guest need does not count.
 * @lists_defect: of the capability lists
 * @list_loops: a list returns to an earlier position
 * @cap: the MMR capability in use. If there is none: the first one that claims to be one, else
 *	the first vendor-specific one. Valid if @cap_position is not 0.
 * @cap_position: its offset in configuration space
 * @defect: of @cap
 * @is_complete: virtio_mmr_scan_structures() has set the fields up to @notify_multiplier
 * @has_common_config: @common_config can be used
 * @has_notification: @common_config and @notify can be used
 * @has_isr: @isr can be used
 * @common_config: the modern common configuration
 * @isr: the modern ISR status
 * @notify: the modern notification structure
 * @notify_multiplier: bytes per unit of queue_notify_off
 * @placement: place of a physical BAR0
 * @msix_flags: position of MSI-X Message Control in configuration space, 0 without MSI-X
 * @can_interrupt: MSI-X can serve an INTx interrupt. The kernel shares its interrupt state
 *	between MSI-X and MSI, so this is false if the function has MSI as well.
 * @bar_fields: bytes of configuration space that are a BAR number
 * @window_fields: those of @bar_fields that the guest may write
 */
struct virtio_mmr_scan {
	struct virtio_mmr_function function;
	const struct virtio_mmr_identity *identity;
	enum virtio_mmr_verdict verdict;
	enum virtio_mmr_verdict native_verdict;
	enum virtio_mmr_lists_defect lists_defect;
	bool list_loops;
	struct virtio_mmr_cap cap;
	u16 cap_position;
	enum virtio_mmr_defect defect;
	bool is_complete;
	bool has_common_config;
	bool has_notification;
	bool has_isr;
	struct virtio_mmr_structure common_config;
	struct virtio_mmr_structure isr;
	struct virtio_mmr_structure notify;
	u32 notify_multiplier;
	struct virtio_mmr_placement placement;
	u8 msix_flags;
	bool can_interrupt;
	struct virtio_mmr_fields bar_fields;
	struct virtio_mmr_fields window_fields;
};

/**
 * struct virtio_mmr_scan_visitor - is called for each capability, in the order of the list
 * @capability: called with a vendor-specific extended capability and its defect
 * @structure: called with a vendor capability of virtio
 * @context: for both
 */
struct virtio_mmr_scan_visitor {
	void (*capability)(void *context, u16 position, const struct virtio_mmr_cap *cap,
			   enum virtio_mmr_defect defect);
	void (*structure)(void *context, const struct virtio_mmr_virtio_cap *cap);
	void *context;
};

void virtio_mmr_scan_identify(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space,
			      struct virtio_mmr_lists *lists, u16 vendor, u16 device,
			      const struct virtio_mmr_scan_visitor *visitor);
void virtio_mmr_scan_structures(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space);
void virtio_mmr_scan_run(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space,
			 struct virtio_mmr_lists *lists, u16 vendor, u16 device,
			 const struct virtio_mmr_scan_visitor *visitor);
bool virtio_mmr_scan_device_config(const struct virtio_mmr_scan *scan,
				   struct virtio_mmr_space *space,
				   struct virtio_mmr_structure *structure);
void virtio_mmr_scan_explain(char *text, size_t size, const struct virtio_mmr_scan *scan,
			     const struct virtio_mmr_lists *lists, u16 vendor, u16 device);
void virtio_mmr_scan_explain_native(char *text, size_t size,
				    const struct virtio_mmr_scan *scan, u16 vendor, u16 device);

#endif /* VIRTIO_MMR_SCAN_H */
