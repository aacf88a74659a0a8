// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats: the counters that the driver keeps of a function.
 */
#include <stdio.h>

#include "counters.h"

static void print_counters(const struct function *function, const struct counters *counters)
{
	size_t i;

	printf("%s\n", function->bdf);
	for (i = 0; i < counters->count; i++)
		printf("  %-32s %20llu\n", counters->list[i].name, counters->list[i].value);
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
		struct counters counters;
		int refused = counters_read(&counters, &found.list[i]);

		/* The status of the first refusal counts */
		if (!status)
			status = refused;
		if (refused)
			continue;
		if (!request->json)
			print_counters(&found.list[i], &counters);
		json_array_append_new(list, json_pack("{s:s, s:o}", "bdf", found.list[i].bdf,
						      "counters", counters_json(&counters)));
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
