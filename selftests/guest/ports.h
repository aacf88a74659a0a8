/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the guest of ports.c. All of its variables are in RAM, at fixed addresses.
 */
#ifndef GUEST_PORTS_H
#define GUEST_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#define PIC			0x20
#define PIC_SECOND		0xa0
#define END_OF_INTERRUPT	0x20

uint32_t in(uint16_t port, unsigned int width);
void out(uint16_t port, unsigned int width, uint32_t value);

/* A number of a command, at *text: moves *text to its end */
uint32_t number(const char **text);
/* Prints a number of an answer, and a character after it */
void put_number(uint64_t value, char end);

/* In ports.S: the handlers of all interrupts, of a function's and of the timer's */
void interrupt(void);
void function_entry(void);
void timer_entry(void);
void set_gate(unsigned int irq, void (*entry)(void));
/* After the inputs of both 8259s: the gate of messages, which MSI-X sends */
#define MESSAGE_IRQ	16
#define MESSAGE_VECTOR	0x30
/* A register of the local APIC, or of a memory BAR */
void write_memory(uint32_t address, uint32_t value);
uint64_t ticks(void);

/* driver.c: a legacy driver. Whether it has this command; if so, it is executed and answered */
bool driver_command(char command, const char *text);

#endif
