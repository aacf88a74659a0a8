// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "report.h"

/* kselftest's KSFT_SKIP */
#define EXIT_SKIPPED	4
#define FUNCTIONS_MAX	64

static char bdfs[FUNCTIONS_MAX][SYSFS_BDF_SIZE];
static unsigned int count;

static bool add(const char *text)
{
	char bdf[SYSFS_BDF_SIZE];

	if (!sysfs_parse_bdf(text, bdf))
		return false;
	if (count == FUNCTIONS_MAX)
		fail("more than %u functions given", FUNCTIONS_MAX);
	strcpy(bdfs[count++], bdf);
	return true;
}

/* As TAP comments. The caller adds the first "# " and the last line feed */
static const char *how_to_bind(const char *bdf)
{
	static char text[512];

	if (getenv("VIRTIO_MMR_VM"))
		snprintf(text, sizeof(text), "#   tools/vm/vfs bind %s", bdf);
	else
		snprintf(text, sizeof(text),
			 "#   modprobe " MMR_DRIVER "\n"
			 "#   echo %s >/sys/bus/pci/devices/%s/driver/unbind    # if it has a driver\n"
			 "#   echo " MMR_DRIVER " >/sys/bus/pci/devices/%s/driver_override\n"
			 "#   echo %s >/sys/bus/pci/drivers_probe",
			 bdf, bdf, bdf, bdf);
	return text;
}

static void check(const char *bdf)
{
	char driver[SYSFS_DRIVER_SIZE];

	if (!sysfs_exists(bdf))
		fail("%s: no such PCI function; see lspci -D", bdf);
	if (!sysfs_type(bdf))
		fail("%s: device %04lx:%04lx is no MMR function", bdf,
		     sysfs_number(bdf, "vendor"), sysfs_number(bdf, "device"));
	sysfs_driver(bdf, driver);
	if (strcmp(driver, MMR_DRIVER))
		fail("%s: bound to '%s', not to " MMR_DRIVER "; bind it with:\n%s",
		     bdf, driver[0] ? driver : "no driver", how_to_bind(bdf));
}

void functions_init(int *argc, char **argv)
{
	const char *list = getenv("VIRTIO_MMR_BDFS");
	unsigned int i;

	/* The harness's own -h and -l need no device */
	if (*argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "-l")))
		return;

	while (*argc > 1 && add(argv[*argc - 1]))
		argv[--*argc] = NULL;

	if (!count && list) {
		char *copy = strdup(list), *word;

		for (word = strtok(copy, " ,\t\n"); word; word = strtok(NULL, " ,\t\n"))
			if (!add(word))
				fail("VIRTIO_MMR_BDFS: '%s' is no PCI address such as 0000:01:00.1",
				     word);
		free(copy);
	}

	if (!count) {
		puts("TAP version 13");
		puts("1..0 # SKIP no MMR function given");
		puts("# Bind one, for example 0000:01:00.1, to " MMR_DRIVER ":");
		puts(how_to_bind("0000:01:00.1"));
		puts("# and name it:");
		printf("#   VIRTIO_MMR_BDFS=\"0000:01:00.1\" %s\n", argv[0]);
		puts("# Data on it is lost. Without such hardware: selftests/vmtest.sh runs all");
		puts("# tests in virtual machines.");
		exit(EXIT_SKIPPED);
	}

	for (i = 0; i < count; i++)
		check(bdfs[i]);
}

const char *functions_find(const char *type, unsigned int nth)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (type && strcmp(sysfs_type(bdfs[i])->name, type))
			continue;
		if (!nth--)
			return bdfs[i];
	}
	return NULL;
}

const char *functions_prefer(const char *type)
{
	const char *bdf = functions_find(type, 0);

	return bdf ? bdf : functions_find(NULL, 0);
}
