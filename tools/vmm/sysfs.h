/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSFS_H
#define SYSFS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

void sysfs_path(char path[PATH_MAX], const char *bdf, const char *name);
void sysfs_link(const char *bdf, const char *name, char target[PATH_MAX]);
size_t sysfs_read(const char *bdf, const char *name, void *data, size_t size);
uint16_t sysfs_id(const char *bdf, const char *name);

#endif /* SYSFS_H */
