#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Linux' own way for legacy guests: virtio_vfio_pci, on VFs of a PF with an administration
# virtqueue. The guest and its checks are those of our driver, which has a VF of its own in the
# same machine. Runs in L1; selftests/vmtest.sh peer starts it there, after
#	selftests/peer_guest_test.sh --prepare SERIES
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

devices() {
	printf -- '--vf\nnet:2,mmr=off,legacy-admin=on\n--pf\nadmin-vq=on,iommu_platform=on\n--vf\nnet\n'
}

# On the host
prepare() { # SERIES...
	local series status
	for series; do
		status=0
		"$here/../tools/archive/virtio-vfio-pci" "$series" >/dev/null || status=$?
		# 3: the kernel is too old for it
		[[ $status == 0 || $status == 3 ]] || exit "$status"
	done
}

case ${1-} in
--devices)
	devices
	exit
	;;
--prepare)
	shift
	prepare "$@"
	exit
	;;
esac

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
linux_begin
mapfile -t bdfs < <(cut -d ' ' -f 1 <<<"$linux_created")
[[ ${#bdfs[@]} == 3 ]] || skip_all "needs the functions of $0 --devices"

# The part of virtio_pci that a module cannot bring
if ! grep -qw virtio_pci_admin_has_legacy_io /proc/kallsyms; then
	ktap_print_header
	ktap_set_plan 1
	ktap_test_skip "peer: Linux $(uname -r) is older than virtio_vfio_pci"
	echo '# skips expected: 1'
	exit
fi

pf='pf-net0'
net_checks=(net_{identity,lspci,driver,legacy,ping,transfer,msix})
# What virtio_vfio_pci and our driver have, in the form of helpers/limits.c: NAME ITS OURS. "-"
# is any error, as it is the device's or the driver's
limits=(
	'bar0_bytes 32 256'
	'intx 0 1'
	'interrupt_pin 0 1'
	'ioeventfd - 0'
	'notify_by_1_byte - 1'
	'notify_by_2_bytes 2 2'
	'status_and_isr 2 2'
	'isr_and_configuration - 2'
	'link_status 2 2'
	'configuration_after_12_bytes - 2'
)

counter() { # NAME
	"$tools/qmp" get "$pf" "admin-$1"
}

# All registers of the guest's functions come through the queue, and the PF understands each
by_commands() { # COMMANDS-BEFORE REFUSALS-BEFORE
	local commands refusals
	commands=$(($(counter commands) - $1)) refusals=$(($(counter refusals) - $2))
	echo "# $commands commands, $refusals of them refused"
	# A driver of Linux reads and writes more registers than these, to start
	[[ $commands -gt 20 && $refusals == 0 ]]
}

no_commands() { # COMMANDS-BEFORE
	[[ $(counter commands) == "$1" ]]
}

is_bound() { # DRIVER BDF...
	local driver=$1 bdf
	shift
	for bdf; do
		[[ $(basename "$(readlink -f "/sys/bus/pci/devices/$bdf/driver")") == "$driver" ]] || return
	done
}

limit_is() { # NAME VALUE OUTPUT
	local value
	value=$(sed -n "s/^$1 //p" <<<"$3")
	[[ $value == "$2" || ($2 == - && $value == -*) ]] || {
		echo "# $1 is '$value', not '$2'"
		return 1
	}
}

limits() { # BDF-OF-ITS BDF-OF-OURS
	local its ours line name its_is ours_is
	its=$("$build/limits" "$1") || its=''
	ours=$("$build/limits" "$2") || ours=''
	for line in "${limits[@]}"; do
		read -r name its_is ours_is <<<"$line"
		ktap_test_result "limits.peer.$name" limit_is "$name" "$its_is" "$its"
		ktap_test_result "limits.ours.$name" limit_is "$name" "$ours_is" "$ours"
	done
}

# The guest of guest_test.sh, with a net function alone
one_guest() { # NAME BDF
	local name=$1 check
	guest_variables=("driver=legacy" "without='blk scsi rng console balloon 9p'")
	log_mark
	guest_run "$name" linux.sh "$2"
	for check in "${net_checks[@]}"; do
		ktap_test_result "$name.$check" guest_passed "$check"
	done
	ktap_test_result "$name.exit_status" test "$guest_status" = 0
	ktap_test_result "$name.guest_kernel_log" guest_log_clean
	ktap_test_result "$name.kernel_log" log_clean
}

# Functions of both drivers in one guest
all_in_one() { # legacy|modern
	log_mark
	mixed_guest "all-$1" "all.$1" "$1" "${bdfs[@]}" -- "${!bdfs[@]}"
	ktap_test_result "all.$1.kernel_log" log_clean
}

ktap_print_header
ktap_set_plan $((2 * (${#net_checks[@]} + 3) + 2 * ($(mixed_points ${#bdfs[@]}) + 1) + 2 * ${#limits[@]} + 5))
log_mark
"$tools/vfs" peer "${bdfs[@]:0:2}"
"$tools/vfs" bind "${bdfs[2]}"
ktap_test_result bound is_bound virtio_vfio_pci "${bdfs[@]:0:2}"
ktap_test_result bind.kernel_log log_clean

limits "${bdfs[0]}" "${bdfs[2]}"

before=("$(counter commands)" "$(counter refusals)")
one_guest peer "${bdfs[0]}"
ktap_test_result peer.by_commands by_commands "${before[@]}"

before=("$(counter commands)")
one_guest ours "${bdfs[2]}"
ktap_test_result ours.no_commands no_commands "${before[@]}"

before=("$(counter commands)" "$(counter refusals)")
all_in_one legacy
all_in_one modern
ktap_test_result all.by_commands by_commands "${before[@]}"
ktap_finished
