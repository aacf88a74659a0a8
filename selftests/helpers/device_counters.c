// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of an emulated device for tests in shell, in one line:
 *	device_counters BDF COUNTER...
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/sysfs.h"

int main(int argc, char **argv)
{
	char bdf[SYSFS_BDF_SIZE];
	struct qmp qmp;
	int i;

	if (argc < 3 || !sysfs_parse_bdf(argv[1], bdf))
		fail("usage: %s BDF COUNTER...", argv[0]);
	if (!qmp_open(&qmp, bdf))
		fail("%s is no function of tools/vm/run", bdf);
	for (i = 2; i < argc; i++)
		printf("%" PRIu64 "%c", qmp_counter(&qmp, argv[i]), i + 1 < argc ? ' ' : '\n');
	qmp_close(&qmp);
	return 0;
}
