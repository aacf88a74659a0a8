# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Common functions of the scripts for guests. guest_run in lib/guest.sh puts them in front of
# the script. Each check prints a line, "pass NAME" or "fail NAME: REASON", which becomes a test
# point.
status=0
pass() { echo "pass $1"; }
fail() {
	check=$1
	shift
	echo "fail $check: $*"
	status=1
}

# Shows the host that the console has printed everything, warnings as well
finish() {
	echo '<4>selftests: end of the guest' >/dev/kmsg
	exit $status
}

# VIRTIO_F_VERSION_1 is bit 32: a modern driver must have it, a legacy one cannot
version_1() { # VIRTIO-DEVICE
	cut -c 33 "$1/features"
}

# Interrupts that arrived as MSI-X for a virtio device
msix_count() { # VIRTIO-DEVICE
	awk -v "device=$(basename "$1")-" \
		'/MSI/ && index($0, device) { sum += $2 } END { print sum + 0 }' /proc/interrupts
}

# All networks have the same addresses, so only one is up at a time
ping_gateway() { # VIRTIO-DEVICE; prints what ping says
	interface=$(ls "$1/net")
	ip link set "$interface" up
	ip address add 10.0.2.15/24 dev "$interface"
	ping -c 3 -W 5 10.0.2.2 2>&1
}
