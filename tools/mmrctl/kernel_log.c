// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "kernel_log.h"
#include "mmrctl.h"
#include "paths.h"

static int log_fd = -1;

void kernel_log_mark(void)
{
	struct path path = root_path("dev/kmsg");

	if (log_fd < 0 && !paths_are_recorded())
		log_fd = open(path.text, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd >= 0)
		lseek(log_fd, 0, SEEK_END);
}

void kernel_log_complain(const char *word)
{
	char line[8192], *text;
	ssize_t length;

	if (log_fd < 0)
		return;
	/* One record for each read; EPIPE means that older ones are gone */
	while ((length = read(log_fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (length <= 0)
			continue;
		line[length] = '\0';
		line[strcspn(line, "\n")] = '\0';
		text = strchr(line, ';');
		if (!text || !strstr(text, word))
			continue;
		make_printable(text);
		complain("kernel log: %s", text + 1);
	}
}
