// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "injection.h"
#include "report.h"
#include "sysfs.h"

#define DEBUG	"/sys/kernel/debug/"

static const char *const attributes[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static bool write_number(const char *attribute, const char *name, unsigned long value)
{
	char path[128], text[32];
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), DEBUG "%s/%s", attribute, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = snprintf(text, sizeof(text), "%#lx", value);
	size = write(fd, text, size);
	close(fd);
	return size > 0;
}

static bool write_flag(const char *attribute, const char *name, bool value)
{
	char path[128];
	bool good;
	int fd;

	snprintf(path, sizeof(path), DEBUG "%s/%s", attribute, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, value ? "Y" : "N", 1) == 1;
	if (fd >= 0)
		close(fd);
	return good;
}

/* The code of a module, or only that of one function of it or of the kernel */
static bool find_code(const char *module, const char *function, unsigned long *start,
		      unsigned long *end)
{
	char line[512], name[256], of[128], mark[128] = "";
	unsigned long address, next = -1ul;
	FILE *file;
	char type;

	if (module)
		snprintf(mark, sizeof(mark), "[%s]", module);
	*start = -1ul;
	*end = 0;
	file = fopen("/proc/kallsyms", "re");
	while (file && fgets(line, sizeof(line), file)) {
		of[0] = '\0';
		if (sscanf(line, "%lx %c %255s %127s", &address, &type, name, of) < 3 ||
		    !strchr("tT", type))
			continue;
		if (function && !strcmp(name, function))
			*start = address;
		if (module && !function && !strcmp(of, mark)) {
			*start = address < *start ? address : *start;
			*end = address > *end ? address : *end;
		}
	}
	if (function && file && *start != -1ul) {
		rewind(file);
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "%lx %c", &address, &type) == 2 && address > *start &&
			    address < next)
				next = address;
		*end = next;
	} else {
		*end = (*end | 4095) + 1;
	}
	if (file)
		fclose(file);
	return *start < *end;
}

bool injection_switch_on(const char *spare)
{
	unsigned long start, end, spare_start = 0, spare_end = 0;
	unsigned int i;

	if (!find_code(MMR_DRIVER, NULL, &start, &end))
		return false;
	if (spare && !find_code(NULL, spare, &spare_start, &spare_end))
		fail("the kernel has no %s", spare);
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (!write_number(attributes[i], "require-start", start) ||
		    !write_number(attributes[i], "require-end", end) ||
		    !write_number(attributes[i], "reject-start", spare_start) ||
		    !write_number(attributes[i], "reject-end", spare_end))
			return false;
	return write_flag("failslab", "ignore-gfp-wait", false) &&
	       write_flag("fail_page_alloc", "ignore-gfp-wait", false) &&
	       write_flag("fail_page_alloc", "ignore-gfp-highmem", false) &&
	       write_number("fail_page_alloc", "min-order", 0);
}

void injection_arm(int file, unsigned int nth)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(file, text, size, 0) != size)
		fail(INJECTION_FILE ": %s", strerror(errno));
}

bool injection_disarm(int file)
{
	char text[16] = "";

	if (pread(file, text, sizeof(text) - 1, 0) <= 0)
		fail(INJECTION_FILE ": %s", strerror(errno));
	injection_arm(file, 0);
	return atoi(text) == 0;
}
