#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# DPDK on uio_pci_generic in a Linux guest: a driver in the guest's user space, whose interrupts
# are INTx. It has no use for them but changes of the link. Its kernel masks them by
# COMMAND.INTX_DISABLE, once STATUS says that the function interrupts.
#
# DPDK's testpmd forwards frames between two functions. The network of each function is a hub with
# its PF, whose driver is that of L1. So L1 sends frames by one PF, and they come back by the
# other one if the guest forwards them. There is no other way between the hubs.
#
# Runs in L1, with the options that --devices prints, after --prepare on the host, which fetches
# DPDK from Debian:
#	selftests/dpdk_guest_test.sh VERSION
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# VERSION|SUITE of Debian|number of its libraries
versions=(
	'22.11|bookworm|23'
	'24.11|trixie|25'
)
choose_version() { # VERSION: sets "suite", "number" and "dpdk", its folder
	local line
	for line in "${versions[@]}"; do
		[[ $line == "$1|"* ]] || continue
		IFS='|' read -r _ suite number <<<"$line"
		dpdk=${XDG_CACHE_HOME:-$HOME/.cache}/virtio-mmr/dpdk-$1
		return
	done
	echo "# no version of DPDK is '$1'" >&2
	exit 1
}

# In the folder of unpacked packages: leaves testpmd and what it loads, without folders
collect() { # NUMBER
	local libraries=usr/lib/x86_64-linux-gnu kept=$PWD/kept path file drivers loader
	loader=$(find . -path '*/x86_64-linux-gnu/ld-linux-x86-64.so.2' -print -quit)
	path=$libraries:lib/x86_64-linux-gnu
	drivers=$(echo "$libraries"/dpdk/pmds-*)
	mkdir "$kept"
	for file in usr/bin/dpdk-testpmd "$drivers"/librte_{net_virtio,mempool_ring}.so."$1"; do
		cp -L "$file" "$kept/"
		"$loader" --list --library-path "$path:$drivers" "$file" |
			sed -n 's/.* => \([^ ]*\) .*/\1/p' | xargs -I{} cp -Lu {} "$kept/"
	done
	cp -L "$loader" "$kept/"
	find . -mindepth 1 -maxdepth 1 ! -name kept -exec rm -rf {} +
	mv kept/* .
	rmdir kept
}

case ${1-} in
--devices)
	for side in 0 1; do
		printf '%s\n' --vf "net,disable-modern=on,netdev=function$side" --pf "netdev=peer$side"
		for end in function peer; do
			printf '%s\n' --qemu-arg -netdev --qemu-arg "hubport,id=$end$side,hubid=$side"
		done
	done
	exit
	;;
--prepare)
	for line in "${versions[@]}"; do
		choose_version "${line%%|*}"
		"$tools/../archive/unpack" --suites "$suite" --all "$dpdk" dpdk-dev "librte-net-virtio$number" \
			"librte-mempool-ring$number" -- "$here/dpdk_guest_test.sh" --collect "$number"
	done
	exit
	;;
--collect)
	collect "$2"
	exit
	;;
esac

choose_version "${1-}"
# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
linux_begin
mapfile -t bdfs < <(sed -n 's/ net .*//p' <<<"$linux_created")
read -r _ _ id _ < <(grep ' net ' <<<"$linux_created") || true
peers=()
for bdf in "${bdfs[@]}"; do
	for interface in "/sys/bus/pci/devices/$bdf"/physfn/virtio*/net/*; do
		peers+=("${interface##*/}")
	done
done
[[ ${#bdfs[@]} == 2 && ${#peers[@]} == 2 && ${id-} ]] ||
	skip_all "other functions than $0 --devices prints"
"$tools/vfs" bind "${bdfs[@]}"

# The link of the first function goes down and up in each. Before that, the peers send frames
# while DPDK does not yet forward, forwards, forwards no more
rounds=3 forwarding=2
frames=1455
cases=(before_0 before_1 uio_0 uio_1 starts forwards stops)
for ((round = 1; round <= rounds; round++)); do
	cases+=("link_down_$round" "link_up_$round")
done
cases+=(quits status between_both counted mac_0 mac_1 interrupts returned_0 returned_1 after_0 after_1)
# Of what the peers sent
exchanges=(idle forwarded notified polled stopped)

counter() { # NAME [FUNCTION]
	driver_counter "${bdfs[${2-0}]}" "intx_$1"
}

# --- The peers ----------------------------------------------------------------------

# Both are gateways for Linux in the guest. Without addresses they send nothing by themselves
give_addresses() {
	local side
	for side in 0 1; do
		ip address add "10.8.$side.1/24" dev "${peers[side]}"
	done
}

take_addresses() {
	local peer
	for peer in "${peers[@]}"; do
		ip address flush dev "$peer"
	done
}

exchange() { # COUNT SECONDS ARRIVED: what helpers/frames.c prints
	local arrived
	arrived=$("$build/frames" "${peers[@]}" "$1" $(($2 * VIRTIO_MMR_TIMEOUT_SCALE))) || return
	echo "# $1 frames from each peer; arrived at the second, at the first, wrong: $arrived"
	[[ $arrived == "$3" ]]
}

judge() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then echo "$name" >>"$verdicts"; fi
}

notifications() { # lines NOTIFICATIONS FAULTY-ONES
	local bdf
	for bdf in "${bdfs[@]}"; do
		timeout $((60 * VIRTIO_MMR_TIMEOUT_SCALE)) "$build/device_counters" "$bdf" mmr-notifies mmr-strays
	done
}

# Each function was notified by its legacy registers, as it expects
were_notified() { # BEFORE
	local before before_strays now strays
	while read -r before before_strays now strays; do
		echo "# $((now - before)) notifications, $((strays - before_strays)) of them faulty"
		[[ $now -gt $before && $strays == "$before_strays" ]] || return
	done < <(paste -d ' ' <(echo "$1") <(notifications))
}

signals_of_both() {
	echo "$(counter signals 0) $(counter interrupts 0) $(counter signals 1) $(counter interrupts 1)"
}

# No queue interrupted, though its buffers were used
had_no_signals() { # BEFORE
	local now
	now=$(signals_of_both)
	echo "# signals and interrupts of both functions: before $1, after $now"
	[[ $now == "$1" ]]
}

send_frames() { # ROUND
	local notified signals
	if [[ $1 -lt $forwarding ]]; then
		take_addresses
		judge idle exchange 16 2 '0 0 0'
	elif [[ $1 == "$forwarding" ]]; then
		notified=$(notifications) signals=$(signals_of_both)
		judge forwarded exchange "$frames" 10 "$frames $frames 0"
		judge notified were_notified "$notified"
		judge polled had_no_signals "$signals"
	else
		judge stopped exchange 16 2 '0 0 0'
		give_addresses
	fi
}

# In the background, as the guest's console says. The guest goes on when it sees the change of
# the link
change_links() {
	local round
	for ((round = 1; round <= rounds; round++)); do
		linux_wait grep -aq "selftests: link down $round" "$guest_console"
		send_frames "$round"
		"$tools/qmp" set_link "{\"name\": \"$id\", \"up\": false}" >/dev/null
		linux_wait grep -aq "selftests: link up $round" "$guest_console"
		"$tools/qmp" set_link "{\"name\": \"$id\", \"up\": true}" >/dev/null
	done
}

modules=$XDG_CACHE_HOME/virtio-mmr/kernels/$(uname -r)/lib/modules/$(uname -r)/kernel/drivers/uio
guest_arguments=(--timeout 300 --mem 512 --kernel-arg hugepages=64)
for file in "$modules"/uio{,_pci_generic}.ko "$dpdk"/*; do
	guest_arguments+=(--file "$file=/dpdk/${file##*/}")
done
guest_variables=("rounds=$rounds" "forwarding=$forwarding" "frames=$frames" "number=$number")
guest_console=$VIRTIO_MMR_RESULTS/guest-dpdk-$1/console.log
verdicts=$VIRTIO_MMR_RESULTS/verdicts-dpdk-$1

ktap_print_header
ktap_set_plan $((${#cases[@]} + ${#exchanges[@]} + 4))
rm -f "$guest_console"
: >"$verdicts"
for peer in "${peers[@]}"; do
	echo 1 >"/proc/sys/net/ipv6/conf/$peer/disable_ipv6"
	ip link set "$peer" up
done
give_addresses
log_mark
signals=$(counter signals) interrupts=$(counter interrupts)
change_links &
links=$!
guest_run "dpdk-$1" dpdk.sh "${bdfs[@]}"
kill "$links" 2>/dev/null || true
wait "$links" || true
take_addresses
signals=$(($(counter signals) - signals)) interrupts=$(($(counter interrupts) - interrupts))
echo "# $interrupts interrupts of the device, $signals signals of INTx"

for name in "${cases[@]}"; do
	ktap_test_result "$name" guest_passed "$name"
done
for name in "${exchanges[@]}"; do
	ktap_test_result "$name" grep -qx "$name" "$verdicts"
done
ktap_test_result exit_status test "$guest_status" = 0
ktap_test_result guest_kernel_log guest_log_clean
ktap_test_result signals test "$signals" -ge $((2 * rounds))
ktap_test_result kernel_log log_clean
ktap_finished
