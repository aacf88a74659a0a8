// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <linux/pci_regs.h>

#include "config_space.h"

/**
 * struct config - configuration space as far as it was read
 * @dev: the function
 * @values: by dword
 * @known: a bit for each of @values
 *
 * The walks along the lists read each header several times. Each read is an access to the
 * function, and there may be a thousand functions.
 */
struct config {
	struct pci_dev *dev;
	u32 values[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4];
	u8 known[VIRTIO_MMR_CONFIG_SIZE_EXTENDED / 4 / 8];
};

static bool read_config(void *context, unsigned int position, u32 *value)
{
	struct config *config = context;
	unsigned int index = position / 4;
	u8 bit = 1 << index % 8, raw[4];

	if (!(config->known[index / 8] & bit)) {
		if (!pci_read_block(config->dev, position, raw, sizeof(raw)))
			return false;
		config->values[index] = virtio_mmr_get_le32(raw);
		config->known[index / 8] |= bit;
	}
	*value = config->values[index];
	return true;
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

static void add_capability(void *context, u16 position, const struct virtio_mmr_cap *cap,
			   enum virtio_mmr_defect defect)
{
	struct function *function = context;
	struct mmr_capability *found;

	function->capabilities = grow(function->capabilities, &function->capability_count,
				      sizeof(*function->capabilities));
	found = &function->capabilities[function->capability_count - 1];
	found->position = position;
	found->cap = *cap;
	found->defect = defect;
	virtio_mmr_cap_explain(found->why, sizeof(found->why), position, cap,
			       &function->scan.function, defect);
}

static void add_structure(void *context, const struct virtio_mmr_virtio_cap *cap)
{
	struct function *function = context;

	function->structures = grow(function->structures, &function->structure_count,
				    sizeof(*function->structures));
	function->structures[function->structure_count - 1] = *cap;
}

enum config_room config_space_load(struct function *function, struct pci_dev *dev)
{
	const struct virtio_mmr_scan_visitor visitor = {
		.capability = add_capability, .structure = add_structure, .context = function,
	};
	struct config config = { .dev = dev };
	struct virtio_mmr_space space = { .read = read_config, .context = &config };
	struct virtio_mmr_lists lists;
	u8 byte;

	if (!pci_read_block(dev, PCI_STD_HEADER_SIZEOF, &byte, 1))
		return CONFIG_RESTRICTED;
	space.size = pci_read_block(dev, VIRTIO_MMR_CONFIG_SIZE_EXTENDED - 1, &byte, 1) ?
		     VIRTIO_MMR_CONFIG_SIZE_EXTENDED : VIRTIO_MMR_CONFIG_SIZE;
	virtio_mmr_space_find_known(&space);
	virtio_mmr_scan_run(&function->scan, &space, &lists, function->vendor,
			    function->device, &visitor);
	virtio_mmr_scan_explain(function->reason, sizeof(function->reason), &function->scan,
				&lists, function->vendor, function->device);
	if (space.msix_position)
		function->msix_vectors =
			(virtio_mmr_space_word(&space, space.msix_position + PCI_MSIX_FLAGS) &
			 PCI_MSIX_FLAGS_QSIZE) + 1;
	return space.size == VIRTIO_MMR_CONFIG_SIZE ? CONFIG_CONVENTIONAL : CONFIG_EXTENDED;
}
