// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_lies_test.sh: while this module is loaded, reads of some registers give what it was
 * told, whatever the device says.
 */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/ptrace.h>

#define MAX_LIES	4

static unsigned long long at[MAX_LIES];
static int lies;
module_param_array(at, ullong, &lies, 0444);
MODULE_PARM_DESC(at, "Physical addresses of registers");

static uint answer[MAX_LIES];
module_param_array(answer, uint, NULL, 0444);
MODULE_PARM_DESC(answer, "What the first read of each gives");

static uint step[MAX_LIES];
module_param_array(step, uint, NULL, 0444);
MODULE_PARM_DESC(step, "What is added for each further read");

static uint set[MAX_LIES];
module_param_array(set, uint, NULL, 0444);
MODULE_PARM_DESC(set, "Instead of an answer: bits that are set in what the device says");

static int when[MAX_LIES] = { [0 ... MAX_LIES - 1] = -1 };
module_param_array(when, int, NULL, 0444);
MODULE_PARM_DESC(when, "Only where the device says this");

static atomic_t reads[MAX_LIES];

static int enter(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	void *address = (void *)regs_get_kernel_argument(regs, 0);
	int *lie = (int *)instance->data;
	phys_addr_t place;

	/* Ports are numbers */
	if (!is_vmalloc_addr(address))
		return 1;
	/* Not vmalloc_to_pfn(): some kernels have no struct page for a BAR, which it needs */
	place = slow_virt_to_phys(address);
	for (*lie = 0; *lie < lies; (*lie)++)
		if (at[*lie] == place)
			return 0;
	return 1;
}

static int leave(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	u32 value = regs_return_value(regs);
	int lie = *(int *)instance->data;

	if (when[lie] != -1 && value != when[lie])
		return 0;
	if (set[lie])
		value |= set[lie];
	else
		value = answer[lie] + step[lie] * (atomic_inc_return(&reads[lie]) - 1);
	regs_set_return_value(regs, value);
	return 0;
}

#define PROBE(name)	{ .kp.symbol_name = name, .entry_handler = enter, .handler = leave, \
			  .data_size = sizeof(int) }

static struct kretprobe probes[] = { PROBE("ioread8"), PROBE("ioread16"), PROBE("ioread32") };
static struct kretprobe *all[] = { &probes[0], &probes[1], &probes[2] };

static int __init lie_init(void)
{
	return register_kretprobes(all, ARRAY_SIZE(all));
}

static void __exit lie_exit(void)
{
	unregister_kretprobes(all, ARRAY_SIZE(all));
}

module_init(lie_init);
module_exit(lie_exit);
MODULE_DESCRIPTION("Gives false answers of a device");
MODULE_LICENSE("GPL");
