// SPDX-License-Identifier: GPL-2.0-or-later
#include <err.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <linux/virtio_mmr.h>

#include "config_space.h"
#include "functions.h"
#include "paths.h"

/* In the third column of sysfs's file "resource" (the kernel's linux/ioport.h) */
#define RESOURCE_MEMORY		0x00000200
#define RESOURCE_PREFETCH	0x00002000
#define RESOURCE_64_BIT		0x00100000
#define RESOURCE_UNSET		0x20000000

bool parse_bdf(char bdf[BDF_SIZE], const char *text)
{
	unsigned int domain = 0, bus, device, function;
	char rest;

	if (strspn(text, "0123456789abcdefABCDEF:.") != strlen(text))
		return false;
	if (sscanf(text, "%8x:%2x:%2x.%1x%c", &domain, &bus, &device, &function, &rest) != 4) {
		domain = 0;
		if (sscanf(text, "%2x:%2x.%1x%c", &bus, &device, &function, &rest) != 3)
			return false;
	}
	if (device > 0x1f || function > 7)
		return false;
	snprintf(bdf, BDF_SIZE, "%04x:%02x:%02x.%x", domain, bus & 0xff, device & 0x1f,
		 function & 7);
	return true;
}

/* --- libpci ----------------------------------------------------------------- */

/* While libpci looks at a function, which can vanish at any time: where to go on then */
static jmp_buf vanished;
static bool may_vanish;

/* libpci expects that this does not return: it ends the program, or leaves by longjmp() */
static __attribute__((noreturn, format(printf, 1, 0))) void pci_failed(char *format, ...)
{
	bool denied = errno == EACCES || errno == EPERM;
	va_list arguments;
	char *text;

	/* No such file any more, or no device behind a file that is open */
	if (may_vanish && (errno == ENOENT || errno == ENODEV))
		longjmp(vanished, 1);
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		errx(STATUS_FAILED, "out of memory");
	va_end(arguments);
	complain("%s%s", text, denied ? "; run mmrctl as root" : "");
	exit(denied ? STATUS_DENIED : STATUS_FAILED);
}

/* What cannot be read is seen where it is wanted. */
static void pci_silent(char *format __attribute__((unused)), ...)
{
}

static struct pci_access *pci_open(void)
{
	struct path path = sys_path("bus/pci");
	struct pci_access *pci = pci_alloc();

	pci->error = pci_failed;
	pci->warning = pci_silent;
	pci->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_set_param(pci, "sysfs.path", path.text);
	paths_forget_denials();
	if (!path_exists(&path) && paths_denied())
		errx(STATUS_DENIED, "%s: only root can look there; run mmrctl as root", path.text);
	if (!path_exists(&path))
		errx(STATUS_FAILED, "%s: there is no PCI bus; is sysfs mounted?", path.text);
	pci_init(pci);
	return pci;
}

/* As pci_fill_info(); false if the function has vanished */
static bool fill_info(struct pci_dev *dev, int fields)
{
	if (setjmp(vanished)) {
		may_vanish = false;
		return false;
	}
	may_vanish = true;
	/* Not all errors of libpci are those of a system call */
	errno = 0;
	pci_fill_info(dev, fields);
	may_vanish = false;
	return true;
}

/* --- one function ------------------------------------------------------------- */

json_int_t function_incarnation(const char *bdf)
{
	struct path path = function_path(bdf, ".");
	struct stat status;

	return stat(path.text, &status) ? 0 : (json_int_t)status.st_ino;
}

/*
 * Whether the function has vanished since it had this incarnation. Nobody promises an order in
 * which its folder and the file of its configuration space go.
 */
static bool is_gone(const char *bdf, json_int_t incarnation)
{
	struct path path = function_path(bdf, "config");

	paths_forget_denials();
	return (!path_exists(&path) && !paths_denied()) ||
	       function_incarnation(bdf) != incarnation;
}

static void load_bars(struct function *function, const struct pci_dev *dev)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_MMR_NUM_BARS; i++) {
		pciaddr_t resource = dev->flags[i];
		unsigned int flags = 0;

		function->bars[i].address = dev->base_addr[i] & ~0xfull;
		function->bars[i].is_64_bit = resource & RESOURCE_64_BIT;
		function->bars[i].prefetchable = resource & RESOURCE_PREFETCH;
		if (resource & RESOURCE_MEMORY)
			flags |= VIRTIO_MMR_BAR_FLAG_MEMORY;
		if (resource & RESOURCE_64_BIT)
			flags |= VIRTIO_MMR_BAR_FLAG_64_BIT;
		if (!(resource & RESOURCE_UNSET) && function->bars[i].address)
			flags |= VIRTIO_MMR_BAR_FLAG_ASSIGNED;
		virtio_mmr_function_set_bar(&function->scan.function, i, dev->size[i], flags);
	}
}

/* How the VFs of a PF get their routing IDs (PCIe 9.3.3.8) */
struct routing {
	char pf[BDF_SIZE];
	long long offset, stride;
};

/* It stays while the PF has VFs. VFs of one PF mostly follow one another */
static const struct routing *find_routing(const char *pf)
{
	static struct routing last;
	struct path path;

	if (!strcmp(last.pf, pf))
		return &last;
	snprintf(last.pf, sizeof(last.pf), "%s", pf);
	path = function_path(pf, "sriov_offset");
	last.offset = read_number(&path, 0);
	path = function_path(pf, "sriov_stride");
	last.stride = read_number(&path, 0);
	return &last;
}

static void load_relation(struct function *function)
{
	struct path path = function_path(function->bdf, "physfn");
	unsigned int domain, bus, device, number;
	const struct routing *routing;
	long long distance;

	function->vf_index = -1;
	if (!link_name(&path, function->pf, sizeof(function->pf)))
		return;

	routing = find_routing(function->pf);
	if (sscanf(function->bdf, "%x:%x:%x.%x", &domain, &bus, &device, &number) != 4)
		return;
	distance = bus << 8 | device << 3 | number;
	if (sscanf(function->pf, "%x:%x:%x.%x", &domain, &bus, &device, &number) != 4)
		return;
	distance -= bus << 8 | device << 3 | number;
	if (distance == routing->offset)
		function->vf_index = 0;
	else if (routing->stride > 0 && distance > routing->offset)
		function->vf_index = (distance - routing->offset) / routing->stride;
}

void describe_override(const char *override, char *text, size_t size)
{
	snprintf(text, size, "%s", *override ? override : "none");
	make_printable(text);
}

void function_refresh(struct function *function)
{
	struct path path = function_path(function->bdf, "driver");
	char override[NAME_LENGTH + 1];

	link_name(&path, function->driver, sizeof(function->driver));
	path = function_path(function->bdf, "driver_override");
	read_line(&path, override, sizeof(override));
	function->override_is_cut = strlen(override) >= NAME_LENGTH;
	snprintf(function->override, NAME_LENGTH, "%.*s", NAME_LENGTH - 1, override);
	/* How the kernel prints that there is none */
	if (!strcmp(function->override, "(null)"))
		function->override[0] = '\0';
	/* Only a PF has the file */
	path = function_path(function->bdf, "sriov_numvfs");
	function->numvfs = read_number(&path, 0);
}

static void judge(struct function *function, enum config_room room)
{
	const struct virtio_mmr_scan *scan = &function->scan;
	size_t i;

	function->verdict = VERDICT_UNUSABLE;
	if (room == CONFIG_RESTRICTED && scan->identity) {
		function->verdict = VERDICT_UNKNOWN;
		snprintf(function->reason, sizeof(function->reason),
			 "only root can read its configuration space beyond 64 bytes");
	} else if (room == CONFIG_RESTRICTED) {
		virtio_mmr_scan_explain(function->reason, sizeof(function->reason), scan, NULL,
					function->vendor, function->device);
	} else if (scan->verdict == VIRTIO_MMR_SCAN_USABLE) {
		function->verdict = VERDICT_USABLE;
	}

	if (scan->verdict != VIRTIO_MMR_SCAN_USABLE && scan->verdict != VIRTIO_MMR_SCAN_PLACEMENT)
		return;
	for (i = 0; i < function->capability_count; i++)
		if (function->capabilities[i].position == scan->cap_position)
			function->used = &function->capabilities[i];
}

/* False if the function has vanished */
static bool load(struct function *function, struct pci_dev *dev, const char *bdf)
{
	struct path path = function_path(bdf, "iommu_group");
	json_int_t incarnation = function_incarnation(bdf);
	char group[NAME_LENGTH];
	enum config_room room;

	memset(function, 0, sizeof(*function));
	snprintf(function->bdf, sizeof(function->bdf), "%s", bdf);
	if (!fill_info(dev, PCI_FILL_IDENT | PCI_FILL_BASES | PCI_FILL_SIZES |
		       PCI_FILL_IO_FLAGS | PCI_FILL_CLASS_EXT))
		return false;
	function->vendor = dev->vendor_id;
	function->device = dev->device_id;
	path = function_path(bdf, "subsystem_vendor");
	function->subsystem_vendor = read_number(&path, 0);
	path = function_path(bdf, "subsystem_device");
	function->subsystem_device = read_number(&path, 0);
	path = function_path(bdf, "revision");
	function->revision = read_number(&path, 0);
	function->scan.verdict = VIRTIO_MMR_SCAN_OTHER_ID;
	if (function->vendor == VIRTIO_MMR_VENDOR_ID)
		function->scan.identity = virtio_mmr_identify(function->device);

	path = function_path(bdf, "iommu_group");
	function->group = link_name(&path, group, sizeof(group)) ? atoi(group) : -1;
	function_refresh(function);
	load_relation(function);
	load_bars(function, dev);
	room = config_space_load(function, dev);
	/* Comes last: all files were there until now, or what was read means nothing */
	if (is_gone(bdf, incarnation)) {
		function_release(function);
		return false;
	}
	judge(function, room);
	return true;
}

/* --- many ----------------------------------------------------------------------- */

static int by_address(const void *one, const void *other)
{
	const struct function *a = one, *b = other;

	/* A longer domain is a higher one */
	if (strlen(a->bdf) != strlen(b->bdf))
		return strlen(a->bdf) < strlen(b->bdf) ? -1 : 1;
	return strcmp(a->bdf, b->bdf);
}

static struct function *add(struct functions *found)
{
	struct function *list;

	list = realloc(found->list, (found->count + 1) * sizeof(*list));
	if (!list)
		errx(STATUS_FAILED, "out of memory");
	found->list = list;
	return &list[found->count++];
}

void functions_find(struct functions *found)
{
	struct pci_access *pci = pci_open();
	struct pci_dev *dev;

	*found = (struct functions){};
	pci_scan_bus(pci);
	for (dev = pci->devices; dev; dev = dev->next) {
		char bdf[BDF_SIZE];

		/* Functions of other vendors vanish as well */
		if (!fill_info(dev, PCI_FILL_IDENT))
			continue;
		if (dev->vendor_id != VIRTIO_MMR_VENDOR_ID ||
		    !virtio_mmr_identify(dev->device_id))
			continue;
		snprintf(bdf, sizeof(bdf), "%04x:%02x:%02x.%x", dev->domain, dev->bus,
			 dev->dev & 0x1f, dev->func & 7);
		if (!load(add(found), dev, bdf))
			found->count--;
	}
	pci_cleanup(pci);
	if (found->count)
		qsort(found->list, found->count, sizeof(*found->list), by_address);
}

static int refuse_missing(const char *bdf)
{
	complain("%s: no such PCI function; 'mmrctl list' shows the MMR functions", bdf);
	return STATUS_NOT_FOUND;
}

int functions_load(struct functions *found, const struct request *request)
{
	struct pci_access *pci = pci_open();
	int status = STATUS_OK;
	size_t i;

	*found = (struct functions){};
	for (i = 0; i < request->count && !status; i++) {
		const char *bdf = request->bdfs[i];
		struct path path = function_path(bdf, "vendor");
		unsigned int domain, bus, device, function;
		struct pci_dev *dev;

		paths_forget_denials();
		if (!path_exists(&path) && paths_denied()) {
			complain("%s: only root can look at it; run mmrctl as root", bdf);
			status = STATUS_DENIED;
			break;
		}
		if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4) {
			status = refuse_missing(bdf);
			break;
		}
		dev = pci_get_dev(pci, domain, bus, device, function);
		if (!load(add(found), dev, bdf)) {
			found->count--;
			status = refuse_missing(bdf);
		}
		pci_free_dev(dev);
	}
	pci_cleanup(pci);
	if (status)
		functions_release(found);
	return status;
}

void function_release(struct function *function)
{
	free(function->capabilities);
	free(function->structures);
}

void functions_release(struct functions *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		function_release(&found->list[i]);
	free(found->list);
	*found = (struct functions){};
}

void request_add(struct request *request, const char *bdf)
{
	size_t i;

	for (i = 0; i < request->count; i++)
		if (!strcmp(request->bdfs[i], bdf))
			return;
	request->bdfs = reallocarray(request->bdfs, request->count + 1, BDF_SIZE);
	if (!request->bdfs)
		errx(STATUS_FAILED, "out of memory");
	snprintf(request->bdfs[request->count++], BDF_SIZE, "%s", bdf);
}

int request_add_vfs(struct request *request, const char *pf)
{
	struct path path = function_path(pf, "vendor");
	long long i, vfs;

	paths_forget_denials();
	if (!path_exists(&path) && !paths_denied()) {
		complain("%s: no such PCI function; 'mmrctl list' shows the PFs of MMR functions",
			 pf);
		return STATUS_NOT_FOUND;
	}
	path = function_path(pf, "sriov_numvfs");
	vfs = read_number(&path, -1);
	if (vfs < 0 && paths_denied()) {
		complain("%s: only root can tell what VFs it has; run mmrctl as root", pf);
		return STATUS_DENIED;
	}
	if (vfs < 0) {
		complain("%s: is not an SR-IOV PF", pf);
		return STATUS_NOT_FOUND;
	}
	if (vfs == 0) {
		complain("%s: has no VFs; as root: echo NUMBER >%s", pf, path.text);
		return STATUS_NOT_FOUND;
	}
	for (i = 0; i < vfs; i++) {
		char name[32], bdf[BDF_SIZE];

		snprintf(name, sizeof(name), "virtfn%lld", i);
		path = function_path(pf, name);
		if (!link_name(&path, bdf, sizeof(bdf))) {
			complain("%s: VF %lld of %lld is not there: they come or go at this moment; try again, or name those that are meant",
				 pf, i, vfs);
			return STATUS_NOT_FOUND;
		}
		request_add(request, bdf);
	}
	return STATUS_OK;
}

int request_again(struct request *now, const struct request *request)
{
	int status = STATUS_OK;
	size_t i;

	*now = *request;
	now->bdfs = NULL;
	now->count = 0;
	for (i = 0; i < request->named; i++)
		request_add(now, request->bdfs[i]);
	for (i = 0; i < request->pf_count && !status; i++)
		status = request_add_vfs(now, request->pfs[i]);
	return status;
}

void describe_registers(const struct function *function, char *text, size_t size)
{
	const struct virtio_mmr_cap *cap = &function->used->cap;

	snprintf(text, size, "BAR %u at 0x%llx (0x%llx bytes)", cap->bar, cap->offset,
		 cap->length);
}

json_t *registers_json(const struct function *function)
{
	const struct virtio_mmr_cap *cap;

	if (!function->used)
		return json_null();
	cap = &function->used->cap;
	return make_json("{s:i, s:I, s:I}", "bar", cap->bar, "offset", (json_int_t)cap->offset,
			 "length", (json_int_t)cap->length);
}

json_t *usable_json(const struct function *function)
{
	if (function->verdict == VERDICT_UNKNOWN)
		return json_null();
	return json_boolean(function->verdict == VERDICT_USABLE);
}

bool function_persistent_driver(const struct function *function, char *name, size_t size)
{
	struct path path = root_path("etc/driverctl.d/pci-%s", function->bdf);

	paths_forget_denials();
	read_line(&path, name, size);
	make_printable(name);
	return !paths_denied();
}
