/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_SUSPEND_H
#define VIRTIO_MMR_SUSPEND_H

#include <linux/pci.h>

#include "transport.h"

extern const struct pci_error_handlers virtio_mmr_err_handlers;

#ifdef CONFIG_PM_SLEEP
int virtio_mmr_give_up_queues(struct virtio_mmr_transport *transport);
int virtio_mmr_set_up_queues(struct virtio_mmr_transport *transport);

extern const struct dev_pm_ops virtio_mmr_pm_ops;

#define VIRTIO_MMR_SUSPEND_OPS	.driver.pm = &virtio_mmr_pm_ops,
#else
#define VIRTIO_MMR_SUSPEND_OPS
#endif

#endif /* VIRTIO_MMR_SUSPEND_H */
