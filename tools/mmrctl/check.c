// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check: is the host ready, are the functions ready, and what is to be done.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functions.h"
#include "groups.h"
#include "module.h"
#include "native.h"
#include "paths.h"
#include "users.h"

enum level {
	LEVEL_OK,
	LEVEL_NOTE,
	LEVEL_WARNING,
	LEVEL_ERROR,
};

static const char *const level_names[] = { "ok", "note", "warning", "error" };

/**
 * struct finding - one answer
 * @level: how bad it is
 * @id: what was looked at; part of the interface
 * @bdf: function it is about, empty for the host
 * @text: what was found
 * @remedy: what to do about it, or empty
 */
struct finding {
	enum level level;
	const char *id;
	char bdf[BDF_SIZE];
	char *text;
	char remedy[512];
};

/**
 * struct findings - all of them
 * @list: the findings
 * @count: of them
 * @worst: of their levels
 * @unknown: only root can find out something that decides about the host or about a
 *	function that is named
 */
struct findings {
	struct finding *list;
	size_t count;
	enum level worst;
	bool unknown;
};

__attribute__((format(printf, 5, 6)))
static struct finding *add(struct findings *findings, enum level level, const char *id,
			   const char *bdf, const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	findings->list = reallocarray(findings->list, findings->count + 1,
				      sizeof(*findings->list));
	if (!findings->list)
		errx(STATUS_FAILED, "out of memory");
	finding = &findings->list[findings->count++];
	*finding = (struct finding){ .level = level, .id = id };
	snprintf(finding->bdf, sizeof(finding->bdf), "%s", bdf ? bdf : "");
	va_start(arguments, format);
	if (vasprintf(&finding->text, format, arguments) < 0)
		errx(STATUS_FAILED, "out of memory");
	va_end(arguments);
	if (level > findings->worst)
		findings->worst = level;
	return finding;
}

__attribute__((format(printf, 2, 3)))
static void remedy(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(finding->remedy, sizeof(finding->remedy), format, arguments);
	va_end(arguments);
}

static void release_findings(struct findings *findings)
{
	size_t i;

	for (i = 0; i < findings->count; i++)
		free(findings->list[i].text);
	free(findings->list);
	*findings = (struct findings){};
}

static void add_unknown(struct findings *findings, const char *id, const char *bdf,
			const char *what)
{
	remedy(add(findings, LEVEL_WARNING, id, bdf, "unknown: only root can %s", what),
	       "run mmrctl check as root");
	findings->unknown = true;
}

/* --- the host ------------------------------------------------------------------- */

/* MAJOR.MINOR as one number that can be compared */
static unsigned int version_number(const char *text)
{
	unsigned int major = 0, minor = 0;

	if (sscanf(text, "%u.%u", &major, &minor) != 2)
		return 0;
	return major << 16 | (minor & 0xffff);
}

static void check_kernel(struct findings *findings)
{
	static const char oldest[] = MMRCTL_OLDEST_KERNEL, newest[] = MMRCTL_NEWEST_KERNEL;
	unsigned int version;
	char release[128];

	paths_forget_denials();
	kernel_release(release, sizeof(release));
	version = version_number(release);
	if (paths_denied()) {
		add_unknown(findings, "kernel", NULL, "tell which kernel runs");
		return;
	}
	if (version >= version_number(oldest) && version <= version_number(newest)) {
		add(findings, LEVEL_OK, "kernel", NULL,
		    "Linux %s; the driver is tested on %s to %s", release, oldest, newest);
	} else if (version < version_number(oldest)) {
		remedy(add(findings, LEVEL_ERROR, "kernel", NULL,
			   "Linux %s is older than %s, the oldest that the driver is tested on",
			   release, oldest),
		       "use a newer kernel, or try this one: make VIRTIO_MMR_ANY_KERNEL=1");
	} else {
		remedy(add(findings, LEVEL_WARNING, "kernel", NULL,
			   "Linux %s is newer than %s, the newest that the driver is tested on",
			   release, newest),
		       "look for a newer version of the driver, or try this one: make VIRTIO_MMR_ANY_KERNEL=1");
	}
}

static size_t count_entries(const struct path *folder)
{
	struct dirent *entry;
	size_t count = 0;
	DIR *stream;

	stream = open_folder(folder->text);
	while (stream && (entry = readdir(stream)))
		count += entry->d_name[0] != '.';
	if (stream)
		closedir(stream);
	return count;
}

static void check_iommu(struct findings *findings)
{
	struct path groups = sys_path("kernel/iommu_groups");
	struct path intel = sys_path("firmware/acpi/tables/DMAR");
	struct path amd = sys_path("firmware/acpi/tables/IVRS");
	struct finding *finding;
	size_t count;

	paths_forget_denials();
	count = count_entries(&groups);
	if (count) {
		add(findings, LEVEL_OK, "iommu", NULL, "on; IOMMU groups: %zu", count);
		return;
	}
	if (paths_denied()) {
		add_unknown(findings, "iommu", NULL, "see the IOMMU groups");
		return;
	}
	finding = add(findings, LEVEL_ERROR, "iommu", NULL,
		      "off: there are no IOMMU groups, so no function can be given to a guest");
	if (path_exists(&intel))
		remedy(finding,
		       "the firmware has one: add intel_iommu=on to the kernel's command line (Debian: GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub) and reboot");
	else if (path_exists(&amd))
		remedy(finding,
		       "the firmware has one: remove amd_iommu=off and iommu=off from the kernel's command line and reboot");
	else
		remedy(finding,
		       "the firmware shows none: switch on VT-d or AMD-Vi (\"IOMMU\") in its setup");
}

/* The chips of interrupts that the IOMMU remaps have names of their own. */
static bool interrupts_are_remapped(void)
{
	struct path path = sys_path("kernel/irq");
	struct dirent *entry;
	bool found = false;
	char name[64];
	DIR *stream;

	stream = open_folder(path.text);
	while (stream && !found && (entry = readdir(stream))) {
		path = sys_path("kernel/irq/%s/chip_name", entry->d_name);
		found = read_line(&path, name, sizeof(name)) && !strncmp(name, "IR-", 3);
	}
	if (stream)
		closedir(stream);
	return found;
}

static void check_interrupts(struct findings *findings)
{
	struct path path = sys_path("module/vfio_iommu_type1/parameters/%s",
				    "allow_unsafe_interrupts");
	char unsafe[8];

	paths_forget_denials();
	if (interrupts_are_remapped()) {
		add(findings, LEVEL_OK, "interrupt_remapping", NULL, "on");
		return;
	}
	read_line(&path, unsafe, sizeof(unsafe));
	if (paths_denied()) {
		add_unknown(findings, "interrupt_remapping", NULL, "see the interrupts' chips");
		return;
	}
	if (unsafe[0] == 'Y') {
		remedy(add(findings, LEVEL_WARNING, "interrupt_remapping", NULL,
			   "off, and VFIO is set to accept that: guests can raise any interrupt"),
		       "give functions to guests that you trust only, or switch on VT-d or AMD-Vi with interrupt remapping in the firmware's setup");
		return;
	}
	remedy(add(findings, LEVEL_ERROR, "interrupt_remapping", NULL,
		   "off: VFIO refuses to open any function"),
	       "remove intremap=off and nointremap from the kernel's command line and switch x2APIC on in the firmware's setup. If you trust all guests: echo 'options vfio_iommu_type1 allow_unsafe_interrupts=1' >/etc/modprobe.d/vfio.conf and reload vfio_iommu_type1");
}

static void check_vfio(struct findings *findings)
{
	struct module type1;

	module_look(&type1, "vfio_iommu_type1");
	if (type1.loaded)
		add(findings, LEVEL_OK, "vfio", NULL, "vfio_iommu_type1 is loaded");
	else if (type1.installed)
		add(findings, LEVEL_OK, "vfio", NULL,
		    "vfio_iommu_type1 is loaded when it is needed");
	else if (type1.unknown)
		add_unknown(findings, "vfio", NULL,
			    "tell whether this kernel has vfio_iommu_type1");
	else
		remedy(add(findings, LEVEL_ERROR, "vfio", NULL,
			   "this kernel has no vfio_iommu_type1"),
		       "use a kernel with CONFIG_VFIO_IOMMU_TYPE1; on Debian, one of the packages linux-image-*");
}

/* The word of a list such as "none [integrity] confidentiality" that is in brackets */
static void chosen_word(char *text)
{
	char *start = strchr(text, '['), *end = start ? strchr(start, ']') : NULL;

	if (!end) {
		text[0] = '\0';
		return;
	}
	*end = '\0';
	memmove(text, start + 1, end - start);
}

static const char *secure_boot(void)
{
	struct path path = sys_path("firmware/efi/efivars/SecureBoot-%s",
				    "8be4df61-93ca-11d2-aa0d-00e098032b8c");
	unsigned char bytes[5] = {};
	bool on;
	int fd;

	paths_forget_denials();
	if (!path_is_readable(&path))
		return paths_denied() ? "Secure Boot: only root can tell" : "Secure Boot is off";
	fd = open(path.text, O_RDONLY | O_CLOEXEC);
	/* Four bytes of attributes, then the value */
	on = fd >= 0 && read(fd, bytes, sizeof(bytes)) == sizeof(bytes) && bytes[4] == 1;
	if (fd >= 0)
		close(fd);
	return on ? "Secure Boot is on" : "Secure Boot is off";
}

/* With @core, that matters as well, unless it is loaded */
static void check_signature(struct findings *findings, const struct module *driver,
			    const struct module *core)
{
	const struct module *judged = driver;
	const char *name = MMR_DRIVER;
	struct path path = sys_path("kernel/security/lockdown");
	const char *boot = secure_boot();
	char lockdown[128], enforce[8], what[128];
	bool needed;

	paths_forget_denials();
	read_line(&path, lockdown, sizeof(lockdown));
	chosen_word(lockdown);
	path = sys_path("module/module/parameters/sig_enforce");
	read_line(&path, enforce, sizeof(enforce));
	needed = enforce[0] == 'Y' || (*lockdown && strcmp(lockdown, "none"));
	if (core && driver->is_signed && core->installed && !core->loaded && !core->is_signed) {
		judged = core;
		name = MMR_CORE;
	}
	snprintf(what, sizeof(what), "tell whether %s is signed, as this kernel requires", name);

	if (!needed && paths_denied()) {
		if (driver->loaded)
			add(findings, LEVEL_OK, "signature", NULL,
			    "%s; this kernel has loaded " MMR_DRIVER, boot);
		else
			add_unknown(findings, "signature", NULL,
				    "tell whether this kernel loads signed modules only");
		return;
	}
	if (!needed) {
		add(findings, LEVEL_OK, "signature", NULL,
		    "%s; this kernel loads modules without a signature", boot);
		return;
	}
	if (driver->loaded)
		add(findings, LEVEL_OK, "signature", NULL,
		    "%s; this kernel loads signed modules only, and has loaded " MMR_DRIVER, boot);
	else if (judged->is_signed)
		remedy(add(findings, LEVEL_NOTE, "signature", NULL,
			   "%s; this kernel loads signed modules only; " MMR_DRIVER " is signed by '%s'",
			   boot, driver->signer),
		       "if loading it fails with \"Key was rejected by service\" or \"Operation not permitted\": mokutil --import the certificate of that key, and reboot");
	else if (judged->unknown || judged->unreadable)
		add_unknown(findings, "signature", NULL, what);
	else
		remedy(add(findings, judged->installed ? LEVEL_ERROR : LEVEL_WARNING, "signature",
			   NULL, "%s; this kernel loads signed modules only%s%s%s", boot,
			   judged->installed ? ", and " : "", judged->installed ? name : "",
			   judged->installed ? " has no signature" : ""),
		       "sign it with a key that the machine trusts: dkms and 'make sign' sign modules, mokutil --import adds a key (Documentation/install.rst, \"Secure Boot\")");
}

static void remedy_build(struct finding *finding, const char *release)
{
	remedy(finding,
	       "with dkms or the package virtio-mmr-dkms: apt-get install linux-headers-%s; else build and install it for this kernel: make && sudo make install",
	       release);
}

static void add_missing(struct findings *findings, const char *name, bool loaded,
			const char *release)
{
	struct finding *finding;
	char *releases;
	bool has;

	releases = module_releases(name, release, &has);
	finding = add(findings, loaded ? LEVEL_NOTE : LEVEL_ERROR, "module", NULL,
		      "%s is %snot installed for Linux %s%s%s%s", name,
		      loaded ? "loaded, but " : "", release,
		      loaded ? ", so it is gone after a reboot" : "",
		      *releases ? "; it is installed for " : "", releases);
	if (has)
		remedy(finding, "run depmod");
	else
		remedy_build(finding, release);
	free(releases);
}

static void add_other_kernel(struct findings *findings, const struct module *module,
			     const char *release)
{
	remedy_build(add(findings, LEVEL_ERROR, "module", NULL,
			 "%s was built for Linux %s and not for %s", module->path,
			 module->vermagic, release),
		     release);
}

/* What keeps the driver from being loaded, or will do so next time */
static void check_core(struct findings *findings, const struct module *driver,
		       const struct module *core, const char *release)
{
	if (!driver->loaded && module_is_replaced(core))
		remedy(add(findings, LEVEL_ERROR, "module", NULL,
			   MMR_CORE " is loaded, and %s is another version of it: " MMR_DRIVER
			   " does not start with the one that is loaded", core->path),
		       "modprobe -r " MMR_CORE "; mmrctl bind loads the other one");
	else if (!core->installed && !core->unknown)
		add_missing(findings, MMR_CORE, core->loaded, release);
	else if (!core->loaded && core->unreadable)
		add_unknown(findings, "module", NULL,
			    "tell which kernel " MMR_CORE " was built for");
	else if (!core->loaded && *core->vermagic && strcmp(core->vermagic, release))
		add_other_kernel(findings, core, release);
}

static void check_module(struct findings *findings)
{
	struct module driver, core = {};
	char release[128];
	bool uses_core;

	kernel_release(release, sizeof(release));
	module_look(&driver, MMR_DRIVER);
	uses_core = module_uses(&driver, MMR_CORE);
	if (uses_core)
		module_look(&core, MMR_CORE);
	if (driver.loaded && (module_is_replaced(&driver) || module_is_replaced(&core))) {
		const struct module *replaced = module_is_replaced(&driver) ? &driver : &core;

		remedy(add(findings, LEVEL_NOTE, "module", NULL,
			   "%s is loaded, and %s is another version of it, which is not in use yet",
			   replaced == &core ? MMR_CORE : MMR_DRIVER, replaced->path),
		       "when all functions are unbound: modprobe -r " MMR_DRIVER
		       "; mmrctl bind loads the other one");
	} else if (driver.loaded && driver.installed) {
		add(findings, LEVEL_OK, "module", NULL, MMR_DRIVER " is loaded");
	} else if (driver.unknown && driver.loaded) {
		add(findings, LEVEL_OK, "module", NULL,
		    MMR_DRIVER " is loaded; only root can tell whether it is installed, too");
	} else if (driver.unknown) {
		add_unknown(findings, "module", NULL,
			    "tell whether " MMR_DRIVER " is installed");
	} else if (!driver.installed) {
		add_missing(findings, MMR_DRIVER, driver.loaded, release);
	} else if (driver.unreadable) {
		add_unknown(findings, "module", NULL,
			    "tell which kernel " MMR_DRIVER " was built for");
	} else if (*driver.vermagic && strcmp(driver.vermagic, release)) {
		add_other_kernel(findings, &driver, release);
	} else {
		remedy(add(findings, LEVEL_OK, "module", NULL,
			   MMR_DRIVER " is installed for Linux %s and not loaded yet", release),
		       "mmrctl bind loads it");
	}
	if (uses_core)
		check_core(findings, &driver, &core, release);
	check_signature(findings, &driver, uses_core ? &core : NULL);
}

/* Of use to bind --native alone, so nothing about it keeps the host from being ready */
static void check_native_module(struct findings *findings)
{
	static const char id[] = "native_module";
	struct module module;
	char release[128];

	kernel_release(release, sizeof(release));
	module_look(&module, NATIVE_DRIVER);
	if (module_is_replaced(&module))
		remedy(add(findings, LEVEL_NOTE, id, NULL,
			   NATIVE_DRIVER " is loaded, and %s is another version of it, which is not in use yet",
			   module.path),
		       "when all its functions are unbound: modprobe -r " NATIVE_DRIVER
		       "; mmrctl bind --native loads the other one");
	else if (module.loaded)
		add(findings, LEVEL_OK, id, NULL, NATIVE_DRIVER " is loaded");
	else if (module.unknown || module.unreadable)
		remedy(add(findings, LEVEL_NOTE, id, NULL,
			   "unknown: only root can tell whether " NATIVE_DRIVER " is installed"),
		       "run mmrctl check as root");
	else if (!module.installed)
		remedy_build(add(findings, LEVEL_NOTE, id, NULL, NATIVE_DRIVER
				 " is not installed for Linux %s, and only 'mmrctl bind --native' needs it",
				 release), release);
	else if (*module.vermagic && strcmp(module.vermagic, release))
		remedy_build(add(findings, LEVEL_NOTE, id, NULL,
				 "%s was built for Linux %s and not for %s, and only 'mmrctl bind --native' needs it",
				 module.path, module.vermagic, release), release);
	else
		remedy(add(findings, LEVEL_OK, id, NULL,
			   NATIVE_DRIVER " is installed for Linux %s and not loaded yet", release),
		       "mmrctl bind --native loads it");
}

static void check_memory_limit(struct findings *findings)
{
	struct path path = root_path("proc/self/limits");
	bool found = false, limited = false;
	unsigned long long limit;
	char line[256];
	FILE *file;

	file = fopen(path.text, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Max locked memory", 17))
			continue;
		limited = sscanf(line + 17, "%llu", &limit) == 1;
		found = true;
	}
	if (file)
		fclose(file);
	if (found && !limited)
		add(findings, LEVEL_OK, "locked_memory", NULL, "not limited");
	/* 0 is a limit, too */
	if (limited)
		remedy(add(findings, LEVEL_NOTE, "locked_memory", NULL,
			   "limited to %llu KiB here. The memory of a guest with VFIO devices is locked, so a VMM that is not root needs a limit of that size",
			   limit / 1024),
		       "libvirt raises the limit; without libvirt: ulimit -l unlimited, or LimitMEMLOCK=infinity in the VMM's unit");
}

/* --- functions -------------------------------------------------------------------- */

static void check_group(struct findings *findings, const struct function *function, bool named)
{
	char blocker[256], way_out[256];
	struct members members;
	bool shared = false;
	size_t i;

	if (function->group < 0) {
		remedy(add(findings, LEVEL_ERROR, "group", function->bdf, "is in no IOMMU group"),
		       "switch the IOMMU on, see iommu above; if it is on already, it does not cover this function");
		return;
	}
	group_members(&members, function);
	if (!members.complete) {
		remedy(add(findings, LEVEL_WARNING, "group", function->bdf,
			   "unknown: only root can see what is in IOMMU group %d",
			   function->group), "run mmrctl check as root");
		findings->unknown |= named;
		group_release(&members);
		return;
	}
	for (i = 0; i < members.count; i++) {
		const struct member *member = &members.list[i];

		if (!strcmp(member->name, function->bdf))
			continue;
		shared = true;
		if (!member->blocks)
			continue;
		describe_blocker(member, blocker, sizeof(blocker));
		describe_way_out(member, way_out, sizeof(way_out));
		remedy(add(findings, LEVEL_ERROR, "group", function->bdf,
			   "shares IOMMU group %d with %s", function->group, blocker),
		       "%s", way_out);
	}
	if (!shared)
		add(findings, LEVEL_OK, "group", function->bdf, "alone in IOMMU group %d",
		    function->group);
	else
		add(findings, LEVEL_NOTE, "group", function->bdf,
		    "one of %zu devices in IOMMU group %d, which can go to one guest only",
		    members.count, function->group);
	group_release(&members);
}

/* The IOMMU's part in native use */
static void check_dma(struct findings *findings, const struct function *function)
{
	static const char id[] = "dma";
	char type[16];

	switch (iommu_mode(function, type, sizeof(type))) {
	case IOMMU_TRANSLATES:
		if (is_balloon(function))
			remedy(add(findings, LEVEL_NOTE, id, function->bdf,
				   "IOMMU group %d translates (%s), so native use of this balloon is refused",
				   function->group, type),
			       "give it to a guest; the host has no use for a balloon");
		else
			add(findings, LEVEL_OK, id, function->bdf,
			    "IOMMU group %d translates (%s); native use is confined to its own buffers",
			    function->group, type);
		break;
	case IOMMU_PASSES:
		remedy(add(findings, LEVEL_NOTE, id, function->bdf,
			   "IOMMU group %d does not translate (%s); in native use the device reaches all memory of this host",
			   function->group, type),
		       "for a device that you do not trust: remove iommu=pt and iommu.passthrough=1 from the kernel's command line and reboot");
		break;
	case IOMMU_NONE:
		if (is_native(function))
			add(findings, LEVEL_NOTE, id, function->bdf,
			    "is in no IOMMU group; the device reaches all memory of this host");
		break;
	case IOMMU_UNKNOWN:
		break;
	}
}

static void check_function(struct findings *findings, const struct function *function,
			   bool named)
{
	char registers[64], text[USER_TEXT_SIZE], devices[128];
	struct users users;
	size_t i;

	switch (function->verdict) {
	case VERDICT_USABLE:
		describe_registers(function, registers, sizeof(registers));
		add(findings, LEVEL_OK, "function", function->bdf,
		    "virtio %s, legacy registers in %s", function->scan.identity->name, registers);
		break;
	case VERDICT_UNKNOWN:
		remedy(add(findings, LEVEL_WARNING, "function", function->bdf,
			   "%s", function->reason), "run mmrctl check as root");
		findings->unknown |= named;
		break;
	case VERDICT_UNUSABLE:
		if (function_is_foreign(function) || !function->scan.identity) {
			/* A function that is not named may belong to somebody else */
			remedy(add(findings, named ? LEVEL_ERROR : LEVEL_NOTE, "function",
				   function->bdf, "is no MMR function: %s", function->reason),
			       "vfio-pci is the driver for it");
			break;
		}
		remedy(add(findings, LEVEL_ERROR, "function", function->bdf,
			   "not usable by " MMR_DRIVER ": %s", function->reason),
		       "%s; 'mmrctl show %s' has the details for its vendor",
		       function->scan.verdict == VIRTIO_MMR_SCAN_LISTS ?
		       "it needs other firmware; bind it to no VFIO driver" :
		       "vfio-pci can pass it through as it is", function->bdf);
		break;
	}

	/* The group of a function that no guest has need not be viable */
	if (!is_native(function))
		check_group(findings, function, named);
	check_dma(findings, function);

	if (is_native(function) && !native_has_driver(function)) {
		describe_native(function, devices, sizeof(devices));
		remedy(add(findings, LEVEL_WARNING, "driver", function->bdf,
			   "bound to " NATIVE_DRIVER ", but of no use: %s", devices),
		       "the kernel log says why: dmesg; mmrctl unbind %s", function->bdf);
	} else if (is_native(function)) {
		describe_native(function, devices, sizeof(devices));
		add(findings, LEVEL_OK, "driver", function->bdf,
		    "bound to " NATIVE_DRIVER ", native (%s)", devices);
	} else if (!strcmp(function->driver, MMR_DRIVER)) {
		add(findings, LEVEL_OK, "driver", function->bdf, "bound to " MMR_DRIVER "%s",
		    function_is_foreign(function) ? ", which serves it as vfio-pci does" : "");
	} else if (function->verdict != VERDICT_UNUSABLE) {
		remedy(add(findings, LEVEL_NOTE, "driver", function->bdf, "%s%s",
			   *function->driver ? "bound to " : "not bound", function->driver),
		       function->numvfs ? "for its VFs: mmrctl bind --pf %s" : "mmrctl bind %s",
		       function->bdf);
	}

	users_find(&users, function);
	for (i = 0; i < users.count; i++) {
		describe_user(&users.list[i], text, sizeof(text));
		add(findings, LEVEL_NOTE, "users", function->bdf, "used by %s", text);
	}
	if (!users.complete)
		remedy(add(findings, LEVEL_NOTE, "users", function->bdf,
			   "unknown%s: only root can tell", users.count ? " others" : ""),
		       "run mmrctl check as root, and not in a container");
	users_release(&users);
}

/* --- output ------------------------------------------------------------------------- */

/*
 * Ready means: all that decides about the host and the named functions is known, and good.
 */
static int readiness(const struct findings *findings)
{
	if (findings->worst >= LEVEL_ERROR)
		return STATUS_UNUSABLE;
	return findings->unknown ? STATUS_DENIED : STATUS_OK;
}

static json_t *findings_json(const struct findings *findings, int ready)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		json_array_append_new(list, make_json("{s:s, s:o, s:s, s:o, s:o}",
						      "id", finding->id,
						      "bdf", json_text(finding->bdf),
						      "level", level_names[finding->level],
						      "text", json_text(finding->text),
						      "remedy", json_text(finding->remedy)));
	}
	return make_json("{s:o, s:o}", "ready",
			 ready == STATUS_DENIED ? json_null() : json_boolean(ready == STATUS_OK),
			 "findings", list);
}

static void print_finding(const struct finding *finding)
{
	printf("%-7s  %s%s%s: %s\n", level_names[finding->level], finding->bdf,
	       *finding->bdf ? " " : "", finding->id, finding->text);
	if (*finding->remedy)
		printf("         -> %s\n", finding->remedy);
}

/* If no function is named, functions that are in order are only counted */
static void print_findings(const struct findings *findings, bool all, size_t functions,
			   int ready)
{
	size_t i;

	for (i = 0; i < findings->count; i++)
		if (!all || !*findings->list[i].bdf || findings->list[i].level >= LEVEL_WARNING)
			print_finding(&findings->list[i]);
	if (all && functions)
		printf("ok       functions: %zu with an MMR device ID; 'mmrctl check BDF' has all findings of one\n",
		       functions);
	else if (all)
		puts("note     functions: none with an MMR device ID\n"
		     "         -> to create VFs: echo NUMBER >/sys/bus/pci/devices/PF/sriov_numvfs");
	puts(ready == STATUS_OK ? "ready" :
	     ready == STATUS_DENIED ? "unknown: only root can tell" : "not ready");
}

int verb_check(const struct request *request)
{
	struct findings findings = {};
	struct functions found;
	int status = STATUS_OK, ready;
	size_t i;

	if (request->count)
		status = functions_load(&found, request);
	else
		functions_find(&found);
	if (status)
		return status;

	check_kernel(&findings);
	check_iommu(&findings);
	check_interrupts(&findings);
	check_vfio(&findings);
	check_module(&findings);
	check_native_module(&findings);
	check_memory_limit(&findings);
	for (i = 0; i < found.count; i++)
		check_function(&findings, &found.list[i], request->count);

	ready = readiness(&findings);
	if (request->json) {
		status = print_json(findings_json(&findings, ready));
	} else {
		print_findings(&findings, !request->count, found.count, ready);
		status = finish_output();
	}
	if (!status)
		status = ready;
	release_findings(&findings);
	functions_release(&found);
	users_forget();
	return status;
}
