/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bind remembers of a function for unbind: a file /run/mmrctl/BDF, gone after
 * a reboot as the binding itself is.
 */
#ifndef MMRCTL_RECORD_H
#define MMRCTL_RECORD_H

#include "functions.h"

/**
 * struct record - a function before it was bound
 * @driver: it had, empty if none
 * @override: driver_override it had, empty if none
 */
struct record {
	char driver[NAME_LENGTH];
	char override[NAME_LENGTH];
};

/*
 * Wait, and say so, until no other mmrctl binds or unbinds; STATUS_OK or a status after
 * a message. What functions have is to be looked at afterwards, as it may change before.
 */
int record_lock(void);

/* Remember @function as it is now; STATUS_OK or a status after a message */
int record_save(const struct function *function);

/* False, and an empty record, if there is none of this very function */
bool record_load(struct record *record, const struct function *function);
void record_remove(const struct function *function);

/*
 * Whether a bind or an unbind of @function was killed before its end; @record is its
 * record then, else empty
 */
bool record_is_halfway(struct record *record, const struct function *function);

/*
 * Whether unbind would put @record back, which is empty if not; paths_denied() if only root
 * can tell
 */
bool record_is_due(struct record *record, const struct function *function);

#endif /* MMRCTL_RECORD_H */
