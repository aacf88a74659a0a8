/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a test from its start to its end: a mark in the kernel log, and an open
 * function. Tests open functions only by sessions, in the way that vfio.h describes.
 * (vf_token_test tests the opening itself, and does it by hand.)
 */
#ifndef SELFTESTS_SESSION_H
#define SELFTESTS_SESSION_H

#include <stdbool.h>

#include "dmesg.h"
#include "vfio.h"

struct session {
	const char *bdf;
	/* MSI-X vectors that are enabled each time the function is opened; 0: no MSI-X */
	unsigned int vectors;
	bool attached;
	struct dmesg log;
	struct vfio_container container;
	struct vfio_device device;
};

/* Marks the log, opens the function, and returns its device */
struct vfio_device *session_open(struct session *session, const char *bdf);

/* The same for a fixture's setup, with MSI-X; a function with fewer vectors is skipped */
#define SESSION_OPEN_VECTORS(opened, bdf, count) ({		\
	struct session *session_ = (opened);			\
	unsigned int vectors_ = (count);			\
								\
	session_open(session_, bdf);				\
	NEED_VECTORS(&session_->device, vectors_);		\
	session_enable_vectors(session_, vectors_);		\
	&session_->device;					\
})

/* Applies now and whenever the function is opened again. 0 changes nothing */
void session_enable_vectors(struct session *session, unsigned int vectors);

/*
 * Stops the remaining threads, and closes the function if it is open. False if the log has
 * faults since the mark.
 */
bool session_close(struct session *session);

/* Marks the log only; the function is opened later */
void session_begin(struct session *session, const char *bdf);

/*
 * These open and close the function in between. They also work without a mark, if only .bdf is
 * set. The kernel may refuse to open the function. Then session_attach() ends the test, and
 * session_try_attach() returns the negative error code. A second close does no harm.
 */
struct vfio_device *session_attach(struct session *session);
int session_try_attach(struct session *session);
void session_detach(struct session *session);

/* In the container of another session, which must be the last one to be closed */
struct vfio_device *session_attach_beside(struct session *session, struct session *other);

#endif /* SELFTESTS_SESSION_H */
