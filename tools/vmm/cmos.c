// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock of a PC, as far as guests read it: date and time. Writes go nowhere. */
#include "cmos.h"

static uint8_t bcd(int value)
{
	return value / 10 % 10 << 4 | value % 10;
}

/**
 * cmos_read - the guest reads a register
 * @index: of the register, with the bit that masks NMIs
 * @now: the time that the clock shows, in UTC
 *
 * Return: its value, 0 for memory that a firmware would use.
 */
uint8_t cmos_read(uint8_t index, time_t now)
{
	struct tm time;

	if (!gmtime_r(&now, &time))
		return 0;
	switch (index & 0x7f) {
	case 0x00:
		return bcd(time.tm_sec);
	case 0x02:
		return bcd(time.tm_min);
	case 0x04:
		return bcd(time.tm_hour);
	case 0x06:
		return time.tm_wday + 1;
	case 0x07:
		return bcd(time.tm_mday);
	case 0x08:
		return bcd(time.tm_mon + 1);
	case 0x09:
		return bcd(time.tm_year);
	case 0x0a:
		return 0x26;	/* 32 KiHz, no update in progress */
	case 0x0b:
		return 0x02;	/* 24 hours, BCD */
	case 0x0d:
		return 0x80;	/* the battery is good */
	case 0x32:
		return bcd(19 + time.tm_year / 100);
	}
	return 0;
}
