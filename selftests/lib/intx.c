// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "intx.h"
#include "legacy.h"
#include "report.h"

/* PCI PM 1.2: the recovery time from D3hot */
#define D3HOT_DELAY	20000 /* us */
/* Without a signal in this time, there is none under way */
#define SILENCE		50 /* ms */
/* Each vector can have one under way, and the line is not deasserted at once */
#define EVENTS_MAX	16

static int action(struct vfio_device *device, uint32_t flags, unsigned int count,
		  const void *data, size_t size)
{
	return vfio_irq_action(device, VFIO_PCI_INTX_IRQ_INDEX, flags, 0, count, data, size);
}

int intx_trigger(struct vfio_device *device, int eventfd)
{
	return action(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, 1,
		      &eventfd, sizeof(eventfd));
}

int intx_off(struct vfio_device *device)
{
	return action(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0, NULL, 0);
}

int intx_mask(struct vfio_device *device)
{
	return action(device, VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_NONE, 1, NULL, 0);
}

int intx_unmask(struct vfio_device *device)
{
	return action(device, VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE, 1, NULL, 0);
}

int intx_unmask_by(struct vfio_device *device, int eventfd)
{
	return action(device, VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD, 1,
		      &eventfd, sizeof(eventfd));
}

int intx_loopback(struct vfio_device *device)
{
	return action(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, 1, NULL, 0);
}

int intx_bool(struct vfio_device *device, uint32_t which, uint8_t value)
{
	return action(device, which | VFIO_IRQ_SET_DATA_BOOL, 1, &value, sizeof(value));
}

void intx_set_power(struct vfio_device *device, unsigned int state)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_PM);

	vfio_config_write(device, at + PCI_PM_CTRL, 2, state);
	usleep(D3HOT_DELAY);
	if (state == INTX_D0)
		vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
}

unsigned int intx_power_state(struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_PM);

	return vfio_config_read(device, at + PCI_PM_CTRL, 2) & PCI_PM_CTRL_STATE_MASK;
}

uint16_t intx_physical(const struct vfio_device *device, unsigned int at)
{
	uint8_t config[SYSFS_CONFIG_SIZE];

	sysfs_config(device->bdf, config);
	return config[at] | config[at + 1] << 8;
}

bool intx_msix_is_on(struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_MSIX);

	return at && intx_physical(device, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE;
}

bool intx_master_is_on(const struct vfio_device *device)
{
	return intx_physical(device, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

bool intx_status(struct vfio_device *device)
{
	return vfio_config_read(device, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

bool intx_becomes_pending(struct vfio_device *device, unsigned int milliseconds)
{
	while (!intx_status(device)) {
		if (!milliseconds--)
			return false;
		usleep(1000);
	}
	return true;
}

unsigned int intx_host_interrupts(const struct vfio_device *device, const char *word)
{
	FILE *file = fopen("/proc/interrupts", "re");
	unsigned int found = 0;
	char line[4096];

	if (!file)
		fail("/proc/interrupts: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		found += strstr(line, device->bdf) && strstr(line, word);
	fclose(file);
	return found;
}

int intx_handle(struct vfio_device *device, int eventfd, unsigned int milliseconds)
{
	uint64_t signals = vfio_eventfd_wait(eventfd, milliseconds);
	int isr, ret;

	if (!signals)
		return -ETIMEDOUT;
	isr = legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
	ret = intx_unmask(device);
	if (ret)
		return ret;
	return signals == 1 ? isr : -EEXIST;
}

int intx_settle(struct vfio_device *device, int eventfd)
{
	unsigned int silence = SILENCE * environment_number("VIRTIO_MMR_TIMEOUT_SCALE", 1);
	int left, ret;

	for (left = EVENTS_MAX; left > 0; left--) {
		/* A signal shows a bit of its own, and there can be several */
		while (legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1) && left > 0)
			left--;
		ret = intx_unmask(device);
		if (ret)
			return ret;
		if (!vfio_eventfd_wait(eventfd, silence))
			return 0;
	}
	return -EOVERFLOW;
}
