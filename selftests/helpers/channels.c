// SPDX-License-Identifier: GPL-2.0-only
/*
 * What "ethtool -L INTERFACE combined COUNT" does, in a guest of the tests, which has no ethtool:
 *	channels INTERFACE [COUNT]
 * Without COUNT it prints how many there are, and how many there can be. The program is static.
 */
#include <err.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		err(1, "socket");
	if (argc < 2 || argc > 3 || strlen(argv[1]) >= sizeof(request.ifr_name))
		errx(1, "usage: channels INTERFACE [COUNT]");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", argv[1]);
	request.ifr_data = (void *)&channels;
	if (ioctl(fd, SIOCETHTOOL, &request))
		err(1, "%s: ETHTOOL_GCHANNELS", argv[1]);
	if (argc == 2) {
		printf("%u of %u\n", channels.combined_count, channels.max_combined);
		return 0;
	}
	channels.cmd = ETHTOOL_SCHANNELS;
	channels.combined_count = atoi(argv[2]);
	if (ioctl(fd, SIOCETHTOOL, &request))
		err(1, "%s: ETHTOOL_SCHANNELS", argv[1]);
	return 0;
}
