#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# DPDK on uio_pci_generic in a Linux guest: a driver in the guest's user space, whose interrupts
# are INTx. It has no use for them but changes of the link. Its kernel masks them by
# COMMAND.INTX_DISABLE, once STATUS says that the function interrupts.
#
# Runs in L1, with the options that --devices prints, after --prepare on the host, which fetches
# DPDK from Debian:
#	selftests/dpdk_guest_test.sh VERSION
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm

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
	printf -- '--vf\nnet,disable-modern=on\n'
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
read -r bdf _ id _ < <(grep ' net ' <<<"$linux_created") ||
	skip_all "no net function; $0 --devices prints what the machine needs"
"$tools/vfs" bind "$bdf"

rounds=3
cases=(before uio starts)
for ((round = 1; round <= rounds; round++)); do
	cases+=("link_down_$round" "link_up_$round")
done
cases+=(quits status mac interrupts returned after)

counter() {
	driver_counter "$bdf" "intx_$1"
}

# In the background: changes the link when the guest asks for it
change_links() {
	local round
	for ((round = 1; round <= rounds; round++)); do
		for up in false true; do
			local word=down
			[[ $up == false ]] || word=up
			linux_wait grep -aq "selftests: link $word $round" "$guest_console"
			"$tools/qmp" set_link "{\"name\": \"$id\", \"up\": $up}" >/dev/null
		done
	done
}

modules=$XDG_CACHE_HOME/virtio-mmr/kernels/$(uname -r)/lib/modules/$(uname -r)/kernel/drivers/uio
guest_arguments=(--timeout 300 --mem 512 --kernel-arg hugepages=64)
for file in "$modules"/uio{,_pci_generic}.ko "$dpdk"/*; do
	guest_arguments+=(--file "$file=/dpdk/${file##*/}")
done
guest_variables=("rounds=$rounds" "number=$number")
guest_console=$VIRTIO_MMR_RESULTS/guest-dpdk-$1/console.log

ktap_print_header
ktap_set_plan $((${#cases[@]} + 4))
rm -f "$guest_console"
log_mark
signals=$(counter signals) interrupts=$(counter interrupts)
change_links &
links=$!
guest_run "dpdk-$1" dpdk.sh "$bdf"
kill "$links" 2>/dev/null || true
wait "$links" || true
signals=$(($(counter signals) - signals)) interrupts=$(($(counter interrupts) - interrupts))
echo "# $interrupts interrupts of the device, $signals signals of INTx"

for name in "${cases[@]}"; do
	ktap_test_result "$name" guest_passed "$name"
done
ktap_test_result exit_status test "$guest_status" = 0
ktap_test_result guest_kernel_log guest_log_clean
ktap_test_result signals test "$signals" -ge $((2 * rounds))
ktap_test_result kernel_log log_clean
ktap_finished
