// SPDX-License-Identifier: GPL-2.0-only
/*
 * For native_life_test.sh: while this module is loaded, all queues of a function's virtio device
 * are broken, as they are after an answer that makes no sense. Then they are whole again, and the
 * device hears of what is in them.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/virtio.h>

#include "function.h"

static struct virtio_device *vdev;

static int take(struct device *dev, void *unused)
{
	if (!is_virtio_device(dev))
		return 0;
	vdev = dev_to_virtio(get_device(dev));
	return 1;
}

static int __init break_queues_init(void)
{
	struct pci_dev *parent;
	struct virtqueue *vq;
	int ret;

	ret = find_function(&parent);
	if (ret)
		return ret;
	device_for_each_child(&parent->dev, NULL, take);
	pci_dev_put(parent);
	if (!vdev)
		return -ENODEV;
	list_for_each_entry(vq, &vdev->vqs, list)
		__virtqueue_break(vq);
	return 0;
}

static void __exit break_queues_exit(void)
{
	struct virtqueue *vq;

	list_for_each_entry(vq, &vdev->vqs, list) {
		__virtqueue_unbreak(vq);
		virtqueue_notify(vq);
	}
	put_device(&vdev->dev);
}

module_init(break_queues_init);
module_exit(break_queues_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Breaks the queues of a virtio device for a test");
