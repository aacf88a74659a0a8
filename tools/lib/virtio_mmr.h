/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libvirtio_mmr: the knowledge that a program needs to use transitional MMR virtio functions.
 * Documentation/library.rst describes it.
 */
#ifndef VIRTIO_MMR_H
#define VIRTIO_MMR_H

#ifdef __cplusplus
extern "C" {
#endif

#include <linux/virtio_mmr.h>

#include "virtio_mmr/doorbell.h"
#include "virtio_mmr/mapping.h"
#include "virtio_mmr/port.h"
#include "virtio_mmr/scan.h"
#include "virtio_mmr/vectors.h"
#include "virtio_mmr/view.h"

#ifdef __cplusplus
}
#endif

#endif /* VIRTIO_MMR_H */
