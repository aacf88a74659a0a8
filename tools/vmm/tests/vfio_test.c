// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function is judged before vfio-pci opens it: some capability lists harm vfio-pci-core, which
 * copies them then. After that this program must learn when the host wants the function back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/kvm.h>
#include <linux/vfio.h>

#include "kselftest_harness.h"
#include "model.h"

#include "function.h"
#include "host.h"
#include "intx.h"
#include "iommu.h"
#include "message.h"
#include "msix.h"
#include "notify.h"
#include "sysfs.h"
#include "vfio.h"

#define BDF	"0000:01:00.1"
#define DEVICE	100

/* The end of the program, or of what a test looks at */
enum end { NONE, FAILED, OPENED };

static jmp_buf end;
static char why[512];
static struct memory_space memory;
static size_t readable;

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	longjmp(end, FAILED);
}

void message(const char *format, ...) { }

/* The function does open, and the results of requests for signals */
static bool opens;
static int request_result, error_result;
static int request = -1, error = -1;

int iommu_open(struct machine *machine, const char *bdf)
{
	if (!opens)
		longjmp(end, OPENED);
	return DEVICE;
}

int host_signal_request(int device, int eventfd)
{
	request = device == DEVICE ? eventfd : -1;
	return request_result;
}

int host_signal_error(int device, int eventfd)
{
	error = device == DEVICE ? eventfd : -1;
	return error_result;
}

/* Regions are empty, and each kind of interrupts has one. */
int __wrap_ioctl(int fd, unsigned long number, ...)
{
	struct vfio_irq_info *info;
	va_list arguments;

	va_start(arguments, number);
	info = va_arg(arguments, struct vfio_irq_info *);
	va_end(arguments);
	if (number == VFIO_DEVICE_GET_IRQ_INFO)
		info->count = 1;
	return 0;
}

/* All files of the function exist. */
void sysfs_path(char path[PATH_MAX], const char *bdf, const char *name)
{
	strcpy(path, "/");
}

void sysfs_link(const char *bdf, const char *name, char target[PATH_MAX])
{
	strcpy(target, "vfio-pci");
}

size_t sysfs_read(const char *bdf, const char *name, void *data, size_t size)
{
	unsigned int bar, used = 0, at;

	if (!strcmp(name, "config")) {
		memcpy(data, memory.bytes, size);
		return readable;
	}
	for (bar = 0; bar < FUNCTION_BARS; bar++) {
		at = model_sizes[bar] ? 0xe0000000 + 0x10000 * bar : 0;
		used += snprintf((char *)data + used, size - used, "0x%x 0x%x 0x%x\n", at,
				 at ? at + model_sizes[bar] - 1 : 0, at ? 0x200 : 0);
	}
	return used;
}

uint16_t sysfs_id(const char *bdf, const char *name)
{
	return virtio_mmr_get_le16(memory.bytes + (strcmp(name, "vendor") ? PCI_DEVICE_ID :
								       PCI_VENDOR_ID));
}

/* What comes after the function is open */
void msix_start(struct function *function) { }
void function_start(struct function *function) { }
void notify_find_doorbells(struct function *function) { }
void intx_take_over(struct function *function) { }

FIXTURE(judged)
{
	struct machine machine;
};

FIXTURE_SETUP(judged)
{
	model_config(&memory);
	readable = sizeof(memory.bytes);
}

FIXTURE_TEARDOWN(judged) { }

static enum end add(struct machine *machine)
{
	switch (setjmp(end)) {
	case FAILED:
		return FAILED;
	case OPENED:
		return OPENED;
	}
	vfio_add(machine, BDF);
	return NONE;
}

TEST_F(judged, good)
{
	ASSERT_EQ(OPENED, add(&self->machine)) {
		TH_LOG("%s", why);
	}
	EXPECT_EQ(1, self->machine.num_functions);
}

TEST_F(judged, list_with_a_loop)
{
	memory.bytes[MODEL_EXPRESS + PCI_CAP_LIST_NEXT] = MODEL_MSIX;
	ASSERT_EQ(FAILED, add(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": not usable as an MMR function"));
}

/* vfio-pci-core would copy it beyond the end of its buffer */
TEST_F(judged, list_beyond_the_end)
{
	memory_space_add_extended(&memory, 0x100, PCI_EXT_CAP_ID_VNDR, 0xff0);
	memory_space_add_extended(&memory, 0xff0, PCI_EXT_CAP_ID_VNDR, 0);
	memory_space_put(&memory, 0xff4, 0x100 << 20, 4);
	ASSERT_EQ(FAILED, add(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": not usable as an MMR function"));
}

TEST_F(judged, other_device)
{
	memory_space_put(&memory, PCI_DEVICE_ID, 0x1041, 2);
	ASSERT_EQ(FAILED, add(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": not usable as an MMR function"));
}

TEST_F(judged, no_capability)
{
	memory_space_put(&memory, 0x100, 0, 4);
	ASSERT_EQ(FAILED, add(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": not usable as an MMR function"));
}

/* Without privileges, sysfs ends configuration space before the capabilities. */
TEST_F(judged, unreadable)
{
	readable = 64;
	ASSERT_EQ(FAILED, add(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": only root can read"));
}

TEST_F(judged, given_twice)
{
	ASSERT_EQ(OPENED, add(&self->machine));
	ASSERT_EQ(FAILED, add(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": --function is given twice"));
}

static enum end add_open(struct machine *machine)
{
	static struct kvm_irq_routing routes = { .nr = MACHINE_ROUTES };

	opens = true;
	machine->routes = &routes;
	return add(machine);
}

TEST_F(judged, learns_of_its_end)
{
	ASSERT_EQ(NONE, add_open(&self->machine)) {
		TH_LOG("%s", why);
	}
	ASSERT_LE(0, request);
	ASSERT_LE(0, error);
	EXPECT_NE(request, error);
	EXPECT_EQ(request, self->machine.functions[0]->request);
	EXPECT_EQ(error, self->machine.functions[0]->error);
}

/* Removal would wait for this program's end */
TEST_F(judged, must_learn_of_its_end)
{
	request_result = -EINVAL;
	ASSERT_EQ(FAILED, add_open(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": VFIO does not tell when the host wants it back"));
}

TEST_F(judged, errors_are_not_told)
{
	error_result = -ENOTTY;
	EXPECT_EQ(NONE, add_open(&self->machine));
	error_result = -ENOMEM;
	self->machine.num_functions = 0;
	ASSERT_EQ(FAILED, add_open(&self->machine));
	EXPECT_NE(NULL, strstr(why, BDF ": VFIO does not tell of errors"));
}

TEST_HARNESS_MAIN
