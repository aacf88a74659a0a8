/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_H
#define VFIO_H

#include "function.h"

void vfio_add(struct machine *machine, const char *bdf);

#endif /* VFIO_H */
