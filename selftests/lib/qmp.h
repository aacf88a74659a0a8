/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The emulated device's own view, by the QEMU monitor that tools/vm/run puts on a virtio-serial
 * port. Tests that need it skip if there is none.
 */
#ifndef SELFTESTS_QMP_H
#define SELFTESTS_QMP_H

#include <stdbool.h>
#include <stdint.h>

#define QMP_ID_SIZE		64
#define QMP_BACKEND_SIZE	512

struct qmp {
	int lock;
	int fd;
	unsigned int serial;
	char id[QMP_ID_SIZE];
	char backend[QMP_BACKEND_SIZE];
};

/*
 * False if there is no monitor, or if the runner did not declare this function. Gives the
 * device's QEMU id and its back-end file ("-" if none).
 */
bool qmp_open(struct qmp *qmp, const char *bdf);
void qmp_close(struct qmp *qmp);

/* A counter of the device, such as "mmr-reads"; fails the test if unknown */
uint64_t qmp_counter(struct qmp *qmp, const char *property);

/* The same for a single read; 0 without a monitor */
uint64_t qmp_count(const char *bdf, const char *property);

/*
 * Sets a property at run time, such as mmr-config ("0x41=0x40+0x42=0"). False without a
 * monitor. A refusal by QEMU fails the test.
 */
bool qmp_set(const char *bdf, const char *property, const char *value);
bool qmp_set_number(const char *bdf, const char *property, uint64_t value);

/*
 * Connects or disconnects a network device, which changes its configuration. False without a
 * monitor.
 */
bool qmp_set_link(const char *bdf, bool up);

/*
 * The root port above the function reports a fatal error of its link. The kernel resets the
 * link then. False without a monitor.
 */
bool qmp_break_link(const char *bdf);

#endif /* SELFTESTS_QMP_H */
