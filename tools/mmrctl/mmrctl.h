/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all verbs share. Documentation/mmrctl.rst describes them for users.
 */
#ifndef MMRCTL_H
#define MMRCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Gives functions to guests */
#define MMR_DRIVER	"virtio_mmr_vfio_pci"
/* Makes functions devices of the host itself */
#define NATIVE_DRIVER	"virtio_mmr_pci"
/* The module that both use */
#define MMR_CORE	"virtio_mmr"

/* DDDDDDDD:BB:DD.F; domains have more than four digits on some hosts */
#define BDF_SIZE	17

/* Part of the interface, see the manual */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,	/* the system refused something */
	STATUS_USAGE = 2,
	STATUS_NOT_FOUND = 3,	/* no such function, or none that the verb is for */
	STATUS_UNUSABLE = 4,	/* the host or the function is not fit for use */
	STATUS_IN_USE = 5,
	STATUS_DENIED = 6,	/* needs root */
};

/**
 * struct request - what the command line asks for
 * @json: print JSON
 * @native: bind: for the host itself
 * @prometheus: stats: print metrics
 * @watch: stats: seconds from one reading to the next, 0 for only one
 * @count: number of functions named, those of --pf included
 * @bdfs: their addresses in sysfs's form; they need not exist
 * @named: number of those that were named, which come first
 * @pf_count: number of --pf options
 * @pfs: their PFs, whose VFs come and go
 */
struct request {
	bool json;
	bool native;
	bool prometheus;
	unsigned int watch;
	size_t count;
	char (*bdfs)[BDF_SIZE];
	size_t named;
	size_t pf_count;
	char (*pfs)[BDF_SIZE];
};

/* Each returns an enum status, after a message on stderr if it is not 0 */
int verb_list(const struct request *request);
int verb_show(const struct request *request);
int verb_check(const struct request *request);
int verb_bind(const struct request *request);
int verb_unbind(const struct request *request);
int verb_dump(const struct request *request);
int verb_regs(const struct request *request);
int verb_stats(const struct request *request);

/* Progress on a line of stderr that the next replaces, on terminals and for many functions */
void show_progress(const char *verb, size_t done, size_t count);

/*
 * From here on stdout prints question marks for all that is not printable ASCII. Names in sysfs and
 * in recordings can have escape sequences for the terminal of the reader.
 */
void print_for_people(void);

/* One line on stderr, "mmrctl: " before it and a line feed after it; as print_for_people() does */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text that others chose, such as a process's name, fit for a terminal and for JSON */
void make_printable(char *text);

/* The same, unless the text is UTF-8, which is all that JSON and Prometheus take */
void make_utf8(char *text);

/* The value, as make_utf8() makes it, or null for an empty text or none */
json_t *json_text(const char *text);
/* Bytes in hexadecimal, as text */
json_t *json_bytes(const void *bytes, size_t size);
/*
 * As json_pack(), and ends the program if that fails. Text that may not be UTF-8 is an "o", by
 * json_text()
 */
json_t *make_json(const char *format, ...);
/* Print @object and release it; STATUS_FAILED if stdout cannot be written */
int print_json(json_t *object);
/* Flush stdout; STATUS_FAILED if it cannot be written */
int finish_output(void);

#endif /* MMRCTL_H */
