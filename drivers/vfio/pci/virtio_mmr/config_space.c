// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of configuration space. The core has the guest's view. vfio-pci-core serves
 * everything else.
 */
#include <linux/delay.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "access.h"
#include "config_space.h"
#include "intx.h"

/* One register at most, so that a BAR register is read in one piece */
static int overlay(struct virtio_mmr_device *mmr, char __user *buf, loff_t pos, size_t count)
{
	u8 bytes[4];
	size_t i;

	for (i = 0; i < count; i++)
		if (virtio_mmr_view_changes(&mmr->view, pos + i))
			break;
	if (i == count)
		return 0;

	if (copy_from_user(bytes, buf, count))
		return -EFAULT;
	spin_lock(&mmr->config_lock);
	for (i = 0; i < count; i++)
		bytes[i] = virtio_mmr_view_read(&mmr->view, pos + i, bytes[i]);
	spin_unlock(&mmr->config_lock);
	return copy_to_user(buf, bytes, count) ? -EFAULT : 0;
}

/**
 * virtio_mmr_config_read - read the guest's view of configuration space
 * @mmr: the device
 * @buf: where to
 * @count: bytes
 * @ppos: position in the configuration region, advanced by what was read
 *
 * Return: bytes read, or the error of vfio_pci_core_read(), or -EFAULT.
 */
ssize_t virtio_mmr_config_read(struct virtio_mmr_device *mmr, char __user *buf,
			       size_t count, loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	loff_t end = *ppos;
	ssize_t done, at;
	size_t width;

	done = vfio_pci_core_read(&mmr->core_device.vdev, buf, count, &end);
	if (done <= 0)
		return done;

	for (at = 0; at < done && pos + at < VIRTIO_MMR_CONFIG_SIZE; at += width) {
		width = min_t(size_t, done - at, 4 - (pos + at) % 4);
		if (overlay(mmr, buf + at, pos + at, width))
			return -EFAULT;
	}
	*ppos = end;
	return done;
}

/*
 * Moves the guest's COMMAND.IO from vfio-pci-core's copy to the view after a write.
 * vfio-pci-core must not find the bit in its copy at the next write. memory_lock makes sure
 * that no access is in flight when a write that clears the bit returns.
 */
static int take_command_io(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	u8 *command = &core->vconfig[PCI_COMMAND];
	int ret;

	lockdep_assert_held(&mmr->opened->command_lock);

	/* Without the lock accesses can still be in flight. Only a killed caller sees that. */
	ret = down_write_killable(&core->memory_lock);
	*command = virtio_mmr_view_write(&mmr->view, PCI_COMMAND, *command);
	if (!ret)
		up_write(&core->memory_lock);
	return ret;
}

/*
 * Writes one or both bytes of COMMAND. This is a single register access for vfio-pci-core.
 * It either fails without an effect, or succeeds. vfio-pci-core changes its copy of the whole
 * register at a time, so writes of the two bytes exclude each other.
 */
static ssize_t write_command(struct virtio_mmr_device *mmr, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	bool has_io = (*ppos & VFIO_PCI_OFFSET_MASK) == PCI_COMMAND;
	ssize_t ret;

	if (mutex_lock_killable(&mmr->opened->command_lock))
		return -EINTR;
	ret = vfio_pci_core_write(&mmr->core_device.vdev, buf, count, ppos);
	if (ret > 0 && has_io && take_command_io(mmr))
		ret = -EINTR;
	virtio_mmr_intx_disable(mmr, mmr->core_device.vconfig[PCI_COMMAND + 1] &
				(PCI_COMMAND_INTX_DISABLE >> 8));
	mutex_unlock(&mmr->opened->command_lock);
	return ret;
}

/* Its own register tells. vfio-pci-core and the PCI core may believe that it is awake. */
static bool sleeps_unknown(struct pci_dev *pdev)
{
	u16 control;

	return pdev->current_state == PCI_D0 &&
	       !pci_read_config_word(pdev, pdev->pm_cap + PCI_PM_CTRL, &control) &&
	       !PCI_POSSIBLE_ERROR(control) && control & PCI_PM_CTRL_STATE_MASK;
}

/*
 * After a write of the power state: a function that sleeps unknown to the PCI core is woken up.
 * The lock of configuration space keeps resets away, as in lock_for_change(), and is free even
 * while an unbind waits for the user with the device lock. A reset of a bus may hold it and wait
 * for such an unbind of another function, so a fatal signal ends the wait. The next reset then
 * leaves the function as one that may sleep, until another write or the next user comes.
 */
static int settle_power(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;
	struct pci_dev *pdev = core->pdev;
	int ret = 0;

	for (;;) {
		down_write(&core->memory_lock);
		if (pci_cfg_access_trylock(pdev))
			break;
		up_write(&core->memory_lock);
		if (fatal_signal_pending(current))
			return -EINTR;
		usleep_range(1000, 2000);
	}
	if (sleeps_unknown(pdev)) {
		/* It may lose its configuration on the way. The first step tells the PCI core. */
		pci_save_state(pdev);
		pci_set_power_state(pdev, PCI_D3hot);
		pci_set_power_state(pdev, PCI_D0);
		pci_restore_state(pdev);
		if (sleeps_unknown(pdev))
			ret = -EIO;
	}
	/* No reset_prepare comes in between. */
	WRITE_ONCE(mmr->writes_power, false);
	clear_bit(VIRTIO_MMR_AWAY_WAKING, &mmr->away);
	pci_cfg_access_unlock(pdev);
	up_write(&core->memory_lock);
	return ret;
}

/*
 * Writes the register that has the power state. vfio-pci-core reads it, writes the state back as
 * it was, and then has the PCI core change it. A reset in between takes the function out of D3,
 * and the write puts it back, unknown to both (Documentation/kernel-patches, 0004). From such a
 * reset on the function is not touched until it is known to be awake. Writers exclude each other.
 */
static ssize_t write_power(struct virtio_mmr_device *mmr, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	ssize_t ret;
	int error;

	ret = virtio_mmr_wake(mmr);
	if (ret)
		return ret;
	ret = mutex_lock_killable(&mmr->opened->command_lock);
	if (ret)
		goto out_let_sleep;
	/* A reset takes configuration space first. If it comes after the read, it sees this. */
	WRITE_ONCE(mmr->writes_power, true);
	ret = vfio_pci_core_write(&mmr->core_device.vdev, buf, count, ppos);
	error = settle_power(mmr);
	if (error)
		ret = error;
	mutex_unlock(&mmr->opened->command_lock);
out_let_sleep:
	virtio_mmr_let_sleep(mmr);
	return ret;
}

/* Writes all or a part of one BAR register that the view provides */
static ssize_t write_bar_register(struct virtio_mmr_device *mmr,
				  const char __user *buf, size_t count, loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 bytes[4];
	size_t i;

	if (copy_from_user(bytes, buf, count))
		return -EFAULT;

	spin_lock(&mmr->config_lock);
	for (i = 0; i < count; i++)
		virtio_mmr_view_write(&mmr->view, pos + i, bytes[i]);
	spin_unlock(&mmr->config_lock);

	*ppos += count;
	return count;
}

/* Writes a byte that the function must not see untranslated */
static ssize_t write_window(struct virtio_mmr_device *mmr, const char __user *buf, loff_t *ppos)
{
	struct pci_dev *pdev = mmr->core_device.pdev;
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	u8 byte;
	int ret;

	if (get_user(byte, (const u8 __user *)buf))
		return -EFAULT;

	ret = pm_runtime_resume_and_get(&pdev->dev);
	if (ret < 0)
		return -EIO;
	ret = pci_user_write_config_byte(pdev, pos,
					 virtio_mmr_view_write(&mmr->view, pos, byte));
	pm_runtime_put(&pdev->dev);
	if (ret)
		return -EFAULT;

	*ppos += 1;
	return 1;
}

/* Writes as much as belongs together, at least one byte */
static ssize_t write_part(struct virtio_mmr_device *mmr, const char __user *buf,
			  size_t count, loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK, end = pos + count, next = pos + 1;
	/* Place 4 is COMMAND, so it stands for no power management */
	loff_t power = mmr->core_device.pdev->pm_cap + PCI_PM_CTRL;

	switch (virtio_mmr_view_owner(&mmr->view, pos)) {
	case VIRTIO_MMR_VIEW_COMMAND:
		end = min_t(loff_t, end, PCI_COMMAND + 2);
		return write_command(mmr, buf, end - pos, ppos);
	case VIRTIO_MMR_VIEW_BAR:
		end = min_t(loff_t, end, round_down(pos, 4) + 4);
		return write_bar_register(mmr, buf, end - pos, ppos);
	case VIRTIO_MMR_VIEW_WINDOW:
		return write_window(mmr, buf, ppos);
	case VIRTIO_MMR_VIEW_FUNCTION:
		break;
	}
	if (pos == power)
		return write_power(mmr, buf, min_t(loff_t, end - pos, sizeof(u32)), ppos);
	while (next < end && next != power &&
	       virtio_mmr_view_owner(&mmr->view, next) == VIRTIO_MMR_VIEW_FUNCTION)
		next++;
	return vfio_pci_core_write(&mmr->core_device.vdev, buf, next - pos, ppos);
}

/**
 * virtio_mmr_config_write - write to the guest's view of configuration space
 * @mmr: the device
 * @buf: where from
 * @count: bytes
 * @ppos: position in the configuration region, advanced by what was written
 *
 * The write is split into parts. Each part takes effect by itself, lowest address first, and
 * each byte of @buf is read once. vfio-pci-core sees all parts except BAR registers that the
 * view provides and translated bytes. If a part fails, the parts before it stay written, as in
 * vfio-pci-core.
 *
 * Return: @count or an error. -EFAULT for bad memory, and for a write that is not wholly inside
 * configuration space. Such a write has no effect. -EINTR if a fatal signal ended a wait,
 * -EIO if the function does not leave D3 or runtime suspend, or the error of
 * vfio_pci_core_write().
 */
ssize_t virtio_mmr_config_write(struct virtio_mmr_device *mmr,
				const char __user *buf, size_t count,
				loff_t *ppos)
{
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK, at = *ppos;
	int size = mmr->core_device.pdev->cfg_size;
	size_t done = 0;
	ssize_t ret;

	if (pos > size || count > size - pos)
		return -EFAULT;

	while (done < count) {
		ret = write_part(mmr, buf + done, count - done, &at);
		if (ret < 0)
			return ret;
		done += ret;
	}
	*ppos = at;
	return done;
}

/**
 * virtio_mmr_config_master - enable bus mastering for a guest that does not do it
 * @mmr: the device, open and awake, with no lock held
 * @starts: things that the guest starts now, VIRTIO_MMR_STARTS_*
 *
 * Old drivers use their queues without COMMAND.MASTER, for example Linux before 2.6.34, and
 * emulated devices have always tolerated that. A function would not: nothing would ever arrive.
 * The guest reads the bit as set. A guest that clears it later is left alone, until it has
 * reset the device.
 */
void virtio_mmr_config_master(struct virtio_mmr_device *mmr, unsigned int starts)
{
	if (!(starts & ~READ_ONCE(mmr->mastered)) ||
	    mutex_lock_killable(&mmr->opened->command_lock))
		return;
	/* The lock may have been taken for long, so look again. */
	if (starts & ~mmr->mastered && virtio_mmr_access_begin(mmr, true)) {
		WRITE_ONCE(mmr->mastered, mmr->mastered | starts);
		pci_set_master(mmr->core_device.pdev);
		virtio_mmr_access_end(mmr);
	}
	mutex_unlock(&mmr->opened->command_lock);
}

/**
 * virtio_mmr_config_open - set the state that lasts from open to close
 * @mmr: the device, enabled by vfio-pci-core
 */
void virtio_mmr_config_open(struct virtio_mmr_device *mmr)
{
	struct vfio_pci_core_device *core = &mmr->core_device;

	virtio_mmr_view_init(&mmr->view, &mmr->scan,
			     READ_ONCE(mmr->intx.is_hidden) ? NULL : &mmr->intx.state);
	mmr->mastered = 0;
	/*
	 * Firmware may have set I/O on a PF. vfio-pci-core leaves INTx Disable set at close, and
	 * clears it at the next open only if nointxmask is off. The new guest has set neither.
	 */
	core->vconfig[PCI_COMMAND] &= ~PCI_COMMAND_IO;
	core->vconfig[PCI_COMMAND + 1] &= ~(PCI_COMMAND_INTX_DISABLE >> 8);

	/*
	 * A PF may have an INTx pin. The guest's INTx interrupt comes from MSI-X, for all
	 * functions alike, so the function must not assert the pin. With these two flags
	 * vfio-pci-core leaves COMMAND's INTx Disable set. With the register 0 it refuses all
	 * requests about INTx interrupts, also one that passed for another kind before.
	 */
	if (core->pdev->pin) {
		core->nointx = true;
		core->pci_2_3 = false;
		pci_intx(core->pdev, 0);
	}
	core->vconfig[PCI_INTERRUPT_PIN] = 0;
}
