// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that executes commands from its first serial port, without BIOS or operating system.
 * It does exactly the port accesses that a test asks for. It is the machine's firmware, so all
 * of RAM is free. ports.S has its start.
 *
 * Commands are lines of a letter and numbers, all hexadecimal. Each answers with one line. The
 * answer of a command without a result is ".".
 *
 *	i PORT WIDTH		read a port of 1, 2 or 4 bytes
 *	I PORT WIDTH COUNT	read it COUNT times. Answers with the TSC's ticks
 *	o PORT WIDTH VALUE	write one
 *	c ADDRESS WIDTH		read configuration space; ADDRESS is that of port 0xcf8
 *	C ADDRESS WIDTH VALUE	write it
 *	p LEAF			CPUID: answers with EAX, EBX, ECX and EDX
 *	n PORT FIRST QUEUES COUNT
 *				write 16 bits COUNT times: FIRST, FIRST + 1, ..., QUEUES
 *				different values over and over. Answers with the TSC's ticks
 *	b PORT FIRST QUEUES COUNT
 *				start the same on the second CPU, COUNT 0 for ever
 *	m ADDRESS HERE THERE COUNT
 *				COUNT times: switch I/O decoding of the function at ADDRESS
 *				off, and on with BAR0 at the port THERE; move BAR0 to HERE
 *	s			tell the second CPU to stop
 *	w			wait for the second CPU, answers with how many it wrote
 *
 * driver.c has more.
 */
#include "ports.h"

#define SERIAL			0x3f8
#define SERIAL_INTERRUPTS	(SERIAL + 1)
#define SERIAL_MODEM		(SERIAL + 4)
#define SERIAL_STATUS		(SERIAL + 5)
#define SERIAL_IRQ		4
#define CASCADE_IRQ		2
#define VECTORS			0x20
#define CONFIG_ADDRESS		0xcf8
#define CONFIG_DATA		0xcfc
#define PCI_COMMAND		0x04
#define PCI_BAR0		0x10
#define APIC_SPURIOUS		0xfee000f0
#define APIC_ICR		0xfee00300
#define APIC_ICR_TARGET		0xfee00310
#define APIC_LINT0		0xfee00350

/* In RAM, by address */
struct interrupt_gate {
	uint16_t low, selector, flags, high;
} __attribute__((packed));

struct job {
	uint32_t port, first, queues, count;
	uint32_t written;
	bool stop, running;
};

#define GATES	((struct interrupt_gate *)0x1000)
#define JOB	((struct job *)0x2000)
#define LINE	((char *)0x3000)
#define LINE_SIZE	128

uint32_t in(uint16_t port, unsigned int width)
{
	uint32_t value = 0;

	if (width == 1)
		asm volatile("inb %1, %b0" : "+a"(value) : "Nd"(port));
	else if (width == 2)
		asm volatile("inw %1, %w0" : "+a"(value) : "Nd"(port));
	else
		asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

void out(uint16_t port, unsigned int width, uint32_t value)
{
	if (width == 1)
		asm volatile("outb %b0, %1" : : "a"(value), "Nd"(port) : "memory");
	else if (width == 2)
		asm volatile("outw %w0, %1" : : "a"(value), "Nd"(port) : "memory");
	else
		asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static void config_write(uint32_t address, unsigned int width, uint32_t value)
{
	out(CONFIG_ADDRESS, 4, address & ~3);
	out(CONFIG_DATA + (address & 3), width, value);
}

void write_memory(uint32_t address, uint32_t value)
{
	asm volatile("movl %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

uint64_t ticks(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static void write_gate(unsigned int vector, void (*entry)(void))
{
	GATES[vector].low = (uint32_t)entry;
	GATES[vector].selector = 8;
	GATES[vector].flags = 0x8e00;
	GATES[vector].high = (uint32_t)entry >> 16;
}

void set_gate(unsigned int irq, void (*entry)(void))
{
	write_gate(VECTORS + irq, entry);
}

static void set_up_pic(uint16_t port, uint8_t vectors, uint8_t cascade, uint8_t mask)
{
	out(port, 1, 0x11);
	out(port + 1, 1, vectors);
	out(port + 1, 1, cascade);
	out(port + 1, 1, 1);
	out(port + 1, 1, mask);
}

static void set_up_interrupts(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) idtr;
	unsigned int i;

	for (i = 0; i <= MESSAGE_VECTOR; i++)
		write_gate(i, interrupt);
	idtr.limit = (MESSAGE_VECTOR + 1) * sizeof(struct interrupt_gate) - 1;
	idtr.base = (uint32_t)GATES;
	asm volatile("lidt %0" : : "m"(idtr) : "memory");

	/* The PIC is connected to this pin */
	write_memory(APIC_SPURIOUS, 0x1ff);
	write_memory(APIC_LINT0, 0x700);
	set_up_pic(PIC, VECTORS, 1 << CASCADE_IRQ, (uint8_t)~(1 << SERIAL_IRQ));
	set_up_pic(PIC_SECOND, VECTORS + 8, CASCADE_IRQ, 0xff);
	out(SERIAL_MODEM, 1, 0xb);
	out(SERIAL_INTERRUPTS, 1, 1);
}

static char get(void)
{
	/* The interrupt is taken only inside hlt, because hlt comes directly after sti */
	while (!(in(SERIAL_STATUS, 1) & 1))
		asm volatile("sti; hlt; cli" : : : "memory");
	return in(SERIAL, 1);
}

static void put(char character)
{
	while (!(in(SERIAL_STATUS, 1) & 0x20))
		;
	out(SERIAL, 1, character);
}

void put_number(uint64_t value, char end)
{
	int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put("0123456789abcdef"[value >> shift & 15]);
	put(end);
}

static void get_line(void)
{
	unsigned int length = 0;
	char character;

	while ((character = get()) != '\n')
		if (length < LINE_SIZE - 1)
			LINE[length++] = character;
	LINE[length] = 0;
}

/* Returns the number at *text, and moves *text to its end */
uint32_t number(const char **text)
{
	uint32_t value = 0;

	while (**text == ' ')
		++*text;
	for (; **text && **text != ' '; ++*text)
		value = value << 4 | ((**text & 15) + (**text > '9' ? 9 : 0));
	return value;
}

/* Accesses to ports are barriers to the compiler, so each iteration reads the job anew */
static void notify(void)
{
	uint32_t port = JOB->port, first = JOB->first, queues = JOB->queues;
	uint32_t count = JOB->count, queue = 0, written = 0;

	while (!JOB->stop && (!count || written < count)) {
		out(port, 2, first + queue);
		JOB->written = ++written;
		if (++queue == queues)
			queue = 0;
	}
}

void second_cpu(void)
{
	notify();
	JOB->running = false;
}

static void start_second_cpu(void)
{
	JOB->running = true;
	write_memory(APIC_ICR_TARGET, 1 << 24);
	write_memory(APIC_ICR, 0x4500);		/* INIT */
	write_memory(APIC_ICR, 0x46f0);		/* start at 0xf0000 */
}

static void read_often(uint16_t port, unsigned int width, uint32_t count)
{
	uint64_t start = ticks();

	while (count--)
		in(port, width);
	put_number(ticks() - start, '\n');
}

static void show_cpu(uint32_t leaf)
{
	uint32_t eax = leaf, ebx, ecx = 0, edx;

	asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	put_number(eax, ' ');
	put_number(ebx, ' ');
	put_number(ecx, ' ');
	put_number(edx, '\n');
}

static void get_job(const char **text)
{
	JOB->port = number(text);
	JOB->first = number(text);
	JOB->queues = number(text);
	JOB->count = number(text);
	JOB->written = 0;
	JOB->stop = false;
}

static void move(const char **text)
{
	uint32_t address = number(text), here = number(text), there = number(text);
	uint32_t count = number(text);

	while (count--) {
		config_write(address + PCI_COMMAND, 2, 0);
		config_write(address + PCI_BAR0, 4, there);
		config_write(address + PCI_COMMAND, 2, 1);
		config_write(address + PCI_BAR0, 4, here);
	}
}

void first_cpu(void)
{
	uint32_t address, width;
	const char *text;
	uint64_t start;
	char command;

	set_up_interrupts();
	put('.');
	put('\n');
	while (true) {
		get_line();
		text = LINE;
		command = *text++;
		switch (command) {
		case 'i':
			address = number(&text);
			put_number(in(address, number(&text)), '\n');
			continue;
		case 'o':
			address = number(&text);
			width = number(&text);
			out(address, width, number(&text));
			break;
		case 'I':
			address = number(&text);
			width = number(&text);
			read_often(address, width, number(&text));
			continue;
		case 'c':
			address = number(&text);
			out(CONFIG_ADDRESS, 4, address & ~3);
			put_number(in(CONFIG_DATA + (address & 3), number(&text)), '\n');
			continue;
		case 'C':
			address = number(&text);
			width = number(&text);
			config_write(address, width, number(&text));
			break;
		case 'p':
			show_cpu(number(&text));
			continue;
		case 'm':
			move(&text);
			break;
		case 'n':
			get_job(&text);
			start = ticks();
			notify();
			put_number(ticks() - start, '\n');
			continue;
		case 'b':
			get_job(&text);
			start_second_cpu();
			break;
		case 's':
			JOB->stop = true;
			break;
		case 'w':
			while (JOB->running)
				asm volatile("pause" : : : "memory");
			put_number(JOB->written, '\n');
			continue;
		default:
			if (driver_command(command, text))
				continue;
			put('?');
		}
		put('.');
		put('\n');
	}
}
