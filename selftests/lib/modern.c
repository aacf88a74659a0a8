// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <time.h>

#include "modern.h"
#include "report.h"

#define AREA_SIZE	(1 << 17)
#define BUFFER_SIZE	64
#define ENTRIES_MAX	64

static uint64_t access_structure(struct modern *modern, const struct modern_structure *structure,
				 uint64_t offset, unsigned int width, const uint64_t *value)
{
	uint64_t got = 0;
	ssize_t done;

	done = value ? vfio_write(modern->device, structure->bar, structure->offset + offset,
				  value, width) :
		       vfio_read(modern->device, structure->bar, structure->offset + offset, &got,
				 width);
	if (done != (ssize_t)width)
		fail("%s: %s of %u bytes at %#llx of BAR %u: %zd", modern->device->bdf,
		     value ? "write" : "read", width,
		     (unsigned long long)(structure->offset + offset), structure->bar, done);
	return got;
}

bool modern_find(struct modern *modern, struct vfio_device *device)
{
	unsigned int at, at_multiplier, steps, type, found = 0;

	memset(modern, 0, sizeof(*modern));
	modern->device = device;
	at = vfio_config_read(device, PCI_CAPABILITY_LIST, 1) & ~3u;
	for (steps = 0; at && steps < 48;
	     at = vfio_config_read(device, at + PCI_CAP_LIST_NEXT, 1) & ~3u, steps++) {
		struct modern_structure structure;

		if (vfio_config_read(device, at, 1) != PCI_CAP_ID_VNDR)
			continue;
		type = vfio_config_read(device, at + VIRTIO_PCI_CAP_CFG_TYPE, 1);
		if (type == VIRTIO_PCI_CAP_PCI_CFG)
			modern->window = at;
		structure.bar = vfio_config_read(device, at + VIRTIO_PCI_CAP_BAR, 1);
		structure.offset = vfio_config_read(device, at + VIRTIO_PCI_CAP_OFFSET, 4);
		structure.length = vfio_config_read(device, at + VIRTIO_PCI_CAP_LENGTH, 4);
		/* The first of each type counts */
		if (type > VIRTIO_PCI_CAP_DEVICE_CFG || found & 1u << type)
			continue;
		found |= 1u << type;
		if (type == VIRTIO_PCI_CAP_COMMON_CFG)
			modern->common = structure;
		else if (type == VIRTIO_PCI_CAP_ISR_CFG)
			modern->isr = structure;
		else if (type == VIRTIO_PCI_CAP_DEVICE_CFG)
			modern->config = structure;
		if (type != VIRTIO_PCI_CAP_NOTIFY_CFG)
			continue;
		modern->notify = structure;
		at_multiplier = at + VIRTIO_PCI_NOTIFY_CAP_MULT;
		modern->notify_multiplier = vfio_config_read(device, at_multiplier, 4);
	}
	return modern->common.length && modern->isr.length && modern->notify.length;
}

uint32_t modern_read(struct modern *modern, unsigned int offset, unsigned int width)
{
	return access_structure(modern, &modern->common, offset, width, NULL);
}

void modern_write(struct modern *modern, unsigned int offset, unsigned int width,
		  uint32_t value)
{
	const uint64_t bytes = value;

	access_structure(modern, &modern->common, offset, width, &bytes);
}

uint8_t modern_isr(struct modern *modern)
{
	return access_structure(modern, &modern->isr, 0, 1, NULL);
}

static void set_window(struct modern *modern, const struct modern_structure *structure,
		       unsigned int offset, unsigned int width)
{
	struct vfio_device *device = modern->device;
	unsigned int at = modern->window;

	vfio_config_write(device, at + VIRTIO_PCI_CAP_BAR, 1, structure->bar);
	vfio_config_write(device, at + VIRTIO_PCI_CAP_OFFSET, 4, structure->offset + offset);
	vfio_config_write(device, at + VIRTIO_PCI_CAP_LENGTH, 4, width);
}

uint32_t modern_window_read(struct modern *modern, const struct modern_structure *structure,
			    unsigned int offset, unsigned int width)
{
	set_window(modern, structure, offset, width);
	return vfio_config_read(modern->device, modern->window + sizeof(struct virtio_pci_cap),
				width);
}

void modern_window_write(struct modern *modern, const struct modern_structure *structure,
			 unsigned int offset, unsigned int width, uint32_t value)
{
	set_window(modern, structure, offset, width);
	vfio_config_write(modern->device, modern->window + sizeof(struct virtio_pci_cap), width,
			  value);
}

void modern_wait_for_reset(struct modern *modern)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	unsigned int waited = 0;

	while (modern_read(modern, VIRTIO_PCI_COMMON_STATUS, 1)) {
		if (waited++ == LEGACY_TIMEOUT)
			fail("%s: the reset does not end", modern->device->bdf);
		nanosleep(&millisecond, NULL);
	}
}

void modern_reset(struct modern *modern)
{
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	modern_wait_for_reset(modern);
}

static uint32_t features(struct modern *modern, unsigned int half)
{
	modern_write(modern, VIRTIO_PCI_COMMON_DFSELECT, 4, half);
	return modern_read(modern, VIRTIO_PCI_COMMON_DF, 4);
}

static void write_address(struct modern *modern, unsigned int offset, const void *memory)
{
	uint64_t iova = iova_of(&modern->area, memory);

	modern_write(modern, offset, 4, iova);
	modern_write(modern, offset + 4, 4, iova >> 32);
}

void modern_restart(struct modern *modern)
{
	const uint64_t wanted = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_ACCESS_PLATFORM;
	struct vfio_device *device = modern->device;
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	unsigned int entries;
	void *memory;

	memset(modern->area.memory, 0, modern->area.size);
	modern->area.used = 0;
	modern->last_used = 0;
	vfio_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
	modern_reset(modern);
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, status);
	status |= VIRTIO_CONFIG_S_DRIVER;
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, status);
	modern->features = (features(modern, 0) | (uint64_t)features(modern, 1) << 32) & wanted;
	modern_write(modern, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	modern_write(modern, VIRTIO_PCI_COMMON_GF, 4, modern->features);
	modern_write(modern, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	modern_write(modern, VIRTIO_PCI_COMMON_GF, 4, modern->features >> 32);
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, status);
	if (!(modern_read(modern, VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_FEATURES_OK))
		fail("%s: refuses the features %#llx", device->bdf,
		     (unsigned long long)modern->features);

	modern_write(modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	entries = modern_read(modern, VIRTIO_PCI_COMMON_Q_SIZE, 2);
	if (!entries)
		fail("%s: no queue 0", device->bdf);
	if (entries > ENTRIES_MAX)
		entries = ENTRIES_MAX;
	modern_write(modern, VIRTIO_PCI_COMMON_Q_SIZE, 2, entries);
	memory = iova_take(&modern->area, vring_size(entries, 64), 4096);
	vring_init(&modern->ring, entries, memory, 64);
	modern->buffer = iova_take(&modern->area, 4096, 4096);
	write_address(modern, VIRTIO_PCI_COMMON_Q_DESCLO, modern->ring.desc);
	write_address(modern, VIRTIO_PCI_COMMON_Q_AVAILLO, modern->ring.avail);
	write_address(modern, VIRTIO_PCI_COMMON_Q_USEDLO, modern->ring.used);
	if (device->vectors) {
		modern_write(modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, 0);
		if (modern_read(modern, VIRTIO_PCI_COMMON_Q_MSIX, 2))
			fail("%s: queue 0 refuses MSI-X vector 0", device->bdf);
	}
	modern_write(modern, VIRTIO_PCI_COMMON_Q_ENABLE, modern->enables_by_bytes ? 1 : 2, 1);
	if (modern->enables_by_bytes)
		modern_write(modern, VIRTIO_PCI_COMMON_Q_ENABLE + 1, 1, 0);
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

void modern_start(struct modern *modern, uint64_t iova)
{
	iova_map(&modern->area, modern->device->container, iova, AREA_SIZE);
	modern_restart(modern);
}

void modern_stop(struct modern *modern)
{
	modern_reset(modern);
	iova_unmap(&modern->area);
}

bool modern_works(struct modern *modern)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	static const uint8_t zeros[BUFFER_SIZE];
	struct vring *ring = &modern->ring;
	unsigned int waited = 0;
	uint64_t doorbell;
	uint16_t offset;
	const uint64_t queue = 0;

	memset(modern->buffer, 0, BUFFER_SIZE);
	ring->desc[0].addr = iova_of(&modern->area, modern->buffer);
	ring->desc[0].len = BUFFER_SIZE;
	ring->desc[0].flags = VRING_DESC_F_WRITE;
	ring->avail->ring[ring->avail->idx % ring->num] = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&ring->avail->idx, ring->avail->idx + 1, __ATOMIC_SEQ_CST);

	modern_write(modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	offset = modern_read(modern, VIRTIO_PCI_COMMON_Q_NOFF, 2);
	doorbell = (uint64_t)offset * modern->notify_multiplier;
	access_structure(modern, &modern->notify, doorbell, 2, &queue);
	while (__atomic_load_n(&ring->used->idx, __ATOMIC_SEQ_CST) == modern->last_used) {
		if (waited++ == LEGACY_TIMEOUT) {
			report("%s: no answer of the device", modern->device->bdf);
			return false;
		}
		nanosleep(&millisecond, NULL);
	}
	modern->last_used++;
	return memcmp(modern->buffer, zeros, BUFFER_SIZE);
}
