// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "background.h"
#include "report.h"
#include "session.h"

void session_begin(struct session *session, const char *bdf)
{
	memset(session, 0, sizeof(*session));
	session->bdf = bdf;
	dmesg_mark(&session->log);
}

static int attach(struct session *session, struct vfio_container *container)
{
	int ret = vfio_device_try_open(&session->device, container, session->bdf);

	if (ret)
		return ret;
	session->attached = true;
	if (session->vectors)
		vfio_msix_enable(&session->device, session->vectors);
	return 0;
}

int session_try_attach(struct session *session)
{
	int ret;

	vfio_container_open(&session->container);
	ret = attach(session, &session->container);
	if (ret)
		vfio_container_close(&session->container);
	return ret;
}

static struct vfio_device *attached(struct session *session, int ret)
{
	if (ret)
		fail("%s: open: %s", session->bdf, strerror(-ret));
	return &session->device;
}

struct vfio_device *session_attach(struct session *session)
{
	return attached(session, session_try_attach(session));
}

struct vfio_device *session_attach_beside(struct session *session, struct session *other)
{
	return attached(session, attach(session, &other->container));
}

void session_detach(struct session *session)
{
	if (!session->attached)
		return;
	session->attached = false;
	vfio_device_close(&session->device);
	if (session->device.container == &session->container)
		vfio_container_close(&session->container);
}

struct vfio_device *session_open(struct session *session, const char *bdf)
{
	session_begin(session, bdf);
	return session_attach(session);
}

void session_enable_vectors(struct session *session, unsigned int vectors)
{
	if (!vectors)
		return;
	session->vectors = vectors;
	vfio_msix_enable(&session->device, vectors);
}

bool session_close(struct session *session)
{
	background_stop_all();
	session_detach(session);
	return dmesg_clean(&session->log);
}
