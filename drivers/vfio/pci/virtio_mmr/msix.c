// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function's own MSI-X vectors while they serve the guest's INTx interrupt: from the guest's
 * first queue until the user turns the interrupt off.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>

#include "access.h"
#include "intx.h"
#include "io_bar.h"
#include "modern.h"
#include "msix.h"

/* Time that a reset of other functions may keep this one's configuration space (policy) */
#define LOCK_TIMEOUT	(1 * HZ)
/* The same where there is no way back (policy): most resets are over by then */
#define RELEASE_TIMEOUT	(10 * HZ)

/**
 * virtio_mmr_msix_forget_changes - changes of the configuration before now do not count
 * @mmr: the device, between virtio_mmr_access_begin() and its end, or before others touch it
 */
void virtio_mmr_msix_forget_changes(struct virtio_mmr_device *mmr)
{
	if (mmr->common_config)
		WRITE_ONCE(mmr->intx.vectors.generation,
			   ioread8(mmr->common_config + VIRTIO_PCI_COMMON_CFGGENERATION));
}

/**
 * virtio_mmr_msix_device_isr - look for bits in the device's ISR status
 * @mmr: the device, between virtio_mmr_access_begin() and its end
 * @isr: address of the device's ISR status
 * @bits: the bits, from virtio_mmr_vectors_isr()
 *
 * A change of the configuration may not show there. Then config_generation has changed. If
 * there is no modern common configuration either, the guest misses the change.
 *
 * Return: those of the bits that are set.
 */
u8 virtio_mmr_msix_device_isr(struct virtio_mmr_device *mmr, void __iomem *isr, u8 bits)
{
	struct virtio_mmr_vectors *registers = &mmr->intx.vectors;
	void __iomem *common = mmr->common_config;
	u8 value = ioread8(isr) & bits;
	u8 generation;

	if (!common || !(bits & VIRTIO_MMR_ISR_CONFIG))
		return value;
	generation = ioread8(common + VIRTIO_PCI_COMMON_CFGGENERATION);
	if (generation != READ_ONCE(registers->generation)) {
		WRITE_ONCE(registers->generation, generation);
		value |= VIRTIO_MMR_ISR_CONFIG;
	}
	return value;
}

static irqreturn_t queues_interrupt(int irq, void *data)
{
	virtio_mmr_intx_raise(data, VIRTIO_MMR_ISR_QUEUE);
	return IRQ_HANDLED;
}

static irqreturn_t config_interrupt(int irq, void *data)
{
	virtio_mmr_intx_raise(data, VIRTIO_MMR_ISR_CONFIG);
	return IRQ_HANDLED;
}

static const struct {
	irq_handler_t handler;
	const char *name;
} vectors[VIRTIO_MMR_NUM_VECTORS] = {
	[VIRTIO_MMR_VECTOR_OF_QUEUES] = { queues_interrupt, "queues" },
	[VIRTIO_MMR_VECTOR_OF_CONFIG] = { config_interrupt, "config" },
};

/**
 * virtio_mmr_msix_refused - report something that gets no interrupts
 * @mmr: the device, open
 * @refused: a queue, VIRTIO_MMR_REFUSED_CONFIG, or VIRTIO_MMR_REFUSED_NONE for nothing
 *
 * The queue works, but the guest must poll it.
 */
void virtio_mmr_msix_refused(struct virtio_mmr_device *mmr, int refused)
{
	struct pci_dev *pdev = mmr->core_device.pdev;

	if (likely(refused == VIRTIO_MMR_REFUSED_NONE))
		return;
	virtio_mmr_count(mmr, VIRTIO_MMR_INTX_REFUSED_VECTORS);
	if (!__ratelimit(&mmr->opened->messages[VIRTIO_MMR_MESSAGE_VECTORS]))
		return;
	if (refused == VIRTIO_MMR_REFUSED_CONFIG)
		pci_warn(pdev, "the guest learns nothing of changes of the configuration, the device refuses MSI-X vector %u; a guest that uses MSI-X may help\n",
			 VIRTIO_MMR_VECTOR_OF_QUEUES);
	else
		pci_warn(pdev, "queue %d gets no interrupts, the device refuses MSI-X vector %u; a guest that polls or uses MSI-X may help\n",
			 refused, VIRTIO_MMR_VECTOR_OF_QUEUES);
}

/*
 * With memory_lock held for write no access is in flight, and the function is in D0 and stays
 * so. A reset through sysfs can still begin. So each group of device accesses is an RCU reader.
 */
static bool touch_begin(struct virtio_mmr_device *mmr)
{
	lockdep_assert_held_write(&mmr->core_device.memory_lock);
	rcu_read_lock_sched();
	if (virtio_mmr_is_reachable(mmr, true)) {
		/* Sparse cannot follow a lock that is held if a value says so. */
		__release(RCU_SCHED);
		return true;
	}
	rcu_read_unlock_sched();
	return false;
}

static void touch_end(void)
{
	__acquire(RCU_SCHED);
	rcu_read_unlock_sched();
}

/* The registers through which the guest sets up its queues */
static const struct virtio_mmr_port_ops *registers_of(const struct virtio_mmr_device *mmr)
{
	return READ_ONCE(mmr->intx.is_modern) ? &virtio_mmr_modern_registers :
						&virtio_mmr_registers;
}

/*
 * Writes @vector to all queues with an address. The guest's queue select is restored. Returns
 * the number of queues.
 */
static u32 set_queues(struct virtio_mmr_device *mmr, u16 vector)
{
	const struct virtio_mmr_port_ops *registers = registers_of(mmr);
	u32 end = READ_ONCE(mmr->intx.vectors.queues_end);
	/* Wider than an index: the last one is 65535 */
	u32 queue;
	u16 selected;
	int refused;

	if (!end || !touch_begin(mmr))
		return 0;
	selected = registers->read(mmr, VIRTIO_MMR_QUEUE_SELECT, 2);
	touch_end();
	for (queue = 0; queue < end; queue++) {
		if (!touch_begin(mmr))
			return queue;
		refused = virtio_mmr_vectors_set_queue(&mmr->intx.vectors, registers, mmr,
						       queue, vector);
		registers->write(mmr, VIRTIO_MMR_QUEUE_SELECT, 2, selected);
		touch_end();
		virtio_mmr_msix_refused(mmr, refused);
		/* A device may have 65536 queues, and a killed guest needs none. */
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return end;
}

/*
 * The guest's layout and the device's differ from here. A guest that had queues before, without
 * interrupts or with MSI-X, may have missed one: a needless interrupt does no harm.
 */
static void engage(struct virtio_mmr_device *mmr)
{
	int refused = VIRTIO_MMR_REFUSED_NONE;
	u8 isr = 0;

	if (touch_begin(mmr)) {
		isr = ioread8(mmr->registers + VIRTIO_MMR_ISR_STATUS);
		refused = virtio_mmr_vectors_set_config(&mmr->intx.vectors, registers_of(mmr),
							mmr);
		virtio_mmr_msix_forget_changes(mmr);
		touch_end();
	}
	virtio_mmr_msix_refused(mmr, refused);
	if (set_queues(mmr, VIRTIO_MMR_VECTOR_OF_QUEUES))
		isr |= VIRTIO_MMR_ISR_QUEUE;
	virtio_mmr_intx_raise(mmr, isr);
}

static int request(struct virtio_mmr_device *mmr, unsigned int vector)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	char *name = mmr->opened->interrupt_names[vector];

	snprintf(name, VIRTIO_MMR_INTERRUPT_NAME_SIZE, "virtio_mmr-%s(%s)",
		 vectors[vector].name, pci_name(pdev));
	return request_irq(pci_irq_vector(pdev, vector), vectors[vector].handler, 0, name, mmr);
}

static void free_vectors(struct virtio_mmr_device *mmr, unsigned int count)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	struct pci_dev *pdev = core->pdev;

	while (count--)
		free_irq(pci_irq_vector(pdev, count), mmr);
	pci_free_irq_vectors(pdev);
	/* The PCI core has enabled a PF's pin, as if the function went back to INTx. */
	if (core->nointx)
		pci_intx(pdev, 0);
}

static int alloc_vectors(struct virtio_mmr_device *mmr)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	int count, vector, ret;

	/* First, so that nobody takes this MSI-X for the guest's */
	WRITE_ONCE(mmr->intx.state.engaged, true);
	count = pci_alloc_irq_vectors(pdev, 1, VIRTIO_MMR_NUM_VECTORS, PCI_IRQ_MSIX);
	if (count < 0) {
		ret = count;
		goto out;
	}
	/* A CPU's vector is only reserved before the request, so that may find fewer. */
	for (vector = 0; vector < count; vector++) {
		ret = request(mmr, vector);
		if (ret)
			break;
	}
	if (!vector) {
		free_vectors(mmr, 0);
		goto out;
	}
	mmr->intx.vectors.count = vector;
	return 0;

out:
	WRITE_ONCE(mmr->intx.state.engaged, false);
	return ret;
}

/*
 * The lock of configuration space keeps resets through sysfs away while the PCI core changes
 * MSI-X. vfio-pci-core's own use of MSI-X does not do that. A reset has that lock before
 * reset_prepare and after reset_done as well, for longer if it resets a bus. memory_lock comes
 * first, as in vfio-pci-core, and is not held during the wait.
 */
static int lock_for_change(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	unsigned long deadline = jiffies + LOCK_TIMEOUT;

	for (;;) {
		if (READ_ONCE(mmr->away))
			return -EAGAIN;
		if (down_write_killable(&core->memory_lock))
			return -EINTR;
		if (pci_cfg_access_trylock(core->pdev))
			return 0;
		up_write(&core->memory_lock);
		if (fatal_signal_pending(current))
			return -EINTR;
		if (time_after(jiffies, deadline))
			return -EBUSY;
		usleep_range(100, 200);
	}
}

/**
 * virtio_mmr_msix_take - let the function's vectors serve the guest's INTx interrupt
 * @mmr: the device, awake, with igate held, its interrupt on and not engaged
 *
 * Return: 0, or -EAGAIN if the function cannot be reached now, -EINTR for a fatal signal,
 * -EBUSY if a reset of other functions keeps configuration space for 1 s, or the error of
 * pci_alloc_irq_vectors() or request_irq(): -ENOSPC if vectors are exhausted.
 */
int virtio_mmr_msix_take(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	int ret;

	lockdep_assert_held(&core->igate);
	ret = lock_for_change(mmr);
	if (ret)
		return ret;
	ret = -EAGAIN;
	if (touch_begin(mmr)) {
		touch_end();
		ret = alloc_vectors(mmr);
	}
	pci_cfg_access_unlock(core->pdev);
	if (!ret)
		engage(mmr);
	up_write(&core->memory_lock);
	return ret;
}

/*
 * Freeing vectors masks them in the function's memory, and that needs D0 and COMMAND.MEMORY, as
 * it does in vfio-pci-core. A guest may have put the function into D3 or cleared the bit.
 */
static void free_reachable(struct virtio_mmr_device *mmr)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	pci_power_t state = pdev->current_state;
	u16 command, now;

	if (state != PCI_D0)
		pci_set_power_state(pdev, PCI_D0);
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, command | PCI_COMMAND_MEMORY);

	free_vectors(mmr, mmr->intx.vectors.count);

	if (!(command & PCI_COMMAND_MEMORY)) {
		/* A reset that was not waited for may have restored it meanwhile. */
		pci_read_config_word(pdev, PCI_COMMAND, &now);
		if (now == (command | PCI_COMMAND_MEMORY))
			pci_write_config_word(pdev, PCI_COMMAND, command);
	}
	if (state != PCI_D0)
		pci_set_power_state(pdev, state);
}

/*
 * The wait must end. A reset of a bus may hold this lock, and wait for another function, whose
 * unbinding waits for the same user. Without the lock a reset may restore the MSI-X of before. The
 * PCI core keeps its own records, and vfio-pci-core never takes the lock for this. Returns
 * whether the lock was taken; memory_lock always is.
 *
 * The queues have lost their vectors then. A walk over many of them takes its time, so it comes
 * while the lock is free: a reset must not wait for it, and ends it. As memory_lock is held, the
 * guest sets up no queue after it.
 */
static bool lock_for_release(struct virtio_mmr_device *mmr, bool is_closing)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	unsigned long deadline = 0;

	for (;;) {
		down_write(&core->memory_lock);
		if (pci_cfg_access_trylock(core->pdev)) {
			if (is_closing)
				return true;
			pci_cfg_access_unlock(core->pdev);
			set_queues(mmr, VIRTIO_MMR_NO_VECTOR);
			if (pci_cfg_access_trylock(core->pdev))
				return true;
		}
		if (!deadline) {
			deadline = jiffies + RELEASE_TIMEOUT;
		} else if (time_after(jiffies, deadline)) {
			if (!is_closing)
				set_queues(mmr, VIRTIO_MMR_NO_VECTOR);
			return false;
		}
		up_write(&core->memory_lock);
		usleep_range(100, 200);
	}
}

/**
 * virtio_mmr_msix_release - the function's vectors serve the guest's INTx interrupt no more
 * @mmr: the device, awake, with igate held, and engaged
 * @is_closing: the user leaves
 *
 * A guest may use MSI-X without a reset next. It must not find these vectors in its registers. A
 * user that leaves does not look, and the next one gets a device without queues. No signal could
 * end a walk over the queues then, as the user may be dead already.
 *
 * Waits at most 10 s for the end of a reset by the host, besides the time of the device for its
 * queues.
 */
void virtio_mmr_msix_release(struct virtio_mmr_device *mmr, bool is_closing)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	bool is_locked;

	lockdep_assert_held(&core->igate);
	is_locked = lock_for_release(mmr, is_closing);
	if (touch_begin(mmr)) {
		registers_of(mmr)->write(mmr, VIRTIO_MMR_CONFIG_VECTOR, 2, VIRTIO_MMR_NO_VECTOR);
		touch_end();
	}
	free_reachable(mmr);
	if (is_locked)
		pci_cfg_access_unlock(core->pdev);
	WRITE_ONCE(mmr->intx.vectors.config, VIRTIO_MMR_NO_VECTOR);
	WRITE_ONCE(mmr->intx.state.engaged, false);
	up_write(&core->memory_lock);
}
