// SPDX-License-Identifier: GPL-2.0-only
/*
 * A modern driver without MSI-X on a transitional function: it writes no vectors and reads ISR
 * status in a memory BAR. The driver of the host programs the vectors for it, and answers reads
 * of ISR status. A VMM must not map those registers into the guest for that.
 */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/modern.h"
#include "lib/qmp.h"
#include "lib/report.h"
#include "lib/session.h"
#include "lib/sysfs.h"

#define SHORT		300 /* ms; for what must not happen */
#define SLOW		2000 /* ms; a reset in which a change of the configuration has its time */
#define SUSPEND_TIMEOUT	5000 /* ms */
#define PAGE		4096ull

FIXTURE(modern)
{
	struct session session;
	struct vfio_device *device;
	struct modern modern;
	int trigger;
};

FIXTURE_SETUP(modern)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = session_open(&self->session, bdf);
	NEED_INTX(self->device);
	vfio_command(self->device, PCI_COMMAND_MEMORY, 0);
	if (!modern_find(&self->modern, self->device))
		SKIP(return, "no modern structures");
	self->trigger = vfio_eventfd();
}

FIXTURE_TEARDOWN(modern)
{
	if (self->modern.area.memory)
		modern_stop(&self->modern);
	EXPECT_TRUE(session_close(&self->session));
}

#define ASSERT_SIGNAL() \
	ASSERT_EQ(vfio_eventfd_wait(self->trigger, LEGACY_TIMEOUT), 1)

/* A request, its signal, ISR status by the modern register, and the EOI */
#define ASSERT_SERVED() do {							\
	ASSERT_TRUE(modern_works(&self->modern));				\
	ASSERT_SIGNAL();							\
	ASSERT_EQ(modern_isr(&self->modern), INTX_ISR_QUEUE);			\
	ASSERT_EQ(modern_isr(&self->modern), 0);				\
	ASSERT_EQ(intx_unmask(self->device), 0);				\
} while (0)

/* --- Regions -------------------------------------------------------------------------- */

/* The areas of a BAR that a VMM may map */
struct areas {
	bool mmap, sparse;
	unsigned int count;
	struct vfio_region_sparse_mmap_area areas[8];
};

static struct areas get_areas(struct __test_metadata *_metadata, struct vfio_device *device,
			      unsigned int bar)
{
	struct vfio_region_info_cap_sparse_mmap *sparse;
	struct vfio_region_info *info = calloc(1, 4096);
	struct vfio_info_cap_header *header;
	struct areas areas = {};
	uint32_t size, at;

	info->argsz = sizeof(*info);
	info->index = bar;
	ASSERT_EQ(ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, info), 0);
	size = info->argsz;
	ASSERT_LE(size, 4096);
	areas.mmap = info->flags & VFIO_REGION_INFO_FLAG_MMAP;
	/* Capabilities that do not fit are announced and left out */
	if (size > sizeof(*info)) {
		EXPECT_NE(info->flags & VFIO_REGION_INFO_FLAG_CAPS, 0);
		EXPECT_EQ(info->cap_offset, 0);
	}
	ASSERT_EQ(ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, info), 0);
	EXPECT_EQ(info->argsz, size);
	EXPECT_EQ(info->size, device->regions[bar].size);
	for (at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0; at;
	     at = header->next) {
		ASSERT_LE(at + sizeof(*header), size);
		header = (void *)info + at;
		if (header->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			continue;
		sparse = (void *)header;
		ASSERT_LE(at + sizeof(*sparse) + sparse->nr_areas * sizeof(sparse->areas[0]),
			  size);
		ASSERT_LE(sparse->nr_areas, ARRAY_SIZE(areas.areas));
		areas.sparse = true;
		areas.count = sparse->nr_areas;
		memcpy(areas.areas, sparse->areas, sparse->nr_areas * sizeof(sparse->areas[0]));
	}
	free(info);
	return areas;
}

static bool may_map(const struct areas *areas, uint64_t offset)
{
	unsigned int i;

	if (!areas->sparse)
		return areas->mmap;
	for (i = 0; i < areas->count; i++)
		if (offset >= areas->areas[i].offset &&
		    offset - areas->areas[i].offset < areas->areas[i].size)
			return true;
	return false;
}

static bool touches(const struct modern_structure *structure, unsigned int bar, uint64_t page,
		    uint64_t length)
{
	return structure->bar == bar && structure->offset < page + PAGE &&
	       structure->offset + length > page;
}

/* Whether a page has registers that the driver must see */
static bool is_seen(const struct modern *modern, unsigned int bar, uint64_t page)
{
	return touches(&modern->common, bar, page, modern->common.length) ||
	       touches(&modern->isr, bar, page, modern->isr.length);
}

/* If a page has such registers and doorbells, modern drivers have no INTx, and all is mapped */
static bool has_shared_page(const struct modern *modern)
{
	const struct modern_structure *notify = &modern->notify;
	uint64_t page;

	for (page = notify->offset / PAGE * PAGE; page < notify->offset + notify->length;
	     page += PAGE)
		if (is_seen(modern, notify->bar, page))
			return true;
	return false;
}

/* Each page: not mapped if it has those registers, unless doorbells share one of them */
TEST_F(modern, what_a_vmm_may_map)
{
	struct modern *modern = &self->modern;
	unsigned int bar, trapped = 0, shared = 0;
	struct vfio_device *device = self->device;
	bool whole = has_shared_page(modern);
	uint64_t page;

	for (bar = 1; bar < 6; bar++) {
		struct areas areas = get_areas(_metadata, device, bar);

		if (!areas.mmap)
			continue;
		for (page = 0; page < device->regions[bar].size && page < 64 * PAGE; page += PAGE) {
			bool trap = is_seen(modern, bar, page);

			EXPECT_EQ(may_map(&areas, page), (whole || !trap)) {
				TH_LOG("page %#lx of BAR %u", page, bar);
			}
			trapped += trap && !whole;
			shared += trap && whole;
		}
		/* Advice, not a prohibition: DPDK maps whole BARs */
		if (device->regions[bar].size >= PAGE) {
			void *memory = mmap(NULL, device->regions[bar].size,
					    PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
					    device->regions[bar].offset);

			EXPECT_NE(memory, MAP_FAILED);
			if (memory != MAP_FAILED)
				munmap(memory, device->regions[bar].size);
		}
	}
	TH_LOG("%u pages trapped, %u shared with doorbells", trapped, shared);
	EXPECT_GT(trapped + shared, 0);
}

/* --- Interrupts ----------------------------------------------------------------------- */

TEST_F(modern, one_for_each_request)
{
	struct modern *modern = &self->modern;
	unsigned int i, at = vfio_capability(self->device, PCI_CAP_ID_MSIX);

	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_FALSE(intx_msix_is_on(self->device));
	modern_start(modern, IOVA_BASE);
	EXPECT_TRUE(intx_msix_is_on(self->device));
	EXPECT_EQ(vfio_config_read(self->device, at + PCI_MSIX_FLAGS, 2) &
		  PCI_MSIX_FLAGS_ENABLE, 0);
	for (i = 0; i < 40; i++)
		ASSERT_SERVED();
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);

	/* Another start of the same driver, as after kexec or a reboot */
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(modern_works(modern));
		ASSERT_SIGNAL();
		modern_reset(modern);
		/* For the signal that is still to be acknowledged */
		EXPECT_FALSE(intx_status(self->device));
		EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
		EXPECT_EQ(modern_isr(modern), 0);
		ASSERT_EQ(intx_unmask(self->device), 0);
		modern_restart(modern);
		ASSERT_SERVED();
	}
}

TEST_F(modern, masks_itself)
{
	struct modern *modern = &self->modern;

	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	ASSERT_TRUE(modern_works(modern));
	ASSERT_SIGNAL();
	ASSERT_TRUE(modern_works(modern));
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
	EXPECT_TRUE(intx_status(self->device));
	EXPECT_EQ(intx_unmask(self->device), 0);
	ASSERT_SIGNAL();
	EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
	EXPECT_FALSE(intx_status(self->device));
	EXPECT_EQ(intx_unmask(self->device), 0);
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
}

/* SET_IRQS after the queues. The vectors of live queues are programmed then */
TEST_F(modern, enabled_late)
{
	struct modern *modern = &self->modern;
	unsigned int i;

	modern_start(modern, IOVA_BASE);
	ASSERT_TRUE(modern_works(modern));
	for (i = 0; i < 3; i++) {
		EXPECT_FALSE(intx_msix_is_on(self->device));
		ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
		ASSERT_SIGNAL();
		EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
		ASSERT_EQ(intx_unmask(self->device), 0);
		ASSERT_SERVED();
		ASSERT_SERVED();
		ASSERT_EQ(intx_off(self->device), 0);
		ASSERT_TRUE(modern_works(modern));
	}
}

/* Turns INTx on and off with a live queue. Whether that has written legacy registers */
static bool uses_legacy_registers(struct __test_metadata *_metadata, struct vfio_device *device,
				  int trigger)
{
	uint64_t writes = qmp_count(device->bdf, "mmr-writes");

	EXPECT_EQ(intx_trigger(device, trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(device));
	EXPECT_EQ(intx_off(device), 0);
	vfio_eventfd_wait(trigger, 0);
	return qmp_count(device->bdf, "mmr-writes") != writes;
}

/*
 * A queue's vector is written by the interface that the guest used last. A device need not show a
 * modern queue in its legacy registers, nor the other way round
 */
TEST_F(modern, vectors_by_the_interface_of_the_guest)
{
	struct modern *modern = &self->modern;
	struct vfio_device *device = self->device;
	struct entropy entropy;

	/* The open has written device status */
	if (!qmp_count(device->bdf, "mmr-writes"))
		SKIP(return, "no monitor that could count accesses");
	vfio_command(device, PCI_COMMAND_IO, 0);
	modern_start(modern, IOVA_BASE);
	EXPECT_FALSE(uses_legacy_registers(_metadata, device, self->trigger));
	/* Either of these says so: device status, and a queue that is enabled */
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     legacy_read(device, VIRTIO_MMR_DEVICE_STATUS, 1));
	EXPECT_TRUE(uses_legacy_registers(_metadata, device, self->trigger));
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1,
		     modern_read(modern, VIRTIO_PCI_COMMON_STATUS, 1));
	EXPECT_FALSE(uses_legacy_registers(_metadata, device, self->trigger));
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
		     legacy_read(device, VIRTIO_MMR_DEVICE_STATUS, 1));
	modern_write(modern, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	EXPECT_FALSE(uses_legacy_registers(_metadata, device, self->trigger));

	entropy_start(&entropy, device, IOVA_BASE + 0x1000000);
	EXPECT_TRUE(uses_legacy_registers(_metadata, device, self->trigger));
	entropy_stop(&entropy);
}

/* A modern driver with MSI-X is served as ever, before and after one without */
TEST_F(modern, to_msix_and_back)
{
	struct modern *modern = &self->modern;
	struct vfio_device *device = self->device;
	bool mapped = false;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		vfio_msix_enable(device, 1);
		if (mapped)
			modern_restart(modern);
		else
			modern_start(modern, IOVA_BASE);
		mapped = true;
		ASSERT_TRUE(modern_works(modern));
		EXPECT_EQ(vfio_msix_wait(device, 0, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, 0), 0);
		modern_reset(modern);
		vfio_msix_disable(device);

		ASSERT_EQ(intx_trigger(device, self->trigger), 0);
		modern_restart(modern);
		ASSERT_SERVED();
		/* The next guest driver finds no vectors in its registers */
		ASSERT_EQ(intx_off(device), 0);
		vfio_msix_enable(device, 1);
		modern_write(modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
		EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_Q_MSIX, 2), LEGACY_NO_VECTOR);
		EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_MSIX, 2), LEGACY_NO_VECTOR);
		vfio_msix_disable(device);
		modern_reset(modern);
	}
}

/* The firmware is a legacy driver, the kernel a modern one, and so on */
TEST_F(modern, after_a_legacy_driver)
{
	struct vfio_device *device = self->device;
	struct entropy entropy;
	unsigned int i;

	vfio_command(device, PCI_COMMAND_IO, 0);
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	for (i = 0; i < 3; i++) {
		entropy_start(&entropy, device, IOVA_BASE + 0x1000000);
		ASSERT_TRUE(entropy_works(&entropy));
		ASSERT_EQ(intx_handle(device, self->trigger, LEGACY_TIMEOUT), INTX_ISR_QUEUE);
		entropy_stop(&entropy);
		if (i)
			modern_restart(&self->modern);
		else
			modern_start(&self->modern, IOVA_BASE);
		ASSERT_SERVED();
		ASSERT_SERVED();
	}
}

/* The guest's reset among them; it decodes no I/O */
static int reset_by(struct modern *modern, unsigned int way)
{
	switch (way) {
	case 0:
		return sysfs_reset(modern->device->bdf);
	case 1:
		return vfio_reset(modern->device);
	default:
		modern_reset(modern);
		return 0;
	}
}

/* Resets and the close, with an interrupt pending */
TEST_F(modern, resets)
{
	struct modern *modern = &self->modern;
	struct vfio_device *device = self->device;
	unsigned int i;

	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	for (i = 0; i < 6; i++) {
		ASSERT_SERVED();
		ASSERT_TRUE(modern_works(modern));
		ASSERT_SIGNAL();
		ASSERT_EQ(reset_by(modern, i % 3), 0);
		vfio_command(device, PCI_COMMAND_MEMORY, 0);
		EXPECT_FALSE(intx_status(device));
		/* For the signal that is still to be acknowledged */
		EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
		EXPECT_EQ(modern_isr(modern), 0);
		ASSERT_EQ(intx_unmask(device), 0);
		EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
		modern_restart(modern);
	}
	ASSERT_TRUE(modern_works(modern));
	session_detach(&self->session);
	iova_unmap(&modern->area);
	EXPECT_EQ(intx_host_interrupts(device, "virtio_mmr"), 0);
	session_attach(&self->session);
	vfio_command(device, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(modern_isr(modern), 0);
}

/* Reads and writes of any width reach the structures, whatever the driver looks at */
TEST_F(modern, any_width)
{
	struct modern *modern = &self->modern;
	struct vfio_device *device = self->device;
	uint8_t common[56], bytes[56];
	unsigned int i;

	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	ASSERT_EQ(vfio_read(device, modern->common.bar, modern->common.offset, common,
			    sizeof(common)), sizeof(common));
	for (i = 0; i < sizeof(common); i++)
		ASSERT_EQ(vfio_read(device, modern->common.bar, modern->common.offset + i,
				    bytes + i, 1), 1);
	EXPECT_EQ(common[VIRTIO_PCI_COMMON_STATUS], bytes[VIRTIO_PCI_COMMON_STATUS]);
	EXPECT_EQ(common[VIRTIO_PCI_COMMON_STATUS] & VIRTIO_CONFIG_S_DRIVER_OK,
		  VIRTIO_CONFIG_S_DRIVER_OK);
	/* ISR status inside a longer read */
	ASSERT_TRUE(modern_works(modern));
	ASSERT_SIGNAL();
	EXPECT_EQ(vfio_read(device, modern->isr.bar, modern->isr.offset, bytes, 4), 4);
	EXPECT_EQ(bytes[0], INTX_ISR_QUEUE);
	EXPECT_EQ(modern_isr(modern), 0);
	ASSERT_EQ(intx_unmask(device), 0);
	ASSERT_SERVED();
	/* Beyond the end, and into nowhere */
	EXPECT_LT(vfio_read(device, modern->common.bar, device->regions[modern->common.bar].size,
			    bytes, 4), 0);
	EXPECT_EQ(vfio_read(device, modern->isr.bar, modern->isr.offset, NULL, 1), -EFAULT);
	EXPECT_EQ(vfio_write(device, modern->common.bar,
			     modern->common.offset + VIRTIO_PCI_COMMON_Q_ENABLE, NULL, 2),
		  -EFAULT);
	ASSERT_SERVED();
}

/* The driver's vectors are no matter of the guest: it sees none, and its writes go nowhere */
TEST_F(modern, vectors_are_hidden)
{
	struct modern *modern = &self->modern;
	uint8_t bytes[4];

	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	modern_write(modern, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_Q_MSIX, 2), LEGACY_NO_VECTOR);
	EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_MSIX, 2), LEGACY_NO_VECTOR);
	EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_Q_MSIX + 1, 1), LEGACY_NO_VECTOR >> 8);
	/* With the register beside it */
	ASSERT_EQ(vfio_read(self->device, modern->common.bar,
			    modern->common.offset + VIRTIO_PCI_COMMON_MSIX, bytes, 4), 4);
	EXPECT_EQ(bytes[0] | bytes[1] << 8, LEGACY_NO_VECTOR);
	EXPECT_EQ(bytes[2] | bytes[3] << 8, modern_read(modern, VIRTIO_PCI_COMMON_NUMQ, 2));
	modern_write(modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	modern_write(modern, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	ASSERT_SERVED();
	modern_write(modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, LEGACY_NO_VECTOR);
	modern_write(modern, VIRTIO_PCI_COMMON_Q_MSIX, 1, 0xff);
	ASSERT_SERVED();
}

TEST_F(modern, queue_enabled_by_bytes)
{
	struct modern *modern = &self->modern;

	modern->enables_by_bytes = true;
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	EXPECT_TRUE(intx_msix_is_on(self->device));
	ASSERT_SERVED();
	/* Late as well */
	ASSERT_EQ(intx_off(self->device), 0);
	modern_restart(modern);
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_TRUE(intx_msix_is_on(self->device));
	ASSERT_SIGNAL();
	EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
	ASSERT_EQ(intx_unmask(self->device), 0);
	ASSERT_SERVED();
}

/* No queue is left for a late start after a reset, and the next queue starts INTx */
TEST_F(modern, no_queues_after_a_reset)
{
	struct modern *modern = &self->modern;

	modern_start(modern, IOVA_BASE);
	modern_reset(modern);
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	EXPECT_FALSE(intx_msix_is_on(self->device));
	/* A queue that is not enabled is none */
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	modern_write(modern, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
	EXPECT_FALSE(intx_msix_is_on(self->device));
	modern_restart(modern);
	EXPECT_TRUE(intx_msix_is_on(self->device));
	ASSERT_SERVED();
}

/* An access wakes the function up, and is done */
TEST_F(modern, in_low_power)
{
	struct modern *modern = &self->modern;
	struct vfio_device *device = self->device;
	uint64_t offline = qmp_count(device->bdf, "mmr-offline");

	if (!vfio_has_low_power(device))
		SKIP(return, "this kernel's vfio-pci has no low power feature");
	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	ASSERT_TRUE(modern_works(modern));
	ASSERT_SIGNAL();
	ASSERT_EQ(vfio_low_power(device, true), 0);
	ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
	EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
	ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
	modern_write(modern, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	ASSERT_TRUE(sysfs_becomes_suspended(device->bdf, SUSPEND_TIMEOUT));
	EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_STATUS, 1), 0);
	ASSERT_EQ(vfio_low_power(device, false), 0);
	EXPECT_EQ(qmp_count(device->bdf, "mmr-offline"), offline);
	ASSERT_EQ(intx_unmask(device), 0);
	modern_restart(modern);
	ASSERT_SERVED();
}

/*
 * The device refuses the queue's vector, and then that of the configuration, too. Both are
 * counted, and ISR status is the device's own
 */
TEST_F(modern, refused_by_the_device)
{
	unsigned long before = sysfs_counter(self->device->bdf, "intx_refused_vectors");
	struct modern *modern = &self->modern;

	if (!qmp_set_number(self->device->bdf, "mmr-refused-queue", ~0ull >> 1))
		SKIP(return, "no monitor that could make the device refuse");
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	EXPECT_EQ(sysfs_counter(self->device->bdf, "intx_refused_vectors"), before + 1);
	qmp_set_number(self->device->bdf, "mmr-refused-config", ~0ull >> 1);
	modern_restart(modern);
	EXPECT_EQ(sysfs_counter(self->device->bdf, "intx_refused_vectors"), before + 3);
	EXPECT_TRUE(modern_works(modern));
	EXPECT_EQ(vfio_eventfd_wait(self->trigger, SHORT), 0);
	EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
	EXPECT_EQ(modern_isr(modern), 0);
	qmp_set_number(self->device->bdf, "mmr-refused-queue", 0);
	qmp_set_number(self->device->bdf, "mmr-refused-config", 0);
	modern_restart(modern);
	ASSERT_SERVED();
}

/*
 * Accesses through the window go to the device, and the driver does not see them. A guest that
 * enables its queues there must poll. Its driver that comes next has INTx
 */
TEST_F(modern, through_the_window)
{
	struct modern *modern = &self->modern;
	const struct modern_structure *common = &modern->common;

	if (!modern->window)
		SKIP(return, "no PCI_CFG capability");
	ASSERT_EQ(intx_trigger(self->device, self->trigger), 0);
	modern_window_write(modern, common, VIRTIO_PCI_COMMON_STATUS, 1,
			    VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_STATUS, 1), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	modern_window_write(modern, common, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	modern_window_write(modern, common, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	EXPECT_EQ(modern_window_read(modern, common, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	EXPECT_FALSE(intx_msix_is_on(self->device));
	modern_start(modern, IOVA_BASE);
	ASSERT_SERVED();
	/* It takes nothing from the guest's ISR status, which is the driver's */
	ASSERT_TRUE(modern_works(modern));
	ASSERT_SIGNAL();
	modern_window_read(modern, &modern->isr, 0, 1);
	EXPECT_TRUE(intx_status(self->device));
	EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
	EXPECT_EQ(intx_unmask(self->device), 0);
	/* A reset is not seen either, and the next start through the BAR is as ever */
	modern_window_write(modern, common, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	EXPECT_EQ(modern_read(modern, VIRTIO_PCI_COMMON_STATUS, 1), 0);
	modern_restart(modern);
	ASSERT_SERVED();
}

/* Without memory decode of the guest nothing is reached, as with any memory BAR */
TEST_F(modern, without_memory_decode)
{
	struct modern *modern = &self->modern;
	struct vfio_device *device = self->device;
	uint8_t byte = 0;

	ASSERT_EQ(intx_trigger(device, self->trigger), 0);
	modern_start(modern, IOVA_BASE);
	ASSERT_TRUE(modern_works(modern));
	ASSERT_SIGNAL();
	if (!sysfs_is_vf(device->bdf)) {
		vfio_command(device, 0, PCI_COMMAND_MEMORY);
		EXPECT_EQ(vfio_read(device, modern->isr.bar, modern->isr.offset, &byte, 1),
			  -EIO);
		vfio_command(device, PCI_COMMAND_MEMORY, 0);
	}
	EXPECT_EQ(modern_isr(modern), INTX_ISR_QUEUE);
	EXPECT_EQ(intx_unmask(device), 0);
	ASSERT_SERVED();
}

/* --- Changes of the configuration ------------------------------------------------------- */

/* Of a network function, whose link comes and goes. No packet is sent */
TEST(changes_of_the_configuration)
{
	const char *bdf = functions_find("net", 0);
	struct vfio_device *device;
	struct session session;
	struct modern modern;
	unsigned int i;
	int trigger;

	if (!bdf)
		SKIP(return, "no net function given");
	device = session_open(&session, bdf);
	NEED_INTX(device);
	vfio_command(device, PCI_COMMAND_MEMORY, 0);
	if (!modern_find(&modern, device) || !qmp_set_link(bdf, true))
		SKIP(return, "no modern structures, or no monitor");
	trigger = vfio_eventfd();
	ASSERT_EQ(intx_trigger(device, trigger), 0);
	modern_start(&modern, IOVA_BASE);
	for (i = 0; i < 6; i++) {
		qmp_set_link(bdf, i % 2);
		EXPECT_EQ(vfio_eventfd_wait(trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(modern_isr(&modern) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
		EXPECT_EQ(modern_isr(&modern), 0);
		EXPECT_EQ(intx_unmask(device), 0);
	}
	/* Not one from before a reset */
	for (i = 0; i < 3; i++) {
		qmp_set_link(bdf, false);
		EXPECT_EQ(vfio_eventfd_wait(trigger, LEGACY_TIMEOUT), 1);
		if (i)
			ASSERT_EQ(i > 1 ? vfio_reset(device) : sysfs_reset(bdf), 0);
		vfio_command(device, PCI_COMMAND_MEMORY, 0);
		modern_restart(&modern);
		EXPECT_EQ(modern_isr(&modern) & INTX_ISR_CONFIG, 0);
		EXPECT_EQ(modern_isr(&modern), 0);
		EXPECT_EQ(intx_unmask(device), 0);
		qmp_set_link(bdf, true);
		EXPECT_EQ(vfio_eventfd_wait(trigger, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(modern_isr(&modern) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
		EXPECT_EQ(intx_unmask(device), 0);
	}
	modern_stop(&modern);
	EXPECT_TRUE(session_close(&session));
}

/*
 * A modern driver waits for its reset by itself, and a slow device may interrupt until then. The
 * guest may have no handler any more. So that interrupt does not exist, and the end of another
 * interrupt on the same line finds none
 */
TEST(change_during_a_slow_reset)
{
	const char *bdf = functions_find("net", 0);
	struct vfio_device *device;
	struct session session;
	struct modern modern;
	unsigned long interrupts;
	bool is_slow;
	int trigger;

	if (!bdf)
		SKIP(return, "no net function given");
	device = session_open(&session, bdf);
	NEED_INTX(device);
	vfio_command(device, PCI_COMMAND_MEMORY, 0);
	if (!modern_find(&modern, device) || !qmp_set_link(bdf, true))
		SKIP(return, "no modern structures, or no monitor");
	is_slow = qmp_count(bdf, "mmr-reset-delay") >= SLOW;
	trigger = vfio_eventfd();
	ASSERT_EQ(intx_trigger(device, trigger), 0);
	modern_start(&modern, IOVA_BASE);
	interrupts = sysfs_counter(bdf, "intx_interrupts");
	modern_write(&modern, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	qmp_set_link(bdf, false);
	EXPECT_EQ(vfio_eventfd_wait(trigger, SHORT), 0);
	EXPECT_EQ(modern_read(&modern, VIRTIO_PCI_COMMON_STATUS, 1) != 0, is_slow);
	/* A fast device does not interrupt in any case */
	EXPECT_EQ(sysfs_counter(bdf, "intx_interrupts") != interrupts, is_slow);
	EXPECT_FALSE(intx_status(device));
	modern_wait_for_reset(&modern);
	EXPECT_FALSE(intx_status(device));
	EXPECT_EQ(intx_unmask(device), 0);
	EXPECT_EQ(vfio_eventfd_wait(trigger, SHORT), 0);
	EXPECT_EQ(modern_isr(&modern), 0);

	/* Its next life is as ever, whatever it reads meanwhile */
	qmp_set_link(bdf, true);
	modern_restart(&modern);
	qmp_set_link(bdf, false);
	EXPECT_EQ(vfio_eventfd_wait(trigger, LEGACY_TIMEOUT), 1);
	EXPECT_NE(modern_read(&modern, VIRTIO_PCI_COMMON_STATUS, 1), 0);
	EXPECT_EQ(modern_isr(&modern) & INTX_ISR_CONFIG, INTX_ISR_CONFIG);
	EXPECT_EQ(intx_unmask(device), 0);
	qmp_set_link(bdf, true);
	modern_stop(&modern);
	EXPECT_TRUE(session_close(&session));
}

FUNCTIONS_HARNESS_MAIN
