// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_lies_test.sh: while this module is loaded, a function interrupts for a used buffer
 * that makes no sense. It does so as soon as a queue has an interrupt, which is before DRIVER_OK,
 * and again after its reset, right before the interrupt is freed.
 */
#include <linux/interrupt.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/ptrace.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define MAX_QUEUES	8

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "The function, such as 0000:01:00.1");

static uint interrupts;
module_param(interrupts, uint, 0444);
MODULE_PARM_DESC(interrupts, "How often it has interrupted");

static uint heard;
module_param(heard, uint, 0444);
MODULE_PARM_DESC(heard, "How often a virtio driver has heard of it");

static struct queue {
	struct virtqueue *vq;
	irq_handler_t handler;
} queues[MAX_QUEUES];
static unsigned int num_queues;

static struct queue *find_queue(void *vq)
{
	unsigned int i;

	for (i = 0; i < num_queues; i++)
		if (queues[i].vq == vq)
			return &queues[i];
	return NULL;
}

static void interrupt(struct queue *queue, int irq)
{
	struct vring_used *used = virtqueue_get_vring(queue->vq)->used;
	struct virtio_device *vdev = queue->vq->vdev;
	__virtio16 index = used->idx;

	used->idx = cpu_to_virtio16(vdev, virtio16_to_cpu(vdev, index) + 1);
	interrupts++;
	heard += queue->handler(irq, queue->vq) == IRQ_HANDLED;
	used->idx = index;
}

static int ring_made(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct virtqueue *vq = (void *)regs_return_value(regs);

	if (vq && !strcmp(dev_name(vq->vdev->dev.parent), function) && num_queues < MAX_QUEUES)
		queues[num_queues++].vq = vq;
	return 0;
}

static struct kretprobe making = {
	.kp.symbol_name = "vring_create_virtqueue",
	.handler = ring_made,
};

struct request {
	struct queue *queue;
	int irq;
};

static int request(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct request *request = (struct request *)instance->data;

	request->irq = regs_get_kernel_argument(regs, 0);
	request->queue = find_queue((void *)regs_get_kernel_argument(regs, 5));
	if (!request->queue)
		return 1;
	request->queue->handler = (irq_handler_t)regs_get_kernel_argument(regs, 1);
	return 0;
}

static int requested(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct request *request = (struct request *)instance->data;

	if (!regs_return_value(regs))
		interrupt(request->queue, request->irq);
	return 0;
}

static struct kretprobe requesting = {
	.kp.symbol_name = "request_threaded_irq",
	.entry_handler = request,
	.handler = requested,
	.data_size = sizeof(struct request),
};

static int freed(struct kprobe *probe, struct pt_regs *regs)
{
	struct queue *queue = find_queue((void *)regs_get_kernel_argument(regs, 1));

	if (queue && queue->handler)
		interrupt(queue, regs_get_kernel_argument(regs, 0));
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
	ret = register_kprobe(&freeing);
	if (ret)
		goto out_requesting;
	return 0;

out_requesting:
	unregister_kretprobe(&requesting);
out_making:
	unregister_kretprobe(&making);
	return ret;
}

static void __exit early_answers_exit(void)
{
	unregister_kprobe(&freeing);
	unregister_kretprobe(&requesting);
	unregister_kretprobe(&making);
}

module_init(early_answers_init);
module_exit(early_answers_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Interrupts for a queue that no virtio driver uses");
