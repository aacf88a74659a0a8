/* SPDX-License-Identifier: GPL-2.0-only */
/* The PCI function that a module is for, by its parameter of that name. */
#ifndef SELFTESTS_MODULES_FUNCTION_H
#define SELFTESTS_MODULES_FUNCTION_H

#include <linux/module.h>
#include <linux/pci.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function, such as 0000:01:00.1");

/* Its reference is the caller's, who gives it back by pci_dev_put() */
static inline int find_function(struct pci_dev **pdev)
{
	struct device *dev;

	if (!function)
		return -EINVAL;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, function);
	if (!dev)
		return -ENODEV;
	*pdev = to_pci_dev(dev);
	return 0;
}

#endif /* SELFTESTS_MODULES_FUNCTION_H */
