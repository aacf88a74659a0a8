// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration space that the guest sees. It is that of a transitional virtio device,
 * consistent for accesses of all widths, and byte for byte as in golden/.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/functions.h"
#include "lib/legacy.h"
#include "lib/qmp.h"
#include "lib/session.h"

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
	struct session session;
	struct vfio_device *device;
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
	self->device = session_open(&self->session, bdf);
}

FIXTURE_TEARDOWN(config_space)
{
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(config_space, identity)
{
	struct vfio_device *device = self->device;

	EXPECT_EQ(vfio_config_read(device, PCI_VENDOR_ID, 2), 0x1af4);
	EXPECT_EQ(vfio_config_read(device, PCI_DEVICE_ID, 2),
		  self->type->transitional_id);
	EXPECT_EQ(vfio_config_read(device, PCI_REVISION_ID, 1), 0);
	EXPECT_EQ(vfio_config_read(device, PCI_SUBSYSTEM_VENDOR_ID, 2), 0x1af4);
	EXPECT_EQ(vfio_config_read(device, PCI_SUBSYSTEM_ID, 2),
		  self->type->virtio_id);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
		  PCI_BASE_ADDRESS_SPACE_IO);
	/* No port is decoded directly after open */
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
}

/* The same if the function's own bit is set, as it can be on a PF */
TEST_F(config_space, io_decode_is_off_at_open)
{
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	session_detach(&self->session);
	ASSERT_EQ(sysfs_command(self->session.bdf, PCI_COMMAND_IO), 0);

	session_attach(&self->session);
	EXPECT_EQ(vfio_config_read(self->device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
	EXPECT_EQ(legacy_status(self->device), 0xff);
}

TEST_F(config_space, identity_is_read_only)
{
	static const unsigned int offsets[] = {
		PCI_VENDOR_ID, PCI_DEVICE_ID, PCI_CLASS_REVISION, PCI_CLASS_DEVICE,
		PCI_SUBSYSTEM_VENDOR_ID, PCI_SUBSYSTEM_ID,
	};
	unsigned int i, before;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		before = vfio_config_read(self->device, offsets[i], 2);
		vfio_config_write(self->device, offsets[i], 2, before ^ 0xffff);
		EXPECT_EQ(vfio_config_read(self->device, offsets[i], 2), before) {
			TH_LOG("offset %#x", offsets[i]);
		}
	}
	before = vfio_config_read(self->device, PCI_INTERRUPT_PIN, 1);
	vfio_config_write(self->device, PCI_INTERRUPT_PIN, 1, before ^ 1);
	EXPECT_EQ(vfio_config_read(self->device, PCI_INTERRUPT_PIN, 1), before);
}

/* The register and the number of interrupts agree. MSI-X can serve INTx, on a VF and a PF. */
TEST_F(config_space, interrupt_pin)
{
	unsigned int pin = vfio_msix_vectors(self->device) > 0;

	EXPECT_EQ(vfio_config_read(self->device, PCI_INTERRUPT_PIN, 1), pin);
	EXPECT_EQ(vfio_irqs(self->device, VFIO_PCI_INTX_IRQ_INDEX), pin);
}

TEST_F(config_space, command_io)
{
	struct vfio_device *device = self->device;
	uint16_t before = vfio_config_read(device, PCI_COMMAND, 2);

	/* By a word, by a byte and inside a dword. No other bit changes */
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

/* Checks the bit in COMMAND, and that the I/O BAR answers if it is set */
static void expect_io_decode(struct __test_metadata *_metadata,
			     struct vfio_device *device, bool on)
{
	EXPECT_EQ(!!(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO), on);
	EXPECT_EQ(legacy_status(device) != 0xff, on);
}

/* The bytes before the missing memory are written, and none after them */
TEST_F(config_space, write_fails_half_way)
{
	struct vfio_device *device = self->device;
	uint32_t first, bar0, bar1;
	uint16_t off, on;
	uint8_t *page;

	page = mmap(NULL, 2 * CONFIG_SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(page, MAP_FAILED);
	ASSERT_EQ(mprotect(page + CONFIG_SIZE, CONFIG_SIZE, PROT_NONE), 0);

#define WRITE_HALF(at) vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX, at,	\
				  page + CONFIG_SIZE - 4, 8)
	/* The registers of a PF need COMMAND.MEMORY, too */
	vfio_command(device, PCI_COMMAND_MEMORY, PCI_COMMAND_MASTER);
	off = vfio_config_read(device, PCI_COMMAND, 2);
	on = off | PCI_COMMAND_IO | PCI_COMMAND_MASTER;
	memset(page, 0, CONFIG_SIZE);
	memcpy(page + CONFIG_SIZE - 4, &on, 2);
	EXPECT_EQ(WRITE_HALF(PCI_COMMAND), -EFAULT);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), on);
	expect_io_decode(_metadata, device, true);
	memcpy(page + CONFIG_SIZE - 4, &off, 2);
	EXPECT_EQ(WRITE_HALF(PCI_COMMAND), -EFAULT);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), off);
	expect_io_decode(_metadata, device, false);

	bar1 = vfio_config_read(device, PCI_BASE_ADDRESS_1, 4);
	bar0 = IO_ADDRESS;
	memcpy(page + CONFIG_SIZE - 4, &bar0, 4);
	EXPECT_EQ(WRITE_HALF(PCI_BASE_ADDRESS_0), -EFAULT);
	bar0 |= PCI_BASE_ADDRESS_SPACE_IO;
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4), bar0);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_1, 4), bar1);
	first = vfio_config_read(device, PCI_CACHE_LINE_SIZE, 4);
	memcpy(page + CONFIG_SIZE - 4, &first, 4);
	EXPECT_EQ(WRITE_HALF(PCI_CACHE_LINE_SIZE), -EFAULT);
	EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4), bar0);
#undef WRITE_HALF

	/* A place outside of configuration space is not written either */
	ASSERT_EQ(mprotect(page + CONFIG_SIZE, CONFIG_SIZE, PROT_READ | PROT_WRITE), 0);
	read_bytes(device, page);
	memcpy(page + PCI_COMMAND, &on, 2);
	EXPECT_EQ(vfio_write(device, VFIO_PCI_CONFIG_REGION_INDEX, 0, page,
			     CONFIG_SIZE + 1), -EFAULT);
	EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2), off);
	expect_io_decode(_metadata, device, false);
	munmap(page, 2 * CONFIG_SIZE);
}

/* Each round has three threads that wait for one another. Each type of function adds to them */
#define WRITER_ROUNDS	60

/* Switches I/O decode and bus mastering together. The driver handles I/O decode */
struct command_writer {
	struct vfio_device *device;
	pthread_barrier_t *barrier;
	uint16_t command;
};

static int write_command(void *data)
{
	struct command_writer *writer = data;

	pthread_barrier_wait(writer->barrier);
	vfio_config_write(writer->device, PCI_COMMAND, 2, writer->command);
	pthread_barrier_wait(writer->barrier);
	return 0;
}

static bool is_of_one_writer(struct vfio_device *device)
{
	uint16_t command = vfio_config_read(device, PCI_COMMAND, 2);

	return !(command & PCI_COMMAND_IO) == !(command & PCI_COMMAND_MASTER) &&
	       !(command & PCI_COMMAND_IO) == (legacy_status(device) == 0xff);
}

/* If two threads write COMMAND at the same time, the last one determines all of it */
TEST_F(config_space, two_write_command)
{
	static struct command_writer writers[2];
	static pthread_barrier_t barrier;
	struct background *threads[2];
	unsigned int i, torn = 0;

	ASSERT_EQ(pthread_barrier_init(&barrier, NULL, 3), 0);
	for (i = 0; i < 2; i++) {
		writers[i] = (struct command_writer){
			.device = self->device,
			.barrier = &barrier,
			.command = PCI_COMMAND_MEMORY |
				   (i ? PCI_COMMAND_IO | PCI_COMMAND_MASTER : 0),
		};
		threads[i] = background_repeat(write_command, &writers[i], WRITER_ROUNDS);
	}
	for (i = 0; i < WRITER_ROUNDS; i++) {
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		torn += !is_of_one_writer(self->device);
	}
	for (i = 0; i < 2; i++)
		background_wait(threads[i]);
	pthread_barrier_destroy(&barrier);
	EXPECT_EQ(torn, 0);
}

TEST_F(config_space, widths_agree)
{
	static const unsigned int widths[] = { 2, 4 };
	unsigned int i, at, byte;

	/* With nonzero values in the synthesised registers more is compared */
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	vfio_config_write(self->device, PCI_BASE_ADDRESS_0, 4, 0xa5a5a500);
	read_bytes(self->device, self->bytes);

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		for (at = 0; at + widths[i] <= CONFIG_SIZE; at++) {
			uint32_t value = vfio_config_read(self->device, at, widths[i]);

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

	vfio_command(self->device, PCI_COMMAND_IO, 0);
	read_bytes(self->device, self->bytes);
	ASSERT_EQ(vfio_read(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, block, 64),
		  64);
	EXPECT_EQ(memcmp(block, self->bytes, 64), 0);
	/* From the middle of one register into the middle of another one */
	ASSERT_EQ(vfio_read(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 3, block, 42),
		  42);
	EXPECT_EQ(memcmp(block, self->bytes + 3, 42), 0);
}

/* A list of capabilities, as a reader that follows it finds it */
struct capability_list {
	uint8_t at[256];
	unsigned int length;
	bool loops;
};

static void follow(struct capability_list *list, const uint8_t *config)
{
	bool seen[256] = {};
	uint8_t at;

	list->length = 0;
	for (at = config[PCI_CAPABILITY_LIST]; at && !seen[at];
	     at = config[at + PCI_CAP_LIST_NEXT]) {
		seen[at] = true;
		list->at[list->length++] = at;
	}
	list->loops = at;
}

/* Each place that a capability points to lies in a memory region that is shown */
TEST_F(config_space, capabilities_point_to_shown_bars)
{
	const struct vfio_region_info *regions = self->device->regions;
	uint8_t own[SYSFS_CONFIG_SIZE];
	struct capability_list list;
	unsigned int i, structures = 0;
	bool loops;

	sysfs_config(self->device->bdf, own);
	follow(&list, own);
	loops = list.loops;
	read_bytes(self->device, self->bytes);
	follow(&list, self->bytes);

	for (i = 0; i < list.length; i++) {
		const uint8_t *cap = self->bytes + list.at[i];
		uint32_t offset, length;
		unsigned int bar;

		if (cap[0] == PCI_CAP_ID_VNDR && cap[VIRTIO_CAP_TYPE] != VIRTIO_CAP_TYPE_PCI) {
			bar = cap[VIRTIO_CAP_BAR];
			memcpy(&offset, cap + VIRTIO_CAP_OFFSET, 4);
			memcpy(&length, cap + VIRTIO_CAP_LENGTH, 4);
		} else if (cap[0] == PCI_CAP_ID_MSIX) {
			memcpy(&offset, cap + PCI_MSIX_TABLE, 4);
			bar = offset & PCI_MSIX_TABLE_BIR;
			offset &= PCI_MSIX_TABLE_OFFSET;
			length = 16;
		} else {
			continue;
		}
		ASSERT_LT(bar, 6);
		EXPECT_NE(bar, 0);
		EXPECT_LE((uint64_t)offset + length, regions[bar].size) {
			TH_LOG("capability at %#x points beyond BAR %u", list.at[i], bar);
		}
		structures++;
	}
	/* The list is endless only if the function's own list is */
	EXPECT_EQ(list.loops, loops);
	if (!structures)
		SKIP(return, "the function has no capability that points to a BAR");
}

/*
 * Config space as lspci prints it with -xxxx and reads it with -F. lspci reads ones for bytes
 * that a file lacks. So lines of zeros may be left out only if lspci need not read them.
 */
static void print_bytes(FILE *file, const uint8_t *bytes, bool with_zeros)
{
	static const uint8_t zeros[16];
	unsigned int line, i;

	for (line = 0; line < CONFIG_SIZE; line += 16) {
		if (!with_zeros && !memcmp(bytes + line, zeros, 16))
			continue;
		fprintf(file, "%02x:", line);
		for (i = 0; i < 16; i++)
			fprintf(file, " %02x", bytes[line + i]);
		fputc('\n', file);
	}
}

/* Parses a line of 16 bytes. Returns false for a line of text */
static bool parse_bytes(const char *line, uint8_t *bytes)
{
	unsigned long at;
	unsigned int i;
	char *end;

	at = strtoul(line, &end, 16);
	if (end == line || end[0] != ':' || end[1] != ' ' || at % 16 ||
	    at >= CONFIG_SIZE)
		return false;
	for (end++, i = 0; i < 16; i++)
		bytes[at + i] = strtoul(end, &end, 16);
	return true;
}

/* Returns the next line of text. Stores the bytes of the lines before it at their place */
static char *next_text(FILE *file, char *line, int size, uint8_t *bytes)
{
	while (fgets(line, size, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && !parse_bytes(line, bytes))
			return line;
	}
	return NULL;
}

/* The addresses of the VFs' BARs are irrelevant for the guest */
static void hide_vf_bars(uint8_t *bytes)
{
	unsigned int at, steps;

	for (at = 0x100, steps = 0; at >= 0x100 && steps < 480; steps++) {
		uint32_t header;

		memcpy(&header, bytes + at, 4);
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_SRIOV)
			memset(bytes + at + PCI_SRIOV_BAR, 0, 4 * PCI_SRIOV_NUM_BARS);
		at = PCI_EXT_CAP_NEXT(header);
	}
}

/* Whether lspci has the version that has made the golden files. Others use other words */
static bool lspci_is_golden(void)
{
	FILE *lspci = popen("lspci --version", "r");
	char version[64] = "";

	if (!lspci)
		return false;
	if (!fgets(version, sizeof(version), lspci))
		version[0] = '\0';
	pclose(lspci);
	return !strcmp(version, "lspci version 3.9.0\n");
}

/*
 * golden/TYPE.txt, or pf-TYPE.txt, has the output of lspci for the guest's view. It also has
 * the bytes, except for lines of zeros. Those decide, and the text is for readers.
 */
TEST_F(config_space, golden)
{
	char directory[512], program[512], golden[1024], dump[1024], actual[1024];
	char command[4096], want[512], got[512], name[64], *w, *g;
	const char *results = getenv("VIRTIO_MMR_RESULTS");
	uint8_t expected[CONFIG_SIZE] = {}, shown[CONFIG_SIZE] = {};
	FILE *file, *lspci, *copy;
	unsigned int bar, i;
	struct qmp qmp;
	ssize_t length;
	bool has_words;

	if (!qmp_open(&qmp, self->device->bdf))
		SKIP(return, "golden files describe the emulated device of tools/vm/run");
	qmp_close(&qmp);

	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	ASSERT_GT(length, 0);
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	snprintf(name, sizeof(name), "%s%s",
		 sysfs_is_vf(self->device->bdf) ? "" : "pf-", self->type->name);
	snprintf(golden, sizeof(golden), "%s/golden/%s.txt", program, name);
	/* BARs as firmware would set them, except for addresses of memory */
	vfio_config_write(self->device, PCI_BASE_ADDRESS_0, 4, IO_ADDRESS);
	for (bar = 1; bar < 6; bar++)
		vfio_config_write(self->device, PCI_BASE_ADDRESS_0 + 4 * bar, 4, 0);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	read_bytes(self->device, self->bytes);
	hide_vf_bars(self->bytes);

	snprintf(directory, sizeof(directory), "%s/golden", results ? results : "/tmp");
	mkdir(directory, 0777);
	snprintf(dump, sizeof(dump), "%s/%s.dump", directory, name);
	snprintf(actual, sizeof(actual), "%s/%s.txt", directory, name);
	file = fopen(dump, "we");
	ASSERT_NE(file, NULL) {
		TH_LOG("%s: %s", dump, strerror(errno));
	}
	fputs("00:00.0 guest view\n", file);
	print_bytes(file, self->bytes, true);
	fclose(file);

	snprintf(command, sizeof(command), "lspci -n -vvv -F '%s'", dump);
	lspci = popen(command, "r");
	ASSERT_NE(lspci, NULL);
	copy = fopen(actual, "w+e");
	ASSERT_NE(copy, NULL);
	while (fgets(got, sizeof(got), lspci))
		fputs(got, copy);
	ASSERT_EQ(pclose(lspci), 0) {
		TH_LOG("'%s' failed; is pciutils installed?", command);
	}
	print_bytes(copy, self->bytes, false);
	rewind(copy);

	file = fopen(golden, "re");
	ASSERT_NE(file, NULL) {
		TH_LOG("golden/%s.txt: %s; compare with %s", name, strerror(errno),
		       actual);
	}
	has_words = lspci_is_golden();
	do {
		w = next_text(file, want, sizeof(want), expected);
		g = next_text(copy, got, sizeof(got), shown);
		EXPECT_TRUE(!has_words || (!w == !g && (!w || !strcmp(w, g)))) {
			TH_LOG("golden/%s.txt: want '%s', got '%s'; compare with %s",
			       name, w ?: "", g ?: "", actual);
		}
	} while (w || g);
	fclose(file);
	fclose(copy);
	/* The files that a reader compares have the bytes that were read */
	EXPECT_EQ(memcmp(shown, self->bytes, CONFIG_SIZE), 0);
	for (i = 0; i < CONFIG_SIZE; i++) {
		EXPECT_EQ(self->bytes[i], expected[i]) {
			TH_LOG("byte at %#x differs from golden/%s.txt", i, name);
		}
	}
	EXPECT_EQ(expected[0], 0xf4) {
		TH_LOG("golden/%s.txt has no bytes", name);
	}
}

FUNCTIONS_HARNESS_MAIN
