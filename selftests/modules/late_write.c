// SPDX-License-Identifier: GPL-2.0-only
/*
 * For late_write_test: while this module is loaded, a user's write of D3hot to the power management
 * control register waits at its very beginning for the next reset of the function. Its writer has
 * read the register before that reset, and writes it after. Without the module that takes bad
 * luck. After the write there is some time to see what it did.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/timekeeping.h>

#include "function.h"

#define LINGER_MS	20

static unsigned int place;
module_param(place, uint, 0444);
MODULE_PARM_DESC(place, "The place of that register in configuration space");

static unsigned int patience = 2000;
module_param(patience, uint, 0444);
MODULE_PARM_DESC(patience, "How long a write waits, in ms; with preemption off, so not for long");

static unsigned int waiting, late;
module_param(waiting, uint, 0444);
MODULE_PARM_DESC(waiting, "Writes that have begun to wait");
module_param(late, uint, 0444);
MODULE_PARM_DESC(late, "Writes that were there when a reset began");

static struct pci_dev *pdev;

static int wait_for_reset(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	/* A probe may be in an NMI's context, where other clocks may wait for their own update */
	u64 end = ktime_get_mono_fast_ns() + patience * (u64)NSEC_PER_MSEC;

	if ((struct pci_dev *)regs_get_kernel_argument(regs, 0) != pdev ||
	    (unsigned int)regs_get_kernel_argument(regs, 1) != place ||
	    (regs_get_kernel_argument(regs, 2) & PCI_PM_CTRL_STATE_MASK) != (__force int)PCI_D3hot)
		return 1;
	waiting++;
	/* A reset takes configuration space first, and the write waits for its end then */
	while (!pdev->block_cfg_access) {
		if (ktime_get_mono_fast_ns() > end)
			return 1;
		cpu_relax();
	}
	late++;
	return 0;
}

static int let_others_look(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	mdelay(LINGER_MS);
	return 0;
}

static struct kretprobe probe = {
	.kp.symbol_name = "pci_user_write_config_word",
	.entry_handler = wait_for_reset,
	.handler = let_others_look,
};

static int __init late_write_init(void)
{
	int ret = find_function(&pdev);

	if (ret)
		return ret;
	ret = register_kretprobe(&probe);
	if (ret)
		pci_dev_put(pdev);
	return ret;
}

static void __exit late_write_exit(void)
{
	unregister_kretprobe(&probe);
	pci_dev_put(pdev);
}

module_init(late_write_init);
module_exit(late_write_exit);
MODULE_DESCRIPTION("Lets a write of configuration space come after a reset");
MODULE_LICENSE("GPL");
