/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, under events/virtio_mmr in tracefs. Documentation/driver.rst
 * describes them; a disabled one costs a no-op.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM virtio_mmr

#if !defined(VIRTIO_MMR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VIRTIO_MMR_TRACE_H

#include <linux/pci.h>
#include <linux/tracepoint.h>

#include "intx.h"
#include "reset.h"

/* Numbers instead of a name: there is no string to copy or to look up */
#define VIRTIO_MMR_BDF_FIELDS						\
		__field(int, domain)					\
		__field(u16, bdf)

#define VIRTIO_MMR_BDF_ASSIGN(pdev)					\
		__entry->domain = pci_domain_nr((pdev)->bus);		\
		__entry->bdf = pci_dev_id(pdev)

#define VIRTIO_MMR_BDF_FORMAT	"%04x:%02x:%02x.%d "
#define VIRTIO_MMR_BDF_ARGUMENTS					\
		__entry->domain, PCI_BUS_NUM(__entry->bdf),		\
		PCI_SLOT(__entry->bdf), PCI_FUNC(__entry->bdf)

/**
 * virtio_mmr_access - a piece of an access to the I/O BAR
 * @pdev: the function
 * @offset: in the guest's I/O BAR, in bytes
 * @width: 1, 2 or 4 bytes
 * @value: read or written
 * @write: whether it is a write
 * @touched: whether the function was accessed; if not, a read gave all ones and a write was
 *	dropped
 */
TRACE_EVENT(virtio_mmr_access,
	TP_PROTO(struct pci_dev *pdev, u32 offset, u32 width, u32 value, bool write,
		 bool touched),
	TP_ARGS(pdev, offset, width, value, write, touched),
	TP_STRUCT__entry(
		VIRTIO_MMR_BDF_FIELDS
		__field(u16, offset)
		__field(u16, width)
		__field(u32, value)
		__field(bool, write)
		__field(bool, touched)
	),
	TP_fast_assign(
		VIRTIO_MMR_BDF_ASSIGN(pdev);
		__entry->offset = offset;
		__entry->width = width;
		__entry->value = value;
		__entry->write = write;
		__entry->touched = touched;
	),
	TP_printk(VIRTIO_MMR_BDF_FORMAT "%s offset=0x%02x width=%u value=0x%x result=%s",
		  VIRTIO_MMR_BDF_ARGUMENTS, __entry->write ? "write" : "read",
		  __entry->offset, __entry->width, __entry->value,
		  __entry->touched ? "register" : "nothing")
);

TRACE_DEFINE_ENUM(VIRTIO_MMR_NOTIFY_WRITES);
TRACE_DEFINE_ENUM(VIRTIO_MMR_NOTIFY_IOEVENTFDS);
TRACE_DEFINE_ENUM(VIRTIO_MMR_NOTIFY_DEFERRED);

/**
 * virtio_mmr_notify - a queue notification
 * @pdev: the function
 * @queue: index that the guest wrote
 * @path: kind of the notification, VIRTIO_MMR_NOTIFY_WRITES and so on
 * @rung: whether the device was notified; if not, the notification was dropped
 */
TRACE_EVENT(virtio_mmr_notify,
	TP_PROTO(struct pci_dev *pdev, u16 queue, enum virtio_mmr_counter path,
		 bool rung),
	TP_ARGS(pdev, queue, path, rung),
	TP_STRUCT__entry(
		VIRTIO_MMR_BDF_FIELDS
		__field(u16, queue)
		__field(u8, path)
		__field(bool, rung)
	),
	TP_fast_assign(
		VIRTIO_MMR_BDF_ASSIGN(pdev);
		__entry->queue = queue;
		__entry->path = path;
		__entry->rung = rung;
	),
	TP_printk(VIRTIO_MMR_BDF_FORMAT "queue=%u path=%s result=%s",
		  VIRTIO_MMR_BDF_ARGUMENTS, __entry->queue,
		  __print_symbolic(__entry->path,
				   { VIRTIO_MMR_NOTIFY_WRITES, "write" },
				   { VIRTIO_MMR_NOTIFY_IOEVENTFDS, "ioeventfd" },
				   { VIRTIO_MMR_NOTIFY_DEFERRED, "deferred" }),
		  __entry->rung ? "rung" : "dropped")
);

/**
 * virtio_mmr_layout - MSI-X was switched, and the register layout with it
 * @pdev: the function
 * @has_vectors: whether there are vector registers at 0x14 to 0x17
 */
TRACE_EVENT(virtio_mmr_layout,
	TP_PROTO(struct pci_dev *pdev, bool has_vectors),
	TP_ARGS(pdev, has_vectors),
	TP_STRUCT__entry(
		VIRTIO_MMR_BDF_FIELDS
		__field(bool, has_vectors)
	),
	TP_fast_assign(
		VIRTIO_MMR_BDF_ASSIGN(pdev);
		__entry->has_vectors = has_vectors;
	),
	TP_printk(VIRTIO_MMR_BDF_FORMAT "device_config=0x%x",
		  VIRTIO_MMR_BDF_ARGUMENTS, __entry->has_vectors ? 0x18 : 0x14)
);

TRACE_DEFINE_ENUM(VIRTIO_MMR_RESET_DEVICE);
TRACE_DEFINE_ENUM(VIRTIO_MMR_RESET_DEVICE_STUCK);
TRACE_DEFINE_ENUM(VIRTIO_MMR_RESET_FUNCTION_BEGIN);
TRACE_DEFINE_ENUM(VIRTIO_MMR_RESET_FUNCTION_END);

/**
 * virtio_mmr_reset - a reset, by device status or of the function
 * @pdev: the function
 * @event: the kind of reset, and its begin or end
 */
TRACE_EVENT(virtio_mmr_reset,
	TP_PROTO(struct pci_dev *pdev, enum virtio_mmr_reset_event event),
	TP_ARGS(pdev, event),
	TP_STRUCT__entry(
		VIRTIO_MMR_BDF_FIELDS
		__field(u8, event)
	),
	TP_fast_assign(
		VIRTIO_MMR_BDF_ASSIGN(pdev);
		__entry->event = event;
	),
	TP_printk(VIRTIO_MMR_BDF_FORMAT "event=%s", VIRTIO_MMR_BDF_ARGUMENTS,
		  __print_symbolic(__entry->event,
				   { VIRTIO_MMR_RESET_DEVICE, "device" },
				   { VIRTIO_MMR_RESET_DEVICE_STUCK, "device-stuck" },
				   { VIRTIO_MMR_RESET_FUNCTION_BEGIN, "function-begin" },
				   { VIRTIO_MMR_RESET_FUNCTION_END, "function-end" }))
);

TRACE_DEFINE_ENUM(VIRTIO_MMR_INTX_INTERRUPT);
TRACE_DEFINE_ENUM(VIRTIO_MMR_INTX_UNMASK);
TRACE_DEFINE_ENUM(VIRTIO_MMR_INTX_ENGAGE);
TRACE_DEFINE_ENUM(VIRTIO_MMR_INTX_DISENGAGE);

/**
 * virtio_mmr_intx - an event of the guest's INTx interrupt
 * @pdev: the function
 * @event: the event
 * @isr: ISR status of the guest after it
 */
TRACE_EVENT(virtio_mmr_intx,
	TP_PROTO(struct pci_dev *pdev, enum virtio_mmr_intx_event event, u8 isr),
	TP_ARGS(pdev, event, isr),
	TP_STRUCT__entry(
		VIRTIO_MMR_BDF_FIELDS
		__field(u8, event)
		__field(u8, isr)
	),
	TP_fast_assign(
		VIRTIO_MMR_BDF_ASSIGN(pdev);
		__entry->event = event;
		__entry->isr = isr;
	),
	TP_printk(VIRTIO_MMR_BDF_FORMAT "event=%s isr=0x%x", VIRTIO_MMR_BDF_ARGUMENTS,
		  __print_symbolic(__entry->event,
				   { VIRTIO_MMR_INTX_INTERRUPT, "interrupt" },
				   { VIRTIO_MMR_INTX_UNMASK, "unmask" },
				   { VIRTIO_MMR_INTX_ENGAGE, "engage" },
				   { VIRTIO_MMR_INTX_DISENGAGE, "disengage" }),
		  __entry->isr)
);

#endif /* VIRTIO_MMR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
