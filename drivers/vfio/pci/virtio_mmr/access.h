/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When the function's memory may be touched. Inline, for the data path.
 */
#ifndef VIRTIO_MMR_ACCESS_H
#define VIRTIO_MMR_ACCESS_H

#include <linux/rcupdate.h>
#include <linux/rwsem.h>

#include "common.h"
#include "compat/compat.h"

int virtio_mmr_wake(struct virtio_mmr_device *mmr);
void virtio_mmr_wake_failed(struct virtio_mmr_device *mmr, int error);
void virtio_mmr_let_sleep(struct virtio_mmr_device *mmr);
bool virtio_mmr_access_wait(struct virtio_mmr_device *mmr);

/**
 * virtio_mmr_may_sleep - whether the user lets the function sleep
 * @mmr: the device, with memory_lock held
 *
 * Return: true if the function may be in runtime suspend now, or as soon as memory_lock is
 * released.
 */
static inline bool virtio_mmr_may_sleep(struct virtio_mmr_device *mmr)
{
	lockdep_assert_held(&mmr->core_device.memory_lock);
	return mmr->core_device.pm_runtime_engaged;
}

/**
 * virtio_mmr_is_reachable - whether the function may be touched
 * @mmr: the device, with memory_lock held and in an RCU reader
 * @awake: true if the caller has called virtio_mmr_wake(), so that the function stays awake
 *
 * Runtime suspend puts the function into D3 after it has released memory_lock. It sets
 * pm_runtime_engaged under that lock before. So the flag shows the suspend in time.
 *
 * Return: false if the function is in D3, on its way out of it, or being reset. For a PF, also
 * false if its COMMAND.MEMORY is clear. Else true.
 */
static inline bool virtio_mmr_is_reachable(struct virtio_mmr_device *mmr, bool awake)
{
	lockdep_assert_held(&mmr->core_device.memory_lock);
	RCU_LOCKDEP_WARN(!rcu_read_lock_sched_held(), "a reset would not wait for this access");
	return !READ_ONCE(mmr->away) &&
	       (awake || !virtio_mmr_may_sleep(mmr)) &&
	       virtio_mmr_compat_memory_enabled(&mmr->core_device);
}

/**
 * virtio_mmr_access_enter - the inner half of virtio_mmr_access_begin()
 * @mmr: the device, with memory_lock held for read
 *
 * virtio_mmr_access_end() ends both halves.
 */
static inline void virtio_mmr_access_enter(struct virtio_mmr_device *mmr)
{
	/*
	 * Not lockdep_assert_held_read(): this may run in a hard interrupt. The thread below it may
	 * wait for the lock to write, and lockdep finds that entry first.
	 */
	lockdep_assert_held(&mmr->core_device.memory_lock);
	rcu_read_lock_sched();
	/* Sparse cannot follow a lock that is held if a value says so. */
	__release(RCU_SCHED);
}

/**
 * virtio_mmr_access_end - after a virtio_mmr_access_begin() that returned true
 * @mmr: the device
 */
static inline void virtio_mmr_access_end(struct virtio_mmr_device *mmr)
{
	__acquire(RCU_SCHED);
	rcu_read_unlock_sched();
	up_read(&mmr->core_device.memory_lock);
}

/**
 * virtio_mmr_access_begin - before any access to the function's memory
 * @mmr: the device
 * @awake: as for virtio_mmr_is_reachable()
 *
 * Keeps away everything that makes the function unreachable. The register layout does not
 * change either, as vfio-pci-core switches MSI-X with memory_lock held for write.
 *
 * Accesses must be short and must not sleep: a reset waits for virtio_mmr_access_end(). This
 * kind of RCU reader costs least.
 *
 * A caller waits while vfio-pci-core holds memory_lock for write. It does not wait during a
 * reset, which may take minutes. A fatal signal ends the wait.
 *
 * Return: virtio_mmr_is_reachable(). If true, virtio_mmr_access_end() must follow.
 */
static __always_inline bool virtio_mmr_access_begin(struct virtio_mmr_device *mmr,
						    bool awake)
{
	if (unlikely(!down_read_trylock(&mmr->core_device.memory_lock)) &&
	    !virtio_mmr_access_wait(mmr))
		return false;
	virtio_mmr_access_enter(mmr);
	if (likely(virtio_mmr_is_reachable(mmr, awake)))
		return true;
	virtio_mmr_access_end(mmr);
	return false;
}

#endif /* VIRTIO_MMR_ACCESS_H */
