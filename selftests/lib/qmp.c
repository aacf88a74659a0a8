// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qmp.h"
#include "report.h"

#define PORT		"/dev/virtio-ports/qmp"
#define REPLY_SIZE	(1 << 20)
#define TIMEOUT		10000 /* ms */

/*
 * One command and its reply, told by its serial number from greetings, events
 * and replies that an earlier user of the port left unread.
 */
static char *command(struct qmp *qmp, const char *execute)
{
	char *reply = malloc(REPLY_SIZE), *line, *end, mark[32];
	struct pollfd pollfd = { .fd = qmp->fd, .events = POLLIN };
	char request[512];
	size_t used = 0;
	ssize_t size;
	int length;

	if (!reply)
		fail("out of memory");
	qmp->serial++;
	length = snprintf(request, sizeof(request), "{%s, \"id\": \"t%d-%u\"}\n",
			  execute, getpid(), qmp->serial);
	snprintf(mark, sizeof(mark), "\"t%d-%u\"", getpid(), qmp->serial);
	if (write(qmp->fd, request, length) != length)
		fail(PORT ": write: %s", strerror(errno));

	for (;;) {
		if (poll(&pollfd, 1, TIMEOUT) != 1)
			fail(PORT ": no answer to {%s} in %d ms", execute, TIMEOUT);
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

/* Value of the key nearest before or after a place in flat JSON text */
static bool number_after(const char *text, const char *key, long *value)
{
	const char *at = strstr(text, key);

	if (!at)
		return false;
	at += strlen(key);
	at += strspn(at, "\": ");
	*value = strtol(at, NULL, 10);
	return true;
}

/*
 * query-pci gives each device as one object, whose own keys come in the order
 * bus, slot, qdev_id, function or another one: cut the text at "slot" keys and
 * look at each object's neighbourhood by matching braces.
 */
static bool find_id(char *reply, unsigned int bus, unsigned int slot,
		    unsigned int function, char id[QMP_ID_SIZE])
{
	char *at = reply;

	while ((at = strstr(at, "\"qdev_id\""))) {
		char *start = at, *end = at, saved;
		long b, s, f;
		int depth;
		bool found;

		for (depth = 0; start > reply; start--) {
			if (*start == '}')
				depth++;
			else if (*start == '{' && depth-- == 0)
				break;
		}
		for (depth = 0; *end; end++) {
			if (*end == '{')
				depth++;
			else if (*end == '}' && depth-- == 0)
				break;
		}
		saved = *end;
		*end = '\0';
		found = number_after(start, "\"bus\"", &b) &&
			number_after(start, "\"slot\"", &s) &&
			number_after(start, "\"function\"", &f) &&
			b == bus && s == slot && f == function;
		*end = saved;
		at += strlen("\"qdev_id\"");
		if (!found)
			continue;
		at += strspn(at, ": \"");
		snprintf(id, QMP_ID_SIZE, "%.*s", (int)strcspn(at, "\""), at);
		return id[0];
	}
	return false;
}

bool qmp_open(struct qmp *qmp, const char *bdf)
{
	unsigned int domain, bus, slot, function;
	char *reply;
	bool found;

	memset(qmp, 0, sizeof(*qmp));
	qmp->fd = open(PORT, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (qmp->fd < 0)
		return false;
	if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		fail("'%s' is no PCI address", bdf);

	/* An error if an earlier user of the port did this already: no matter */
	free(command(qmp, "\"execute\": \"qmp_capabilities\""));
	reply = command(qmp, "\"execute\": \"query-pci\"");
	found = find_id(reply, bus, slot, function, qmp->id);
	free(reply);
	if (!found)
		qmp_close(qmp);
	return found;
}

void qmp_close(struct qmp *qmp)
{
	if (qmp->fd >= 0)
		close(qmp->fd);
	qmp->fd = -1;
}

uint64_t qmp_counter(struct qmp *qmp, const char *property)
{
	char request[256], *reply;
	long value;

	snprintf(request, sizeof(request),
		 "\"execute\": \"qom-get\", \"arguments\": {\"path\": \"/machine/peripheral/%s\", \"property\": \"%s\"}",
		 qmp->id, property);
	reply = command(qmp, request);
	if (strstr(reply, "\"error\"") ||
	    !number_after(reply, "\"return\"", &value))
		fail("QEMU device %s has no counter %s: %s", qmp->id, property, reply);
	free(reply);
	return value;
}
