// SPDX-License-Identifier: GPL-2.0-only
/*
 * A legacy virtio driver for the guest of ports.c, with an interrupt through the 8259, or with
 * MSI-X. It sleeps by HLT until the interrupt comes. It does not touch device status, nor PCI's
 * registers: a test writes these itself, in the order that it needs.
 *
 *	e IRQ PORT WAY		take interrupts of the function with registers at PORT. The
 *				handler 0: reads ISR status, then ends the interrupt; 1: ends it
 *				only if bit 0 was set; 2: ends it, then reads ISR status
 *	v ENTRY PORT		the same by MSI-X, which the test turns on. ENTRY is the address
 *				of an entry of its table, which becomes that of all queues: 0
 *	q QUEUE			give a queue its memory. Answers with its size
 *	r COUNT TICKS		COUNT requests to an entropy device
 *	d WRITE SECTOR COUNT TICKS
 *				the same of a disk, to SECTOR and those that follow, a page each.
 *				WRITE is 1, or 0 for reading what such writes wrote
 *	a COUNT TICKS		COUNT questions by ARP for the network's gateway
 *	f COUNT TICKS DEPTH EACH
 *				COUNT requests to an entropy device, DEPTH of them at a time. EACH
 *				is 1 if each is notified, or 0 if all that are new are together
 *	z TICKS			wait for an interrupt. Answers with the number of those since the
 *				last request began
 *	x COUNT			COUNT requests to an entropy device. The driver does not sleep.
 *				Answers with the least ticks of the TSC that one took, without
 *				those of waiting, and with the number of requests that ended well
 *
 * A request is over if an interrupt has come and the queue says so. The next one follows then.
 * After TICKS of the timer (18.2 are a second) the driver gives up. Commands r, d, a and f answer
 * with these numbers:
 *	how many requests ended by an interrupt, with the right data
 *	interrupts whose ISR status had bit 0, and others
 *	1 if a request did not end by an interrupt, but is in the used ring
 *	1 if the last request changed the memory that the device writes to; of command f the
 *	number of notifications
 */
#include "ports.h"

#define TIMER			0x40
#define TIMER_CONTROL		0x43
#define TIMER_IRQ		0

#define LEGACY_PFN		0x08
#define LEGACY_QUEUE_SIZE	0x0c
#define LEGACY_QUEUE_SELECT	0x0e
#define LEGACY_QUEUE_NOTIFY	0x10
#define LEGACY_ISR		0x13
#define LEGACY_QUEUE_VECTOR	0x16

#define APIC_END_OF_INTERRUPT	0xfee000b0
#define APIC_MESSAGE		0xfee00000	/* to the first CPU */

#define PAGE			4096
#define SECTORS_OF_PAGE		8
#define DESCRIPTOR_NEXT		1
#define DESCRIPTOR_WRITE	2
#define NO_INTERRUPT		1
#define NET_HEADER		10
#define NET_BUFFER		1526
#define MOST_DESCRIPTORS	3
#define MOST_QUEUES		2

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
} __attribute__((packed));

struct ring {
	uint16_t flags;
	uint16_t index;
	/* Numbers of 2 bytes in the available ring, pairs of 4 bytes each in the used ring */
	uint16_t entries[];
};

struct queue {
	struct descriptor *descriptors;
	struct ring *available, *used;
	uint16_t size, seen;
};

struct part {
	uint32_t address, length;
	bool write;
};

enum way { READ_THEN_END, END_IF_QUEUE, END_THEN_READ, MESSAGE };

/* In RAM, by address */
struct driver {
	uint32_t irq, port, way;
	uint32_t set, clear, ticks;
	struct queue queues[MOST_QUEUES];
};

#define DRIVER		((struct driver *)0x4000)
#define QUEUE_MEMORY	0x100000
#define QUEUE_SPACE	0x10000
#define SENT		((uint8_t *)0x200000)
#define RECEIVED	((uint8_t *)0x210000)
/* Of a disk's request: header and status */
#define HEADER		((uint32_t *)0x220000)
#define STATUS		((uint8_t *)0x221000)
#define UNTOUCHED	0xa5

struct result {
	uint32_t good, late, changed;
};

static void fill(uint8_t *memory, uint8_t value, uint32_t bytes)
{
	asm volatile("cld; rep stosb" : "+D"(memory), "+c"(bytes) : "a"(value) : "memory");
}

/* --- Interrupts ---------------------------------------------------------------- */

static void end_interrupt(uint32_t irq)
{
	if (irq >= 8)
		out(PIC_SECOND, 1, END_OF_INTERRUPT);
	out(PIC, 1, END_OF_INTERRUPT);
}

void function_interrupt(void)
{
	uint32_t isr;

	if (DRIVER->way == MESSAGE) {
		DRIVER->set++;
		write_memory(APIC_END_OF_INTERRUPT, 0);
		return;
	}
	if (DRIVER->way == END_THEN_READ)
		end_interrupt(DRIVER->irq);
	isr = in(DRIVER->port + LEGACY_ISR, 1);
	if (isr & 1)
		DRIVER->set++;
	else
		DRIVER->clear++;
	if (DRIVER->way == READ_THEN_END || (DRIVER->way == END_IF_QUEUE && isr & 1))
		end_interrupt(DRIVER->irq);
}

void timer_interrupt(void)
{
	DRIVER->ticks++;
	end_interrupt(TIMER_IRQ);
}

static void mask(uint32_t irq, bool masked)
{
	uint16_t port = (irq < 8 ? PIC : PIC_SECOND) + 1;
	uint32_t bit = 1 << (irq & 7);

	out(port, 1, masked ? in(port, 1) | bit : in(port, 1) & ~bit);
}

static void start_timer(void)
{
	set_gate(TIMER_IRQ, timer_entry);
	out(TIMER_CONTROL, 1, 0x34);
	out(TIMER, 1, 0);
	out(TIMER, 1, 0);
}

static void take_interrupts(const char *text)
{
	uint32_t irq = number(&text);

	DRIVER->irq = irq;
	DRIVER->port = number(&text);
	DRIVER->way = number(&text);
	set_gate(irq, function_entry);
	/* The second PIC is at line 2 of the first */
	mask(2, false);
	mask(irq, false);
	start_timer();
}

static void take_messages(const char *text)
{
	uint32_t entry = number(&text);

	DRIVER->port = number(&text);
	DRIVER->way = MESSAGE;
	set_gate(MESSAGE_IRQ, function_entry);
	start_timer();
	write_memory(entry, APIC_MESSAGE);
	write_memory(entry + 4, 0);
	write_memory(entry + 8, MESSAGE_VECTOR);
	write_memory(entry + 12, 0);
}

/* --- Queues -------------------------------------------------------------------- */

static uint32_t set_up_queue(uint32_t number)
{
	struct queue *queue = &DRIVER->queues[number % MOST_QUEUES];
	uint8_t *memory = (uint8_t *)(QUEUE_MEMORY + number % MOST_QUEUES * QUEUE_SPACE);
	uint32_t size;

	out(DRIVER->port + LEGACY_QUEUE_SELECT, 2, number);
	size = in(DRIVER->port + LEGACY_QUEUE_SIZE, 2);
	if (DRIVER->way == MESSAGE) {
		out(DRIVER->port + LEGACY_QUEUE_VECTOR, 2, 0);
		if (in(DRIVER->port + LEGACY_QUEUE_VECTOR, 2))
			return 0;
	}
	fill(memory, 0, QUEUE_SPACE);
	queue->size = size;
	queue->seen = 0;
	queue->descriptors = (struct descriptor *)memory;
	queue->available = (struct ring *)(memory + size * sizeof(struct descriptor));
	queue->used = (struct ring *)(((uint32_t)&queue->available->entries[size + 1] + PAGE - 1) &
				      -PAGE);
	out(DRIVER->port + LEGACY_PFN, 4, (uint32_t)memory / PAGE);
	return size;
}

/* The parts take the first descriptors: there is one request at a time in each queue */
static void submit(uint32_t number, const struct part *parts, unsigned int count)
{
	struct queue *queue = &DRIVER->queues[number];
	unsigned int i;

	for (i = 0; i < count; i++) {
		queue->descriptors[i].address = parts[i].address;
		queue->descriptors[i].length = parts[i].length;
		queue->descriptors[i].flags = (parts[i].write ? DESCRIPTOR_WRITE : 0) |
					      (i + 1 < count ? DESCRIPTOR_NEXT : 0);
		queue->descriptors[i].next = i + 1;
	}
	queue->available->entries[queue->available->index % queue->size] = 0;
	asm volatile("" : : : "memory");
	queue->available->index++;
	out(DRIVER->port + LEGACY_QUEUE_NOTIFY, 2, number);
}

/*
 * Sleeps until an interrupt has come and the queue has one more used buffer. The timer wakes it,
 * too, but then it sleeps again, without a look at the queue.
 */
static bool completed(uint32_t number, uint32_t ticks, struct result *result)
{
	struct queue *queue = &DRIVER->queues[number];
	uint32_t handled = DRIVER->set, start = DRIVER->ticks;
	bool done = false;

	mask(TIMER_IRQ, false);
	while (!done && DRIVER->ticks - start < ticks) {
		if (DRIVER->set != handled) {
			handled = DRIVER->set;
			done = queue->used->index != queue->seen;
			continue;
		}
		/* An interrupt is taken only inside hlt, and memory is read anew after it */
		asm volatile("sti; hlt; cli" : : : "memory");
	}
	mask(TIMER_IRQ, true);
	if (!done) {
		result->late = queue->used->index != queue->seen;
		/* The handler may have left it like that: the serial port must work */
		end_interrupt(DRIVER->irq);
		return false;
	}
	queue->seen++;
	return queue->used->index == queue->seen;
}

/* --- Requests ------------------------------------------------------------------ */

static bool is_changed(const uint8_t *memory, uint32_t bytes)
{
	while (bytes--)
		if (*memory++ != UNTOUCHED)
			return true;
	return false;
}

static bool read_entropy(uint32_t ticks, struct result *result)
{
	const struct part part = { (uint32_t)RECEIVED, 64, true };
	bool done;

	fill(RECEIVED, UNTOUCHED, 64);
	submit(0, &part, 1);
	done = completed(0, ticks, result);
	result->changed = is_changed(RECEIVED, 64);
	return done && result->changed;
}

/* Of the requests that flow, by the descriptor: the device writes these */
#define FLOWING		((uint32_t (*)[2])RECEIVED)

static void flow_notify(struct result *result)
{
	out(DRIVER->port + LEGACY_QUEUE_NOTIFY, 2, 0);
	result->changed++;
}

static void flow_submit(struct queue *queue, uint32_t descriptor, bool notify,
			struct result *result)
{
	FLOWING[descriptor][0] = 0;
	FLOWING[descriptor][1] = 0;
	queue->descriptors[descriptor].address = (uint32_t)FLOWING[descriptor];
	queue->descriptors[descriptor].length = sizeof(FLOWING[descriptor]);
	queue->descriptors[descriptor].flags = DESCRIPTOR_WRITE;
	queue->available->entries[queue->available->index % queue->size] = descriptor;
	asm volatile("" : : : "memory");
	queue->available->index++;
	if (notify)
		flow_notify(result);
}

/* Takes what the device has used. Returns its number, or 0 for a wrong answer */
static uint32_t flow_take(struct queue *queue, uint32_t *taken)
{
	uint32_t count = 0, *used;

	while (queue->seen != queue->used->index) {
		asm volatile("" : : : "memory");
		used = (uint32_t *)queue->used->entries + queue->seen % queue->size * 2;
		if (used[0] >= queue->size || used[1] != sizeof(FLOWING[0]) ||
		    !(FLOWING[used[0]][0] | FLOWING[used[0]][1]))
			return 0;
		taken[count++] = used[0];
		queue->seen++;
	}
	return count;
}

/*
 * New requests follow for those that are over, so a request may end at each point of the handling
 * of the one before. The driver looks at the queue only after an interrupt, and once for each.
 */
static void flow(uint32_t total, uint32_t ticks, uint32_t depth, bool each,
		 struct result *result)
{
	struct queue *queue = &DRIVER->queues[0];
	uint32_t sent, handled = DRIVER->set, start, count, i, taken[16];

	if (!depth || depth > queue->size || depth > 16 || depth > total)
		return;
	for (sent = 0; sent < depth; sent++)
		flow_submit(queue, sent, each, result);
	if (!each)
		flow_notify(result);
	mask(TIMER_IRQ, false);
	start = DRIVER->ticks;
	while (result->good < total && DRIVER->ticks - start < ticks) {
		if (DRIVER->set == handled) {
			asm volatile("sti; hlt; cli" : : : "memory");
			continue;
		}
		handled = DRIVER->set;
		count = flow_take(queue, taken);
		/* An interrupt for what was taken before */
		if (!count)
			continue;
		start = DRIVER->ticks;
		result->good += count;
		for (i = 0; i < count && sent < total; i++, sent++)
			flow_submit(queue, taken[i], each, result);
		if (i && !each)
			flow_notify(result);
	}
	mask(TIMER_IRQ, true);
	if (result->good < total) {
		result->late = queue->used->index != queue->seen;
		end_interrupt(DRIVER->irq);
	}
}

/* Instructions of a turn below */
#define TURN	4
#define TURNS	2000000000u

/* Waits for an interrupt after @handled others. Returns the turns, or 0 if none comes. */
static uint32_t spin(uint32_t handled)
{
	uint32_t left = TURNS;

	asm volatile("sti\n1: subl $1, %0\n jz 2f\n cmpl %2, %1\n je 1b\n2: cli"
		     : "+r"(left) : "m"(DRIVER->set), "r"(handled) : "memory", "cc");
	return left ? TURNS - left : 0;
}

static void measure(uint32_t count)
{
	const struct part part = { (uint32_t)RECEIVED, 64, true };
	uint64_t least = ~0ull, start, taken;
	uint32_t good = 0, turns;

	for (; count--; good++) {
		start = ticks();
		submit(0, &part, 1);
		turns = spin(DRIVER->set);
		taken = ticks() - start;
		DRIVER->queues[0].seen++;
		if (!turns || DRIVER->queues[0].used->index != DRIVER->queues[0].seen)
			break;
		if (taken - (uint64_t)turns * TURN < least)
			least = taken - (uint64_t)turns * TURN;
	}
	put_number(least, ' ');
	put_number(good, '\n');
}

static uint32_t word_of(uint32_t sector, uint32_t i)
{
	return (sector << 16 ^ i) * 2654435761u;
}

static bool use_disk(bool write, uint32_t sector, uint32_t ticks, struct result *result)
{
	uint32_t *data = (uint32_t *)(write ? SENT : RECEIVED), i;
	const struct part parts[MOST_DESCRIPTORS] = {
		{ (uint32_t)HEADER, 16, false },
		{ (uint32_t)data, PAGE, !write },
		{ (uint32_t)STATUS, 1, true },
	};
	bool done;

	HEADER[0] = write;
	HEADER[1] = 0;
	HEADER[2] = sector;
	HEADER[3] = 0;
	*STATUS = UNTOUCHED;
	if (write)
		for (i = 0; i < PAGE / 4; i++)
			data[i] = word_of(sector, i);
	else
		fill((uint8_t *)data, UNTOUCHED, PAGE);
	submit(0, parts, MOST_DESCRIPTORS);
	done = completed(0, ticks, result);
	result->changed = *STATUS != UNTOUCHED ||
			  (!write && is_changed((uint8_t *)data, PAGE));
	for (i = 0; i < PAGE / 4; i++)
		done = done && data[i] == word_of(sector, i);
	return done && *STATUS == 0;
}

static const uint8_t question[] = {
	/* Header of virtio, without offloads */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* To all, from 52:54:00:00:00:01, ARP */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 1, 8, 6,
	/* Ethernet and IPv4, a question */
	0, 1, 8, 0, 6, 4, 0, 1,
	0x52, 0x54, 0, 0, 0, 1, 10, 0, 2, 15,
	0, 0, 0, 0, 0, 0, 10, 0, 2, 2,
};

/* Offsets in the answer: what it is, and the gateway's address as the one that says it */
#define ARP_OPERATION	(NET_HEADER + 14 + 7)
#define ARP_SENDER	(NET_HEADER + 14 + 14)

static bool ask_gateway(uint32_t ticks, struct result *result)
{
	const struct part receive = { (uint32_t)RECEIVED, NET_HEADER + NET_BUFFER, true };
	const struct part send = { (uint32_t)SENT, sizeof(question), false };
	unsigned int i;
	bool done;

	/* The device may be unable to read the firmware's memory */
	for (i = 0; i < sizeof(question); i++)
		SENT[i] = question[i];
	fill(RECEIVED, UNTOUCHED, NET_HEADER + NET_BUFFER);
	submit(0, &receive, 1);
	DRIVER->queues[1].available->flags = NO_INTERRUPT;
	submit(1, &send, 1);
	done = completed(0, ticks, result);
	result->changed = is_changed(RECEIVED, NET_HEADER + NET_BUFFER);
	return done && RECEIVED[NET_HEADER + 13] == 6 && RECEIVED[ARP_OPERATION] == 2 &&
	       RECEIVED[ARP_SENDER] == 10 && RECEIVED[ARP_SENDER + 3] == 2;
}

static void answer(const struct result *result)
{
	put_number(result->good, ' ');
	put_number(DRIVER->set, ' ');
	put_number(DRIVER->clear, ' ');
	put_number(result->late, ' ');
	put_number(result->changed, '\n');
}

bool driver_command(char command, const char *text)
{
	struct result result = {};
	uint32_t write = 0, sector = 0, count, ticks, depth;
	bool good = true;

	switch (command) {
	case 'e':
		take_interrupts(text);
		put_number(in(DRIVER->port + LEGACY_ISR, 1), '\n');
		return true;
	case 'v':
		take_messages(text);
		put_number(in(DRIVER->port + LEGACY_QUEUE_VECTOR, 2), '\n');
		return true;
	case 'z':
		ticks = DRIVER->ticks + number(&text);
		mask(TIMER_IRQ, false);
		while (!DRIVER->set && (int32_t)(ticks - DRIVER->ticks) > 0)
			asm volatile("sti; hlt; cli" : : : "memory");
		mask(TIMER_IRQ, true);
		put_number(DRIVER->set, '\n');
		return true;
	case 'x':
		measure(number(&text));
		return true;
	case 'q':
		put_number(set_up_queue(number(&text)), '\n');
		return true;
	case 'd':
		write = number(&text);
		sector = number(&text);
		break;
	case 'r':
	case 'a':
	case 'f':
		break;
	default:
		return false;
	}
	count = number(&text);
	ticks = number(&text);
	DRIVER->set = 0;
	DRIVER->clear = 0;
	if (command == 'f') {
		depth = number(&text);
		flow(count, ticks, depth, number(&text), &result);
		answer(&result);
		return true;
	}
	while (good && result.good < count) {
		if (command == 'd')
			good = use_disk(write, sector + result.good * SECTORS_OF_PAGE, ticks,
					&result);
		else if (command == 'r')
			good = read_entropy(ticks, &result);
		else
			good = ask_gateway(ticks, &result);
		if (good)
			result.good++;
	}
	answer(&result);
	return true;
}
