# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh and before the script: check driver. Feature bit 32 of
# all functions shows whether their drivers are legacy or modern ones.
: "${bit_32:=0}"
trouble='no function has a driver'
for virtio in /sys/bus/virtio/drivers/*/virtio*; do
	case $(version_1 "$virtio") in
	"$bit_32") trouble='' ;;
	*)
		trouble="feature bit 32 of $virtio is not $bit_32"
		break
		;;
	esac
done
if [ -z "$trouble" ]; then pass driver; else fail driver "$trouble"; fi
