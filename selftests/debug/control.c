// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults, one for each detector of the debug kernel, so that silence is known to mean something.
 * Some detectors are off after a report of another one: they come in the order in which all work.
 * A line in the kernel log comes before each. The last one remains for kmemleak's scan.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(atomic);
static int something;
static int __rcu *pointer = (int __force __rcu *)&something;

/* The compiler must not know what these are */
static unsigned int shift = 33;
static unsigned int beyond = 40;

/* For values that have no other use */
static int sink;

static void rcu(void)
{
	WRITE_ONCE(sink, *rcu_dereference(pointer));
}

static void locks(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void atomic_sleep(void)
{
	spin_lock(&atomic);
	/* What really sleeps would confuse the detectors after this one */
	might_sleep();
	spin_unlock(&atomic);
}

static void undefined_shift(void)
{
	WRITE_ONCE(sink, 1 << READ_ONCE(shift));
}

static void nothing(struct work_struct *work)
{
}

static void active_object(void)
{
	struct delayed_work *work = kzalloc(sizeof(*work), GFP_KERNEL);

	if (!work)
		return;
	INIT_DELAYED_WORK(work, nothing);
	schedule_delayed_work(work, HZ * 3600);
	/* Debugobjects cancels the work */
	kfree(work);
}

static void out_of_bounds(void)
{
	char *memory = kmalloc(40, GFP_KERNEL);

	if (!memory)
		return;
	WRITE_ONCE(sink, memory[READ_ONCE(beyond)]);
	kfree(memory);
}

static void leak(void)
{
	int i;

	/* Several, as an old pointer to one can be left somewhere */
	for (i = 0; i < 16; i++)
		WRITE_ONCE(sink, !kmalloc(3000, GFP_KERNEL));
}

static const struct {
	const char *name;
	void (*run)(void);
} faults[] = {
	{ "rcu", rcu },
	{ "locks", locks },
	{ "atomic_sleep", atomic_sleep },
	{ "undefined_shift", undefined_shift },
	{ "active_object", active_object },
	{ "out_of_bounds", out_of_bounds },
	{ "leak", leak },
};

static int __init control_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		pr_info("fault %s\n", faults[i].name);
		faults[i].run();
	}
	return 0;
}
module_init(control_init);

static void __exit control_exit(void)
{
}
module_exit(control_exit);

MODULE_DESCRIPTION("Faults for the detectors of a debug kernel");
MODULE_LICENSE("GPL");
