// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "paths.h"

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

int counters_read(struct counters *counters, const struct function *function)
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
	if (strcmp(function->driver, MMR_DRIVER))
		complain("%s: no counters: it is not bound to " MMR_DRIVER "; first 'mmrctl bind %s'",
			 function->bdf, function->bdf);
	else if (function_is_foreign(function))
		complain("%s: no counters: it is no MMR function, and is served as vfio-pci serves it",
			 function->bdf);
	else
		complain("%s: no counters: there is no %s; the loaded module has another version",
			 function->bdf, path.text);
	return STATUS_UNUSABLE;
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
				    json_integer(counters->list[i].value));
	return object;
}
