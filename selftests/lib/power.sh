# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Power states of functions that a guest has, as the host sees them.

declare -A power_states=()
power_watcher=''

# In the background: a line for each change of a state. Without an open file the
# driver may have the function in D3hot
power_watch() { # FILE BDF...
	local file=$1 bdf state
	shift
	while :; do
		for bdf; do
			read -r state <"/sys/bus/pci/devices/$bdf/power_state" || state=unknown
			[[ $state == "${power_states[$bdf]-}" ]] || echo "$bdf $state"
			power_states[$bdf]=$state
		done
		sleep 0.2
	done >"$file" &
	power_watcher=$!
}

power_watch_ends() {
	kill "$power_watcher" 2>/dev/null || true
	wait "$power_watcher" || true
}

# Each function was in D3hot that often, between times in D0
power_slept() { # FILE TIMES BDF...
	local file=$1 times=$2 bdf states wanted=D0 wrong=0
	shift 2
	while ((times-- > 0)); do
		wanted+=' D3hot D0'
	done
	for bdf; do
		states=$(sed -n "s/^$bdf //p" "$file" | paste -sd ' ')
		echo "# power states of $bdf: $states"
		states=${states#D3hot }
		[[ ${states% D3hot} == "$wanted" ]] || wrong=1
	done
	[[ $wrong == 0 ]]
}
