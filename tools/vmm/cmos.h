/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMOS_H
#define CMOS_H

#include <stdint.h>
#include <time.h>

#define CMOS_PORT_INDEX	0x70
#define CMOS_PORT_DATA	0x71

uint8_t cmos_read(uint8_t index, time_t now);

#endif /* CMOS_H */
