// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "config_space.h"

#define CONVENTIONAL_SIZE	256
#define EXTENDED_SIZE		4096

/* A set of positions, which are multiples of 4 */
struct positions {
	bool seen[EXTENDED_SIZE / 4];
};

/* Whether the list has been here before; notes that it has now */
static bool comes_back(struct positions *positions, unsigned int position)
{
	bool seen = positions->seen[position / 4];

	positions->seen[position / 4] = true;
	return seen;
}

static u32 get_le32(const u8 *bytes)
{
	return bytes[0] | (u32)bytes[1] << 8 | (u32)bytes[2] << 16 | (u32)bytes[3] << 24;
}

/* An item more at the end of an array */
static void *grow(void *array, size_t *count, size_t size)
{
	array = reallocarray(array, *count + 1, size);
	if (!array)
		errx(STATUS_FAILED, "out of memory");
	memset((char *)array + *count * size, 0, size);
	++*count;
	return array;
}

static void load_msix(struct function *function, struct pci_dev *dev, unsigned int position)
{
	u8 raw[12];
	u16 flags;

	if (function->shape.has_msix)
		return;
	/* As describe_msix() of the driver has it, wherever the capability ends */
	if (!pci_read_block(dev, position, raw, sizeof(raw)))
		memset(raw, 0xff, sizeof(raw));
	flags = raw[PCI_MSIX_FLAGS] | raw[PCI_MSIX_FLAGS + 1] << 8;
	virtio_mmr_msix_decode(&function->shape, flags, get_le32(raw + PCI_MSIX_TABLE),
			       get_le32(raw + PCI_MSIX_PBA));
	function->msix_vectors = (flags & PCI_MSIX_FLAGS_QSIZE) + 1;
	function->msix_table_bar = function->shape.msix_table.bar;
	function->msix_pba_bar = function->shape.msix_pba.bar;
	function->msix_is_whole = position + sizeof(raw) <= CONVENTIONAL_SIZE;
}

static void load_structure(struct function *function, struct pci_dev *dev,
			   unsigned int position)
{
	u8 raw[sizeof(struct virtio_pci_notify_cap)] = {};
	struct virtio_structure *structure;
	unsigned int length;

	if (!pci_read_block(dev, position, raw, 4))
		return;
	length = raw[VIRTIO_PCI_CAP_LEN];
	if (length < sizeof(struct virtio_pci_cap) || position + length > CONVENTIONAL_SIZE)
		return;
	if (length > sizeof(raw))
		length = sizeof(raw);
	if (!pci_read_block(dev, position, raw, length))
		return;

	function->structures = grow(function->structures, &function->structure_count,
				    sizeof(*function->structures));
	structure = &function->structures[function->structure_count - 1];
	*structure = (struct virtio_structure){
		.position = position,
		.cfg_type = raw[VIRTIO_PCI_CAP_CFG_TYPE],
		.bar = raw[VIRTIO_PCI_CAP_BAR],
		.offset = get_le32(raw + VIRTIO_PCI_CAP_OFFSET),
		.length = get_le32(raw + VIRTIO_PCI_CAP_LENGTH),
		/* Zero where the capability is too short to have one */
		.multiplier = get_le32(raw + VIRTIO_PCI_NOTIFY_CAP_MULT),
	};
	structure->inside = !virtio_mmr_range_validate(&function->shape, structure->bar,
						       structure->offset, structure->length);
	/* A notification structure without its multiplier is none. */
	if (structure->cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG && length < sizeof(raw))
		structure->inside = false;
}

static void walk_conventional(struct function *function, struct pci_dev *dev)
{
	struct positions positions = {};
	unsigned int position;
	u8 byte = 0, header[2];

	if (!pci_read_block(dev, PCI_STATUS, header, 2) || !(header[0] & PCI_STATUS_CAP_LIST) ||
	    !pci_read_block(dev, PCI_CAPABILITY_LIST, &byte, 1))
		return;

	for (position = byte & ~3u; position >= PCI_STD_HEADER_SIZEOF;
	     position = header[1] & ~3u) {
		if (comes_back(&positions, position)) {
			function->list_loops = true;
			break;
		}
		if (!pci_read_block(dev, position, header, 2) || header[0] == 0xff)
			break;
		if (header[0] == PCI_CAP_ID_MSIX)
			load_msix(function, dev, position);
		else if (header[0] == PCI_CAP_ID_VNDR)
			load_structure(function, dev, position);
	}
}

static void load_capability(struct function *function, struct pci_dev *dev,
			    unsigned int position)
{
	size_t size = EXTENDED_SIZE - position;
	u8 raw[VIRTIO_MMR_CAP_MAX_SIZE];
	struct mmr_capability *found;

	if (!pci_read_block(dev, position, raw, size < sizeof(raw) ? size : sizeof(raw)))
		return;
	function->capabilities = grow(function->capabilities, &function->capability_count,
				      sizeof(*function->capabilities));
	found = &function->capabilities[function->capability_count - 1];
	found->position = position;
	found->defect = virtio_mmr_cap_decode(&found->cap, raw, size);
	if (!found->defect)
		found->defect = virtio_mmr_cap_validate(&found->cap, &function->shape);
	virtio_mmr_cap_explain(found->why, sizeof(found->why), position, &found->cap,
			       &function->shape, found->defect);
}

static void walk_extended(struct function *function, struct pci_dev *dev)
{
	unsigned int position = PCI_CFG_SPACE_SIZE;
	struct positions positions = {};
	u8 raw[4];

	while (position >= PCI_CFG_SPACE_SIZE) {
		u32 header;

		if (comes_back(&positions, position)) {
			function->list_loops = true;
			break;
		}
		if (!pci_read_block(dev, position, raw, sizeof(raw)))
			break;
		header = get_le32(raw);
		if (!header)
			break;
		if (PCI_EXT_CAP_ID(header) == VIRTIO_MMR_EXT_CAP_ID)
			load_capability(function, dev, position);
		position = PCI_EXT_CAP_NEXT(header);
	}
}

/* As the driver's find_structures() and find_msix_bars() have it */
static void choose_structures(struct function *function)
{
	size_t i;

	function->bar0_shared = function->msix_is_whole &&
				(!function->msix_table_bar || !function->msix_pba_bar);
	for (i = 0; i < function->structure_count; i++) {
		const struct virtio_structure *structure = &function->structures[i];

		if (structure->cfg_type != VIRTIO_PCI_CAP_PCI_CFG && !structure->bar)
			function->bar0_shared = true;
		if (structure->cfg_type == VIRTIO_PCI_CAP_COMMON_CFG &&
		    !function->common_config && structure->inside &&
		    structure->length >= VIRTIO_PCI_COMMON_Q_NOFF + 2 &&
		    structure->offset % 4 == 0)
			function->common_config = structure;
		if (structure->cfg_type == VIRTIO_PCI_CAP_NOTIFY_CFG && !function->notify &&
		    structure->inside && structure->length >= 2 && structure->offset % 2 == 0)
			function->notify = structure;
	}
	/* Doorbells need both */
	if (!function->common_config || !function->notify) {
		function->common_config = NULL;
		function->notify = NULL;
	}
}

static bool read_config(void *context, unsigned int position, u32 *value)
{
	u8 raw[4];

	if (!pci_read_block(context, position, raw, sizeof(raw)))
		return false;
	*value = get_le32(raw);
	return true;
}

/* As the driver's virtio_mmr_check_lists() has it */
static void judge_lists(struct function *function, struct pci_dev *dev, unsigned int size)
{
	struct virtio_mmr_lists lists = {
		.read = read_config, .context = dev, .size = size,
	};
	enum virtio_mmr_lists_defect defect;
	struct pci_cap *pcie;

	pci_fill_info(dev, PCI_FILL_CAPS);
	pcie = pci_find_cap(dev, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
	if (pcie)
		lists.pcie_flags = pci_read_word(dev, pcie->addr + PCI_EXP_FLAGS);
	defect = virtio_mmr_lists_validate(&lists);
	virtio_mmr_lists_explain(function->lists_defect, sizeof(function->lists_defect),
				 &lists, defect);
}

enum config_room config_space_load(struct function *function, struct pci_dev *dev)
{
	u8 byte;

	if (!pci_read_block(dev, PCI_STD_HEADER_SIZEOF, &byte, 1))
		return CONFIG_RESTRICTED;
	walk_conventional(function, dev);
	choose_structures(function);
	if (!pci_read_block(dev, EXTENDED_SIZE - 1, &byte, 1)) {
		judge_lists(function, dev, VIRTIO_MMR_CONFIG_SIZE);
		return CONFIG_CONVENTIONAL;
	}
	judge_lists(function, dev, VIRTIO_MMR_CONFIG_SIZE_EXTENDED);
	walk_extended(function, dev);
	return CONFIG_EXTENDED;
}
