// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules of the format: prometheus.io/docs/instrumenting/exposition_formats. All samples of a
 * metric are in one group, after its HELP and its TYPE.
 */
#include <stdio.h>
#include <string.h>

#include "prometheus.h"

#define PREFIX	"virtio_mmr_"

static void print_label(const char *before, const char *name, const char *text)
{
	char copy[NAME_LENGTH], *value = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	make_utf8(copy);
	printf("%s%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			putchar('\\');
		if (*value == '\n')
			fputs("\\n", stdout);
		else
			putchar(*value);
	}
	putchar('"');
}

static void print_number_label(const char *name, int number)
{
	char text[16] = "";

	if (number >= 0)
		snprintf(text, sizeof(text), "%d", number);
	print_label(",", name, text);
}

/* Without counters as well. Labels that say nothing are empty, which equals none */
static void print_functions(const struct functions *found)
{
	size_t i;

	puts("# HELP " PREFIX "function_info A transitional MMR function; the value is always 1.\n"
	     "# TYPE " PREFIX "function_info gauge");
	for (i = 0; i < found->count; i++) {
		const struct function *function = &found->list[i];

		fputs(PREFIX "function_info{", stdout);
		print_label("", "bdf", function->bdf);
		print_label(",", "driver", function->driver);
		print_number_label("iommu_group", function->group);
		print_label(",", "pf", function->pf);
		print_label(",", "type",
			    function->scan.identity ? function->scan.identity->name : "");
		print_number_label("vf", function->vf_index);
		puts("} 1");
	}
}

static void print_counter(const struct functions *found, const struct counters *counters,
			  const char *name)
{
	const struct counter *counter;
	size_t i;

	printf("# HELP " PREFIX "%s_total %s\n# TYPE " PREFIX "%s_total counter\n", name,
	       counter_help(name), name);
	for (i = 0; i < found->count; i++) {
		counter = counters_find(&counters[i], name);
		if (!counter)
			continue;
		printf(PREFIX "%s_total{", name);
		print_label("", "bdf", found->list[i].bdf);
		printf("} %llu\n", counter->value);
	}
}

void print_prometheus(const struct functions *found, const struct counters *counters)
{
	struct counters names = {};
	size_t i, j;

	print_functions(found);
	/* One module keeps the counters, so these are the same for all functions */
	for (i = 0; i < found->count; i++)
		for (j = 0; j < counters[i].count; j++)
			if (!counters_find(&names, counters[i].list[j].name) &&
			    names.count < COUNTERS_MAX)
				names.list[names.count++] = counters[i].list[j];
	for (i = 0; i < names.count; i++)
		print_counter(found, counters, names.list[i].name);
}
