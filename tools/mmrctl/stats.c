// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats: the counters that the driver keeps of a function.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "paths.h"

/* The driver's attribute group in the function's folder; Documentation/ABI has its files */
#define FOLDER	"virtio_mmr"

static int is_counter(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* NULL, after a message and with a status, if there are no counters */
static json_t *read_counters(const struct function *function, int *status)
{
	struct path folder = function_path(function->bdf, FOLDER);
	json_t *counters = json_object();
	struct dirent **entries;
	int count, i;

	paths_forget_denials();
	/* A refusal of scandir() is noted here */
	path_is_readable(&folder);
	count = scandir(folder.text, &entries, is_counter, alphasort);
	for (i = 0; i < count; i++) {
		struct path path = function_path(function->bdf, FOLDER);
		char text[32], *end;
		long long number;

		snprintf(path.text + strlen(path.text), sizeof(path.text) - strlen(path.text),
			 "/%s", entries[i]->d_name);
		if (read_line(&path, text, sizeof(text)) && *text) {
			number = strtoll(text, &end, 10);
			if (!*end)
				json_object_set_new(counters, entries[i]->d_name,
						    json_integer(number));
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (count >= 0 && !paths_denied())
		return counters;

	json_decref(counters);
	/* The status of the first refusal counts */
	if (!*status)
		*status = paths_denied() ? STATUS_DENIED : STATUS_UNUSABLE;
	if (paths_denied()) {
		complain("%s: only root can read its counters: run it with sudo", function->bdf);
	} else if (strcmp(function->driver, MMR_DRIVER)) {
		complain("%s: no counters: it is not bound to " MMR_DRIVER "; first 'mmrctl bind %s'",
			 function->bdf, function->bdf);
	} else {
		complain("%s: no counters: the loaded module keeps none, as there is no %s",
			 function->bdf, folder.text);
	}
	return NULL;
}

static void print_counters(const struct function *function, json_t *counters)
{
	const char *name;
	json_t *value;

	printf("%s\n", function->bdf);
	json_object_foreach(counters, name, value)
		printf("  %-32s %20" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
}

int verb_stats(const struct request *request)
{
	json_t *list = json_array();
	struct functions found;
	int status, output;
	size_t i;

	status = functions_load(&found, request);
	if (status) {
		json_decref(list);
		return status;
	}
	for (i = 0; i < found.count; i++) {
		json_t *counters = read_counters(&found.list[i], &status), *object;

		if (counters && !request->json)
			print_counters(&found.list[i], counters);
		object = json_pack("{s:s, s:O*}", "bdf", found.list[i].bdf, "counters", counters);
		if (counters)
			json_array_append(list, object);
		json_decref(object);
		json_decref(counters);
	}
	if (request->json) {
		output = print_json(json_pack("{s:o}", "functions", list));
	} else {
		json_decref(list);
		output = finish_output();
	}
	functions_release(&found);
	return status ? status : output;
}
