// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * list: MMR functions, a line each.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "native.h"
#include "users.h"

static json_t *function_json(const struct function *function)
{
	struct users users;
	json_t *object;

	users_find(&users, function);
	object = make_json("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
			   "bdf", function->bdf,
			   "pf", json_text(function->pf),
			   "vf", function->vf_index < 0 ? json_null() :
				 json_integer(function->vf_index),
			   "type", function->scan.identity ? function->scan.identity->name : "none",
			   "usable", usable_json(function),
			   "reason", json_text(function->reason),
			   "registers", registers_json(function),
			   "iommu_group", function->group < 0 ? json_null() :
					  json_integer(function->group),
			   "driver", json_text(function->driver),
			   "native", native_json(function),
			   "users", users_json(&users),
			   "users_complete", users.complete);
	users_release(&users);
	return object;
}

enum column { FUNCTION, PF, TYPE, REGISTERS, GROUP, DRIVER, USERS, COLUMNS };

static const char *const headings[COLUMNS] = {
	"FUNCTION", "PF", "TYPE", "LEGACY REGISTERS", "GROUP", "DRIVER", "USED BY",
};

struct row {
	char cells[COLUMNS][256];
};

static void fill_users(const struct function *function, char *cell, size_t size)
{
	size_t used = 0, i;
	struct users users;
	char text[USER_TEXT_SIZE];

	users_find(&users, function);
	snprintf(cell, size, "%s", users.complete ? "-" : "?");
	for (i = 0; i < users.count && used < size; i++) {
		describe_user(&users.list[i], text, sizeof(text));
		used += snprintf(cell + used, size - used, "%s%s", i ? ", " : "", text);
	}
	users_release(&users);
}

static void fill_driver(const struct function *function, char *cell, size_t size)
{
	char text[128];

	if (is_native(function)) {
		describe_native(function, text, sizeof(text));
		snprintf(cell, size, "%s, native (%s)", function->driver, text);
	} else {
		snprintf(cell, size, "%s", *function->driver ? function->driver : "-");
	}
}

static void fill_row(const struct function *function, struct row *row)
{
	const size_t size = sizeof(row->cells[0]);

	snprintf(row->cells[FUNCTION], size, "%s", function->bdf);
	snprintf(row->cells[PF], size, "%s", *function->pf ? function->pf : "-");
	snprintf(row->cells[TYPE], size, "%s",
		 function->scan.identity ? function->scan.identity->name : "none");
	if (function->verdict == VERDICT_USABLE)
		describe_registers(function, row->cells[REGISTERS], size);
	else
		snprintf(row->cells[REGISTERS], size,
			 function->verdict == VERDICT_UNKNOWN ? "unknown" : "unusable");
	snprintf(row->cells[GROUP], size, function->group < 0 ? "-" : "%d", function->group);
	fill_driver(function, row->cells[DRIVER], size);
	fill_users(function, row->cells[USERS], size);
}

/* Each column is as wide as its longest text; the last one is not padded */
static void print_table(const struct functions *found)
{
	struct row *rows = calloc(found->count + 1, sizeof(*rows));
	size_t widths[COLUMNS] = {}, i;
	unsigned int column;

	if (!rows)
		errx(STATUS_FAILED, "out of memory");
	for (column = 0; column < COLUMNS; column++)
		strcpy(rows[0].cells[column], headings[column]);
	for (i = 0; i < found->count; i++)
		fill_row(&found->list[i], &rows[i + 1]);
	for (i = 0; i <= found->count; i++)
		for (column = 0; column < COLUMNS; column++)
			if (strlen(rows[i].cells[column]) > widths[column])
				widths[column] = strlen(rows[i].cells[column]);
	for (i = 0; i <= found->count; i++) {
		for (column = 0; column < USERS; column++)
			printf("%-*s  ", (int)widths[column], rows[i].cells[column]);
		puts(rows[i].cells[USERS]);
	}
	free(rows);
}

/* Hints go to stderr, once each, so that the list itself stays a table. */
static void give_hints(const struct functions *found)
{
	bool unknown = false, unusable = false;
	size_t i;

	for (i = 0; i < found->count; i++) {
		unknown |= found->list[i].verdict == VERDICT_UNKNOWN;
		unusable |= found->list[i].verdict == VERDICT_UNUSABLE;
	}
	if (!found->count)
		complain("no MMR functions here; to create VFs: echo NUMBER >/sys/bus/pci/devices/PF/sriov_numvfs");
	if (unknown)
		complain("only root can read configuration space beyond 64 bytes, hence 'unknown'");
	if (unusable)
		complain("'mmrctl show BDF' says why a function is unusable");
}

int verb_list(const struct request *request)
{
	struct functions found;
	int status;
	size_t i;

	if (request->count) {
		status = functions_load(&found, request);
		if (status)
			return status;
	} else {
		functions_find(&found);
	}

	if (request->json) {
		json_t *list = json_array();

		for (i = 0; i < found.count; i++)
			json_array_append_new(list, function_json(&found.list[i]));
		status = print_json(make_json("{s:o}", "functions", list));
	} else {
		if (found.count)
			print_table(&found);
		status = finish_output();
		give_hints(&found);
	}
	functions_release(&found);
	users_forget();
	return status;
}
