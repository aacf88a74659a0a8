// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver for legacy guests has for a network function, for peer_guest_test.sh:
 *	limits BDF
 * Prints lines NAME VALUE. A negative value is an error code. The function is bound to the driver
 * already, and has no MSI-X on.
 */
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/legacy.h"
#include "lib/report.h"
#include "lib/vfio.h"

static struct vfio_device device;

static void say(const char *name, long value)
{
	printf("%s %ld\n", name, value);
}

static long move(unsigned int offset, unsigned int width, bool write)
{
	uint8_t bytes[8] = { 0 };

	return write ? vfio_write(&device, 0, offset, bytes, width) :
		       vfio_read(&device, 0, offset, bytes, width);
}

int main(int argc, char **argv)
{
	struct vfio_container container;
	int fd = eventfd(0, EFD_CLOEXEC);

	if (argc != 2)
		fail("usage: limits BDF");
	vfio_container_open(&container);
	vfio_device_open(&device, &container, argv[1]);
	/* Bus mastering stays off: there is no traffic */
	vfio_command(&device, PCI_COMMAND_IO, PCI_COMMAND_MASTER);
	legacy_reset(&device);

	say("bar0_bytes", device.regions[0].size);
	say("intx", vfio_irqs(&device, VFIO_PCI_INTX_IRQ_INDEX));
	say("interrupt_pin", vfio_config_read(&device, PCI_INTERRUPT_PIN, 1));
	say("ioeventfd", legacy_ioeventfd(&device, 0, fd));
	say("notify_by_1_byte", move(VIRTIO_MMR_QUEUE_NOTIFY, 1, true));
	say("notify_by_2_bytes", move(VIRTIO_MMR_QUEUE_NOTIFY, 2, true));
	say("status_and_isr", move(VIRTIO_MMR_DEVICE_STATUS, 2, false));
	/* The device configuration follows ISR status */
	say("isr_and_configuration", move(VIRTIO_MMR_ISR_STATUS, 2, false));
	/* Of a network function: MAC and link status, then the number of queues */
	say("link_status", move(legacy_config(&device) + 6, 2, false));
	say("configuration_after_12_bytes", move(legacy_config(&device) + 12, 2, false));

	vfio_device_close(&device);
	vfio_container_close(&container);
	close(fd);
	return 0;
}
