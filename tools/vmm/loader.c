// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts a program into a guest's memory: Linux as a bzImage or as an ELF file (64-bit boot
 * protocol), a multiboot program, or an image of 64 KiB in place of a firmware. The files may
 * hold anything.
 */
#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include "loader.h"

#define ZERO_PAGE		0x7000
#define COMMAND_LINE		0x20000
#define COMMAND_LINE_MAX	0x1000
#define MULTIBOOT_INFO		0x7000
#define LOW_MEMORY_END		0x9fc00
#define FIRMWARE		0xf0000
#define FIRMWARE_SIZE		0x10000
#define HIGH_MEMORY		0x100000
#define PAGE			0x1000u
#define NO_ROOM			"does not fit into memory above 1 MiB; more --memory may help"

/* Linux: fields of the zero page, which has the setup header of a bzImage at the same places */
#define E820_COUNT		0x1e8
#define SETUP_SECTS		0x1f1
#define SETUP_HEADER		0x1f1
#define BOOT_FLAG		0x1fe
#define JUMP_LENGTH		0x201
#define MAGIC			0x202
#define PROTOCOL_VERSION	0x206
#define LOADER_TYPE		0x210
#define LOAD_FLAGS		0x211
#define INITRD_ADDRESS		0x218
#define INITRD_SIZE		0x21c
#define COMMAND_LINE_POINTER	0x228
#define INITRD_ADDRESS_MAX	0x22c
#define XLOADFLAGS		0x236
#define COMMAND_LINE_SIZE	0x238
#define PREFERRED_ADDRESS	0x258
#define INIT_SIZE		0x260
#define SETUP_HEADER_END	0x290
#define E820_TABLE		0x2d0
#define E820_SIZE		20
#define LINUX_MAGIC		0x53726448	/* HdrS */
#define LOADED_HIGH		0x01
#define KERNEL_64		0x01
#define ENTRY_64		0x200
#define OLDEST_PROTOCOL		0x020c
#define INITRD_MAX		0x7fffffff

#define MULTIBOOT_MAGIC		0x1badb002
#define MULTIBOOT_SEARCH	8192
#define MULTIBOOT_ADDRESSES	0x10000
/* Page alignment and memory sizes are always there; other demands are not known */
#define MULTIBOOT_KNOWN		0x10003

static uint64_t get(const uint8_t *at, unsigned int width)
{
	uint64_t value = 0;

	while (width--)
		value = value << 8 | at[width];
	return value;
}

static void set(uint8_t *at, unsigned int width, uint64_t value)
{
	for (; width--; value >>= 8)
		*at++ = value;
}

static bool is_inside(uint64_t start, uint64_t length, uint64_t limit)
{
	return length <= limit && start <= limit - length;
}

/* Copies a part of the image into memory. Whatever exceeds either of them is an error. */
static bool place(struct loader *loader, uint64_t address, uint64_t offset, uint64_t count)
{
	if (address < HIGH_MEMORY || !is_inside(address, count, loader->size) ||
	    !is_inside(offset, count, loader->image.size))
		return false;
	memcpy(loader->memory + address, loader->image.data + offset, count);
	return true;
}

/* Segments of an ELF file; @end gets the end of the highest one */
static const char *load_segments(struct loader *loader, bool is_64_bit, uint64_t *end)
{
	const uint8_t *data = loader->image.data;
	uint64_t table, count, size, i;

	if (loader->image.size < sizeof(Elf64_Ehdr))
		return "the ELF file is cut off";
	table = get(data + (is_64_bit ? 0x20 : 0x1c), is_64_bit ? 8 : 4);
	size = is_64_bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	count = get(data + (is_64_bit ? 0x38 : 0x2c), 2);
	if (!is_inside(table, count * size, loader->image.size))
		return "the program headers of the ELF file are cut off";

	*end = 0;
	for (i = 0; i < count; i++) {
		const uint8_t *header = data + table + i * size;
		uint64_t address, offset, in_file, in_memory;

		if (get(header, 4) != PT_LOAD)
			continue;
		offset = is_64_bit ? get(header + 8, 8) : get(header + 4, 4);
		address = is_64_bit ? get(header + 24, 8) : get(header + 12, 4);
		in_file = is_64_bit ? get(header + 32, 8) : get(header + 16, 4);
		in_memory = is_64_bit ? get(header + 40, 8) : get(header + 20, 4);
		if (in_memory < in_file || !is_inside(address, in_memory, loader->size) ||
		    !place(loader, address, offset, in_file))
			return "a segment is not inside of the ELF file, or " NO_ROOM;
		memset(loader->memory + address + in_file, 0, in_memory - in_file);
		if (address + in_memory > *end)
			*end = address + in_memory;
	}
	loader->entry = get(data + 0x18, is_64_bit ? 8 : 4);
	return *end ? NULL : "the ELF file has nothing to load";
}

/* Descriptors: none, none, code of 64 bits, data, code of 32 bits */
static void write_tables(struct loader *loader)
{
	uint8_t *gdt = loader->memory + LOADER_GDT;
	uint8_t *tables = loader->memory + LOADER_PAGE_TABLES;
	unsigned int i;

	set(gdt + 0x10, 8, 0x00af9b000000ffff);
	set(gdt + 0x18, 8, 0x00cf93000000ffff);
	set(gdt + 0x20, 8, 0x00cf9b000000ffff);
	set(tables, 8, (LOADER_PAGE_TABLES + PAGE) | 0x3);
	for (i = 0; i < 4; i++)
		set(tables + PAGE + 8 * i, 8, (LOADER_PAGE_TABLES + (2 + i) * PAGE) | 0x3);
	/* Pages of 2 MiB */
	for (i = 0; i < 4 * 512; i++)
		set(tables + 2 * PAGE + 8 * i, 8, (uint64_t)i << 21 | 0x83);
}

static const char *write_command_line(struct loader *loader, uint64_t limit)
{
	size_t length = strlen(loader->command_line);

	if (length >= COMMAND_LINE_MAX || length > limit)
		return "the kernel takes no command line of this length; a shorter --append helps";
	memcpy(loader->memory + COMMAND_LINE, loader->command_line, length + 1);
	return NULL;
}

static void add_e820(uint8_t *zero_page, uint64_t start, uint64_t end, uint32_t type)
{
	uint8_t *entry = zero_page + E820_TABLE + E820_SIZE * zero_page[E820_COUNT]++;

	set(entry, 8, start);
	set(entry + 8, 8, end - start);
	set(entry + 16, 4, type);
}

/* @end is that of the kernel, with what it needs to unpack itself */
static const char *start_linux(struct loader *loader, uint64_t end, uint64_t initrd_max,
			       uint64_t command_line_max)
{
	uint8_t *zero_page = loader->memory + ZERO_PAGE;
	uint64_t top = loader->size - 1 < initrd_max ? loader->size : initrd_max + 1;
	uint64_t initrd;
	const char *error = write_command_line(loader, command_line_max);

	if (error)
		return error;
	if (loader->initrd.size) {
		initrd = loader->initrd.size > top ? 0 :
			 (top - loader->initrd.size) & ~(uint64_t)(PAGE - 1);
		if (initrd < end && top < loader->size)
			return "the kernel takes no initrd so high up; a smaller one helps";
		if (initrd < end)
			return "the kernel with its initrd " NO_ROOM;
		memcpy(loader->memory + initrd, loader->initrd.data, loader->initrd.size);
		set(zero_page + INITRD_ADDRESS, 4, initrd);
		set(zero_page + INITRD_SIZE, 4, loader->initrd.size);
	}
	zero_page[LOADER_TYPE] = 0xff;
	zero_page[LOAD_FLAGS] |= LOADED_HIGH;
	set(zero_page + COMMAND_LINE_POINTER, 4, COMMAND_LINE);
	add_e820(zero_page, 0, LOW_MEMORY_END, 1);
	add_e820(zero_page, LOW_MEMORY_END, 0xa0000, 2);
	add_e820(zero_page, FIRMWARE, HIGH_MEMORY, 2);
	add_e820(zero_page, HIGH_MEMORY, loader->size, 1);
	write_tables(loader);
	loader->mode = LOADER_LONG;
	loader->argument = ZERO_PAGE;
	return NULL;
}

static const char *load_bzimage(struct loader *loader)
{
	const uint8_t *header = loader->image.data;
	uint64_t setup, address, size, end;

	if (get(header + PROTOCOL_VERSION, 2) < OLDEST_PROTOCOL ||
	    !(get(header + XLOADFLAGS, 2) & KERNEL_64))
		return "the bzImage has no 64-bit entry point";
	setup = ((header[SETUP_SECTS] ? header[SETUP_SECTS] : 4) + 1) * 512;
	if (setup >= loader->image.size)
		return "the bzImage is cut off";
	address = get(header + PREFERRED_ADDRESS, 8);
	size = get(header + INIT_SIZE, 4);
	if (size < loader->image.size - setup)
		size = loader->image.size - setup;
	if (!is_inside(address, size, loader->size) ||
	    !place(loader, address, setup, loader->image.size - setup))
		return "the kernel " NO_ROOM;
	end = MAGIC + header[JUMP_LENGTH];
	if (end > SETUP_HEADER_END)
		end = SETUP_HEADER_END;
	memcpy(loader->memory + ZERO_PAGE + SETUP_HEADER, header + SETUP_HEADER,
	       end - SETUP_HEADER);
	loader->entry = address + ENTRY_64;
	return start_linux(loader, address + size, get(header + INITRD_ADDRESS_MAX, 4),
			   get(header + COMMAND_LINE_SIZE, 4));
}

/* The unpacked kernel has no setup header, so it gets one. */
static const char *load_vmlinux(struct loader *loader)
{
	uint8_t *zero_page = loader->memory + ZERO_PAGE;
	uint64_t end;
	const char *error = load_segments(loader, true, &end);

	if (error)
		return error;
	set(zero_page + BOOT_FLAG, 2, 0xaa55);
	set(zero_page + MAGIC, 4, LINUX_MAGIC);
	set(zero_page + PROTOCOL_VERSION, 2, OLDEST_PROTOCOL);
	return start_linux(loader, end, INITRD_MAX, COMMAND_LINE_MAX);
}

static const uint8_t *find_multiboot(const struct loader_file *image)
{
	size_t at;

	for (at = 0; at + 32 <= image->size && at + 32 <= MULTIBOOT_SEARCH; at += 4) {
		const uint8_t *header = image->data + at;

		if (get(header, 4) == MULTIBOOT_MAGIC &&
		    !(uint32_t)(get(header, 4) + get(header + 4, 4) + get(header + 8, 4)))
			return header;
	}
	return NULL;
}

static const char *load_multiboot(struct loader *loader, const uint8_t *header)
{
	uint8_t *info = loader->memory + MULTIBOOT_INFO;
	uint64_t end, offset, start, count;
	const char *error;

	if (get(header + 4, 4) & 0xffff & ~MULTIBOOT_KNOWN)
		return "the multiboot program needs something that is not there, such as a screen";
	if (get(header + 4, 4) & MULTIBOOT_ADDRESSES) {
		offset = header - loader->image.data;
		start = get(header + 16, 4);
		if (start > get(header + 12, 4) || get(header + 12, 4) - start > offset)
			return "the multiboot header has addresses outside of its file";
		offset -= get(header + 12, 4) - start;
		count = loader->image.size - offset;
		if (get(header + 20, 4))
			count = get(header + 20, 4) - start;
		/* Memory is clear, so the part without contents needs nothing. */
		if (!place(loader, start, offset, count) ||
		    get(header + 24, 4) > loader->size)
			return "the multiboot program " NO_ROOM;
		loader->entry = get(header + 28, 4);
	} else {
		error = load_segments(loader, false, &end);
		if (error)
			return error;
	}
	error = write_command_line(loader, COMMAND_LINE_MAX);
	if (error)
		return error;
	set(info, 4, 0x5);		/* sizes of memory, command line */
	set(info + 4, 4, LOW_MEMORY_END >> 10);
	set(info + 8, 4, (loader->size - HIGH_MEMORY) >> 10);
	set(info + 16, 4, COMMAND_LINE);
	write_tables(loader);
	loader->mode = LOADER_PROTECTED;
	loader->argument = MULTIBOOT_INFO;
	return NULL;
}

static const char *load_firmware(struct loader *loader)
{
	memcpy(loader->memory + FIRMWARE, loader->image.data, FIRMWARE_SIZE);
	loader->mode = LOADER_REAL;
	loader->entry = FIRMWARE_SIZE - 16;
	return NULL;
}

/**
 * loader_load - put the program into memory
 * @loader: what to load and where to
 *
 * Return: NULL, or the reason why it cannot be loaded.
 */
const char *loader_load(struct loader *loader)
{
	const struct loader_file *image = &loader->image;
	const uint8_t *multiboot;

	if (loader->size < LOADER_MEMORY_MIN)
		return "the guest has too little memory";
	multiboot = find_multiboot(image);
	if (multiboot)
		return load_multiboot(loader, multiboot);
	if (image->size >= SETUP_HEADER_END && get(image->data + BOOT_FLAG, 2) == 0xaa55 &&
	    get(image->data + MAGIC, 4) == LINUX_MAGIC)
		return load_bzimage(loader);
	if (image->size > SELFMAG && !memcmp(image->data, ELFMAG, SELFMAG) &&
	    image->data[EI_CLASS] == ELFCLASS64)
		return load_vmlinux(loader);
	if (image->size == FIRMWARE_SIZE)
		return load_firmware(loader);
	return "it is no bzImage, no ELF file of 64 bits, no multiboot program, no 64 KiB";
}
