# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Guests for tests in shell. Needs kernel_log.sh.

guest_output='' guest_status='' guest_console=''
# More options for tools/vm/guest, and lines NAME=VALUE for the script
guest_arguments=() guest_variables=()
# Scripts of guest/ that come before the script
guest_scripts=(lib.sh)

# Runs a script of guest/ in L2 and sets these: its output, which is also printed as TAP
# comments, its status, and the file with its console.
guest_run() { # NAME SCRIPT BDF...
	local name=$1 script=$2 bdf one arguments=("${guest_arguments[@]}") line
	shift 2
	for bdf; do
		arguments+=(--vf "$bdf")
	done
	guest_console=$VIRTIO_MMR_RESULTS/guest-$name/console.log
	{
		echo '#!/bin/sh'
		[[ ${#guest_variables[@]} == 0 ]] || printf '%s\n' "${guest_variables[@]}"
		for one in "${guest_scripts[@]}" "$script"; do
			cat "$here/guest/$one"
		done
	} >"$VIRTIO_MMR_RESULTS/guest-$name.sh"
	guest_status=0
	guest_output=$("$here/../tools/vm/guest" "${arguments[@]}" --out "${guest_console%/*}" \
		--script "$VIRTIO_MMR_RESULTS/guest-$name.sh") || guest_status=$?
	while IFS= read -r line; do
		echo "# $line"
	done <<<"$guest_output"
}

# A guest whose kernel boots the same one again, by guest/kexec.sh: adds to guest_arguments and
# guest_scripts. The script has set "build"
guest_kexec() { # RELEASE, or a series as of tools/vm/guest --kernel
	local kernel
	kernel=$("$here/../tools/vm/kernel" --cached "$1") || return 1
	guest_scripts+=(kexec.sh)
	guest_arguments+=(--mem 768 --file "$build/kexec=/kexec" --file "$kernel/vmlinux=/vmlinux"
		--file "$("$here/../tools/vm/initramfs" l2 "$kernel")=/initrd")
}

# Requests to a block function take some time from here on, so that some are always under way
guest_slow_disk() { # BDF [REQUESTS-IN-A-SECOND, 0 for no limit]
	local device
	device=$("$here/../tools/vm/vfs" list | sed -n "s/^$1 blk \([^ ]*\) .*/\1/p")
	"$here/../tools/vm/qmp" block_set_io_throttle "{\"id\": \"/machine/peripheral/$device/virtio-backend\",
		\"iops\": ${2:-50}, \"iops_rd\": 0, \"iops_wr\": 0, \"bps\": 0, \"bps_rd\": 0, \"bps_wr\": 0}" >/dev/null
}

# A guest that boots again may print a check's result more than once
guest_passed() { # NAME
	grep -qx "pass $1" <<<"$guest_output" && ! grep -q "^fail $1:" <<<"$guest_output"
}

# The guest's kernel shows warnings and worse on its console. Its last message there is a
# warning, which shows that earlier ones would have been seen.
guest_log_clean() {
	local fault
	if ! grep -aq 'selftests: end of the guest' "$guest_console"; then
		echo "# $guest_console is incomplete"
		return 1
	fi
	if fault=$(log_fault <"$guest_console"); then
		echo "# kernel log of the guest: $fault"
		return 1
	fi
}

# --- Net functions of several kinds in one guest (guest/layouts.sh) ----------------

mixed_checks=(driver ping msix)

mixed_points() { # FUNCTIONS: prints how many test points mixed_guest has
	echo $((${#mixed_checks[@]} * $1 + 2))
}

# Test points are PREFIX.NAME.CHECK, with a name for each function
mixed_guest() { # GUEST PREFIX legacy|modern BDF... -- NAME...
	local guest=$1 prefix=$2 mode=$3 bdfs=() check number=0
	shift 3
	while [[ $1 != -- ]]; do
		bdfs+=("$1")
		shift
	done
	shift
	guest_variables=() guest_arguments=()
	[[ $mode == legacy ]] || guest_arguments=(--kernel-arg virtio_pci.force_legacy=0)
	guest_run "$guest" layouts.sh "${bdfs[@]}"
	while [[ $# != 0 ]]; do
		for check in "${mixed_checks[@]}"; do
			ktap_test_result "$prefix.$1.$check" guest_passed "$mode.$number.$check"
		done
		number=$((number + 1))
		shift
	done
	ktap_test_result "$prefix.exit_status" test "$guest_status" = 0
	ktap_test_result "$prefix.guest_kernel_log" guest_log_clean
}

# --- Tests of guests that have names ------------------------------------------------

# The script has these: choose NAME, which sets what the others need; guest_points, which prints
# the number of the guest's test points; and guest_test NAME, which runs it
guests_run() { # NAME...
	local name points=0
	[[ $# != 0 ]] || skip_all "no guest is named"
	for name; do
		choose "$name"
		points=$((points + $(guest_points)))
	done
	ktap_print_header
	ktap_set_plan "$points"
	for name; do
		choose "$name"
		guest_test "$name"
	done
	ktap_finished
}

# From the array "guests" of lines NAME|FIELD|...
guest_line() { # NAME: prints its fields
	local line
	for line in "${guests[@]}"; do
		[[ $line == "$1|"* ]] || continue
		echo "${line#*|}"
		return
	done
	echo "# no guest is '$1'" >&2
	return 1
}

# All guests of the array, unless some are named
guests_of_table() { # [NAME...]
	local all
	mapfile -t all < <(printf '%s\n' "${guests[@]%%|*}")
	[[ $# != 0 ]] || set -- "${all[@]}"
	guests_run "$@"
}
