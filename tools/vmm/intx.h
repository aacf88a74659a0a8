/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INTX_H
#define INTX_H

#include "function.h"

void intx_begin(struct function *function, unsigned int starts);
void intx_release(struct function *function);
void intx_take_over(struct function *function);
void intx_disable(struct function *function, bool disabled);
void intx_hold(struct function *function, bool resetting);
void intx_was_reset(struct function *function);
uint8_t intx_read_isr(struct function *function, unsigned int bar, uint64_t offset);
void intx_refused(struct function *function, int refused);
void intx_signalled(struct function *function, unsigned int vector);
void intx_resampled(struct function *function);

#endif /* INTX_H */
