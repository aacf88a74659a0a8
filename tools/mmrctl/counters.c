// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "paths.h"

/*
 * The driver's counters in the order of its file, with short forms of Documentation/ABI. None has
 * a backslash or a line feed
 */
static const struct {
	const char *name, *help;
} known[] = {
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

const char *counter_help(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].help;
	return "A counter that this version of mmrctl does not know.";
}

static void set_zeros(struct counters *counters)
{
	for (; counters->count < sizeof(known) / sizeof(known[0]); counters->count++) {
		struct counter *counter = &counters->list[counters->count];

		strcpy(counter->name, known[counters->count].name);
		counter->value = 0;
	}
}

/* Now: somebody may have unbound it since it was found */
static bool is_bound(const struct function *function)
{
	struct path path = function_path(function->bdf, "driver");
	char driver[NAME_LENGTH];

	return link_name(&path, driver, sizeof(driver)) && !strcmp(driver, MMR_DRIVER);
}

static bool is_name(const char *text)
{
	const char *c;

	for (c = text; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '_')
			return false;
	return *text && !isdigit((unsigned char)*text);
}

/* A line of another form may come from a newer module, and is left out */
static void add_line(struct counters *counters, char *line)
{
	struct counter *counter = &counters->list[counters->count];
	char *space = strchr(line, ' '), *end;

	if (!space || counters->count == COUNTERS_MAX)
		return;
	*space = '\0';
	if (!is_name(line) || strlen(line) >= sizeof(counter->name) ||
	    !isdigit((unsigned char)space[1]) || counters_find(counters, line))
		return;
	counter->value = strtoull(space + 1, &end, 10);
	if (*end)
		return;
	strcpy(counter->name, line);
	counters->count++;
}

int counters_read(struct counters *counters, const struct function *function, bool named)
{
	struct path path = function_path(function->bdf, COUNTERS_FILE);
	char text[4096], *line, *rest = NULL;

	counters->count = 0;
	paths_forget_denials();
	if (read_text(&path, text, sizeof(text))) {
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
			add_line(counters, line);
		return STATUS_OK;
	}
	if (paths_denied()) {
		complain("%s: only root can read its counters: run it with sudo", function->bdf);
		return STATUS_DENIED;
	}
	if (!is_bound(function)) {
		/* It was when it was found, so it was unbound or has vanished since */
		if (!named)
			return STATUS_OK;
		complain("%s: no counters: it is not bound to " MMR_DRIVER "; first 'mmrctl bind %s'",
			 function->bdf, function->bdf);
		return STATUS_UNUSABLE;
	}
	if (function_is_foreign(function)) {
		complain("%s: no counters: it is no MMR function, and is served as vfio-pci serves it",
			 function->bdf);
		return STATUS_UNUSABLE;
	}
	set_zeros(counters);
	return STATUS_OK;
}

const struct counter *counters_find(const struct counters *counters, const char *name)
{
	size_t i;

	for (i = 0; i < counters->count; i++)
		if (!strcmp(counters->list[i].name, name))
			return &counters->list[i];
	return NULL;
}

bool function_has_counters(const struct function *function)
{
	return !strcmp(function->driver, MMR_DRIVER) && !function_is_foreign(function);
}

json_t *counters_json(const struct counters *counters)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < counters->count; i++)
		json_object_set_new(object, counters->list[i].name,
				    json_integer(counters->list[i].value > INT64_MAX ?
						 INT64_MAX : counters->list[i].value));
	return object;
}
