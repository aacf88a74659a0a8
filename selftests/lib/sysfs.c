// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/virtio_mmr.h>

#include "report.h"
#include "sysfs.h"

#define DEVICES "/sys/bus/pci/devices"
/* In the third column of the file "resource" (linux/ioport.h) */
#define RESOURCE_64_BIT	0x100000

static const struct mmr_type types[] = {
	{ "net",	VIRTIO_MMR_DEVICE_NET,		0x1000, 1 },
	{ "blk",	VIRTIO_MMR_DEVICE_BLOCK,	0x1001, 2 },
	{ "balloon",	VIRTIO_MMR_DEVICE_BALLOON,	0x1002, 5 },
	{ "console",	VIRTIO_MMR_DEVICE_CONSOLE,	0x1003, 3 },
	{ "scsi",	VIRTIO_MMR_DEVICE_SCSI,		0x1004, 8 },
	{ "rng",	VIRTIO_MMR_DEVICE_RNG,		0x1005, 4 },
	{ "9p",		VIRTIO_MMR_DEVICE_9P,		0x1009, 9 },
};

bool sysfs_parse_bdf(const char *text, char bdf[SYSFS_BDF_SIZE])
{
	unsigned int domain = 0, bus, device, function;
	char rest;

	if (sscanf(text, "%8x:%2x:%2x.%1x%c", &domain, &bus, &device,
		   &function, &rest) != 4) {
		domain = 0;
		if (sscanf(text, "%2x:%2x.%1x%c", &bus, &device, &function,
			   &rest) != 3)
			return false;
	}
	snprintf(bdf, SYSFS_BDF_SIZE, "%04x:%02x:%02x.%x", domain,
		 bus & 0xff, device & 0x1f, function & 7);
	return true;
}

bool sysfs_exists(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s", bdf);
	return access(path, F_OK) == 0;
}

void sysfs_text(const char *bdf, const char *attribute, char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, attribute);
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	if (!fgets(text, size, file))
		fail("%s: empty", path);
	fclose(file);
	text[strcspn(text, "\n")] = '\0';
}

unsigned long sysfs_number(const char *bdf, const char *attribute)
{
	unsigned long number;
	char text[64], *end;

	sysfs_text(bdf, attribute, text, sizeof(text));
	number = strtoul(text, &end, 0);
	if (end == text)
		fail("%s: %s: '%s' is no number", bdf, attribute, text);
	return number;
}

bool sysfs_counters_exist(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/" SYSFS_COUNTERS, bdf);
	return !access(path, F_OK);
}

unsigned long sysfs_counter(const char *bdf, const char *name)
{
	char path[PATH_MAX], line[128], found[64];
	unsigned long value;
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/" SYSFS_COUNTERS, bdf);
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %lu", found, &value) != 2)
			fail("%s: '%s' is no counter", path, line);
		if (!strcmp(found, name)) {
			fclose(file);
			return value;
		}
	}
	fail("%s: no %s", path, name);
}

const struct mmr_type *sysfs_type(const char *bdf)
{
	unsigned long id;
	size_t i;

	if (sysfs_number(bdf, "vendor") != VIRTIO_MMR_VENDOR_ID)
		return NULL;
	id = sysfs_number(bdf, "device");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].physical_id == id)
			return &types[i];
	return NULL;
}

static uint64_t get_le(const uint8_t *bytes, size_t count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

ssize_t sysfs_read_config(const char *bdf, void *bytes, size_t size)
{
	char path[PATH_MAX];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	done = pread(fd, bytes, size, 0);
	close(fd);
	return done;
}

void sysfs_config(const char *bdf, uint8_t config[SYSFS_CONFIG_SIZE])
{
	ssize_t size = sysfs_read_config(bdf, config, SYSFS_CONFIG_SIZE);

	if (size != SYSFS_CONFIG_SIZE)
		fail("%s: %zd bytes of config space", bdf, size);
}

void sysfs_bars(const char *bdf, struct sysfs_bar bars[SYSFS_NUM_BARS])
{
	unsigned long long start, end, flags;
	char path[PATH_MAX];
	unsigned int bar;
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/resource", bdf);
	file = fopen(path, "re");
	if (!file)
		fail("%s: %s", path, strerror(errno));
	for (bar = 0; bar < SYSFS_NUM_BARS; bar++) {
		if (fscanf(file, "%llx %llx %llx", &start, &end, &flags) != 3)
			fail("%s: no line for BAR %u", path, bar);
		bars[bar].size = end ? end - start + 1 : 0;
		bars[bar].is_64_bit = flags & RESOURCE_64_BIT;
	}
	fclose(file);
}

bool sysfs_window(const char *bdf, struct mmr_window *window)
{
	uint8_t config[SYSFS_CONFIG_SIZE];
	unsigned int at, steps;

	if (sysfs_read_config(bdf, config, sizeof(config)) != sizeof(config))
		return false;

	/* A capability takes at least 8 bytes, hence the bound on the steps */
	for (at = 0x100, steps = 0; at >= 0x100 && steps < 480; steps++) {
		uint32_t header = get_le(config + at, 4);
		unsigned int body = VIRTIO_MMR_CAP_BODY_BARE;

		if (PCI_EXT_CAP_ID(header) == VIRTIO_MMR_EXT_CAP_ID) {
			window->wrapped = get_le(config + at + 4, 4) >>
					  VIRTIO_MMR_VSEC_LENGTH_SHIFT;
			if (window->wrapped)
				body = VIRTIO_MMR_CAP_BODY_WRAPPED;
			if (at + body + VIRTIO_MMR_CAP_BODY_SIZE <= sizeof(config) &&
			    config[at + body] == VIRTIO_MMR_CFG_TYPE_LEGACY) {
				const uint8_t *fields = config + at + body;

				window->bar = fields[VIRTIO_MMR_CAP_BAR];
				window->offset = get_le(fields + VIRTIO_MMR_CAP_OFFSET, 8);
				window->length = get_le(fields + VIRTIO_MMR_CAP_LENGTH, 8);
				return true;
			}
		}
		at = PCI_EXT_CAP_NEXT(header);
	}
	return false;
}

static void link_name(const char *bdf, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	name[0] = '\0';
	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, link);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	snprintf(name, size, "%s", basename(target));
}

bool sysfs_physical_function(const char *bdf, char pf[SYSFS_BDF_SIZE])
{
	link_name(bdf, "physfn", pf, SYSFS_BDF_SIZE);
	return pf[0];
}

bool sysfs_is_vf(const char *bdf)
{
	char pf[SYSFS_BDF_SIZE];

	return sysfs_physical_function(bdf, pf);
}

int sysfs_iommu_group(const char *bdf)
{
	char name[32];

	link_name(bdf, "iommu_group", name, sizeof(name));
	return name[0] ? atoi(name) : -ENOENT;
}

void sysfs_driver(const char *bdf, char driver[SYSFS_DRIVER_SIZE])
{
	link_name(bdf, "driver", driver, SYSFS_DRIVER_SIZE);
}

static int write_text(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int sysfs_write(const char *bdf, const char *attribute, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", bdf, attribute);
	return write_text(path, text);
}

int sysfs_override(const char *bdf, const char *driver)
{
	/* A line feed alone clears it; an empty write would not */
	return sysfs_write(bdf, "driver_override", driver ? driver : "\n");
}

int sysfs_probe(const char *bdf)
{
	return write_text("/sys/bus/pci/drivers_probe", bdf);
}

int sysfs_unbind(const char *bdf)
{
	return sysfs_write(bdf, "driver/unbind", bdf);
}

int sysfs_bind(const char *bdf, const char *driver)
{
	char now[SYSFS_DRIVER_SIZE];
	int ret;

	sysfs_driver(bdf, now);
	if (!strcmp(now, driver))
		return 0;
	if (now[0]) {
		ret = sysfs_unbind(bdf);
		if (ret)
			return ret;
	}
	ret = sysfs_override(bdf, driver);
	if (ret)
		return ret;
	ret = sysfs_probe(bdf);
	if (ret)
		return ret;
	sysfs_driver(bdf, now);
	return strcmp(now, driver) ? -ENODEV : 0;
}

int sysfs_reset(const char *bdf)
{
	return sysfs_write(bdf, "reset", "1");
}

int sysfs_command(const char *bdf, uint16_t set)
{
	char path[PATH_MAX];
	uint16_t command;
	int fd, ret = 0;

	snprintf(path, sizeof(path), DEVICES "/%s/config", bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (pread(fd, &command, 2, PCI_COMMAND) != 2)
		ret = -EIO;
	command |= set;
	if (!ret && pwrite(fd, &command, 2, PCI_COMMAND) != 2)
		ret = -EIO;
	close(fd);
	return ret;
}

bool sysfs_becomes_suspended(const char *bdf, unsigned int milliseconds)
{
	unsigned int waited;
	char status[32];

	for (waited = 0; waited < milliseconds; waited += 100) {
		sysfs_text(bdf, "power/runtime_status", status, sizeof(status));
		if (!strcmp(status, "suspended"))
			return true;
		usleep(100000);
	}
	report("%s: runtime power status is '%s'", bdf, status);
	return false;
}
