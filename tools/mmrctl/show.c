// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * show: everything about a function.
 */
#include <linux/virtio_mmr.h>
#include <linux/virtio_pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "devices.h"
#include "functions.h"
#include "groups.h"
#include "native.h"
#include "paths.h"
#include "record.h"
#include "users.h"

__attribute__((format(printf, 2, 3)))
static void line(const char *label, const char *format, ...)
{
	va_list arguments;

	printf("  %-16s ", label);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static const char *structure_name(u8 cfg_type)
{
	switch (cfg_type) {
	case VIRTIO_PCI_CAP_COMMON_CFG:
		return "common configuration";
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		return "notification";
	case VIRTIO_PCI_CAP_ISR_CFG:
		return "ISR status";
	case VIRTIO_PCI_CAP_DEVICE_CFG:
		return "device configuration";
	case VIRTIO_PCI_CAP_PCI_CFG:
		return "PCI configuration access";
	default:
		return "unknown";
	}
}

static const char *kind_name(enum virtio_mmr_bar_kind kind)
{
	switch (kind) {
	case VIRTIO_MMR_BAR_ABSENT:
		return "absent";
	case VIRTIO_MMR_BAR_MEMORY:
		return "memory";
	case VIRTIO_MMR_BAR_IO:
		return "io";
	case VIRTIO_MMR_BAR_UPPER_HALF:
		return "upper_half";
	}
	return "absent";
}

static const char *fate_name(enum virtio_mmr_bar0_fate fate)
{
	switch (fate) {
	case VIRTIO_MMR_BAR0_ABSENT:
		return "absent";
	case VIRTIO_MMR_BAR0_HIDDEN:
		return "hidden";
	case VIRTIO_MMR_BAR0_MOVED:
		return "moved";
	case VIRTIO_MMR_BAR0_NO_SLOT:
		return "no_slot";
	case VIRTIO_MMR_BAR0_TOO_LARGE:
		return "too_large";
	}
	return "absent";
}

/* --- JSON ----------------------------------------------------------------------- */

static json_t *bars_json(const struct function *function)
{
	json_t *list = json_array(), *object;
	unsigned int i;

	for (i = 0; i < VIRTIO_MMR_NUM_BARS; i++) {
		const struct bar *bar = &function->bars[i];

		if (function->scan.function.bar_kind[i] == VIRTIO_MMR_BAR_ABSENT)
			continue;
		object = make_json("{s:i, s:s, s:I, s:I, s:b, s:b}", "bar", i,
				   "kind", kind_name(function->scan.function.bar_kind[i]),
				   "address", (json_int_t)bar->address,
				   "size", (json_int_t)function->scan.function.bar_size[i],
				   "64_bit", bar->is_64_bit,
				   "prefetchable", bar->prefetchable);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *capabilities_json(const struct function *function)
{
	json_t *list = json_array(), *object;
	size_t i;

	for (i = 0; i < function->capability_count; i++) {
		const struct mmr_capability *found = &function->capabilities[i];
		char offset[24], length[24];

		/* All 64 bits can be set, too many for a number in JSON */
		snprintf(offset, sizeof(offset), "0x%llx", found->cap.offset);
		snprintf(length, sizeof(length), "0x%llx", found->cap.length);
		object = make_json("{s:i, s:s, s:i, s:i, s:s, s:s, s:b, s:b, s:o}",
				   "position", found->position,
				   "form", found->cap.wrapped ? "wrapped" : "bare",
				   "cfg_type", found->cap.cfg_type, "bar", found->cap.bar,
				   "offset", offset, "length", length,
				   "usable", !found->defect, "used", found == function->used,
				   "reason", json_text(found->why));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *structures_json(const struct function *function)
{
	json_t *list = json_array(), *object;
	size_t i;

	for (i = 0; i < function->structure_count; i++) {
		const struct virtio_mmr_virtio_cap *found = &function->structures[i];

		object = make_json("{s:i, s:i, s:i, s:I, s:I, s:b}",
				   "position", found->position,
				   "cfg_type", found->cfg_type, "bar", found->bar,
				   "offset", (json_int_t)found->offset,
				   "length", (json_int_t)found->length,
				   "inside_bar", found->is_inside);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *notify_json(const struct function *function)
{
	if (!function->scan.has_notification)
		return json_null();
	return make_json("{s:i, s:I, s:I}", "bar", function->scan.notify.bar,
			 "offset", (json_int_t)function->scan.notify.offset,
			 "multiplier", (json_int_t)function->scan.notify_multiplier);
}

static json_t *guest_json(const struct function *function)
{
	json_t *bar = json_null();

	if (function->verdict != VERDICT_USABLE)
		return bar;
	if (function->scan.placement.fate == VIRTIO_MMR_BAR0_MOVED)
		bar = json_integer(function->scan.placement.slot);
	return make_json("{s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:o}",
			 "vendor", VIRTIO_MMR_VENDOR_ID,
			 "device", function->scan.identity->guest_id,
			 "revision", 0, "subsystem_vendor", VIRTIO_MMR_VENDOR_ID,
			 "subsystem_device", function->scan.identity->virtio_id,
			 "io_bar_size", virtio_mmr_io_bar_size(function->used->cap.length),
			 "physical_bar0", fate_name(function->scan.placement.fate),
			 "physical_bar0_shown_as", bar);
}

static json_t *group_json(const struct function *function)
{
	json_t *list = json_array(), *object;
	struct members members;
	size_t i;

	if (function->group < 0) {
		json_decref(list);
		return json_null();
	}
	group_members(&members, function);
	if (!members.complete) {
		json_decref(list);
		list = json_null();
	}
	for (i = 0; members.complete && i < members.count; i++) {
		object = make_json("{s:o, s:o, s:b}",
				   "name", json_text(members.list[i].name),
				   "driver", json_text(members.list[i].driver),
				   "blocks", members.list[i].blocks);
		json_array_append_new(list, object);
	}
	group_release(&members);
	return make_json("{s:i, s:o}", "number", function->group, "members", list);
}

static json_t *record_json(const struct function *function)
{
	struct record record;

	if (!record_is_due(&record, function))
		return json_null();
	return make_json("{s:o, s:o}", "driver", json_text(record.driver),
			 "driver_override", json_text(record.override));
}

static json_t *function_json(const struct function *function)
{
	char persistent[NAME_LENGTH];
	json_t *object, *more;
	struct users users;

	users_find(&users, function);
	function_persistent_driver(function, persistent, sizeof(persistent));
	object = make_json("{s:s, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:o}",
			   "bdf", function->bdf, "pf", json_text(function->pf),
			   "vf", function->vf_index < 0 ? json_null() :
				 json_integer(function->vf_index),
			   "type", function->scan.identity ?
				   json_string(function->scan.identity->name) : json_null(),
			   "vendor", function->vendor, "device", function->device,
			   "revision", function->revision,
			   "subsystem_vendor", function->subsystem_vendor,
			   "subsystem_device", function->subsystem_device,
			   "usable", usable_json(function),
			   "reason", json_text(function->reason));
	more = make_json("{s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b}",
			 "registers", registers_json(function), "guest", guest_json(function),
			 "bars", bars_json(function), "capabilities", capabilities_json(function),
			 "structures", structures_json(function),
			 "msix_vectors", function->msix_vectors,
			 "notification", notify_json(function),
			 "capability_list_loops", function->scan.list_loops);
	json_object_update_new(object, more);
	more = make_json("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}",
			 "iommu_group", group_json(function),
			 "driver", json_text(function->driver),
			 "native", native_json(function),
			 "driver_override", json_text(function->override),
			 "driverctl", json_text(persistent),
			 "restored_by_unbind", record_json(function),
			 "users", users_json(&users), "users_complete", users.complete);
	json_object_update_new(object, more);
	users_release(&users);
	return object;
}

/* --- text -------------------------------------------------------------------------- */

static void print_bars(const struct function *function)
{
	unsigned int i;
	char label[16];

	for (i = 0; i < VIRTIO_MMR_NUM_BARS; i++) {
		const struct bar *bar = &function->bars[i];

		if (function->scan.function.bar_kind[i] != VIRTIO_MMR_BAR_MEMORY &&
		    function->scan.function.bar_kind[i] != VIRTIO_MMR_BAR_IO)
			continue;
		snprintf(label, sizeof(label), "BAR %u", i);
		line(label, "%s%s%s, 0x%llx bytes at 0x%llx",
		     function->scan.function.bar_kind[i] == VIRTIO_MMR_BAR_IO ? "I/O" : "memory",
		     bar->is_64_bit ? ", 64-bit" : "",
		     bar->prefetchable ? ", prefetchable" : "", function->scan.function.bar_size[i],
		     (unsigned long long)bar->address);
	}
}

static void print_capabilities(const struct function *function)
{
	size_t i;

	for (i = 0; i < function->capability_count; i++) {
		const struct mmr_capability *found = &function->capabilities[i];

		if (found->defect)
			line("MMR capability", "not usable: %s", found->why);
		else
			line("MMR capability",
			     "at 0x%x, %s: legacy registers in BAR %u at 0x%llx (0x%llx bytes)%s",
			     found->position, found->cap.wrapped ? "wrapped" : "bare",
			     found->cap.bar, found->cap.offset, found->cap.length,
			     found == function->used ? ", used" : !function->used ? ", not used" :
			     ", not used: the first usable one counts");
	}
	for (i = 0; i < function->structure_count; i++) {
		const struct virtio_mmr_virtio_cap *found = &function->structures[i];

		line("virtio structure", "%s, capability at 0x%x: BAR %u at 0x%x (0x%x bytes)%s",
		     structure_name(found->cfg_type), found->position, found->bar,
		     found->offset, found->length,
		     found->is_inside || found->cfg_type == VIRTIO_PCI_CAP_PCI_CFG ?
		     "" : ", not usable: not inside a memory BAR");
	}
	if (function->scan.function.has_msix)
		line("MSI-X", "%u vectors, table in BAR %u, pending bits in BAR %u",
		     function->msix_vectors, function->scan.function.msix_table.bar,
		     function->scan.function.msix_pba.bar);
	if (function->scan.list_loops)
		line("defect", "a capability list is a loop");
}

static void print_guest(const struct function *function)
{
	char bar0[48] = "";

	if (function->verdict != VERDICT_USABLE)
		return;
	if (function->scan.placement.fate == VIRTIO_MMR_BAR0_MOVED)
		snprintf(bar0, sizeof(bar0), "; the function's own BAR 0 as BAR %u",
			 function->scan.placement.slot);
	else if (function->scan.placement.fate == VIRTIO_MMR_BAR0_HIDDEN)
		strcpy(bar0, "; not the function's own BAR 0");
	line("guest sees", "%04x:%04x, revision 00, subsystem %04x:%04x, I/O BAR 0 of %u bytes%s",
	     VIRTIO_MMR_VENDOR_ID, function->scan.identity->guest_id, VIRTIO_MMR_VENDOR_ID,
	     function->scan.identity->virtio_id,
	     virtio_mmr_io_bar_size(function->used->cap.length), bar0);
	if (function->scan.has_notification)
		line("notification", "through the notification structure in BAR %u at 0x%llx, multiplier %u",
		     function->scan.notify.bar, function->scan.notify.offset,
		     function->scan.notify_multiplier);
	else
		line("notification", "through the legacy register");
}

/* A line for the virtio device, and one for each device that its driver has made */
static void print_native(const struct function *function)
{
	struct path path = function_path(function->bdf, "virtio_mmr_interface");
	struct devices devices;
	char text[128];
	size_t i;

	if (!is_native(function))
		return;
	read_line(&path, text, sizeof(text));
	devices_find(&devices, function);
	line("native", "%s, driver %s, %s interface",
	     *devices.virtio ? devices.virtio : "no virtio device",
	     *devices.virtio_driver ? devices.virtio_driver : "none",
	     *text ? text : "unknown");
	for (i = 0; i < devices.count; i++) {
		if (!device_is_main(&devices.list[i]))
			continue;
		describe_device(&devices.list[i], text, sizeof(text));
		line("", "%s", text);
	}
	devices_release(&devices);
}

static void print_binding(const struct function *function)
{
	char persistent[NAME_LENGTH], text[USER_TEXT_SIZE];
	struct members members;
	struct record record;
	struct users users;
	size_t i;

	if (function->group < 0) {
		line("IOMMU group", "none");
	} else {
		group_members(&members, function);
		if (!members.complete) {
			snprintf(text, sizeof(text), "IOMMU group %d", function->group);
			line(text, "members unknown: only root can tell");
		}
		for (i = 0; members.complete && i < members.count; i++) {
			snprintf(text, sizeof(text), "IOMMU group %d", function->group);
			line(i ? "" : text, "%s%s%s%s%s", members.list[i].name,
			     *members.list[i].driver ? " (" : "", members.list[i].driver,
			     *members.list[i].driver ? ")" : "",
			     members.list[i].blocks &&
			     strcmp(members.list[i].name, function->bdf) ?
			     ": the host uses it, so the group cannot be given to a guest" : "");
		}
		group_release(&members);
	}

	describe_override(function->override, text, sizeof(text));
	line("driver", "%s%s%s", *function->driver ? function->driver : "none",
	     *function->override ? ", driver_override " : "", *function->override ? text : "");
	print_native(function);
	if (!function_persistent_driver(function, persistent, sizeof(persistent)))
		line("at each boot", "unknown: only root can read driverctl's settings");
	else if (*persistent)
		line("at each boot", "%s, by driverctl",
		     strcmp(persistent, DRIVERCTL_NO_DRIVER) ? persistent : "no driver");
	if (record_is_due(&record, function)) {
		describe_override(record.override, text, sizeof(text));
		line("unbind restores", "%s%s%s", *record.driver ? record.driver : "no driver",
		     *record.override ? ", driver_override " : "", *record.override ? text : "");
	} else if (paths_denied()) {
		line("unbind restores", "unknown: only root can read the record of bind");
	}

	users_find(&users, function);
	for (i = 0; i < users.count; i++) {
		describe_user(&users.list[i], text, sizeof(text));
		line(i ? "" : "used by", "%s", text);
	}
	if (!users.complete)
		line(users.count ? "" : "used by", "unknown%s: only root can tell",
		     users.count ? " others" : "");
	else if (!users.count)
		line("used by", "nobody");
	users_release(&users);
}

static void print_function(const struct function *function)
{
	printf("%s\n", function->bdf);
	if (!function->scan.identity)
		line("type", "no MMR function");
	else if (*function->pf)
		line("type", "virtio %s, VF %d of %s", function->scan.identity->name,
		     function->vf_index, function->pf);
	else
		line("type", "virtio %s, no VF", function->scan.identity->name);
	line("identity", "%04x:%04x, revision %02x, subsystem %04x:%04x", function->vendor,
	     function->device, function->revision, function->subsystem_vendor,
	     function->subsystem_device);
	line("usable", "%s%s%s",
	     function->verdict == VERDICT_USABLE ? "yes" :
	     function->verdict == VERDICT_UNKNOWN ? "unknown" : "no",
	     *function->reason ? ": " : "", function->reason);
	print_bars(function);
	print_capabilities(function);
	print_guest(function);
	print_binding(function);
}

int verb_show(const struct request *request)
{
	struct functions found;
	int status;
	size_t i;

	status = functions_load(&found, request);
	if (status)
		return status;
	if (request->json) {
		json_t *list = json_array();

		for (i = 0; i < found.count; i++)
			json_array_append_new(list, function_json(&found.list[i]));
		status = print_json(make_json("{s:o}", "functions", list));
	} else {
		for (i = 0; i < found.count; i++) {
			if (i)
				putchar('\n');
			print_function(&found.list[i]);
		}
		status = finish_output();
	}
	functions_release(&found);
	users_forget();
	return status;
}
