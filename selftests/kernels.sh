#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernels.sh SERIES...: builds for each of them as builds.sh does, runs the tests that
# depend on the kernel on each, prints a table of the results, and succeeds if none failed.
set -euo pipefail

# More cycles than vmtest.sh has time for
export VIRTIO_MMR_CYCLES=${VIRTIO_MMR_CYCLES:-1000}

if [[ $# -eq 0 || $1 == --help || ($1 == --list && $# -eq 1) ]]; then
	echo "usage: selftests/kernels.sh [--list] SERIES...   (tools/kernels prints those known)"
	echo "--list only says what would run, as selftests/vmtest.sh --list does"
	exit 2
fi
here=$(dirname "$(readlink -f "$0")")
cd "$here/.."
# shellcheck source=selftests/lib/suites.sh
source selftests/lib/suites.sh
mapfile -t suites < <(suite_names check-kernels)
if [[ $1 == --list ]]; then
	shift
	for series in "$@"; do
		"$here/vmtest.sh" --kernel "$series" --list "${suites[@]}"
	done
	exit
fi
repository=$(readlink -f "$here/..")
log=$repository/results/kernels.log
results=$repository/results/suites
builds=$repository/results/builds
mkdir -p "$repository/results"
# Until the end, as another run would mix its output with this one's
exec 6>>"$log"
flock -n 6 || {
	echo "selftests/kernels.sh: another one runs in $repository: use another clone, or wait" >&2
	exit 1
}
: >"$log"

# shellcheck source=drivers/virtio_mmr/compat/kernel_range
source "$repository/drivers/virtio_mmr/compat/kernel_range"

add_row() { # RELEASE SUITE PASSED FAILED SKIPPED
	table+=("$(printf '%-26s %-10s %6u passed %4u failed %4u skipped' "$@")")
	sum=($((sum[0] + $3)) $((sum[1] + $4)) $((sum[2] + $5)))
}

table=() failed=0 sum=(0 0 0) beyond=()
for series in "$@"; do
	release=$("$repository/tools/archive/release" "$series") || {
		table+=("$(printf '%-26s %-10s %s' "$series" - 'no such kernel')")
		failed=1 sum[1]=$((sum[1] + 1))
		continue
	}
	version=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$release")
	printf '%s\n' "$VIRTIO_MMR_OLDEST_KERNEL" "$version" "$VIRTIO_MMR_NEWEST_KERNEL" |
		sort -V -C || beyond+=("$release")
	"$here/install/builds.sh" "$series" 6>&- | tee "$builds" 6>&- | tee -a "$log" >&2 6>&- || true
	passed=$(grep -cE '^ok ' "$builds") || true
	missed=$(grep -cE '^not ok ' "$builds") || true
	# Counts a build without a result, too
	planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$builds")
	[[ $planned == $((passed + missed)) ]] || missed=$((missed + 1))
	add_row "$release" builds "$passed" "$missed" 0

	# A run of somebody else has its results there
	own=''
	if (flock -n 7 && : >"$results") 7>>"$results"; then
		"$here/vmtest.sh" --kernel "$series" "${suites[@]}" 2>&1 6>&- | tee -a "$log" >&2 6>&- || failed=1
		own=$results
	else
		echo "selftests/kernels.sh: another selftests/vmtest.sh runs in $repository:" \
			"nothing is tested on $release" | tee -a "$log" >&2
	fi
	for suite in "${suites[@]}"; do
		read -r _ _ numbers < <(grep "^$suite $series " "${own:-/dev/null}") || numbers='0 1 0'
		# shellcheck disable=SC2086 # three words
		add_row "$release" "$suite" $numbers
	done
done
[[ ${sum[1]} == 0 ]] || failed=1

echo
printf '%-26s %-10s %s\n' kernel suite result
printf '%s\n' "${table[@]}"
for release in "${beyond[@]}"; do
	echo "Linux $release is out of the range in drivers/virtio_mmr/compat/kernel_range: widen it"
done
echo "${sum[0]} passed, ${sum[1]} failed, ${sum[2]} skipped"
exit "$failed"
