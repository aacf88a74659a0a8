// SPDX-License-Identifier: GPL-2.0-or-later
/* The first thread: waits for signals of functions, for input, and for the end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <asm/termbits.h>

#include "events.h"
#include "function.h"
#include "host.h"
#include "intx.h"
#include "message.h"
#include "output.h"

/* What a guest has sent without a line's end appears within this time. */
#define TICK_MS		100
#define STATUS_SIGNAL	128	/* and the signal's number, as shells have it */
#define MAX_EVENTS	(FIRST_FUNCTION + MACHINE_FUNCTIONS * PER_FUNCTION)

enum { STOPPED, INPUT, SIGNALS, FIRST_FUNCTION };
/* Of a function, after its vectors */
enum { RESAMPLE = VIRTIO_MMR_NUM_VECTORS, REQUEST, ERROR, PER_FUNCTION };

static const unsigned int serial_irqs[MACHINE_SERIALS] = { 4, 3 };

/* Of a serial port: its number, and the file that gets its output */
struct line {
	struct machine *machine;
	unsigned int irq;
	struct output output;
};

static struct line lines[MACHINE_SERIALS];
static struct termios terminal;
static pid_t own_group;
static int stopped = -1;
static int keys[2] = { -1, -1 };	/* of a pipe: to read, to write */
static int signals = -1;
static int exit_status = -1;

static void set_line(void *context, bool level)
{
	struct line *line = context;

	host_set_line(line->machine->vm, line->irq, level);
}

static void send(void *context, const uint8_t *data, unsigned int count)
{
	struct line *line = context;

	output_add(&line->output, data, count);
}

/* The first status counts. The machine is locked. */
static void stop(struct machine *machine, int status)
{
	uint64_t one = 1;

	if (machine->is_over)
		return;
	machine->is_over = true;
	exit_status = status;
	if (write(stopped, &one, sizeof(one)) < 0)
		abort();
}

/*
 * tcsetattr() makes other requests as well in some C libraries, and the sandbox knows this one. In
 * the background it would stop this program, and the terminal has the settings of others there.
 */
static void restore_terminal(void)
{
	pid_t group;

	if (!ioctl(STDIN_FILENO, TIOCGPGRP, &group) && group != own_group)
		return;
	ioctl(STDIN_FILENO, TCSETS, &terminal);
}

/*
 * Signals that end this program become events, as the terminal must get its settings back. What the
 * caller ignores stays ignored, such as SIGHUP under nohup.
 */
static void open_signals(void)
{
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction action;
	unsigned int i;
	sigset_t set;

	sigemptyset(&set);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!sigaction(numbers[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	/* Threads of CPUs inherit the mask. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		fail("cannot make a signalfd: %s", strerror(errno));
}

/* Keys reach the guest one by one. Ctrl-C and Ctrl-\ still end this program. */
static void prepare_terminal(void)
{
	struct termios raw;

	if (ioctl(STDIN_FILENO, TCGETS, &terminal))
		return;
	own_group = getpgrp();
	raw = terminal;
	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_iflag &= ~ICRNL;
	ioctl(STDIN_FILENO, TCSETS, &raw);
	atexit(restore_terminal);
}

/* Input comes by a pipe, which events_run_input() fills. */
static void open_keys(void)
{
	if (pipe2(keys, O_CLOEXEC) || fcntl(keys[0], F_SETFL, O_NONBLOCK))
		fail("cannot make a pipe: %s", strerror(errno));
	/* What the guest does not read stays with the caller, except for this much (a page). */
	if (fcntl(keys[1], F_SETPIPE_SZ, 1) < 0)
		fail("cannot make a pipe small: %s", strerror(errno));
}

/**
 * events_open - prepare what this thread waits for
 * @machine: the machine
 * @second: file for the output of the second serial port, or -1
 * @second_name: its name for messages
 */
void events_open(struct machine *machine, int second, const char *second_name)
{
	unsigned int i;

	for (i = 0; i < MACHINE_SERIALS; i++) {
		lines[i].machine = machine;
		lines[i].irq = serial_irqs[i];
		machine->serials[i] = (struct serial){
			.line = set_line, .send = send, .context = &lines[i],
		};
	}
	output_open(&lines[0].output, STDOUT_FILENO, "standard output");
	output_open(&lines[1].output, second, second_name);
	stopped = eventfd(0, EFD_CLOEXEC);
	if (stopped < 0)
		fail("cannot make an eventfd: %s", strerror(errno));
	machine->stop = stop;
	open_keys();
	open_signals();
	prepare_terminal();
}

/**
 * events_run_output - write the output of a serial port; for a thread of its own
 * @number: of the port
 *
 * Does not return.
 */
void events_run_output(unsigned int number)
{
	output_run(&lines[number].output);
	for (;;)
		pause();
}

/**
 * events_run_input - pass standard input on; for a thread of its own
 *
 * Others may read the same terminal or pipe. So a read can block although there was input just
 * before, and the first thread must not wait for it. Does not return.
 */
void events_run_input(void)
{
	/* In the background, a read stops this program, even if there is no input. */
	struct pollfd event = { .fd = STDIN_FILENO, .events = POLLIN };
	uint8_t data[SERIAL_FIFO];
	ssize_t count;

	for (;;) {
		poll(&event, 1, -1);
		count = read(STDIN_FILENO, data, sizeof(data));
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (count <= 0 || write(keys[1], data, count) != count)
			break;
	}
	close(keys[1]);
	for (;;)
		pause();
}

static void finish(struct machine *machine)
{
	unsigned int i;

	/* The last one has the time that the others take. */
	for (i = 0; i < MACHINE_SERIALS; i++)
		serial_flush(&machine->serials[i]);
	for (i = 0; i < MACHINE_SERIALS; i++)
		output_finish(&lines[i].output);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Returns whether there may be more input. */
static bool receive(struct machine *machine)
{
	uint8_t data[SERIAL_FIFO];
	unsigned int room = serial_room(&machine->serials[0]);
	ssize_t count;

	/* The guest's loopback may have filled it. A read of nothing looks like the end. */
	if (!room)
		return true;
	count = read(keys[0], data, room);
	if (count > 0)
		serial_receive(&machine->serials[0], data, count);
	return count != 0;
}

static void end_by_signal(struct machine *machine)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == sizeof(info))
		stop(machine, STATUS_SIGNAL + info.ssi_signo);
}

/* Returns the number of events: the end, input, signals, and those of each function. */
static unsigned int list(struct machine *machine, struct pollfd *events)
{
	unsigned int i, vector, count = FIRST_FUNCTION;

	events[STOPPED] = (struct pollfd){ .fd = stopped, .events = POLLIN };
	events[INPUT] = (struct pollfd){ .fd = -1, .events = POLLIN };
	events[SIGNALS] = (struct pollfd){ .fd = signals, .events = POLLIN };
	for (i = 0; i < machine->num_functions; i++) {
		struct function *function = machine->functions[i];
		struct function_intx *intx = &function->intx;

		for (vector = 0; vector < VIRTIO_MMR_NUM_VECTORS; vector++)
			events[count++] = (struct pollfd){
				.fd = intx->sources[vector], .events = POLLIN,
			};
		/* VFIO reads that of the driver's. */
		events[count++] = (struct pollfd){
			.fd = function->by_driver ? -1 : intx->resample, .events = POLLIN,
		};
		events[count++] = (struct pollfd){ .fd = function->request, .events = POLLIN };
		events[count++] = (struct pollfd){ .fd = function->error, .events = POLLIN };
	}
	return count;
}

static void handle(struct machine *machine, const struct pollfd *events, unsigned int count)
{
	unsigned int i;

	for (i = FIRST_FUNCTION; i < count; i++) {
		unsigned int number = i - FIRST_FUNCTION;
		struct function *function = machine->functions[number / PER_FUNCTION];

		if (!events[i].revents)
			continue;
		switch (number % PER_FUNCTION) {
		case RESAMPLE:
			intx_resampled(function);
			break;
		case REQUEST:
			message_of_end("%s: the host takes it back, to unbind or to remove it; the guest ends",
				       function->bdf);
			stop(machine, STATUS_FAILED);
			break;
		case ERROR:
			message_of_end("%s: the host reports an error of it that cannot be corrected; the guest ends",
				       function->bdf);
			stop(machine, STATUS_FAILED);
			break;
		default:
			intx_signalled(function, number % PER_FUNCTION);
		}
	}
}

/**
 * events_run - handle events until the machine ends
 * @machine: the machine
 *
 * Return: the machine's exit status, and the machine stays locked.
 */
int events_run(struct machine *machine)
{
	struct pollfd events[MAX_EVENTS];
	unsigned int i, count = list(machine, events);
	int64_t flushed = now_ms();
	bool has_input = true;
	int ready;

	for (;;) {
		ready = poll(events, count, TICK_MS);
		lock_take_first(&machine->lock);
		if (ready > 0)
			handle(machine, events, count);
		if (ready > 0 && events[INPUT].revents)
			has_input = receive(machine);
		if (ready > 0 && events[SIGNALS].revents)
			end_by_signal(machine);
		/* Also while events keep this thread busy */
		if (ready <= 0 || now_ms() - flushed >= TICK_MS) {
			for (i = 0; i < MACHINE_SERIALS; i++)
				serial_flush(&machine->serials[i]);
			flushed = now_ms();
		}
		if (exit_status >= 0) {
			finish(machine);
			return exit_status;
		}
		/* Input waits until the guest has room for it. */
		events[INPUT].fd = has_input && serial_room(&machine->serials[0]) ?
				   keys[0] : -1;
		lock_give(&machine->lock);
	}
}
