// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Predicts how vfio-pci-core handles a function's capability lists. It copies them to the heap
 * at each open, and takes the length of each capability from the device. Some kernels do not
 * limit that length and write past the end of the copy. So the lists are walked here in the
 * same way first.
 */
#include <linux/pci_regs.h>

#include "lists.h"
#include "macros.h"

/* vfio-pci-core computes this length from registers of the device */
#define ASK_DEVICE	0xff

/* The shortest capability, which limits how many fit into a list */
#define SHORTEST	4

/* In place of the ID of a capability */
#define NOBODY		0xff

/* Bytes of each capability. IDs that are not listed are not copied. */
static const u8 conventional_length[] = {
	[PCI_CAP_ID_PM] = PCI_PM_SIZEOF,
	[PCI_CAP_ID_AGP] = PCI_AGP_SIZEOF,
	[PCI_CAP_ID_VPD] = PCI_CAP_VPD_SIZEOF,
	[PCI_CAP_ID_MSI] = ASK_DEVICE,
	[PCI_CAP_ID_PCIX] = ASK_DEVICE,
	[PCI_CAP_ID_HT] = ASK_DEVICE,
	[PCI_CAP_ID_VNDR] = ASK_DEVICE,
	[PCI_CAP_ID_EXP] = ASK_DEVICE,
	[PCI_CAP_ID_MSIX] = PCI_CAP_MSIX_SIZEOF,
	[PCI_CAP_ID_SATA] = ASK_DEVICE,
	[PCI_CAP_ID_AF] = PCI_CAP_AF_SIZEOF,
};

/* Older kernels do not copy DVSECs. A DVSEC that is too long is refused on all kernels. */
static const u8 extended_length[] = {
	[PCI_EXT_CAP_ID_ERR] = PCI_ERR_ROOT_COMMAND,
	[PCI_EXT_CAP_ID_VC] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_DSN] = PCI_EXT_CAP_DSN_SIZEOF,
	[PCI_EXT_CAP_ID_PWR] = PCI_EXT_CAP_PWR_SIZEOF,
	[PCI_EXT_CAP_ID_MFVC] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_VC9] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_VNDR] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_ACS] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_ARI] = PCI_EXT_CAP_ARI_SIZEOF,
	[PCI_EXT_CAP_ID_ATS] = PCI_EXT_CAP_ATS_SIZEOF,
	[PCI_EXT_CAP_ID_SRIOV] = PCI_EXT_CAP_SRIOV_SIZEOF,
	[PCI_EXT_CAP_ID_MCAST] = PCI_EXT_CAP_MCAST_ENDPOINT_SIZEOF,
	[PCI_EXT_CAP_ID_PRI] = PCI_EXT_CAP_PRI_SIZEOF,
	[PCI_EXT_CAP_ID_REBAR] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_DPA] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_TPH] = ASK_DEVICE,
	[PCI_EXT_CAP_ID_LTR] = PCI_EXT_CAP_LTR_SIZEOF,
	[PCI_EXT_CAP_ID_DVSEC] = ASK_DEVICE,
};

struct walk {
	struct virtio_mmr_lists *lists;
	/* Of the first MSI capability: vfio-pci-core has one table for all */
	unsigned int msi_length;
	/* Those with the lowest start and the highest end so far. Nearly all lists go up or down */
	struct virtio_mmr_taken lowest, highest;
	/* Capabilities may look longer or shorter than they are */
	bool is_tangled;
};

static u8 read_byte(struct walk *walk, unsigned int position)
{
	return virtio_mmr_space_byte(walk->lists->space, position);
}

static u32 read_dword(struct walk *walk, unsigned int position)
{
	return virtio_mmr_space_dword(walk->lists->space, position);
}

static unsigned int ask_conventional(struct walk *walk, u8 id, unsigned int position)
{
	u16 pcie_flags = walk->lists->space->pcie_flags;
	bool is_integrated = (pcie_flags & PCI_EXP_FLAGS_TYPE) >> 4 == PCI_EXP_TYPE_RC_END;
	unsigned int length;
	u8 byte;

	switch (id) {
	case PCI_CAP_ID_MSI:
		byte = read_byte(walk, position + PCI_MSI_FLAGS);
		length = byte & PCI_MSI_FLAGS_64BIT ? 14 : 10;
		byte = read_byte(walk, position + PCI_MSI_FLAGS + 1);
		return byte << 8 & PCI_MSI_FLAGS_MASKBIT ? length + 10 : length;
	case PCI_CAP_ID_PCIX:
		byte = read_byte(walk, position + PCI_X_CMD + 1);
		return PCI_X_CMD_VERSION(byte << 8) ? PCI_CAP_PCIX_SIZEOF_V2 :
						      PCI_CAP_PCIX_SIZEOF_V0;
	case PCI_CAP_ID_HT:
		byte = read_byte(walk, position + 3);
		return byte & HT_3BIT_CAP_MASK ? HT_CAP_SIZEOF_SHORT : HT_CAP_SIZEOF_LONG;
	case PCI_CAP_ID_VNDR:
		return read_byte(walk, position + PCI_CAP_FLAGS);
	case PCI_CAP_ID_EXP:
		/* A function of the root complex has no registers of a link */
		if ((pcie_flags & PCI_EXP_FLAGS_VERS) == 1)
			return is_integrated ? 0xc : PCI_CAP_EXP_ENDPOINT_SIZEOF_V1;
		return is_integrated ? 0x2c : PCI_CAP_EXP_ENDPOINT_SIZEOF_V2;
	case PCI_CAP_ID_SATA:
		byte = read_byte(walk, position + PCI_SATA_REGS);
		return (byte & PCI_SATA_REGS_MASK) == PCI_SATA_REGS_INLINE ?
		       PCI_SATA_SIZEOF_LONG : PCI_SATA_SIZEOF_SHORT;
	}
	return 0;
}

static unsigned int virtual_channels(struct walk *walk, unsigned int position)
{
	u32 channels = read_dword(walk, position + PCI_VC_PORT_CAP1) & PCI_VC_CAP1_EVCC;
	u32 tables = read_dword(walk, position + PCI_VC_PORT_CAP2);
	unsigned int length = PCI_CAP_VC_BASE_SIZEOF +
			      (1 + channels) * PCI_CAP_VC_PER_VC_SIZEOF;
	unsigned int phases = 0;

	if (tables & PCI_VC_CAP2_128_PHASE)
		phases = 128;
	else if (tables & PCI_VC_CAP2_64_PHASE)
		phases = 64;
	else if (tables & PCI_VC_CAP2_32_PHASE)
		phases = 32;
	/* Four bits a phase, from a multiple of 16 bytes on */
	return phases ? (length + 15) / 16 * 16 + phases / 2 : length;
}

static unsigned int ask_extended(struct walk *walk, u16 id, unsigned int position)
{
	u32 value = read_dword(walk, position + 4);
	unsigned int vectors;

	switch (id) {
	case PCI_EXT_CAP_ID_VC:
	case PCI_EXT_CAP_ID_VC9:
	case PCI_EXT_CAP_ID_MFVC:
		return virtual_channels(walk, position);
	case PCI_EXT_CAP_ID_VNDR:
	case PCI_EXT_CAP_ID_DVSEC:
		return value >> 20;
	case PCI_EXT_CAP_ID_ACS:
		if (!(value & PCI_ACS_EC))
			return 8;
		vectors = value >> 8 & 0xff;
		return 8 + (vectors ? (vectors + 31) / 32 * 4 : 32);
	case PCI_EXT_CAP_ID_REBAR:
		value = read_dword(walk, position + PCI_REBAR_CTRL);
		return 4 + ((value & PCI_REBAR_CTRL_NBAR_MASK) >> PCI_REBAR_CTRL_NBAR_SHIFT) * 8;
	case PCI_EXT_CAP_ID_DPA:
		return PCI_DPA_BASE_SIZEOF + (value & PCI_DPA_CAP_SUBSTATE_MASK) + 1;
	case PCI_EXT_CAP_ID_TPH:
		if ((value & PCI_TPH_CAP_LOC_MASK) != PCI_TPH_LOC_CAP)
			return PCI_TPH_BASE_SIZEOF;
		vectors = (value & PCI_TPH_CAP_ST_MASK) >> PCI_TPH_CAP_ST_SHIFT;
		return PCI_TPH_BASE_SIZEOF + (vectors + 1) * 2;
	}
	return 0;
}

static enum virtio_mmr_lists_defect blame(struct virtio_mmr_lists *lists,
					  enum virtio_mmr_lists_defect defect,
					  unsigned int position, u16 id,
					  unsigned int length, unsigned int room)
{
	lists->position = position;
	lists->id = id;
	lists->length = length;
	lists->room = room;
	return defect;
}

/* Whether vfio-pci-core has a table of the bits that a user may write in this capability */
static bool has_table(unsigned int position, u16 id)
{
	if (position >= VIRTIO_MMR_CONFIG_SIZE)
		return id == PCI_EXT_CAP_ID_ERR || id == PCI_EXT_CAP_ID_PWR;
	return id == PCI_CAP_ID_PM || id == PCI_CAP_ID_VPD || id == PCI_CAP_ID_MSI ||
	       id == PCI_CAP_ID_PCIX || id == PCI_CAP_ID_EXP || id == PCI_CAP_ID_AF;
}

/* Whether two capabilities that touch each other look like one */
static bool is_merged(unsigned int position, u16 id, const struct virtio_mmr_taken *other)
{
	return other->id == id && has_table(position, id);
}

/* Compares a capability with all others. */
static enum virtio_mmr_lists_defect compare(struct walk *walk,
					    const struct virtio_mmr_taken *taken, u16 id)
{
	struct virtio_mmr_lists *lists = walk->lists;
	unsigned int i;

	for (i = 0; i < lists->count; i++) {
		const struct virtio_mmr_taken *other = &lists->taken[i];

		if (taken->end < other->start || taken->start > other->end)
			continue;
		if (taken->end == other->start || taken->start == other->end) {
			walk->is_tangled |= is_merged(taken->start, id, other);
			continue;
		}
		walk->is_tangled = true;
		/*
		 * If a DVSEC overlaps another capability, older kernels see only the other one,
		 * and may merge it. No conventional capability of this ID is copied.
		 */
		if (id == PCI_EXT_CAP_ID_DVSEC || other->id == PCI_EXT_CAP_ID_DVSEC)
			return VIRTIO_MMR_LISTS_OVERLAP;
	}
	return VIRTIO_MMR_LISTS_FIT;
}

/*
 * A capability beside all others can touch the outermost one only. If several end there, they
 * overlap, and the lists are tangled anyway.
 */
static enum virtio_mmr_lists_defect take(struct walk *walk, unsigned int position, u16 id,
					 unsigned int length)
{
	const struct virtio_mmr_taken taken = {
		.start = position, .end = position + length, .id = id,
	};
	struct virtio_mmr_lists *lists = walk->lists;
	unsigned int room = lists->space->size - position;
	enum virtio_mmr_lists_defect defect;

	if (length > room)
		return blame(lists, VIRTIO_MMR_LISTS_OVERRUN, position, id, length, room);
	if (position >= walk->highest.end) {
		if (position == walk->highest.end)
			walk->is_tangled |= is_merged(position, id, &walk->highest);
	} else if (taken.end <= walk->lowest.start) {
		if (taken.end == walk->lowest.start)
			walk->is_tangled |= is_merged(position, id, &walk->lowest);
	} else {
		defect = compare(walk, &taken, id);
		if (defect)
			return blame(lists, defect, position, id, length, room);
	}
	if (lists->count == ARRAY_SIZE(lists->taken))
		return blame(lists, VIRTIO_MMR_LISTS_CROWDED, position, id, length,
			     lists->count);
	lists->taken[lists->count++] = taken;
	if (taken.end > walk->highest.end)
		walk->highest = taken;
	if (position < walk->lowest.start)
		walk->lowest = taken;
	return VIRTIO_MMR_LISTS_FIT;
}

/*
 * vfio-pci-core follows a list that loops for a number of steps. It logs a line for each byte
 * that it sees again. If capabilities overlap, the result depends on that number. Such a list
 * is refused.
 */
static enum virtio_mmr_lists_defect walk_conventional(struct walk *walk)
{
	unsigned int left = (VIRTIO_MMR_CONFIG_SIZE - PCI_STD_HEADER_SIZEOF) / SHORTEST;
	enum virtio_mmr_lists_defect defect = VIRTIO_MMR_LISTS_FIT;
	struct virtio_mmr_lists *lists = walk->lists;
	u8 position;

	if (!(read_byte(walk, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return VIRTIO_MMR_LISTS_FIT;

	for (position = read_byte(walk, PCI_CAPABILITY_LIST); position && left-- && !defect;
	     position = read_byte(walk, position + PCI_CAP_LIST_NEXT)) {
		u8 id = read_byte(walk, position);
		unsigned int length = 0;

		if (virtio_mmr_bit_mark(lists->seen, position))
			return blame(lists, VIRTIO_MMR_LISTS_LOOP, position, id, 0, 0);
		if (id < ARRAY_SIZE(conventional_length))
			length = conventional_length[id];
		if (length == ASK_DEVICE)
			length = ask_conventional(walk, id, position);
		/* The first one decides on the table of all */
		if (id == PCI_CAP_ID_MSI && walk->msi_length)
			walk->is_tangled = true;
		else if (id == PCI_CAP_ID_MSI)
			walk->msi_length = length;
		if (length)
			defect = take(walk, position, id, length);
	}
	return defect;
}

static enum virtio_mmr_lists_defect walk_extended(struct walk *walk)
{
	unsigned int position = VIRTIO_MMR_CONFIG_SIZE;
	enum virtio_mmr_lists_defect defect = VIRTIO_MMR_LISTS_FIT;
	struct virtio_mmr_lists *lists = walk->lists;

	virtio_mmr_bits_clear(lists->seen, sizeof(lists->seen));
	while (position >= VIRTIO_MMR_CONFIG_SIZE && position < lists->space->size && !defect) {
		u32 header = read_dword(walk, position);
		u16 id = PCI_EXT_CAP_ID(header);
		unsigned int length = 0;

		if (virtio_mmr_bit_mark(lists->seen, position / SHORTEST))
			return blame(lists, VIRTIO_MMR_LISTS_LOOP, position, id, 0, 0);
		if (id < ARRAY_SIZE(extended_length))
			length = extended_length[id];
		if (length == ASK_DEVICE)
			length = ask_extended(walk, id, position);
		/* The list cannot begin elsewhere, so its first entry is always kept */
		if (!length && position == VIRTIO_MMR_CONFIG_SIZE)
			length = SHORTEST;
		if (length)
			defect = take(walk, position, id, length);
		position = PCI_EXT_CAP_NEXT(header);
	}
	return defect;
}

/*
 * vfio-pci-core has tables of the bits that a user may write for these capabilities. It finds
 * its place in a table by looking back to the first byte with the same ID.
 */
static unsigned int size_of_table(struct walk *walk, unsigned int position, u8 id)
{
	if (!has_table(position, id))
		return 0;
	if (position >= VIRTIO_MMR_CONFIG_SIZE)
		return extended_length[id];
	if (id == PCI_CAP_ID_MSI)
		return walk->msi_length;
	if (conventional_length[id] == ASK_DEVICE)
		return ask_conventional(walk, id, position);
	return conventional_length[id];
}

/* The ID of the capability that a byte belongs to: the last one that covers it */
static u8 owner(const struct virtio_mmr_lists *lists, unsigned int position)
{
	unsigned int i = lists->count;

	while (i--)
		if (position >= lists->taken[i].start && position < lists->taken[i].end)
			return lists->taken[i].id;
	return NOBODY;
}

static enum virtio_mmr_lists_defect find_merged(struct walk *walk)
{
	struct virtio_mmr_lists *lists = walk->lists;
	unsigned int size = lists->space->size;
	unsigned int position, length, room;

	for (position = PCI_STD_HEADER_SIZEOF; position < size; position += length) {
		u8 id = owner(lists, position);

		for (length = 1; position + length < size; length++)
			if (owner(lists, position + length) != id ||
			    position + length == VIRTIO_MMR_CONFIG_SIZE)
				break;
		room = size_of_table(walk, position, id);
		if (room && length > room)
			return blame(lists, VIRTIO_MMR_LISTS_MERGE, position, id, length, room);
		/* The rest of a capability that another one covers in part */
		if (room > size - position)
			return blame(lists, VIRTIO_MMR_LISTS_OVERRUN, position, id, room,
				     size - position);
	}
	return VIRTIO_MMR_LISTS_FIT;
}

/**
 * virtio_mmr_lists_validate - check the capability lists of a function
 * @lists: room for the work; the capability at fault is stored there
 * @space: how to read them
 *
 * Return: VIRTIO_MMR_LISTS_FIT if vfio-pci-core touches only its copy of configuration space.
 * That holds as long as the device gives it the same answers.
 */
enum virtio_mmr_lists_defect
virtio_mmr_lists_validate(struct virtio_mmr_lists *lists, struct virtio_mmr_space *space)
{
	struct walk walk = { .lists = lists, .lowest.start = VIRTIO_MMR_CONFIG_SIZE_EXTENDED };
	enum virtio_mmr_lists_defect defect;

	/* The device may answer differently than before */
	virtio_mmr_space_forget(space);
	lists->space = space;
	lists->position = 0;
	lists->count = 0;
	virtio_mmr_bits_clear(lists->seen, sizeof(lists->seen));
	defect = walk_conventional(&walk);
	if (!defect)
		defect = walk_extended(&walk);
	if (!defect && walk.is_tangled)
		defect = find_merged(&walk);
	return space->unreadable ? VIRTIO_MMR_LISTS_UNREADABLE : defect;
}

/**
 * virtio_mmr_lists_explain - describe the defect of the lists, for people
 * @text: where to store it, one line without its end
 * @size: of @text in bytes; VIRTIO_MMR_LISTS_EXPLANATION_SIZE is always enough
 * @lists: as virtio_mmr_lists_validate() left it
 * @defect: result of virtio_mmr_lists_validate(); for VIRTIO_MMR_LISTS_FIT the text is empty
 */
void virtio_mmr_lists_explain(char *text, size_t size,
			      const struct virtio_mmr_lists *lists,
			      enum virtio_mmr_lists_defect defect)
{
	const char *kind = lists->position < VIRTIO_MMR_CONFIG_SIZE ? "" : "extended ";

	switch (defect) {
	case VIRTIO_MMR_LISTS_FIT:
		virtio_mmr_format(text, size, "%s", "");
		break;
	case VIRTIO_MMR_LISTS_UNREADABLE:
		virtio_mmr_format(text, size, "configuration space cannot be read");
		break;
	case VIRTIO_MMR_LISTS_OVERRUN:
		virtio_mmr_format(text, size,
				  "%scapability 0x%02x at 0x%x has %u bytes, but only %u are left of configuration space",
				  kind, lists->id, lists->position, lists->length, lists->room);
		break;
	case VIRTIO_MMR_LISTS_LOOP:
		virtio_mmr_format(text, size, "the list of %scapabilities comes back to 0x%02x at 0x%x",
				  kind, lists->id, lists->position);
		break;
	case VIRTIO_MMR_LISTS_OVERLAP:
		virtio_mmr_format(text, size,
				  "extended capability 0x%02x of %u bytes at 0x%x and another one overlap, and one of them is a DVSEC",
				  lists->id, lists->length, lists->position);
		break;
	case VIRTIO_MMR_LISTS_CROWDED:
		virtio_mmr_format(text, size,
				  "%scapability 0x%02x at 0x%x comes after %u others, which are too many",
				  kind, lists->id, lists->position, lists->room);
		break;
	case VIRTIO_MMR_LISTS_MERGE:
		virtio_mmr_format(text, size,
				  "%scapabilities 0x%02x at 0x%x touch each other and have %u bytes together, more than %u",
				  kind, lists->id, lists->position, lists->length, lists->room);
		break;
	}
}
