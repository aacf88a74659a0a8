# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Common functions of the scripts for guests. guest_run in lib/guest.sh puts them in front of
# the script, after lines NAME=VALUE that say what the host expects. Each check prints a line, "pass NAME" or "fail NAME: REASON", which becomes a test
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
	# A thread prints in newer kernels, and mmrvmm ends as soon as it has the guest's status.
	# Without a console the kernel has printed everything
	echo N >/sys/class/tty/ttyS0/console
	exit $status
}

check_machine() { # EXPECTED
	machine=$(uname -m)
	if [ "$machine" = "$1" ]; then
		pass machine
	else
		fail machine "the kernel runs on $machine"
	fi
}

# VIRTIO_F_VERSION_1 is bit 32: a modern driver must have it, a legacy one cannot
version_1() { # VIRTIO-DEVICE
	cut -c 33 "$1/features"
}

# Of configuration space, as one number
config() { # PCI-DEVICE OFFSET BYTES
	value=0 shift=0
	for byte in $(od -An -tu1 -v -j "$2" -N "$3" "$1/config"); do
		value=$((value | byte << shift))
		shift=$((shift + 8))
	done
	echo $value
}

# Interrupts that arrived as MSI-X for a virtio device, on all CPUs
msix_count() { # VIRTIO-DEVICE
	awk -v "device=$(basename "$1")-" '
		/MSI/ && index($0, device) { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i }
		END { print sum + 0 }' /proc/interrupts
}

# How interrupts arrive: msix, or as INTx through the ioapic or the pic (8259)
: "${interrupts:=msix}"

# Interrupts on the line of a virtio device, which other devices may share. Legacy and modern
# drivers of Linux name the line after the virtio device
intx_count() { # VIRTIO-DEVICE
	case $interrupts in
	pic) controller=XT-PIC ;;
	*) controller=IO-APIC ;;
	esac
	tr -d , </proc/interrupts | awk -v "device=$(basename "$1")" -v "controller=$controller" '
		index($0, controller) {
			for (i = 3; i <= NF; i++)
				if ($i == device)
					for (cpu = 2; $cpu ~ /^[0-9]+$/; cpu++) sum += $cpu
		}
		END { print sum + 0 }'
}

# Interrupts arrive in the expected way, and in no other: prints why not
interrupts_wrong() { # VIRTIO-DEVICE
	line=$(grep -w "$(basename "$1")" /proc/interrupts | tr '\n' ' ')
	if [ "$interrupts" = msix ]; then
		[ "$(msix_count "$1")" -gt 0 ] || echo "no MSI-X interrupt of $(basename "$1")"
	elif [ "$(msix_count "$1")" != 0 ] || [ -n "$(ls "$1/../msi_irqs" 2>/dev/null)" ]; then
		echo "$(basename "$1") uses MSI-X: $line"
	elif [ "$(intx_count "$1")" = 0 ]; then
		echo "no INTx interrupt of $(basename "$1"): $line"
	fi
}

# What is wrong with a function in use, in words
function_wrong() { # VIRTIO-DEVICE VALUE-OF-FEATURE-BIT-32
	[ -e "$1" ] || echo "no driver has it"
	[ "$(version_1 "$1")" = "$2" ] || echo "its feature bit 32 is not $2"
	interrupts_wrong "$1"
}

# All networks have the same addresses, so only one is up at a time
ping_gateway() { # VIRTIO-DEVICE; prints what ping says
	interface=$(ls "$1/net")
	ip link set "$interface" up
	ip address add 10.0.2.15/24 dev "$interface"
	ping -c 3 -W 5 10.0.2.2 2>&1
}

# Some traffic in between. The interface is down afterwards, for others
use_net_and_blk() { # PREFIX
	virtio=$(readlink -f /sys/class/net/eth0/device)
	answer=$(ping_gateway "$virtio") || true
	wrong=$(interrupts_wrong "$virtio")
	if [ -z "$wrong" ] && [ "${answer#*, 0% packet loss}" != "$answer" ]; then
		pass "$1_net"
	else
		fail "$1_net" "$wrong $(echo "$answer" | tr '\n' ' ')"
	fi
	ip address flush dev eth0
	ip link set eth0 down

	head -c 262144 /dev/urandom >/tmp/data
	dd if=/tmp/data of=/dev/vda bs=4k seek=4096 oflag=direct 2>/dev/null
	wrong=$(interrupts_wrong "$(readlink -f /sys/block/vda/device)")
	if dd if=/dev/vda bs=4k count=64 skip=4096 iflag=direct 2>/dev/null | cmp - /tmp/data &&
		[ -z "$wrong" ]; then
		pass "$1_blk"
	else
		fail "$1_blk" "$wrong"
	fi
}
