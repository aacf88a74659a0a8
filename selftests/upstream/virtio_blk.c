// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver of legacy virtio block functions for libvfio, the library of the kernel's own tests of
 * VFIO (tools/testing/selftests/vfio). Those tests and irq_test of KVM need a device that copies
 * memory and sends an interrupt on demand. A block device copies through its first sectors, which
 * are OVERWRITTEN: a write request reads memory, and a read request writes memory.
 *
 * VIRTIO_MMR_IOMMU_MODE names the IOMMU mode of tests that leave it to libvfio, which always takes
 * iommufd.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#include <libvfio.h>

#define VENDOR_ID	0x1af4
#define MSIX_VECTOR	0
#define QUEUE		0

/* A request has a header, data and a status */
#define DESCRIPTORS	3

/*
 * A device that meets an address without a mapping stops to use its queue, and the legacy interface
 * has no register for that. The kernel's test has ten such copies and 30 seconds for them.
 */
#define PATIENCE_MS	1500

/* Legacy rings are little-endian on x86, where these tests run */
struct request {
	struct virtio_blk_outhdr header;
	u8 status;
};

struct state {
	struct vring ring;
	struct request *requests;
	u16 used;
	iova_t destination;
	u64 size;
	u64 count;
};

/* libvfio hands the driver one region, and no pointer of its own: the state is at its start */
static struct state *to_state(struct vfio_pci_device *device)
{
	return device->driver.region.vaddr;
}

static void access_register(struct vfio_pci_device *device, bool write, u32 offset, void *value,
			    size_t width)
{
	u64 position = device->bars[0].info.offset + offset;
	ssize_t done = write ? pwrite(device->fd, value, width, position) :
			       pread(device->fd, value, width, position);

	VFIO_ASSERT_EQ(done, (ssize_t)width, "Failed to access register %u\n", offset);
}

static u32 read_register(struct vfio_pci_device *device, u32 offset, size_t width)
{
	u32 value = 0;

	access_register(device, false, offset, &value, width);
	return value;
}

static void write_register(struct vfio_pci_device *device, u32 offset, size_t width, u32 value)
{
	access_register(device, true, offset, &value, width);
}

static u64 milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static int virtio_blk_probe(struct vfio_pci_device *device)
{
	if (!vfio_pci_device_match(device, VENDOR_ID, VIRTIO_TRANS_ID_BLOCK) ||
	    vfio_pci_config_readb(device, PCI_REVISION_ID) != VIRTIO_PCI_ABI_VERSION ||
	    !device->bars[0].info.size || device->bars[0].vaddr)
		return -ENODEV;
	return 0;
}

static void start_device(struct vfio_pci_device *device)
{
	struct dma_region *region = &device->driver.region;
	struct state *state = to_state(device);
	unsigned int size, requests;
	void *ring;
	u64 end;

	write_register(device, VIRTIO_PCI_STATUS, 1, 0);
	while (read_register(device, VIRTIO_PCI_STATUS, 1))
		usleep(1000);
	write_register(device, VIRTIO_PCI_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	write_register(device, VIRTIO_PCI_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE |
						     VIRTIO_CONFIG_S_DRIVER);
	write_register(device, VIRTIO_PCI_GUEST_FEATURES, 4, 0);

	write_register(device, VIRTIO_PCI_QUEUE_SEL, 2, QUEUE);
	size = read_register(device, VIRTIO_PCI_QUEUE_NUM, 2);
	VFIO_ASSERT_GE(size, DESCRIPTORS);
	requests = size / DESCRIPTORS;

	ring = region->vaddr + VIRTIO_PCI_VRING_ALIGN;
	end = VIRTIO_PCI_VRING_ALIGN + vring_size(size, VIRTIO_PCI_VRING_ALIGN);
	VFIO_ASSERT_LE(sizeof(*state), VIRTIO_PCI_VRING_ALIGN);
	VFIO_ASSERT_LE(end + requests * sizeof(*state->requests), region->size);
	memset(region->vaddr, 0, end);
	vring_init(&state->ring, size, ring, VIRTIO_PCI_VRING_ALIGN);
	state->requests = region->vaddr + end;

	write_register(device, VIRTIO_MSI_QUEUE_VECTOR, 2, MSIX_VECTOR);
	VFIO_ASSERT_EQ(read_register(device, VIRTIO_MSI_QUEUE_VECTOR, 2), MSIX_VECTOR);
	write_register(device, VIRTIO_PCI_QUEUE_PFN, 4,
		       to_iova(device, ring) >> VIRTIO_PCI_QUEUE_ADDR_SHIFT);
	write_register(device, VIRTIO_PCI_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE |
						     VIRTIO_CONFIG_S_DRIVER |
						     VIRTIO_CONFIG_S_DRIVER_OK);
}

static void virtio_blk_init(struct vfio_pci_device *device)
{
	struct vfio_pci_driver *driver = &device->driver;
	u64 sectors;

	vfio_pci_cmd_set(device, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	/* Before the vector registers are used: they exist while MSI-X is enabled */
	vfio_pci_msix_enable(device, MSIX_VECTOR, 1);
	start_device(device);

	access_register(device, false, VIRTIO_PCI_CONFIG_OFF(true), &sectors, sizeof(sectors));
	VFIO_ASSERT_GT(sectors, 0);
	driver->max_memcpy_size = min_t(u64, sectors * 512, SZ_64K);
	driver->max_memcpy_count = to_state(device)->ring.num / DESCRIPTORS;
	driver->msi = MSIX_VECTOR;
}

static void virtio_blk_remove(struct vfio_pci_device *device)
{
	write_register(device, VIRTIO_PCI_STATUS, 1, 0);
	while (read_register(device, VIRTIO_PCI_STATUS, 1))
		usleep(1000);
	vfio_pci_msix_disable(device);
	vfio_pci_cmd_clear(device, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
}

static void set_descriptor(struct state *state, unsigned int index, iova_t address, u32 length,
			   u16 flags)
{
	state->ring.desc[index] = (struct vring_desc){
		.addr = address,
		.len = length,
		.flags = flags,
		.next = flags & VRING_DESC_F_NEXT ? index + 1 : 0,
	};
}

/* Makes @count requests available, all for the first sectors, and notifies the device */
static void submit(struct vfio_pci_device *device, u32 type, iova_t data, u32 size,
		   unsigned int count, bool interrupt)
{
	bool is_write = type == VIRTIO_BLK_T_OUT;
	struct state *state = to_state(device);
	unsigned int i, first;
	struct request *request;

	state->ring.avail->flags = interrupt ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	for (i = 0; i < count; i++) {
		request = &state->requests[i];
		request->header = (struct virtio_blk_outhdr){ .type = type };
		request->status = 0xff;
		first = i * DESCRIPTORS;
		set_descriptor(state, first, to_iova(device, &request->header),
			       sizeof(request->header), VRING_DESC_F_NEXT);
		set_descriptor(state, first + 1, data, size,
			       VRING_DESC_F_NEXT | (is_write ? 0 : VRING_DESC_F_WRITE));
		set_descriptor(state, first + 2, to_iova(device, &request->status), 1,
			       VRING_DESC_F_WRITE);
		state->ring.avail->ring[(u16)(state->used + i) % state->ring.num] = first;
	}
	__atomic_store_n(&state->ring.avail->idx, state->used + count, __ATOMIC_SEQ_CST);
	write_register(device, VIRTIO_PCI_QUEUE_NOTIFY, 2, QUEUE);
}

/* Waits for all requests of submit(). Returns 0, -ETIMEDOUT or -EIO */
static int complete(struct vfio_pci_device *device, unsigned int count)
{
	struct state *state = to_state(device);
	u64 end = milliseconds() + PATIENCE_MS;
	u16 last = state->used + count;
	unsigned int i;

	while (__atomic_load_n(&state->ring.used->idx, __ATOMIC_SEQ_CST) != last) {
		if (milliseconds() > end)
			return -ETIMEDOUT;
		usleep(100);
	}
	state->used = last;
	for (i = 0; i < count; i++)
		if (state->requests[i].status != VIRTIO_BLK_S_OK)
			return -EIO;
	return 0;
}

static void virtio_blk_memcpy_start(struct vfio_pci_device *device, iova_t src, iova_t dst,
				    u64 size, u64 count)
{
	struct state *state = to_state(device);

	state->destination = dst;
	state->size = size;
	state->count = count;
	submit(device, VIRTIO_BLK_T_OUT, src, size, count, false);
}

/* The device may change the order of requests, so reads begin when all writes have ended */
static int virtio_blk_memcpy_wait(struct vfio_pci_device *device)
{
	struct state *state = to_state(device);
	int error = complete(device, state->count);

	if (!error) {
		submit(device, VIRTIO_BLK_T_IN, state->destination, state->size, state->count,
		       false);
		error = complete(device, state->count);
	}
	/* Ends DMA of requests that are not complete, and makes the queue usable again */
	if (error)
		start_device(device);
	return error;
}

static void virtio_blk_send_msi(struct vfio_pci_device *device)
{
	struct state *state = to_state(device);
	/* At the end of the region, where no request is */
	void *name = device->driver.region.vaddr + device->driver.region.size - VIRTIO_BLK_ID_BYTES;

	VFIO_ASSERT_LE((void *)(state->requests + state->ring.num), name);
	submit(device, VIRTIO_BLK_T_GET_ID, to_iova(device, name), VIRTIO_BLK_ID_BYTES, 1, true);
	VFIO_ASSERT_EQ(complete(device, 1), 0);
}

struct vfio_pci_driver_ops virtio_blk_ops = {
	.name = "virtio_blk",
	.probe = virtio_blk_probe,
	.init = virtio_blk_init,
	.remove = virtio_blk_remove,
	.memcpy_start = virtio_blk_memcpy_start,
	.memcpy_wait = virtio_blk_memcpy_wait,
	.send_msi = virtio_blk_send_msi,
};

static void __attribute__((constructor)) choose_iommu_mode(void)
{
	const char *mode = getenv("VIRTIO_MMR_IOMMU_MODE");

	if (mode)
		default_iommu_mode = mode;
}
