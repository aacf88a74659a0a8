/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IOMMU_H
#define IOMMU_H

#include "machine.h"

int iommu_open(struct machine *machine, const char *bdf);

#endif /* IOMMU_H */
