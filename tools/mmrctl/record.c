// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "paths.h"
#include "record.h"

#define FOLDER	"run/mmrctl"

static int make_folder(void)
{
	struct path path = root_path(FOLDER);

	if (mkdir(path.text, 0755) && errno != EEXIST) {
		complain("%s: %s", path.text, strerror(errno));
		return errno == EACCES ? STATUS_DENIED : STATUS_FAILED;
	}
	return STATUS_OK;
}

int record_lock(void)
{
	struct path path = root_path(FOLDER "/lock");
	int status, fd;

	/* Any user can read the records, for show, whatever root's umask is */
	umask(022);
	status = make_folder();
	if (status)
		return status;
	/* Held until the program ends */
	fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return STATUS_OK;
	if (fd >= 0 && errno == EWOULDBLOCK) {
		complain("another mmrctl binds or unbinds functions; waiting until it ends");
		/* Signals are not blocked here, so that each ends the wait */
		if (!flock(fd, LOCK_EX))
			return STATUS_OK;
	}
	complain("%s: %s", path.text, strerror(errno));
	return STATUS_FAILED;
}

/* What JSON cannot hold as text, as nothing else is UTF-8: its bytes, else null */
static json_t *odd_text(const char *text)
{
	json_t *string = json_string(text);

	if (!string)
		return json_bytes(text, strlen(text));
	json_decref(string);
	return json_null();
}

/* A text of the record, or of its bytes if there are any */
static void get_text(const json_t *object, const char *key, const char *bytes_key,
		     char text[NAME_LENGTH])
{
	const char *string = json_string_value(json_object_get(object, key));
	const char *hex = json_string_value(json_object_get(object, bytes_key));
	unsigned int byte;
	size_t i;

	snprintf(text, NAME_LENGTH, "%s", string ? string : "");
	if (!hex)
		return;
	/* A digit without another one is no byte, and the text may end behind it */
	for (i = 0; i < NAME_LENGTH - 1 && hex[0] && hex[1] && sscanf(hex, "%2x", &byte) == 1;
	     i++, hex += 2)
		text[i] = byte;
	text[i] = '\0';
}

/* The whole record or none, also on a full disk. If false, errno has the reason */
static bool replace(const struct function *function, const json_t *object)
{
	struct path path = root_path(FOLDER "/%s", function->bdf);
	struct path new = root_path(FOLDER "/%s.new", function->bdf);
	int error;

	if (!json_dump_file(object, new.text, JSON_INDENT(2)) && !rename(new.text, path.text))
		return true;
	error = errno;
	unlink(new.text);
	errno = error;
	return false;
}

int record_save(const struct function *function)
{
	struct path path = root_path(FOLDER "/%s", function->bdf);
	json_t *object;
	bool failed;

	object = make_json("{s:I, s:o, s:o, s:o, s:o}",
			   "incarnation", function_incarnation(function->bdf),
			   "driver", json_text(function->driver),
			   "driver_bytes", odd_text(function->driver),
			   "driver_override", json_text(function->override),
			   "driver_override_bytes", odd_text(function->override));
	failed = !replace(function, object);
	json_decref(object);
	if (failed) {
		complain("%s: cannot be written: %s; unbind would not know the driver of %s, so the function is left alone",
			 path.text, strerror(errno), function->bdf);
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

void record_mark(const struct function *function)
{
	struct path path = root_path(FOLDER "/%s", function->bdf);
	json_t *object = json_load_file(path.text, 0, NULL);

	if (object && !json_object_set_new(object, "restoring", json_true()))
		replace(function, object);
	json_decref(object);
}

bool record_load(struct record *record, const struct function *function)
{
	struct path path = root_path(FOLDER "/%s", function->bdf);
	json_t *object = path_is_readable(&path) ? json_load_file(path.text, 0, NULL) : NULL;
	json_int_t number = json_integer_value(json_object_get(object, "incarnation"));
	bool ours = object && number == function_incarnation(function->bdf);

	*record = (struct record){};
	if (ours) {
		get_text(object, "driver", "driver_bytes", record->driver);
		get_text(object, "driver_override", "driver_override_bytes", record->override);
		record->marked = json_is_true(json_object_get(object, "restoring"));
	}
	json_decref(object);
	return ours;
}

void record_remove(const struct function *function)
{
	struct path path = root_path(FOLDER "/%s", function->bdf);

	unlink(path.text);
}

/*
 * Without a record, an administrator may have set the override, or the driver, on
 * purpose.
 */
bool record_is_halfway(struct record *record, const struct function *function)
{
	if (!is_mmr_driver(function->driver) && record_load(record, function)) {
		if (is_mmr_driver(function->override))
			return true;
		/* The override that unbind sets meanwhile, before and after the driver is back */
		if (*record->driver && !strcmp(function->override, record->driver) &&
		    (!*function->driver || (record->marked &&
					    !strcmp(function->driver, record->driver))))
			return true;
	}
	*record = (struct record){};
	return false;
}

bool record_is_due(struct record *record, const struct function *function)
{
	paths_forget_denials();
	if (is_mmr_driver(function->driver))
		return record_load(record, function);
	return record_is_halfway(record, function);
}
