/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bind remembers of a function for unbind, in a file /run/mmrctl/BDF. A reboot
 * removes the file, as it does the binding.
 */
#ifndef MMRCTL_RECORD_H
#define MMRCTL_RECORD_H

#include "functions.h"

/**
 * struct record - a function before it was bound
 * @driver: its driver, empty if none
 * @override: its driver_override, empty if none
 * @marked: the driver is being restored, or was when something stopped that
 */
struct record {
	char driver[NAME_LENGTH];
	char override[NAME_LENGTH];
	bool marked;
};

/*
 * Wait, and say so, until no other mmrctl binds or unbinds; STATUS_OK or a status after
 * a message. Look at functions after that, as they may change before.
 */
int record_lock(void);

/* Remember @function as it is now; STATUS_OK or a status after a message */
int record_save(const struct function *function);

/* False, and an empty record, if there is none of this function */
bool record_load(struct record *record, const struct function *function);
/* Mark the record, if there is one: the driver takes the function now. Without it all goes on */
void record_mark(const struct function *function);
void record_remove(const struct function *function);

/*
 * True if a bind or an unbind of @function was killed before its end. @record is its
 * record then, else empty.
 */
bool record_is_halfway(struct record *record, const struct function *function);

/*
 * True if unbind would restore @record, which is empty if not. paths_denied() if only root
 * can find out.
 */
bool record_is_due(struct record *record, const struct function *function);

#endif /* MMRCTL_RECORD_H */
