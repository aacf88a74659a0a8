// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts of one function, by models of KVM and of VFIO: what follows a refusal of the host, and
 * what is over with a reset. The function is memory that takes each vector.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_pci.h>

#include "kselftest_harness.h"
#include "model.h"

#include "bars.h"
#include "function.h"
#include "host.h"
#include "intx.h"
#include "io_bar.h"
#include "message.h"
#include "modern.h"
#include "msix.h"
#include "notify.h"

#define MESSAGE_CONTROL	(MODEL_MSIX + PCI_MSIX_FLAGS)
#define ENABLE		(PCI_MSIX_FLAGS_ENABLE >> 8)
#define DRIVER_OK	7
/* Of the vectors that the host has left */
#define NO_LIMIT	99

static unsigned int vectors_left = NO_LIMIT, vectors_on;
static bool intx_on;

void message(const char *format, ...) { }

void fail(const char *format, ...)
{
	abort();
}

int host_set_vectors(int device, const int *eventfds, uint32_t count)
{
	if (count > vectors_left)
		return -ENOSPC;
	vectors_on = count;
	return 0;
}

/* VFIO looks at the unmask's eventfd when it gets it. */
static bool is_unmasked_at_once;

int host_set_intx(int device, int trigger, int unmask, bool on)
{
	uint64_t count;

	intx_on = on;
	is_unmasked_at_once = on && read(unmask, &count, sizeof(count)) == sizeof(count);
	return 0;
}

int host_signal_interrupts(int vm, uint32_t gsi, int eventfd, int resample, bool on)
{
	return 0;
}

/* Places of BARs and notifications are other tests' */
void machine_route(struct machine *machine) { }
void bars_divide(struct function *function) { }
void bars_update(struct machine *machine) { }
void notify_exit(struct function *function, uint16_t queue) { }
void notify_keep(struct function *function, uint16_t queue) { }

/* Each case has a process of its own */
static struct machine machine;
static struct function *function;

static int new_eventfd(void)
{
	return eventfd(0, EFD_NONBLOCK);
}

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void open_bars(void)
{
	unsigned int bar, flags = VIRTIO_MMR_BAR_FLAG_MEMORY | VIRTIO_MMR_BAR_FLAG_ASSIGNED;

	for (bar = 0; bar < FUNCTION_BARS; bar++) {
		function->bars[bar].size = model_sizes[bar];
		function->bars[bar].mapping = calloc(1, model_sizes[bar] + 1);
		expect(function->bars[bar].mapping);
		virtio_mmr_function_set_bar(&function->scan.function, bar, model_sizes[bar],
					    model_sizes[bar] ? flags : 0);
	}
}

static void open_interrupts(void)
{
	unsigned int i;

	machine.routes = calloc(1, sizeof(*machine.routes) + (MACHINE_ROUTES + MODEL_VECTORS) *
				sizeof(machine.routes->entries[0]));
	expect(machine.routes);
	function->msix.count = MODEL_VECTORS;
	function->msix.first_gsi = MACHINE_INPUTS;
	for (i = 0; i < MODEL_VECTORS; i++)
		function->msix.eventfds[i] = new_eventfd();
	for (i = 0; i < VIRTIO_MMR_NUM_VECTORS; i++)
		function->intx.sources[i] = new_eventfd();
	function->intx.trigger = new_eventfd();
	function->intx.resample = new_eventfd();
	msix_start(function);
}

static void open_function(bool by_driver)
{
	static struct memory_space memory;
	static struct virtio_mmr_lists lists;

	function = calloc(1, sizeof(*function));
	expect(function);
	pci_init(&machine.pci);
	model_config(&memory);
	memory.bytes[PCI_INTERRUPT_PIN] = by_driver;
	function->device = memfd_create("function", 0);
	expect(write(function->device, memory.bytes, sizeof(memory.bytes)) ==
	       sizeof(memory.bytes));
	function->machine = &machine;
	function->slot = 1;
	function->by_driver = by_driver;
	open_bars();
	virtio_mmr_space_find_known(&memory.space);
	virtio_mmr_scan_run(&function->scan, &memory.space, &lists, VIRTIO_MMR_VENDOR_ID,
			    MODEL_DEVICE, NULL);
	expect(function->scan.verdict == VIRTIO_MMR_SCAN_USABLE && function->scan.can_interrupt &&
	       function->scan.has_common_config && function->scan.has_isr);
	virtio_mmr_fields_add(&function->express_resets, MODEL_EXPRESS + PCI_EXP_DEVCTL + 1);
	open_interrupts();
	function_start(function);
}

static void signal_(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static bool take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* What the guest does */
static void write_port(unsigned int offset, unsigned int width, uint32_t value)
{
	uint8_t data[4];

	virtio_mmr_put_le32(data, value);
	io_bar_write(function, offset, data, width);
}

static uint8_t read_isr(void)
{
	uint8_t isr;

	io_bar_read(function, VIRTIO_MMR_ISR_STATUS, &isr, 1);
	return isr;
}

static uint8_t read_modern_isr(void)
{
	uint8_t isr = 0xff;

	modern_read(function, MODEL_MODERN, MODEL_ISR, &isr, 1);
	return isr;
}

static void switch_msix(bool on)
{
	const uint8_t byte = on ? ENABLE : 0;

	function_config_write(function, MESSAGE_CONTROL + 1, &byte, 1);
}

static bool msix_reads_on(void)
{
	uint8_t byte;

	function_config_read(function, MESSAGE_CONTROL + 1, &byte, 1);
	return byte & ENABLE;
}

/* A queue of a legacy driver, which is live then */
static void start(void)
{
	write_port(VIRTIO_MMR_QUEUE_ADDRESS, 4, 1);
	write_port(VIRTIO_MMR_DEVICE_STATUS, 1, DRIVER_OK);
}

/* A register of the device, behind the guest's back */
static uint16_t device_word(unsigned int bar, unsigned int offset)
{
	return virtio_mmr_get_le16(function->bars[bar].mapping + offset);
}

static void set_device_word(unsigned int bar, unsigned int offset, uint16_t value)
{
	virtio_mmr_put_le16(function->bars[bar].mapping + offset, value);
}

FIXTURE(intx) { };

FIXTURE_SETUP(intx)
{
	open_function(false);
}

FIXTURE_TEARDOWN(intx) { }

/* --- MSI-X that the host refuses ---------------------------------------------------- */

TEST_F(intx, msix_on_and_off)
{
	start();
	ASSERT_EQ(VIRTIO_MMR_NUM_VECTORS, vectors_on);
	switch_msix(true);
	EXPECT_TRUE(msix_reads_on());
	EXPECT_EQ(MODEL_VECTORS, vectors_on);
	EXPECT_FALSE(function->intx.state.engaged);
	/* Vectors of INTx are not the guest's */
	EXPECT_EQ(VIRTIO_MMR_NO_VECTOR,
		  device_word(MODEL_LEGACY, VIRTIO_MMR_QUEUE_VECTOR));
	switch_msix(false);
	EXPECT_EQ(VIRTIO_MMR_NUM_VECTORS, vectors_on);
	EXPECT_TRUE(function->intx.state.engaged);
}

/* The guest still has INTx, and its queue interrupts. */
TEST_F(intx, msix_refused)
{
	start();
	read_isr();
	take(function->intx.trigger);
	intx_resampled(function);
	vectors_left = VIRTIO_MMR_NUM_VECTORS;
	switch_msix(true);
	EXPECT_FALSE(msix_reads_on());
	EXPECT_TRUE(function->intx.state.engaged);
	EXPECT_TRUE(function->has_vectors);
	EXPECT_EQ(VIRTIO_MMR_NUM_VECTORS, vectors_on);
	EXPECT_EQ(VIRTIO_MMR_VECTOR_OF_QUEUES,
		  device_word(MODEL_LEGACY, VIRTIO_MMR_QUEUE_VECTOR));
	read_isr();
	signal_(function->intx.resample);
	intx_resampled(function);
	take(function->intx.trigger);
	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_QUEUES]);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_TRUE(take(function->intx.trigger));
	EXPECT_EQ(VIRTIO_MMR_ISR_QUEUE, read_isr());
}

/* An interrupt of an earlier use of MSI-X is not one of this use. */
TEST_F(intx, msix_on_again)
{
	switch_msix(true);
	switch_msix(false);
	signal_(function->msix.eventfds[1]);
	switch_msix(true);
	EXPECT_FALSE(take(function->msix.eventfds[1]));
}

/* What the guest has not read waits for INTx, and its line is still meanwhile. */
TEST_F(intx, line_is_still_while_msix_is_on)
{
	const uint8_t command = 0;

	start();
	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_CONFIG]);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_CONFIG);
	ASSERT_TRUE(take(function->intx.trigger));
	switch_msix(true);
	function_config_write(function, PCI_COMMAND + 1, &command, 1);
	EXPECT_FALSE(take(function->intx.trigger));
	switch_msix(false);
	EXPECT_TRUE(take(function->intx.trigger));
	EXPECT_EQ(VIRTIO_MMR_ISR_QUEUE | VIRTIO_MMR_ISR_CONFIG, read_isr());
}

/* A signal that the guest has not answered does not mask the next use of INTx. */
TEST_F(intx, mask_ends_with_msix)
{
	/* Without a queue, so that no vectors serve it */
	ASSERT_TRUE(virtio_mmr_interrupt_raise(&function->intx.state, VIRTIO_MMR_ISR_CONFIG));
	switch_msix(true);
	switch_msix(false);
	EXPECT_TRUE(take(function->intx.trigger));
}

/* --- Resets ------------------------------------------------------------------------- */

static void by_legacy_status(void)
{
	write_port(VIRTIO_MMR_DEVICE_STATUS, 1, 0);
}

static void by_modern_status(void)
{
	const uint8_t zero = 0;

	modern_write(function, MODEL_MODERN, VIRTIO_PCI_COMMON_STATUS, &zero, 1);
}

static void by_function(void)
{
	const uint8_t reset = PCI_EXP_DEVCTL_BCR_FLR >> 8;

	function_config_write(function, MODEL_EXPRESS + PCI_EXP_DEVCTL + 1, &reset, 1);
}

FIXTURE(reset) { };

FIXTURE_VARIANT(reset)
{
	void (*happens)(void);
};

FIXTURE_VARIANT_ADD(reset, legacy_status) { by_legacy_status };
FIXTURE_VARIANT_ADD(reset, modern_status) { by_modern_status };
FIXTURE_VARIANT_ADD(reset, function) { by_function };

/* What the start of the interrupt has brought is over. */
static void start_quietly(void)
{
	start();
	read_isr();
	take(function->intx.trigger);
	signal_(function->intx.resample);
	intx_resampled(function);
	expect(!read_isr() && !take(function->intx.trigger));
}

FIXTURE_SETUP(reset)
{
	open_function(false);
	start_quietly();
}

FIXTURE_TEARDOWN(reset) { }

/* The line may be asserted until the guest answers, so its handler finds a bit once. */
TEST_F(reset, forgets_an_interrupt)
{
	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_CONFIG]);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_CONFIG);
	ASSERT_TRUE(take(function->intx.trigger));
	variant->happens();
	EXPECT_EQ(VIRTIO_MMR_ISR_QUEUE, read_isr());
	EXPECT_EQ(0, read_modern_isr());
	signal_(function->intx.resample);
	intx_resampled(function);
	EXPECT_FALSE(take(function->intx.trigger));
}

/* The first thread comes to it only after the guest's reset. */
TEST_F(reset, forgets_a_signal_under_way)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_MMR_NUM_VECTORS; i++)
		signal_(function->intx.sources[i]);
	variant->happens();
	for (i = 0; i < VIRTIO_MMR_NUM_VECTORS; i++)
		intx_signalled(function, i);
	EXPECT_FALSE(take(function->intx.trigger));
	EXPECT_EQ(0, read_isr());
}

static void write_modern_status(uint8_t status)
{
	modern_write(function, MODEL_MODERN, VIRTIO_PCI_COMMON_STATUS, &status, 1);
}

/*
 * A modern driver waits for its reset by itself, and the device may interrupt until then. Its
 * last signal may still be on its way to the first thread when the driver sets the device up.
 */
TEST_F(intx, slow_modern_reset)
{
	start_quietly();
	by_modern_status();
	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_CONFIG]);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_CONFIG);
	EXPECT_FALSE(take(function->intx.trigger));
	EXPECT_EQ(0, function->intx.state.isr);
	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_QUEUES]);
	write_modern_status(DRIVER_OK);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_QUEUES);
	EXPECT_FALSE(take(function->intx.trigger));
	EXPECT_EQ(0, read_modern_isr());

	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_CONFIG]);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_CONFIG);
	EXPECT_TRUE(take(function->intx.trigger));
	EXPECT_EQ(VIRTIO_MMR_ISR_CONFIG, read_modern_isr());
}

/* A legacy driver comes after a modern one that reset the device and went. */
TEST_F(intx, legacy_after_a_modern_reset)
{
	start_quietly();
	by_modern_status();
	start();
	read_isr();
	take(function->intx.trigger);
	intx_resampled(function);
	signal_(function->intx.sources[VIRTIO_MMR_VECTOR_OF_CONFIG]);
	intx_signalled(function, VIRTIO_MMR_VECTOR_OF_CONFIG);
	EXPECT_TRUE(take(function->intx.trigger));
	EXPECT_EQ(VIRTIO_MMR_ISR_CONFIG, read_isr());
}

/* --- Modern drivers ------------------------------------------------------------------- */

static void enable_queue(unsigned int shift, unsigned int width, uint16_t value)
{
	uint8_t data[2];

	virtio_mmr_put_le16(data, value);
	if (!modern_write(function, MODEL_MODERN, VIRTIO_PCI_COMMON_Q_ENABLE + shift, data, width))
		abort();
}

TEST_F(intx, modern_queue)
{
	set_device_word(MODEL_MODERN, VIRTIO_PCI_COMMON_Q_MSIX, VIRTIO_MMR_NO_VECTOR);
	enable_queue(0, 2, 1);
	EXPECT_EQ(1, device_word(MODEL_MODERN, VIRTIO_PCI_COMMON_Q_ENABLE));
	EXPECT_EQ(VIRTIO_MMR_VECTOR_OF_QUEUES,
		  device_word(MODEL_MODERN, VIRTIO_PCI_COMMON_Q_MSIX));
	EXPECT_TRUE(function->intx.state.engaged);
}

/* The device gets the widths of the guest. */
TEST_F(intx, modern_queue_by_bytes)
{
	set_device_word(MODEL_MODERN, VIRTIO_PCI_COMMON_Q_MSIX, VIRTIO_MMR_NO_VECTOR);
	enable_queue(1, 1, 0);
	EXPECT_FALSE(function->intx.state.engaged);
	enable_queue(0, 1, 1);
	EXPECT_EQ(1, device_word(MODEL_MODERN, VIRTIO_PCI_COMMON_Q_ENABLE));
	EXPECT_EQ(VIRTIO_MMR_VECTOR_OF_QUEUES,
		  device_word(MODEL_MODERN, VIRTIO_PCI_COMMON_Q_MSIX));
	EXPECT_TRUE(function->intx.state.engaged);
}

/* --- Functions of the driver ------------------------------------------------------------ */

/*
 * Functions share lines. While the guest used MSI-X, it has ended interrupts of others, and KVM has
 * said so. The driver must not take that for the end of an interrupt that comes now.
 */
TEST_F(intx, driver_sees_no_old_ends)
{
	open_function(true);
	intx_take_over(function);
	ASSERT_TRUE(intx_on);
	switch_msix(true);
	ASSERT_FALSE(intx_on);
	signal_(function->intx.resample);
	switch_msix(false);
	ASSERT_TRUE(intx_on);
	EXPECT_FALSE(is_unmasked_at_once);
}

TEST_HARNESS_MAIN
