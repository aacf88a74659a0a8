// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio net driven through BAR0: ARP with the gateway of QEMU's user network.
 * VIRTIO_MMR_GATEWAY names another gateway. VIRTIO_MMR_ADDRESS is the address to ask from.
 */
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <stdlib.h>

#include "kselftest_harness.h"

#include "lib/ethernet.h"
#include "lib/functions.h"
#include "lib/session.h"

struct arp_frame {
	struct ether_header ethernet;
	struct ether_arp arp;
} __attribute__((packed));

FIXTURE(net)
{
	struct session session;
	struct vfio_device *device;
	struct ethernet ethernet;
};

FIXTURE_VARIANT(net)
{
	unsigned int vectors;
};

FIXTURE_VARIANT_ADD(net, polled) { .vectors = 0 };
FIXTURE_VARIANT_ADD(net, msix) { .vectors = 3 };

FIXTURE_SETUP(net)
{
	const char *bdf = functions_find("net", 0);

	if (!bdf)
		SKIP(return, "no net function given");
	self->device = SESSION_OPEN_VECTORS(&self->session, bdf, variant->vectors);
	vfio_command(self->device, PCI_COMMAND_IO, 0);
	if (!ethernet_has_mac(self->device))
		SKIP(return, "the function has no MAC address, or none in its window");
	ethernet_start(&self->ethernet, self->device, IOVA_BASE);
}

FIXTURE_TEARDOWN(net)
{
	ethernet_stop(&self->ethernet);
	EXPECT_TRUE(session_close(&self->session));
}

static in_addr_t address(const char *variable, const char *otherwise)
{
	const char *text = getenv(variable);

	return inet_addr(text ? text : otherwise);
}

static void make_request(struct arp_frame *frame, const uint8_t mac[6])
{
	in_addr_t gateway = address("VIRTIO_MMR_GATEWAY", "10.0.2.2");
	in_addr_t own = address("VIRTIO_MMR_ADDRESS", "10.0.2.15");

	memset(frame, 0, sizeof(*frame));
	memset(frame->ethernet.ether_dhost, 0xff, 6);
	memcpy(frame->ethernet.ether_shost, mac, 6);
	frame->ethernet.ether_type = htons(ETHERTYPE_ARP);
	frame->arp.arp_hrd = htons(ARPHRD_ETHER);
	frame->arp.arp_pro = htons(ETHERTYPE_IP);
	frame->arp.arp_hln = 6;
	frame->arp.arp_pln = 4;
	frame->arp.arp_op = htons(ARPOP_REQUEST);
	memcpy(frame->arp.arp_sha, mac, 6);
	memcpy(frame->arp.arp_spa, &own, 4);
	memcpy(frame->arp.arp_tpa, &gateway, 4);
}

static bool is_reply(const struct arp_frame *reply, size_t size,
		     const struct arp_frame *request)
{
	return size >= sizeof(*reply) &&
	       reply->ethernet.ether_type == htons(ETHERTYPE_ARP) &&
	       reply->arp.arp_op == htons(ARPOP_REPLY) &&
	       !memcmp(reply->ethernet.ether_dhost, request->arp.arp_sha, 6) &&
	       !memcmp(reply->arp.arp_spa, request->arp.arp_tpa, 4) &&
	       !memcmp(reply->arp.arp_tpa, request->arp.arp_spa, 4) &&
	       !memcmp(reply->arp.arp_tha, request->arp.arp_sha, 6);
}

/* Sends a request and looks for the reply among all other frames */
static bool ask(struct ethernet *ethernet)
{
	const struct arp_frame *frame;
	struct arp_frame request;
	unsigned int i;
	size_t size;

	make_request(&request, ethernet->mac);
	if (!ethernet_send(ethernet, &request, sizeof(request)))
		return false;
	for (i = 0; i < 16; i++) {
		frame = (const void *)ethernet_receive(ethernet, LEGACY_TIMEOUT, &size);
		if (is_reply(frame, size, &request))
			return true;
	}
	return false;
}

TEST_F(net, arp)
{
	EXPECT_TRUE(ask(&self->ethernet));
}

TEST_F(net, arp_many)
{
	unsigned int i;

	/* There are more frames than receive buffers, so the buffers are used again */
	for (i = 0; i < 5 * ETHERNET_BUFFERS; i++) {
		ASSERT_TRUE(ask(&self->ethernet)) {
			TH_LOG("request %u", i);
		}
	}
}

TEST_F(net, interrupts)
{
	struct vfio_device *device = self->device;
	uint8_t isr;

	if (!variant->vectors) {
		legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
		ASSERT_TRUE(ask(&self->ethernet));
		isr = legacy_read(device, VIRTIO_MMR_ISR_STATUS, 1);
		EXPECT_EQ(isr & 1, 1);
		return;
	}
	ASSERT_TRUE(ask(&self->ethernet));
	EXPECT_GE(vfio_msix_wait(device, 0, LEGACY_TIMEOUT), 1);
	EXPECT_GE(vfio_msix_wait(device, 1, LEGACY_TIMEOUT), 1);
	EXPECT_EQ(vfio_msix_wait(device, 2, 0), 0);
}

FUNCTIONS_HARNESS_MAIN
