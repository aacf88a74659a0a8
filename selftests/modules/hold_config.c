// SPDX-License-Identifier: GPL-2.0-only
/*
 * For interrupt_race_test, changing_test and late_write_test: while this module is loaded, the
 * configuration space of a function is locked. The PCI core does that while it resets the function
 * or its bus. It may also begin only when some function of the kernel returns for the first time,
 * or end when one is called. Then COMMAND is as in a reset meanwhile, and as before from the end
 * on.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "function.h"

static char *after;
module_param(after, charp, 0444);
MODULE_PARM_DESC(after, "The function of the kernel that returns before, or nothing");

static char *until;
module_param(until, charp, 0444);
MODULE_PARM_DESC(until, "The function of the kernel that is called at the end, or nothing");

static unsigned int held;
module_param(held, uint, 0444);
MODULE_PARM_DESC(held, "1 from the time on when configuration space is locked");

static struct pci_dev *pdev;
static u16 command;

static int unlock(struct kprobe *probe, struct pt_regs *regs)
{
	if (!held)
		return 0;
	pci_write_config_word(pdev, PCI_COMMAND, command);
	held = 0;
	pci_cfg_access_unlock(pdev);
	return 0;
}

static struct kprobe last = { .pre_handler = unlock };

static int lock(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (!held && pci_cfg_access_trylock(pdev))
		held = 1;
	return 0;
}

static struct kretprobe probe = { .handler = lock };

static int __init hold_config_init(void)
{
	int ret = find_function(&pdev);

	if (ret)
		return ret;
	if (after) {
		probe.kp.symbol_name = after;
		ret = register_kretprobe(&probe);
	} else {
		held = pci_cfg_access_trylock(pdev);
		ret = held ? 0 : -EBUSY;
	}
	if (!ret && until) {
		pci_read_config_word(pdev, PCI_COMMAND, &command);
		pci_write_config_word(pdev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
		last.symbol_name = until;
		ret = register_kprobe(&last);
		if (ret)
			unlock(NULL, NULL);
	}
	if (ret)
		pci_dev_put(pdev);
	return ret;
}

static void __exit hold_config_exit(void)
{
	if (after)
		unregister_kretprobe(&probe);
	if (until)
		unregister_kprobe(&last);
	if (held)
		pci_cfg_access_unlock(pdev);
	pci_dev_put(pdev);
}

module_init(hold_config_init);
module_exit(hold_config_exit);
MODULE_DESCRIPTION("Locks the configuration space of a function");
MODULE_LICENSE("GPL");
