// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses many functions, for scale_test.sh:
 *	many_functions open BDF...
 *	many_functions work SECONDS BDF...
 *	many_functions crowd SECONDS BDF
 *
 * open: opens all functions, and gives each MSI-X vectors until the host has none left. All others
 * work without. Checks that each function answers, and that entropy functions have traffic.
 * work: opens at most eight functions in one container, as the VMM of one guest, and uses them.
 * crowd: threads change the interrupt of one function, which they cannot do at the same time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/background.h"
#include "lib/entropy.h"
#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/sysfs.h"
#include "lib/vfio.h"

#define VECTORS		2
/* Of one container */
#define GUEST_MAX	VFIO_GROUPS_MAX
#define IOVA_STEP	0x1000000ull

struct one {
	struct vfio_device device;
	struct entropy entropy;
	bool is_entropy;
};

static struct vfio_container *containers;
static struct one *ones;
static unsigned int count;

static void check_bdfs(char **bdfs)
{
	char bdf[SYSFS_BDF_SIZE];
	unsigned int i;

	if (!count)
		fail("no functions are named");
	for (i = 0; i < count; i++)
		if (!sysfs_parse_bdf(bdfs[i], bdf) || !sysfs_exists(bdf))
			fail("%s: no such function", bdfs[i]);
}

/* A function has a group, a device, and an eventfd for each vector */
static void allow_files(void)
{
	struct rlimit limit = { .rlim_cur = 64 + 8 * count, .rlim_max = 64 + 8 * count };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("RLIMIT_NOFILE of %u: %s", 64 + 8 * count, strerror(errno));
}

static void open_one(unsigned int i, const char *bdf)
{
	struct vfio_container *container = &containers[i / GUEST_MAX];
	const struct mmr_type *type;
	int ret;

	if (i % GUEST_MAX == 0)
		vfio_container_open(container);
	ret = vfio_device_try_open(&ones[i].device, container, bdf);
	if (ret)
		fail("%s: cannot be opened as number %u: %s", bdf, i, strerror(-ret));
	type = sysfs_type(bdf);
	ones[i].is_entropy = type && !strcmp(type->name, "rng");
}

static void open_all(char **bdfs)
{
	unsigned int i;

	allow_files();
	containers = calloc(count / GUEST_MAX + 1, sizeof(*containers));
	ones = calloc(count, sizeof(*ones));
	if (!containers || !ones)
		fail("out of memory");
	for (i = 0; i < count; i++)
		open_one(i, bdfs[i]);
}

static void close_all(void)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (ones[i].device.vectors)
			vfio_msix_disable(&ones[i].device);
		vfio_device_close(&ones[i].device);
		if (i % GUEST_MAX == GUEST_MAX - 1 || i == count - 1)
			vfio_container_close(&containers[i / GUEST_MAX]);
	}
}

/* What a legacy driver finds in a function that is there */
static void look_at(struct one *one)
{
	vfio_command(&one->device, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 0);
	legacy_reset(&one->device);
	if (legacy_read(&one->device, VIRTIO_MMR_DEVICE_FEATURES, 4) == 0xffffffff ||
	    !legacy_read(&one->device, VIRTIO_MMR_QUEUE_SIZE, 2))
		fail("%s: does not answer", one->device.bdf);
}

/* --- open ------------------------------------------------------------------------ */

/* 0, or the negative error code of the host */
static int try_vectors(struct vfio_device *device)
{
	int fds[VECTORS], ret;
	unsigned int i;

	for (i = 0; i < VECTORS; i++)
		fds[i] = vfio_eventfd();
	ret = vfio_set_irqs(device, VFIO_PCI_MSIX_IRQ_INDEX, VECTORS, fds);
	for (i = 0; i < VECTORS; i++) {
		if (!ret)
			device->eventfds[i] = fds[i];
		else
			close(fds[i]);
	}
	if (!ret)
		device->vectors = VECTORS;
	return ret;
}

/* A guest without MSI-X, whose interrupts have no vectors on the host either: it polls */
static int try_intx(struct vfio_device *device)
{
	int fd = vfio_eventfd();
	int ret = vfio_set_irqs(device, VFIO_PCI_INTX_IRQ_INDEX, 1, &fd);

	close(fd);
	return ret;
}

static void use(struct one *one)
{
	if (!one->is_entropy) {
		legacy_write(&one->device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
		return;
	}
	entropy_start(&one->entropy, &one->device,
		      IOVA_BASE + (one - ones) % GUEST_MAX * IOVA_STEP);
	if (!entropy_works(&one->entropy))
		fail("%s: no traffic, with %u vectors", one->device.bdf, one->device.vectors);
	if (one->device.vectors && vfio_msix_wait(&one->device, 0, LEGACY_TIMEOUT) != 1)
		fail("%s: no interrupt", one->device.bdf);
}

static int do_open(char **bdfs)
{
	unsigned int with = 0, refused = 0, intx = 0, i;
	int ret;

	open_all(bdfs);
	for (i = 0; i < count; i++) {
		look_at(&ones[i]);
		ret = try_vectors(&ones[i].device);
		if (ret && ret != -ENOSPC)
			fail("%s: vectors: %s", bdfs[i], strerror(-ret));
		with += !ret;
		if (!ret)
			continue;
		refused++;
		ret = try_intx(&ones[i].device);
		if (ret)
			fail("%s: INTx: %s", bdfs[i], strerror(-ret));
		intx++;
	}
	/* All at once, those with vectors and those without */
	for (i = 0; i < count; i++)
		use(&ones[i]);
	for (i = 0; i < count; i++)
		if (ones[i].is_entropy)
			entropy_stop(&ones[i].entropy);
	printf("opened %u vectors %u refused %u intx %u\n", count, with, refused, intx);
	close_all();
	return 0;
}

/* --- work ------------------------------------------------------------------------ */

static unsigned long seconds_of(const char *text)
{
	char *rest;
	unsigned long seconds = strtoul(text, &rest, 10);

	if (*rest || !seconds)
		fail("%s: not a number of seconds", text);
	return seconds;
}

static int do_work(unsigned long seconds, char **bdfs)
{
	unsigned long rounds = 0;
	unsigned int i;
	time_t end;

	if (count > GUEST_MAX)
		fail("at most %d functions, not %u", GUEST_MAX, count);
	open_all(bdfs);
	for (i = 0; i < count; i++) {
		look_at(&ones[i]);
		if (ones[i].is_entropy)
			entropy_start(&ones[i].entropy, &ones[i].device, IOVA_BASE + i * IOVA_STEP);
	}
	end = time(NULL) + seconds;
	do {
		for (i = 0; i < count; i++) {
			if (ones[i].is_entropy && !entropy_works(&ones[i].entropy))
				fail("%s: no traffic in round %lu", bdfs[i], rounds);
			legacy_read(&ones[i].device, VIRTIO_MMR_DEVICE_FEATURES, 4);
			legacy_read(&ones[i].device, VIRTIO_MMR_ISR_STATUS, 1);
			legacy_write(&ones[i].device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
		}
		rounds++;
	} while (time(NULL) < end);
	for (i = 0; i < count; i++)
		if (ones[i].is_entropy)
			entropy_stop(&ones[i].entropy);
	close_all();
	printf("rounds %lu\n", rounds);
	return 0;
}

/* --- crowd ----------------------------------------------------------------------- */

#define CROWD	4

static int change_interrupt(void *data)
{
	struct vfio_device *device = data;

	return try_intx(device);
}

static int do_crowd(unsigned long seconds, char **bdfs)
{
	struct background *threads[CROWD];
	unsigned int i;

	if (count != 1)
		fail("one function is needed, not %u", count);
	open_all(bdfs);
	for (i = 0; i < CROWD; i++)
		threads[i] = background_start(change_interrupt, &ones[0].device);
	sleep(seconds);
	for (i = 0; i < CROWD; i++)
		if (background_stop(threads[i]))
			fail("%s: the interrupt cannot be changed", bdfs[0]);
	close_all();
	return 0;
}

int main(int argc, char **argv)
{
	bool works = argc > 2 && !strcmp(argv[1], "work");
	bool crowds = argc > 2 && !strcmp(argv[1], "crowd");
	char **bdfs = argv + 2 + (works || crowds);

	if (argc < 3)
		fail("usage: %s open|work SECONDS|crowd SECONDS BDF...", argv[0]);
	count = argc - (bdfs - argv);
	check_bdfs(bdfs);
	if (works)
		return do_work(seconds_of(argv[2]), bdfs);
	if (crowds)
		return do_crowd(seconds_of(argv[2]), bdfs);
	if (!strcmp(argv[1], "open"))
		return do_open(bdfs);
	fail("%s: not one of open, work, crowd", argv[1]);
}
