// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fts.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmrctl.h"
#include "module.h"
#include "paths.h"

void kernel_release(char *release, size_t size)
{
	struct path path = root_path("proc/sys/kernel/osrelease");

	if (!read_line(&path, release, size))
		snprintf(release, size, "unknown");
}

static void be_quiet(void *data __attribute__((unused)), int priority __attribute__((unused)),
		     const char *file __attribute__((unused)), int line __attribute__((unused)),
		     const char *function __attribute__((unused)),
		     const char *format __attribute__((unused)),
		     va_list arguments __attribute__((unused)))
{
}

static struct kmod_ctx *open_modules(void)
{
	static const char *const no_configuration[] = { NULL };
	struct kmod_ctx *ctx;
	struct path folder;
	char release[128];

	kernel_release(release, sizeof(release));
	folder = root_path("lib/modules/%s", release);
	ctx = kmod_new(folder.text, paths_are_recorded() ? no_configuration : NULL);
	if (ctx)
		kmod_set_log_fn(ctx, be_quiet, NULL);
	return ctx;
}

static void read_info(struct module *module, struct kmod_module *mod)
{
	struct kmod_list *info = NULL, *item;

	if (kmod_module_get_info(mod, &info) < 0) {
		struct path path;

		snprintf(path.text, sizeof(path.text), "%s", module->path);
		paths_forget_denials();
		module->unreadable = !path_is_readable(&path) && paths_denied();
		return;
	}
	kmod_list_foreach(item, info) {
		const char *key = kmod_module_info_get_key(item);
		const char *value = kmod_module_info_get_value(item);

		if (!strcmp(key, "vermagic"))
			snprintf(module->vermagic, sizeof(module->vermagic), "%.*s",
				 (int)strcspn(value, " "), value);
		else if (!strcmp(key, "srcversion"))
			snprintf(module->source, sizeof(module->source), "%s", value);
		else if (!strcmp(key, "signer"))
			snprintf(module->signer, sizeof(module->signer), "%s", value);
		else if (!strcmp(key, "depends"))
			snprintf(module->uses, sizeof(module->uses), "%s", value);
		else if (!strcmp(key, "sig_id"))
			module->is_signed = true;
	}
	make_printable(module->vermagic);
	make_printable(module->signer);
	kmod_module_info_free_list(info);
}

/* True if the index of modules is denied; libkmod takes it for missing then */
static bool index_is_denied(void)
{
	static const char *const files[] = { "modules.dep.bin", "modules.builtin.bin" };
	char release[128];
	size_t i;

	kernel_release(release, sizeof(release));
	paths_forget_denials();
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct path path = root_path("lib/modules/%s/%s", release, files[i]);

		path_is_readable(&path);
	}
	return paths_denied();
}

void module_look(struct module *module, const char *name)
{
	struct path path = sys_path("module/%s", name);
	struct kmod_list *found = NULL;
	struct kmod_module *mod;
	struct kmod_ctx *ctx;

	*module = (struct module){ .loaded = path_exists(&path) };
	path = sys_path("module/%s/srcversion", name);
	read_line(&path, module->loaded_source, sizeof(module->loaded_source));
	ctx = open_modules();
	if (!ctx) {
		module->unknown = index_is_denied();
		return;
	}
	if (!kmod_module_new_from_lookup(ctx, name, &found) && found) {
		mod = kmod_module_get_module(found);
		/* Modules that are built in have none */
		if (kmod_module_get_path(mod)) {
			snprintf(module->path, sizeof(module->path), "%s",
				 kmod_module_get_path(mod));
			read_info(module, mod);
		}
		module->installed = true;
		kmod_module_unref(mod);
		kmod_module_unref_list(found);
	}
	kmod_unref(ctx);
	module->unknown = !module->installed && index_is_denied();
}

bool module_uses(const struct module *module, const char *name)
{
	const char *text = module->uses;
	size_t length = strlen(name);

	for (; *text; text += text[0] == ',') {
		size_t word = strcspn(text, ",");

		if (word == length && !strncmp(text, name, length))
			return true;
		text += word;
	}
	return false;
}

bool module_is_replaced(const struct module *module)
{
	return module->loaded && *module->source && *module->loaded_source &&
		strcmp(module->source, module->loaded_source);
}

int module_load(const char *name)
{
	struct kmod_list *found = NULL, *item;
	struct kmod_ctx *ctx = open_modules();
	int error;

	if (!ctx)
		return -ENOENT;
	error = kmod_module_new_from_lookup(ctx, name, &found);
	if (!error && !found)
		error = -ENOENT;
	kmod_list_foreach(item, found) {
		struct kmod_module *mod = kmod_module_get_module(item);

		if (!error)
			error = kmod_module_probe_insert_module(mod, 0, NULL, NULL, NULL,
								NULL);
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(found);
	kmod_unref(ctx);
	return error;
}

const char *module_remedy(int error)
{
	switch (-error) {
	case ENOENT:
		return "it is not installed for this kernel; 'mmrctl check' says more";
	case EPERM:
	case EKEYREJECTED:
	case ENOKEY:
		return "it must be signed with a key the machine trusts; 'mmrctl check' says more";
	case EINVAL:
		return "the " MMR_CORE " that is loaded may be of another version: modprobe -r "
		       MMR_CORE "; the kernel log says more: dmesg";
	case ENOEXEC:
		return "it was built for another kernel: build and install it for this one";
	default:
		return "the kernel log may say more: dmesg";
	}
}

static int by_name(const FTSENT **one, const FTSENT **other)
{
	return strcmp((*one)->fts_name, (*other)->fts_name);
}

/* A module as modprobe and depmod see it, plain or compressed. Other endings are copies. */
static bool is_module_file(const char *file, const char *name)
{
	static const char *const endings[] = { ".ko", ".ko.gz", ".ko.xz", ".ko.zst" };
	size_t length = strlen(name), i;

	if (strncmp(file, name, length))
		return false;
	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (!strcmp(file + length, endings[i]))
			return true;
	return false;
}

char *module_releases(const char *name, const char *release, bool *has)
{
	struct path modules = root_path("lib/modules");
	char last[NAME_MAX + 1] = "", *roots[2], *text = NULL;
	size_t size;
	FTSENT *entry;
	FILE *stream;
	FTS *walk;

	*has = false;
	stream = open_memstream(&text, &size);
	if (!stream)
		errx(STATUS_FAILED, "out of memory");
	roots[0] = modules.text;
	roots[1] = NULL;
	walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	while (walk && (entry = fts_read(walk))) {
		const char *found = entry->fts_path + strlen(modules.text) + 1;
		char one[NAME_MAX + 1];

		/* Modules from elsewhere are never there, and it is most of the tree */
		if (entry->fts_level == 2 && entry->fts_info == FTS_D &&
		    !strcmp(entry->fts_name, "kernel"))
			fts_set(walk, entry, FTS_SKIP);
		if (entry->fts_info != FTS_F || entry->fts_level < 2 ||
		    !is_module_file(entry->fts_name, name))
			continue;
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(found, "/"), found);
		/* A kernel can have more than one */
		if (!strcmp(one, last))
			continue;
		fprintf(stream, "%s%s", *last ? ", " : "", one);
		strcpy(last, one);
		*has |= !strcmp(one, release);
	}
	if (walk)
		fts_close(walk);
	if (fclose(stream))
		errx(STATUS_FAILED, "out of memory");
	make_printable(text);
	return text;
}
