// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mmrctl: transitional MMR functions from an administrator's point of view. Each
 * verb has a file of its own.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functions.h"
#include "paths.h"

#define MANY	((size_t)-1)

/* Of --watch: by itself, and at most */
#define WATCH_SECONDS		2
#define WATCH_SECONDS_MAX	86400

/**
 * struct verb - what can be done
 * @name: on the command line
 * @run: does it
 * @least: functions that must be named
 * @most: functions that can be named
 * @has_pf: takes --pf
 * @has_native: takes --native
 * @has_metrics: takes --watch and --prometheus
 * @arguments: for people
 * @summary: one line
 * @help: more lines, with examples
 */
struct verb {
	const char *name;
	int (*run)(const struct request *request);
	size_t least, most;
	bool has_pf;
	bool has_native;
	bool has_metrics;
	const char *arguments;
	const char *summary;
	const char *help;
};

static const struct verb verbs[] = {
	{ "list", verb_list, 0, MANY, true, false, false, "[BDF...]",
	  "MMR functions, their drivers and their users",
	  "A line for each function with an MMR device ID, or for those named: its PF, type,\n"
	  "the place of its legacy registers, IOMMU group, driver and users.\n"
	  "\n"
	  "  mmrctl list\n"
	  "  mmrctl list --pf 0000:3b:00.0\n"
	  "  mmrctl list --json | jq -r '.functions[] | select(.driver == null) | .bdf'\n" },
	{ "show", verb_show, 1, MANY, true, false, false, "BDF...",
	  "everything about a function, and why it is or is not usable",
	  "Prints identity, BARs, each capability with its defect if it has one, what the guest\n"
	  "will see, IOMMU group with all members, driver, users.\n"
	  "\n"
	  "  sudo mmrctl show 0000:3b:00.2\n"
	  "  sudo mmrctl show 3b:00.2 --json | jq '.functions[0].capabilities'\n" },
	{ "check", verb_check, 0, MANY, true, false, false, "[BDF...]",
	  "is this host ready, are functions ready, and what is to be done",
	  "Looks at kernel, IOMMU, interrupt remapping, VFIO, module, Secure Boot and limits, and\n"
	  "at the functions named, or at all MMR functions. Each finding comes with its remedy.\n"
	  "Exits with 4 if there is any error; warnings and notes do not count. Exits with 6 if\n"
	  "only root can find out whether the host, or a function that is named, is ready.\n"
	  "\n"
	  "  sudo mmrctl check\n"
	  "  sudo mmrctl check 0000:3b:00.2 || exit\n" },
	{ "bind", verb_bind, 1, MANY, true, true, false, "BDF...",
	  "give functions to " MMR_DRIVER ", or to the host",
	  "For guests, or with --native as a disk, an interface or the like of this host, by\n"
	  NATIVE_DRIVER ". Loads the module if needed. Binds all functions or none: if one\n"
	  "fails, the others get their drivers back. Refuses functions that are unusable or in\n"
	  "use, and for guests groups that VFIO would refuse. Changes a function from one of the\n"
	  "two drivers to the other. Lasts until unbind or reboot. To bind it at each boot:\n"
	  "  sudo driverctl set-override BDF " MMR_DRIVER "|" NATIVE_DRIVER "\n"
	  "\n"
	  "  sudo mmrctl bind 0000:3b:00.2 0000:3b:00.3\n"
	  "  sudo mmrctl bind --pf 0000:3b:00.0       # all its VFs\n"
	  "  sudo mmrctl bind --native 0000:3b:00.4   # and see /dev/vda\n" },
	{ "unbind", verb_unbind, 1, MANY, true, false, false, "BDF...",
	  "give functions back to the driver they had",
	  "Restores driver and driver_override as bind found them. A function of which bind has\n"
	  "no record loses both. Refuses functions in use.\n"
	  "\n"
	  "  sudo mmrctl unbind 0000:3b:00.2\n"
	  "  sudo mmrctl unbind --pf 0000:3b:00.0\n" },
	{ "dump", verb_dump, 1, 1, false, false, false, "BDF",
	  "configuration space as the guest will see it",
	  "Opens the function through VFIO, which resets it; it must be bound and not in use.\n"
	  "Prints what lspci -F reads.\n"
	  "\n"
	  "  sudo mmrctl dump 0000:3b:00.2 >view && lspci -vvv -F view\n" },
	{ "regs", verb_regs, 1, 1, false, false, false, "BDF",
	  "legacy registers, decoded",
	  "Opens the function through VFIO, which resets it; it must be bound and not in use.\n"
	  "ISR status is not read, as reading clears it.\n"
	  "\n"
	  "  sudo mmrctl regs 0000:3b:00.2\n"
	  "  sudo mmrctl regs 0000:3b:00.2 --json | jq '.queues[0].size'\n" },
	{ "stats", verb_stats, 0, MANY, true, false, true, "[BDF...]",
	  "the driver's counters",
	  "Prints the counters that the driver keeps from bind to unbind, with the names they\n"
	  "have in sysfs, of the functions named or of all bound ones. Only root can read them.\n"
	  "\n"
	  "  sudo mmrctl stats 0000:3b:00.2\n"
	  "  sudo mmrctl stats --watch --pf 0000:3b:00.0\n"
	  "  sudo mmrctl stats --prometheus >mmr.prom.new && mv mmr.prom.new mmr.prom\n" },
};

#define VERBS	(sizeof(verbs) / sizeof(verbs[0]))

enum {
	OPTION_WORD = 1,
	OPTION_PF = 256,
	OPTION_NATIVE,
	OPTION_WATCH,
	OPTION_PROMETHEUS,
	OPTION_ROOT,
	OPTION_SYSFS,
};

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "json", no_argument, NULL, 'j' },
	{ "pf", required_argument, NULL, OPTION_PF },
	{ "native", no_argument, NULL, OPTION_NATIVE },
	{ "watch", optional_argument, NULL, OPTION_WATCH },
	{ "prometheus", no_argument, NULL, OPTION_PROMETHEUS },
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "sysfs", required_argument, NULL, OPTION_SYSFS },
	{ }
};

static const char pf_help[] =
	"  --pf BDF      all VFs of this PF; repeatable\n";
static const char native_help[] =
	"  --native      bind: for this host itself, not for guests\n";
static const char metrics_help[] =
	"  --watch[=SECONDS]\n"
	"                stats: again and again (every 2 seconds), with what has changed\n"
	"  --prometheus  stats: for the textfile collector of Prometheus' node_exporter\n";
static const char common_help[] =
	"  -j, --json    print JSON; the manual explains its keys\n"
	"  -h, --help    print this; 'mmrctl VERB --help' has examples of one verb\n"
	"  -V, --version\n"
	"  --root DIR    look at DIR/sys, DIR/proc, DIR/dev, ... (or MMRCTL_ROOT)\n"
	"  --sysfs DIR   look at DIR instead of /sys (or MMRCTL_SYSFS)\n"
	"\n"
	"BDF is an address such as 0000:3b:00.2 or 3b:00.2.\n"
	"Exit status: 0 done; 1 the system refused something; 2 wrong usage; 3 no such function;\n"
	"4 host or function not fit for use; 5 function in use; 6 needs root.\n";

static void print_help(const struct verb *verb)
{
	size_t i;

	if (verb) {
		printf("usage: mmrctl %s [OPTION...] %s\n\n%s\nOptions:\n%s%s%s%s", verb->name,
		       verb->arguments, verb->help, verb->has_pf ? pf_help : "",
		       verb->has_native ? native_help : "",
		       verb->has_metrics ? metrics_help : "", common_help);
		return;
	}
	puts("usage: mmrctl VERB [OPTION...] [BDF...]\n");
	for (i = 0; i < VERBS; i++)
		printf("  %-7s %-9s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].summary);
	printf("\nOptions:\n%s%s%s%s", pf_help, native_help, metrics_help, common_help);
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int add_pf(struct request *request, const char *text)
{
	char pf[BDF_SIZE];

	if (!parse_bdf(pf, text)) {
		complain("--pf %s: not an address such as 0000:3b:00.0", text);
		return STATUS_USAGE;
	}
	request->pfs = reallocarray(request->pfs, request->pf_count + 1, BDF_SIZE);
	if (!request->pfs)
		errx(STATUS_FAILED, "out of memory");
	strcpy(request->pfs[request->pf_count++], pf);
	return request_add_vfs(request, pf);
}

/* "2" or none */
static bool parse_seconds(unsigned int *seconds, const char *text)
{
	char *end;
	unsigned long number = text ? strtoul(text, &end, 10) : WATCH_SECONDS;

	if (text && (*text < '0' || *text > '9' || *end))
		return false;
	*seconds = number;
	return number >= 1 && number <= WATCH_SECONDS_MAX;
}

/* A message, if the options do not fit the verb or each other */
static const char *find_misfit(const struct verb *verb, const struct request *request)
{
	if (request->native && !verb->has_native)
		return "takes no --native; only bind does";
	if (request->watch && !verb->has_metrics)
		return "takes no --watch; only stats does";
	if (request->prometheus && !verb->has_metrics)
		return "takes no --prometheus; only stats does";
	if (request->prometheus && (request->watch || request->json))
		return "--prometheus prints one text: it takes neither --watch nor --json";
	return NULL;
}

/*
 * Standard files that are closed must not become other files of this program, which would get its
 * output: its lock, or a function. Without the right to write, output still is an error.
 */
static void fill_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * Options may come after the verb and the addresses, whatever POSIXLY_CORRECT says: with the
 * dash getopt_long() returns other words in their order, as OPTION_WORD.
 */
static const char short_options[] = "-hVj";

int main(int argc, char **argv)
{
	const char *root = getenv("MMRCTL_ROOT"), *sysfs = getenv("MMRCTL_SYSFS");
	const struct verb *verb = NULL;
	struct request request = {};
	bool help = false, has_pf = false;
	static char **words; /* needed to the end of the program */
	int option, status, i, count = 0;
	char bdf[BDF_SIZE] = "";
	const char *misfit;

	fill_standard_files();
	words = calloc(argc + 1, sizeof(*words));
	if (!words)
		errx(STATUS_FAILED, "out of memory");
	/* The name in getopt_long()'s complaints */
	argv[0] = "mmrctl";
	/* --root and --sysfs must be known before --pf can be looked up */
	while ((option = getopt_long(argc, argv, short_options, options, NULL)) != -1) {
		switch (option) {
		case 'h':
			help = true;
			break;
		case 'V':
			puts("mmrctl " MMRCTL_VERSION);
			return finish_output();
		case 'j':
			request.json = true;
			break;
		case OPTION_WORD:
			words[count++] = optarg;
			break;
		case OPTION_PF:
			has_pf = true;
			break;
		case OPTION_NATIVE:
			request.native = true;
			break;
		case OPTION_WATCH:
			if (!parse_seconds(&request.watch, optarg)) {
				complain("--watch=%s: not a number of seconds from 1 to %d", optarg,
					 WATCH_SECONDS_MAX);
				return STATUS_USAGE;
			}
			break;
		case OPTION_PROMETHEUS:
			request.prometheus = true;
			break;
		case OPTION_ROOT:
			root = optarg;
			break;
		case OPTION_SYSFS:
			sysfs = optarg;
			break;
		default:
			complain("'mmrctl --help' lists verbs and options");
			return STATUS_USAGE;
		}
	}
	/* What follows "--" */
	while (optind < argc)
		words[count++] = argv[optind++];
	if (count)
		verb = find_verb(words[0]);
	if (count && !verb) {
		complain("%s: no such verb; 'mmrctl --help' lists them", words[0]);
		return STATUS_USAGE;
	}
	if (help) {
		print_help(verb);
		return finish_output();
	}
	if (!verb) {
		complain("no verb is given; 'mmrctl --help' lists verbs and options");
		return STATUS_USAGE;
	}
	if (has_pf && !verb->has_pf) {
		complain("%s takes one function and no --pf", verb->name);
		return STATUS_USAGE;
	}
	misfit = find_misfit(verb, &request);
	if (misfit) {
		complain("%s %s", verb->name, misfit);
		return STATUS_USAGE;
	}
	paths_init(root, sysfs);
	if (!request.json && !request.prometheus)
		print_for_people();

	status = STATUS_OK;
	for (i = 1; i < count && !status; i++) {
		if (parse_bdf(bdf, words[i])) {
			request_add(&request, bdf);
			continue;
		}
		complain("%s: not an address such as 0000:3b:00.2", words[i]);
		status = STATUS_USAGE;
	}
	request.named = request.count;
	optind = 0;
	while (!status && (option = getopt_long(argc, argv, short_options, options, NULL)) != -1)
		if (option == OPTION_PF)
			status = add_pf(&request, optarg);

	if (!status && (request.count < verb->least || request.count > verb->most)) {
		complain("%s %s: %zu functions are named; 'mmrctl list' shows them",
			 verb->name, verb->arguments, request.count);
		status = STATUS_USAGE;
	}
	if (!status)
		status = verb->run(&request);
	free(request.bdfs);
	free(request.pfs);
	return status;
}
