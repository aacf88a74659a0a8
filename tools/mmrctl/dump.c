// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dump: configuration space as the guest will see it.
 */
#include <stdio.h>
#include <string.h>

#include "vfio.h"

#define CONFIG_SIZE_MAX	4096

/* The form that lspci -x prints and lspci -F reads */
static void print_bytes(const char *bdf, const u8 *bytes, size_t size)
{
	size_t i;

	printf("%s configuration space as the guest sees it", bdf);
	for (i = 0; i < size; i++) {
		if (i % 16 == 0)
			printf("\n%02zx:", i);
		printf(" %02x", bytes[i]);
	}
	/* The empty line ends the function */
	printf("\n\n");
}

int verb_dump(const struct request *request)
{
	u8 bytes[CONFIG_SIZE_MAX];
	struct vfio_device device;
	struct functions found;
	size_t size;
	int status;

	status = functions_load(&found, request);
	if (status)
		return status;
	status = vfio_open(&device, &found.list[0]);
	if (!status) {
		size = device.config.size < sizeof(bytes) ? device.config.size : sizeof(bytes);
		if (!vfio_read(&device, &device.config, 0, bytes, size)) {
			status = STATUS_FAILED;
		} else if (request->json) {
			status = print_json(make_json("{s:s, s:I, s:o}", "bdf", found.list[0].bdf,
						      "size", (json_int_t)size,
						      "bytes", json_bytes(bytes, size)));
		} else {
			print_bytes(found.list[0].bdf, bytes, size);
			status = finish_output();
		}
		vfio_close(&device);
	}
	functions_release(&found);
	return status;
}
