// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What measure cannot say of Linux' own driver for legacy guests: what an access costs that sleeps
 * until the PF has executed a command, what an open costs, and how accesses of several functions
 * get on at the same time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "lib/legacy.h"
#include "lib/report.h"
#include "spinner.h"
#include "target.h"

#define USAGE \
"usage: peer_cost OUTPUT waits DRIVER BDF\n" \
"       peer_cost OUTPUT at_once DRIVER ROUNDS BDF...\n" \
"\n" \
"Adds lines of JSON to the file OUTPUT.\n" \
"\n" \
"waits    instructions of each of many register accesses, by whether the program slept\n" \
"         meanwhile, and of opens and closes of the device; refuses to run where the\n" \
"         TSC does not count instructions\n" \
"at_once  accesses in a time by a process for each function: by the first function\n" \
"         alone, by the first two, and so on in powers of two, in ROUNDS rounds\n"

#define WARM_UP		50
/* Accesses of each kind, asleep and not. A driver that never sleeps has the most of one kind */
#define OPERATIONS	50
#define OPERATIONS_MAX	20000
#define OPENS		30
#define FUNCTIONS_MAX	16
#define PERIOD		200000 /* microseconds */

static const char *output, *driver;

static json_object *make_line(const char *operation)
{
	json_object *line = json_object_new_object();
	struct utsname name;

	uname(&name);
	json_object_object_add(line, "kernel", json_object_new_string(name.release));
	json_object_object_add(line, "driver", json_object_new_string(driver));
	json_object_object_add(line, "operation", json_object_new_string(operation));
	return line;
}

static void write_line(json_object *line)
{
	const char *text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN);
	FILE *file = fopen(output, "ae");

	if (!file || fprintf(file, "%s\n", text) < 0 || fclose(file))
		fail("%s: %s", output, strerror(errno));
	json_object_put(line);
}

static void bind_to_driver(const char *bdf)
{
	int ret = sysfs_bind(bdf, driver);

	if (ret)
		fail("%s: cannot be bound to %s: %s; see dmesg", bdf, driver, strerror(-ret));
}

/* --- One access after another ------------------------------------------------------ */

static struct vfio_container container;
static struct vfio_device device;

static void read_status(void)
{
	legacy_read(&device, VIRTIO_MMR_DEVICE_STATUS, 1);
}

static void write_select(void)
{
	legacy_write(&device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
}

/* How many are done before the program sleeps depends on this machine's speed, so others go on */
static void measure_access(const char *name, void (*operation)(void))
{
	json_object *slept = json_object_new_array(), *awake = json_object_new_array();
	json_object *line = make_line(name);
	unsigned int i;

	for (i = 0; i < WARM_UP; i++)
		operation();
	for (i = 0; i < OPERATIONS_MAX && json_object_array_length(slept) < OPERATIONS; i++) {
		uint64_t turns = spinner_turns(), start = spinner_work(), cost;
		json_object *kind = awake;

		operation();
		cost = spinner_work() - start;
		if (spinner_turns() != turns)
			kind = slept;
		if (json_object_array_length(kind) < OPERATIONS)
			json_object_array_add(kind, json_object_new_int64(cost));
	}
	json_object_object_add(line, "slept", slept);
	json_object_object_add(line, "awake", awake);
	write_line(line);
}

/* The first open of a device, and its last close */
static void measure_opens(void)
{
	json_object *opens = json_object_new_array(), *closes = json_object_new_array();
	json_object *line = make_line("open");
	unsigned int i;

	close(device.fd);
	for (i = 0; i < OPENS; i++) {
		uint64_t start = spinner_work(), middle;
		int fd = vfio_device_reopen(&device);

		middle = spinner_work();
		if (fd < 0)
			fail("%s: open: %s", device.bdf, strerror(-fd));
		close(fd);
		json_object_array_add(opens, json_object_new_int64(middle - start));
		json_object_array_add(closes, json_object_new_int64(spinner_work() - middle));
	}
	device.fd = -1;
	json_object_object_add(line, "awake", opens);
	write_line(line);
	line = make_line("close");
	json_object_object_add(line, "awake", closes);
	write_line(line);
}

static void measure_waits(const char *bdf)
{
	if (!clock_init())
		fail("the TSC does not count instructions here; see tools/vm/run --icount");
	bind_to_driver(bdf);
	/* Before the function is open: the other process would have it open as well, for a while */
	spinner_start();
	vfio_container_open(&container);
	vfio_device_open(&device, &container, bdf);
	/* vfio-pci shows no legacy registers where the others have them */
	if (strcmp(driver, STOCK_DRIVER)) {
		vfio_command(&device, PCI_COMMAND_IO, 0);
		measure_access("read", read_status);
		measure_access("write", write_select);
	}
	measure_opens();
	vfio_device_close(&device);
	vfio_container_close(&container);
}

/* --- Several functions at once --------------------------------------------------------- */

/* Between this process and one for each function */
struct shared {
	bool stop;
	uint64_t accesses[FUNCTIONS_MAX];
};

static struct shared *shared;

struct worker {
	pid_t pid;
	int go, done;
};

/* Its own number is in its own function's register, and nobody else's */
static void access_until_stop(unsigned int number)
{
	uint64_t accesses = 0;

	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
		uint32_t found = legacy_read(&device, VIRTIO_MMR_QUEUE_SELECT, 2);

		if (found != number)
			fail("%s: queue select is %u, not %u", device.bdf, found, number);
		accesses++;
	}
	shared->accesses[number] = accesses;
}

static void work(const char *bdf, unsigned int number, int go, int done)
{
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	vfio_container_open(&container);
	vfio_device_open(&device, &container, bdf);
	vfio_command(&device, PCI_COMMAND_IO, 0);
	legacy_write(&device, VIRTIO_MMR_QUEUE_SELECT, 2, number);
	while (write(done, &byte, 1) == 1 && read(go, &byte, 1) == 1)
		access_until_stop(number);
	exit(0);
}

static void await(const struct worker *worker)
{
	char byte;

	if (read(worker->done, &byte, 1) != 1)
		fail("a process that accesses a function has ended");
}

static void start_worker(struct worker *worker, const char *bdf, unsigned int number)
{
	int go[2], done[2];

	bind_to_driver(bdf);
	if (pipe(go) || pipe(done))
		fail("pipe: %s", strerror(errno));
	worker->pid = fork();
	if (worker->pid < 0)
		fail("fork: %s", strerror(errno));
	if (!worker->pid) {
		close(go[1]);
		close(done[0]);
		work(bdf, number, go[0], done[1]);
	}
	close(go[0]);
	close(done[1]);
	worker->go = go[1];
	worker->done = done[0];
	await(worker);
}

/* Accesses in a second, of the first so many functions together */
static double rate(struct worker *workers, unsigned int count)
{
	struct timespec start, end;
	uint64_t accesses = 0;
	unsigned int i;

	shared->stop = false;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < count; i++)
		if (write(workers[i].go, "", 1) != 1)
			fail("a process that accesses a function has ended");
	usleep(PERIOD);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (i = 0; i < count; i++) {
		await(&workers[i]);
		accesses += shared->accesses[i];
	}
	return accesses / (end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9);
}

static void measure_at_once(unsigned int rounds, unsigned int count, char **bdfs)
{
	struct worker workers[FUNCTIONS_MAX];
	unsigned int i, round, functions;

	if (count > FUNCTIONS_MAX)
		fail("at most %d functions", FUNCTIONS_MAX);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	for (i = 0; i < count; i++)
		start_worker(&workers[i], bdfs[i], i);
	/* Numbers of functions take turns, as what disturbs one disturbs its neighbour */
	for (round = 0; round < rounds; round++) {
		for (functions = 1; functions <= count; functions *= 2) {
			json_object *line = make_line("at_once");

			json_object_object_add(line, "round", json_object_new_int(round));
			json_object_object_add(line, "functions", json_object_new_int(functions));
			json_object_object_add(line, "rate",
					       json_object_new_double(rate(workers, functions)));
			write_line(line);
		}
	}
	/* A process has those of all before it as well, and ends when nobody has its own */
	for (i = 0; i < count; i++)
		close(workers[i].go);
	for (i = 0; i < count; i++)
		waitpid(workers[i].pid, NULL, 0);
}

int main(int argc, char **argv)
{
	unsigned int rounds;

	if (argc < 5) {
		fputs(USAGE, stderr);
		return 2;
	}
	output = argv[1];
	driver = argv[3];
	rounds = strtoul(argv[4], NULL, 10);
	if (!strcmp(argv[2], "waits") && argc == 5) {
		measure_waits(argv[4]);
	} else if (!strcmp(argv[2], "at_once") && argc > 5 && rounds) {
		measure_at_once(rounds, argc - 5, argv + 5);
	} else {
		fputs(USAGE, stderr);
		return 2;
	}
	return 0;
}
