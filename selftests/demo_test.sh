#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The demo of native use ("make demo-native") as a whole, and that it fails when one of its steps
# does. A program of the same name takes the place of the one that is to fail.
#
#	mapfile -t devices < <(tools/demo/host --devices)
#	tools/vm/run "${devices[@]}" -- selftests/demo_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
cd "$repository"

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"

need_machine "binds functions and makes file systems on them"
[[ -x build/mmrctl ]] || skip_all "build/mmrctl is missing: make mmrctl"

work=$(mktemp -d)

# As a step that failed has left it: nothing mounted, no namespace, no driver
clean_up() {
	local bdf
	umount /tmp/disk 2>/dev/null || true
	ip -all netns del
	while read -r bdf _; do
		tools/vm/vfs unbind "$bdf"
	done < <(tools/vm/vfs list)
}

succeeds() {
	local step
	if ! tools/demo/host >"$work/output" 2>&1; then
		sed 's/^/# /' "$work/output"
		return 1
	fi
	for step in 'native (' 'in use by' 'found in ' ' 0% packet loss' 'in another network namespace' \
		'virtio_mmr_vfio_pci (was: virtio_mmr_pci)' '(was: virtio_mmr_vfio_pci)'; do
		grep -qF "$step" "$work/output" || {
			sed 's/^/# /' "$work/output"
			echo "# the demo does not print '$step'"
			return 1
		}
	done
}

# PROGRAM is TEXT of a shell script for one run, and the demo must end with MESSAGE
fails_with() { # MESSAGE PROGRAM TEXT
	local status=0
	mkdir -p "$work/bin"
	printf '#!/bin/bash\n%s\n' "$3" >"$work/bin/$2"
	chmod +x "$work/bin/$2"
	PATH=$work/bin:$PATH tools/demo/host >"$work/output" 2>&1 || status=$?
	rm -r "${work:?}/bin"
	clean_up
	[[ $status == 1 && $(<"$work/output") == *"DEMO FAILED: $1"* ]] || {
		sed 's/^/# /' "$work/output"
		echo "# status $status; want 1 and 'DEMO FAILED: $1'"
		return 1
	}
}

fails_without_answer() {
	fails_with 'no answer from the other VF' ping 'exit 1'
}

# Each sum differs from the one before
fails_with_other_data() {
	fails_with 'the data has changed' sha256sum "echo \$EPOCHREALTIME"
}

# What mmrctl must refuse
fails_without_a_refusal() {
	fails_with "'mmrctl unbind" mount 'exit 0'
}

tests=(succeeds fails_without_answer fails_with_other_data fails_without_a_refusal)
ktap_print_header
ktap_set_plan $((${#tests[@]} + 1))
log_mark
for test in "${tests[@]}"; do
	ktap_test_result "$test" "$test"
done
ktap_test_result kernel_log log_clean
ktap_finished
