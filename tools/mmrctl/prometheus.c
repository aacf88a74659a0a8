// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules of the format: prometheus.io/docs/instrumenting/exposition_formats. All samples of a
 * metric are in one group, after its HELP and its TYPE.
 */
#include <stdio.h>
#include <string.h>

#include "prometheus.h"

#define PREFIX	"virtio_mmr_"

/* Short forms of Documentation/ABI. None has a backslash or a line feed, which need escapes */
static const struct {
	const char *name, *help;
} helps[] = {
	{ "config_reads", "Reads of configuration space through the vfio device." },
	{ "config_writes", "Writes of configuration space through the vfio device." },
	{ "io_bar_reads", "Reads of the I/O BAR." },
	{ "io_bar_writes", "Writes of the I/O BAR, notifications included." },
	{ "io_bar_unreachable", "Accesses to the I/O BAR that found the function unreachable." },
	{ "refusals", "Accesses to configuration space and the I/O BAR that ended with an error." },
	{ "notify_writes", "Notifications of the device by writes of the I/O BAR." },
	{ "notify_ioeventfds", "Notifications of the device by an ioeventfd, at once." },
	{ "notify_deferred", "Notifications of the device by an ioeventfd, from a work item." },
	{ "notify_dropped", "Notifications that the device did not get." },
	{ "layout_switches", "Times that MSI-X was switched on or off." },
	{ "device_resets", "Resets by the guest: writes of 0 to device status." },
	{ "function_resets", "Resets of the function, whatever started them." },
	{ "intx_interrupts", "MSI-X interrupts that served the INTx interrupt of a guest." },
	{ "intx_signals", "Signals to the user for the INTx interrupt." },
	{ "intx_unmasks", "Times that the user unmasked the INTx interrupt." },
	{ "intx_refused_vectors", "Times that a queue or the configuration got no vector." },
};

static const char *help_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(helps) / sizeof(helps[0]); i++)
		if (!strcmp(helps[i].name, name))
			return helps[i].help;
	return "A counter that this version of mmrctl does not know.";
}

static void print_label(const char *before, const char *name, const char *value)
{
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
	       help_of(name), name);
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
