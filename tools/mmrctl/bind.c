// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bind and unbind: the driver of a function. Both use driver_override, which concerns
 * that function only. Each step is verified, as a write to drivers_probe succeeds
 * whether or not a driver takes the function.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functions.h"
#include "groups.h"
#include "kernel_log.h"
#include "module.h"
#include "native.h"
#include "paths.h"
#include "record.h"
#include "users.h"

/* Those that end a program and that others send */
static const int signals[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU
};

/*
 * A function is never left halfway: signals count between two functions only, and nothing stops the
 * program. SIGPIPE does not count at all, as a reader of messages that has gone is no reason to
 * give up. The faults of the program itself cannot be held.
 */
static void hold_signals(void)
{
	static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP };
	sigset_t set;
	size_t i;

	sigfillset(&set);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool is_interrupted(void)
{
	sigset_t set;
	size_t i;

	sigpending(&set);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigismember(&set, signals[i]))
			return true;
	return false;
}

static const char *wanted_driver(const struct request *request)
{
	return request->native ? NATIVE_DRIVER : MMR_DRIVER;
}

/**
 * struct change - what was done to one function
 * @before: its driver and override before that
 * @changed: whether anything was done
 * @was_recorded: an earlier bind has left a record, which stays
 * @failed: a message has said so
 */
struct change {
	struct record before;
	bool changed;
	bool was_recorded;
	bool failed;
};

/* True if there is a record, of a bind or an unbind that was killed, or of the other driver */
static bool remember(struct change *change, const struct function *function)
{
	struct record record;

	if (record_is_halfway(&change->before, function))
		return true;
	strcpy(change->before.driver, function->driver);
	strcpy(change->before.override, function->override);
	change->was_recorded = record_is_due(&record, function);
	return change->was_recorded;
}

/* After a change between the two drivers and back there is nothing to restore */
static void forget_if_restored(const struct function *function)
{
	struct record record;

	if (record_is_due(&record, function) && !strcmp(record.driver, function->driver) &&
	    !strcmp(record.override, function->override))
		record_remove(function);
}

/* --- steps -------------------------------------------------------------------------- */

static int write_override(const struct function *function, const char *driver)
{
	struct path path = function_path(function->bdf, "driver_override");

	/* An empty line removes the override; a write of no bytes does nothing */
	return write_text(&path, *driver ? driver : "\n");
}

/* By the driver's own file: if the function has another one by now, the kernel refuses */
static int let_go(const struct function *function)
{
	struct path path = sys_path("bus/pci/drivers/%s/unbind", function->driver);

	return *function->driver ? write_text(&path, function->bdf) : 0;
}

/* 0 if the function has @driver afterwards, else the most precise error code */
static int take(struct function *function, const char *driver)
{
	struct path path = sys_path("bus/pci/drivers_probe");
	int error;

	error = write_override(function, driver);
	if (!error)
		error = write_text(&path, function->bdf);
	function_refresh(function);
	if (!strcmp(function->driver, driver))
		return 0;
	return error ? error : -ENODEV;
}

static bool is_gone(const struct function *function)
{
	struct path path = function_path(function->bdf, "vendor");

	paths_forget_denials();
	return !path_exists(&path) && !paths_denied();
}

/* What to do about an error of sysfs; may be nothing */
static const char *remedy_of(int error)
{
	return error == -EROFS ? "; run mmrctl where sysfs can be written" : "";
}

static int complain_override(const struct function *function, int error)
{
	complain("%s: cannot set its driver_override: %s%s", function->bdf, strerror(-error),
		 remedy_of(error));
	return error == -EACCES ? STATUS_DENIED : STATUS_FAILED;
}

static int complain_gone(const struct function *function)
{
	complain("%s: has disappeared meanwhile", function->bdf);
	return STATUS_FAILED;
}

/*
 * Restores a function that nobody uses with the driver that it has; STATUS_OK or a status after a
 * message. After a failure the record must stay, and the next unbind knows by driver_override that
 * it is due.
 */
static int put_back(struct function *function, const struct record *record)
{
	const char *way_out;
	int error = 0;

	if (strcmp(function->driver, record->driver)) {
		error = let_go(function);
		if (!error && *record->driver) {
			record_mark(function);
			error = take(function, record->driver);
		}
	}
	if (!error)
		error = write_override(function, record->override);
	function_refresh(function);
	if (!error && !strcmp(function->driver, record->driver))
		return STATUS_OK;
	if (is_gone(function))
		return complain_gone(function);
	way_out = remedy_of(error);
	if (!*way_out && *record->driver && !*function->driver)
		way_out = "; load that driver if it is missing, then unbind again";
	complain("%s: cannot %s%s: %s; it has %s now%s", function->bdf,
		 *record->driver ? "give it back to " : "take it from its driver", record->driver,
		 strerror(error ? -error : ENODEV),
		 *function->driver ? function->driver : "no driver", way_out);
	return STATUS_FAILED;
}

/* --- refusals ------------------------------------------------------------------------ */

/* There may be hundreds of functions, and time enough for a guest to start */
static int refuse_users(const struct function *function, const char *what)
{
	struct users users;
	int status = STATUS_OK;
	char text[USER_TEXT_SIZE], driver[192];
	size_t i;

	users_forget_old();
	users_find_thoroughly(&users, function);
	for (i = 0; i < users.count; i++) {
		describe_user(&users.list[i], text, sizeof(text));
		switch (users.list[i].kind) {
		case USER_HIDDEN_INTERFACE:
			snprintf(driver, sizeof(driver),
				 ", or take the function from its driver: echo %s >/sys/bus/pci/drivers/%s/unbind",
				 function->bdf, function->driver);
			complain("%s: may be in use: %s, where mmrctl cannot look. End what uses it, or move the interface here: ip -n NAMESPACE link set NAME netns 1%s; then %s again",
				 function->bdf, text, function->numvfs ? "" : driver, what);
			break;
		case USER_VFS:
			complain("%s: in use by %s (lost with the PF's driver). For the VFs, name them (--pf %s: all). For the PF itself, if nobody needs the VFs: set its sriov_numvfs to 0, then %s again",
				 function->bdf, text, function->bdf, what);
			break;
		default:
			complain("%s: in use by %s; end that first, then %s again", function->bdf,
				 text, what);
		}
		status = STATUS_IN_USE;
	}
	if (!status && !users.complete) {
		complain("%s: nobody can tell from here whether it is in use. Run mmrctl as root with all capabilities, and not in a container that hides processes; then %s again",
			 function->bdf, what);
		status = STATUS_DENIED;
	}
	users_release(&users);
	return status;
}

/*
 * The same, and the function is still as it was, or has the driver that it is to have: the look at
 * all processes takes its time.
 */
static int refuse_users_of_this(struct function *function, const char *what, const char *wanted)
{
	char driver[NAME_LENGTH], override[NAME_LENGTH];
	int status;

	strcpy(driver, function->driver);
	strcpy(override, function->override);
	status = refuse_users(function, what);
	if (status)
		return status;
	function_refresh(function);
	if (is_gone(function))
		return complain_gone(function);
	if (!strcmp(function->driver, wanted) ||
	    (!strcmp(function->driver, driver) && !strcmp(function->override, override)))
		return STATUS_OK;
	complain("%s: somebody else gives it %s at this moment; look at it, then %s again",
		 function->bdf, *function->driver ? function->driver : "no driver", what);
	return STATUS_IN_USE;
}

static bool is_in(const struct functions *found, const char *bdf)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (!strcmp(found->list[i].bdf, bdf))
			return true;
	return false;
}

/* Members that are to be bound as well are no obstacle */
static int refuse_group(const struct function *function, const struct functions *found)
{
	char blocker[256], way_out[256];
	struct members members;
	int status = STATUS_OK;
	size_t i;

	if (function->group < 0) {
		complain("%s: is in no IOMMU group; 'mmrctl check' says what to do", function->bdf);
		return STATUS_UNUSABLE;
	}
	group_members(&members, function);
	for (i = 0; i < members.count; i++) {
		const struct member *member = &members.list[i];

		if (!member->blocks || is_in(found, member->name))
			continue;
		describe_blocker(member, blocker, sizeof(blocker));
		describe_way_out(member, way_out, sizeof(way_out));
		complain("%s: IOMMU group %d would not be viable: it has %s; %s",
			 function->bdf, function->group, blocker, way_out);
		status = STATUS_UNUSABLE;
	}
	group_release(&members);
	return status;
}

static int refuse_function(const struct function *function, const char *driver)
{
	if (!strcmp(driver, NATIVE_DRIVER) && function->verdict != VERDICT_UNKNOWN)
		return native_refuse_function(function);
	switch (function->verdict) {
	case VERDICT_USABLE:
		return STATUS_OK;
	case VERDICT_UNKNOWN:
		complain("%s: %s; run mmrctl as root", function->bdf, function->reason);
		return STATUS_DENIED;
	case VERDICT_UNUSABLE:
		if (function_is_foreign(function) || !function->scan.identity) {
			complain("%s: is no MMR function: %s; vfio-pci is the driver for it",
				 function->bdf, function->reason);
			return STATUS_NOT_FOUND;
		}
		complain("%s: %s cannot use it: %s; %s", function->bdf, driver,
			 function->reason, function->scan.verdict == VIRTIO_MMR_SCAN_LISTS ?
			 "ask its vendor for other firmware, and bind it to no VFIO driver" :
			 "vfio-pci can pass it through as it is");
		return STATUS_UNUSABLE;
	}
	return STATUS_UNUSABLE;
}

/* It could not be restored */
static int refuse_override(const struct function *function)
{
	if (!function->override_is_cut)
		return STATUS_OK;
	complain("%s: its driver_override has more than %d characters, which unbind could not restore, and no driver has such a name. To remove it: echo >/sys/bus/pci/devices/%s/driver_override; then bind again",
		 function->bdf, NAME_LENGTH - 1, function->bdf);
	return STATUS_UNUSABLE;
}

static int refuse_user(const char *verb)
{
	if (!geteuid() || paths_are_recorded())
		return STATUS_OK;
	complain("%s needs root: run it with sudo", verb);
	return STATUS_DENIED;
}

/*
 * All functions are checked, and all complaints are made, before anything changes. Users are
 * looked for again when it is the function's turn.
 */
static int may_bind(const struct functions *found, const char *driver)
{
	bool native = !strcmp(driver, NATIVE_DRIVER);
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < found->count; i++) {
		const struct function *function = &found->list[i];
		int refusal;

		/* A device manager knows IDs only, so it may have bound a foreign function */
		if (!strcmp(function->driver, driver) && !function_is_foreign(function))
			continue;
		refusal = refuse_function(function, driver);
		if (!refusal)
			refusal = refuse_override(function);
		if (!refusal)
			refusal = refuse_users(function, "bind");
		if (!refusal)
			refusal = native ? native_refuse(function) : refuse_group(function, found);
		if (!status)
			status = refusal;
	}
	users_forget();
	return status;
}

static int need_module(const char *driver)
{
	struct path path = sys_path("bus/pci/drivers/%s", driver);
	int error;

	if (path_exists(&path))
		return STATUS_OK;
	error = paths_are_recorded() ? -ENOENT : module_load(driver);
	if (error) {
		complain("cannot load %s: %s; %s", driver, strerror(-error),
			 module_remedy(error));
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

/* --- what both have in common ---------------------------------------------------------- */

static void print_change(const struct function *function, const struct change *change)
{
	char driver[256], devices[128], override[NAME_LENGTH], before[NAME_LENGTH];

	describe_override(function->override, override, sizeof(override));
	describe_override(change->before.override, before, sizeof(before));
	snprintf(driver, sizeof(driver), "%s", *function->driver ? function->driver : "no driver");
	if (is_native(function)) {
		describe_native(function, devices, sizeof(devices));
		snprintf(driver, sizeof(driver), "%s, native (%s)", function->driver, devices);
	}
	if (change->failed)
		return;
	if (change->changed && !strcmp(function->driver, change->before.driver))
		printf("%s: %s, driver_override %s (was: %s)\n", function->bdf, driver, override,
		       before);
	else if (change->changed)
		printf("%s: %s (was: %s)\n", function->bdf, driver,
		       *change->before.driver ? change->before.driver : "no driver");
	else
		printf("%s: %s, unchanged\n", function->bdf, driver);
}

static bool has_changed(const struct function *function, const struct change *change)
{
	return change->changed && (strcmp(function->driver, change->before.driver) ||
				   strcmp(function->override, change->before.override));
}

static json_t *change_json(const struct function *function, const struct change *change)
{
	return make_json("{s:s, s:o, s:o, s:o, s:b}", "bdf", function->bdf,
			 "driver", json_text(function->driver),
			 "native", native_json(function),
			 "previous_driver", json_text(change->before.driver),
			 "changed", has_changed(function, change));
}

static int print_changes(const struct functions *found, const struct change *changes, bool json)
{
	json_t *list;
	size_t i;

	if (!json) {
		for (i = 0; i < found->count; i++)
			print_change(&found->list[i], &changes[i]);
		return finish_output();
	}
	list = json_array();
	for (i = 0; i < found->count; i++)
		json_array_append_new(list, change_json(&found->list[i], &changes[i]));
	return print_json(make_json("{s:o}", "functions", list));
}

/* A report that cannot be written undoes nothing */
static int report(const struct functions *found, const struct change *changes, bool json)
{
	int status = print_changes(found, changes, json);
	size_t i, changed = 0;

	for (i = 0; i < found->count; i++)
		changed += has_changed(&found->list[i], &changes[i]);
	if (status && changed)
		complain("%zu functions have been changed all the same; 'mmrctl list' shows them",
			 changed);
	return status;
}

/* Comes before any change. After STATUS_OK, end() releases what it has stored. */
static int begin(struct functions *found, struct change **changes, const struct request *request,
		 const char *verb)
{
	struct request now = {};
	int status;

	status = refuse_user(verb);
	if (!status)
		status = record_lock();
	if (!status)
		status = request_again(&now, request);
	if (!status)
		status = functions_load(found, &now);
	free(now.bdfs);
	if (status)
		return status;
	*changes = calloc(found->count, sizeof(**changes));
	if (!*changes)
		errx(STATUS_FAILED, "out of memory");
	return STATUS_OK;
}

static void end(struct functions *found, struct change *changes)
{
	free(changes);
	functions_release(found);
}

/* An administrator may not expect another driver after a reboot */
static void mention_driverctl(const struct function *function)
{
	char driver[NAME_LENGTH];

	function_persistent_driver(function, driver, sizeof(driver));
	if (!strcmp(driver, DRIVERCTL_NO_DRIVER)) {
		if (*function->driver)
			complain("%s: driverctl leaves it without a driver at the next boot. To change that: driverctl --noprobe unset-override %s",
				 function->bdf, function->bdf);
	} else if (*driver && strcmp(driver, function->driver)) {
		complain("%s: driverctl binds it to %s at the next boot. To change that: driverctl --noprobe unset-override %s",
			 function->bdf, driver, function->bdf);
	}
}

/* --- bind ------------------------------------------------------------------------------ */

/* A guest may use it already, and would lose it. So may somebody who has given it another driver */
static int undo_one(struct function *function, const struct record *before, const char *driver)
{
	function_refresh(function);
	if (is_gone(function))
		return complain_gone(function);
	if (*function->driver && strcmp(function->driver, driver) &&
	    strcmp(function->driver, before->driver)) {
		complain("%s: somebody else has given it %s, and it stays there", function->bdf,
			 function->driver);
		return STATUS_IN_USE;
	}
	if (strcmp(function->driver, before->driver) &&
	    refuse_users_of_this(function, "unbind", before->driver))
		return STATUS_IN_USE;
	return put_back(function, before);
}

static void undo(struct functions *found, const struct change *changes, size_t count,
		 const char *driver)
{
	size_t failed = 0;

	while (count--) {
		struct function *function = &found->list[count];

		if (!changes[count].changed)
			continue;
		if (undo_one(function, &changes[count].before, driver))
			failed++;
		else if (!changes[count].was_recorded)
			record_remove(function);
	}
	if (!failed)
		complain("nothing was bound: all functions are as before");
}

/*
 * The function has the driver. Its driver_override may name the other one, of a bind that was
 * killed; without a record of that it is somebody else's.
 */
static int keep_bound(struct function *function, struct change *change, const char *driver)
{
	struct record record;
	int error;

	strcpy(change->before.driver, function->driver);
	strcpy(change->before.override, function->override);
	if (!is_mmr_driver(function->override) || !strcmp(function->override, driver) ||
	    !record_is_due(&record, function))
		return STATUS_OK;
	change->was_recorded = true;
	error = write_override(function, driver);
	if (error)
		return complain_override(function, error);
	change->changed = true;
	function_refresh(function);
	return STATUS_OK;
}

static int bind_one(struct function *function, struct change *change, const char *driver)
{
	int error, status;
	bool saves;

	kernel_log_mark();
	status = refuse_override(function);
	if (!status)
		status = refuse_users_of_this(function, "bind", driver);
	if (status)
		return status;
	if (!strcmp(function->driver, driver))
		return keep_bound(function, change, driver);
	saves = !remember(change, function);
	if (saves && record_save(function))
		return STATUS_FAILED;
	/* First, so that no other driver takes the function in between */
	error = write_override(function, driver);
	if (error) {
		if (saves)
			record_remove(function);
		if (is_gone(function))
			return complain_gone(function);
		return complain_override(function, error);
	}
	change->changed = true;
	error = let_go(function);
	if (!error)
		error = take(function, driver);
	if (!error && is_native(function))
		return native_wait(function);
	if (!error)
		return STATUS_OK;
	if (is_gone(function))
		return complain_gone(function);
	complain("%s: %s does not take the function: %s", function->bdf, driver,
		 strerror(-error));
	kernel_log_complain(function->bdf);
	return error == -EACCES ? STATUS_DENIED : STATUS_FAILED;
}

static int bind_all(struct functions *found, struct change *changes, const char *driver)
{
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < found->count && !status; i++) {
		struct function *function = &found->list[i];

		show_progress("binding", i, found->count);
		if (is_interrupted()) {
			complain("interrupted");
			status = STATUS_FAILED;
			break;
		}
		/* Others may have given it a driver, too */
		function_refresh(function);
		if (!strcmp(function->driver, driver)) {
			status = keep_bound(function, &changes[i], driver);
			continue;
		}
		status = bind_one(function, &changes[i], driver);
	}
	if (status)
		undo(found, changes, i, driver);
	else
		show_progress("binding", found->count, found->count);
	return status;
}

int verb_bind(const struct request *request)
{
	const char *driver = wanted_driver(request);
	struct functions found;
	struct change *changes;
	int status;
	size_t i;

	status = begin(&found, &changes, request, "bind");
	if (status)
		return status;
	status = may_bind(&found, driver);
	if (!status)
		status = need_module(driver);
	if (!status) {
		hold_signals();
		status = bind_all(&found, changes, driver);
		for (i = 0; i < found.count && !status; i++) {
			if (!changes[i].changed)
				continue;
			forget_if_restored(&found.list[i]);
			mention_driverctl(&found.list[i]);
		}
		if (!status)
			status = report(&found, changes, request->json);
	}
	end(&found, changes);
	return status;
}

/* --- unbind ----------------------------------------------------------------------------- */

static int unbind_one(struct function *function, struct change *change)
{
	struct record record;
	int status = STATUS_OK;
	bool due;

	/* There may be hundreds of functions, and time enough for others to change this one */
	function_refresh(function);
	due = record_is_due(&record, function);
	strcpy(change->before.driver, function->driver);
	strcpy(change->before.override, function->override);
	if (!due && !is_mmr_driver(function->driver) &&
	    (*function->driver || !is_mmr_driver(function->override))) {
		/* Somebody else has changed it since, and is the one to restore it */
		record_remove(function);
		return STATUS_OK;
	}
	/* The driver stays, so its users are no obstacle */
	if (strcmp(function->driver, record.driver))
		status = refuse_users_of_this(function, "unbind", record.driver);
	if (!status) {
		change->changed = true;
		status = put_back(function, &record);
	}
	change->failed = status;
	if (status)
		return status;
	record_remove(function);
	mention_driverctl(function);
	return STATUS_OK;
}

int verb_unbind(const struct request *request)
{
	struct functions found;
	struct change *changes;
	int status, one;
	size_t i;

	status = begin(&found, &changes, request, "unbind");
	if (status)
		return status;
	hold_signals();
	for (i = 0; i < found.count && !is_interrupted(); i++) {
		show_progress("unbinding", i, found.count);
		one = unbind_one(&found.list[i], &changes[i]);
		if (!status)
			status = one;
	}
	show_progress("unbinding", i, found.count);
	if (i < found.count) {
		complain("interrupted: %zu of %zu functions are done", i, found.count);
		status = STATUS_FAILED;
	}
	for (; i < found.count; i++) {
		strcpy(changes[i].before.driver, found.list[i].driver);
		strcpy(changes[i].before.override, found.list[i].override);
	}
	one = report(&found, changes, request->json);
	if (!status)
		status = one;
	end(&found, changes);
	users_forget();
	return status;
}
