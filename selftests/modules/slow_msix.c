// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_life_test.sh: while this module is loaded, switching MSI-X takes long. In the middle
 * of it the device has switched already, and the kernel does not say so yet, or the other way
 * round.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>

/* With preemption off, so not for long */
#define TIME_MS	20

static int wait(struct kprobe *probe, struct pt_regs *regs)
{
	mdelay(TIME_MS);
	return 0;
}

/* The kernel turns the pin on or off then. */
static struct kprobe probe = {
	.symbol_name = "pci_intx",
	.pre_handler = wait,
};

static int __init slow_msix_init(void)
{
	return register_kprobe(&probe);
}

static void __exit slow_msix_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(slow_msix_init);
module_exit(slow_msix_exit);
MODULE_DESCRIPTION("Makes the kernel slow at switching MSI-X");
MODULE_LICENSE("GPL");
