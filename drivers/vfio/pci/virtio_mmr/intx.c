// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's INTx interrupt, for guests without MSI-X: VFIO_DEVICE_SET_IRQS for its index, and
 * signals to the user. The core has the state machine.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/virtio_mmr.h>

#include "access.h"
#include "compat/compat.h"
#include "intx.h"
#include "msix.h"
#include "trace.h"

/* With no spinlock held: the user may have connected the eventfd with anything. */
static void signal_user(struct virtio_mmr_device *mmr)
{
	struct eventfd_ctx *trigger;

	rcu_read_lock();
	trigger = rcu_dereference(mmr->intx.trigger);
	if (trigger) {
		virtio_mmr_count(mmr, VIRTIO_MMR_INTX_SIGNALS);
		WRITE_ONCE(mmr->intx.signaller, current);
		virtio_mmr_compat_eventfd_signal(trigger);
		WRITE_ONCE(mmr->intx.signaller, NULL);
	}
	rcu_read_unlock();
}

static void trace(struct virtio_mmr_device *mmr, enum virtio_mmr_intx_event event)
{
	trace_virtio_mmr_intx(mmr->core_device.pdev, event, READ_ONCE(mmr->intx.state.isr));
}

/**
 * virtio_mmr_intx_raise - the function interrupts
 * @mmr: the device, in any context
 * @isr: what happened, VIRTIO_MMR_ISR_*, or 0 for nothing
 */
void virtio_mmr_intx_raise(struct virtio_mmr_device *mmr, u8 isr)
{
	unsigned long flags;
	bool signal;

	if (!isr)
		return;
	rcu_read_lock();
	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	signal = virtio_mmr_interrupt_raise(&mmr->intx.state, isr);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	virtio_mmr_count(mmr, VIRTIO_MMR_INTX_INTERRUPTS);
	trace(mmr, VIRTIO_MMR_INTX_INTERRUPT);
	if (signal)
		signal_user(mmr);
	rcu_read_unlock();
}

/* Returns whether to signal the user now. */
static bool unmask(struct virtio_mmr_device *mmr)
{
	unsigned long flags;
	bool signal;

	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	signal = virtio_mmr_interrupt_unmask(&mmr->intx.state);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	virtio_mmr_count(mmr, VIRTIO_MMR_INTX_UNMASKS);
	trace(mmr, VIRTIO_MMR_INTX_UNMASK);
	return signal;
}

static void mask(struct virtio_mmr_device *mmr)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	virtio_mmr_interrupt_mask(&mmr->intx.state);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
}

/*
 * Runs in the context that signals the user's eventfd, with its lock held. The same eventfd may
 * be the trigger. So a new signal waits for the thread, and a signal of ours answers itself.
 */
static int unmask_handler(void *opaque, void *unused)
{
	struct virtio_mmr_device *mmr = opaque;
	unsigned long flags;

	if (READ_ONCE(mmr->intx.signaller) != current)
		return unmask(mmr);
	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	virtio_mmr_interrupt_acknowledge(&mmr->intx.state);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	return 0;
}

static void unmask_thread(void *opaque, void *unused)
{
	signal_user(opaque);
}

/**
 * virtio_mmr_intx_disable - the guest has written COMMAND
 * @mmr: the device, open, with command_lock held
 * @disabled: COMMAND.INTX_DISABLE
 */
void virtio_mmr_intx_disable(struct virtio_mmr_device *mmr, bool disabled)
{
	unsigned long flags;
	bool signal;

	lockdep_assert_held(&mmr->opened->command_lock);
	rcu_read_lock();
	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	signal = virtio_mmr_interrupt_disable(&mmr->intx.state, disabled);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	if (signal)
		signal_user(mmr);
	rcu_read_unlock();
}

/**
 * virtio_mmr_intx_device_reset - the device was reset, or the whole function
 * @mmr: the device, in any state
 */
void virtio_mmr_intx_device_reset(struct virtio_mmr_device *mmr)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	virtio_mmr_interrupt_reset(&mmr->intx.state);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
}

/**
 * virtio_mmr_intx_hold - before the guest resets the device, or sets it up
 * @mmr: the device, open
 * @resetting: it resets the device, and waits for the end of that by itself
 */
void virtio_mmr_intx_hold(struct virtio_mmr_device *mmr, bool resetting)
{
	unsigned long flags;

	if (!resetting && !READ_ONCE(mmr->intx.state.resetting))
		return;
	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	virtio_mmr_interrupt_hold(&mmr->intx.state, resetting);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
}

/**
 * virtio_mmr_intx_read_isr - the guest reads ISR status
 * @mmr: the device, between virtio_mmr_access_begin() and its end
 * @isr: address of the device's ISR status
 *
 * While MSI-X is enabled a device need not set its own ISR status (virtio 1.4, 4.1.4.5.1). So
 * the guest gets the one of its interrupt then. After that a bit may be left in both.
 *
 * Return: the value, which is cleared.
 */
u8 virtio_mmr_intx_read_isr(struct virtio_mmr_device *mmr, void __iomem *isr)
{
	bool engaged = virtio_mmr_intx_is_engaged(mmr);
	unsigned long flags;
	u8 value, bits;

	if (likely(!engaged && !READ_ONCE(mmr->intx.state.isr)))
		return ioread8(isr);

	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	value = virtio_mmr_interrupt_read(&mmr->intx.state);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	if (!engaged)
		return value | ioread8(isr);
	bits = virtio_mmr_vectors_isr(&mmr->intx.vectors);
	return bits ? value | virtio_mmr_msix_device_isr(mmr, isr, bits) : value;
}

/* The interrupt goes on without vectors, and the device works. The guest must poll it. */
static int take_vectors(struct virtio_mmr_device *mmr)
{
	int ret;

	/* The function may become reachable before the failure is known here */
	WRITE_ONCE(mmr->intx.is_late, true);
	/* Pairs with virtio_mmr_intx_catch_up() */
	smp_mb();
	ret = virtio_mmr_msix_take(mmr);
	if (ret != -EAGAIN)
		WRITE_ONCE(mmr->intx.is_late, false);
	if (!ret) {
		mmr->intx.is_reported = false;
		trace(mmr, VIRTIO_MMR_INTX_ENGAGE);
		return 0;
	}
	if (ret == -EAGAIN || ret == -EINTR)
		return ret;
	virtio_mmr_count(mmr, VIRTIO_MMR_INTX_REFUSED_VECTORS);
	/* Once: the guest may set up many queues */
	if (!mmr->intx.is_reported &&
	    __ratelimit(&mmr->opened->messages[VIRTIO_MMR_MESSAGE_VECTORS]))
		pci_warn(mmr->core_device.pdev, "the guest gets no INTx interrupts, the host gives no MSI-X vectors: error %d; closing other devices and resetting this one may help\n",
			 ret);
	mmr->intx.is_reported = true;
	return ret;
}

/**
 * virtio_mmr_intx_start - before the guest makes the device live
 * @mmr: the device, open and awake, with no lock held
 * @starts: things that the guest starts now, VIRTIO_MMR_STARTS_*
 *
 * Takes the vectors for the guest's first queue if the user has turned the interrupt on. VMMs
 * do that for all guests, also for those that use MSI-X. So it does not cost vectors by itself.
 *
 * Return: false if the function cannot be reached now, or its interrupt is off. A reset may end
 * before the guest's write is done, or the user may turn the interrupt on. So another call must
 * follow after the write, and a memory barrier between the two.
 */
bool virtio_mmr_intx_start(struct virtio_mmr_device *mmr, unsigned int starts)
{
	struct mutex *igate = &mmr->core_device.igate;
	int ret = 0;

	if (!virtio_mmr_intx_needs_start(mmr, starts))
		return virtio_mmr_intx_is_started(mmr, starts);
	if (mutex_lock_killable(igate))
		return true;
	/* Another thread may have been first */
	if (virtio_mmr_intx_needs_start(mmr, starts))
		ret = take_vectors(mmr);
	mutex_unlock(igate);
	return ret != -EAGAIN;
}

/**
 * virtio_mmr_intx_catch_up - after an operation that may have made the function reachable
 * @mmr: the device, open, with no lock held
 *
 * For a guest that had queues when the user turned the interrupt on, while the function was out
 * of reach. A reset takes those queues, and the next one takes the vectors as usual.
 */
void virtio_mmr_intx_catch_up(struct virtio_mmr_device *mmr)
{
	struct mutex *igate = &mmr->core_device.igate;

	/* Pairs with take_vectors() */
	smp_mb();
	if (!READ_ONCE(mmr->intx.is_late) || virtio_mmr_wake(mmr))
		return;
	if (!mutex_lock_killable(igate)) {
		/* Another thread may have been first */
		if (mmr->intx.is_late && READ_ONCE(mmr->intx.vectors.queues_end))
			take_vectors(mmr);
		mutex_unlock(igate);
	}
	virtio_mmr_let_sleep(mmr);
}

static bool connect(struct virtio_mmr_device *mmr, bool connected)
{
	unsigned long flags;
	bool signal;

	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	signal = virtio_mmr_interrupt_connect(&mmr->intx.state, connected);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	return signal;
}

/*
 * Nobody signals the old receiver when this returns. A signal that the state machine has
 * decided on must still find it, or the interrupt would stay masked for nothing. That is why a
 * decision and its signal are one RCU reader, or a work item that is flushed. The reader may
 * start that work, so its end comes first.
 */
static void replace_trigger(struct virtio_mmr_device *mmr, struct eventfd_ctx *trigger)
{
	struct eventfd_ctx *old;

	if (!trigger) {
		connect(mmr, false);
		synchronize_rcu();
		vfio_virqfd_flush_thread(&mmr->intx.unmask);
	}
	old = rcu_replace_pointer(mmr->intx.trigger, trigger,
				  lockdep_is_held(&mmr->core_device.igate));
	if (trigger && connect(mmr, true))
		signal_user(mmr);
	if (!old)
		return;
	synchronize_rcu();
	eventfd_ctx_put(old);
}

/*
 * vfio-pci-core keeps the kind of interrupts that it uses in irq_type. With the value of MSI it
 * refuses MSI-X, which is what the function's vectors need. It refuses MSI as well, as the
 * function does not have it. It must not find the value of INTx: it has no state for that.
 */
static void turn_on(struct virtio_mmr_device *mmr)
{
	mmr->core_device.irq_type = VFIO_PCI_MSI_IRQ_INDEX;
	WRITE_ONCE(mmr->intx.on, true);
	/* Either this sees a queue that the guest sets up now, or the guest's thread sees @on */
	smp_mb();
	if (READ_ONCE(mmr->intx.vectors.queues_end))
		take_vectors(mmr);
}

static void turn_off(struct virtio_mmr_device *mmr, bool is_closing)
{
	unsigned long flags;

	lockdep_assert_held(&mmr->core_device.igate);
	vfio_virqfd_disable(&mmr->intx.unmask);
	if (virtio_mmr_intx_is_engaged(mmr)) {
		virtio_mmr_msix_release(mmr, is_closing);
		trace(mmr, VIRTIO_MMR_INTX_DISENGAGE);
	}
	replace_trigger(mmr, NULL);
	raw_spin_lock_irqsave(&mmr->intx.lock, flags);
	virtio_mmr_interrupt_off(&mmr->intx.state);
	raw_spin_unlock_irqrestore(&mmr->intx.lock, flags);
	WRITE_ONCE(mmr->intx.on, false);
	WRITE_ONCE(mmr->intx.is_late, false);
	mmr->intx.is_reported = false;
	mmr->core_device.irq_type = VFIO_PCI_NUM_IRQS;
}

/* The data of VFIO_DEVICE_SET_IRQS for one interrupt */
union intx_data {
	u8 flag;
	s32 fd;
};

static int set_trigger(struct virtio_mmr_device *mmr, u32 type, const union intx_data *data)
{
	struct eventfd_ctx *trigger = NULL;

	if (type != VFIO_IRQ_SET_DATA_EVENTFD) {
		if (!mmr->intx.on)
			return -EINVAL;
		if (type == VFIO_IRQ_SET_DATA_NONE || data->flag)
			signal_user(mmr);
		return 0;
	}

	if (!mmr->intx.on && mmr->core_device.irq_type != VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	if (data->fd >= 0) {
		trigger = eventfd_ctx_fdget(data->fd);
		if (IS_ERR(trigger))
			return PTR_ERR(trigger);
	}
	replace_trigger(mmr, trigger);
	if (!mmr->intx.on)
		turn_on(mmr);
	return 0;
}

static int set_mask(struct virtio_mmr_device *mmr, u32 type, const union intx_data *data)
{
	if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		return -ENOTTY;
	if (type == VFIO_IRQ_SET_DATA_NONE || data->flag)
		mask(mmr);
	return 0;
}

static int set_unmask(struct virtio_mmr_device *mmr, u32 type, const union intx_data *data)
{
	if (type == VFIO_IRQ_SET_DATA_EVENTFD) {
		if (data->fd >= 0)
			return vfio_virqfd_enable(mmr, unmask_handler, unmask_thread, NULL,
						  &mmr->intx.unmask, data->fd);
		vfio_virqfd_disable(&mmr->intx.unmask);
		return 0;
	}
	if ((type == VFIO_IRQ_SET_DATA_NONE || data->flag) && unmask(mmr))
		signal_user(mmr);
	return 0;
}

static int set_irqs(struct virtio_mmr_device *mmr, const struct vfio_irq_set *header,
		    const union intx_data *data)
{
	u32 type = header->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	u32 action = header->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	lockdep_assert_held(&mmr->core_device.igate);
	if (action == VFIO_IRQ_SET_ACTION_TRIGGER && type == VFIO_IRQ_SET_DATA_NONE &&
	    !header->count && mmr->intx.on) {
		turn_off(mmr, false);
		return 0;
	}
	switch (action) {
	case VFIO_IRQ_SET_ACTION_TRIGGER:
		return header->count == 1 ? set_trigger(mmr, type, data) : -EINVAL;
	case VFIO_IRQ_SET_ACTION_MASK:
		return header->count == 1 && mmr->intx.on ? set_mask(mmr, type, data) : -EINVAL;
	case VFIO_IRQ_SET_ACTION_UNMASK:
		return header->count == 1 && mmr->intx.on ? set_unmask(mmr, type, data) : -EINVAL;
	}
	return -ENOTTY;
}

/**
 * virtio_mmr_intx_set_irqs - VFIO_DEVICE_SET_IRQS for VFIO_PCI_INTX_IRQ_INDEX
 * @mmr: the device, open, whose guest sees an interrupt pin
 * @header: of the user, read once
 * @argument: the user's argument, for its data
 *
 * The requests and answers are those of vfio-pci-core for a function with a pin. vfio holds a
 * reference that keeps the function awake.
 *
 * Return: 0 or a negative error. -EINVAL for bad arguments, while MSI-X is in use, and for
 * requests other than a trigger while the interrupt is off. -ENOTTY for a kind of request that
 * does not exist. -EBADF or -EINVAL for a bad eventfd, -EBUSY for a second eventfd that
 * unmasks, -EFAULT, or -ENOMEM.
 */
long virtio_mmr_intx_set_irqs(struct virtio_mmr_device *mmr, struct vfio_irq_set *header,
			      const struct vfio_irq_set __user *argument)
{
	union intx_data data = {};
	size_t size = 0;
	long ret;

	ret = vfio_set_irqs_validate_and_prepare(header, 1, VFIO_PCI_NUM_IRQS, &size);
	if (ret)
		return ret;
	/* There is one interrupt, so this is one flag or one file descriptor. */
	if (size && copy_from_user(&data, argument->data, min(size, sizeof(data))))
		return -EFAULT;

	mutex_lock(&mmr->core_device.igate);
	ret = set_irqs(mmr, header, &data);
	mutex_unlock(&mmr->core_device.igate);
	return ret;
}

static ssize_t virtio_mmr_intx_show(struct device *dev, struct device_attribute *attribute,
				    char *buf)
{
	return sysfs_emit(buf, "%d\n", !READ_ONCE(virtio_mmr_drvdata(dev)->intx.is_hidden));
}

static ssize_t virtio_mmr_intx_store(struct device *dev, struct device_attribute *attribute,
				     const char *buf, size_t count)
{
	bool shown;
	int ret;

	ret = kstrtobool(buf, &shown);
	if (ret)
		return ret;
	WRITE_ONCE(virtio_mmr_drvdata(dev)->intx.is_hidden, !shown);
	return count;
}

/* For a guest that a pin harms. A user that has the function open keeps the pin that it has. */
static DEVICE_ATTR_RW(virtio_mmr_intx);

static struct attribute *intx_attributes[] = {
	&dev_attr_virtio_mmr_intx.attr,
	NULL,
};

/* vfio-pci-core serves functions without an MMR capability. MSI beside MSI-X rules INTx out. */
static umode_t intx_is_visible(struct kobject *kobj, struct attribute *attribute, int n)
{
	struct virtio_mmr_device *mmr = virtio_mmr_drvdata(kobj_to_dev(kobj));

	return virtio_mmr_is_plain(mmr) || !mmr->scan.can_interrupt ? 0 : attribute->mode;
}

const struct attribute_group virtio_mmr_intx_group = {
	.is_visible = intx_is_visible,
	.attrs = intx_attributes,
};

/**
 * virtio_mmr_intx_init - prepare a device that is not open yet
 * @mmr: the device
 */
void virtio_mmr_intx_init(struct virtio_mmr_device *mmr)
{
	raw_spin_lock_init(&mmr->intx.lock);
}

/**
 * virtio_mmr_intx_open - the interrupt of a new user
 * @mmr: the device, enabled
 */
void virtio_mmr_intx_open(struct virtio_mmr_device *mmr)
{
	mmr->intx.state = (struct virtio_mmr_interrupt){};
	mmr->intx.vectors = (struct virtio_mmr_vectors){ .config = VIRTIO_MMR_NO_VECTOR };
	mmr->intx.is_modern = false;
}

/**
 * virtio_mmr_intx_close - turn the interrupt off when the user leaves
 * @mmr: the device, before vfio-pci-core closes it
 *
 * The function may be in D3 or in runtime suspend.
 */
void virtio_mmr_intx_close(struct virtio_mmr_device *mmr)
{
	bool awake;

	if (!mmr->intx.on)
		return;
	awake = !virtio_mmr_wake(mmr);
	mutex_lock(&mmr->core_device.igate);
	turn_off(mmr, true);
	mutex_unlock(&mmr->core_device.igate);
	if (awake)
		virtio_mmr_let_sleep(mmr);
}
