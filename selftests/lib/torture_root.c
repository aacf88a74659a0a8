// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dmesg.h"
#include "link.h"
#include "qmp.h"
#include "torture_kinds.h"

/*
 * Protects the number of VFs and the state of the PF below them. In a recovery the kernel holds
 * pci_bus_sem and waits for the lock of each device; a change of the number of VFs holds the PF's
 * lock and waits for pci_bus_sem. So the two must not meet.
 */
static pthread_mutex_t pf_lock = PTHREAD_MUTEX_INITIALIZER;

/* Those who hold the lock are watched, so those who wait for it need not be */
static void lock_pf(struct torture_worker *worker)
{
	while (pthread_mutex_trylock(&pf_lock)) {
		next_step(worker);
		usleep(5000);
	}
	next_step(worker);
}

static struct torture_function *any_function(struct torture_worker *worker)
{
	return &worker->torture->function[below(worker, worker->torture->functions)];
}

/* Asks the user of a function to close, or takes that back with -1 */
static void want(struct torture_function *function, int change)
{
	__atomic_add_fetch(&function->wanted, change, __ATOMIC_SEQ_CST);
}

/* The same for all functions of a PF */
static void want_all(struct torture *torture, const char *pf, int change)
{
	unsigned int i;

	for (i = 0; i < torture->functions; i++)
		if (!strcmp(torture->function[i].pf, pf))
			want(&torture->function[i], change);
}

static void root_resets(struct torture_worker *worker)
{
	const struct torture_function *function = any_function(worker);

	if (!function->is_mapped)
		sysfs_reset(function->bdf);
}

static void root_unbinds(struct torture_worker *worker)
{
	struct torture_function *function = any_function(worker);

	/* Waits for the user */
	want(function, 1);
	sysfs_unbind(function->bdf);
	want(function, -1);
	usleep(below(worker, 50000));
	lock_pf(worker);
	torture_restore(function);
	pthread_mutex_unlock(&pf_lock);
}

static void restore_all(struct torture *torture, const char *pf)
{
	unsigned int i;

	for (i = 0; i < torture->functions; i++)
		if (!strcmp(torture->function[i].pf, pf))
			torture_restore(&torture->function[i]);
}

static void root_switches_vfs(struct torture_worker *worker)
{
	const struct torture_function *function = any_function(worker);

	if (!worker->torture->without_vfs || !function->pf[0])
		return;
	lock_pf(worker);
	want_all(worker->torture, function->pf, 1);
	sysfs_write(function->pf, "sriov_numvfs", "0");
	want_all(worker->torture, function->pf, -1);
	usleep(below(worker, 50000));
	sysfs_write(function->pf, "sriov_numvfs", function->vfs);
	restore_all(worker->torture, function->pf);
	pthread_mutex_unlock(&pf_lock);
}

/*
 * The PF's link fails, the kernel resets it, and users go on without knowing it. The PF's driver
 * takes no part in the recovery, so it is bound again at the end, which makes new VFs. A recovery
 * that does not end is seen by the watch.
 */
static void root_breaks_link(struct torture_worker *worker)
{
	const struct torture_function *function = any_function(worker);
	uint8_t config[SYSFS_CONFIG_SIZE];
	char driver[SYSFS_DRIVER_SIZE];
	struct dmesg log;

	if (!worker->torture->without_vfs || !function->pf[0])
		return;
	lock_pf(worker);
	sysfs_driver(function->pf, driver);
	sysfs_config(function->pf, config);
	dmesg_mark(&log);
	if (sysfs_exists(function->bdf) && qmp_break_link(function->bdf)) {
		while (!dmesg_count(&log, "device recovery", NULL))
			usleep(5000);
		worker->torture->links++;
		next_step(worker);
		link_restore_pf(function->pf, config);
		/* With VFs that lost what was written to them */
		usleep(below(worker, 200000));
		want_all(worker->torture, function->pf, 1);
		sysfs_unbind(function->pf);
		want_all(worker->torture, function->pf, -1);
		next_step(worker);
		sysfs_bind(function->pf, driver);
		next_step(worker);
	}
	dmesg_clean(&log);
	restore_all(worker->torture, function->pf);
	pthread_mutex_unlock(&pf_lock);
}

static void root_switches_power(struct torture_worker *worker)
{
	const struct torture_function *function = any_function(worker);

	sysfs_write(function->bdf, "power/control", "on");
	usleep(below(worker, 20000));
	sysfs_write(function->bdf, "power/control", "auto");
	sysfs_write(function->bdf, "d3cold_allowed", below(worker, 2) ? "1" : "0");
}

/*
 * "reset" and the like cannot be read, and BARs must not be. A read of "waiting_for_supplier" and
 * the first binding of the function wait for each other for ever: see patch 0014 of
 * Documentation/kernel-patches.
 */
static bool can_be_read(const struct dirent *entry)
{
	return entry->d_type == DT_REG && strncmp(entry->d_name, "resource", 8) &&
	       strcmp(entry->d_name, "waiting_for_supplier");
}

/* As lspci, mmrctl and monitoring do */
static void root_looks(struct torture_worker *worker)
{
	static const char *const folders[] = {
		"/sys/bus/pci/devices/%s",
		"/sys/bus/pci/devices/%s/power", "/sys/kernel/debug/virtio_mmr/%s",
	};
	char folder[128], path[512], text[4096];
	struct dirent *entry;
	DIR *directory;
	int fd;

	snprintf(folder, sizeof(folder), folders[below(worker, 3)],
		 any_function(worker)->bdf);
	directory = opendir(folder);
	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (!can_be_read(entry))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		(void)!read(fd, text, sizeof(text));
		close(fd);
	}
	closedir(directory);
}

static void root_traces(struct torture_worker *worker)
{
	int fd = open("/sys/kernel/tracing/events/virtio_mmr/enable", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, below(worker, 2) ? "1" : "0", 1);
	close(fd);
}

/* Whatever takes a function away is rare: it must be in use most of the time */
const struct torture_kind torture_root_kinds[] = {
	{ "root_resets", 40, root_resets }, { "root_unbinds", 6, root_unbinds },
	{ "root_switches_vfs", 2, root_switches_vfs }, { "root_breaks_link", 0, root_breaks_link },
	{ "root_switches_power", 15, root_switches_power }, { "root_looks", 30, root_looks },
	{ "root_traces", 6, root_traces },
	{}
};

const unsigned int torture_root_kinds_count =
	sizeof(torture_root_kinds) / sizeof(torture_root_kinds[0]) - 1;
