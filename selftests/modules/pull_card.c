// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_states_test.sh: a function loses its driver while the host sleeps, as if its card had
 * been pulled. The kernel's threads for such events run before all devices have resumed.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "function.h"

static bool pulled;
module_param(pulled, bool, 0444);
MODULE_PARM_DESC(pulled, "It has lost its driver");

static struct task_struct *thread;
static struct pci_dev *pdev;

static int wait_for_suspend(void *unused)
{
	while (!kthread_should_stop()) {
		if (!pulled && pdev->dev.power.is_suspended) {
			device_release_driver(&pdev->dev);
			pulled = true;
		}
		usleep_range(1000, 2000);
	}
	return 0;
}

static int __init pull_card_init(void)
{
	int ret = find_function(&pdev);

	if (ret)
		return ret;
	thread = kthread_run(wait_for_suspend, NULL, "pull_card");
	if (IS_ERR(thread))
		pci_dev_put(pdev);
	return PTR_ERR_OR_ZERO(thread);
}

static void __exit pull_card_exit(void)
{
	kthread_stop(thread);
	pci_dev_put(pdev);
}

module_init(pull_card_init);
module_exit(pull_card_exit);
MODULE_DESCRIPTION("Takes the driver of a function away while the host sleeps");
MODULE_LICENSE("GPL");
