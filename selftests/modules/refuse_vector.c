// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_life_test.sh: while this module is loaded, the host has no room on its CPUs for an
 * interrupt of this name.
 */
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/string.h>

static char *name;
module_param(name, charp, 0444);
MODULE_PARM_DESC(name, "The end of the interrupt's name");

static unsigned int refused;
module_param(refused, uint, 0444);
MODULE_PARM_DESC(refused, "Requests that were refused");

/* The function itself refuses a request without handlers, with another error. */
static int make_invalid(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const char *all = (void *)regs_get_kernel_argument(regs, 4);
	size_t length = strlen(name);

	if (!all || strlen(all) < length || strcmp(all + strlen(all) - length, name))
		return 1;
	refused++;
	regs->si = 0;
	return 0;
}

static int refuse(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, -ENOSPC);
	return 0;
}

static struct kretprobe probe = {
	.kp.symbol_name = "request_threaded_irq",
	.entry_handler = make_invalid,
	.handler = refuse,
};

static int __init refuse_vector_init(void)
{
	return name ? register_kretprobe(&probe) : -EINVAL;
}

static void __exit refuse_vector_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(refuse_vector_init);
module_exit(refuse_vector_exit);
MODULE_DESCRIPTION("Refuses handlers of interrupts");
MODULE_LICENSE("GPL");
