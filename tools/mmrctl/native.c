// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "devices.h"
#include "groups.h"
#include "kernel_log.h"
#include "module.h"
#include "native.h"
#include "paths.h"
#include "users.h"

/* For the driver's probe, and for udev, which gives interfaces their names */
#define WAIT_MAX_MS	30000
#define WAIT_STEP_MS	50

void describe_native(const struct function *function, char *text, size_t size)
{
	struct devices devices;

	devices_find(&devices, function);
	describe_devices(&devices, text, size);
	if (!*text)
		snprintf(text, size, "no virtio device");
	devices_release(&devices);
}

bool native_has_driver(const struct function *function)
{
	struct devices devices;
	bool has;

	devices_find(&devices, function);
	has = *devices.virtio_driver;
	devices_release(&devices);
	return has;
}

json_t *native_json(const struct function *function)
{
	struct path path = function_path(function->bdf, "virtio_mmr_interface");
	struct devices devices;
	char interface[16];
	json_t *object;

	if (!is_native(function))
		return json_null();
	read_line(&path, interface, sizeof(interface));
	devices_find(&devices, function);
	object = make_json("{s:o, s:o, s:o, s:o}", "interface", json_text(interface),
			   "virtio_device", json_text(devices.virtio),
			   "virtio_driver", json_text(devices.virtio_driver),
			   "devices", devices_json(&devices));
	devices_release(&devices);
	return object;
}

enum iommu_mode iommu_mode(const struct function *function, char *type, size_t size)
{
	struct path path = sys_path("kernel/iommu_groups/%d/type", function->group);

	type[0] = '\0';
	if (function->group < 0)
		return IOMMU_NONE;
	if (!read_line(&path, type, size))
		return IOMMU_UNKNOWN;
	make_printable(type);
	/* DMA, DMA-FQ */
	if (!strncmp(type, "DMA", 3))
		return IOMMU_TRANSLATES;
	return strcmp(type, "identity") ? IOMMU_UNKNOWN : IOMMU_PASSES;
}

bool is_balloon(const struct function *function)
{
	return function->scan.identity && function->scan.identity->virtio_id == VIRTIO_ID_BALLOON;
}

int native_refuse_function(const struct function *function)
{
	char reason[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];

	virtio_mmr_scan_explain_native(reason, sizeof(reason), &function->scan,
				       function->vendor, function->device);
	switch (function->scan.native_verdict) {
	case VIRTIO_MMR_SCAN_USABLE:
		return STATUS_OK;
	case VIRTIO_MMR_SCAN_CAPABILITY:
		complain("%s: " NATIVE_DRIVER " cannot use it: %s; 'mmrctl show %s' has the details for its vendor",
			 function->bdf, reason, function->bdf);
		return STATUS_UNUSABLE;
	default:
		complain("%s: is no MMR function: %s", function->bdf, reason);
		return STATUS_NOT_FOUND;
	}
}

/* A process that has a group through VFIO has all of it; the host's drivers cannot */
static int refuse_guest(const struct function *function)
{
	char text[USER_TEXT_SIZE];
	struct members members;
	int status = STATUS_OK;
	size_t i;

	group_members(&members, function);
	for (i = 0; i < members.count && !status; i++) {
		struct function member = { .group = function->group };
		struct users users;

		if (!strcmp(members.list[i].name, function->bdf) ||
		    !is_vfio_driver(members.list[i].driver))
			continue;
		snprintf(member.bdf, sizeof(member.bdf), "%.*s", BDF_SIZE - 1,
			 members.list[i].name);
		strcpy(member.driver, members.list[i].driver);
		users_find(&users, &member);
		if (users.count) {
			describe_user(&users.list[0], text, sizeof(text));
			complain("%s: IOMMU group %d is in use by %s, through %s; end that first, then bind again",
				 function->bdf, function->group, text, member.bdf);
			status = STATUS_IN_USE;
		}
		users_release(&users);
	}
	group_release(&members);
	return status;
}

int native_refuse(const struct function *function)
{
	char type[16];

	if (is_balloon(function) && iommu_mode(function, type, sizeof(type)) == IOMMU_TRANSLATES) {
		complain("%s: is a balloon, whose driver hands out physical addresses, and the IOMMU translates (type %s of group %d): the host cannot use it. It is of use to guests only; to try it nevertheless: echo identity >/sys/kernel/iommu_groups/%d/type, while the group has no driver",
			 function->bdf, type, function->group, function->group);
		return STATUS_UNUSABLE;
	}
	return refuse_guest(function);
}

static void pause_for(unsigned int milliseconds)
{
	struct timespec time = { .tv_nsec = milliseconds * 1000000l };

	nanosleep(&time, NULL);
}

static bool udev_is_busy(void)
{
	struct path path = root_path("run/udev/queue");

	return path_exists(&path);
}

/* The kernel's event takes its time to udev, if that runs */
static void let_udev_begin(void)
{
	struct path path = root_path("run/udev/control");

	if (path_exists(&path))
		pause_for(2 * WAIT_STEP_MS);
}

/* udev may do the same at this moment, or may not be there at all */
static void load_virtio_driver(const struct function *function, const struct devices *devices)
{
	char alias[NAME_LENGTH], file[NAME_LENGTH + 16];
	struct path path;
	int error;

	snprintf(file, sizeof(file), "%s/modalias", devices->virtio);
	path = function_path(function->bdf, file);
	if (!read_line(&path, alias, sizeof(alias)))
		return;
	error = module_load(alias);
	/* ENOENT is that of a driver that is no module */
	if (error && error != -ENOENT)
		complain("%s: cannot load the driver of %s: %s; %s", function->bdf,
			 devices->virtio, strerror(-error), module_remedy(error));
}

int native_wait(const struct function *function)
{
	struct path driver = function_path(function->bdf, "driver");
	unsigned int waited = 0;
	bool loaded = false;

	for (;; waited += WAIT_STEP_MS) {
		struct devices devices;
		bool ready;

		devices_find(&devices, function);
		ready = *devices.virtio_driver;
		if (*devices.virtio && !ready && !loaded) {
			load_virtio_driver(function, &devices);
			loaded = true;
			devices_release(&devices);
			continue;
		}
		/* It has been probed by now, and has refused the device, or there is none */
		if (!ready && (waited >= WAIT_MAX_MS || (loaded && !udev_is_busy()))) {
			complain("%s: %s%s; the virtio driver for type %s is missing or refuses it",
				 function->bdf, *devices.virtio ? devices.virtio : "no virtio device",
				 *devices.virtio ? " has no driver" : " has appeared",
				 function->scan.identity ? function->scan.identity->name : "?");
			kernel_log_complain(*devices.virtio ? devices.virtio : function->bdf);
			devices_release(&devices);
			return STATUS_FAILED;
		}
		devices_release(&devices);
		if (!ready && !path_exists(&driver)) {
			complain("%s: has lost its driver meanwhile", function->bdf);
			return STATUS_FAILED;
		}
		if (ready && !waited)
			let_udev_begin();
		if (ready && (!udev_is_busy() || waited >= WAIT_MAX_MS))
			return STATUS_OK;
		pause_for(WAIT_STEP_MS);
	}
}
