// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of every kind, power states, and closing, each also with accesses in flight. Accesses
 * get defined answers meanwhile. The device is clean and works afterwards.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "lib/background.h"
#include "lib/dmesg.h"
#include "lib/entropy.h"
#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/intx.h"
#include "lib/link.h"
#include "lib/qmp.h"
#include "lib/session.h"
#include "lib/watch.h"

#define ROUNDS		20
#define IO_ADDRESS	0xc000

FIXTURE(reset)
{
	struct session session;
	struct vfio_device *device;
	struct entropy entropy;
};

FIXTURE_VARIANT(reset)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(reset, without_msix) { .vectors = 0 };
FIXTURE_VARIANT_ADD(reset, with_msix) { .vectors = 1 };

FIXTURE_SETUP(reset)
{
	const char *bdf = functions_find("rng", 0);

	if (!bdf)
		SKIP(return, "no rng function given");
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	entropy_start(&self->entropy, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(reset)
{
	background_stop_all();
	entropy_stop(&self->entropy);
	EXPECT_TRUE(session_close(&self->session));
}

/* --- Kinds of resets -------------------------------------------------------- */

enum kind {
	BY_IOCTL,
	BY_CONFIG_SPACE,
	BY_HOST,
	KINDS,
};

static const char *const kind_names[KINDS] = {
	[BY_IOCTL] = "VFIO_DEVICE_RESET",
	[BY_CONFIG_SPACE] = "FLR by config space",
	[BY_HOST] = "reset by sysfs",
};

static bool has_function_level_reset(struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_EXP);

	return at && vfio_config_read(device, at + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR;
}

static void function_level_reset(struct __test_metadata *_metadata,
				 struct vfio_device *device)
{
	unsigned int at = vfio_capability(device, PCI_CAP_ID_EXP);
	uint16_t control;

	ASSERT_TRUE(has_function_level_reset(device));
	control = vfio_config_read(device, at + PCI_EXP_DEVCTL, 2);
	vfio_config_write(device, at + PCI_EXP_DEVCTL, 2,
			  control | PCI_EXP_DEVCTL_BCR_FLR);
	/* The bit starts a reset and reads as zero */
	EXPECT_EQ(vfio_config_read(device, at + PCI_EXP_DEVCTL, 2) &
		  PCI_EXP_DEVCTL_BCR_FLR, 0);
}

static void reset_function(struct __test_metadata *_metadata,
			   struct vfio_device *device, enum kind kind)
{
	switch (kind) {
	case BY_IOCTL:
		ASSERT_EQ(vfio_reset(device), 0);
		break;
	case BY_CONFIG_SPACE:
		function_level_reset(_metadata, device);
		break;
	default:
		ASSERT_EQ(sysfs_reset(device->bdf), 0);
		break;
	}
}

/*
 * No state from before is left, and a driver can start again. I/O decode is still on: the guest
 * need not write COMMAND to reach its registers.
 */
static void expect_fresh(struct __test_metadata *_metadata,
			 struct entropy *entropy)
{
	struct vfio_device *device = entropy->device;

	EXPECT_EQ(legacy_status(device), 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1), 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_SELECT, 2, 0);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), 0);
	EXPECT_EQ(device->vectors ? legacy_read(device, VIRTIO_MMR_QUEUE_VECTOR, 2) :
				    LEGACY_NO_VECTOR, LEGACY_NO_VECTOR);
	entropy_restart(entropy);
	ASSERT_TRUE(entropy_works(entropy));
	EXPECT_EQ(device->vectors ? vfio_msix_wait(device, 0, LEGACY_TIMEOUT) : 1, 1);
}

static void use(struct __test_metadata *_metadata, struct entropy *entropy)
{
	ASSERT_TRUE(entropy_works(entropy));
	if (entropy->device->vectors)
		vfio_msix_wait(entropy->device, 0, LEGACY_TIMEOUT);
}

TEST_F(reset, by_ioctl)
{
	use(_metadata, &self->entropy);
	reset_function(_metadata, self->device, BY_IOCTL);
	expect_fresh(_metadata, &self->entropy);
}

TEST_F(reset, by_config_space)
{
	/* A PF may lack function level reset */
	if (!has_function_level_reset(self->device))
		SKIP(return, "no function level reset");
	use(_metadata, &self->entropy);
	reset_function(_metadata, self->device, BY_CONFIG_SPACE);
	expect_fresh(_metadata, &self->entropy);
}

/* The host can reset a function with an open file descriptor */
TEST_F(reset, by_host)
{
	use(_metadata, &self->entropy);
	reset_function(_metadata, self->device, BY_HOST);
	expect_fresh(_metadata, &self->entropy);
}

TEST_F(reset, by_device_status)
{
	use(_metadata, &self->entropy);
	legacy_reset(self->device);
	expect_fresh(_metadata, &self->entropy);
}

/*
 * A reset of everything in the slot or on the bus. It is refused if the user does not own all
 * of that: the neighbours' users would lose their devices.
 */
TEST_F(reset, by_bus)
{
	struct {
		struct vfio_pci_hot_reset_info info;
		struct vfio_pci_dependent_device devices[256];
	} affected = { .info.argsz = sizeof(affected) };
	struct {
		struct vfio_pci_hot_reset reset;
		int32_t groups[1];
	} request = {
		.reset = { .argsz = sizeof(request), .count = 1 },
		.groups = { self->session.container.groups[self->device->group].fd },
	};
	int group = self->session.container.groups[self->device->group].id;
	struct vfio_device *device = self->device;
	unsigned int i, others = 0;
	uint32_t address;

	use(_metadata, &self->entropy);
	address = legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4);
	ASSERT_NE(address, 0);
	if (ioctl(device->fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &affected)) {
		ASSERT_EQ(errno, ENODEV);
		SKIP(return, "this bus can not be reset");
	}
	for (i = 0; i < affected.info.count; i++)
		others += affected.devices[i].group_id != group;

	if (!others) {
		ASSERT_EQ(ioctl(device->fd, VFIO_DEVICE_PCI_HOT_RESET, &request), 0) {
			TH_LOG("of %u functions: %s", affected.info.count,
			       strerror(errno));
		}
		expect_fresh(_metadata, &self->entropy);
		return;
	}
	ASSERT_EQ(ioctl(device->fd, VFIO_DEVICE_PCI_HOT_RESET, &request), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_ADDRESS, 4), address);
	use(_metadata, &self->entropy);
}

/* The host may reset at any time. The guest must not lose its registers then */
TEST_F(reset, keeps_bar0_and_io_decode)
{
	struct vfio_device *device = self->device;
	enum kind kind;

	for (kind = 0; kind < KINDS; kind++) {
		if (kind == BY_CONFIG_SPACE && !has_function_level_reset(device))
			continue;
		vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, IO_ADDRESS);
		vfio_command(device, PCI_COMMAND_IO, 0);
		reset_function(_metadata, device, kind);
		EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
			  (IO_ADDRESS | PCI_BASE_ADDRESS_SPACE_IO)) {
			TH_LOG("after %s", kind_names[kind]);
		}
		EXPECT_NE(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0) {
			TH_LOG("after %s", kind_names[kind]);
		}
		EXPECT_EQ(legacy_status(device), 0) {
			TH_LOG("after %s", kind_names[kind]);
		}

		/* A cleared bit stays clear, too */
		vfio_command(device, 0, PCI_COMMAND_IO);
		reset_function(_metadata, device, kind);
		EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0) {
			TH_LOG("after %s", kind_names[kind]);
		}
		EXPECT_EQ(legacy_status(device), 0xff) {
			TH_LOG("after %s", kind_names[kind]);
		}
	}
	vfio_command(device, PCI_COMMAND_IO, 0);
}

/* A chain offered before the reset must not be used after it */
TEST_F(reset, forgets_the_queue)
{
	const struct legacy_buffer buffer = {
		.iova = iova_of(&self->entropy.area, self->entropy.buffer),
		.size = ENTROPY_BYTES,
		.device_writes = true,
	};
	unsigned int i;

	legacy_queue_add(&self->entropy.queue, &buffer, 1);
	ASSERT_EQ(vfio_reset(self->device), 0);
	/*
	 * Before this the device may have used it, even without a notify: QEMU looks at the
	 * queues by itself at DRIVER_OK.
	 */
	self->entropy.queue.last_used = self->entropy.queue.ring.used->idx;
	memset(self->entropy.buffer, 0x5a, ENTROPY_BYTES);
	vfio_command(self->device, PCI_COMMAND_MASTER, 0);
	legacy_queue_kick(&self->entropy.queue);
	EXPECT_FALSE(legacy_queue_wait(&self->entropy.queue, 300, NULL));
	for (i = 0; i < ENTROPY_BYTES; i++)
		ASSERT_EQ(self->entropy.buffer[i], 0x5a);
}

/* --- With accesses in flight ------------------------------------------------- */

/* The device's own counters. All zero without a monitor */
struct counters {
	bool known;
	uint64_t reads, writes, strays, offline;
};

static struct counters count(const char *bdf)
{
	struct counters counters = {};
	struct qmp qmp;

	counters.known = qmp_open(&qmp, bdf);
	if (!counters.known)
		return counters;
	counters.reads = qmp_counter(&qmp, "mmr-reads");
	counters.writes = qmp_counter(&qmp, "mmr-writes");
	counters.strays = qmp_counter(&qmp, "mmr-strays");
	/* Accesses to the function while it is in D3 or being reset */
	counters.offline = qmp_counter(&qmp, "mmr-offline");
	qmp_close(&qmp);
	return counters;
}

/*
 * Reads a register with a known value, writes another one, and reads again. It does so in the
 * background, and counts the answers.
 */
struct prober {
	struct watch watch;
	/* Odd while the function may be out of reach */
	unsigned int epoch;
	/* All ones although the function was in reach */
	unsigned int unfounded;
	/* Writes that certainly arrived, and writes that may have arrived */
	unsigned int arrived, uncertain;
	struct background *thread;
	struct counters before;
};

static int probe_read(struct prober *prober, bool *good)
{
	unsigned int before = prober->watch.good;
	int ret = watch_read(&prober->watch);

	*good = prober->watch.good != before;
	return ret;
}

static int probe(void *data)
{
	struct prober *prober = data;
	unsigned int epoch = __atomic_load_n(&prober->epoch, __ATOMIC_SEQ_CST);
	const uint16_t queue = 0;
	bool before, after, same;
	int ret;

	ret = probe_read(prober, &before);
	if (ret)
		return ret;
	ret = vfio_error(vfio_write(prober->watch.device, 0, VIRTIO_MMR_QUEUE_SELECT,
				    &queue, 2), 2);
	if (ret)
		return ret;
	ret = probe_read(prober, &after);
	if (ret)
		return ret;

	same = __atomic_load_n(&prober->epoch, __ATOMIC_SEQ_CST) == epoch;
	if (same && !(epoch & 1)) {
		prober->arrived++;
		prober->unfounded += !before + !after;
	} else if (!same || before || after) {
		prober->uncertain++;
	}
	/* Else the function was out of reach from the first read to the second one */
	return 0;
}

static void probe_start(struct prober *prober)
{
	prober->epoch = 0;
	prober->before = count(prober->watch.device->bdf);
	prober->thread = background_start(probe, prober);
}

static void probe_epoch(struct prober *prober)
{
	__atomic_add_fetch(&prober->epoch, 1, __ATOMIC_SEQ_CST);
}

static void probe_stop(struct __test_metadata *_metadata, struct prober *prober)
{
	struct counters after;
	uint64_t writes;

	EXPECT_EQ(background_stop(prober->thread), 0);
	TH_LOG("%u answers of the device, %u of all ones", prober->watch.good, prober->watch.ones);
	EXPECT_EQ(prober->watch.wrong, 0);
	EXPECT_EQ(prober->unfounded, 0);
	EXPECT_GT(prober->watch.good, ROUNDS);
	after = count(prober->watch.device->bdf);
	if (!after.known)
		return;

	/* The device saw exactly the accesses that it answered */
	EXPECT_EQ(after.reads - prober->before.reads, prober->watch.good);
	writes = after.writes - prober->before.writes;
	EXPECT_GE(writes, prober->arrived);
	EXPECT_LE(writes, prober->arrived + prober->uncertain);
	EXPECT_EQ(after.strays, prober->before.strays);
	EXPECT_EQ(after.offline, prober->before.offline);
}

static struct prober rng_prober(struct entropy *entropy)
{
	return (struct prober) {
		.watch.device = entropy->device,
		.watch.offset = VIRTIO_MMR_QUEUE_SIZE,
		.watch.width = 2,
		.watch.value = entropy->queue.ring.num,
	};
}

TEST_F(reset, with_accesses_in_flight)
{
	bool has_flr = has_function_level_reset(self->device);
	static struct prober prober;
	unsigned int i;

	prober = rng_prober(&self->entropy);
	probe_start(&prober);
	for (i = 0; i < ROUNDS; i++) {
		probe_epoch(&prober);
		reset_function(_metadata, self->device,
			       i & 1 && has_flr ? BY_CONFIG_SPACE : BY_IOCTL);
		probe_epoch(&prober);
		usleep(20000);
	}
	probe_stop(_metadata, &prober);
	expect_fresh(_metadata, &self->entropy);
}

/* Number of lines that the kernel has logged, after at most this many milliseconds */
static unsigned int wait_for_log(struct dmesg *log, const char *words,
				 unsigned int milliseconds)
{
	unsigned int count = 0, waited;

	for (waited = 0; !count && waited < milliseconds; waited += 10) {
		usleep(10000);
		count = dmesg_count(log, words, NULL);
	}
	return count;
}

/*
 * The kernel resets a link that has failed, and everything below it. It restores nothing.
 * Recovery succeeds if all drivers below the link take part in it, as for PFs with this driver.
 * The PFs of VFs have virtio-pci, which takes no part. The user gets a signal. In both cases a
 * function that is back works for the same user after a reset, and for the next user.
 */
TEST_F(reset, by_link_error)
{
	struct vfio_device *device = self->device;
	struct pollfd told = { .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };
	unsigned int layout = legacy_config(device), round;
	const char *bdf = self->session.bdf;
	char pf[SYSFS_BDF_SIZE];
	uint8_t config[SYSFS_CONFIG_SIZE];
	bool is_vf;

	if (!count(bdf).known)
		SKIP(return, "no monitor that could make a link fail");
	is_vf = sysfs_physical_function(bdf, pf);
	if (is_vf)
		sysfs_config(pf, config);
	ASSERT_GE(told.fd, 0);
	use(_metadata, &self->entropy);

	for (round = 0; round < 2; round++) {
		uint64_t value;

		dmesg_mark(&self->session.log);
		ASSERT_EQ(vfio_set_irqs(device, VFIO_PCI_ERR_IRQ_INDEX, 1, &told.fd), 0);
		ASSERT_TRUE(qmp_break_link(bdf));
		EXPECT_EQ(poll(&told, 1, LEGACY_TIMEOUT), 1);
		EXPECT_EQ(read(told.fd, &value, sizeof(value)), sizeof(value));
		ASSERT_EQ(wait_for_log(&self->session.log, is_vf ? "device recovery failed" :
				       "device recovery successful", LEGACY_TIMEOUT), 1);
		if (is_vf)
			link_restore_pf(pf, config);

		if (round == 0) {
			/* This brings back a PF's BARs. The reset brings back MSI-X */
			vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
			ASSERT_EQ(vfio_reset(device), 0);
			vfio_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
				     PCI_COMMAND_MASTER, 0);
			EXPECT_EQ(legacy_config(device), layout);
			expect_fresh(_metadata, &self->entropy);
		} else {
			session_detach(&self->session);
			iova_unmap(&self->entropy.area);
			session_attach(&self->session);
			entropy_start(&self->entropy, device, IOVA_BASE);
			EXPECT_EQ(legacy_config(device), layout);
			use(_metadata, &self->entropy);
		}
	}
	close(told.fd);
}

TEST_F(reset, d3hot)
{
	struct vfio_device *device = self->device;
	struct counters before, after;

	if (!vfio_capability(device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	use(_metadata, &self->entropy);

	intx_set_power(device, INTX_D3HOT);
	EXPECT_EQ(intx_power_state(device), INTX_D3HOT);
	before = count(device->bdf);
	EXPECT_EQ(legacy_status(device), 0xff);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_DEVICE_FEATURES, 4), 0xffffffff);
	EXPECT_EQ(legacy_read(device, VIRTIO_MMR_QUEUE_SIZE, 2), 0xffff);
	legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1, 0);
	legacy_write(device, VIRTIO_MMR_QUEUE_NOTIFY, 2, 0);
	after = count(device->bdf);
	EXPECT_EQ(after.reads, before.reads);
	EXPECT_EQ(after.writes, before.writes);
	EXPECT_EQ(after.offline, before.offline);

	intx_set_power(device, INTX_D0);
	EXPECT_EQ(intx_power_state(device), INTX_D0);
	EXPECT_NE(legacy_status(device), 0xff);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
	EXPECT_EQ(device->vectors ? vfio_msix_wait(device, 0, LEGACY_TIMEOUT) : 1, 1);
}

TEST_F(reset, d3hot_with_accesses_in_flight)
{
	static struct prober prober;
	unsigned int i;

	if (!vfio_capability(self->device, PCI_CAP_ID_PM))
		SKIP(return, "no power management capability");
	prober = rng_prober(&self->entropy);
	probe_start(&prober);
	for (i = 0; i < ROUNDS / 2; i++) {
		probe_epoch(&prober);
		intx_set_power(self->device, INTX_D3HOT);
		intx_set_power(self->device, INTX_D0);
		probe_epoch(&prober);
		usleep(20000);
	}
	probe_stop(_metadata, &prober);
	EXPECT_GT(prober.watch.ones, 0);
	entropy_restart(&self->entropy);
	EXPECT_TRUE(entropy_works(&self->entropy));
}

TEST_F(reset, close_with_accesses_in_flight)
{
	static struct prober prober;
	unsigned int i;

	prober = rng_prober(&self->entropy);
	for (i = 0; i < ROUNDS / 4; i++) {
		prober.thread = background_start(probe, &prober);
		usleep(50000);
		session_detach(&self->session);
		iova_unmap(&self->entropy.area);
		/* The thread stops at an error of its file descriptor, not at a wrong value */
		EXPECT_EQ(background_wait(prober.thread), -EBADF);
		EXPECT_EQ(prober.watch.wrong, 0);
		EXPECT_EQ(prober.unfounded, 0);

		session_attach(&self->session);
		vfio_command(self->device, PCI_COMMAND_IO, 0);
		EXPECT_EQ(legacy_status(self->device), 0);
		entropy_start(&self->entropy, self->device, IOVA_BASE);
		ASSERT_TRUE(entropy_works(&self->entropy));
	}
	EXPECT_GT(prober.watch.good, 0);
}

/* A child keeps the device open after its parent has died while using it */
TEST_F(reset, inherited_by_a_child)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		unsigned int i;
		uint8_t value;

		for (i = 0; i < 200; i++)
			if (vfio_read(self->device, 0, VIRTIO_MMR_DEVICE_STATUS,
				      &value, 1) != 1)
				_exit(1);
		_exit(0);
	}
	ASSERT_EQ(vfio_reset(self->device), 0);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	expect_fresh(_metadata, &self->entropy);
}

/* --- Resets by the host ------------------------------------------------------ */

/*
 * Only these resets come without vfio's knowledge. The function is out of reach for the 100 ms
 * that PCIe gives it. For a part of that time its MSI-X is off, and the configuration of a net
 * device is not at the guest's place.
 */
FIXTURE(host_reset)
{
	struct session session;
	struct vfio_device *device;
};

FIXTURE_VARIANT(host_reset)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(host_reset, without_msix) { .vectors = 0 };
FIXTURE_VARIANT_ADD(host_reset, with_msix) { .vectors = 2 };

FIXTURE_SETUP(host_reset)
{
	const char *bdf = functions_find("net", 0);

	if (!bdf)
		SKIP(return, "no net function given");
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	if (!ethernet_has_mac(self->device) || !legacy_takes_any_width(self->device))
		SKIP(return, "needs a MAC address that can be read in one go");
}

FIXTURE_TEARDOWN(host_reset)
{
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(host_reset, with_accesses_in_flight)
{
	static struct prober prober;
	unsigned int i;

	prober = (struct prober){
		.watch.device = self->device,
		.watch.offset = legacy_config(self->device),
		.watch.width = 4,
	};
	/* The first bytes of the MAC address */
	prober.watch.value = legacy_read(self->device, prober.watch.offset, 4);
	ASSERT_NE(prober.watch.value, 0xffffffff);
	probe_start(&prober);
	for (i = 0; i < ROUNDS; i++) {
		probe_epoch(&prober);
		EXPECT_EQ(sysfs_reset(self->device->bdf), 0);
		probe_epoch(&prober);
		usleep(20000);
	}
	probe_stop(_metadata, &prober);
	EXPECT_GT(prober.watch.ones, 0) {
		TH_LOG("the function was never out of reach");
	}
	EXPECT_EQ(legacy_status(self->device), 0);
}

/* Users open and close meanwhile. Each gets a clean device, or must wait */
TEST(host_resets_while_opened_and_closed)
{
	const char *bdf = functions_find("rng", 0);
	unsigned int opened = 0, refused = 0;
	struct vfio_device *device;
	struct counters before;
	struct session session;
	struct entropy entropy;
	int ret, status;
	pid_t child;

	if (!bdf)
		SKIP(return, "no rng function given");
	/* vfio-pci-core saves the BARs at open and may get those of a reset */
	if (!sysfs_is_vf(bdf))
		SKIP(return, "a PF loses its BARs by this, with plain vfio-pci too");
	session_begin(&session, bdf);
	device = &session.device;
	before = count(bdf);
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		unsigned int i;

		for (i = 0; i < 2 * ROUNDS; i++) {
			if (sysfs_reset(bdf))
				_exit(1);
			usleep(i * 7919 % 60000);
		}
		_exit(0);
	}

	while (waitpid(child, &status, WNOHANG) == 0) {
		uint8_t found;

		ret = session_try_attach(&session);
		if (ret) {
			/* vfio does not wait for the reset by another task */
			EXPECT_EQ(ret, -EAGAIN);
			refused++;
			continue;
		}
		opened++;
		EXPECT_EQ(vfio_config_read(device, PCI_COMMAND, 2) & PCI_COMMAND_IO, 0);
		EXPECT_EQ(vfio_config_read(device, PCI_BASE_ADDRESS_0, 4),
			  PCI_BASE_ADDRESS_SPACE_IO);
		vfio_config_write(device, PCI_BASE_ADDRESS_0, 4, IO_ADDRESS);
		vfio_command(device, PCI_COMMAND_IO, 0);
		found = legacy_status(device);
		EXPECT_TRUE(!found || found == 0xff) {
			TH_LOG("device status %#x after open", found);
		}
		legacy_write(device, VIRTIO_MMR_DEVICE_STATUS, 1,
			     VIRTIO_CONFIG_S_ACKNOWLEDGE);
		session_detach(&session);
	}
	EXPECT_EQ(status, 0);
	TH_LOG("opened %u times, refused %u times", opened, refused);
	EXPECT_GT(opened, 0);
	/* Opening and closing do not touch it during a reset either */
	EXPECT_EQ(count(bdf).offline, before.offline);

	session_attach(&session);
	entropy_start(&entropy, device, IOVA_BASE);
	EXPECT_TRUE(entropy_works(&entropy));
	entropy_stop(&entropy);
	EXPECT_TRUE(session_close(&session));
}

FUNCTIONS_HARNESS_MAIN
