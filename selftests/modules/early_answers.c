// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_lies_test.sh: while this module is loaded, a function interrupts when it must not: as
 * soon as its queue has an interrupt, which is before the queue is there; then for a used buffer
 * that makes no sense, right before DRIVER_OK; and for one after its reset, right before the
 * interrupt is freed.
 */
#include <linux/interrupt.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/ptrace.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function, such as 0000:01:00.1, with a single queue");

static uint interrupts;
module_param(interrupts, uint, 0444);
MODULE_PARM_DESC(interrupts, "How often it has interrupted");

static uint heard;
module_param(heard, uint, 0444);
MODULE_PARM_DESC(heard, "How often a virtio driver has heard of it");

/* The interrupt of the queue, and what its handler gets */
static int queue_irq;
static irq_handler_t handler;
static void *context;
static struct virtqueue *queue;

static void interrupt(void)
{
	interrupts++;
	heard += handler(queue_irq, context) == IRQ_HANDLED;
}

static void answer(void)
{
	struct vring_used *used = virtqueue_get_vring(queue)->used;
	__virtio16 index = used->idx;

	used->idx = cpu_to_virtio16(queue->vdev, virtio16_to_cpu(queue->vdev, index) + 1);
	interrupt();
	used->idx = index;
}

/* The queue of an entropy source has this name. */
static int request(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	const char *name = (void *)regs_get_kernel_argument(regs, 4);

	if (context || !name || !strstr(name, "-input"))
		return 1;
	queue_irq = regs_get_kernel_argument(regs, 0);
	handler = (irq_handler_t)regs_get_kernel_argument(regs, 1);
	context = (void *)regs_get_kernel_argument(regs, 5);
	return 0;
}

static int requested(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	interrupt();
	return 0;
}

static struct kretprobe requesting = {
	.kp.symbol_name = "request_threaded_irq",
	.entry_handler = request,
	.handler = requested,
};

static int ring_made(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct virtqueue *vq = (void *)regs_return_value(regs);

	if (vq && !strcmp(dev_name(vq->vdev->dev.parent), function))
		queue = vq;
	return 0;
}

static struct kretprobe making = {
	.kp.symbol_name = "vring_create_virtqueue",
	.handler = ring_made,
};

static int status_set(struct kprobe *probe, struct pt_regs *regs)
{
	struct virtio_device *vdev = (void *)regs_get_kernel_argument(regs, 0);

	if (context && queue && queue->vdev == vdev &&
	    regs_get_kernel_argument(regs, 1) & VIRTIO_CONFIG_S_DRIVER_OK)
		answer();
	return 0;
}

static struct kprobe setting = {
	.symbol_name = "virtio_mmr_set_status",
	.pre_handler = status_set,
};

static int freed(struct kprobe *probe, struct pt_regs *regs)
{
	if (context && queue && (void *)regs_get_kernel_argument(regs, 1) == context) {
		answer();
		/* Its memory goes next, and the virtio core sets the status once more after that */
		queue = NULL;
	}
	return 0;
}

static struct kprobe freeing = {
	.symbol_name = "free_irq",
	.pre_handler = freed,
};

static int __init early_answers_init(void)
{
	int ret;

	if (!function)
		return -EINVAL;
	ret = register_kretprobe(&making);
	if (ret)
		return ret;
	ret = register_kretprobe(&requesting);
	if (ret)
		goto out_making;
	ret = register_kprobe(&setting);
	if (ret)
		goto out_requesting;
	ret = register_kprobe(&freeing);
	if (ret)
		goto out_setting;
	return 0;

out_setting:
	unregister_kprobe(&setting);
out_requesting:
	unregister_kretprobe(&requesting);
out_making:
	unregister_kretprobe(&making);
	return ret;
}

static void __exit early_answers_exit(void)
{
	unregister_kprobe(&freeing);
	unregister_kprobe(&setting);
	unregister_kretprobe(&requesting);
	unregister_kretprobe(&making);
}

module_init(early_answers_init);
module_exit(early_answers_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Interrupts for a queue that no virtio driver uses");
