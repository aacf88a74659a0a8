// SPDX-License-Identifier: GPL-2.0-or-later
/* mmrvmm: runs a guest with transitional MMR functions. Documentation/vmm.rst describes it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bars.h"
#include "cpu.h"
#include "events.h"
#include "function.h"
#include "host.h"
#include "message.h"
#include "mptable.h"
#include "sandbox.h"
#include "vfio.h"

#define MIB		(1ull << 20)
#define MAX_MEMORY	(MACHINE_LOW_BARS / MIB)

static const char usage[] =
	"usage: mmrvmm [OPTIONS] IMAGE\n"
	"\n"
	"Runs a guest with transitional MMR functions of vfio-pci, or of virtio_mmr_vfio_pci. IMAGE is\n"
	"a Linux kernel (bzImage or ELF), a multiboot program, or 64 KiB that take the place of a\n"
	"firmware. The guest's first serial port is this terminal. The exit status is 0 after a reset\n"
	"by the guest, that of --exit-port, 124 after a triple fault, or 125 if mmrvmm itself fails.\n"
	"\n"
	"  -f, --function BDF   give this function to the guest; up to 8 times\n"
	"  -m, --memory MIB     memory, 4 to 3072 (default 256)\n"
	"  -c, --cpus N         CPUs, 1 to 32 (default 1)\n"
	"  -i, --initrd FILE    initrd for Linux\n"
	"  -a, --append TEXT    command line for Linux or a multiboot program\n"
	"      --serial FILE    the second serial port writes to FILE\n"
	"      --exit-port N    a byte that the guest writes to this port ends it with that status\n"
	"      --without-avx    the guest's CPUs have no XSAVE and no AVX\n"
	"      --show-config    print the guest's view of each function for lspci -F, and end\n"
	"      --user NAME      user to become if this is root (default nobody)\n"
	"      --no-sandbox     stay the same user, with all system calls\n"
	"      --help, --version\n";

/* What the command line says */
struct options {
	const char *functions[MACHINE_FUNCTIONS];
	unsigned int num_functions;
	unsigned long memory, cpus;
	const char *image, *initrd, *append, *serial, *user;
	long exit_port;
	bool without_avx, show_config, no_sandbox;
};

enum {
	OPTION_SERIAL = 256, OPTION_EXIT_PORT, OPTION_WITHOUT_AVX, OPTION_SHOW_CONFIG, OPTION_USER,
	OPTION_NO_SANDBOX, OPTION_HELP, OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "function", required_argument, NULL, 'f' },
	{ "memory", required_argument, NULL, 'm' },
	{ "cpus", required_argument, NULL, 'c' },
	{ "initrd", required_argument, NULL, 'i' },
	{ "append", required_argument, NULL, 'a' },
	{ "serial", required_argument, NULL, OPTION_SERIAL },
	{ "exit-port", required_argument, NULL, OPTION_EXIT_PORT },
	{ "without-avx", no_argument, NULL, OPTION_WITHOUT_AVX },
	{ "show-config", no_argument, NULL, OPTION_SHOW_CONFIG },
	{ "user", required_argument, NULL, OPTION_USER },
	{ "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{}
};

static unsigned long number(const char *text, const char *name, unsigned long min,
			    unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || *end || end == text || *text == '-' || value < min || value > max)
		fail("--%s %s: %lu to %lu is needed", name, text, min, max);
	return value;
}

static void finish_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		fail("cannot write the output: %s", strerror(errno));
}

static void parse(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "f:m:c:i:a:", long_options, NULL)) != -1) {
		switch (option) {
		case 'f':
			if (options->num_functions == MACHINE_FUNCTIONS)
				fail("--function %s: there is room for %u functions", optarg,
				     MACHINE_FUNCTIONS);
			options->functions[options->num_functions++] = optarg;
			break;
		case 'm':
			options->memory = number(optarg, "memory", LOADER_MEMORY_MIN / MIB,
						 MAX_MEMORY);
			break;
		case 'c':
			options->cpus = number(optarg, "cpus", 1, MACHINE_CPUS);
			break;
		case 'i':
			options->initrd = optarg;
			break;
		case 'a':
			options->append = optarg;
			break;
		case OPTION_SERIAL:
			options->serial = optarg;
			break;
		case OPTION_EXIT_PORT:
			options->exit_port = number(optarg, "exit-port", 0, 0xffff);
			break;
		case OPTION_WITHOUT_AVX:
			options->without_avx = true;
			break;
		case OPTION_SHOW_CONFIG:
			options->show_config = true;
			break;
		case OPTION_USER:
			options->user = optarg;
			break;
		case OPTION_NO_SANDBOX:
			options->no_sandbox = true;
			break;
		case OPTION_HELP:
			fputs(usage, stdout);
			finish_output();
			exit(0);
		case OPTION_VERSION:
			puts("mmrvmm " MMRVMM_VERSION);
			finish_output();
			exit(0);
		default:
			fputs(usage, stderr);
			exit(STATUS_FAILED);
		}
	}
	if (optind == argc - 1)
		options->image = argv[optind];
	else if (optind != argc || !options->show_config)
		fail("one IMAGE is needed; --help shows the options");
}

static struct loader_file map_file(const char *name)
{
	struct loader_file file = {};
	struct stat status;
	void *data;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &status))
		fail("cannot open %s: %s", name, strerror(errno));
	if (!S_ISREG(status.st_mode) || !status.st_size)
		fail("%s is no file with contents", name);
	data = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		fail("cannot read %s: %s", name, strerror(errno));
	close(fd);
	file.data = data;
	file.size = status.st_size;
	return file;
}

static void unmap_file(const struct loader_file *file)
{
	if (file->size)
		munmap((void *)file->data, file->size);
}

/* An image in place of a firmware knows its machine, and lies where the table would be. */
static void write_mptable(struct machine *machine, const struct loader *loader)
{
	struct mptable_line lines[MACHINE_FUNCTIONS];
	unsigned int i;

	if (loader->mode == LOADER_REAL)
		return;
	for (i = 0; i < machine->num_functions; i++)
		lines[i] = (struct mptable_line){
			machine->functions[i]->slot, machine->functions[i]->intx.irq,
		};
	if (mptable_write(machine->memory + MPTABLE_ADDRESS, MPTABLE_SIZE, machine->cpus, lines,
			  machine->num_functions) > MPTABLE_SIZE)
		fail("there is no room for the table of CPUs; fewer --cpus may help");
}

static void load(struct machine *machine, const struct options *options, struct loader *loader)
{
	const char *error;

	*loader = (struct loader){
		.memory = machine->memory,
		.size = machine->size,
		.image = map_file(options->image),
		.command_line = options->append,
	};
	if (options->initrd)
		loader->initrd = map_file(options->initrd);
	error = loader_load(loader);
	if (error && options->initrd)
		fail("%s of %zu bytes, --initrd %s of %zu bytes, --append of %zu characters, --memory %lu: %s",
		     options->image, loader->image.size, options->initrd, loader->initrd.size,
		     strlen(options->append), options->memory, error);
	if (error)
		fail("%s of %zu bytes, --append of %zu characters, --memory %lu: %s",
		     options->image, loader->image.size, strlen(options->append),
		     options->memory, error);
	unmap_file(&loader->image);
	unmap_file(&loader->initrd);
	write_mptable(machine, loader);
}

static void connect_lines(struct machine *machine)
{
	unsigned int i;
	int error;

	for (i = 0; i < machine->num_functions; i++) {
		struct function *function = machine->functions[i];

		error = host_signal_interrupts(machine->vm, function->intx.irq,
					       function->intx.trigger, function->intx.resample,
					       true);
		if (error)
			fail("%s: KVM does not connect its interrupt line: error %d", function->bdf,
			     -error);
	}
}

static void show_config(struct machine *machine)
{
	unsigned int i, position;
	uint8_t byte;

	for (i = 0; i < machine->num_functions; i++) {
		struct function *function = machine->functions[i];

		printf("00:%02x.0 %s\n", function->slot, function->bdf);
		for (position = 0; position < VIRTIO_MMR_CONFIG_SIZE; position++) {
			function_config_read(function, position, &byte, 1);
			if (!(position % 16))
				printf("%02x:", position);
			printf(" %02x%s", byte, position % 16 == 15 ? "\n" : "");
		}
		puts("");
	}
}

static pthread_barrier_t ready, start;

static void begin(void)
{
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&start);
}

static void *run_cpu(void *context)
{
	begin();
	cpu_run(context);
	return NULL;
}

static void *run_output(void *context)
{
	begin();
	events_run_output((uintptr_t)context);
	return NULL;
}

static void *run_input(void *context)
{
	(void)context;
	begin();
	events_run_input();
	return NULL;
}

static void *run_messages(void *context)
{
	(void)context;
	begin();
	message_run();
	return NULL;
}

static void start_thread(void *(*run)(void *context), void *context)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, context);

	if (error)
		fail("cannot start a thread: %s", strerror(error));
}

/*
 * Threads exist before the sandbox does, which needs no more of them. Each has begun to run as
 * well: the C library makes system calls at a thread's start that the sandbox forbids.
 */
static void start_threads(struct cpu *cpus, unsigned int count)
{
	/* This one, those of CPUs, of serial ports, of input, and of messages */
	unsigned int i, threads = 1 + count + MACHINE_SERIALS + 2;

	pthread_barrier_init(&ready, NULL, threads);
	pthread_barrier_init(&start, NULL, threads);
	for (i = 0; i < count; i++)
		start_thread(run_cpu, &cpus[i]);
	for (i = 0; i < MACHINE_SERIALS; i++)
		start_thread(run_output, (void *)(uintptr_t)i);
	start_thread(run_input, NULL);
	start_thread(run_messages, NULL);
	pthread_barrier_wait(&ready);
}

static void go(struct machine *machine, const struct options *options)
{
	static struct cpu cpus[MACHINE_CPUS];
	struct loader loader;
	unsigned int i;
	int status, serial = -1;

	load(machine, options, &loader);
	if (options->serial) {
		serial = open(options->serial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (serial < 0)
			fail("cannot open %s: %s", options->serial, strerror(errno));
	}
	machine->exit_port = options->exit_port;
	events_open(machine, serial, options->serial);
	for (i = 0; i < machine->cpus; i++)
		cpu_open(&cpus[i], machine, i, options->without_avx);
	cpu_set_start(&cpus[0], &loader);
	connect_lines(machine);
	if (!options->no_sandbox)
		sandbox_drop(options->user);
	start_threads(cpus, machine->cpus);
	if (!options->no_sandbox)
		sandbox_enter();
	message_start();
	pthread_barrier_wait(&start);
	status = events_run(machine);
	message_finish();
	exit(status);
}

/*
 * Files of the caller are not for a guest's process. Standard ones that are closed must not become
 * files of this program, where messages and the guest's output would go.
 */
static void close_inherited(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			exit(STATUS_FAILED);
	} while (fd <= STDERR_FILENO);
	if (close_range(STDERR_FILENO + 1, ~0u, 0))
		fail("cannot close inherited files: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct options options = {
		.memory = 256, .cpus = 1, .append = "", .user = "nobody", .exit_port = -1,
	};
	static struct machine machine;
	unsigned int i;

	close_inherited();
	sandbox_limit_files();
	parse(&options, argc, argv);
	/* A reader of the output that ends is no reason to end the guest. */
	signal(SIGPIPE, SIG_IGN);
	machine_open(&machine, options.cpus, options.memory * MIB);
	for (i = 0; i < options.num_functions; i++)
		vfio_add(&machine, options.functions[i]);
	machine_route(&machine);
	bars_assign(&machine);
	if (options.show_config) {
		show_config(&machine);
		finish_output();
		return 0;
	}
	go(&machine, &options);
}
