#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# native_states_test.sh SERIES [QEMU]: a disk and a network on MMR functions, while their host
# suspends and resumes, boots another kernel by kexec, and powers off. The IOMMU translates. The host
# has no disk: its only program is guest/native-states-init. Runs on this machine, and starts a
# virtual machine for the modern structures and one for the registers.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"

[[ $# -ge 1 ]] || {
	echo "usage: selftests/native_states_test.sh SERIES [QEMU]" >&2
	exit 2
}
series=$1
qemu=()
[[ ! ${2-} ]] || qemu=(--qemu "$2")
kernel=$("$tools/vm/kernel" "$series")
modules=$here/../build/$(basename "$kernel")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

archive() { # FILE...: in the folder
	printf '%s\n' "$@" | cpio --quiet -o -H newc -L --owner=0:0
}

# The second kernel's archive is in the first one's
make_archive() { # LEGACY
	local base files=(init legacy virtio_mmr.ko virtio_mmr_pci.ko pull_card.ko native_io kernel-log-faults)
	base=$("$tools/vm/initramfs" l2 "$kernel")
	rm -rf "$work/root"
	mkdir "$work/root"
	install -m 755 "$here/guest/native-states-init" "$work/root/init"
	echo "$1" >"$work/root/legacy"
	cp -L "$modules/virtio_mmr.ko" "$modules/virtio_mmr_pci.ko" "$modules/tests/pull_card.ko" "$build/native_io" "$build/kexec" "$work/root/"
	grep -v '^#' "$tools/vm/kernel-log-faults" >"$work/root/kernel-log-faults"
	ln -s "$kernel/vmlinux" "$work/root/vmlinux"
	cd "$work/root"
	{
		cat "$base"
		archive "${files[@]}"
	} >again.cpio
	{
		cat "$base"
		archive "${files[@]}" kexec vmlinux again.cpio
	} >"$work/initrd"
	cd "$OLDPWD"
}

qmp() { # COMMAND [ARGUMENTS]
	timeout 60 "$tools/vm/qmp" --socket "$work/qmp" "$@" 2>/dev/null
}

# The machine is kept when its kernel has powered off, as only then its devices show whether the
# kernel has left them in use
at_the_end() { # FILE: for a line about each device
	local state='' path device answer
	until state=$(qmp query-status) && [[ $state == *'"shutdown"'* ]]; do
		sleep 3
	done
	for path in $(qmp x-query-virtio | grep -o '"path": "[^"]*"' | cut -d '"' -f 4); do
		device=${path#/machine/peripheral/}
		[[ $device == vf-* ]] || continue
		answer=$(qmp x-query-virtio-status "{\"path\": \"$path\"}") && [[ $answer == *'"statuses"'* ]] ||
			answer='"broken": true, or no answer'
		echo "${device%%/*} $(grep -Eo 'DRIVER_OK|"broken": true' <<<"$answer" | paste -sd ,)"
	done >"$1"
	qmp quit >/dev/null
}

at_rest() { # FILE
	[[ $(sort "$1" 2>/dev/null) == $'vf-9p0-0 \nvf-blk0-0 \nvf-net0-0 \nvf-net0-1 \nvf-scsi0-0 ' ]] || {
		echo "# in use at the end, or absent: $(paste -sd ';' "$1")"
		return 1
	}
}

# The machine has judged its log before it powers off, or boots another kernel
ends_quietly() { # FILE
	local fault
	grep -qa 'reboot: Power down' "$1" || {
		echo "# $1 does not reach the end"
		return 1
	}
	! fault=$(log_fault <"$1") || {
		echo "# ${fault//$'\n'/$'\n'# }"
		return 1
	}
}

# Its cases as they are, with the way before their names and numbers of their own
run() { # NAME LEGACY
	local status=0 machine=native_states-$1-$series folder line results=0 watcher
	folder=$here/../results/vm/$machine
	make_archive "$2"
	rm -f "$work/end"
	at_the_end "$work/end" &
	watcher=$!
	"$tools/vm/run" --kernel "$series" --name "$machine" --timeout 300 ${qemu[@]+"${qemu[@]}"} \
		--vf net:2 --vf blk --vf 9p --vf scsi --kernel-arg iommu.passthrough=0 --kernel-arg iommu.strict=1 \
		--qemu-arg -initrd --qemu-arg "$work/initrd" --qemu-arg -action --qemu-arg shutdown=pause \
		--qemu-arg -qmp --qemu-arg "unix:$work/qmp,server=on,wait=off" \
		-- true >"$work/output" 2>&1 || status=$?
	kill "$watcher" 2>/dev/null || true
	wait "$watcher" 2>/dev/null || true
	if [[ -e $folder/native_states.tap ]]; then
		while read -r line; do
			case $line in
			'ok '*) ktap_test_pass "$1.${line##* }" ;;
			'not ok '*) ktap_test_fail "$1.${line##* }" ;;
			'#'*) echo "$line" ;;
			esac
			[[ $line == '#'* || $line == [T1]* ]] || results=$((results + 1))
		done <"$folder/native_states.tap"
	else
		sed 's/^/# /' "$work/output"
		echo "# its kernel's log is $folder/console.log"
	fi
	for (( ; results < cases; results++)); do
		ktap_test_fail "$1.no_result_$results"
	done
	ktap_test_result "$1.at_rest_when_off" at_rest "$work/end"
	ktap_test_result "$1.ends_quietly" ends_quietly "$folder/console.log"
	echo "# $1: status $status"
}

cases=$(sed -n 's/^total=//p' "$here/guest/native-states-init")
ktap_print_header
ktap_set_plan $((2 * (cases + 2)))
run modern N
run legacy Y
ktap_finished
