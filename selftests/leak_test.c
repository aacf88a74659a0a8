// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds, opens, uses, closes and unbinds repeatedly: nothing of it may stay. All given
 * functions take part side by side. They share VIRTIO_MMR_CYCLES (100 if not set) among them.
 * The test counts the host's memory afterwards, so nothing else should run there. The kernel
 * allocates some objects once and keeps them, which is no leak. A leak grows whenever the
 * cycles are repeated.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/environment.h"
#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/session.h"

#define CYCLES		100
/* Maximum number of rounds; a leak shows in each of them */
#define ROUNDS		3
#define WORKERS_MAX	16
#define CACHES_MAX	512
#define TEXT_SIZE	(1 << 16)
/* Time for late frees, by RCU or by a work item. Leaked memory is never freed */
#define SETTLE		5 /* s */

/* Texts that must be exactly the same afterwards */
enum text {
	MAPPINGS,
	RESOURCES,
	INTERRUPTS,
	GROUPS,
	MODULES,
	TEXTS,
};

static const char *const text_names[TEXTS] = {
	[MAPPINGS] = "I/O memory in /proc/vmallocinfo",
	[RESOURCES] = "/proc/iomem",
	[INTERRUPTS] = "/sys/kernel/irq",
	[GROUPS] = "/dev/vfio",
	[MODULES] = "/proc/modules",
};

struct usage {
	char text[TEXTS][TEXT_SIZE];
	unsigned int caches;
	struct {
		char name[NAME_MAX + 1];
		unsigned long objects;
	} cache[CACHES_MAX];
	/* Unused pages */
	unsigned long free_pages;
};

/* Allocated before anything is counted */
static struct usage before, after;

FIXTURE(leak)
{
	struct dmesg log;
	unsigned int functions;
	unsigned long cycles;
};

FIXTURE_SETUP(leak)
{
	self->cycles = environment_number("VIRTIO_MMR_CYCLES", CYCLES);
	while (self->functions < WORKERS_MAX && functions_find(NULL, self->functions))
		self->functions++;
	dmesg_mark(&self->log);
}

FIXTURE_TEARDOWN(leak)
{
	unsigned int i;

	for (i = 0; i < self->functions; i++)
		EXPECT_EQ(sysfs_bind(functions_find(NULL, i), MMR_DRIVER), 0);
	EXPECT_TRUE(dmesg_clean(&self->log));
}

/* --- What there is --------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add(char text[TEXT_SIZE], const char *line)
{
	size_t used = strlen(text);

	if (used + strlen(line) >= TEXT_SIZE)
		fail("more than %u bytes of '%s'", TEXT_SIZE, line);
	strcpy(text + used, line);
}

/* The sorted lines of a file that contain a word, from their nth word on */
static void add_lines(char text[TEXT_SIZE], const char *path, const char *word,
		      unsigned int nth)
{
	char **lines = NULL, *line = NULL, *start;
	FILE *file = fopen(path, "re");
	size_t size = 0, count = 0, i;
	unsigned int skipped;

	if (!file)
		fail("%s: %s", path, strerror(errno));
	while (getline(&line, &size, file) > 0) {
		if (!strstr(line, word))
			continue;
		start = line;
		for (skipped = 0; skipped < nth; skipped++)
			start += strcspn(start, " ") + 1;
		lines = realloc(lines, (count + 1) * sizeof(*lines));
		lines[count++] = strdup(start);
	}
	fclose(file);
	free(line);
	qsort(lines, count, sizeof(*lines), by_text);
	for (i = 0; i < count; i++) {
		add(text, lines[i]);
		free(lines[i]);
	}
	free(lines);
}

static void add_names(char text[TEXT_SIZE], const char *path)
{
	struct dirent **entries;
	int count, i;

	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0)
		fail("%s: %s", path, strerror(errno));
	for (i = 0; i < count; i++) {
		add(text, entries[i]->d_name);
		add(text, "\n");
		free(entries[i]);
	}
	free(entries);
}

static unsigned long read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long number;

	if (!file || fscanf(file, "%lu", &number) != 1)
		fail("%s: %s", path, strerror(errno));
	fclose(file);
	return number;
}

/*
 * Objects that a CPU keeps for later count as used until it returns them. So the caches are
 * read one after another, without delay. Caches that the kernel has merged are one folder, and
 * their names are links to it.
 */
static void count_objects(struct usage *usage)
{
	char path[512], mappings[64] = "vmap_area";
	struct dirent **entries;
	ssize_t length;
	int count, i;

	/*
	 * Without the objects of mappings, which are compared one by one. The kernel only
	 * removes unmapped areas and gaps when there are many.
	 */
	length = readlink("/sys/kernel/slab/vmap_area", path, sizeof(mappings) - 1);
	if (length > 0)
		snprintf(mappings, sizeof(mappings), "%.*s", (int)length, path);

	count = scandir("/sys/kernel/slab", &entries, NULL, alphasort);
	if (count < 0)
		fail("/sys/kernel/slab: %s", strerror(errno));
	for (i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (entries[i]->d_type == DT_DIR && name[0] != '.' &&
		    strcmp(name, mappings)) {
			if (usage->caches == CACHES_MAX)
				fail("/sys/kernel/slab: more than %u caches", CACHES_MAX);
			strcpy(usage->cache[usage->caches].name, name);
			snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
			write_file(path, "1");
			snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", name);
			usage->cache[usage->caches++].objects = read_number(path);
		}
		free(entries[i]);
	}
	free(entries);
}

/* Includes the pages that a CPU keeps for later */
static unsigned long count_free_pages(void)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	unsigned long pages, sum = 0;
	char line[512];

	if (!file)
		fail("/proc/zoneinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " pages free %lu", &pages) == 1 ||
		    sscanf(line, " count: %lu", &pages) == 1)
			sum += pages;
	fclose(file);
	return sum;
}

static void look(struct usage *usage)
{
	unsigned int i;

	memset(usage, 0, sizeof(*usage));
	sync();
	/* Recently used objects survive the first attempt */
	for (i = 0; i < 3; i++)
		write_file("/proc/sys/vm/drop_caches", "3");
	/* Mappings without their addresses */
	add_lines(usage->text[MAPPINGS], "/proc/vmallocinfo", "ioremap", 1);
	add_lines(usage->text[RESOURCES], "/proc/iomem", "", 0);
	add_names(usage->text[INTERRUPTS], "/sys/kernel/irq");
	add_names(usage->text[GROUPS], "/dev/vfio");
	/* Modules with the number of their users */
	add_lines(usage->text[MODULES], "/proc/modules", "vfio", 0);
	count_objects(usage);
	usage->free_pages = count_free_pages();
}

static bool is_same(enum text which, bool loud)
{
	const char *was = before.text[which], *is = after.text[which];
	size_t at = 0, line = 0;

	if (!strcmp(was, is))
		return true;
	for (; was[at] && was[at] == is[at]; at++)
		if (was[at] == '\n')
			line = at + 1;
	if (loud)
		report("%s: was '%.*s', is '%.*s'", text_names[which],
		       (int)strcspn(was + line, "\n"), was + line,
		       (int)strcspn(is + line, "\n"), is + line);
	return false;
}

/* The names of a cache that the kernel has merged from several */
static const char *cache_names(const char *folder)
{
	static char names[256];
	char path[512], target[64];
	struct dirent **entries;
	size_t used;
	ssize_t length;
	int count, i;

	used = snprintf(names, sizeof(names), "%s", folder);
	count = scandir("/sys/kernel/slab", &entries, NULL, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s", entries[i]->d_name);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		if (!strcmp(target, folder) && used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, " %s",
					 entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return names;
}

/*
 * KASAN keeps freed memory for a while, kmemleak's records of it among that. On a kernel that has
 * both, kmemleak is the judge of memory, at the end of the suite.
 */
static bool has_kmemleak(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

/* Growth below one object, or below one page, in two cycles has another cause */
static bool nothing_leaked(unsigned long cycles, bool loud)
{
	unsigned long limit = cycles / 2, was;
	unsigned int i, other;
	bool good = true;
	enum text which;

	for (which = 0; which < TEXTS; which++)
		good &= is_same(which, loud);
	for (i = 0; i < after.caches; i++) {
		was = 0;
		for (other = 0; other < before.caches; other++)
			if (!strcmp(before.cache[other].name, after.cache[i].name))
				was = before.cache[other].objects;
		if (after.cache[i].objects < was + limit ||
		    (has_kmemleak() && !strncmp(after.cache[i].name, "kmemleak_", 9)))
			continue;
		good = false;
		if (loud)
			report("slab %s: %lu objects were used, %lu are now",
			       cache_names(after.cache[i].name), was,
			       after.cache[i].objects);
	}
	if (!has_kmemleak() && after.free_pages + limit <= before.free_pages) {
		good = false;
		if (loud)
			report("%lu pages were free, %lu are now", before.free_pages,
			       after.free_pages);
	}
	return good;
}

/* --- What is done ----------------------------------------------------------------- */

/* Takes everything that a user can have of a device, and returns it only by closing */
static bool cycle(const char *bdf)
{
	const struct vfio_region_info *region;
	struct session session = { .bdf = bdf };
	struct vfio_device *device;
	struct mmr_window window;
	struct iova_area area;
	void *memory;
	bool good;
	int fd;

	if (sysfs_bind(bdf, MMR_DRIVER))
		return false;
	device = session_attach(&session);
	iova_map(&area, &session.container, IOVA_BASE, 1 << 17);
	if (vfio_msix_vectors(device) >= 2)
		vfio_msix_enable(device, 2);
	legacy_start(device, 0);
	if (!sysfs_window(bdf, &window))
		return false;
	/* A small BAR, or a BAR0 that is not shown as such, cannot be mapped */
	region = &device->regions[window.bar];
	memory = NULL;
	if (window.bar && region->flags & VFIO_REGION_INFO_FLAG_MMAP)
		memory = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			      device->fd, region->offset);
	fd = eventfd(0, EFD_CLOEXEC);
	good = memory != MAP_FAILED &&
	       (!memory || __atomic_load_n((uint8_t *)memory + window.offset +
					   VIRTIO_MMR_DEVICE_STATUS,
					   __ATOMIC_RELAXED) == legacy_status(device)) &&
	       legacy_status(device) &&
	       !legacy_ioeventfd(device, 0, fd);

	if (memory)
		munmap(memory, region->size);
	session_detach(&session);
	close(fd);
	munmap(area.memory, area.size);
	return good && !sysfs_unbind(bdf);
}

/* A process for each function */
static void run_cycles(struct __test_metadata *_metadata, unsigned int functions,
		       unsigned long cycles)
{
	unsigned long i, mine;
	unsigned int worker;
	pid_t children[WORKERS_MAX];
	int status;

	fflush(stdout);
	for (worker = 0; worker < functions; worker++) {
		mine = cycles / functions + (worker < cycles % functions);
		children[worker] = fork();
		ASSERT_GE(children[worker], 0);
		if (children[worker])
			continue;
		for (i = 0; i < mine; i++)
			if (!cycle(functions_find(NULL, worker)))
				_exit(1);
		_exit(0);
	}
	for (worker = 0; worker < functions; worker++) {
		ASSERT_EQ(waitpid(children[worker], &status, 0), children[worker]);
		EXPECT_EQ(status, 0) {
			TH_LOG("%s", functions_find(NULL, worker));
		}
	}
}

TEST_F_TIMEOUT(leak, bind_open_close_unbind, 800)
{
	unsigned int round, second;
	bool good = false;

	memset(&before, 1, sizeof(before));
	memset(&after, 1, sizeof(after));
	run_cycles(_metadata, self->functions, self->functions);
	sleep(2);
	look(&before);
	for (round = 1; !good && round <= ROUNDS; round++) {
		TH_LOG("%lu cycles on %u functions", self->cycles, self->functions);
		run_cycles(_metadata, self->functions, self->cycles);
		for (second = 0; !good && second < SETTLE; second++) {
			sleep(1);
			look(&after);
			good = nothing_leaked(self->cycles, false);
		}
		TH_LOG("%ld pages less are free",
		       (long)(before.free_pages - after.free_pages));
		EXPECT_EQ(nothing_leaked(self->cycles, true) || round < ROUNDS, true);
		before = after;
	}
}

FUNCTIONS_HARNESS_MAIN
