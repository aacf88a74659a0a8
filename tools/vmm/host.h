/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/kvm.h>

/*
 * The requests to KVM and VFIO that a running guest can cause, and those to VFIO that are like
 * them. All return 0 or a negative error. The fuzzer of exits has others in their place.
 */

/* A part of the guest's addresses becomes memory at @memory. A @size of 0 takes it away. */
int host_map(int vm, uint32_t slot, uint64_t address, uint64_t size, void *memory);
/* A write of the 16 bits @value to @port signals @eventfd, or does so no more. */
int host_port_signals(int vm, uint16_t port, uint16_t value, int eventfd, bool on);
/* A signal of @eventfd interrupts, or does so no more. EOI signals @resample if it is not -1. */
int host_signal_interrupts(int vm, uint32_t gsi, int eventfd, int resample, bool on);
int host_set_routes(int vm, struct kvm_irq_routing *routes);
int host_set_line(int vm, uint32_t gsi, bool level);
/* MSI-X of a function is on, with vectors that signal @eventfds; or off if @count is 0. */
int host_set_vectors(int device, const int *eventfds, uint32_t count);
/* INTx of a function of the driver signals @trigger, and @unmask lets it do so again; or is off. */
int host_set_intx(int device, int trigger, int unmask, bool on);
/* The host signals @eventfd when it wants the function back. */
int host_signal_request(int device, int eventfd);
/* The host signals @eventfd after an error of the function that it cannot correct. */
int host_signal_error(int device, int eventfd);
/* A signal of @eventfd writes the 16 bits @value at @position of the file @device. */
int host_signal_writes(int device, uint64_t position, uint16_t value, int eventfd);

#endif /* HOST_H */
