// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio balloon driven through BAR0. The device gets the numbers of pages, and must take them
 * for pages of its user, translated by the IOMMU. It must not take pages of the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_balloon.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/session.h"

#define AREA_SIZE	(1 << 18)
#define PAGE		4096
#define PAGES_IOVA	(IOVA_BASE + 0x10000000)
#define CONTENT		0x5a

/* With reporting a page is a buffer of a queue. Without it a page is a number in a buffer */
#define REPORTS		3

struct driver {
	struct iova_area area;
	struct legacy_queue queues[4];
	uint32_t *numbers;
};

FIXTURE(balloon)
{
	struct session session;
	struct vfio_device *device;
	struct driver driver;
};

FIXTURE_VARIANT(balloon)
{
	unsigned int queue;
};

FIXTURE_VARIANT_ADD(balloon, inflate) { .queue = 0 };
FIXTURE_VARIANT_ADD(balloon, report) { .queue = REPORTS };

FIXTURE_SETUP(balloon)
{
	const uint32_t wanted = 1u << VIRTIO_BALLOON_F_REPORTING;
	const char *bdf = functions_find("balloon", 0);
	uint32_t features;
	unsigned int i;

	if (!bdf)
		SKIP(return, "no balloon function given");
	self->device = session_open(&self->session, bdf);
	iova_map(&self->driver.area, &self->session.container, IOVA_BASE, AREA_SIZE);
	features = legacy_start(self->device, wanted);
	for (i = 0; i < (features & wanted ? 4 : 3); i++)
		legacy_queue_start(&self->driver.queues[i], self->device, i,
				   &self->driver.area, LEGACY_NO_VECTOR);
	self->driver.numbers = iova_take(&self->driver.area, PAGE, PAGE);
	legacy_ready(self->device);
	if (variant->queue >= i)
		SKIP(return, "%s has no queue for reports of free pages", bdf);
}

FIXTURE_TEARDOWN(balloon)
{
	legacy_reset(self->device);
	iova_unmap(&self->driver.area);
	EXPECT_TRUE(session_close(&self->session));
}

/* Gives the pages from an address on to one of the queues, and waits until they are used */
static bool give(struct driver *driver, unsigned int queue, uint64_t address,
		 unsigned int pages)
{
	struct legacy_buffer buffer = {
		.iova = address,
		.size = pages * PAGE,
		.device_writes = true,
	};
	unsigned int i;

	if (queue != REPORTS) {
		for (i = 0; i < pages; i++)
			driver->numbers[i] = address / PAGE + i;
		buffer.iova = iova_of(&driver->area, driver->numbers);
		buffer.size = pages * sizeof(*driver->numbers);
		buffer.device_writes = false;
	}
	legacy_queue_add(&driver->queues[queue], &buffer, 1);
	legacy_queue_kick(&driver->queues[queue]);
	return legacy_queue_wait(&driver->queues[queue], LEGACY_TIMEOUT, NULL);
}

/* Whether each byte of a page has this value. Reports the first byte that has not */
static bool holds(const uint8_t *page, uint8_t value)
{
	unsigned int i;

	for (i = 0; i < PAGE; i++) {
		if (page[i] != value) {
			report("byte %u of the page is %#x, not %#x", i, page[i], value);
			return false;
		}
	}
	return true;
}

/* The page number in the machine's memory for a page of this process */
static uint64_t physical_page(const void *page)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) !=
		      sizeof(entry))
		fail("/proc/self/pagemap: %s", strerror(errno));
	close(fd);
	entry &= (1ull << 55) - 1;
	if (!entry)
		fail("/proc/self/pagemap hides the numbers of pages (run as root)");
	return entry;
}

/* Mapped pages lose their content, and their neighbours do not */
TEST_F(balloon, takes_mapped_pages)
{
	struct iova_area pages;
	unsigned int i;

	iova_map(&pages, &self->session.container, PAGES_IOVA, 5 * PAGE);
	memset(pages.memory, CONTENT, pages.size);
	ASSERT_TRUE(give(&self->driver, variant->queue, pages.iova + PAGE, 3));
	for (i = 0; i < 5; i++) {
		EXPECT_TRUE(holds(pages.memory + i * PAGE, i && i < 4 ? 0 : CONTENT)) {
			TH_LOG("page %u", i);
		}
	}

	/* Back in use they work as before */
	memset(pages.memory, CONTENT, pages.size);
	ASSERT_TRUE(give(&self->driver, 1, pages.iova + PAGE, 3));
	for (i = 0; i < 5; i++)
		EXPECT_TRUE(holds(pages.memory + i * PAGE, CONTENT));
	iova_unmap(&pages);
}

/* Nothing is mapped at the address of a page of the host: the IOMMU stops the device */
TEST_F(balloon, leaves_the_hosts_pages_alone)
{
	uint64_t number;
	uint8_t *page;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);
	ASSERT_NE(page, MAP_FAILED);
	memset(page, CONTENT, PAGE);
	number = physical_page(page);
	ASSERT_FALSE(number * PAGE >= IOVA_BASE && number * PAGE < IOVA_BASE + AREA_SIZE);

	dmesg_expect_dma_stopped(&self->session.log);
	EXPECT_TRUE(give(&self->driver, variant->queue, number * PAGE, 1));
	EXPECT_TRUE(dmesg_dma_stopped(&self->session.log, self->device->bdf, number * PAGE,
				      LEGACY_TIMEOUT));
	ASSERT_EQ(physical_page(page), number);
	EXPECT_TRUE(holds(page, CONTENT));
	munmap(page, PAGE);
}

FUNCTIONS_HARNESS_MAIN
