// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots another kernel without a reset, in a guest of the tests:
 *	kexec VMLINUX INITRD COMMAND-LINE
 *
 * VMLINUX is the ELF file that tools/vm/kernel makes. kexec of kexec-tools takes such a file as
 * well, but needs libraries that the guest has not. The program is static.
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE		4096UL
/* Below the firmware's data at the end of the first 640 KiB */
#define PARAMETERS	0x90000UL
#define COMMAND_LINE	0x91000UL
#define START		0x92000UL
/* Beyond all of the kernel */
#define INITRD		(256UL << 20)
#define E820_RAM	1
#define E820_RESERVED	2
#define E820_ACPI	3
#define OTHER_LOADER	0xff

static const void *map(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat status;
	void *memory;

	if (fd < 0 || fstat(fd, &status))
		err(1, "%s", path);
	*size = status.st_size;
	memory = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	return memory;
}

static size_t pages(size_t size)
{
	return (size + PAGE - 1) & -PAGE;
}

/* One piece of memory from the first to the last part, as the kernel's parts are not aligned */
static struct kexec_segment read_kernel(const char *path, uint64_t *entry)
{
	size_t size;
	const uint8_t *file = map(path, &size);
	const Elf64_Ehdr *header = (const void *)file;
	const Elf64_Phdr *parts = (const void *)(file + header->e_phoff);
	uint64_t first = UINT64_MAX, end = 0;
	struct kexec_segment segment;
	uint8_t *memory;

	if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG))
		errx(1, "%s is no ELF file", path);
	/* Of the kernel this is no virtual address */
	*entry = header->e_entry;
	for (int i = 0; i < header->e_phnum; i++) {
		if (parts[i].p_type != PT_LOAD)
			continue;
		if (parts[i].p_paddr < first)
			first = parts[i].p_paddr;
		if (parts[i].p_paddr + parts[i].p_memsz > end)
			end = parts[i].p_paddr + parts[i].p_memsz;
	}
	first &= -PAGE;
	memory = calloc(1, pages(end - first));
	if (!memory)
		err(1, "memory for the kernel");
	for (int i = 0; i < header->e_phnum; i++)
		if (parts[i].p_type == PT_LOAD)
			memcpy(memory + parts[i].p_paddr - first, file + parts[i].p_offset,
			       parts[i].p_filesz);
	segment.buf = memory;
	segment.bufsz = pages(end - first);
	segment.mem = (void *)first;
	segment.memsz = pages(end - first);
	return segment;
}

static void read_line(const char *folder, const char *name, char *line, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file || !fgets(line, size, file))
		err(1, "%s", path);
	fclose(file);
}

/* The same memory as this kernel was given */
static void read_memory_map(struct boot_params *parameters)
{
	char line[64];
	glob_t found;

	if (glob("/sys/firmware/memmap/*", 0, NULL, &found))
		errx(1, "no /sys/firmware/memmap");
	for (size_t i = 0; i < found.gl_pathc && i < E820_MAX_ENTRIES_ZEROPAGE; i++) {
		struct boot_e820_entry *entry = &parameters->e820_table[parameters->e820_entries++];

		read_line(found.gl_pathv[i], "start", line, sizeof(line));
		entry->addr = strtoull(line, NULL, 0);
		read_line(found.gl_pathv[i], "end", line, sizeof(line));
		entry->size = strtoull(line, NULL, 0) + 1 - entry->addr;
		read_line(found.gl_pathv[i], "type", line, sizeof(line));
		entry->type = E820_RESERVED;
		if (!strncmp(line, "System RAM", 10))
			entry->type = E820_RAM;
		else if (!strncmp(line, "ACPI Tables", 11))
			entry->type = E820_ACPI;
	}
	globfree(&found);
}

static struct kexec_segment segment_at(uint64_t address, const void *data, size_t size)
{
	struct kexec_segment segment = { .mem = (void *)address, .memsz = pages(size) };

	segment.buf = (void *)data;
	segment.bufsz = size;
	return segment;
}

int main(int argc, char *argv[])
{
	/* movl $PARAMETERS, %esi; movl $entry, %eax; jmp *%rax: these clear the upper halves */
	uint8_t start[] = { 0xbe, 0, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xff, 0xe0 };
	static struct boot_params parameters;
	struct kexec_segment segments[5];
	const void *initrd;
	uint32_t address;
	uint64_t entry;
	size_t size;

	if (argc != 4)
		errx(1, "usage: kexec VMLINUX INITRD COMMAND-LINE");
	segments[0] = read_kernel(argv[1], &entry);
	initrd = map(argv[2], &size);
	segments[1] = segment_at(INITRD, initrd, size);
	segments[2] = segment_at(COMMAND_LINE, argv[3], strlen(argv[3]) + 1);

	parameters.hdr.boot_flag = 0xaa55;
	memcpy(&parameters.hdr.header, "HdrS", 4);
	parameters.hdr.version = 0x020c;
	parameters.hdr.type_of_loader = OTHER_LOADER;
	parameters.hdr.loadflags = LOADED_HIGH;
	parameters.hdr.cmd_line_ptr = COMMAND_LINE;
	parameters.hdr.ramdisk_image = INITRD;
	parameters.hdr.ramdisk_size = size;
	read_memory_map(&parameters);
	segments[3] = segment_at(PARAMETERS, &parameters, sizeof(parameters));

	address = PARAMETERS;
	memcpy(start + 1, &address, 4);
	address = entry;
	memcpy(start + 6, &address, 4);
	segments[4] = segment_at(START, start, sizeof(start));

	if (syscall(SYS_kexec_load, START, 5UL, segments, KEXEC_ARCH_X86_64))
		err(1, "kexec_load");
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	err(1, "reboot");
}
