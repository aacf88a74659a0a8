// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loader with good files, and with files that lie. Files and memory have exactly their size,
 * so that the sanitizer sees each access beyond them.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"

#include "loader.h"

#define MEMORY		(8u << 20)
#define ADDRESS		0x200000
#define MUTATIONS	20000

FIXTURE(loader)
{
	uint8_t *file;
	size_t size;
	struct loader loader;
};

FIXTURE_SETUP(loader)
{
	self->loader = (struct loader){
		.memory = calloc(1, MEMORY), .size = MEMORY, .command_line = "a=b",
	};
}

FIXTURE_TEARDOWN(loader)
{
	free(self->file);
	free(self->loader.memory);
}

static void make_file(struct _test_data_loader *self, size_t size)
{
	free(self->file);
	self->file = calloc(1, size);
	self->size = size;
}

static void set(uint8_t *at, unsigned int width, uint64_t value)
{
	for (; width--; value >>= 8)
		*at++ = value;
}

static uint64_t get(const uint8_t *at, unsigned int width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | at[width];
	return value;
}

static const char *load(struct _test_data_loader *self)
{
	self->loader.image = (struct loader_file){ self->file, self->size };
	return loader_load(&self->loader);
}

/* One sector of set-up code and a kernel of 600 bytes */
static void make_bzimage(struct _test_data_loader *self)
{
	make_file(self, 1024 + 600);
	self->file[0x1f1] = 1;
	set(self->file + 0x1fe, 2, 0xaa55);
	self->file[0x201] = 0x6a;
	memcpy(self->file + 0x202, "HdrS", 4);
	set(self->file + 0x206, 2, 0x020f);
	set(self->file + 0x22c, 4, 0x7fffffff);
	set(self->file + 0x236, 2, 1);
	set(self->file + 0x238, 4, 2047);
	set(self->file + 0x258, 8, ADDRESS);
	set(self->file + 0x260, 4, 0x10000);
	memset(self->file + 1024, 0xc5, 600);
}

/* A segment of 100 bytes in the file and 300 in memory */
static void make_vmlinux(struct _test_data_loader *self)
{
	Elf64_Ehdr header = {
		.e_ident = ELFMAG, .e_phoff = sizeof(header), .e_phnum = 1, .e_entry = ADDRESS + 4,
	};
	Elf64_Phdr segment = {
		.p_type = PT_LOAD, .p_offset = 0x100, .p_paddr = ADDRESS, .p_filesz = 100,
		.p_memsz = 300,
	};

	make_file(self, 0x100 + 100);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	memcpy(self->file, &header, sizeof(header));
	memcpy(self->file + sizeof(header), &segment, sizeof(segment));
	memset(self->file + 0x100, 0xc6, 100);
}

static void make_multiboot(struct _test_data_loader *self)
{
	make_file(self, 0x200);
	set(self->file + 0x10, 4, 0x1badb002);
	set(self->file + 0x14, 4, 0x10000);
	set(self->file + 0x18, 4, -(0x1badb002u + 0x10000u));
	set(self->file + 0x1c, 4, ADDRESS + 0x10);	/* header */
	set(self->file + 0x20, 4, ADDRESS);		/* start */
	set(self->file + 0x24, 4, ADDRESS + 0x200);	/* end of data */
	set(self->file + 0x28, 4, ADDRESS + 0x1000);	/* end of memory */
	set(self->file + 0x2c, 4, ADDRESS + 0x40);	/* entry */
	memset(self->file + 0x40, 0xc7, 0x1c0);
}

TEST_F(loader, bzimage)
{
	uint8_t *initrd = malloc(5000);
	uint64_t address;

	memset(initrd, 0xd1, 5000);
	make_bzimage(self);
	self->loader.initrd = (struct loader_file){ initrd, 5000 };
	ASSERT_EQ(NULL, load(self));
	EXPECT_EQ(LOADER_LONG, self->loader.mode);
	EXPECT_EQ(ADDRESS + 0x200, self->loader.entry);
	EXPECT_EQ(0, memcmp(self->loader.memory + ADDRESS, self->file + 1024, 600));
	address = get(self->loader.memory + self->loader.argument + 0x218, 4);
	EXPECT_EQ(0, address % 4096);
	EXPECT_EQ(0, memcmp(self->loader.memory + address, initrd, 5000));
	EXPECT_EQ(5000, get(self->loader.memory + self->loader.argument + 0x21c, 4));
	address = get(self->loader.memory + self->loader.argument + 0x228, 4);
	EXPECT_STREQ("a=b", (char *)self->loader.memory + address);
	EXPECT_EQ(4, self->loader.memory[self->loader.argument + 0x1e8]);
	free(initrd);
}

/* Its length byte says that it goes on in the memory map. */
TEST_F(loader, long_setup_header)
{
	make_bzimage(self);
	self->file[0x201] = 0xff;
	memset(self->file + 0x290, 0xee, 0x100);
	ASSERT_EQ(NULL, load(self));
	EXPECT_EQ(0, self->loader.memory[self->loader.argument + 0x290]);
}

TEST_F(loader, vmlinux)
{
	make_vmlinux(self);
	memset(self->loader.memory + ADDRESS, 0xff, 400);
	ASSERT_EQ(NULL, load(self));
	EXPECT_EQ(ADDRESS + 4, self->loader.entry);
	EXPECT_EQ(0xc6, self->loader.memory[ADDRESS + 99]);
	EXPECT_EQ(0, self->loader.memory[ADDRESS + 100]);
	EXPECT_EQ(0, self->loader.memory[ADDRESS + 299]);
	EXPECT_EQ(0xff, self->loader.memory[ADDRESS + 300]);
}

TEST_F(loader, multiboot)
{
	make_multiboot(self);
	ASSERT_EQ(NULL, load(self));
	EXPECT_EQ(LOADER_PROTECTED, self->loader.mode);
	EXPECT_EQ(ADDRESS + 0x40, self->loader.entry);
	EXPECT_EQ(0xc7, self->loader.memory[ADDRESS + 0x40]);
	EXPECT_EQ((MEMORY >> 10) - 1024, get(self->loader.memory + self->loader.argument + 8, 4));
}

TEST_F(loader, firmware)
{
	make_file(self, 0x10000);
	self->file[0xfff0] = 0xea;
	ASSERT_EQ(NULL, load(self));
	EXPECT_EQ(LOADER_REAL, self->loader.mode);
	EXPECT_EQ(0xfff0, self->loader.entry);
	EXPECT_EQ(0xea, self->loader.memory[0xffff0]);
}

TEST_F(loader, nothing_known)
{
	make_file(self, 1);
	EXPECT_NE(NULL, load(self));
	make_file(self, 0x10001);
	EXPECT_NE(NULL, load(self));
}

/* Each lie is refused: offset, width and value of a field */
static const struct lie {
	unsigned int offset, width;
	uint64_t value;
} bzimage_lies[] = {
	{ 0x206, 2, 0x0205 }, { 0x236, 2, 0 }, { 0x1f1, 1, 3 }, { 0x1f1, 1, 255 },
	{ 0x1f1, 1, 0 }, { 0x258, 8, MEMORY }, { 0x258, 8, MEMORY - 100 },
	{ 0x258, 8, ~0ull - 100 }, { 0x258, 8, 0x1000 }, { 0x260, 4, 0xffffffff },
	{ 0x238, 4, 2 },
}, vmlinux_lies[] = {
	{ 0x20, 8, ~0ull }, { 0x20, 8, 0x160 }, { 0x38, 2, 0xffff }, { 0x38, 2, 0 },
	{ 0x48, 8, 0x101 }, { 0x48, 8, ~0ull }, { 0x58, 8, MEMORY }, { 0x58, 8, ~0ull - 50 },
	{ 0x58, 8, 0x1000 }, { 0x60, 8, 101 }, { 0x60, 8, ~0ull }, { 0x68, 8, 99 },
	{ 0x68, 8, ~0ull }, { 0x68, 8, MEMORY },
}, multiboot_lies[] = {
	{ 0x1c, 4, 0 }, { 0x20, 4, ADDRESS + 0x20 }, { 0x20, 4, 0 }, { 0x24, 4, 0xffffffff },
	{ 0x24, 4, 1 }, { 0x28, 4, 0xfffffff0 },
};

static void refuses(struct _test_data_loader *self, struct __test_metadata *_metadata,
		    void (*make)(struct _test_data_loader *self), const struct lie *lies,
		    unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		make(self);
		set(self->file + lies[i].offset, lies[i].width, lies[i].value);
		EXPECT_NE(NULL, load(self)) {
			TH_LOG("lie %u is believed", i);
		}
	}
}

#define REFUSES(make, lies) refuses(self, _metadata, make, lies, sizeof(lies) / sizeof(lies[0]))

TEST_F(loader, lies)
{
	REFUSES(make_bzimage, bzimage_lies);
	REFUSES(make_vmlinux, vmlinux_lies);
	REFUSES(make_multiboot, multiboot_lies);
}

TEST_F(loader, cut_off)
{
	static void (*const makers[])(struct _test_data_loader *self) = {
		make_bzimage, make_vmlinux, make_multiboot,
	};
	unsigned int i;
	uint8_t *whole;
	size_t size, all;

	for (i = 0; i < 3; i++) {
		makers[i](self);
		all = self->size;
		whole = self->file;
		self->file = NULL;
		for (size = 0; size < all; size += 7) {
			make_file(self, size);
			memcpy(self->file, whole, size);
			load(self);
		}
		free(whole);
	}
}

TEST_F(loader, initrd_is_too_large)
{
	uint8_t *initrd = malloc(MEMORY);

	make_bzimage(self);
	self->loader.initrd = (struct loader_file){ initrd, MEMORY - ADDRESS - 0x10000 + 1 };
	EXPECT_NE(NULL, strstr(load(self), "more --memory"));
	self->loader.initrd.size = MEMORY + 1ull;
	EXPECT_NE(NULL, strstr(load(self), "more --memory"));

	/* There is enough memory, and the kernel cannot use it for this. */
	self->loader.initrd.size = 0x20000;
	set(self->file + 0x22c, 4, ADDRESS + 0x20000);
	EXPECT_NE(NULL, strstr(load(self), "a smaller one helps"));
	free(initrd);
}

/* Any bytes in the headers: no access beyond file and memory */
TEST_F(loader, mutations)
{
	static void (*const makers[])(struct _test_data_loader *self) = {
		make_bzimage, make_vmlinux, make_multiboot,
	};
	unsigned int i, j;

	srandom(1);
	for (i = 0; i < MUTATIONS; i++) {
		makers[i % 3](self);
		for (j = random() % 4 + 1; j; j--)
			self->file[random() % (i % 3 ? 0x100 : 0x290)] =
				random() % 3 ? random() : 0xff;
		load(self);
	}
}

TEST_HARNESS_MAIN
