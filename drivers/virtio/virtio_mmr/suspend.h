/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VIRTIO_MMR_SUSPEND_H
#define VIRTIO_MMR_SUSPEND_H

#include <linux/pci.h>

extern const struct pci_error_handlers virtio_mmr_err_handlers;

#ifdef CONFIG_PM_SLEEP
extern const struct dev_pm_ops virtio_mmr_pm_ops;

#define VIRTIO_MMR_SUSPEND_OPS	.driver.pm = &virtio_mmr_pm_ops,
#else
#define VIRTIO_MMR_SUSPEND_OPS
#endif

#endif /* VIRTIO_MMR_SUSPEND_H */
