// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at the same time: users of all given functions do whatever VFIO lets them do, by
 * several threads each, while root resets, unbinds and switches off the functions. Users close,
 * exit and are killed in the middle.
 *
 * hammer: the judges are the kernel's own checks, a limit of time for each operation, what is
 * left afterwards, and traffic on each function at the end.
 * owner: a user of one function checks it against the model of random_test, while the other
 * functions of its PF are tortured.
 *
 * Each test takes VIRTIO_MMR_TORTURE_SECONDS (default 25) or --seconds=N, and ends earlier after
 * VIRTIO_MMR_TORTURE_OPERATIONS or --operations=N. VIRTIO_MMR_SEED starts the same sequences; when
 * threads meet is up to the machine.
 *
 * With --links, the links of PFs fail in hammer, too. vfio-pci-core takes two locks in either order
 * then, which lockdep reports. So it must be one with patch 0005 of Documentation/kernel-patches.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/disk.h"
#include "lib/dmesg.h"
#include "lib/entropy.h"
#include "lib/environment.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/sequence.h"
#include "lib/session.h"
#include "lib/torture.h"

#define SECONDS		25
#define LIFE_LONGEST	20000 /* ms */
/* Limit for an operation: a removal waits for its user, and users wait for each other's resets */
#define WEDGED		60000 /* ms */
/* Growth of the kernel's memory that is no leak: what it keeps after its first use */
#define MEMORY_LIMIT	16384 /* KiB */
#define OWNER_OPERATIONS "20000"
/* With --links. The weights of all other operations of root have a sum of 99 */
#define LINK_WEIGHT	10

static unsigned long seconds, operations;
static unsigned int link_weight;

/* Users stay for an eighth of a test, within limits: opens cost much, and slow down all else */
static unsigned int life(void)
{
	if (seconds < 8 * TORTURE_LIFE_MIN / 1000)
		return TORTURE_LIFE_MIN;
	return seconds < 8 * LIFE_LONGEST / 1000 ? seconds * 1000 / 8 : LIFE_LONGEST;
}

FIXTURE(torture)
{
	struct dmesg log;
	struct torture *torture;
	pid_t children[TORTURE_FUNCTIONS_MAX + 1];
	unsigned int running;
	uint64_t offline[TORTURE_FUNCTIONS_MAX];
};

FIXTURE_SETUP(torture)
{
	struct sequence sequence;

	sequence_start(&sequence);
	TH_LOG("VIRTIO_MMR_SEED=%lu, %lu s", sequence.seed, seconds);
	self->torture = torture_create(sequence.seed);
	self->torture->life = life();
	dmesg_mark(&self->log);
}

/* Processes of a test that has ended too early die with this one */
FIXTURE_TEARDOWN(torture)
{
	unsigned int i;

	for (i = 0; i < self->torture->functions; i++)
		EXPECT_EQ(torture_restore(&self->torture->function[i]), 0);
	EXPECT_TRUE(dmesg_clean(&self->log));
}

static void add(struct _test_data_torture *self, const char *bdf)
{
	struct torture *torture = self->torture;
	struct torture_function *function = &torture->function[torture->functions];

	function->bdf = bdf;
	function->is_mapped = torture->functions % 2;
	function->is_rng = !strcmp(sysfs_type(bdf)->name, "rng");
	if (sysfs_physical_function(bdf, function->pf))
		sysfs_text(function->pf, "sriov_numvfs", function->vfs, sizeof(function->vfs));
	self->offline[torture->functions++] = qmp_count(bdf, "mmr-offline");
}

/* --- What is there ----------------------------------------------------------------------- */

struct usage {
	unsigned long memory; /* KiB */
	unsigned int mappings, interrupts;
	unsigned long references;
};

static unsigned int count_lines(const char *path, const char *word, const char *more)
{
	FILE *file = fopen(path, "re");
	unsigned int found = 0;
	char line[4096];

	if (!file)
		fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		found += strstr(line, word) && strstr(line, more);
	fclose(file);
	return found;
}

static unsigned long memory_of(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long value, found = 0;
	char line[256];

	if (!file)
		fail("/proc/meminfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), ": %lu kB", &value) == 1)
			found = value;
	fclose(file);
	return found;
}

/* With no function bound */
static struct usage look(struct __test_metadata *_metadata, struct torture *torture)
{
	char driver[SYSFS_DRIVER_SIZE];
	struct usage usage;
	unsigned int i;
	FILE *file;

	for (i = 0; i < torture->functions; i++) {
		sysfs_driver(torture->function[i].bdf, driver);
		if (driver[0])
			EXPECT_EQ(sysfs_unbind(torture->function[i].bdf), 0);
	}
	sleep(1);
	usage.memory = memory_of("SUnreclaim") + memory_of("KernelStack") +
		       memory_of("VmallocUsed") + memory_of("Percpu");
	usage.mappings = count_lines("/proc/vmallocinfo", "ioremap", "");
	usage.interrupts = count_lines("/proc/interrupts", "vfio", "") +
			   count_lines("/proc/interrupts", "virtio_mmr", "");
	file = fopen("/sys/module/" MMR_DRIVER "/refcnt", "re");
	if (!file || fscanf(file, "%lu", &usage.references) != 1)
		fail("no reference count of " MMR_DRIVER);
	fclose(file);
	for (i = 0; i < torture->functions; i++)
		EXPECT_EQ(torture_restore(&torture->function[i]), 0);
	return usage;
}

static void compare(struct __test_metadata *_metadata, const struct usage *before,
		    const struct usage *after)
{
	EXPECT_EQ(after->mappings, before->mappings);
	EXPECT_EQ(after->interrupts, before->interrupts);
	EXPECT_EQ(after->references, before->references);
	TH_LOG("memory of the kernel: %lu KiB, %lu KiB before", after->memory, before->memory);
	/* KASAN keeps freed memory. There kmemleak is the judge, at the end of the suite */
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		EXPECT_LE(after->memory, before->memory + MEMORY_LIMIT);
}

/* --- The watch --------------------------------------------------------------------------- */

static void print_stack(pid_t id)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stack", id);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		report("  %s", line);
	}
	if (file)
		fclose(file);
}

/* In ms */
static unsigned int limit_of_a_step(void)
{
	return WEDGED * environment_number("VIRTIO_MMR_TIMEOUT_SCALE", 1);
}

/* Whether no thread is at one step for @limit ms; such threads are reported with their stacks */
static bool gets_on(struct torture *torture, uint64_t limit)
{
	static struct {
		uint64_t steps, since;
	} seen[TORTURE_THREADS_MAX];
	const struct torture_thread *thread;
	uint64_t now, steps;
	const char *what;
	bool good = true;
	unsigned int i;

	for (i = 0; i < TORTURE_THREADS_MAX; i++) {
		thread = &torture->thread[i];
		what = __atomic_load_n(&thread->what, __ATOMIC_SEQ_CST);
		steps = __atomic_load_n(&thread->steps, __ATOMIC_SEQ_CST);
		now = torture_now();
		if (steps != seen[i].steps) {
			seen[i].steps = steps;
			seen[i].since = now;
		}
		if (!what || now - seen[i].since < limit)
			continue;
		report("thread %d is in '%s' for %lu s", thread->id, what,
		       (now - seen[i].since) / 1000);
		print_stack(thread->id);
		good = false;
	}
	return good;
}

static uint64_t sum_of(const struct torture *torture)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(torture->done); i++)
		sum += __atomic_load_n(&torture->done[i], __ATOMIC_SEQ_CST);
	return sum;
}

static void start(struct _test_data_torture *self)
{
	unsigned int i;

	for (i = 0; i < self->torture->functions; i++)
		self->children[self->running++] = torture_users(self->torture, i);
	self->children[self->running++] = torture_root(self->torture);
}

/* All processes come to their end, or are reported */
static void stop(struct __test_metadata *_metadata, struct _test_data_torture *self)
{
	unsigned int i;
	int status;

	__atomic_store_n(&self->torture->stop, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < self->running; i++) {
		status = -1;
		EXPECT_TRUE(background_process_ends(self->children[i], limit_of_a_step(),
						    &status)) {
			gets_on(self->torture, 0);
			kill(self->children[i], SIGKILL);
		}
		EXPECT_EQ(status, 0);
	}
	self->running = 0;
}

/* --- Each function serves its next user ------------------------------------------------- */

static void expect_traffic(struct __test_metadata *_metadata, const char *bdf)
{
	static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const char *type = sysfs_type(bdf)->name;
	struct session session = { .bdf = bdf };
	struct ethernet ethernet;
	struct entropy entropy;
	struct disk disk;
	int trigger;

	session_attach(&session);
	if (!strcmp(type, "rng")) {
		trigger = vfio_eventfd();
		vfio_command(&session.device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
		EXPECT_EQ(intx_trigger(&session.device, trigger), 0);
		entropy_start(&entropy, &session.device, IOVA_BASE);
		EXPECT_TRUE(entropy_works(&entropy));
		EXPECT_EQ(intx_handle(&session.device, trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		EXPECT_EQ(intx_off(&session.device), 0);
		vfio_msix_enable(&session.device, 1);
		entropy_restart(&entropy);
		EXPECT_TRUE(entropy_works(&entropy));
		EXPECT_GT(vfio_msix_wait(&session.device, 0, LEGACY_TIMEOUT), 0);
		entropy_stop(&entropy);
		close(trigger);
	} else if (!strcmp(type, "blk")) {
		disk_start(&disk, &session.device, IOVA_BASE);
		EXPECT_EQ(disk_read(&disk, 0, DISK_SECTOR), DISK_OK);
		disk_stop(&disk);
	} else if (!strcmp(type, "net")) {
		ethernet_start(&ethernet, &session.device, IOVA_BASE);
		EXPECT_TRUE(ethernet_send(&ethernet, frame, sizeof(frame)));
		ethernet_stop(&ethernet);
	} else {
		legacy_start(&session.device, 0);
		EXPECT_EQ(legacy_status(&session.device),
			  VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	}
	session_detach(&session);
}

/* After all: nothing is left, and the device saw no access while it was out of reach */
static void check_end(struct __test_metadata *_metadata, struct _test_data_torture *self)
{
	struct torture *torture = self->torture;
	unsigned int i;

	torture_report(torture);
	EXPECT_EQ(torture->fds, 0);
	/* Most users have found their function, or the test has shown little */
	EXPECT_GT(torture->opened, torture->functions);
	for (i = 0; i < torture->functions; i++) {
		ASSERT_EQ(torture_restore(&torture->function[i]), 0);
		expect_traffic(_metadata, torture->function[i].bdf);
		EXPECT_EQ(qmp_count(torture->function[i].bdf, "mmr-offline"), self->offline[i]) {
			TH_LOG("%s was touched while it was out of reach",
			       torture->function[i].bdf);
		}
	}
}

TEST_F_TIMEOUT(torture, hammer, 240)
{
	struct torture *torture = self->torture;
	uint64_t end = torture_now() + 1000 * seconds;
	struct usage before, after;
	unsigned int i;

	for (i = 0; i < TORTURE_FUNCTIONS_MAX && functions_find(NULL, i); i++)
		add(self, functions_find(NULL, i));
	torture->without_vfs = true;
	torture->link_weight = link_weight;
	before = look(_metadata, torture);
	end = torture_now() + 1000 * seconds;
	start(self);
	while (torture_now() < end && sum_of(torture) < operations) {
		ASSERT_TRUE(gets_on(torture, limit_of_a_step()));
		usleep(200000);
	}
	stop(_metadata, self);
	check_end(_metadata, self);
	if (seconds >= SECONDS) {
		EXPECT_EQ(torture_missing(torture), 0);
		EXPECT_EQ(torture->links > 0, link_weight > 0);
	}
	after = look(_metadata, torture);
	compare(_metadata, &before, &after);
}

/* --- The owner of one function ---------------------------------------------------------- */

/* random_test on one function, which ends by itself. Its output is this test's */
static pid_t start_owner(struct __test_metadata *_metadata, const char *bdf, unsigned long seed)
{
	char path[512], text[32];
	ssize_t length;
	pid_t child;

	length = readlink("/proc/self/exe", path, sizeof(path) - 64);
	ASSERT_GT(length, 0);
	path[length] = '\0';
	strcpy(strrchr(path, '/') + 1, "random_test");
	snprintf(text, sizeof(text), "%lu", seed);
	fflush(stdout);
	child = fork();
	if (!child) {
		setenv("VIRTIO_MMR_SEED", text, 1);
		setenv("VIRTIO_MMR_OPERATIONS", OWNER_OPERATIONS, 1);
		/* Two TAP outputs in one file are none */
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execl(path, path, bdf, NULL);
		_exit(127);
	}
	return child;
}

TEST_F_TIMEOUT(torture, owner, 300)
{
	struct torture *torture = self->torture;
	char pf[SYSFS_BDF_SIZE], other[SYSFS_BDF_SIZE];
	unsigned int i, j, runs = 0;
	const char *owner = NULL;
	uint64_t end;
	int status;
	pid_t child;

	/* The first function that has siblings */
	for (i = 0; functions_find(NULL, i) && !torture->functions; i++) {
		owner = functions_find(NULL, i);
		if (!sysfs_physical_function(owner, pf))
			continue;
		for (j = 0; j < TORTURE_FUNCTIONS_MAX && functions_find(NULL, j); j++)
			if (j != i && sysfs_physical_function(functions_find(NULL, j), other) &&
			    !strcmp(pf, other))
				add(self, functions_find(NULL, j));
	}
	if (!torture->functions)
		SKIP(return, "needs two functions of one PF");
	TH_LOG("the model is on %s", owner);
	end = torture_now() + 1000 * seconds;
	start(self);
	while (torture_now() < end && sum_of(torture) < operations) {
		child = start_owner(_metadata, owner, torture->seed + runs);
		ASSERT_GT(child, 0);
		while (!waitpid(child, &status, WNOHANG)) {
			ASSERT_TRUE(gets_on(torture, limit_of_a_step()));
			usleep(200000);
		}
		ASSERT_EQ(status, 0) {
			TH_LOG("VIRTIO_MMR_SEED=%lu VIRTIO_MMR_OPERATIONS=" OWNER_OPERATIONS,
			       torture->seed + runs);
		}
		runs++;
	}
	TH_LOG("%u times " OWNER_OPERATIONS " operations of the model", runs);
	stop(_metadata, self);
	check_end(_metadata, self);
}

/* The options that the harness does not know; the time of each test is its limit's start */
static void options(int *argc, char **argv)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;
	int i, kept = 1;

	seconds = environment_number("VIRTIO_MMR_TORTURE_SECONDS", SECONDS);
	operations = environment_number("VIRTIO_MMR_TORTURE_OPERATIONS", -1ul);
	for (i = 1; i < *argc; i++) {
		if (!strncmp(argv[i], "--seconds=", 10))
			seconds = strtoul(argv[i] + 10, NULL, 10);
		else if (!strncmp(argv[i], "--operations=", 13))
			operations = strtoul(argv[i] + 13, NULL, 10);
		else if (!strcmp(argv[i], "--links"))
			link_weight = LINK_WEIGHT;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout += seconds;
	functions_init(argc, argv);
}

HARNESS_MAIN(options(&argc, argv))
