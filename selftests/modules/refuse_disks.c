// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_life_test.sh: while this module is loaded, no driver gets tags for the requests of a
 * new disk. So the probe of virtio_blk fails after it has set up its queues.
 */
#include <linux/blk-mq.h>
#include <linux/kprobes.h>
#include <linux/module.h>

/* The function itself refuses a queue without entries. */
static int make_invalid(struct kprobe *probe, struct pt_regs *regs)
{
	struct blk_mq_tag_set *set = (void *)regs_get_kernel_argument(regs, 0);

	set->queue_depth = 0;
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "blk_mq_alloc_tag_set",
	.pre_handler = make_invalid,
};

static int __init refuse_disks_init(void)
{
	return register_kprobe(&probe);
}

static void __exit refuse_disks_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(refuse_disks_init);
module_exit(refuse_disks_exit);
MODULE_DESCRIPTION("Makes the kernel refuse new disks");
MODULE_LICENSE("GPL");
