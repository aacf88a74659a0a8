// SPDX-License-Identifier: GPL-2.0-or-later
/* What binding functions to vfio-pci and to our driver, or another, costs in time and memory. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "lib/report.h"
#include "lib/sysfs.h"
#include "target.h"

#define USAGE \
"usage: bind_cost [--exact] [--driver NAME] ROUNDS OUTPUT BDF...\n" \
"\n" \
"Binds the functions to vfio-pci and to virtio_mmr_vfio_pci in turns, ROUNDS times,\n" \
"and writes what each bind and unbind took, and the slab memory that is gone while\n" \
"they are bound, as JSON to OUTPUT. They are left without a driver.\n" \
"\n" \
"  --exact        refuse to run where the TSC does not count instructions; without\n" \
"                 this option it is nanoseconds there\n" \
"  --driver NAME  this one instead of virtio_mmr_vfio_pci\n"

#define FUNCTIONS_MAX	1024

static char bdfs[FUNCTIONS_MAX][SYSFS_BDF_SIZE];
static unsigned int count;

/* Bytes in objects of the kernel's allocator for small ones */
static uint64_t slab_bytes(void)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	unsigned long active, size;
	uint64_t bytes = 0;
	char line[512];

	if (!file)
		fail("/proc/slabinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %lu %*u %lu", &active, &size) == 2)
			bytes += (uint64_t)active * size;
	fclose(file);
	return bytes;
}

/* So that a bind does not reuse memory that others have freed */
static void settle(void)
{
	FILE *file = fopen("/proc/sys/vm/drop_caches", "we");

	if (!file || fputs("3", file) < 0 || fclose(file))
		fail("/proc/sys/vm/drop_caches: %s", strerror(errno));
	/* Functions that nobody has open go to D3 in the background, RCU frees later */
	sleep(2);
}

static void add_number(json_object *array, int64_t number)
{
	json_object_array_add(array, json_object_new_int64(number));
}

static void bind_all(const char *driver, json_object *times)
{
	char now[SYSFS_DRIVER_SIZE];
	unsigned int i;
	uint64_t start;
	int ret;

	for (i = 0; i < count; i++) {
		ret = sysfs_override(bdfs[i], driver);
		if (ret)
			fail("%s: driver_override: %s", bdfs[i], strerror(-ret));
		start = clock_now();
		ret = sysfs_probe(bdfs[i]);
		add_number(times, clock_now() - start);
		sysfs_driver(bdfs[i], now);
		if (ret || strcmp(now, driver))
			fail("%s: cannot be bound to %s; see dmesg", bdfs[i], driver);
	}
}

static void unbind_all(json_object *times)
{
	unsigned int i;
	uint64_t start;
	int ret;

	for (i = 0; i < count; i++) {
		start = clock_now();
		ret = sysfs_unbind(bdfs[i]);
		add_number(times, clock_now() - start);
		if (ret || sysfs_override(bdfs[i], NULL))
			fail("%s: cannot be unbound", bdfs[i]);
	}
}

static json_object *measure(const char *driver)
{
	json_object *binds = json_object_new_array(), *unbinds = json_object_new_array();
	json_object *result = json_object_new_object();
	uint64_t slab;

	settle();
	slab = slab_bytes();
	bind_all(driver, binds);
	settle();
	json_object_object_add(result, "driver", json_object_new_string(driver));
	json_object_object_add(result, "slab_bytes", json_object_new_int64(slab_bytes() - slab));
	unbind_all(unbinds);
	json_object_object_add(result, "bind", binds);
	json_object_object_add(result, "unbind", unbinds);
	return result;
}

int main(int argc, char **argv)
{
	const char *compared = MMR_DRIVER;
	char driver[SYSFS_DRIVER_SIZE];
	json_object *output, *results;
	unsigned long rounds, round;
	bool must_be_exact = false, exact;
	struct utsname name;
	char *end;
	int i;

	if (argc > 1 && !strcmp(argv[1], "--exact")) {
		must_be_exact = true;
		argv++;
		argc--;
	}
	if (argc > 2 && !strcmp(argv[1], "--driver")) {
		compared = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 4) {
		fputs(USAGE, stderr);
		return 2;
	}
	rounds = strtoul(argv[1], &end, 10);
	if (*end || !rounds || rounds > 1000)
		fail("ROUNDS is no number from 1 to 1000: '%s'", argv[1]);
	for (i = 3; i < argc; i++) {
		if (count == FUNCTIONS_MAX)
			fail("more than %d functions", FUNCTIONS_MAX);
		if (!sysfs_parse_bdf(argv[i], bdfs[count]) || !sysfs_exists(bdfs[count]))
			fail("%s: no such PCI function; see lspci -D", argv[i]);
		sysfs_driver(bdfs[count], driver);
		if (driver[0])
			fail("%s is bound to %s: unbind it first", bdfs[count], driver);
		count++;
	}

	exact = clock_init();
	if (must_be_exact && !exact)
		fail("the TSC does not count instructions here; see tools/vm/run --icount");
	results = json_object_new_array();
	for (round = 0; round < rounds; round++) {
		json_object_array_add(results, measure(STOCK_DRIVER));
		json_object_array_add(results, measure(compared));
	}

	uname(&name);
	output = json_object_new_object();
	json_object_object_add(output, "unit",
			       json_object_new_string(exact ? "instructions" : "nanoseconds"));
	json_object_object_add(output, "kernel", json_object_new_string(name.release));
	json_object_object_add(output, "functions", json_object_new_int(count));
	json_object_object_add(output, "results", results);
	if (json_object_to_file_ext(argv[2], output, JSON_C_TO_STRING_PLAIN))
		fail("%s: %s", argv[2], json_util_get_last_err());
	json_object_put(output);
	return 0;
}
