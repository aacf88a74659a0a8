/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MMR functions that the user gave to the tests: in the environment
 * (VIRTIO_MMR_BDFS) or, for one test program, on its command line. Only these
 * are touched: tests write to disks and reset functions.
 */
#ifndef SELFTESTS_FUNCTIONS_H
#define SELFTESTS_FUNCTIONS_H

#include "harness.h"
#include "sysfs.h"

/*
 * Reads the list and takes the BDFs off the command line. Exits with 4 (skip)
 * and instructions if there is none, with 1 if one of them is not bound to
 * our driver: to skip that would hide a broken set-up.
 */
void functions_init(int *argc, char **argv);

/* The nth function of a type ("net", "blk", ...; NULL: any); NULL if none */
const char *functions_find(const char *type, unsigned int nth);
/* The first function of a type that suits a test best, else the first of any */
const char *functions_prefer(const char *type);

/* Use in place of TEST_HARNESS_MAIN */
#define FUNCTIONS_HARNESS_MAIN	HARNESS_MAIN(functions_init(&argc, argv))

#endif /* SELFTESTS_FUNCTIONS_H */
