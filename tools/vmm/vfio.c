// SPDX-License-Identifier: GPL-2.0-or-later
/* Opens a function of vfio-pci and finds out what it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "function.h"
#include "host.h"
#include "intx.h"
#include "iommu.h"
#include "message.h"
#include "msix.h"
#include "notify.h"
#include "sysfs.h"
#include "vfio.h"

#define DRIVER	"vfio-pci"
/* This project's, which serves the guest's view itself */
#define OWN_DRIVER	"virtio_mmr_vfio_pci"

/* Flags of the kernel in the file "resource" */
#define RESOURCE_MEMORY	0x00000200
#define RESOURCE_64_BIT	0x00100000
#define RESOURCE_UNSET	0x20000000

/* Inputs of the I/O APIC for INTA of slot 1, 2, and so on. The 8259 has them as well. */
static const unsigned int irqs[] = { 5, 9, 10, 11 };

/* Returns whether it is this project's. */
static bool check_driver(const char *bdf)
{
	char path[PATH_MAX], driver[PATH_MAX];

	sysfs_path(path, bdf, "config");
	if (access(path, F_OK))
		fail("%s: no such PCI function; 'mmrctl list' shows those of this host", bdf);
	sysfs_link(bdf, "driver", driver);
	if (!strcmp(driver, OWN_DRIVER))
		return true;
	if (strcmp(driver, DRIVER))
		fail("%s: its driver is %s, not vfio-pci; 'driverctl --nosave set-override %s vfio-pci' binds it",
		     bdf, *driver ? driver : "none", bdf);
	return false;
}

static uint64_t find_region(struct function *function, unsigned int index, uint64_t *size,
			    uint32_t *flags)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(function->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		fail("%s: " DRIVER " says nothing of region %u: %s", function->bdf, index,
		     strerror(errno));
	*size = info.size;
	*flags = info.flags;
	return info.offset;
}

static void open_bar(struct function *function, unsigned int number)
{
	struct function_bar *bar = &function->bars[number];
	unsigned int index = number;
	uint32_t flags;
	void *mapping;

	/* The driver's regions have the guest's numbers, and 0 is the I/O BAR. */
	if (function->by_driver) {
		index = virtio_mmr_guest_bar(&function->scan.placement, number);
		if (!index || index >= FUNCTION_BARS)
			return;
	}
	bar->position = find_region(function, VFIO_PCI_BAR0_REGION_INDEX + index, &bar->size,
				    &flags);
	if (!bar->size || !(flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;
	/* Without a mapping, accesses take longer */
	mapping = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, function->device,
		       bar->position);
	if (mapping != MAP_FAILED)
		bar->mapping = mapping;
}

static bool read_config(void *context, unsigned int position, uint32_t *value)
{
	*value = virtio_mmr_get_le32((uint8_t *)context + position);
	return true;
}

/* The host's configuration space: vfio-pci hides capabilities without a VSEC header. */
static struct virtio_mmr_space open_space(const char *bdf)
{
	static uint8_t config[VIRTIO_MMR_CONFIG_SIZE_EXTENDED];
	struct virtio_mmr_space space = {
		.read = read_config, .context = config, .size = sizeof(config),
	};

	if (sysfs_read(bdf, "config", config, sizeof(config)) <= PCI_STD_HEADER_SIZEOF)
		fail("%s: only root can read its capabilities; 'sudo mmrvmm' helps", bdf);
	virtio_mmr_space_find_known(&space);
	return space;
}

/* BARs as the kernel has them: a line for each has its first and last byte, and flags. */
static void find_bars(const char *bdf, struct virtio_mmr_function *function)
{
	unsigned long long first, last, resource;
	unsigned int bar, flags;
	char text[4096], *line;

	text[sysfs_read(bdf, "resource", text, sizeof(text) - 1)] = 0;
	line = text;
	for (bar = 0; bar < FUNCTION_BARS; bar++) {
		if (sscanf(line, "%llx %llx %llx", &first, &last, &resource) != 3)
			fail("%s: its file 'resource' does not have %u BARs", bdf, FUNCTION_BARS);
		line = strchrnul(line, '\n');
		line += *line == '\n';
		flags = resource & RESOURCE_MEMORY ? VIRTIO_MMR_BAR_FLAG_MEMORY : 0;
		if (resource & RESOURCE_64_BIT)
			flags |= VIRTIO_MMR_BAR_FLAG_64_BIT;
		if (first && !(resource & RESOURCE_UNSET))
			flags |= VIRTIO_MMR_BAR_FLAG_ASSIGNED;
		virtio_mmr_function_set_bar(function, bar, last ? last - first + 1 : 0, flags);
	}
}

/* The guest does not reach what lies beyond. */
static void add_field(struct virtio_mmr_fields *fields, unsigned int position)
{
	if (position < VIRTIO_MMR_CONFIG_SIZE)
		virtio_mmr_fields_add(fields, position);
}

/*
 * vfio-pci-core copies capability lists when it opens the function, and some lists harm it. So
 * the function is judged before.
 */
static void scan(struct function *function)
{
	static struct virtio_mmr_walk walk;
	static struct virtio_mmr_lists lists;
	struct virtio_mmr_space space = open_space(function->bdf);
	uint16_t vendor = sysfs_id(function->bdf, "vendor");
	uint16_t device = sysfs_id(function->bdf, "device");
	char why[VIRTIO_MMR_SCAN_EXPLANATION_SIZE];

	find_bars(function->bdf, &function->scan.function);
	virtio_mmr_scan_run(&function->scan, &space, &lists, vendor, device, NULL);
	if (function->scan.verdict != VIRTIO_MMR_SCAN_USABLE) {
		virtio_mmr_scan_explain(why, sizeof(why), &function->scan, &lists, vendor, device);
		fail("%s: not usable as an MMR function: %s; 'mmrctl show %s' says more",
		     function->bdf, why, function->bdf);
	}
	virtio_mmr_walk_start(&walk, &space, false);
	while (virtio_mmr_walk_next(&walk)) {
		if (walk.id == PCI_CAP_ID_PM)
			add_field(&function->power_fields, walk.position + PCI_PM_CTRL);
		else if (walk.id == PCI_CAP_ID_EXP)
			add_field(&function->express_resets, walk.position + PCI_EXP_DEVCTL + 1);
		else if (walk.id == PCI_CAP_ID_AF)
			add_field(&function->af_resets, walk.position + PCI_AF_CTRL);
	}
}

static int new_eventfd(const struct function *function)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		fail("%s: cannot make an eventfd: %s; a higher limit of open files (ulimit -n) may help, or fewer functions",
		     function->bdf, strerror(errno));
	return fd;
}

/* Who removes or unbinds a function waits in the host until this program closes it. */
static void open_endings(struct function *function)
{
	int error;

	function->request = new_eventfd(function);
	error = host_signal_request(function->device, function->request);
	if (error)
		fail("%s: VFIO does not tell when the host wants it back: error %d", function->bdf,
		     -error);
	function->error = new_eventfd(function);
	error = host_signal_error(function->device, function->error);
	/* Older kernels want the capability of PCI Express for this. */
	if (error && error != -ENOTTY)
		fail("%s: VFIO does not tell of errors: error %d", function->bdf, -error);
}

static void open_interrupts(struct function *function)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	struct machine *machine = function->machine;
	unsigned int i;

	if (function->scan.function.has_msix &&
	    !ioctl(function->device, VFIO_DEVICE_GET_IRQ_INFO, &info))
		function->msix.count = info.count;
	if (function->msix.count > FUNCTION_VECTORS) {
		message("%s: only %u of %u MSI-X vectors interrupt", function->bdf,
			FUNCTION_VECTORS, function->msix.count);
		function->msix.count = FUNCTION_VECTORS;
	}
	function->msix.first_gsi = MACHINE_INPUTS + machine->routes->nr - MACHINE_ROUTES;
	machine->routes->nr += function->msix.count;
	for (i = 0; i < function->msix.count; i++)
		function->msix.eventfds[i] = new_eventfd(function);
	msix_start(function);

	function->intx.irq = irqs[(function->slot - 1) % (sizeof(irqs) / sizeof(irqs[0]))];
	for (i = 0; i < VIRTIO_MMR_NUM_VECTORS; i++)
		function->intx.sources[i] = new_eventfd(function);
	function->intx.trigger = new_eventfd(function);
	function->intx.resample = new_eventfd(function);
}

/**
 * vfio_add - add a function to the machine, or end the program
 * @machine: with memory, and room for one more function
 * @bdf: its name in the host, such as 0000:01:00.1
 */
void vfio_add(struct machine *machine, const char *bdf)
{
	struct function *function = calloc(1, sizeof(*function));
	unsigned int bar, i;
	uint64_t size;
	uint32_t flags;

	if (!function)
		fail("out of memory");
	if (strlen(bdf) >= sizeof(function->bdf))
		fail("'%s' is no PCI function such as 0000:01:00.1", bdf);
	strcpy(function->bdf, bdf);
	for (i = 0; i < machine->num_functions; i++)
		if (!strcasecmp(machine->functions[i]->bdf, bdf))
			fail("%s: --function is given twice", bdf);
	function->by_driver = check_driver(bdf);
	scan(function);
	function->machine = machine;
	machine->functions[machine->num_functions++] = function;
	function->slot = machine->num_functions;
	function->device = iommu_open(machine, bdf);
	function->config_position = find_region(function, VFIO_PCI_CONFIG_REGION_INDEX, &size,
						&flags);
	if (function->by_driver)
		function->ports_position = find_region(function, VFIO_PCI_BAR0_REGION_INDEX, &size,
						       &flags);
	for (bar = 0; bar < FUNCTION_BARS; bar++)
		open_bar(function, bar);
	if (ioctl(function->device, VFIO_DEVICE_RESET))
		fail("%s: cannot be reset: %s; the kernel's log may say why, and a new bind to its driver may help",
		     bdf, strerror(errno));
	open_endings(function);
	open_interrupts(function);
	function_start(function);
	notify_find_doorbells(function);
	if (function->by_driver)
		intx_take_over(function);
}
