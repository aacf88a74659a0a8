// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE /* asprintf; tools/bench builds this file, too */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "qmp.h"
#include "report.h"
#include "sysfs.h"

#define PORT		"/dev/virtio-ports/qmp"
#define LOCK		"/run/lock/qmp"
#define REPLY_SIZE	(1 << 20)

/*
 * Sends one command and reads its reply. The serial number separates the reply from greetings,
 * events and replies that an earlier user left unread. There is no time limit: in a machine
 * that counts instructions, time passes fast while all wait.
 */
static char *command(struct qmp *qmp, const char *execute)
{
	char *reply = malloc(REPLY_SIZE), *line, *end, mark[32];
	size_t used = 0;
	ssize_t size;

	if (!reply)
		fail("out of memory");
	qmp->serial++;
	snprintf(mark, sizeof(mark), "\"t%d-%u\"", getpid(), qmp->serial);
	if (dprintf(qmp->fd, "{%s, \"id\": %s}\n", execute, mark) < 0)
		fail(PORT ": write: %s", strerror(errno));

	for (;;) {
		size = read(qmp->fd, reply + used, REPLY_SIZE - 1 - used);
		if (size <= 0)
			fail(PORT ": read: %s", size ? strerror(errno) : "closed");
		used += size;
		reply[used] = '\0';
		line = reply;
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			if (strstr(line, mark)) {
				memmove(reply, line, strlen(line) + 1);
				return reply;
			}
			line = end + 1;
		}
		used = strlen(line);
		memmove(reply, line, used + 1);
		if (used == REPLY_SIZE - 1)
			fail(PORT ": answer longer than %d bytes", REPLY_SIZE);
	}
}

/*
 * Finds the function's line in the runner's list. Lines are ROOT-PORT VF-INDEX TYPE QEMU-ID
 * BACK-END-FILE; sysfs has the first two. A PF has no line, but its QEMU id, pf-net0, is part
 * of its VFs', vf-net0-1.
 */
static bool look_up(struct qmp *qmp, const char *bdf)
{
	const char *results = getenv("VIRTIO_MMR_RESULTS");
	char list[PATH_MAX], port[32], line[1024];
	char link[PATH_MAX], mine[PATH_MAX], other[PATH_MAX];
	bool found = false, is_vf = sysfs_is_vf(bdf);
	unsigned int index;
	FILE *file;

	if (!results)
		return false;
	snprintf(list, sizeof(list), "%s/functions", results);
	file = fopen(list, "re");
	if (!file)
		return false;
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", bdf);
	if (!realpath(link, mine))
		fail("%s: %s", link, strerror(errno));

	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%31s %u %*s %63s %511[^\n]", port, &index, qmp->id,
			   qmp->backend) != 4)
			fail("%s: cannot read '%s'", list, line);
		snprintf(link, sizeof(link), "/%s/", port);
		if (!strstr(mine, link))
			continue;
		if (!is_vf) {
			qmp->id[0] = 'p';
			*strrchr(qmp->id, '-') = '\0';
			strcpy(qmp->backend, "-");
			found = true;
			break;
		}
		snprintf(link, sizeof(link),
			 "/sys/bus/pci/devices/%s/physfn/virtfn%u", bdf, index);
		found = realpath(link, other) && !strcmp(mine, other);
	}
	fclose(file);
	return found;
}

bool qmp_open(struct qmp *qmp, const char *bdf)
{
	memset(qmp, 0, sizeof(*qmp));
	qmp->fd = -1;
	if (access(PORT, F_OK) || !look_up(qmp, bdf))
		return false;

	/* Only one process can open the port. tools/vm/qmp waits here, too */
	qmp->lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (qmp->lock < 0 || flock(qmp->lock, LOCK_EX))
		fail(LOCK ": %s", strerror(errno));
	qmp->fd = open(PORT, O_RDWR | O_CLOEXEC);
	if (qmp->fd < 0)
		fail(PORT ": %s", strerror(errno));
	/* This fails if an earlier user of the port did it already. The error is ignored */
	free(command(qmp, "\"execute\": \"qmp_capabilities\""));
	return true;
}

void qmp_close(struct qmp *qmp)
{
	if (qmp->fd >= 0) {
		close(qmp->fd);
		close(qmp->lock);
	}
	qmp->fd = -1;
}

static char *property_of(struct qmp *qmp, const char *property)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "\"execute\": \"qom-get\", \"arguments\": {\"path\": \"/machine/peripheral/%s\", \"property\": \"%s\"}",
		 qmp->id, property);
	return command(qmp, request);
}

uint64_t qmp_counter(struct qmp *qmp, const char *property)
{
	char *reply, *value, *end;
	uint64_t number;

	reply = property_of(qmp, property);
	value = strstr(reply, "\"return\": ");
	if (!value)
		fail("QEMU device %s has no counter %s: %s", qmp->id, property, reply);
	value += strlen("\"return\": ");
	number = strtoull(value, &end, 10);
	if (end == value)
		fail("QEMU device %s, %s: no number in %s", qmp->id, property, reply);
	free(reply);
	return number;
}

/* The value as QMP has it, in quotes or not */
static bool set_property(const char *bdf, const char *property, const char *value)
{
	char *request, *reply;
	struct qmp qmp;

	if (!qmp_open(&qmp, bdf))
		return false;
	if (asprintf(&request,
		     "\"execute\": \"qom-set\", \"arguments\": {\"path\": \"/machine/peripheral/%s\", \"property\": \"%s\", \"value\": %s}",
		     qmp.id, property, value) < 0)
		fail("out of memory");
	reply = command(&qmp, request);
	if (!strstr(reply, "\"return\": "))
		fail("QEMU device %s, %s=%s: %s", qmp.id, property, value, reply);
	free(request);
	free(reply);
	qmp_close(&qmp);
	return true;
}

bool qmp_set(const char *bdf, const char *property, const char *value)
{
	char quoted[1024];

	snprintf(quoted, sizeof(quoted), "\"%s\"", value);
	return set_property(bdf, property, quoted);
}

bool qmp_set_number(const char *bdf, const char *property, uint64_t value)
{
	char number[32];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
	return set_property(bdf, property, number);
}

bool qmp_set_link(const char *bdf, bool up)
{
	char request[256], *reply;
	struct qmp qmp;

	if (!qmp_open(&qmp, bdf))
		return false;
	snprintf(request, sizeof(request),
		 "\"execute\": \"set_link\", \"arguments\": {\"name\": \"%s\", \"up\": %s}",
		 qmp.id, up ? "true" : "false");
	reply = command(&qmp, request);
	if (!strstr(reply, "\"return\": "))
		fail("QEMU device %s: set_link: %s", qmp.id, reply);
	free(reply);
	qmp_close(&qmp);
	return true;
}

bool qmp_break_link(const char *bdf)
{
	/* A bus of a device is below it in the tree: /machine/peripheral/PORT/BUS */
	static const char parent[] = "\"return\": \"/machine/peripheral/";
	char request[256], *reply, *port;
	struct qmp qmp;

	if (!qmp_open(&qmp, bdf))
		return false;
	reply = property_of(&qmp, "parent_bus");
	port = strstr(reply, parent);
	if (!port)
		fail("QEMU device %s: no root port in %s", qmp.id, reply);
	port += strlen(parent);
	/* A data link protocol error, which is fatal (PCIe 6.0, 6.2.7) */
	snprintf(request, sizeof(request),
		 "\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"pcie_aer_inject_error %.*s DLP\"}",
		 (int)strcspn(port, "/\""), port);
	free(reply);
	reply = command(&qmp, request);
	if (!strstr(reply, "\"return\": \"OK"))
		fail("QEMU device %s: its link does not fail: %s", qmp.id, reply);
	free(reply);
	qmp_close(&qmp);
	return true;
}

uint64_t qmp_count(const char *bdf, const char *property)
{
	uint64_t count = 0;
	struct qmp qmp;

	if (qmp_open(&qmp, bdf)) {
		count = qmp_counter(&qmp, property);
		qmp_close(&qmp);
	}
	return count;
}
