/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of a device's legacy feature bits and of the fields of its device-specific
 * configuration (virtio 1.4, 5 and 6.3).
 */
#ifndef MMRCTL_LEGACY_FEATURES_H
#define MMRCTL_LEGACY_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#define FIELD_ALWAYS	32

/**
 * struct field - a field of a device-specific configuration
 * @virtio_id: virtio device ID of the type
 * @name: as virtio calls it
 * @offset: in bytes
 * @width: 1, 2, 4 or 8 bytes; 6 for a MAC address; 0 for text whose length is in
 *	the 16 bits before it
 * @feature: bit without which the field means nothing, or FIELD_ALWAYS
 */
struct field {
	uint16_t virtio_id;
	const char *name;
	uint8_t offset, width, feature;
};

/* NULL if the bit has no name in this type */
const char *feature_name(uint16_t virtio_id, unsigned int bit);

/* The next field of a type after @previous, from the first one for NULL; NULL at the end */
const struct field *next_field(uint16_t virtio_id, const struct field *previous);

#endif /* MMRCTL_LEGACY_FEATURES_H */
