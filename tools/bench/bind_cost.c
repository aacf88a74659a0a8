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
"and writes what each bind and unbind took, and the slab memory that a bound function\n" \
"takes, as JSON to OUTPUT. They are left without a driver.\n" \
"\n" \
"  --exact        refuse to run where the TSC does not count instructions; without\n" \
"                 this option it is nanoseconds there\n" \
"  --driver NAME  this one instead of virtio_mmr_vfio_pci\n"

#define FUNCTIONS_MAX	1024

#define TRACING		"/sys/kernel/tracing"
/* Functions whose memory is traced */
#define TRACED_MAX	64

static char bdfs[FUNCTIONS_MAX][SYSFS_BDF_SIZE];
static unsigned int count;

/* --- Memory ---------------------------------------------------------------------------- */

/*
 * The kernel traces each object of its slabs. What /proc/slabinfo counts depends on the slabs
 * that a CPU uses at the moment, and they are larger than what drivers differ by.
 */
static const char *const events[] = {
	"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node",
	"kfree", "kmem_cache_free",
};

/* An object by its address; without bytes it was freed */
struct object {
	uint64_t address;
	unsigned long bytes;
};

static struct object objects[1 << 18];

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		fail("%s: %s", path, strerror(errno));
}

/* Older kernels have events of their own for nodes */
static void trace_events(const char *text)
{
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(*events); i++) {
		snprintf(path, sizeof(path), TRACING "/events/kmem/%s/enable", events[i]);
		if (!access(path, F_OK))
			write_file(path, text);
	}
}

static struct object *find_object(uint64_t address)
{
	const size_t number = sizeof(objects) / sizeof(*objects);
	size_t i = address / 8 * 2654435761u % number, tries;

	for (tries = 0; tries < number; tries++, i = (i + 1) % number) {
		if (!objects[i].address)
			objects[i].address = address;
		if (objects[i].address == address)
			return &objects[i];
	}
	fail("more than %zu objects", number);
}

/* The process of a line of the trace: "NAME-PID  [CPU] ..." */
static long pid_of(const char *line)
{
	const char *end = strstr(line, " [");

	while (end && end > line && end[-1] == ' ')
		end--;
	while (end && end > line && end[-1] >= '0' && end[-1] <= '9')
		end--;
	return end ? strtol(end, NULL, 10) : -1;
}

/* Bytes that this process has allocated, and that nobody has freed */
static uint64_t traced_bytes(void)
{
	FILE *file = fopen(TRACING "/trace", "re");
	uint64_t bytes = 0;
	char line[1024];
	size_t i;

	if (!file)
		fail(TRACING "/trace: %s", strerror(errno));
	memset(objects, 0, sizeof(objects));
	while (fgets(line, sizeof(line), file)) {
		const char *address = strstr(line, " ptr="), *size = strstr(line, " bytes_alloc=");
		struct object *object;

		if (strstr(line, "LOST"))
			fail("the kernel's trace has lost events");
		if (!address)
			continue;
		object = find_object(strtoull(address + strlen(" ptr="), NULL, 16));
		object->bytes = 0;
		if (size && pid_of(line) == getpid())
			object->bytes = strtoul(size + strlen(" bytes_alloc="), NULL, 10);
	}
	fclose(file);
	for (i = 0; i < sizeof(objects) / sizeof(*objects); i++)
		bytes += objects[i].bytes;
	return bytes;
}

/* Things that the kernel makes for a file at its first use, and frees when it needs memory */
static void settle(void)
{
	write_file("/proc/sys/vm/drop_caches", "3");
	/* Functions that nobody has open go to D3 in the background, RCU frees later */
	sleep(2);
}

static void add_number(json_object *array, int64_t number)
{
	json_object_array_add(array, json_object_new_int64(number));
}

static void bind_first(const char *driver, unsigned int number, json_object *times)
{
	char now[SYSFS_DRIVER_SIZE];
	unsigned int i;
	uint64_t start;
	int ret;

	for (i = 0; i < number; i++) {
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

static void unbind_first(unsigned int number, json_object *times)
{
	unsigned int i;
	uint64_t start;
	int ret;

	for (i = 0; i < number; i++) {
		start = clock_now();
		ret = sysfs_unbind(bdfs[i]);
		add_number(times, clock_now() - start);
		if (ret || sysfs_override(bdfs[i], NULL))
			fail("%s: cannot be unbound", bdfs[i]);
	}
}

/* Slab bytes of each bound function. These binds cost more, as they are traced */
static double memory_of(const char *driver)
{
	json_object *unused = json_object_new_array();
	unsigned int number = count < TRACED_MAX ? count : TRACED_MAX;
	uint64_t bytes;

	settle();
	write_file(TRACING "/tracing_on", "0");
	write_file(TRACING "/trace", "\n");
	write_file(TRACING "/buffer_size_kb", "32768");
	trace_events("1");
	write_file(TRACING "/tracing_on", "1");
	bind_first(driver, number, unused);
	settle();
	write_file(TRACING "/tracing_on", "0");
	trace_events("0");
	bytes = traced_bytes();
	write_file(TRACING "/buffer_size_kb", "4");
	unbind_first(number, unused);
	json_object_put(unused);
	return (double)bytes / number;
}

static json_object *measure(const char *driver)
{
	json_object *binds = json_object_new_array(), *unbinds = json_object_new_array();
	json_object *result = json_object_new_object();

	json_object_object_add(result, "driver", json_object_new_string(driver));
	json_object_object_add(result, "slab_bytes_each",
			       json_object_new_double(memory_of(driver)));
	settle();
	bind_first(driver, count, binds);
	unbind_first(count, unbinds);
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
