// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instructions of an operation that sleeps until a device interrupts: those of this program and
 * of the kernel, interrupts included, and none of an idle CPU.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "lib/entropy.h"
#include "lib/intx.h"
#include "lib/report.h"
#include "spinner.h"

#define USAGE \
"usage: waits OUTPUT disk NODE [KEY=VALUE...]\n" \
"       waits OUTPUT ping INTERFACE [KEY=VALUE...]\n" \
"       waits OUTPUT msix|intx|intx_eventfd BDF [KEY=VALUE...]\n" \
"\n" \
"Adds a line of JSON to the file OUTPUT: instructions of each of many operations, and\n" \
"the values given. Refuses to run where the TSC does not count instructions.\n" \
"\n" \
"disk   reads 4 KiB, not cached\n" \
"ping   sends 16 bytes to 10.0.2.2, which answers\n" \
"msix, intx, intx_eventfd\n" \
"       a request to an entropy function, which is virtio_mmr_vfio_pci's, and the\n" \
"       handling of its interrupt: by a vector; by INTx, which is unmasked by an ioctl;\n" \
"       by INTx, which is unmasked by an eventfd\n"

#define WARM_UP		200
#define OPERATIONS	1000
#define AWAKE_MAX	OPERATIONS
#define BLOCK		4096
#define GATEWAY		"10.0.2.2"
#define PING_BYTES	16

/* What an operation consists of; most have one part */
#define PARTS_MAX	4

struct wait {
	const char *load;
	void (*open)(const char *name);
	/* Calls part_ends() at the end of each part except for the last one */
	void (*operation)(void);
	const char *parts[PARTS_MAX];
};

static uint64_t ends[PARTS_MAX];
static unsigned int part;
static int fd;

static void part_ends(void)
{
	ends[part++] = spinner_work();
}

/* --- As a device of this machine --------------------------------------------------- */

static void open_disk(const char *node)
{
	fd = open(node, O_RDONLY | O_DIRECT);
	if (fd < 0)
		fail("%s: %s", node, strerror(errno));
}

static void read_block(void)
{
	static char buffer[BLOCK] __attribute__((aligned(BLOCK)));

	if (pread(fd, buffer, sizeof(buffer), 0) != sizeof(buffer))
		fail("read of the disk: %s", strerror(errno));
}

static void open_network(const char *interface)
{
	struct sockaddr_in gateway = { .sin_family = AF_INET };

	inet_pton(AF_INET, GATEWAY, &gateway.sin_addr);
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface)) ||
	    connect(fd, (struct sockaddr *)&gateway, sizeof(gateway)))
		fail("%s: %s", interface, strerror(errno));
}

static void ping(void)
{
	static uint16_t sequence;
	struct {
		struct icmphdr header;
		char data[PING_BYTES - sizeof(struct icmphdr)];
	} packet = { .header.type = ICMP_ECHO };

	packet.header.un.echo.sequence = ++sequence;
	if (send(fd, &packet, sizeof(packet), 0) != sizeof(packet))
		fail("send: %s", strerror(errno));
	if (recv(fd, &packet, sizeof(packet), 0) != sizeof(packet) ||
	    packet.header.type != ICMP_ECHOREPLY || packet.header.un.echo.sequence != sequence)
		fail("no answer to packet %u", sequence);
}

/* --- As a device of a VMM ------------------------------------------------------------ */

static struct vfio_container container;
static struct vfio_device device;
static struct entropy entropy;
static int unmask_fd;

static void open_function(const char *bdf)
{
	fd = eventfd(0, EFD_CLOEXEC);
	unmask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0 || unmask_fd < 0)
		fail("eventfd: %s", strerror(errno));
	if (sysfs_bind(bdf, MMR_DRIVER))
		fail("%s: cannot be bound to %s", bdf, MMR_DRIVER);
	vfio_container_open(&container);
	vfio_device_open(&device, &container, bdf);
	vfio_command(&device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
}

static void open_msix(const char *bdf)
{
	open_function(bdf);
	if (vfio_set_irqs(&device, VFIO_PCI_MSIX_IRQ_INDEX, 1, &fd))
		fail("%s: no MSI-X", bdf);
	/* So that the queue has vector 0 */
	device.vectors = 1;
	entropy_start(&entropy, &device, IOVA_BASE);
}

static void open_intx(const char *bdf)
{
	open_function(bdf);
	if (intx_trigger(&device, fd))
		fail("%s: no INTx", bdf);
	entropy_start(&entropy, &device, IOVA_BASE);
}

static void open_intx_eventfd(const char *bdf)
{
	open_intx(bdf);
	if (intx_unmask_by(&device, unmask_fd))
		fail("%s: no eventfd unmasks INTx", bdf);
}

static void request(void)
{
	const struct legacy_buffer buffer = {
		.iova = iova_of(&entropy.area, entropy.buffer),
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};
	uint64_t signals;

	legacy_queue_add(&entropy.queue, &buffer, 1);
	legacy_queue_kick(&entropy.queue);
	if (read(fd, &signals, sizeof(signals)) != sizeof(signals) || signals != 1)
		fail("%s: no signal, or more than one", device.bdf);
}

static void take_answer(void)
{
	if (!legacy_queue_wait(&entropy.queue, 0, NULL))
		fail("%s: an interrupt, and no answer", device.bdf);
}

static void read_isr(void)
{
	uint32_t isr = legacy_read(&device, VIRTIO_MMR_ISR_STATUS, 1);

	if (isr != INTX_ISR_QUEUE)
		fail("%s: ISR status is 0x%x", device.bdf, isr);
}

static void request_msix(void)
{
	request();
	part_ends();
	take_answer();
}

static void request_intx(void)
{
	request();
	part_ends();
	read_isr();
	part_ends();
	take_answer();
	part_ends();
	if (intx_unmask(&device))
		fail("%s: cannot unmask", device.bdf);
}

static void request_intx_eventfd(void)
{
	const uint64_t one = 1;

	request();
	part_ends();
	read_isr();
	part_ends();
	take_answer();
	part_ends();
	if (write(unmask_fd, &one, sizeof(one)) != sizeof(one))
		fail("%s: cannot unmask", device.bdf);
}

/* --- All of them ----------------------------------------------------------------------- */

static const struct wait waits[] = {
	{ "disk", open_disk, read_block, { "all" } },
	{ "ping", open_network, ping, { "all" } },
	{ "msix", open_msix, request_msix, { "signal", "answer" } },
	{ "intx", open_intx, request_intx, { "signal", "isr", "answer", "unmask" } },
	{ "intx_eventfd", open_intx_eventfd, request_intx_eventfd,
	  { "signal", "isr", "answer", "unmask" } },
};

static uint64_t samples[PARTS_MAX][OPERATIONS];

static void operate(const struct wait *wait)
{
	part = 0;
	wait->operation();
	part_ends();
}

/*
 * An operation that the device completes before the program sleeps costs less. How many there
 * are depends on this machine's speed, so they do not count. Returns how many there were.
 */
static unsigned int measure(const struct wait *wait)
{
	unsigned int i, done = 0, awake = 0;

	for (i = 0; i < WARM_UP; i++)
		operate(wait);
	while (done < OPERATIONS) {
		uint64_t turns = spinner_turns(), start = spinner_work();

		operate(wait);
		if (spinner_turns() == turns) {
			if (++awake > AWAKE_MAX)
				fail("%s: %u operations without sleep", wait->load, awake);
			continue;
		}
		for (i = 0; i < part; i++)
			samples[i][done] = ends[i] - (i ? ends[i - 1] : start);
		done++;
	}
	return awake;
}

static json_object *describe(const struct wait *wait, unsigned int awake, char **values)
{
	json_object *line = json_object_new_object(), *parts = json_object_new_object();
	struct utsname name;
	unsigned int i, j;

	uname(&name);
	json_object_object_add(line, "kernel", json_object_new_string(name.release));
	json_object_object_add(line, "load", json_object_new_string(wait->load));
	for (; *values; values++) {
		char *value = strchr(*values, '=');

		if (!value)
			fail("'%s' is not KEY=VALUE", *values);
		*value++ = '\0';
		json_object_object_add(line, *values, json_object_new_string(value));
	}
	json_object_object_add(line, "awake", json_object_new_int(awake));
	for (i = 0; i < part; i++) {
		json_object *array = json_object_new_array();

		for (j = 0; j < OPERATIONS; j++)
			json_object_array_add(array, json_object_new_uint64(samples[i][j]));
		json_object_object_add(parts, wait->parts[i], array);
	}
	json_object_object_add(line, "parts", parts);
	return line;
}

int main(int argc, char **argv)
{
	const struct wait *wait = NULL;
	unsigned int i, awake;
	json_object *line;
	const char *text;
	FILE *output;

	for (i = 0; argc > 3 && i < sizeof(waits) / sizeof(waits[0]); i++)
		if (!strcmp(waits[i].load, argv[2]))
			wait = &waits[i];
	if (!wait) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (!clock_init())
		fail("the TSC does not count instructions here; see tools/vm/run --icount");
	wait->open(argv[3]);
	spinner_start();
	awake = measure(wait);

	line = describe(wait, awake, argv + 4);
	output = fopen(argv[1], "ae");
	text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN);
	if (!output || fprintf(output, "%s\n", text) < 0 || fclose(output))
		fail("%s: %s", argv[1], strerror(errno));
	json_object_put(line);
	return 0;
}
