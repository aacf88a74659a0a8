/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LOADER_H
#define LOADER_H

#include <stddef.h>
#include <stdint.h>

/* Where tables for the first CPU lie in the guest's memory */
#define LOADER_GDT		0x8000
#define LOADER_PAGE_TABLES	0x9000

/* The state in which the first CPU starts */
enum loader_mode {
	LOADER_LONG,		/* 64 bits, with the first 4 GiB mapped: Linux */
	LOADER_PROTECTED,	/* 32 bits without paging: multiboot */
	LOADER_REAL,		/* at the last 16 bytes of the first MiB, as a firmware */
};

/**
 * struct loader_file - bytes of a file
 * @data: the bytes, any values
 * @size: their number
 */
struct loader_file {
	const uint8_t *data;
	size_t size;
};

/**
 * struct loader - a guest's memory and what gets loaded into it
 * @memory: of the guest, from address 0 on, all zero
 * @size: of it, at least LOADER_MEMORY_MIN
 * @image: the program
 * @initrd: for Linux, none if its size is 0
 * @command_line: for Linux and multiboot
 * @mode: result: the state in which the program starts
 * @entry: result: address of the first instruction
 * @argument: result: for register RSI or EBX
 */
struct loader {
	uint8_t *memory;
	uint64_t size;
	struct loader_file image;
	struct loader_file initrd;
	const char *command_line;
	enum loader_mode mode;
	uint64_t entry;
	uint32_t argument;
};

#define LOADER_MEMORY_MIN	0x400000

const char *loader_load(struct loader *loader);

#endif /* LOADER_H */
