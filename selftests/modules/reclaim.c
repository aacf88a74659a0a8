// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_life_test.sh and native_lies_test.sh: counts calls of a function by threads whose
 * allocations of memory may wait for writes to a disk, and by others.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function's name");

static unsigned int may_wait;
module_param(may_wait, uint, 0444);
MODULE_PARM_DESC(may_wait, "Calls by threads that may wait");

static unsigned int may_not;
module_param(may_not, uint, 0444);
MODULE_PARM_DESC(may_not, "Calls by threads that may not");

static int count(struct kprobe *probe, struct pt_regs *regs)
{
	if (current->flags & (PF_MEMALLOC_NOIO | PF_MEMALLOC))
		may_not++;
	else
		may_wait++;
	return 0;
}

static struct kprobe probe = {
	.pre_handler = count,
};

static int __init reclaim_init(void)
{
	probe.symbol_name = function;
	return function ? register_kprobe(&probe) : -EINVAL;
}

static void __exit reclaim_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(reclaim_init);
module_exit(reclaim_exit);
MODULE_DESCRIPTION("Counts calls by what the caller's allocations may wait for");
MODULE_LICENSE("GPL");
