// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program without any operating system that uses the core as a library. It finds PFs, enables a
 * VF of each, and drives it as a legacy guest would, through the library's ports: DMA, doorbell,
 * and ISR status in place of an interrupt. It prints TAP.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>

#include <virtio_mmr.h>

#include "machine.h"

#define PLAN		21
#define PAGE		4096
#define QUEUE_SIZE_MAX	256
#define TRIES		20000000
#define BYTES		64
#define SECTOR		512
#define FIRST_SECTOR	8192
#define STATUS_READY	7
#define DESC_NEXT	1
#define DESC_WRITE	2

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
	uintptr_t doorbell;
	uint16_t queue_size, sent;
} vf;

static uint8_t queue[4 * PAGE] __attribute__((aligned(PAGE)));
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

	store(vf->doorbell, 2, queue_);
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

static bool find_doorbell(void)
{
	uintptr_t common = vf.addresses[vf.scan.common_config.bar] + vf.scan.common_config.offset;
	unsigned long long offset;

	if (!vf.scan.has_notification ||
	    virtio_mmr_doorbell_judge(load(common + VIRTIO_PCI_COMMON_STATUS, 1),
				      load(common + VIRTIO_PCI_COMMON_NUMQ, 2)))
		return false;
	store(common + VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	if (virtio_mmr_doorbell_place(&vf.scan, load(common + VIRTIO_PCI_COMMON_Q_NOFF, 2),
				      &offset))
		return false;
	vf.doorbell = vf.addresses[vf.scan.notify.bar] + vf.scan.notify.offset + offset;
	return true;
}

/* --- A legacy driver ------------------------------------------------------------------------ */

static uint32_t view_id(unsigned int position)
{
	return virtio_mmr_view_read(&vf.view, position, ecam_read(vf.place, position, 1)) |
	       virtio_mmr_view_read(&vf.view, position + 1,
				    ecam_read(vf.place, position + 1, 1)) << 8;
}

static bool start_driver(void)
{
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 1);
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 3);
	out(VIRTIO_MMR_DRIVER_FEATURES, 4, 0);
	out(VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	vf.queue_size = in(VIRTIO_MMR_QUEUE_SIZE, 2);
	if (!vf.queue_size || vf.queue_size > QUEUE_SIZE_MAX)
		return false;
	memset(queue, 0, sizeof(queue));
	vf.sent = 0;
	out(VIRTIO_MMR_QUEUE_ADDRESS, 4, (uintptr_t)queue / PAGE);
	out(VIRTIO_MMR_DEVICE_STATUS, 1, STATUS_READY);
	return in(VIRTIO_MMR_DEVICE_STATUS, 1) == STATUS_READY;
}

static uint8_t *available(void)
{
	return queue + vf.queue_size * sizeof(struct descriptor);
}

static uint8_t *used(void)
{
	uintptr_t end = (uintptr_t)available() + 4 + 2 * vf.queue_size + 2;

	return (uint8_t *)((end + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
}

/* The chain at descriptor 0 goes to the device. Returns whether it came back. */
static bool request(void)
{
	unsigned int tries;

	virtio_mmr_put_le16(available() + 4 + 2 * (vf.sent % vf.queue_size), 0);
	vf.sent++;
	store((uintptr_t)available() + 2, 2, vf.sent);
	out(VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	for (tries = 0; tries < TRIES; tries++)
		if (load((uintptr_t)used() + 2, 2) == vf.sent)
			return true;
	return false;
}

static void describe(unsigned int number, void *at, uint32_t length, uint16_t flags)
{
	((struct descriptor *)queue)[number] = (struct descriptor){
		.address = (uintptr_t)at, .length = length, .flags = flags, .next = number + 1,
	};
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
	const char *type = device == VIRTIO_MMR_DEVICE_RNG ? "rng" : "blk";
	uint8_t wide;

	memset(&vf, 0, sizeof(vf));
	if (!check(sriov_enable(pf, sriov, &vf.place, vf.addresses, vf.sizes, &wide), type,
		   "vf_enabled") ||
	    !check(scan(device, wide), type, "usable"))
		return;
	virtio_mmr_view_init(&vf.view, &vf.scan, NULL);
	check(view_id(PCI_DEVICE_ID) == (device == VIRTIO_MMR_DEVICE_RNG ? 0x1005 : 0x1001), type,
	      "identity");
	vf.port = (struct virtio_mmr_port){
		.ops = &ops, .context = &vf, .length = vf.scan.cap.length,
	};
	ecam_write(vf.place, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (!check(find_doorbell(), type, "doorbell") || !check(start_driver(), type, "driver"))
		return;
	if (device == VIRTIO_MMR_DEVICE_RNG)
		drive_entropy();
	else
		drive_disk();
	/* A reset is over when the OUT ends. */
	out(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	check(!in(VIRTIO_MMR_DEVICE_STATUS, 1), type, "reset");
}

__attribute__((noreturn)) void bare_main(void);

void bare_main(void)
{
	struct place pf = {};
	unsigned int sriov, found = 0;

	print("TAP version 13\n1..21\n");
	if (!ecam_find()) {
		print("Bail out! no ECAM\n");
		finish(false);
	}
	for (; sriov_find(&pf, &sriov); found++)
		drive(pf, sriov);
	check(found == 2, "machine", "pfs");
	finish(!failed && tests == PLAN);
}
