// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to BAR0 for tests in shell:
 *	ports BDF OFFSET.WIDTH[=VALUE]...
 * For each argument it reads and prints the value, or writes. It keeps the order given and
 * opens the device once. Numbers are in C's notation, WIDTH is 1, 2 or 4.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/session.h"

int main(int argc, char **argv)
{
	struct session session = {};
	struct vfio_device *device;
	char bdf[SYSFS_BDF_SIZE];
	int i;

	if (argc < 3 || !sysfs_parse_bdf(argv[1], bdf))
		fail("usage: %s BDF OFFSET.WIDTH[=VALUE]...", argv[0]);
	session.bdf = bdf;
	device = session_attach(&session);
	vfio_command(device, PCI_COMMAND_IO, 0);
	for (i = 2; i < argc; i++) {
		unsigned long offset, width, value = 0;
		bool write = false;
		char *end;

		offset = strtoul(argv[i], &end, 0);
		width = *end == '.' ? strtoul(end + 1, &end, 0) : 0;
		if (*end == '=') {
			write = true;
			value = strtoul(end + 1, &end, 0);
		}
		if (*end || (width != 1 && width != 2 && width != 4))
			fail("'%s' is no access such as 0x12.1 or 0x0e.2=1", argv[i]);
		if (write)
			legacy_write(device, offset, width, value);
		else
			printf("%#x\n", legacy_read(device, offset, width));
	}
	session_detach(&session);
	return 0;
}
