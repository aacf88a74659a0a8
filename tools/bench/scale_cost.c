// SPDX-License-Identifier: GPL-2.0-or-later
/* What tools/bench/scale counts on a host with many functions. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/sysfs.h"
#include "lib/vfio.h"
#include "spinner.h"

#define USAGE \
"usage: scale_cost OUTPUT write FILE TEXT\n" \
"       scale_cost OUTPUT run PROGRAM [ARGUMENT...]\n" \
"       scale_cost OUTPUT busy BDF...\n" \
"       scale_cost - bind DRIVER BDF...\n" \
"\n" \
"Adds lines of JSON to the file OUTPUT, with instructions. Refuses to run where the TSC\n" \
"does not count instructions.\n" \
"\n" \
"write        one write to a file of sysfs; sleep does not count\n" \
"run          a whole program, its output goes nowhere; sleep does not count\n" \
"busy         an open of the first function, while processes of at most eight functions\n" \
"             have all the others open; then a register read and a notification, while\n" \
"             they access them all the time\n" \
"bind         no measurement\n"

#define WORKERS_MAX	256
/* Of each operation. The least counts: what interrupts can only add */
#define SAMPLES		40
/* Between two samples, so that all others have their turn */
#define PAUSE		2000 /* microseconds */
#define LAST_PAUSES	5000

static const char *output;

static void write_line(json_object *line)
{
	const char *text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN);
	FILE *file = fopen(output, "ae");

	if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file))
		fail("%s: %s", output, strerror(errno));
	json_object_put(line);
}

static void write_cost(const char *operation, uint64_t cost)
{
	json_object *line = json_object_new_object();

	json_object_object_add(line, "operation", json_object_new_string(operation));
	json_object_object_add(line, "cost", json_object_new_int64(cost));
	write_line(line);
}

/* --- Operations that sleep ---------------------------------------------------------- */

static void measure_write(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	uint64_t start;
	ssize_t done;

	if (fd < 0)
		fail("%s: %s", name, strerror(errno));
	spinner_start();
	start = spinner_work();
	done = write(fd, text, strlen(text));
	start = spinner_work() - start;
	if (done != (ssize_t)strlen(text))
		fail("%s: %s", name, strerror(errno));
	write_cost("write", start);
}

static void measure_run(char **arguments)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;
	uint64_t start;
	pid_t pid;

	spinner_start();
	start = spinner_work();
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		execv(arguments[0], arguments);
		fail("%s: %s", arguments[0], strerror(errno));
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid: %s", strerror(errno));
	start = spinner_work() - start;
	if (status)
		fail("%s: status 0x%x", arguments[0], status);
	write_cost("run", start);
}

/* --- One function among many that are busy -------------------------------------------- */

/* Accesses of each process, which nobody else writes */
static uint64_t *accesses;

static void access_for_ever(uint64_t *mine, struct vfio_device *devices, unsigned int count)
{
	unsigned int i;

	for (;;) {
		for (i = 0; i < count; i++) {
			legacy_read(&devices[i], VIRTIO_MMR_DEVICE_FEATURES, 4);
			legacy_write(&devices[i], VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
		}
		__atomic_fetch_add(mine, 2 * count, __ATOMIC_RELAXED);
		/* There are a hundred processes, and one CPU */
		sched_yield();
	}
}

static void work(unsigned int number, char **bdfs, unsigned int count, int go, int done)
{
	struct vfio_device devices[VFIO_GROUPS_MAX];
	struct vfio_container container;
	unsigned int i;
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	vfio_container_open(&container);
	for (i = 0; i < count; i++) {
		vfio_device_open(&devices[i], &container, bdfs[i]);
		vfio_command(&devices[i], PCI_COMMAND_IO, 0);
		legacy_reset(&devices[i]);
	}
	if (write(done, &byte, 1) != 1 || read(go, &byte, 1) != 0)
		exit(1);
	access_for_ever(&accesses[number], devices, count);
}

/* They have their functions open, and begin when the caller closes @go[1] */
static unsigned int start_workers(char **bdfs, unsigned int count, pid_t *pids, int go[2])
{
	unsigned int workers = 0, first, part;
	int done[2];
	char byte;

	if (pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		fail("pipe: %s", strerror(errno));
	for (first = 0; first < count; first += part, workers++) {
		if (workers == WORKERS_MAX)
			fail("more than %d processes", WORKERS_MAX);
		part = count - first < VFIO_GROUPS_MAX ? count - first : VFIO_GROUPS_MAX;
		pids[workers] = fork();
		if (pids[workers] < 0)
			fail("fork: %s", strerror(errno));
		if (!pids[workers]) {
			close(go[1]);
			close(done[0]);
			work(workers, bdfs + first, part, go[0], done[1]);
		}
		if (read(done[0], &byte, 1) != 1)
			fail("a process that opens functions has ended");
	}
	return workers;
}

static struct vfio_container container;
static struct vfio_device device;

/* It sleeps, which does not count */
static void measure_open(void)
{
	uint64_t least = UINT64_MAX, start;
	unsigned int i;

	for (i = 0; i < SAMPLES; i++) {
		close(device.fd);
		start = spinner_work();
		device.fd = vfio_device_reopen(&device);
		start = spinner_work() - start;
		if (device.fd < 0)
			fail("%s: open: %s", device.bdf, strerror(-device.fd));
		if (start < least)
			least = start;
	}
	write_cost("open", least);
}

static void read_features(void)
{
	legacy_read(&device, VIRTIO_MMR_DEVICE_FEATURES, 4);
}

static void notify(void)
{
	legacy_write(&device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
}

static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

/* Others run while the operation sleeps, so it must not */
static void measure_access(const char *name, void (*operation)(void))
{
	uint64_t least = UINT64_MAX, start;
	unsigned int i;
	long before;

	for (i = 0; i < SAMPLES; i++) {
		usleep(PAUSE);
		before = sleeps();
		start = clock_now();
		operation();
		start = clock_now() - start;
		if (sleeps() == before && start < least)
			least = start;
	}
	if (least == UINT64_MAX)
		fail("%s: slept each time", name);
	write_cost(name, least);
}

/* Until each process has gone on since it had @before, or they had time enough */
static void check_busy(const uint64_t *before, unsigned int workers)
{
	unsigned int i = 0, pauses;

	for (pauses = 0; pauses < LAST_PAUSES && i < workers; pauses++) {
		while (i < workers && __atomic_load_n(&accesses[i], __ATOMIC_RELAXED) != before[i])
			i++;
		if (i < workers)
			usleep(PAUSE);
	}
	if (i < workers)
		fail("process %u of %u had no access meanwhile", i, workers);
}

static void measure_busy(char **bdfs, unsigned int count)
{
	uint64_t before[WORKERS_MAX], sum = 0;
	pid_t pids[WORKERS_MAX];
	unsigned int workers, i;
	int go[2];

	accesses = mmap(NULL, WORKERS_MAX * sizeof(*accesses), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (accesses == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	workers = start_workers(bdfs + 1, count - 1, pids, go);
	spinner_start();
	vfio_container_open(&container);
	vfio_device_open(&device, &container, bdfs[0]);
	measure_open();
	vfio_command(&device, PCI_COMMAND_IO, 0);
	legacy_reset(&device);
	memcpy(before, accesses, sizeof(before));
	close(go[1]);
	measure_access("read", read_features);
	measure_access("notify", notify);
	check_busy(before, workers);
	for (i = 0; i < workers; i++)
		sum += accesses[i] - before[i];
	write_cost("others", sum);

	vfio_device_close(&device);
	vfio_container_close(&container);
	for (i = 0; i < workers; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < workers; i++)
		waitpid(pids[i], NULL, 0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[2] : "";
	int i, ret;

	output = argv[1];
	if (!strcmp(what, "bind")) {
		for (i = 4; i < argc; i++) {
			ret = sysfs_bind(argv[i], argv[3]);
			if (ret)
				fail("%s: cannot be bound: %s", argv[i], strerror(-ret));
		}
		return 0;
	}
	if (!*what) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (!clock_init())
		fail("the TSC does not count instructions here; see tools/vm/run --icount");
	if (!strcmp(what, "write") && argc == 5) {
		measure_write(argv[3], argv[4]);
	} else if (!strcmp(what, "run")) {
		measure_run(argv + 3);
	} else if (!strcmp(what, "busy")) {
		measure_busy(argv + 3, argc - 3);
	} else {
		fputs(USAGE, stderr);
		return 2;
	}
	return 0;
}
