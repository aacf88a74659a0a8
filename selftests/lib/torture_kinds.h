/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of operations of torture.h. */
#ifndef SELFTESTS_TORTURE_KINDS_H
#define SELFTESTS_TORTURE_KINDS_H

#include "iova.h"
#include "sequence.h"
#include "session.h"
#include "torture.h"

#define TORTURE_EVENTFDS	8
/* Memory of a user that its device sees, at IOVA_BASE, and the most that a ring takes of it */
#define TORTURE_AREA_PAGES	64
#define TORTURE_RING_PAGES	8

/* An open function, of a process of its own */
struct torture_user {
	struct torture *torture;
	const struct torture_function *function;
	struct session session;
	struct iova_area area;
	int eventfds[TORTURE_EVENTFDS];
	/* Places of capabilities in configuration space, 0: none */
	unsigned int power, express, window;
	bool over;
};

/* A thread of a user; or of root, without a user, and with a number from 0 on */
struct torture_worker {
	struct torture *torture;
	struct torture_user *user;
	unsigned int number;
	struct torture_thread *progress;
	struct sequence sequence;
};

struct torture_kind {
	const char *name;
	/* How often it is done, compared with the others; 0: torture.link_weight says it */
	unsigned int weight;
	void (*run)(struct torture_worker *worker);
};

/* The last one has no name */
extern const struct torture_kind torture_user_kinds[], torture_root_kinds[];
extern const unsigned int torture_root_kinds_count;

/* For a process of a user: memory of BARs may vanish below its threads */
void torture_expect_bus_errors(void);

/* A step of a long operation has ended, and the next one has the watch's whole limit */
static inline void next_step(struct torture_worker *worker)
{
	__atomic_add_fetch(&worker->progress->steps, 1, __ATOMIC_SEQ_CST);
}

static inline uint32_t below(struct torture_worker *worker, uint32_t limit)
{
	return sequence_below(&worker->sequence, limit);
}

#endif /* SELFTESTS_TORTURE_KINDS_H */
