/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IO_BAR_H
#define IO_BAR_H

#include "function.h"

void io_bar_read(struct function *function, unsigned int offset, uint8_t *data,
		 unsigned int width);
void io_bar_write(struct function *function, unsigned int offset, const uint8_t *data,
		  unsigned int width);

#endif /* IO_BAR_H */
