// SPDX-License-Identifier: GPL-2.0-only
/*
 * For interrupt_race_test and changing_test: while this module is loaded, the configuration space
 * of a function is locked. The PCI core does that while it resets the function or its bus.
 */
#include <linux/module.h>
#include <linux/pci.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function, such as 0000:01:00.1");

static struct pci_dev *pdev;

static int __init hold_config_init(void)
{
	struct device *dev;

	if (!function)
		return -EINVAL;
	dev = bus_find_device_by_name(&pci_bus_type, NULL, function);
	if (!dev)
		return -ENODEV;
	pdev = to_pci_dev(dev);
	if (!pci_cfg_access_trylock(pdev)) {
		pci_dev_put(pdev);
		return -EBUSY;
	}
	return 0;
}

static void __exit hold_config_exit(void)
{
	pci_cfg_access_unlock(pdev);
	pci_dev_put(pdev);
}

module_init(hold_config_init);
module_exit(hold_config_exit);
MODULE_DESCRIPTION("Locks the configuration space of a function");
MODULE_LICENSE("GPL");
