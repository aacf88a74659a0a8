# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with a disk of "capacity" sectors, more than 2^32. It is
# written at a sector beyond that, and at the sector whose number has the same lower half. For
# each of the two there is a line
#	data low|high FIRST-SECTOR SECTORS SHA256
: "${capacity:=0}"
sectors=256

seen=$(cat /sys/block/vda/size)
if [ "$seen" = "$capacity" ]; then pass capacity; else fail capacity "the disk has $seen sectors"; fi

first_sector() { # low|high
	case $1 in
	low) echo 8192 ;;
	high) echo $((4294967296 + 8192)) ;;
	esac
}

for place in low high; do
	sector=$(first_sector $place)
	head -c $((sectors * 512)) /dev/urandom >/tmp/$place
	if dd if=/tmp/$place of=/dev/vda bs=64k seek=$((sector / 128)) oflag=direct 2>/tmp/error; then
		pass write_$place
		echo "data $place $sector $sectors $(sha256sum </tmp/$place | cut -d ' ' -f 1)"
	else
		fail write_$place "$(tr '\n' ' ' </tmp/error)"
	fi
done
for place in low high; do
	sector=$(first_sector $place)
	dd if=/dev/vda of=/tmp/read bs=64k skip=$((sector / 128)) count=$((sectors / 128)) iflag=direct 2>/tmp/error
	if cmp /tmp/$place /tmp/read 2>>/tmp/error; then
		pass read_$place
	else
		fail read_$place "$(tr '\n' ' ' </tmp/error)"
	fi
done
finish
