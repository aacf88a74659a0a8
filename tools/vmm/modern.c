// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Modern drivers without MSI-X. The pages with these registers are not the guest's memory where
 * that costs notifications nothing (the core's mapping), so INTx can follow such drivers, too.
 */
#include <string.h>

#include <linux/virtio_pci.h>

#include "intx.h"
#include "modern.h"
#include "msix.h"

/* The register of the common configuration that corresponds to a legacy one */
static uint64_t place_of(const struct function *function, uint32_t offset)
{
	uint64_t start = function->scan.common_config.offset;

	switch (offset) {
	case VIRTIO_MMR_QUEUE_ADDRESS:
	case VIRTIO_MMR_QUEUE_ADDRESS + 1:
		return start + VIRTIO_PCI_COMMON_Q_ENABLE + offset - VIRTIO_MMR_QUEUE_ADDRESS;
	case VIRTIO_MMR_QUEUE_SELECT:
		return start + VIRTIO_PCI_COMMON_Q_SELECT;
	case VIRTIO_MMR_CONFIG_VECTOR:
		return start + VIRTIO_PCI_COMMON_MSIX;
	default:
		return start + VIRTIO_PCI_COMMON_Q_MSIX;
	}
}

static uint32_t read_register(void *context, uint32_t offset, uint32_t width)
{
	struct function *function = context;

	(void)width;
	return function_bar_read(function, function->scan.common_config.bar,
				 place_of(function, offset), 2) & 0xffff;
}

static void write_register(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
	struct function *function = context;

	function_bar_write(function, function->scan.common_config.bar, place_of(function, offset),
			   width, value);
}

/* A queue with an address is here one that is enabled. The guest may do that by bytes. */
const struct virtio_mmr_port_ops modern_registers = {
	.read = read_register, .write = write_register,
};

/* Returns the offset in the common configuration, or a large number elsewhere. */
static uint64_t in_common(const struct function *function, unsigned int bar, uint64_t offset)
{
	if (!function->scan.has_common_config || bar != function->scan.common_config.bar)
		return ~0ull;
	return offset - function->scan.common_config.offset;
}

/* Also of one of its bytes */
static bool is_vector(uint64_t offset)
{
	offset &= ~1ull;
	return offset == VIRTIO_PCI_COMMON_MSIX || offset == VIRTIO_PCI_COMMON_Q_MSIX;
}

/**
 * modern_part - split an access that covers a register that INTx matters for, and others
 * @function: the function
 * @bar: number, the function's
 * @offset: in it, a multiple of @width
 * @width: 1, 2, 4 or 8 bytes
 * @write: it is a write
 *
 * A device may answer a wide access in another way than its parts. So there are no parts without
 * need, and they are those of the driver.
 *
 * Return: the number of bytes to access first, a power of two.
 */
unsigned int modern_part(const struct function *function, unsigned int bar, uint64_t offset,
			 unsigned int width, bool write)
{
	static const struct {
		uint8_t offset, width;
	} registers[] = {
		{ VIRTIO_PCI_COMMON_MSIX, 2 }, { VIRTIO_PCI_COMMON_STATUS, 1 },
		{ VIRTIO_PCI_COMMON_Q_MSIX, 2 }, { VIRTIO_PCI_COMMON_Q_ENABLE, 2 },
	};
	uint64_t at = in_common(function, bar, offset);
	unsigned int i;

	if (!virtio_mmr_view_pin(&function->view))
		return width;
	if (!write && function->scan.has_isr && bar == function->scan.isr.bar &&
	    function->scan.isr.offset - offset < width)
		return 1;
	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (is_vector(registers[i].offset) ? !function->intx.state.engaged : !write)
			continue;
		while (width > registers[i].width && registers[i].offset - at < width)
			width /= 2;
	}
	return width;
}

/**
 * modern_read - the guest reads from a BAR
 * @function: the function
 * @bar: number, the function's
 * @offset: in it
 * @data: where to put the bytes
 * @width: their number
 *
 * Return: false if this is no register that INTx matters for.
 */
bool modern_read(struct function *function, unsigned int bar, uint64_t offset, uint8_t *data,
		 unsigned int width)
{
	if (!virtio_mmr_view_pin(&function->view))
		return false;
	if (function->scan.has_isr && bar == function->scan.isr.bar && width == 1 &&
	    offset == function->scan.isr.offset) {
		*data = intx_read_isr(function, bar, offset);
		return true;
	}
	if (!function->intx.state.engaged || !is_vector(in_common(function, bar, offset)))
		return false;
	memset(data, 0xff, width);
	return true;
}

static void enable_queue(struct function *function, unsigned int shift, const uint8_t *data,
			 unsigned int width)
{
	uint32_t value = width == 1 ? *data : virtio_mmr_get_le16(data);

	if (value) {
		function->intx.is_modern = true;
		intx_begin(function, VIRTIO_MMR_STARTS_QUEUE);
	}
	intx_refused(function,
		     virtio_mmr_vectors_enable(&function->intx.vectors,
					       function->intx.state.engaged, &modern_registers,
					       function, shift, width, value));
}

static void write_status(struct function *function, uint8_t status)
{
	/* The device may interrupt until its reset is over, and as soon as it is set up. */
	intx_hold(function, !status);
	function_bar_write(function, function->scan.common_config.bar,
			   function->scan.common_config.offset + VIRTIO_PCI_COMMON_STATUS, 1,
			   status);
	if (!status) {
		intx_was_reset(function);
		return;
	}
	function->intx.is_modern = true;
	if (function->intx.state.engaged)
		intx_refused(function, virtio_mmr_vectors_set_config(&function->intx.vectors,
								     &modern_registers, function));
}

/**
 * modern_write - the guest writes to a BAR
 * @function: the function
 * @bar: number, the function's
 * @offset: in it
 * @data: the bytes
 * @width: their number
 *
 * Return: false if this is no register that INTx matters for.
 */
bool modern_write(struct function *function, unsigned int bar, uint64_t offset,
		  const uint8_t *data, unsigned int width)
{
	uint64_t at = in_common(function, bar, offset);

	if (!virtio_mmr_view_pin(&function->view))
		return false;
	if (at == VIRTIO_PCI_COMMON_STATUS && width == 1)
		write_status(function, *data);
	else if (at - VIRTIO_PCI_COMMON_Q_ENABLE < 2)
		enable_queue(function, at - VIRTIO_PCI_COMMON_Q_ENABLE, data, width);
	else
		return function->intx.state.engaged && is_vector(at);
	return true;
}
