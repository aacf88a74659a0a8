/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODERN_H
#define MODERN_H

#include "function.h"

extern const struct virtio_mmr_port_ops modern_registers;

unsigned int modern_part(const struct function *function, unsigned int bar, uint64_t offset,
			 unsigned int width, bool write);
bool modern_read(struct function *function, unsigned int bar, uint64_t offset, uint8_t *data,
		 unsigned int width);
bool modern_write(struct function *function, unsigned int bar, uint64_t offset,
		  const uint8_t *data, unsigned int width);

#endif /* MODERN_H */
