// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device is good when the driver is bound, and has other capabilities when it is opened.
 * With these, vfio-pci-core would write past the end of its copy of configuration space. The
 * open is refused. It works again when the device is good again.
 */
#include "kselftest_harness.h"

#include "lib/dmesg.h"
#include "lib/functions.h"
#include "lib/module.h"
#include "lib/qmp.h"
#include "lib/session.h"

/* Message of vfio-pci-core for each byte that two capabilities use */
#define CONFLICT	"PCI config conflict"

FIXTURE(changing)
{
	const char *bdf;
	struct session session;
	uint8_t config[SYSFS_CONFIG_SIZE];
};

/* Changes two places each: the link in the last header, and the capability that it points to */
FIXTURE_VARIANT(changing)
{
	uint8_t id;
	/* The last 16 bits of the dword after the header */
	uint16_t length;
	unsigned int at;
};

FIXTURE_VARIANT_ADD(changing, vsec) { .id = 0x0b, .length = 0xfff0, .at = 0xe00 };
FIXTURE_VARIANT_ADD(changing, dvsec) { .id = 0x23, .length = 0xfff0, .at = 0xe00 };
/* 2048 vectors of a table in the capability, bits 10:9 of the dword being 1 */
FIXTURE_VARIANT_ADD(changing, tph) { .id = 0x17, .length = 0x07ff, .at = 0xe00 };
FIXTURE_VARIANT_ADD(changing, aer) { .id = 0x01, .at = 0xff0 };

FIXTURE_SETUP(changing)
{
	self->bdf = functions_find(NULL, 0);
	ASSERT_NE(self->bdf, NULL);
	sysfs_config(self->bdf, self->config);
	if (!qmp_set(self->bdf, "mmr-config", ""))
		SKIP(return, "needs QEMU's mmr-config (tools/vm/run)");
	session_begin(&self->session, self->bdf);
}

FIXTURE_TEARDOWN(changing)
{
	EXPECT_TRUE(session_close(&self->session));
}

/* Position of the last extended capability, which has no next one */
static unsigned int last_header(const uint8_t *config)
{
	unsigned int at = 0x100, next;

	while ((next = (config[at + 2] >> 4 | config[at + 3] << 4) & 0xffc))
		at = next;
	return at;
}

static void set_byte(char *text, size_t size, unsigned int at, uint8_t value)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s0x%x=0x%x", used ? "+" : "", at, value);
}

static bool change(struct _test_data_changing *self,
		   const struct _fixture_variant_changing *variant, bool bad)
{
	const uint8_t capability[8] = {
		variant->id, 0, 1, 0, 0, 2, variant->length, variant->length >> 8,
	};
	const uint8_t *config = self->config;
	unsigned int last = last_header(config), i;
	uint8_t link[2] = { config[last + 2], config[last + 3] };
	char text[512] = "";

	if (bad) {
		link[0] = (link[0] & 0xf) | (variant->at & 0xf) << 4;
		link[1] = variant->at >> 4;
	}
	set_byte(text, sizeof(text), last + 2, link[0]);
	set_byte(text, sizeof(text), last + 3, link[1]);
	for (i = 0; i < sizeof(capability); i++)
		set_byte(text, sizeof(text), variant->at + i,
			 bad ? capability[i] : config[variant->at + i]);
	return qmp_set(self->bdf, "mmr-config", text);
}

TEST_F(changing, is_refused_while_it_overruns)
{
	session_attach(&self->session);
	session_detach(&self->session);

	ASSERT_TRUE(change(self, variant, true));
	EXPECT_EQ(session_try_attach(&self->session), -EIO);
	EXPECT_EQ(session_try_attach(&self->session), -EIO);
	EXPECT_EQ(dmesg_count(&self->session.log, self->bdf, CONFLICT), 0);
	ASSERT_TRUE(change(self, variant, false));
	session_attach(&self->session);
	EXPECT_NE(vfio_config_read(&self->session.device, PCI_VENDOR_ID, 2), 0xffff);
	session_detach(&self->session);
}

/* Configuration space says nothing during a reset by the host, so nobody is to blame for it */
TEST_F(changing, is_not_judged_during_a_reset)
{
	char parameters[64];

	snprintf(parameters, sizeof(parameters), "function=%s", self->bdf);
	MODULE_LOAD("hold_config", parameters);
	EXPECT_TRUE(change(self, variant, true));
	EXPECT_EQ(session_try_attach(&self->session), -EAGAIN);
	EXPECT_EQ(dmesg_count(&self->session.log, self->bdf, "unusable"), 0);
	EXPECT_TRUE(change(self, variant, false));
	module_unload("hold_config");
	session_attach(&self->session);
	session_detach(&self->session);
}

/* The window, doorbells and ioeventfds were checked against the old place of the table */
TEST(msix_table_moves)
{
	const char *bdf = functions_find(NULL, 0);
	uint8_t config[SYSFS_CONFIG_SIZE];
	struct session session;
	char text[64] = "";
	unsigned int at;

	ASSERT_NE(bdf, NULL);
	sysfs_config(bdf, config);
	for (at = config[PCI_CAPABILITY_LIST]; at && config[at] != PCI_CAP_ID_MSIX;)
		at = config[at + PCI_CAP_LIST_NEXT];
	ASSERT_NE(at, 0);
	if (!qmp_set(bdf, "mmr-config", ""))
		SKIP(return, "needs QEMU's mmr-config (tools/vm/run)");

	session_begin(&session, bdf);
	/* Moves the table by 256 bytes */
	set_byte(text, sizeof(text), at + PCI_MSIX_TABLE + 1, config[at + PCI_MSIX_TABLE + 1] ^ 1);
	ASSERT_TRUE(qmp_set(bdf, "mmr-config", text));
	EXPECT_EQ(session_try_attach(&session), -EIO);
	text[0] = '\0';
	set_byte(text, sizeof(text), at + PCI_MSIX_TABLE + 1, config[at + PCI_MSIX_TABLE + 1]);
	ASSERT_TRUE(qmp_set(bdf, "mmr-config", text));
	session_attach(&session);
	EXPECT_TRUE(session_close(&session));
}

FUNCTIONS_HARNESS_MAIN
