/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MMRVMM_VFIO_H
#define MMRVMM_VFIO_H

#include "function.h"

void vfio_add(struct machine *machine, const char *bdf);

#endif /* MMRVMM_VFIO_H */
