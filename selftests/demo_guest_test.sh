#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo with a guest ("make demo") as a whole: it succeeds, and shows what it promises.
#
#	mapfile -t devices < <(tools/demo/hypervisor --devices)
#	tools/vm/run "${devices[@]}" -- selftests/demo_guest_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
cd "$repository"

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"

need_machine "binds functions and starts a guest"

succeeds() {
	local output status=0 step
	output=$(tools/demo/hypervisor 2>&1) || status=$?
	[[ $status == 0 ]] || echo "# status $status"
	for step in 'virtio net, legacy registers in BAR' 'virtio block, legacy registers in BAR' \
		'written by the guest' 'no warning, no bug'; do
		[[ $output == *"$step"* ]] || {
			echo "# the demo does not print '$step'"
			status=1
		}
	done
	[[ $status == 0 ]] || printf '# %s\n' "${output//$'\n'/$'\n'# }"
	return "$status"
}

ktap_print_header
ktap_set_plan 1
ktap_test_result succeeds succeeds
ktap_finished
