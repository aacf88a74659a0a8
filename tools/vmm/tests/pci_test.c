// SPDX-License-Identifier: GPL-2.0-only
/* Configuration mechanism 1: what reaches a function, and what does not. */
#include <string.h>

#include "kselftest_harness.h"

#include "pci.h"

#define SLOT	3
#define ADDRESS	(0x80000000u | SLOT << 11)

FIXTURE(pci)
{
	struct pci pci;
	unsigned int reads, writes, position, width;
	uint8_t written[4];
};

static void read_slot(void *context, unsigned int position, uint8_t *data, unsigned int width)
{
	struct _test_data_pci *self = context;

	self->reads++;
	self->position = position;
	self->width = width;
	memset(data, 0x5a, width);
}

static void write_slot(void *context, unsigned int position, const uint8_t *data,
		       unsigned int width)
{
	struct _test_data_pci *self = context;

	self->writes++;
	self->position = position;
	self->width = width;
	memcpy(self->written, data, width);
}

FIXTURE_SETUP(pci)
{
	pci_init(&self->pci);
	self->pci.slots[SLOT] = (struct pci_slot){ read_slot, write_slot, self };
}

FIXTURE_TEARDOWN(pci) { }

static uint32_t read_port(struct pci *pci, uint16_t port, unsigned int width)
{
	uint32_t value = 0;

	pci_port_read(pci, port, (uint8_t *)&value, width);
	return value;
}

static void choose(struct pci *pci, uint32_t address)
{
	pci_port_write(pci, PCI_PORT_ADDRESS, (uint8_t *)&address, 4);
}

TEST_F(pci, ports)
{
	EXPECT_TRUE(pci_has_port(0xcf8, 4));
	/* 0xcf9 is the reset port */
	EXPECT_FALSE(pci_has_port(0xcf8, 1));
	EXPECT_FALSE(pci_has_port(0xcf8, 2));
	EXPECT_FALSE(pci_has_port(0xcf9, 1));
	EXPECT_TRUE(pci_has_port(0xcfc, 4));
	EXPECT_TRUE(pci_has_port(0xcfe, 2));
	EXPECT_TRUE(pci_has_port(0xcff, 1));
	EXPECT_FALSE(pci_has_port(0xcff, 2));
	EXPECT_FALSE(pci_has_port(0xcfe, 4));
	EXPECT_FALSE(pci_has_port(0xd00, 1));
	EXPECT_FALSE(pci_has_port(0xcfb, 1));
}

TEST_F(pci, address_reads_back)
{
	choose(&self->pci, 0x80001234);
	EXPECT_EQ(0x80001234, read_port(&self->pci, PCI_PORT_ADDRESS, 4));
}

TEST_F(pci, every_register_and_width)
{
	unsigned int position, width, at;

	for (position = 0; position < 256; position += 4) {
		for (width = 1; width <= 4; width *= 2) {
			for (at = 0; at < 4; at += width) {
				choose(&self->pci, ADDRESS | position);
				EXPECT_EQ(width == 4 ? 0x5a5a5a5a : width == 2 ? 0x5a5a : 0x5a,
					  read_port(&self->pci, PCI_PORT_DATA + at, width));
				EXPECT_EQ(position + at, self->position);
				EXPECT_EQ(width, self->width);
			}
		}
	}
}

TEST_F(pci, write)
{
	uint16_t value = 0x1234;

	choose(&self->pci, ADDRESS | 0x3c);
	pci_port_write(&self->pci, PCI_PORT_DATA + 2, (uint8_t *)&value, 2);
	EXPECT_EQ(1, self->writes);
	EXPECT_EQ(0x3e, self->position);
	EXPECT_EQ(0x34, self->written[0]);
	EXPECT_EQ(0x12, self->written[1]);
}

/* Not enabled, other buses, functions and slots, and AMD's extended registers */
TEST_F(pci, nobody_answers)
{
	static const uint32_t others[] = {
		SLOT << 11, ADDRESS | 0x10000, ADDRESS | 0xff0000, ADDRESS | 0x100, ADDRESS | 0x700,
		0x80000000 | 4 << 11, 0x80000000 | 31 << 11, ADDRESS | 0x1000000,
		ADDRESS | 0xf000000,
	};
	uint8_t data[4] = {};
	unsigned int i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		choose(&self->pci, others[i]);
		EXPECT_EQ(0xffffffff, read_port(&self->pci, PCI_PORT_DATA, 4));
		pci_port_write(&self->pci, PCI_PORT_DATA, data, 4);
	}
	EXPECT_EQ(0, self->reads);
	EXPECT_EQ(0, self->writes);
}

/* Across two registers of one dword: no bus has such a cycle. */
TEST_F(pci, unaligned)
{
	choose(&self->pci, ADDRESS);
	EXPECT_EQ(0xffff, read_port(&self->pci, PCI_PORT_DATA + 1, 2));
	EXPECT_EQ(0, self->reads);
}

TEST_F(pci, host_bridge)
{
	uint32_t ones = 0xffffffff;

	choose(&self->pci, 0x80000008);
	EXPECT_EQ(0x06000000, read_port(&self->pci, PCI_PORT_DATA, 4));
	choose(&self->pci, 0x80000010);
	pci_port_write(&self->pci, PCI_PORT_DATA, (uint8_t *)&ones, 4);
	EXPECT_EQ(0, read_port(&self->pci, PCI_PORT_DATA, 4));
}

TEST_HARNESS_MAIN
