// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats: the counters that the driver keeps of functions.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counters.h"
#include "prometheus.h"

/**
 * struct stats - functions and their counters
 * @found: the functions
 * @counters: of each, none if they cannot be read
 * @status: of the first function whose counters cannot be read, or STATUS_OK
 */
struct stats {
	struct functions found;
	struct counters *counters;
	int status;
};

/* The functions that are named, or all that have counters; @all: those without, too */
static int load(struct stats *stats, const struct request *request, bool all)
{
	struct functions *found = &stats->found;
	size_t i, kept = 0;
	int status;

	*stats = (struct stats){};
	if (request->count) {
		status = functions_load(found, request);
		if (status)
			return status;
	} else {
		functions_find(found);
		for (i = 0; i < found->count; i++) {
			if (all || function_has_counters(&found->list[i]))
				found->list[kept++] = found->list[i];
			else
				function_release(&found->list[i]);
		}
		found->count = kept;
	}
	stats->counters = calloc(found->count + 1, sizeof(*stats->counters));
	if (!stats->counters)
		errx(STATUS_FAILED, "out of memory");
	return STATUS_OK;
}

static void release(struct stats *stats)
{
	functions_release(&stats->found);
	free(stats->counters);
}

/* @named: functions without counters are to be complained of */
static void read_all(struct stats *stats, bool named)
{
	size_t i;
	int status;

	for (i = 0; i < stats->found.count; i++) {
		if (!named && !function_has_counters(&stats->found.list[i]))
			continue;
		status = counters_read(&stats->counters[i], &stats->found.list[i], named);
		/* The status of the first refusal counts */
		if (!stats->status)
			stats->status = status;
	}
}

static json_t *stats_json(const struct stats *stats)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < stats->found.count; i++)
		if (stats->counters[i].count)
			json_array_append_new(list, make_json("{s:s, s:o}", "bdf",
							      stats->found.list[i].bdf, "counters",
							      counters_json(&stats->counters[i])));
	return list;
}

static void print_counters(const struct function *function, const struct counters *counters)
{
	size_t i;

	if (!counters->count)
		return;
	printf("%s\n", function->bdf);
	for (i = 0; i < counters->count; i++)
		printf("  %-32s %20llu\n", counters->list[i].name, counters->list[i].value);
}

/* --- again and again ----------------------------------------------------------- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void format_time(char *text, size_t size, const char *format)
{
	time_t seconds = time(NULL);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, size, format, &tm);
}

/* A line for each counter that has changed. One that is lower than before began anew */
static void print_changes(const struct stats *stats, const struct counters *before,
			  double seconds)
{
	bool changed = false;
	char clock[16];
	size_t i, j;

	format_time(clock, sizeof(clock), "%H:%M:%S");
	for (i = 0; i < stats->found.count; i++) {
		for (j = 0; j < stats->counters[i].count; j++) {
			const struct counter *counter = &stats->counters[i].list[j];
			const struct counter *old = counters_find(&before[i], counter->name);
			unsigned long long count = counter->value;

			if (old && old->value <= counter->value)
				count -= old->value;
			if (!count)
				continue;
			printf("%s  %s  %-24s %14.1f/s %20llu\n", clock, stats->found.list[i].bdf,
			       counter->name, count / seconds, counter->value);
			changed = true;
		}
	}
	if (!changed)
		printf("%s  -\n", clock);
}

/* A line for each time. All of it is JSON, and each line is */
static void print_json_line(const struct stats *stats)
{
	char clock[40];
	json_t *object;

	format_time(clock, sizeof(clock), "%Y-%m-%dT%H:%M:%S%z");
	object = make_json("{s:s, s:o}", "time", clock, "functions", stats_json(stats));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void pause_for(unsigned int seconds)
{
	struct timespec time = { .tv_sec = seconds };

	nanosleep(&time, NULL);
}

/* Until a signal, or until none of the functions has counters any more */
static int watch(const struct request *request, struct stats *stats)
{
	size_t size = (stats->found.count + 1) * sizeof(*stats->counters), i;
	struct counters *before = calloc(1, size);
	double time = 0, last;
	bool first = true;
	int status;

	if (!before)
		errx(STATUS_FAILED, "out of memory");
	for (;; first = false) {
		size_t readable = 0;

		memcpy(before, stats->counters, size);
		last = time;
		read_all(stats, true);
		time = now();
		for (i = 0; i < stats->found.count; i++)
			readable += stats->counters[i].count > 0;
		if (readable != stats->found.count || !readable) {
			if (!readable && !stats->status)
				complain("no function has counters; 'mmrctl bind' gives functions to "
					 MMR_DRIVER);
			status = stats->status ? stats->status : STATUS_NOT_FOUND;
			break;
		}
		if (request->json)
			print_json_line(stats);
		else if (!first)
			print_changes(stats, before, time - last);
		status = finish_output();
		if (status)
			break;
		pause_for(request->watch);
	}
	free(before);
	return status;
}

int verb_stats(const struct request *request)
{
	struct stats stats;
	int status, output;
	size_t i;

	status = load(&stats, request, request->prometheus);
	if (status)
		return status;
	if (request->watch) {
		status = watch(request, &stats);
		release(&stats);
		return status;
	}
	read_all(&stats, request->count);
	if (request->prometheus) {
		print_prometheus(&stats.found, stats.counters);
		output = finish_output();
	} else if (request->json) {
		output = print_json(make_json("{s:o}", "functions", stats_json(&stats)));
	} else {
		for (i = 0; i < stats.found.count; i++)
			print_counters(&stats.found.list[i], &stats.counters[i]);
		output = finish_output();
		if (!stats.found.count)
			complain("no function has counters; 'mmrctl bind' gives functions to "
				 MMR_DRIVER);
	}
	status = stats.status;
	release(&stats);
	return status ? status : output;
}
