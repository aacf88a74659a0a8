// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Scans the configuration space of a function: the MMR capability, MSI-X and the modern
 * structures of virtio, if there are any.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>

#include "macros.h"
#include "scan.h"

/* A vendor capability of virtio: its bytes, and types of it (virtio 1.4, 4.1.4) */
#define CAP_LEN			2
#define CAP_CFG_TYPE		3
#define CAP_BAR			4
#define CAP_OFFSET		8
#define CAP_LENGTH		12
#define CAP_SIZE		16
#define NOTIFY_CAP_MULTIPLIER	16
#define NOTIFY_CAP_SIZE		20
#define TYPE_COMMON_CFG		1
#define TYPE_NOTIFY_CFG		2
#define TYPE_ISR_CFG		3
#define TYPE_DEVICE_CFG		4
#define TYPE_PCI_CFG		5

/* Bytes of the common configuration up to the end of queue_notify_off (4.1.4.3) */
#define COMMON_CFG_MIN_LENGTH	0x20

static void scan_msix(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space)
{
	unsigned int position = space->msix_position;

	/* The caller may have scanned another state of the function before */
	scan->function.has_msix = false;
	scan->function.msix_table = (struct virtio_mmr_range){};
	scan->function.msix_pba = (struct virtio_mmr_range){};

	/* vfio-pci-core accepts these, even if the capability does not end where it should */
	if (!position)
		return;
	virtio_mmr_msix_decode(&scan->function,
			       virtio_mmr_space_word(space, position + PCI_MSIX_FLAGS),
			       virtio_mmr_space_dword(space, position + PCI_MSIX_TABLE),
			       virtio_mmr_space_dword(space, position + PCI_MSIX_PBA));

	/* A capability that is cut off by the end of configuration space has no such fields */
	if (position > VIRTIO_MMR_CONFIG_SIZE - PCI_CAP_MSIX_SIZEOF)
		return;
	scan->msix_flags = position + PCI_MSIX_FLAGS;
	scan->can_interrupt = !space->msi_position;
}

/* Whether MSI-X has something in BAR0 that the guest needs */
static bool has_msix_in_bar0(const struct virtio_mmr_scan *scan)
{
	return scan->msix_flags &&
	       (!scan->function.msix_table.bar || !scan->function.msix_pba.bar);
}

static void read_capability(struct virtio_mmr_scan *scan, const struct virtio_mmr_walk *walk,
			    struct virtio_mmr_cap *cap, enum virtio_mmr_defect *defect)
{
	size_t size = walk->space->size - walk->position;
	u8 raw[VIRTIO_MMR_CAP_MAX_SIZE];
	size_t i, end = sizeof(raw);
	u32 dword;

	virtio_mmr_put_le32(raw, walk->header);
	for (i = 4; i < end && i < size; i += 4) {
		dword = virtio_mmr_space_dword(walk->space, walk->position + i);
		virtio_mmr_put_le32(raw + i, dword);
		if (i == 4)
			end = virtio_mmr_cap_size(dword);
	}
	*defect = virtio_mmr_cap_decode(cap, raw, size);
	if (!*defect)
		*defect = virtio_mmr_cap_validate(cap, &scan->function);
}

/*
 * The first usable capability wins. If none is usable, the reported defect is that of the first
 * one that claims to be an MMR capability. If none claims that, the function is no MMR
 * function.
 */
static void scan_capabilities(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space,
			      const struct virtio_mmr_scan_visitor *visitor)
{
	struct virtio_mmr_walk walk;
	bool has_usable = false;

	virtio_mmr_walk_start(&walk, space, true);
	while (virtio_mmr_walk_next(&walk)) {
		enum virtio_mmr_defect defect;
		struct virtio_mmr_cap cap;

		if (walk.id != VIRTIO_MMR_EXT_CAP_ID)
			continue;
		read_capability(scan, &walk, &cap, &defect);
		if (!has_usable && (!defect || !scan->cap_position ||
				    (cap.claimed && !scan->cap.claimed))) {
			scan->cap = cap;
			scan->cap_position = walk.position;
			scan->defect = defect;
			has_usable = !defect;
		}
		if (visitor)
			visitor->capability(visitor->context, walk.position, &cap, defect);
		else if (has_usable)
			break;
	}
	scan->list_loops |= walk.loops;
	if (has_usable)
		return;
	if (scan->cap.claimed)
		scan->verdict = VIRTIO_MMR_SCAN_CAPABILITY;
	else
		scan->verdict = VIRTIO_MMR_SCAN_PLAIN;
}

/* How much of a vendor capability to read, as each read crosses PCIe */
enum detail {
	DETAIL_BAR,		/* what a view needs */
	DETAIL_PLACE,		/* what a driver needs in addition */
	/*
	 * The device configuration is for drivers of the host, and where the window of PCI_CFG
	 * points at the moment is for people.
	 */
	DETAIL_ALL,
};

/* False if the fields that all types have are not complete. */
static bool read_virtio_cap(const struct virtio_mmr_scan *scan, const struct virtio_mmr_walk *walk,
			    enum detail detail, struct virtio_mmr_virtio_cap *cap)
{
	struct virtio_mmr_space *space = walk->space;
	unsigned int position = walk->position;
	u8 length = walk->header >> 8 * CAP_LEN;

	if (length < CAP_SIZE || position + length > VIRTIO_MMR_CONFIG_SIZE)
		return false;

	*cap = (struct virtio_mmr_virtio_cap){
		.position = position,
		.cfg_type = walk->header >> 8 * CAP_CFG_TYPE,
	};
	if (cap->cfg_type == TYPE_PCI_CFG && detail < DETAIL_ALL)
		return true;
	cap->bar = virtio_mmr_space_byte(space, position + CAP_BAR);
	if (detail == DETAIL_BAR || (cap->cfg_type == TYPE_DEVICE_CFG && detail < DETAIL_ALL))
		return true;
	cap->offset = virtio_mmr_space_dword(space, position + CAP_OFFSET);
	cap->length = virtio_mmr_space_dword(space, position + CAP_LENGTH);
	cap->is_inside = !virtio_mmr_range_validate(&scan->function, cap->bar, cap->offset,
						    cap->length);
	if (cap->cfg_type != TYPE_NOTIFY_CFG)
		return true;
	/* A notification structure without its multiplier does not count. */
	if (length >= NOTIFY_CAP_SIZE)
		cap->multiplier = virtio_mmr_space_dword(space,
							 position + NOTIFY_CAP_MULTIPLIER);
	else
		cap->is_inside = false;
	return true;
}

/* A notification structure may lie over MSI-X: each doorbell is checked by itself. */
static bool take_structure(struct virtio_mmr_structure *structure,
			   const struct virtio_mmr_scan *scan,
			   const struct virtio_mmr_virtio_cap *cap, u32 min_length,
			   u32 alignment)
{
	if (!cap->is_inside || cap->length < min_length || cap->offset % alignment ||
	    (cap->cfg_type != TYPE_NOTIFY_CFG &&
	     virtio_mmr_msix_under(&scan->function, cap->bar, cap->offset, cap->length)))
		return false;
	*structure = (struct virtio_mmr_structure){
		.bar = cap->bar, .offset = cap->offset, .length = cap->length,
	};
	return true;
}

/*
 * A function's vendor capabilities say in which BARs it has structures. PCI_CFG is not a structure
 * but a window that the guest directs to a BAR. Returns whether any structure is in BAR0.
 */
static bool scan_bars(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space,
		      const struct virtio_mmr_scan_visitor *visitor)
{
	struct virtio_mmr_virtio_cap cap;
	struct virtio_mmr_walk walk;
	bool in_bar0 = false;

	virtio_mmr_walk_start(&walk, space, false);
	while (virtio_mmr_walk_next(&walk)) {
		unsigned int bar_field = walk.position + CAP_BAR;

		if (walk.id != PCI_CAP_ID_VNDR ||
		    !read_virtio_cap(scan, &walk, visitor ? DETAIL_ALL : DETAIL_BAR, &cap))
			continue;
		if (visitor)
			visitor->structure(visitor->context, &cap);

		virtio_mmr_fields_add(&scan->bar_fields, bar_field);
		if (cap.cfg_type == TYPE_PCI_CFG)
			virtio_mmr_fields_add(&scan->window_fields, bar_field);
		else if (!cap.bar)
			in_bar0 = true;
	}
	scan->list_loops |= walk.loops;
	return in_bar0;
}

/**
 * virtio_mmr_scan_identify - find out the kind of a function, and the place of its registers
 * @scan: @scan->function has the BARs; all else is set, whatever it was
 * @space: how to read configuration space
 * @lists: room for the work, and for virtio_mmr_scan_explain()
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 * @visitor: it is called for all capabilities, or NULL
 *
 * This is all that a guest's view and the verdict depend on. A host binds many functions and opens
 * few of them, so it calls virtio_mmr_scan_structures() for these alone.
 */
void virtio_mmr_scan_identify(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space,
			      struct virtio_mmr_lists *lists, u16 vendor, u16 device,
			      const struct virtio_mmr_scan_visitor *visitor)
{
	bool shared;

	*scan = (struct virtio_mmr_scan){ .function = scan->function };
	if (vendor == VIRTIO_MMR_VENDOR_ID)
		scan->identity = virtio_mmr_identify(device);
	scan->lists_defect = virtio_mmr_lists_validate(lists, space);

	scan_msix(scan, space);
	scan_capabilities(scan, space, visitor);
	shared = has_msix_in_bar0(scan);
	shared |= scan_bars(scan, space, visitor);
	scan->native_verdict = scan->identity ? scan->verdict : VIRTIO_MMR_SCAN_OTHER_ID;
	if (scan->verdict == VIRTIO_MMR_SCAN_USABLE) {
		scan->placement = virtio_mmr_place_bar0(&scan->function, scan->cap.bar, shared);
		if (scan->placement.fate == VIRTIO_MMR_BAR0_NO_SLOT ||
		    scan->placement.fate == VIRTIO_MMR_BAR0_TOO_LARGE)
			scan->verdict = VIRTIO_MMR_SCAN_PLACEMENT;
	}

	if (!scan->identity)
		scan->verdict = VIRTIO_MMR_SCAN_OTHER_ID;
	else if (scan->lists_defect)
		scan->verdict = VIRTIO_MMR_SCAN_LISTS;
}

/**
 * virtio_mmr_scan_structures - find the places of the modern structures
 * @scan: after virtio_mmr_scan_identify(); the structures are set, and nothing else
 * @space: how to read configuration space
 *
 * The first usable structure of each type counts (virtio 1.4, 4.1.4.1). Doorbells need two
 * structures: the common configuration has the number of queues and the notify offset of each
 * queue.
 */
void virtio_mmr_scan_structures(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space)
{
	struct virtio_mmr_virtio_cap cap;
	struct virtio_mmr_walk walk;
	bool has_notify = false;

	scan->has_common_config = false;
	scan->has_isr = false;
	virtio_mmr_walk_start(&walk, space, false);
	while (virtio_mmr_walk_next(&walk)) {
		if (walk.id != PCI_CAP_ID_VNDR ||
		    !read_virtio_cap(scan, &walk, DETAIL_PLACE, &cap))
			continue;
		if (cap.cfg_type == TYPE_COMMON_CFG && !scan->has_common_config) {
			scan->has_common_config = take_structure(&scan->common_config, scan, &cap,
								 COMMON_CFG_MIN_LENGTH, 4);
		} else if (cap.cfg_type == TYPE_NOTIFY_CFG && !has_notify) {
			has_notify = take_structure(&scan->notify, scan, &cap, 2, 2);
			scan->notify_multiplier = cap.multiplier;
		} else if (cap.cfg_type == TYPE_ISR_CFG && !scan->has_isr) {
			scan->has_isr = take_structure(&scan->isr, scan, &cap, 1, 1);
		}
	}
	scan->has_notification = scan->has_common_config && has_notify;
	scan->is_complete = true;
}

/**
 * virtio_mmr_scan_run - find out all about a function
 * @scan: @scan->function has the BARs; all else is set, whatever it was
 * @space: how to read configuration space
 * @lists: room for the work, and for virtio_mmr_scan_explain()
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 * @visitor: it is called for all capabilities, or NULL
 *
 * The rules are those of Documentation/device.rst, "The capability". A function that cannot be
 * used is scanned as well, as far as it can be read.
 */
void virtio_mmr_scan_run(struct virtio_mmr_scan *scan, struct virtio_mmr_space *space,
			 struct virtio_mmr_lists *lists, u16 vendor, u16 device,
			 const struct virtio_mmr_scan_visitor *visitor)
{
	virtio_mmr_scan_identify(scan, space, lists, vendor, device, visitor);
	virtio_mmr_scan_structures(scan, space);
}

/**
 * virtio_mmr_scan_device_config - find the modern device-specific configuration
 * @scan: of the function, for its BARs
 * @space: how to read configuration space
 * @structure: where to store the first usable one (virtio 1.4, 4.1.4.1)
 *
 * Only a driver of the host uses it, so virtio_mmr_scan_run() does not read it.
 *
 * Return: false if there is none; @structure is unchanged then.
 */
bool virtio_mmr_scan_device_config(const struct virtio_mmr_scan *scan,
				   struct virtio_mmr_space *space,
				   struct virtio_mmr_structure *structure)
{
	struct virtio_mmr_virtio_cap cap;
	struct virtio_mmr_walk walk;

	virtio_mmr_walk_start(&walk, space, false);
	while (virtio_mmr_walk_next(&walk))
		if (walk.id == PCI_CAP_ID_VNDR && read_virtio_cap(scan, &walk, DETAIL_ALL, &cap) &&
		    cap.cfg_type == TYPE_DEVICE_CFG && take_structure(structure, scan, &cap, 1, 4))
			return true;
	return false;
}

static void explain_placement(char *text, size_t size, const struct virtio_mmr_scan *scan)
{
	u64 bar_size = scan->function.bar_size[0];

	if (scan->placement.fate == VIRTIO_MMR_BAR0_TOO_LARGE)
		virtio_mmr_format(text, size,
				  "BAR 0 of 0x%llx bytes must make room for the I/O BAR and is too large for a 32-bit BAR %u",
				  bar_size, scan->placement.slot);
	else
		virtio_mmr_format(text, size,
				  "BAR 0 of 0x%llx bytes must make room for the I/O BAR, but %s",
				  bar_size, scan->function.bar_kind[0] == VIRTIO_MMR_BAR_IO ?
				  "a virtio structure lies in it and it is an I/O BAR itself" :
				  "no other BAR is free for what lies in it");
}

static void explain(char *text, size_t size, const struct virtio_mmr_scan *scan,
		    enum virtio_mmr_verdict verdict, const struct virtio_mmr_lists *lists,
		    u16 vendor, u16 device)
{
	switch (verdict) {
	case VIRTIO_MMR_SCAN_USABLE:
		virtio_mmr_format(text, size, "%s", "");
		break;
	case VIRTIO_MMR_SCAN_OTHER_ID:
		virtio_mmr_format(text, size, "%04x:%04x is not an MMR device ID", vendor, device);
		break;
	case VIRTIO_MMR_SCAN_LISTS:
		virtio_mmr_lists_explain(text, size, lists, scan->lists_defect);
		break;
	case VIRTIO_MMR_SCAN_PLAIN:
		if (!scan->cap_position) {
			virtio_mmr_format(text, size, "it has no extended capability 0x%04x",
					  VIRTIO_MMR_EXT_CAP_ID);
			break;
		}
		fallthrough;
	case VIRTIO_MMR_SCAN_CAPABILITY:
		virtio_mmr_cap_explain(text, size, scan->cap_position, &scan->cap,
				       &scan->function, scan->defect);
		break;
	case VIRTIO_MMR_SCAN_PLACEMENT:
		explain_placement(text, size, scan);
		break;
	}
}

/**
 * virtio_mmr_scan_explain - give the reason why a function cannot be used, for people
 * @text: where to store it, one line without its end
 * @size: of @text in bytes; VIRTIO_MMR_SCAN_EXPLANATION_SIZE is always enough
 * @scan: of the function; for VIRTIO_MMR_SCAN_USABLE the text is empty
 * @lists: as virtio_mmr_scan_run() left it; for VIRTIO_MMR_SCAN_LISTS only
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 */
void virtio_mmr_scan_explain(char *text, size_t size, const struct virtio_mmr_scan *scan,
			     const struct virtio_mmr_lists *lists, u16 vendor, u16 device)
{
	explain(text, size, scan, scan->verdict, lists, vendor, device);
}

/**
 * virtio_mmr_scan_explain_native - the same for a driver of the host
 * @text: where to store it, one line without its end
 * @size: of @text in bytes; VIRTIO_MMR_SCAN_EXPLANATION_SIZE is always enough
 * @scan: of the function; the reason is that of @scan->native_verdict
 * @vendor: PCI vendor ID
 * @device: PCI device ID
 */
void virtio_mmr_scan_explain_native(char *text, size_t size,
				    const struct virtio_mmr_scan *scan, u16 vendor, u16 device)
{
	explain(text, size, scan, scan->native_verdict, NULL, vendor, device);
}
