// SPDX-License-Identifier: GPL-2.0-only
/*
 * For interrupt_race_test and native_life_test.sh: while this module is loaded, threads linger
 * before a function of the kernel, or after it. Others do meanwhile what takes bad luck else.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function's name");

static bool after;
module_param(after, bool, 0444);
MODULE_PARM_DESC(after, "Linger after the function, not before it");

static int process;
module_param(process, int, 0444);
MODULE_PARM_DESC(process, "The process whose threads linger; 0: all");

/* Preemption may be off */
static unsigned int patience = 8000;
module_param(patience, uint, 0444);
MODULE_PARM_DESC(patience, "How long a thread lingers at most, in ms");

static unsigned int lingering;
module_param(lingering, uint, 0444);
MODULE_PARM_DESC(lingering, "Calls that have begun to linger");

static unsigned int over;
module_param(over, uint, 0644);
MODULE_PARM_DESC(over, "Not 0: go on, and linger no more");

static void linger(void)
{
	u64 end = ktime_get_mono_fast_ns() + patience * (u64)NSEC_PER_MSEC;

	WRITE_ONCE(lingering, lingering + 1);
	while (!READ_ONCE(over) && ktime_get_mono_fast_ns() < end)
		cpu_relax();
}

static int begin(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (process && current->tgid != process)
		return 1;
	if (!after)
		linger();
	return 0;
}

static int end(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (after)
		linger();
	return 0;
}

static struct kretprobe probe = {
	.entry_handler = begin,
	.handler = end,
};

static int __init linger_init(void)
{
	probe.kp.symbol_name = function;
	return function ? register_kretprobe(&probe) : -EINVAL;
}

static void __exit linger_exit(void)
{
	unregister_kretprobe(&probe);
}

module_init(linger_init);
module_exit(linger_exit);
MODULE_DESCRIPTION("Lets a thread linger before or after a function");
MODULE_LICENSE("GPL");
