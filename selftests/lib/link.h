/* SPDX-License-Identifier: GPL-2.0-only */
/* After a failure of the link above a function, which the kernel resets. */
#ifndef SELFTESTS_LINK_H
#define SELFTESTS_LINK_H

#include "sysfs.h"

/*
 * Restores configuration space of a PF from before the failure, as a driver with recovery would.
 * Its VFs are there again then, after a reset, and without what the kernel or a user wrote to them.
 */
void link_restore_pf(const char *pf, const uint8_t config[SYSFS_CONFIG_SIZE]);

#endif /* SELFTESTS_LINK_H */
