// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Notifications. The first one of a queue comes here. Then KVM and VFIO get an eventfd that leads
 * from the guest's port to the doorbell, and later ones stay in the kernel.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/virtio_pci.h>

#include "host.h"
#include "message.h"
#include "notify.h"

static uint16_t common_read(struct function *function, unsigned int offset, unsigned int width)
{
	return function_bar_read(function, function->scan.common_config.bar,
				 function->scan.common_config.offset + offset, width);
}

static void select_queue(struct function *function, uint16_t queue)
{
	function_bar_write(function, function->scan.common_config.bar,
			   function->scan.common_config.offset + VIRTIO_PCI_COMMON_Q_SELECT, 2,
			   queue);
}

/* In nanoseconds */
static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static enum virtio_mmr_doorbell_defect read_doorbells(struct function *function, uint64_t *value)
{
	struct function_notify *notify = &function->notify;
	enum virtio_mmr_doorbell_defect defect;
	uint8_t status = common_read(function, VIRTIO_PCI_COMMON_STATUS, 1);
	uint16_t count = common_read(function, VIRTIO_PCI_COMMON_NUMQ, 2), notify_off = 0;
	unsigned long long offset;
	uint64_t start, spent = 0;
	unsigned int queue;

	*value = status ? status : count;
	defect = virtio_mmr_doorbell_judge(status, count);
	if (defect)
		return defect;
	notify->doorbells = calloc(count, sizeof(*notify->doorbells));
	if (!notify->doorbells)
		fail("out of memory");
	for (queue = 0; queue < count; queue++) {
		if (spent > VIRTIO_MMR_DOORBELLS_NS) {
			defect = VIRTIO_MMR_DOORBELL_TOO_SLOW;
			*value = count;
			break;
		}
		/* Without a multiplier all queues have the same one. */
		if (function->scan.notify_multiplier) {
			start = now();
			select_queue(function, queue);
			notify_off = common_read(function, VIRTIO_PCI_COMMON_Q_NOFF, 2);
			spent += now() - start;
		}
		defect = virtio_mmr_doorbell_place(&function->scan, notify_off, &offset);
		*value = offset;
		if (defect)
			break;
		notify->doorbells[queue] = function->scan.notify.offset + offset;
	}
	notify->num_doorbells = count;
	select_queue(function, 0);
	return defect;
}

/**
 * notify_find_doorbells - find the doorbells of all queues
 * @function: the function, in reset
 */
void notify_find_doorbells(struct function *function)
{
	enum virtio_mmr_doorbell_defect defect;
	uint64_t value;

	if (!function->scan.has_notification || function->by_driver)
		return;
	defect = read_doorbells(function, &value);
	if (!defect)
		return;
	message("%s: notifying through Queue Notify, doorbells are unusable: %s is 0x%llx",
		function->bdf, virtio_mmr_doorbell_explain(defect), (unsigned long long)value);
	free(function->notify.doorbells);
	function->notify.doorbells = NULL;
	function->notify.num_doorbells = 0;
}

/* The device ignores an index that no queue has. Queues may also have come since the reset. */
static void find(const struct function *function, uint16_t queue, unsigned int *bar,
		 uint64_t *offset)
{
	const struct function_notify *notify = &function->notify;

	if (queue >= notify->num_doorbells) {
		*bar = function->scan.cap.bar;
		*offset = function->scan.cap.offset + VIRTIO_MMR_QUEUE_NOTIFY;
		return;
	}
	*bar = function->scan.notify.bar;
	*offset = notify->doorbells[queue];
}

/* KVM refuses a port that another function has, too. Then notifications come here. */
static void tell_kvm(struct function *function, unsigned int i, bool on)
{
	struct function_notify *notify = &function->notify;

	if (notify->in_kvm[i] != on &&
	    !host_port_signals(function->machine->vm, notify->port, notify->queues[i],
			       notify->eventfds[i], on))
		notify->in_kvm[i] = on;
}

/* Only a path that is complete may swallow notifications: VFIO comes first. */
static void keep_in_kernel(struct function *function, uint16_t queue, uint64_t position)
{
	struct function_notify *notify = &function->notify;
	unsigned int i;
	int eventfd_, error;

	for (i = 0; i < notify->count; i++) {
		if (notify->queues[i] == queue) {
			tell_kvm(function, i, true);
			return;
		}
	}
	if (notify->count == FUNCTION_BELLS || notify->is_refused)
		return;
	eventfd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (eventfd_ < 0) {
		notify->is_refused = true;
		return;
	}
	error = host_signal_writes(function->device, position, queue, eventfd_);
	if (error) {
		message("%s: each notification exits from the guest, as VFIO takes no eventfd for queue %u: error %d",
			function->bdf, queue, -error);
		notify->is_refused = true;
		close(eventfd_);
		return;
	}
	notify->queues[notify->count] = queue;
	notify->eventfds[notify->count] = eventfd_;
	tell_kvm(function, notify->count++, true);
}

/**
 * notify_keep - the guest has notified a queue of a function of the driver
 * @function: the function
 * @queue: what the guest wrote
 */
void notify_keep(struct function *function, uint16_t queue)
{
	keep_in_kernel(function, queue, function->ports_position + VIRTIO_MMR_QUEUE_NOTIFY);
}

/**
 * notify_exit - the guest has notified a queue, and KVM did not know the way
 * @function: the function
 * @queue: what the guest wrote
 */
void notify_exit(struct function *function, uint16_t queue)
{
	unsigned int bar;
	uint64_t offset;

	find(function, queue, &bar, &offset);
	keep_in_kernel(function, queue, function->bars[bar].position + offset);
	function_bar_write(function, bar, offset, 2, queue);
}

/**
 * notify_move - the guest has placed its I/O BAR
 * @function: the function
 * @on: the guest can reach it
 * @port: its first port
 *
 * A queue gets its way again with its next notification.
 */
void notify_move(struct function *function, bool on, uint16_t port)
{
	struct function_notify *notify = &function->notify;
	unsigned int i;

	port += VIRTIO_MMR_QUEUE_NOTIFY;
	if (on && port == notify->port)
		return;
	for (i = 0; i < notify->count; i++)
		tell_kvm(function, i, false);
	notify->port = on ? port : 0;
}
