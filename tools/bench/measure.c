// SPDX-License-Identifier: GPL-2.0-or-later
/* Measures all paths to one function, through vfio-pci and through our driver, or others. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "clock.h"
#include "lib/report.h"
#include "path.h"
#include "target.h"

#define USAGE \
"usage: measure [options] OUTPUT BDF\n" \
"\n" \
"Measures all paths to the MMR function BDF, through vfio-pci and through\n" \
"virtio_mmr_vfio_pci, which must be loaded both, and writes samples as JSON to\n" \
"OUTPUT. In the end the function has the driver that it had before, but not after an\n" \
"error.\n" \
"\n" \
"  --operations N  in a batch (default 50); each sample of a path is a pair of\n" \
"                  batches, with N and with 2 N operations\n" \
"  --batches N     samples of each path and round (default 12), taken in turns\n" \
"  --rounds N      how often each driver has its turn (default 1)\n" \
"  --only NAME     this path alone; repeatable\n" \
"  --driver NAME   this driver instead of these two\n" \
"  --exact         refuse to run where the TSC does not count instructions\n" \
"  --repeat DRIVER instead of all that, repeat one path through DRIVER for ever,\n" \
"                  after a line on stdout: for tools/bench/profile\n"

#define ONLY_MAX	32
#define DRIVERS_MAX	2

struct samples {
	uint64_t *once, *twice;
};

static unsigned int operations = 50, batches = 12, rounds = 1, only_count;
static const char *only[ONLY_MAX];
static uint64_t sent, seen;
static bool counted;

static unsigned int parse_number(const char *option, const char *text)
{
	unsigned long number;
	char *end;

	number = strtoul(text, &end, 10);
	if (*end || !number || number > 1000000)
		fail("%s: '%s' is no number from 1 to 1000000", option, text);
	return number;
}

static bool is_wanted(const struct path *path)
{
	unsigned int i;

	for (i = 0; i < only_count; i++)
		if (!strcmp(path->name, only[i]))
			return true;
	return !only_count;
}

static void keep_wanted(struct paths *paths)
{
	unsigned int i, kept = 0;

	for (i = 0; i < paths->count; i++) {
		if (is_wanted(&paths->path[i])) {
			paths->path[kept++] = paths->path[i];
		} else if (paths->path[i].machine) {
			machine_destroy(paths->path[i].machine);
			free(paths->path[i].machine);
		}
	}
	paths->count = kept;
	if (!kept)
		fail("--only: no such path");
}

static void add_array(json_object *object, const char *key, const uint64_t *numbers)
{
	json_object *array = json_object_new_array();
	unsigned int i;

	for (i = 0; i < batches; i++)
		json_object_array_add(array, json_object_new_uint64(numbers[i]));
	json_object_object_add(object, key, array);
}

static uint64_t *make_numbers(void)
{
	uint64_t *numbers = calloc(batches, sizeof(*numbers));

	if (!numbers)
		fail("out of memory");
	return numbers;
}

/* Paths take turns, so that what disturbs one sample disturbs its neighbours */
static void take_samples(struct paths *paths, struct samples *samples)
{
	unsigned int batch, i;

	for (batch = 0; batch < batches; batch++) {
		for (i = 0; i < paths->count; i++) {
			const struct path *path = &paths->path[i];
			unsigned int count = operations * path->factor;

			samples[i].once[batch] = path->batch(path, count);
			samples[i].twice[batch] = path->batch(path, 2 * count);
			if (path->effect == PATH_NOTIFIES)
				sent += 3ull * count;
		}
	}
}

static void measure_driver(const char *bdf, const char *driver, unsigned int round,
			   json_object *results)
{
	struct samples samples[PATHS_MAX];
	struct target target;
	struct paths paths;
	bool counts_notifications;
	uint64_t before = 0;
	unsigned int i;

	target_open(&target, bdf, driver);
	paths_create(&paths, &target);
	keep_wanted(&paths);
	counts_notifications = target.has_counters && target.notifies;
	if (counts_notifications)
		before = qmp_counter(&target.qmp, target.notifies);

	for (i = 0; i < paths.count; i++) {
		samples[i].once = make_numbers();
		samples[i].twice = make_numbers();
		sent += path_verify(&paths.path[i], &target);
	}
	take_samples(&paths, samples);

	if (counts_notifications) {
		counted = true;
		seen += qmp_counter(&target.qmp, target.notifies) - before;
		if (seen != sent)
			fail("%s: %llu notifications sent, the device saw %llu", bdf,
			     (unsigned long long)sent, (unsigned long long)seen);
	}

	for (i = 0; i < paths.count; i++) {
		json_object *result = json_object_new_object();

		json_object_object_add(result, "driver", json_object_new_string(driver));
		json_object_object_add(result, "round", json_object_new_int(round));
		json_object_object_add(result, "path",
				       json_object_new_string(paths.path[i].name));
		json_object_object_add(result, "operations",
				       json_object_new_int(operations * paths.path[i].factor));
		add_array(result, "once", samples[i].once);
		add_array(result, "twice", samples[i].twice);
		json_object_array_add(results, result);
		free(samples[i].once);
		free(samples[i].twice);
	}
	paths_destroy(&paths);
	target_close(&target);
}

static void repeat(const char *bdf, const char *driver)
{
	struct target target;
	struct paths paths;

	target_open(&target, bdf, driver);
	paths_create(&paths, &target);
	keep_wanted(&paths);
	path_verify(&paths.path[0], &target);
	puts("repeating");
	fflush(stdout);
	for (;;)
		paths.path[0].batch(&paths.path[0], operations);
}

static json_object *describe(const char *bdf, const char *type, bool exact)
{
	json_object *description = json_object_new_object();
	struct utsname name;

	uname(&name);
	json_object_object_add(description, "unit",
			       json_object_new_string(exact ? "instructions" : "nanoseconds"));
	json_object_object_add(description, "kernel", json_object_new_string(name.release));
	json_object_object_add(description, "function", json_object_new_string(bdf));
	json_object_object_add(description, "type", json_object_new_string(type));
	return description;
}

int main(int argc, char **argv)
{
	const char *drivers[DRIVERS_MAX] = { STOCK_DRIVER, MMR_DRIVER };
	static const struct option options[] = {
		{ "operations", required_argument, NULL, 'o' },
		{ "batches", required_argument, NULL, 'b' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "only", required_argument, NULL, 'n' },
		{ "driver", required_argument, NULL, 'd' },
		{ "exact", no_argument, NULL, 'e' },
		{ "repeat", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool must_be_exact = false, exact;
	char bdf[SYSFS_BDF_SIZE], driver_before[SYSFS_DRIVER_SIZE];
	json_object *output, *results;
	unsigned int round, i, drivers_count = DRIVERS_MAX;
	const char *file, *repeated = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			operations = parse_number("--operations", optarg);
			break;
		case 'b':
			batches = parse_number("--batches", optarg);
			break;
		case 'r':
			rounds = parse_number("--rounds", optarg);
			break;
		case 'n':
			if (only_count == ONLY_MAX)
				fail("--only: at most %d times", ONLY_MAX);
			only[only_count++] = optarg;
			break;
		case 'd':
			drivers[0] = optarg;
			drivers_count = 1;
			break;
		case 'e':
			must_be_exact = true;
			break;
		case 'p':
			repeated = optarg;
			break;
		case 'h':
			fputs(USAGE, stdout);
			return 0;
		default:
			fputs(USAGE, stderr);
			return 2;
		}
	}
	if (argc - optind != 2) {
		fputs(USAGE, stderr);
		return 2;
	}
	file = argv[optind];
	if (!sysfs_parse_bdf(argv[optind + 1], bdf))
		fail("'%s' is no PCI address such as 0000:01:00.1", argv[optind + 1]);

	exact = clock_init();
	if (must_be_exact && !exact)
		fail("the TSC does not count instructions here; see tools/vm/run --icount");

	if (repeated)
		repeat(bdf, repeated);

	sysfs_driver(bdf, driver_before);
	results = json_object_new_array();
	for (round = 0; round < rounds; round++)
		for (i = 0; i < drivers_count; i++)
			measure_driver(bdf, drivers[i], round, results);
	if (driver_before[0] && sysfs_bind(bdf, driver_before))
		fail("%s: cannot be bound to %s again", bdf, driver_before);

	output = describe(bdf, target_type(bdf, drivers[0]), exact);
	if (counted) {
		json_object_object_add(output, "notifications_sent",
				       json_object_new_uint64(sent));
		json_object_object_add(output, "notifications_seen",
				       json_object_new_uint64(seen));
	}
	json_object_object_add(output, "results", results);
	if (json_object_to_file_ext(file, output, JSON_C_TO_STRING_PLAIN))
		fail("%s: %s", file, json_util_get_last_err());
	json_object_put(output);
	return 0;
}
