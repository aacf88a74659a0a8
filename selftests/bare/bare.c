// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program without any operating system that uses the core as a library. It finds PFs, enables a
 * VF of each, and drives it as a legacy guest would, through the library's ports: DMA, doorbell,
 * ISR status, MSI-X, and INTx by the library's state machine. It prints TAP.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>

#include <virtio_mmr.h>

#include "machine.h"

#define PLAN		38
#define PAGE		4096
#define QUEUE_SIZE_MAX	256
#define TRIES		20000000
#define BYTES		64
#define SECTOR		512
#define FIRST_SECTOR	8192
#define STATUS_READY	7
#define DESC_NEXT	1
#define DESC_WRITE	2
#define QUEUES		2
#define RECEIVE		0
#define TRANSMIT	1
#define NET_HEADER	10
#define FRAME		1514

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

/* Everything about one VF */
static struct vf {
	struct place place;
	uint32_t addresses[6], sizes[6];
	struct virtio_mmr_scan scan;
	struct virtio_mmr_view view;
	struct virtio_mmr_port port;
	uintptr_t doorbells[QUEUES];
	uint16_t queue_size, sent[QUEUES];
	struct virtio_mmr_interrupt interrupt;
	struct virtio_mmr_vectors vectors;
	/* Those of MSI-X, and those that a guest would get of them */
	unsigned int interrupts, signals;
} vf;

static uint8_t queues[QUEUES][4 * PAGE] __attribute__((aligned(PAGE)));
static uint8_t data[PAGE] __attribute__((aligned(PAGE)));
static struct virtio_mmr_lists lists;
static unsigned int tests;
static bool failed;

/* Compilers call these even without a library. */
void *memset(void *to, int byte, size_t count)
{
	uint8_t *at = to;

	while (count--) {
		*at++ = byte;
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
	const uint8_t *source = from;
	uint8_t *at = to;

	while (count--) {
		*at++ = *source++;
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

static bool check(bool good, const char *type, const char *what)
{
	tests++;
	print(good ? "ok " : "not ok ");
	if (tests >= 10)
		print((char[]){ '0' + tests / 10, 0 });
	print((char[]){ '0' + tests % 10, ' ', 0 });
	print(type);
	print(".");
	print(what);
	print("\n");
	failed |= !good;
	return good;
}

/* --- The library's operations ------------------------------------------------------------ */

static bool read_config(void *context, unsigned int position, uint32_t *value)
{
	struct vf *vf = context;

	*value = ecam_read(vf->place, position, 4);
	return true;
}

static uintptr_t window(const struct vf *vf)
{
	return vf->addresses[vf->scan.cap.bar] + vf->scan.cap.offset;
}

static uint32_t read_register(void *context, uint32_t offset, uint32_t width)
{
	return load(window(context) + offset, width);
}

static void write_register(void *context, uint32_t offset, uint32_t width, uint32_t value)
{
	store(window(context) + offset, width, value);
}

static void notify(void *context, uint16_t queue_)
{
	struct vf *vf = context;

	store(vf->doorbells[queue_], 2, queue_);
}

static const struct virtio_mmr_port_ops ops = {
	.read = read_register, .write = write_register, .notify = notify,
};

/* What an OUT and an IN of a guest would do */
static void out(uint32_t offset, uint32_t width, uint32_t value)
{
	struct virtio_mmr_port_reset reset;
	uint8_t raw[4];

	virtio_mmr_put_le32(raw, value);
	reset = virtio_mmr_port_write(&vf.port, offset, raw, width);
	while (reset.asked && reset.status)
		reset.status = read_register(&vf, VIRTIO_MMR_DEVICE_STATUS, 1);
}

static uint32_t in(uint32_t offset, uint32_t width)
{
	uint8_t raw[4] = {};

	virtio_mmr_port_read(&vf.port, offset, raw, width);
	return virtio_mmr_get_le32(raw);
}

static bool find_doorbells(unsigned int count)
{
	uintptr_t common = vf.addresses[vf.scan.common_config.bar] + vf.scan.common_config.offset;
	unsigned long long offset;
	unsigned int number;

	if (!vf.scan.has_notification ||
	    virtio_mmr_doorbell_judge(load(common + VIRTIO_PCI_COMMON_STATUS, 1),
				      load(common + VIRTIO_PCI_COMMON_NUMQ, 2)))
		return false;
	for (number = 0; number < count; number++) {
		store(common + VIRTIO_PCI_COMMON_Q_SELECT, 2, number);
		if (virtio_mmr_doorbell_place(&vf.scan, load(common + VIRTIO_PCI_COMMON_Q_NOFF, 2),
					      &offset))
			return false;
		vf.doorbells[number] = vf.addresses[vf.scan.notify.bar] +
				       vf.scan.notify.offset + offset;
	}
	return true;
}

/* --- A legacy driver ------------------------------------------------------------------------ */

static uint32_t view_id(unsigned int position)
{
	return virtio_mmr_view_read(&vf.view, position, ecam_read(vf.place, position, 1)) |
	       virtio_mmr_view_read(&vf.view, position + 1,
				    ecam_read(vf.place, position + 1, 1)) << 8;
}

static bool start_queue(uint16_t number)
{
	out(VIRTIO_MMR_QUEUE_SELECT, 2, number);
	vf.queue_size = in(VIRTIO_MMR_QUEUE_SIZE, 2);
	if (!vf.queue_size || vf.queue_size > QUEUE_SIZE_MAX)
		return false;
	memset(queues[number], 0, sizeof(queues[number]));
	vf.sent[number] = 0;
	out(VIRTIO_MMR_QUEUE_ADDRESS, 4, (uintptr_t)queues[number] / PAGE);
	if (vf.interrupt.engaged)
		return virtio_mmr_vectors_set_queue(&vf.vectors, &ops, &vf, number,
						    VIRTIO_MMR_VECTOR_OF_QUEUES) ==
		       VIRTIO_MMR_REFUSED_NONE;
	if (!vf.port.layout.has_vectors)
		return true;
	out(VIRTIO_MMR_QUEUE_VECTOR, 2, 0);
	return !in(VIRTIO_MMR_QUEUE_VECTOR, 2);
}

static bool start_driver(unsigned int count)
{
	unsigned int number;

	out(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 1);
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 3);
	out(VIRTIO_MMR_DRIVER_FEATURES, 4, 0);
	for (number = 0; number < count; number++)
		if (!start_queue(number))
			return false;
	out(VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_READY);
	return in(VIRTIO_MMR_DEVICE_STATUS, 1) == STATUS_READY;
}

static uint8_t *available(unsigned int number)
{
	return queues[number] + vf.queue_size * sizeof(struct descriptor);
}

static uint8_t *used(unsigned int number)
{
	uintptr_t end = (uintptr_t)available(number) + 4 + 2 * vf.queue_size + 2;

	return (uint8_t *)((end + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

/* The chain at descriptor 0 goes to the device. */
static void submit(unsigned int number)
{
	virtio_mmr_put_le16(available(number) + 4 + 2 * (vf.sent[number] % vf.queue_size), 0);
	vf.sent[number]++;
	store((uintptr_t)available(number) + 2, 2, vf.sent[number]);
	out(VIRTIO_MMR_QUEUE_NOTIFY, 2, number);
}

static bool is_back(unsigned int number)
{
	return load((uintptr_t)used(number) + 2, 2) == vf.sent[number];
}

static bool wait(unsigned int number)
{
	unsigned int tries;

	for (tries = 0; tries < TRIES; tries++)
		if (is_back(number))
			return true;
	return false;
}

static bool request(void)
{
	submit(0);
	return wait(0);
}

static void describe_in(unsigned int queue, unsigned int number, void *at, uint32_t length,
			uint16_t flags)
{
	((struct descriptor *)queues[queue])[number] = (struct descriptor){
		.address = (uintptr_t)at, .length = length, .flags = flags, .next = number + 1,
	};
}

static void describe(unsigned int number, void *at, uint32_t length, uint16_t flags)
{
	describe_in(0, number, at, length, flags);
}

/* Two requests give different bytes, and the device says so in ISR status. */
static void drive_entropy(void)
{
	uint8_t first[BYTES];
	unsigned int i, different = 0;

	describe(0, data, BYTES, DESC_WRITE);
	if (!check(request(), "rng", "request"))
		return;
	check(in(VIRTIO_MMR_ISR_STATUS, 1) == 1 && !in(VIRTIO_MMR_ISR_STATUS, 1), "rng", "isr");
	memcpy(first, data, BYTES);
	check(request(), "rng", "second_request");
	for (i = 0; i < BYTES; i++)
		different += first[i] != data[i];
	check(different > BYTES / 2, "rng", "bytes");
}

static bool disk(bool write, uint8_t *buffer)
{
	static struct {
		uint32_t type, reserved;
		uint64_t sector;
	} header;
	static uint8_t status;

	header.type = write;
	header.sector = FIRST_SECTOR;
	status = 0xff;
	describe(0, &header, 16, DESC_NEXT);
	describe(1, buffer, SECTOR, DESC_NEXT | (write ? 0 : DESC_WRITE));
	describe(2, &status, 1, DESC_WRITE);
	return request() && !load((uintptr_t)&status, 1);
}

static void drive_disk(void)
{
	unsigned int i;
	bool same = true;

	for (i = 0; i < SECTOR; i++)
		data[i] = i * 7 + i / 256;
	check(disk(true, data), "blk", "write");
	memset(data, 0, SECTOR);
	check(disk(false, data), "blk", "read");
	for (i = 0; i < SECTOR; i++)
		same &= data[i] == (uint8_t)(i * 7 + i / 256);
	check(same, "blk", "same");
	/* Capacity in sectors, in the device-specific configuration: 64 MiB */
	check(in(VIRTIO_MMR_CONFIG_VECTOR, 4) == 64 * 2048, "blk", "capacity");
}

/* A question by ARP for the address of the network's gateway */
static void drive_network(void)
{
	static uint8_t question[NET_HEADER + 42] = {
		[NET_HEADER] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 1, 8, 6,
		0, 1, 8, 0, 6, 4, 0, 1,
		0x52, 0x54, 0, 0, 0, 1, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2,
	};

	memset(data, 0, sizeof(data));
	describe_in(RECEIVE, 0, data, NET_HEADER + FRAME, DESC_WRITE);
	describe_in(TRANSMIT, 0, question, sizeof(question), 0);
	submit(RECEIVE);
	submit(TRANSMIT);
	check(wait(TRANSMIT), "net", "sent");
	check(wait(RECEIVE), "net", "received");
	/* An answer of ARP, by 10.0.2.2 */
	check(data[NET_HEADER + 13] == 6 && data[NET_HEADER + 21] == 2 &&
	      data[NET_HEADER + 28] == 10 && data[NET_HEADER + 31] == 2, "net", "answer");
}

/* --- Interrupts --------------------------------------------------------------------------- */

/* Of MSI-X. While the library makes INTx of it, a guest would get a signal for it. */
void interrupt(void)
{
	vf.interrupts++;
	if (vf.interrupt.engaged &&
	    virtio_mmr_interrupt_raise(&vf.interrupt, VIRTIO_MMR_ISR_QUEUE))
		vf.signals++;
	interrupt_end();
}

static void switch_msix(bool on)
{
	uintptr_t entry = vf.addresses[vf.scan.function.msix_table.bar] +
			  vf.scan.function.msix_table.offset;

	store(entry + PCI_MSIX_ENTRY_LOWER_ADDR, 4, MESSAGE_ADDRESS);
	store(entry + PCI_MSIX_ENTRY_UPPER_ADDR, 4, 0);
	store(entry + PCI_MSIX_ENTRY_DATA, 4, MESSAGE_DATA);
	store(entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 4, 0);
	ecam_write(vf.place, vf.scan.msix_flags, 2, on ? PCI_MSIX_FLAGS_ENABLE : 0);
}

/* Sleeps until the device has interrupted. The machine's time limit ends a vain sleep. */
static bool request_asleep(void)
{
	unsigned int before = vf.interrupts;

	describe(0, data, BYTES, DESC_WRITE);
	submit(0);
	while (vf.interrupts == before)
		interrupt_wait();
	return is_back(0) && vf.interrupts == before + 1;
}

/* As a guest with MSI-X, which finds the registers of vectors in its ports */
static void drive_by_msix(void)
{
	switch_msix(true);
	vf.port.layout.has_vectors = true;
	if (!check(start_driver(1), "rng", "msix_driver"))
		return;
	check(request_asleep() && request_asleep(), "rng", "msix_requests");
	vf.port.layout.has_vectors = false;
}

/* As a guest without MSI-X: the device's vector serves it, and the guest sees none. */
static void drive_by_intx(void)
{
	vf.interrupt.connected = true;
	vf.interrupt.engaged = true;
	vf.vectors.count = 1;
	vf.vectors.config = VIRTIO_MMR_NO_VECTOR;
	if (!check(start_driver(1), "rng", "intx_driver"))
		return;
	check(request_asleep() && vf.signals == 1, "rng", "intx_request");
	check(virtio_mmr_interrupt_read(&vf.interrupt) == VIRTIO_MMR_ISR_QUEUE, "rng", "intx_isr");
	check(!virtio_mmr_interrupt_read(&vf.interrupt), "rng", "intx_isr_cleared");
	check(!virtio_mmr_interrupt_unmask(&vf.interrupt) && vf.signals == 1, "rng", "intx_end");
	/* The guest has not ended this one when the next request is done. */
	check(request_asleep() && request_asleep() && vf.signals == 2, "rng", "intx_masked");
	switch_msix(false);
	vf.interrupt.engaged = false;
}

/* --- All functions ------------------------------------------------------------------------- */

static bool scan(uint16_t device, uint8_t wide)
{
	struct virtio_mmr_space space = {
		.read = read_config, .context = &vf, .size = VIRTIO_MMR_CONFIG_SIZE_EXTENDED,
	};
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];
	unsigned int bar;

	for (bar = 0; bar < 6; bar++)
		if (vf.sizes[bar])
			virtio_mmr_function_set_bar(&vf.scan.function, bar, vf.sizes[bar],
						    VIRTIO_MMR_BAR_FLAG_MEMORY |
						    VIRTIO_MMR_BAR_FLAG_ASSIGNED |
						    (wide & 1 << bar ?
						     VIRTIO_MMR_BAR_FLAG_64_BIT : 0));
	virtio_mmr_space_find_known(&space);
	virtio_mmr_scan_run(&vf.scan, &space, &lists, 0x1af4, device, NULL);
	if (vf.scan.verdict == VIRTIO_MMR_SCAN_USABLE)
		return true;
	virtio_mmr_scan_explain(why, sizeof(why), &vf.scan, &lists, 0x1af4, device);
	print("# ");
	print(why);
	print("\n");
	return false;
}

static void drive(struct place pf, unsigned int sriov)
{
	uint16_t device = ecam_read(pf, sriov + PCI_SRIOV_VF_DID, 2);
	bool is_net = device == VIRTIO_MMR_DEVICE_NET, is_rng = device == VIRTIO_MMR_DEVICE_RNG;
	const char *type = is_net ? "net" : is_rng ? "rng" : "blk";
	uint8_t wide;

	memset(&vf, 0, sizeof(vf));
	if (!check(sriov_enable(pf, sriov, &vf.place, vf.addresses, vf.sizes, &wide), type,
		   "vf_enabled") ||
	    !check(scan(device, wide), type, "usable"))
		return;
	virtio_mmr_view_init(&vf.view, &vf.scan, NULL);
	check(view_id(PCI_DEVICE_ID) == (is_net ? 0x1000 : is_rng ? 0x1005 : 0x1001), type,
	      "identity");
	vf.port = (struct virtio_mmr_port){
		.ops = &ops, .context = &vf, .length = vf.scan.cap.length,
	};
	ecam_write(vf.place, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (!check(find_doorbells(is_net ? 2 : 1), type, "doorbells") ||
	    !check(start_driver(is_net ? 2 : 1), type, "driver"))
		return;
	if (is_net) {
		drive_network();
	} else if (is_rng) {
		drive_entropy();
		drive_by_msix();
		drive_by_intx();
	} else {
		drive_disk();
	}
	/* A reset is over when the OUT ends. */
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	check(!in(VIRTIO_MMR_DEVICE_STATUS, 1), type, "reset");
}

__attribute__((noreturn)) void bare_main(void);

void bare_main(void)
{
	struct place pf = {};
	unsigned int sriov, found = 0;

	print("TAP version 13\n1..38\n");
	if (!ecam_find()) {
		print("Bail out! no ECAM\n");
		finish(false);
	}
	interrupts_start();
	for (; sriov_find(&pf, &sriov); found++)
		drive(pf, sriov);
	check(found == 3, "machine", "pfs");
	finish(!failed && tests == PLAN);
}
