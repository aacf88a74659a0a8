// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio entropy driven through BAR0: DMA through the IOMMU, both by polling
 * and with MSI-X interrupts.
 */
#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/entropy.h"
#include "lib/functions.h"
#include "lib/qmp.h"
#include "lib/session.h"

#define SPARE_IOVA	(IOVA_BASE + 0x10000000)
#define SHORT		500 /* ms; for what must not happen */

FIXTURE(rng)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
};

FIXTURE_VARIANT(rng)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(rng, polled) { .vectors = 0 };
FIXTURE_VARIANT_ADD(rng, msix) { .vectors = 2 };

FIXTURE_SETUP(rng)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(rng)
{
	entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(rng, twice_different)
{
	uint8_t first[ENTROPY_BYTES];

	ASSERT_NE((uintptr_t)self->entropy.area.memory, self->entropy.area.iova);
	ASSERT_TRUE(entropy_works(&self->entropy));
	memcpy(first, self->entropy.buffer, sizeof(first));
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_NE(memcmp(first, self->entropy.buffer, sizeof(first)), 0);
	/* The device must stay inside the buffer that it was given */
	EXPECT_EQ(self->entropy.buffer[ENTROPY_BYTES], 0);
}

TEST_F(rng, many)
{
	unsigned int i;

	/* More than the ring has entries, so that its indices wrap */
	for (i = 0; i < 2 * self->entropy.queue.ring.num + 3; i++) {
		ASSERT_TRUE(entropy_works(&self->entropy)) {
			TH_LOG("request %u", i);
		}
	}
}

TEST_F(rng, interrupt_per_request)
{
	struct vfio_device *device = self->device;

	if (!variant->vectors) {
		/* Without MSI-X the ISR shows the interrupt, and a read clears it */
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 0);
		ASSERT_TRUE(entropy_works(&self->entropy));
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 1);
		EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 0);
		return;
	}

	EXPECT_EQ(vfio_msix_wait(device, 0, 0), 0);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(vfio_msix_wait(device, 0, LEGACY_TIMEOUT), 1);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(vfio_msix_wait(device, 0, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(vfio_msix_wait(device, 1, SHORT), 0) {
		TH_LOG("an interrupt on the vector that no queue uses");
	}

	/* The vector that the queue names fires, and no other one */
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_VECTOR, 2, 1);
	ASSERT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2), 1);
	ASSERT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(vfio_msix_wait(device, 1, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(vfio_msix_wait(device, 0, SHORT), 0);
}

/* A dword OUT that covers Queue Notify notifies as well */
TEST_F(rng, notify_by_wider_write)
{
	const struct legacy_buffer buffer = {
		.iova = iova_of(&self->entropy.area, self->entropy.buffer),
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};
	uint32_t written;

	/* Queue select 0 and notify 0 */
	legacy_queue_add(&self->entropy.queue, &buffer, 1);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_SELECT, 4, 0);
	EXPECT_TRUE(legacy_queue_wait(&self->entropy.queue, LEGACY_TIMEOUT, &written));

	/* Notify 0, and status as it is */
	legacy_queue_add(&self->entropy.queue, &buffer, 1);
	legacy_write(self->device, VIRTIO_MMR_QUEUE_NOTIFY, 4,
		     (uint32_t)legacy_status(self->device) << 16);
	EXPECT_TRUE(legacy_queue_wait(&self->entropy.queue, LEGACY_TIMEOUT, &written));
	EXPECT_NE(legacy_status(self->device) & VIRTIO_CONFIG_S_DRIVER_OK, 0);
}

/* The IOMMU stops a write to memory that was taken away */
TEST_F(rng, no_dma_to_unmapped_memory)
{
	bool is_intel = !access("/sys/class/iommu/dmar0", F_OK);
	struct iova_area spare;
	unsigned int i;

	iova_map(&spare, &self->session.container, SPARE_IOVA, 4096);
	EXPECT_NE(entropy_fetch(&self->entropy, SPARE_IOVA, LEGACY_TIMEOUT), 0);
	memset(spare.memory, 0x5a, ENTROPY_BYTES);
	iova_hide(&spare);

	dmesg_expect_dma_stopped(&self->session.log);
	entropy_fetch(&self->entropy, SPARE_IOVA, SHORT);
	/*
	 * The IOMMU must have stopped a real attempt. The log shows it for IOMMUs with a known
	 * message
	 */
	EXPECT_TRUE(dmesg_dma_stopped(&self->session.log, self->device->bdf, SPARE_IOVA,
				      is_intel ? LEGACY_TIMEOUT : 0) || !is_intel);
	for (i = 0; i < ENTROPY_BYTES; i++) {
		ASSERT_EQ(spare.memory[i], 0x5a) {
			TH_LOG("byte %u was written behind the IOMMU", i);
		}
	}
	iova_unmap(&spare);

	/* The device may consider itself broken; a reset brings it back */
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

TEST_F(rng, no_dma_without_bus_mastering)
{
	uint64_t notifies = 0;
	unsigned int i;
	struct qmp qmp;
	bool counts;

	ASSERT_TRUE(entropy_works(&self->entropy));
	counts = qmp_open(&qmp, self->device->bdf);
	memset(self->entropy.buffer, 0x5a, ENTROPY_BYTES);
	vfio_command(self->device, 0, PCI_COMMAND_MASTER);
	if (counts)
		notifies = qmp_counter(&qmp, "mmr-notifies");
	entropy_fetch(&self->entropy,
		      iova_of(&self->entropy.area, self->entropy.buffer), SHORT);
	if (counts) {
		/* The device knows of the buffer */
		EXPECT_EQ(qmp_counter(&qmp, "mmr-notifies"), notifies + 1);
		qmp_close(&qmp);
	}
	for (i = 0; i < ENTROPY_BYTES; i++)
		ASSERT_EQ(self->entropy.buffer[i], 0x5a);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

FUNCTIONS_HARNESS_MAIN
