/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MSIX_H
#define MSIX_H

#include "function.h"

uint8_t msix_read_control(const struct function *function, uint8_t byte);
void msix_write_control(struct function *function, uint8_t byte);
bool msix_is_on(const struct function *function);
bool msix_covers(const struct function *function, unsigned int bar, uint64_t offset);
void msix_read(const struct function *function, uint64_t offset, uint8_t *data,
	       unsigned int width);
void msix_write(struct function *function, uint64_t offset, const uint8_t *data,
		unsigned int width);
void msix_start(struct function *function);

#endif /* MSIX_H */
