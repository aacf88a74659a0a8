// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "legacy.h"
#include "module.h"
#include "report.h"

int module_load(const char *name, const char *parameters)
{
	char program[256], path[512];
	struct utsname kernel;
	ssize_t length;
	int fd, error;

	/* Programs of tests are in build/selftests */
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length < 0 || uname(&kernel))
		fail("where are the modules for tests: %s", strerror(errno));
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	snprintf(path, sizeof(path), "%s/../%s/tests/%s.ko", program, kernel.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return error;
}

void module_unload(const char *name)
{
	if (syscall(SYS_delete_module, name, O_NONBLOCK))
		fail("module %s cannot be removed: %s", name, strerror(errno));
}

bool module_unload_after(const char *name, pid_t child, unsigned int milliseconds, int *status)
{
	bool ended = background_process_ends(child, milliseconds, status);

	module_unload(name);
	if (!ended)
		waitpid(child, status, 0);
	return ended;
}

unsigned long module_number(const char *name, const char *parameter)
{
	unsigned long value = 0;
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name, parameter);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lu", &value) != 1)
		fail("%s: no number", path);
	fclose(file);
	return value;
}

void module_set_number(const char *name, const char *parameter, unsigned long value)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", name, parameter);
	file = fopen(path, "we");
	if (!file || fprintf(file, "%lu\n", value) < 0 || fclose(file))
		fail("%s: %s", path, strerror(errno));
}

void module_wait(const char *name, const char *parameter, struct background *thread)
{
	unsigned int waited;

	for (waited = 0; waited < LEGACY_TIMEOUT; waited++) {
		if (module_number(name, parameter) || (thread && background_is_over(thread)))
			break;
		usleep(1000);
	}
}
