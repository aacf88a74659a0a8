/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMR functions that the user gave to the tests. They are in the environment
 * (VIRTIO_MMR_BDFS) or on the command line of one test program. Tests touch no others, because
 * they write to disks and reset functions.
 */
#ifndef SELFTESTS_FUNCTIONS_H
#define SELFTESTS_FUNCTIONS_H

#include "harness.h"
#include "sysfs.h"

/*
 * Reads the list and removes the BDFs from the command line. Exits with 4 (skip) and
 * instructions if the list is empty. Exits with 1 if a function is not bound to the driver: a
 * skip would hide a broken set-up.
 */
void functions_init(int *argc, char **argv);

/* The nth function of a type ("net", "blk", ...; NULL: any); NULL if none */
const char *functions_find(const char *type, unsigned int nth);
/* The first function of a type that suits a test best, else the first of any */
const char *functions_prefer(const char *type);

/* Use in place of TEST_HARNESS_MAIN */
#define FUNCTIONS_HARNESS_MAIN	HARNESS_MAIN(functions_init(&argc, argv))

#endif /* SELFTESTS_FUNCTIONS_H */
