// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/virtio_pci.h>

#include "modern.h"
#include "report.h"
#include "torture.h"
#include "torture_kinds.h"

/* Processes and their ends cost most of a debug kernel's time, so they wait for long */
#define LOOK		50000 /* us, from one look at a process to the next */
#define REFUSED		200000 /* us, from a user that got no function to the next one */

uint64_t torture_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

struct torture *torture_create(unsigned long seed)
{
	struct torture *torture = mmap(NULL, sizeof(*torture), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (torture == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	torture->seed = seed;
	return torture;
}

static struct sequence sequence_of(const struct torture *torture, unsigned long number)
{
	struct sequence sequence = { .seed = torture->seed * 1000003 + number };

	sequence.state = (sequence.seed + 1) * 0x9e3779b97f4a7c15ull;
	sequence_next(&sequence);
	return sequence;
}

static void begin(struct torture_thread *progress, const char *what)
{
	__atomic_add_fetch(&progress->steps, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&progress->what, what, __ATOMIC_SEQ_CST);
}

static void end(struct torture_thread *progress)
{
	__atomic_store_n(&progress->what, NULL, __ATOMIC_SEQ_CST);
}

static void do_kind(struct torture_worker *worker, const struct torture_kind *kind, uint64_t *done)
{
	begin(worker->progress, kind->name);
	kind->run(worker);
	end(worker->progress);
	__atomic_add_fetch(done, 1, __ATOMIC_SEQ_CST);
}

/* 0 for a kind that must not be done */
static unsigned int weight_of(const struct torture *torture, const struct torture_kind *kind)
{
	return kind->weight ? kind->weight : torture->link_weight;
}

static void one_of(struct torture_worker *worker, const struct torture_kind *kinds, uint64_t *done)
{
	const struct torture *torture = worker->torture;
	const struct torture_kind *kind;
	unsigned int sum = 0;
	uint32_t choice;

	for (kind = kinds; kind->name; kind++)
		sum += weight_of(torture, kind);
	choice = below(worker, sum);
	for (kind = kinds; choice >= weight_of(torture, kind); kind++)
		choice -= weight_of(torture, kind);
	do_kind(worker, kind, &done[kind - kinds]);
}

static bool is_over(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

/* --- Users ---------------------------------------------------------------------------- */

static void *use(void *data)
{
	struct torture_worker *worker = data;

	worker->progress->id = syscall(SYS_gettid);
	while (!is_over(&worker->user->over))
		one_of(worker, torture_user_kinds, worker->torture->done);
	return NULL;
}

static unsigned int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (directory && readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* The function may vanish at any time; nobody reads what the libraries say about that */
static void open_function(struct torture_user *user)
{
	struct vfio_device *device = &user->session.device;
	struct modern modern;
	unsigned int i;

	user->session.bdf = user->function->bdf;
	if (!sysfs_exists(user->session.bdf) || session_try_attach(&user->session))
		_exit(EXIT_FAILURE);
	iova_map(&user->area, &user->session.container, IOVA_BASE, TORTURE_AREA_PAGES << 12);
	for (i = 0; i < TORTURE_EVENTFDS; i++)
		user->eventfds[i] = vfio_eventfd();
	user->power = vfio_capability(device, PCI_CAP_ID_PM);
	user->express = vfio_capability(device, PCI_CAP_ID_EXP);
	modern_find(&modern, device);
	user->window = modern.window;
	vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

/* The user's whole life: opens, does all at once, and closes in one of several ways */
static void live(struct torture *torture, unsigned int nth, struct sequence *sequence)
{
	struct torture_worker workers[TORTURE_USER_THREADS];
	struct torture_thread *progress = &torture->thread[nth * TORTURE_USER_SLOTS];
	struct torture_user user = {
		.torture = torture, .function = &torture->function[nth],
	};
	unsigned int fds = count_fds(), i, way = sequence_below(sequence, 4);
	uint64_t until = torture_now() + 50 + sequence_below(sequence, torture->life);
	/* A user that is asked to close takes its time, too */
	uint64_t patience = sequence_below(sequence, TORTURE_LIFE_MIN);
	pthread_t threads[TORTURE_USER_THREADS];

	progress->id = getpid();
	begin(progress, "open");
	open_function(&user);
	end(progress);
	__atomic_add_fetch(&torture->opened, 1, __ATOMIC_SEQ_CST);
	torture_expect_bus_errors();
	for (i = 0; i < TORTURE_USER_THREADS; i++) {
		workers[i] = (struct torture_worker){
			.torture = torture, .user = &user, .progress = progress + 1 + i,
			.sequence = sequence_of(torture, sequence_next(sequence)),
		};
		if (pthread_create(&threads[i], NULL, use, &workers[i]))
			_exit(EXIT_FAILURE);
	}
	while (torture_now() < until && !is_over(&torture->stop)) {
		if (__atomic_load_n(&user.function->wanted, __ATOMIC_SEQ_CST) &&
		    until > torture_now() + patience)
			until = torture_now() + patience;
		usleep(LOOK);
	}

	begin(progress, "close");
	/* The end of the process closes it, with all threads at work */
	if (!way)
		_exit(EXIT_SUCCESS);
	if (way == 1)
		session_detach(&user.session);
	__atomic_store_n(&user.over, true, __ATOMIC_SEQ_CST);
	for (i = 0; i < TORTURE_USER_THREADS; i++)
		pthread_join(threads[i], NULL);
	session_detach(&user.session);
	for (i = 0; i < TORTURE_EVENTFDS; i++)
		close(user.eventfds[i]);
	end(progress);
	i = count_fds();
	if (i > fds)
		__atomic_add_fetch(&torture->fds, i - fds, __ATOMIC_SEQ_CST);
	_exit(EXIT_SUCCESS);
}

static pid_t fork_child(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("fork: %s", strerror(errno));
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

static bool is_bound(const struct torture_function *function)
{
	char driver[SYSFS_DRIVER_SIZE];

	sysfs_driver(function->bdf, driver);
	return driver[0];
}

/* False if a user came to an end that nothing here leads to */
static bool live_once(struct torture *torture, unsigned int nth, struct sequence *sequence)
{
	/* Some are killed in the middle */
	uint64_t end_of_life = sequence_below(sequence, 4) ? -1ull :
			       torture_now() + sequence_below(sequence, torture->life);
	int status = 0, null;
	bool killed = false;
	pid_t child;
	unsigned int i;

	/* Without a process for nothing. The function may go away after this, and often does */
	if (!is_bound(&torture->function[nth])) {
		__atomic_add_fetch(&torture->refused, 1, __ATOMIC_SEQ_CST);
		usleep(LOOK);
		return true;
	}
	child = fork_child();
	if (!child) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		close(null);
		live(torture, nth, sequence);
	}
	while (!waitpid(child, &status, WNOHANG)) {
		if (!killed && torture_now() > end_of_life) {
			killed = true;
			kill(child, SIGKILL);
		}
		usleep(LOOK);
	}
	for (i = 0; i < TORTURE_USER_SLOTS; i++)
		end(&torture->thread[nth * TORTURE_USER_SLOTS + i]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE) {
		__atomic_add_fetch(&torture->refused, 1, __ATOMIC_SEQ_CST);
		/* Time for whatever is in the way */
		usleep(REFUSED);
		return true;
	}
	if ((WIFEXITED(status) && !WEXITSTATUS(status)) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && killed))
		return true;
	report("%s: a user ended with status %#x", torture->function[nth].bdf, status);
	return false;
}

pid_t torture_users(struct torture *torture, unsigned int nth)
{
	struct sequence sequence = sequence_of(torture, nth);
	pid_t child = fork_child();

	if (child)
		return child;
	while (!is_over(&torture->stop)) {
		/* Another life, other numbers */
		sequence_next(&sequence);
		if (!live_once(torture, nth, &sequence))
			_exit(EXIT_FAILURE);
	}
	_exit(EXIT_SUCCESS);
}

/* --- Root ------------------------------------------------------------------------------- */

static void *rule(void *data)
{
	struct torture_worker *worker = data;
	struct torture *torture = worker->torture;
	uint64_t *done = torture->done + TORTURE_KINDS_MAX;
	unsigned int kind = worker->number;

	worker->progress->id = syscall(SYS_gettid);
	while (!is_over(&torture->stop)) {
		/* All kinds once, as a slow machine may never come to the rare ones by chance */
		if (kind < torture_root_kinds_count) {
			if (weight_of(torture, &torture_root_kinds[kind]))
				do_kind(worker, &torture_root_kinds[kind], &done[kind]);
			kind += TORTURE_ROOT_THREADS;
		} else {
			one_of(worker, torture_root_kinds, done);
		}
		/* Users need some time in between */
		usleep(below(worker, 200000));
	}
	return NULL;
}

pid_t torture_root(struct torture *torture)
{
	struct torture_worker workers[TORTURE_ROOT_THREADS];
	pthread_t threads[TORTURE_ROOT_THREADS];
	pid_t child = fork_child();
	unsigned int i;

	if (child)
		return child;
	for (i = 0; i < TORTURE_ROOT_THREADS; i++) {
		workers[i] = (struct torture_worker){
			.torture = torture, .number = i,
			.progress = &torture->thread[TORTURE_THREADS_MAX - 1 - i],
			.sequence = sequence_of(torture, 1000 + i),
		};
		if (pthread_create(&threads[i], NULL, rule, &workers[i]))
			_exit(EXIT_FAILURE);
	}
	for (i = 0; i < TORTURE_ROOT_THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(EXIT_SUCCESS);
}

int torture_restore(const struct torture_function *function)
{
	char driver[SYSFS_DRIVER_SIZE];
	int ret;

	if (function->pf[0] && !sysfs_exists(function->bdf)) {
		ret = sysfs_write(function->pf, "sriov_numvfs", function->vfs);
		/* Another thread may do the same */
		if (ret && !sysfs_exists(function->bdf))
			return ret;
	}
	sysfs_driver(function->bdf, driver);
	if (driver[0])
		return strcmp(driver, MMR_DRIVER) ? -EBUSY : 0;
	ret = sysfs_override(function->bdf, MMR_DRIVER);
	return ret ? ret : sysfs_probe(function->bdf);
}

/* --- What was done ---------------------------------------------------------------------- */

void torture_report(const struct torture *torture)
{
	unsigned int i;

	for (i = 0; torture_user_kinds[i].name; i++)
		printf("# %s: %lu\n", torture_user_kinds[i].name, torture->done[i]);
	for (i = 0; torture_root_kinds[i].name; i++)
		printf("# %s: %lu\n", torture_root_kinds[i].name,
		       torture->done[TORTURE_KINDS_MAX + i]);
	printf("# opened: %lu, refused or vanished: %lu, failed links: %lu\n", torture->opened,
	       torture->refused, torture->links);
}

unsigned int torture_missing(const struct torture *torture)
{
	unsigned int missing = 0, i;

	for (i = 0; torture_user_kinds[i].name; i++)
		if (!torture->done[i]) {
			report("never done: %s", torture_user_kinds[i].name);
			missing++;
		}
	for (i = 0; torture_root_kinds[i].name; i++)
		if (!torture->done[TORTURE_KINDS_MAX + i] &&
		    weight_of(torture, &torture_root_kinds[i])) {
			report("never done: %s", torture_root_kinds[i].name);
			missing++;
		}
	return missing;
}
