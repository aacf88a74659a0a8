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

guest_passed() { # NAME
	grep -qx "pass $1" <<<"$guest_output"
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
