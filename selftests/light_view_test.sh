#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's view of configuration space, by tools/vmm on plain vfio-pci, is the one that the
# driver gives: the golden files of config_space_test hold for both. Addresses of BARs and the
# interrupt line are each VMM's own.
#
# Runs in L1, with the options that --devices prints:
#	selftests/light_view_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
types=(net blk scsi rng console balloon 9p)

if [[ ${1-} == --devices ]]; then
	printf -- '--vf\n%s\n' "${types[@]}"
	exit
fi

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/light.sh
source "$here/lib/light.sh"

need_machine "reads emulated functions"

light_functions vfio-pci "${types[@]}"

# The rows of a dump that have a byte other than 0; of a BAR only its kind
rows() {
	sed -nE -e '/^[0-9a-f][0-9a-f]: /!d' \
		-e '/^10: /s/ .(.) .. .. ../ 0\1 00 00 00/g' \
		-e 's/^20: .(.) .. .. .. .(.) .. .. ../20: 0\1 00 00 00 0\2 00 00 00/' \
		-e 's/^(30: .{36})../\100/' -e '/ [^ ]*[1-9a-f]/p'
}

test_view() { # TYPE
	local view golden
	view=$("$vmm" --show-config --function "${bdf_of[$1]}" | rows) || return 1
	golden=$(rows <"$here/golden/$1.txt")
	diff <(echo "$golden") <(echo "$view") | sed 's/^/# /' || true
	[[ $golden == *'00: f4 1a '* && $golden == "$view" ]]
}

# Output that cannot be written is an error
test_full_disk() {
	local status=0 message
	message=$("$vmm" --show-config --function "${bdf_of[net]}" 2>&1 >/dev/full) || status=$?
	echo "# status $status, $message"
	[[ $status == 125 && $message == 'mmrvmm: cannot write the output: '* ]]
}

ktap_print_header
ktap_set_plan $((${#types[@]} + 2))
log_mark
for type in "${types[@]}"; do
	ktap_test_result "$type" test_view "$type"
done
ktap_test_result full_disk test_full_disk
ktap_test_result kernel_log log_clean
ktap_finished
