// SPDX-License-Identifier: GPL-2.0-only
/*
 * For interrupt_race_test: while this module is loaded, the modern queue_select of a device seems
 * to be a plain register of 16 bits, which has any value that a guest may write. The emulated
 * device has a limit of 1,024 queues. Only reads by a given process see that.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

/* VIRTIO_MMR_QUEUE_SELECT, by which the driver names the modern register as well */
#define QUEUE_SELECT	0x0e

static int process;
module_param(process, int, 0444);
MODULE_PARM_DESC(process, "The process that reads it");

static unsigned int value = 0xffff;
module_param(value, uint, 0444);
MODULE_PARM_DESC(value, "What it reads");

/* Reads of other registers are left alone. */
static int look(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return current->tgid != process ||
	       (u32)regs_get_kernel_argument(regs, 1) != QUEUE_SELECT;
}

static int change(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, value);
	return 0;
}

static struct kretprobe probe = {
	.kp.symbol_name = "virtio_mmr_vfio_pci:modern_read",
	.entry_handler = look,
	.handler = change,
};

static int __init wide_select_init(void)
{
	return register_kretprobe(&probe);
}

static void __exit wide_select_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(wide_select_init);
module_exit(wide_select_exit);
MODULE_DESCRIPTION("Shows a queue_select of 16 bits");
MODULE_LICENSE("GPL");
