/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXITS_H
#define EXITS_H

#include "machine.h"

void exits_read_port(struct machine *machine, uint16_t port, uint8_t *data, unsigned int width);
void exits_write_port(struct machine *machine, uint16_t port, const uint8_t *data,
		      unsigned int width);
void exits_read_memory(struct machine *machine, uint64_t address, uint8_t *data,
		       unsigned int width);
void exits_write_memory(struct machine *machine, uint64_t address, const uint8_t *data,
			unsigned int width);

#endif /* EXITS_H */
