// SPDX-License-Identifier: GPL-2.0-only
/*
 * For claimed_bar_test: while this module is loaded, a BAR of a function is its own, as it would
 * be that of a driver for a part of the function.
 */
#include <linux/module.h>
#include <linux/pci.h>

#include "function.h"

static int bar;
module_param(bar, int, 0444);
MODULE_PARM_DESC(bar, "The BAR's number");

static struct pci_dev *pdev;

static int __init claim_bar_init(void)
{
	int ret = find_function(&pdev);

	if (ret)
		return ret;
	ret = pci_request_region(pdev, bar, KBUILD_MODNAME);
	if (ret)
		pci_dev_put(pdev);
	return ret;
}

static void __exit claim_bar_exit(void)
{
	pci_release_region(pdev, bar);
	pci_dev_put(pdev);
}

module_init(claim_bar_init);
module_exit(claim_bar_exit);
MODULE_DESCRIPTION("Claims a BAR of a function");
MODULE_LICENSE("GPL");
