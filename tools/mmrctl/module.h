/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel modules of the running kernel.
 */
#ifndef MMRCTL_MODULE_H
#define MMRCTL_MODULE_H

#include <limits.h>
#include <stdbool.h>

/**
 * struct module - facts about a module
 * @loaded: it is in the kernel
 * @installed: modprobe finds it
 * @path: of its file if @installed
 * @vermagic: kernel that the file was built for, first word
 * @source: the file's srcversion, which differs between builds of different source
 * @loaded_source: the same of the one that is loaded; either is empty if not known
 * @unknown: only root can find out whether modprobe finds it
 * @unreadable: its file was found, and only root can read it
 * @is_signed: the file has a signature
 * @signer: the name in the signature
 * @uses: modules that the file uses, with commas between them
 */
struct module {
	bool loaded;
	bool installed;
	char path[PATH_MAX];
	char vermagic[128];
	char source[64];
	char loaded_source[64];
	bool unknown;
	bool unreadable;
	bool is_signed;
	char signer[128];
	char uses[256];
};

void module_look(struct module *module, const char *name);

/* Whether its file says that it uses another one; early versions of the driver had no core */
bool module_uses(const struct module *module, const char *name);

/* Whether the one that is loaded was built of other source than the file, if that is known */
bool module_is_replaced(const struct module *module);

/* Load a module and its dependencies; 0 or a negative error code */
int module_load(const char *name);

/* A likely reason for such an error, and the remedy, for people */
const char *module_remedy(int error);

/* Release of the running kernel */
void kernel_release(char *release, size_t size);

/**
 * module_releases - the kernels that have a file of a module below /lib/modules
 * @name: of the module
 * @release: of a kernel
 * @has: set to whether that one is among them
 *
 * Return: their releases for people, in one line, or an empty text; to be freed.
 */
char *module_releases(const char *name, const char *release, bool *has);

#endif /* MMRCTL_MODULE_H */
