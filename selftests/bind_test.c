// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding: only on request, repeatedly, and never away from a user.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "kselftest_harness.h"

#include "lib/functions.h"
#include "lib/session.h"

#define CYCLES		10
#define MMR_TYPES	7

FIXTURE(bind)
{
	const char *bdf;
	struct session session;
};

FIXTURE_SETUP(bind)
{
	self->bdf = functions_find(NULL, 0);
	session_begin(&self->session, self->bdf);
}

FIXTURE_TEARDOWN(bind)
{
	session_detach(&self->session);
	/* The tests after this one need it bound */
	EXPECT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	EXPECT_TRUE(session_close(&self->session));
}

TEST_F(bind, cycles)
{
	char driver[SYSFS_DRIVER_SIZE];
	unsigned int i;

	for (i = 0; i < CYCLES; i++) {
		ASSERT_EQ(sysfs_unbind(self->bdf), 0);
		sysfs_driver(self->bdf, driver);
		ASSERT_EQ(driver[0], '\0');
		ASSERT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	}
}

static bool debug(const char *command)
{
	int fd = open("/proc/dynamic_debug/control", O_WRONLY | O_CLOEXEC);
	ssize_t length = strlen(command);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, command, length) == length;
	close(fd);
	return done;
}

/* A host binds thousands of functions */
TEST_F(bind, logs_nothing)
{
	struct dmesg lines;

	ASSERT_EQ(sysfs_unbind(self->bdf), 0);
	dmesg_mark(&lines);
	ASSERT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	EXPECT_EQ(dmesg_count(&lines, self->bdf, MMR_DRIVER), 0);
	EXPECT_TRUE(dmesg_clean(&lines));
}

/* With debug messages there is one line per probe, which says where the registers are */
TEST_F(bind, identity_line)
{
	struct mmr_window window;
	struct dmesg lines;
	char place[64];

	ASSERT_TRUE(sysfs_window(self->bdf, &window));
	ASSERT_EQ(sysfs_unbind(self->bdf), 0);
	ASSERT_TRUE(debug("module " MMR_DRIVER " +p"));
	dmesg_mark(&lines);
	ASSERT_EQ(sysfs_bind(self->bdf, MMR_DRIVER), 0);
	EXPECT_EQ(dmesg_count(&lines, self->bdf, MMR_DRIVER), 1) {
		TH_LOG("want one line with '%s' and '%s'", self->bdf, MMR_DRIVER);
	}
	EXPECT_TRUE(dmesg_clean(&lines));
	EXPECT_TRUE(debug("module " MMR_DRIVER " -p"));
	snprintf(place, sizeof(place), "BAR %u", window.bar);
	EXPECT_EQ(dmesg_count(&self->session.log, self->bdf, place), 1) {
		TH_LOG("want one line with '%s' and '%s'", self->bdf, place);
	}
}

TEST_F(bind, never_automatic)
{
	char driver[SYSFS_DRIVER_SIZE];

	ASSERT_EQ(sysfs_unbind(self->bdf), 0);
	ASSERT_EQ(sysfs_override(self->bdf, NULL), 0);
	/* The result depends on other drivers, which may refuse the function. It is ignored here */
	sysfs_probe(self->bdf);
	sysfs_driver(self->bdf, driver);
	EXPECT_STRNE(driver, MMR_DRIVER);
}

/* The module's aliases are only for the override match, one per type */
TEST_F(bind, aliases)
{
	const char *module = getenv("VIRTIO_MMR_MODULE");
	char command[512], line[256];
	unsigned int count = 0;
	FILE *modinfo;

	snprintf(command, sizeof(command), "modinfo -F alias %s",
		 module ? module : MMR_DRIVER);
	modinfo = popen(command, "r");
	ASSERT_NE(modinfo, NULL);
	while (fgets(line, sizeof(line), modinfo)) {
		EXPECT_EQ(strncmp(line, "vfio_pci:v00001AF4d000010F", 26), 0) {
			TH_LOG("alias %s", line);
		}
		count++;
	}
	ASSERT_EQ(pclose(modinfo), 0) {
		TH_LOG("'%s' failed; name the module file in VIRTIO_MMR_MODULE", command);
	}
	EXPECT_EQ(count, MMR_TYPES);
}

TEST_F(bind, in_use_is_not_unloaded)
{
	if (access("/sys/module/" MMR_DRIVER "/initstate", F_OK))
		SKIP(return, "the driver is built into the kernel");
	session_attach(&self->session);
	EXPECT_EQ(syscall(SYS_delete_module, MMR_DRIVER, O_NONBLOCK), -1);
	EXPECT_EQ(errno, EAGAIN);
	session_detach(&self->session);
}

/* Unbinding waits for the user, and ends when the user has closed the function */
TEST_F(bind, unbind_waits_for_user)
{
	char driver[SYSFS_DRIVER_SIZE];
	int status;
	pid_t child;

	session_attach(&self->session);
	fflush(stdout);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		/* Otherwise this process would be the user that it waits for */
		session_detach(&self->session);
		_exit(sysfs_unbind(self->bdf) ? 1 : 0);
	}
	usleep(1000000);
	EXPECT_EQ(waitpid(child, &status, WNOHANG), 0);
	/* The user can go on meanwhile */
	EXPECT_EQ(vfio_config_read(&self->session.device, PCI_VENDOR_ID, 2), 0x1af4);

	session_detach(&self->session);
	ASSERT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	sysfs_driver(self->bdf, driver);
	EXPECT_EQ(driver[0], '\0');
}

FUNCTIONS_HARNESS_MAIN
