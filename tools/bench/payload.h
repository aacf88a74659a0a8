/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's code, payload.S: 32-bit, position independent, flat segments. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

extern const char payload_begin[], payload_end[];

/*
 * Entry points: each does its access ECX times, then HLT. The port is DX, the
 * address EDI, the value to write AX.
 */
extern const char payload_out16[], payload_in8[], payload_store16[];

#endif /* BENCH_PAYLOAD_H */
