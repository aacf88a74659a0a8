/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts from the host's sysfs about a PCI function, and binding it to drivers. */
#ifndef SELFTESTS_SYSFS_H
#define SELFTESTS_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYSFS_BDF_SIZE		20
#define SYSFS_DRIVER_SIZE	64
#define SYSFS_CONFIG_SIZE	4096
#define SYSFS_NUM_BARS		6

/* The driver under test: module, pci_driver and driver_override name alike */
#define MMR_DRIVER		"virtio_mmr_vfio_pci"

/* One type of MMR function, as the host has it and as the guest must see it */
struct mmr_type {
	const char *name;
	uint16_t physical_id;
	uint16_t transitional_id;
	uint16_t virtio_id;
};

/* The legacy register window, as the capability in config space gives it */
struct mmr_window {
	uint8_t bar;
	uint64_t offset;
	uint64_t length;
	bool wrapped;
};

/* Accepts [ssss:]bb:dd.f and gives the form that sysfs uses */
bool sysfs_parse_bdf(const char *text, char bdf[SYSFS_BDF_SIZE]);
bool sysfs_exists(const char *bdf);

/* The number in an attribute file; ends the test if there is none */
unsigned long sysfs_number(const char *bdf, const char *attribute);

/* The driver's counters of a function that was open, relative to /sys/bus/pci/devices/BDF */
#define SYSFS_COUNTERS		"virtio_mmr_counters"

bool sysfs_counters_exist(const char *bdf);

/* One of them; ends the test if it is not there */
unsigned long sysfs_counter(const char *bdf, const char *name);

/* MMR type by PCI ID; NULL if the function is none */
const struct mmr_type *sysfs_type(const char *bdf);

/* The first capability of cfg_type 10 in the host's view of config space */
bool sysfs_window(const char *bdf, struct mmr_window *window);

/* The first bytes of the host's view of config space. The number that was read, or -1 */
ssize_t sysfs_read_config(const char *bdf, void *bytes, size_t size);

/* All of it. Ends the test if it is short */
void sysfs_config(const char *bdf, uint8_t config[SYSFS_CONFIG_SIZE]);

/* A BAR of the function itself, as the host has assigned it */
struct sysfs_bar {
	uint64_t size;		/* 0: there is none, or it is an upper half */
	bool is_64_bit;
};

void sysfs_bars(const char *bdf, struct sysfs_bar bars[SYSFS_NUM_BARS]);

/* Whether it is an SR-IOV virtual function, and of which physical function */
bool sysfs_is_vf(const char *bdf);
bool sysfs_physical_function(const char *bdf, char pf[SYSFS_BDF_SIZE]);

/* Number of the IOMMU group; negative error code if there is none */
int sysfs_iommu_group(const char *bdf);

/* Name of the bound driver, an empty string if unbound */
void sysfs_driver(const char *bdf, char driver[SYSFS_DRIVER_SIZE]);

/*
 * sysfs_override() sets driver_override, or clears it for NULL. sysfs_probe() asks for a
 * driver. sysfs_unbind() releases the present driver. They return 0 or a negative error code.
 * sysfs_bind() does all three and checks the result, because drivers_probe succeeds even if no
 * driver accepts the function.
 */
int sysfs_override(const char *bdf, const char *driver);
int sysfs_probe(const char *bdf);
int sysfs_unbind(const char *bdf);
int sysfs_bind(const char *bdf, const char *driver);

/*
 * Operations of root without the driver's knowledge: reset the function, and set bits of its
 * COMMAND register. 0 or a negative error code.
 */
int sysfs_reset(const char *bdf);
int sysfs_command(const char *bdf, uint16_t set);

/* The attribute's text without its line feed; ends the test if there is none */
void sysfs_text(const char *bdf, const char *attribute, char *text, size_t size);

/* 0 or a negative error code */
int sysfs_write(const char *bdf, const char *attribute, const char *text);

/* Waits for runtime suspend. False, with a report, if it does not come */
bool sysfs_becomes_suspended(const char *bdf, unsigned int milliseconds);

#endif /* SELFTESTS_SYSFS_H */
