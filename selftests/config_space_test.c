// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration space that the guest sees: a transitional virtio device,
 * consistent for accesses of all widths, byte for byte as in golden/.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/functions.h"
#include "lib/vfio.h"

#define CONFIG_SIZE	4096
#define IO_ADDRESS	0xc000

/* virtio_pci_cap, virtio 1.4, 4.1.4 */
#define VIRTIO_CAP_TYPE		3
#define VIRTIO_CAP_BAR		4
#define VIRTIO_CAP_OFFSET	8
#define VIRTIO_CAP_LENGTH	12
#define VIRTIO_CAP_TYPE_PCI	5

FIXTURE(config_space)
{
	const struct mmr_type *type;
	struct dmesg log;
	struct vfio_container container;
	struct vfio_device device;
	uint8_t bytes[CONFIG_SIZE];
};

FIXTURE_VARIANT(config_space)
{
	const char *type;
};

FIXTURE_VARIANT_ADD(config_space, net) { .type = "net" };
FIXTURE_VARIANT_ADD(config_space, blk) { .type = "blk" };
FIXTURE_VARIANT_ADD(config_space, rng) { .type = "rng" };
FIXTURE_VARIANT_ADD(config_space, scsi) { .type = "scsi" };
FIXTURE_VARIANT_ADD(config_space, console) { .type = "console" };
FIXTURE_VARIANT_ADD(config_space, balloon) { .type = "balloon" };
FIXTURE_VARIANT_ADD(config_space, 9p) { .type = "9p" };

static void read_bytes(struct vfio_device *device, uint8_t *bytes)
{
	unsigned int i;

	for (i = 0; i < CONFIG_SIZE; i++)
		bytes[i] = vfio_config_read(device, i, 1);
}

FIXTURE_SETUP(config_space)
{
	const char *bdf = functions_find(variant->type, 0);

	if (!bdf)
		SKIP(return, "no %s function given", variant->type);
	self->type = sysfs_type(bdf);
	dmesg_mark(&self->log);
	vfio_container_open(&self->container);
	vfio_device_open(&self->device, &self->container, bdf);
}

FIXTURE_TEARDOWN(config_space)
{
	vfio_device_close(&self->device);
	vfio_container_close(&self->container);
	EXPECT_TRUE(dmesg_clean(&self->log));
}

TEST_F(config_space, identity)
{
	struct vfio_device *device = &self->device;

	EXPECT_EQ(vfio_config_read(device, PCI_VENDOR_ID, 2), 0x1af4);
	EXPECT_EQ(vfio_config_read(device, PCI_DEVICE_ID, 2),
		  self->type->transitional_id);
	EXPECT_EQ(vfio_config_read(device, PCI_REVISION_ID, 1), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_SUBSYSTEM_VENDOR_ID, 2), 0x1af4);
	EXPECT_EQ(vfio_config_read(device, PCI_SUBSYSTEM_ID, 2),
		  self->type->virtio_id);
	/* Without a pin a guest must not wait for INTx */
	EXPECT_EQ(vfio_config_read(device, PCI_INTERRUPT_PIN, 1), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  PCI_BASE_ADDRESS_SPACE_IO);
	/* Straight after open no port is decoded */
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
}

TEST_F(config_space, identity_is_read_only)
{
	static const unsigned int offsets[] = {
		PCI_VENDOR_ID, PCI_DEVICE_ID, PCI_CLASS_REVISION, PCI_CLASS_DEVICE,
		PCI_SUBSYSTEM_VENDOR_ID, PCI_SUBSYSTEM_ID,
	};
	unsigned int i, before;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		before = vfio_config_read(&self->device, offsets[i], 2);
		vfio_config_write(&self->device, offsets[i], 2, before ^ 0xffff);
		EXPECT_EQ(vfio_config_read(&self->device, offsets[i], 2), before) {
			TH_LOG("offset %#x", offsets[i]);
		}
	}
	vfio_config_write(&self->device, PCI_INTERRUPT_PIN, 1, 1);
	EXPECT_EQ(vfio_config_read(&self->device, PCI_INTERRUPT_PIN, 1), 0);
}

TEST_F(config_space, command_io)
{
	struct vfio_device *device = &self->device;
	uint16_t before = vfio_config_read(device, PCI_COMMAND, 2);

	/* By a word, by a byte and inside a dword, and nothing else changes */
	vfio_config_write(device, PCI_COMMAND, 2, before | PCI_COMMAND_IO);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), before | PCI_COMMAND_IO);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 1),
		  (before | PCI_COMMAND_IO) & 0xff);
	EXPECT_EQ(vfio_config_read(device, PCI_VENDOR_ID, 4) >> 16,
		  self->type->transitional_id);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 4) & 0xffff,
		  before | PCI_COMMAND_IO);

	vfio_config_write(device, PCI_COMMAND, 1, before & 0xff);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), before);
	vfio_config_write(device, PCI_COMMAND, 4, before | PCI_COMMAND_IO);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), before | PCI_COMMAND_IO);
	/* The high byte alone must leave the I/O bit */
	vfio_config_write(device, PCI_COMMAND + 1, 1, before >> 8);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), before | PCI_COMMAND_IO);
	vfio_config_write(device, PCI_COMMAND, 2, before & ~PCI_COMMAND_IO);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), before & ~PCI_COMMAND_IO);
}

TEST_F(config_space, widths_agree)
{
	static const unsigned int widths[] = { 2, 4 };
	unsigned int i, at, byte;

	/* Nonzero values in the synthesised registers, or little is compared */
	vfio_command(&self->device, PCI_COMMAND_IO, 0);
	vfio_config_write(&self->device, PCI_BASE_ADDRESS_0, 4, 0xa5a5a500);
	read_bytes(&self->device, self->bytes);

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		for (at = 0; at + widths[i] <= CONFIG_SIZE; at++) {
			uint32_t value = vfio_config_read(&self->device, at, widths[i]);

			for (byte = 0; byte < widths[i]; byte++) {
				ASSERT_EQ(self->bytes[at + byte],
					  (value >> 8 * byte & 0xff)) {
					TH_LOG("%u bytes at %#x", widths[i], at);
				}
			}
		}
	}
}

TEST_F(config_space, block_read_agrees)
{
	uint8_t block[CONFIG_SIZE];

	vfio_command(&self->device, PCI_COMMAND_IO, 0);
	read_bytes(&self->device, self->bytes);
	ASSERT_EQ(vfio_read(&self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, block, 64),
		  64);
	EXPECT_EQ(memcmp(block, self->bytes, 64), 0);
	/* From the middle of one register into the middle of another one */
	ASSERT_EQ(vfio_read(&self->device, VFIO_PCI_CONFIG_REGION_INDEX, 3, block, 42),
		  42);
	EXPECT_EQ(memcmp(block, self->bytes + 3, 42), 0);
}

/* Whatever a capability points to lies in a memory region that is shown */
TEST_F(config_space, capabilities_point_to_shown_bars)
{
	struct vfio_device *device = &self->device;
	unsigned int at, steps, structures = 0;

	at = vfio_config_read(device, PCI_CAPABILITY_LIST, 1);
	for (steps = 0; at && steps < 48; steps++) {
		uint8_t id = vfio_config_read(device, at, 1);
		uint64_t offset, length;
		unsigned int bar;

		if (id == PCI_CAP_ID_VNDR &&
		    vfio_config_read(device, at + VIRTIO_CAP_TYPE, 1) != VIRTIO_CAP_TYPE_PCI) {
			bar = vfio_config_read(device, at + VIRTIO_CAP_BAR, 1);
			offset = vfio_config_read(device, at + VIRTIO_CAP_OFFSET, 4);
			length = vfio_config_read(device, at + VIRTIO_CAP_LENGTH, 4);
		} else if (id == PCI_CAP_ID_MSIX) {
			uint32_t table = vfio_config_read(device, at + PCI_MSIX_TABLE, 4);

			bar = table & PCI_MSIX_TABLE_BIR;
			offset = table & PCI_MSIX_TABLE_OFFSET;
			length = 16;
		} else {
			at = vfio_config_read(device, at + PCI_CAP_LIST_NEXT, 1);
			continue;
		}
		ASSERT_LT(bar, 6);
		EXPECT_NE(bar, 0);
		EXPECT_LE(offset + length, device->regions[bar].size) {
			TH_LOG("capability at %#x points beyond BAR %u", at, bar);
		}
		structures++;
		at = vfio_config_read(device, at + PCI_CAP_LIST_NEXT, 1);
	}
	/* MSI-X at least, or nothing was looked at */
	EXPECT_GE(structures, 1);
	EXPECT_LT(steps, 48);
}

/* Writes config space the way lspci -xxxx prints it and lspci -F reads it */
static void write_dump(struct __test_metadata *_metadata, const char *path,
		       const uint8_t *bytes)
{
	FILE *file = fopen(path, "we");
	unsigned int i;

	ASSERT_NE(file, NULL) {
		TH_LOG("%s: %s", path, strerror(errno));
	}
	fputs("00:00.0 guest view\n", file);
	for (i = 0; i < CONFIG_SIZE; i++) {
		if (i % 16 == 0)
			fprintf(file, "%02x:", i);
		fprintf(file, " %02x%s", bytes[i], i % 16 == 15 ? "\n" : "");
	}
	fclose(file);
}

TEST_F(config_space, golden)
{
	char directory[512], program[512], golden[1024], dump[1024], actual[1024];
	char command[4096], want[512], got[512];
	const char *results = getenv("VIRTIO_MMR_RESULTS");
	FILE *file, *lspci, *copy;
	unsigned int line = 0;
	ssize_t length;

	if (!getenv("VIRTIO_MMR_VM"))
		SKIP(return, "golden files describe the emulated device; run by tools/vm/run");

	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	ASSERT_GT(length, 0);
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	snprintf(golden, sizeof(golden), "%s/golden/%s.txt", program,
		 self->type->name);
	/* As firmware would leave it */
	vfio_config_write(&self->device, PCI_BASE_ADDRESS_0, 4, IO_ADDRESS);
	vfio_command(&self->device, PCI_COMMAND_IO, 0);
	read_bytes(&self->device, self->bytes);

	snprintf(directory, sizeof(directory), "%s/golden", results ? results : "/tmp");
	mkdir(directory, 0777);
	snprintf(dump, sizeof(dump), "%s/%s.dump", directory, self->type->name);
	snprintf(actual, sizeof(actual), "%s/%s.txt", directory, self->type->name);
	write_dump(_metadata, dump, self->bytes);

	snprintf(command, sizeof(command), "lspci -n -vvv -xxxx -F '%s'", dump);
	lspci = popen(command, "r");
	ASSERT_NE(lspci, NULL);
	copy = fopen(actual, "we");
	ASSERT_NE(copy, NULL);
	while (fgets(got, sizeof(got), lspci))
		fputs(got, copy);
	fclose(copy);
	ASSERT_EQ(pclose(lspci), 0) {
		TH_LOG("'%s' failed; is pciutils installed?", command);
	}

	file = fopen(golden, "re");
	if (!file)
		SKIP(return, "no golden file for %s", self->type->name);
	copy = fopen(actual, "re");
	ASSERT_NE(copy, NULL);
	for (;;) {
		char *w = fgets(want, sizeof(want), file);
		char *g = fgets(got, sizeof(got), copy);

		if (!w && !g)
			break;
		line++;
		ASSERT_TRUE(w && g && !strcmp(want, got)) {
			TH_LOG("line %u of golden/%s.txt: want '%.*s', got '%.*s'; compare with %s",
			       line, self->type->name,
			       w ? (int)strcspn(want, "\n") : 0, want,
			       g ? (int)strcspn(got, "\n") : 0, got, actual);
		}
	}
	/* A decoded header and 256 lines of bytes at least */
	EXPECT_GT(line, 256);
	fclose(file);
	fclose(copy);
}

FUNCTIONS_HARNESS_MAIN
