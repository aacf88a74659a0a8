// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>

#include "legacy_features.h"

enum {
	NET = 1, BLOCK = 2, CONSOLE = 3, ENTROPY = 4, BALLOON = 5, SCSI = 8, P9 = 9,
	ANY = 0,
};

static const struct {
	uint16_t virtio_id;
	uint8_t bit;
	const char *name;
} features[] = {
	{ ANY, 24, "NOTIFY_ON_EMPTY" },
	{ ANY, 27, "ANY_LAYOUT" },
	{ ANY, 28, "INDIRECT_DESC" },
	{ ANY, 29, "EVENT_IDX" },
	{ NET, 0, "CSUM" },
	{ NET, 1, "GUEST_CSUM" },
	{ NET, 2, "CTRL_GUEST_OFFLOADS" },
	{ NET, 3, "MTU" },
	{ NET, 5, "MAC" },
	{ NET, 6, "GSO" },
	{ NET, 7, "GUEST_TSO4" },
	{ NET, 8, "GUEST_TSO6" },
	{ NET, 9, "GUEST_ECN" },
	{ NET, 10, "GUEST_UFO" },
	{ NET, 11, "HOST_TSO4" },
	{ NET, 12, "HOST_TSO6" },
	{ NET, 13, "HOST_ECN" },
	{ NET, 14, "HOST_UFO" },
	{ NET, 15, "MRG_RXBUF" },
	{ NET, 16, "STATUS" },
	{ NET, 17, "CTRL_VQ" },
	{ NET, 18, "CTRL_RX" },
	{ NET, 19, "CTRL_VLAN" },
	{ NET, 20, "CTRL_RX_EXTRA" },
	{ NET, 21, "GUEST_ANNOUNCE" },
	{ NET, 22, "MQ" },
	{ NET, 23, "CTRL_MAC_ADDR" },
	{ BLOCK, 0, "BARRIER" },
	{ BLOCK, 1, "SIZE_MAX" },
	{ BLOCK, 2, "SEG_MAX" },
	{ BLOCK, 4, "GEOMETRY" },
	{ BLOCK, 5, "RO" },
	{ BLOCK, 6, "BLK_SIZE" },
	{ BLOCK, 7, "SCSI" },
	{ BLOCK, 9, "FLUSH" },
	{ BLOCK, 10, "TOPOLOGY" },
	{ BLOCK, 11, "CONFIG_WCE" },
	{ BLOCK, 12, "MQ" },
	{ BLOCK, 13, "DISCARD" },
	{ BLOCK, 14, "WRITE_ZEROES" },
	{ CONSOLE, 0, "SIZE" },
	{ CONSOLE, 1, "MULTIPORT" },
	{ CONSOLE, 2, "EMERG_WRITE" },
	{ BALLOON, 0, "MUST_TELL_HOST" },
	{ BALLOON, 1, "STATS_VQ" },
	{ BALLOON, 2, "DEFLATE_ON_OOM" },
	{ BALLOON, 3, "FREE_PAGE_HINT" },
	{ BALLOON, 4, "PAGE_POISON" },
	{ BALLOON, 5, "PAGE_REPORTING" },
	{ SCSI, 0, "INOUT" },
	{ SCSI, 1, "HOTPLUG" },
	{ SCSI, 2, "CHANGE" },
	{ SCSI, 3, "T10_PI" },
	{ P9, 0, "MOUNT_TAG" },
};

static const struct field fields[] = {
	{ NET, "mac", 0, 6, 5 },
	{ NET, "status", 6, 2, 16 },
	{ NET, "max_virtqueue_pairs", 8, 2, 22 },
	{ NET, "mtu", 10, 2, 3 },
	{ BLOCK, "capacity", 0, 8, FIELD_ALWAYS },
	{ BLOCK, "size_max", 8, 4, 1 },
	{ BLOCK, "seg_max", 12, 4, 2 },
	{ BLOCK, "cylinders", 16, 2, 4 },
	{ BLOCK, "heads", 18, 1, 4 },
	{ BLOCK, "sectors", 19, 1, 4 },
	{ BLOCK, "blk_size", 20, 4, 6 },
	{ CONSOLE, "cols", 0, 2, 0 },
	{ CONSOLE, "rows", 2, 2, 0 },
	{ CONSOLE, "max_nr_ports", 4, 4, 1 },
	{ BALLOON, "num_pages", 0, 4, FIELD_ALWAYS },
	{ BALLOON, "actual", 4, 4, FIELD_ALWAYS },
	{ SCSI, "num_queues", 0, 4, FIELD_ALWAYS },
	{ SCSI, "seg_max", 4, 4, FIELD_ALWAYS },
	{ SCSI, "max_sectors", 8, 4, FIELD_ALWAYS },
	{ SCSI, "cmd_per_lun", 12, 4, FIELD_ALWAYS },
	{ SCSI, "event_info_size", 16, 4, FIELD_ALWAYS },
	{ SCSI, "sense_size", 20, 4, FIELD_ALWAYS },
	{ SCSI, "cdb_size", 24, 4, FIELD_ALWAYS },
	{ SCSI, "max_channel", 28, 2, FIELD_ALWAYS },
	{ SCSI, "max_target", 30, 2, FIELD_ALWAYS },
	{ SCSI, "max_lun", 32, 4, FIELD_ALWAYS },
	{ P9, "tag", 2, 0, 0 },
};

const char *feature_name(uint16_t virtio_id, unsigned int bit)
{
	size_t i;

	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (features[i].bit == bit &&
		    (features[i].virtio_id == ANY || features[i].virtio_id == virtio_id))
			return features[i].name;
	return NULL;
}

const struct field *next_field(uint16_t virtio_id, const struct field *previous)
{
	const struct field *field = previous ? previous + 1 : fields;

	for (; field < fields + sizeof(fields) / sizeof(fields[0]); field++)
		if (field->virtio_id == virtio_id)
			return field;
	return NULL;
}
