/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The program around kselftest_harness.h. The harness has one time limit for each case: 30 s,
 * or that of TEST_F_TIMEOUT. VIRTIO_MMR_TIMEOUT_SCALE, a whole number, multiplies it.
 */
#ifndef SELFTESTS_HARNESS_H
#define SELFTESTS_HARNESS_H

#include <stdlib.h>

/* Use in place of TEST_HARNESS_MAIN; SETUP comes before everything */
#define HARNESS_MAIN(setup)							\
	int main(int argc, char **argv)						\
	{									\
		struct __fixture_metadata *fixture;				\
		struct __test_metadata *test;					\
		const char *scale;						\
										\
		setup;								\
		scale = getenv("VIRTIO_MMR_TIMEOUT_SCALE");			\
		for (fixture = __fixture_list; fixture; fixture = fixture->next)	\
			for (test = fixture->tests; test; test = test->next)	\
				test->timeout *= scale && atoi(scale) > 0 ? atoi(scale) : 1; \
		return test_harness_run(argc, argv);				\
	}

#endif /* SELFTESTS_HARNESS_H */
