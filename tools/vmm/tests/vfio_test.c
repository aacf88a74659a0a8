// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function is judged before vfio-pci opens it: some capability lists harm vfio-pci-core, which
 * copies them then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kselftest_harness.h"
#include "model.h"

#include "function.h"
#include "intx.h"
#include "iommu.h"
#include "message.h"
#include "msix.h"
#include "notify.h"
#include "sysfs.h"
#include "vfio.h"

#define BDF	"0000:01:00.1"

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

int iommu_open(struct machine *machine, const char *bdf)
{
	longjmp(end, OPENED);
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

TEST_HARNESS_MAIN
