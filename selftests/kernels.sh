#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernels.sh SERIES...: builds for each of them as builds.sh does, runs the tests that
# depend on the kernel on each, prints a table of the results, and succeeds if none failed.
set -euo pipefail

suites=(in_place layout fault displaced pf removal guest vmm million)

# More than there is time for in vmtest.sh
export VIRTIO_MMR_CYCLES=${VIRTIO_MMR_CYCLES:-1000}

if [ $# -eq 0 ] || [ "$1" = --help ]; then
	echo "usage: selftests/kernels.sh [--list] SERIES...   (such as 6.1 6.12 trixie-backports)"
	echo "--list only says what would run, as selftests/vmtest.sh --list does"
	exit 2
fi
here=$(dirname "$(readlink -f "$0")")
if [ "$1" = --list ]; then
	shift
	for series in "$@"; do
		"$here/vmtest.sh" --kernel "$series" --list "${suites[@]}"
	done
	exit
fi
repository=$(readlink -f "$here/..")
log=$repository/results/kernels.log
mkdir -p "$repository/results"
: >"$log"

# shellcheck source=drivers/vfio/pci/virtio_mmr/compat/kernel_range
source "$repository/drivers/vfio/pci/virtio_mmr/compat/kernel_range"

# Its last line is as vmtest.sh's, if it came to its end
run_builds() { # SERIES
	local tap passed failed
	tap=$("$here/builds.sh" "$1") || true
	printf '%s\n' "$tap"
	passed=$(grep -cE '^ok ' <<<"$tap") || true
	failed=$(grep -cE '^not ok ' <<<"$tap") || true
	[ "1..$((passed + failed))" = "$(grep -E '^1\.\.' <<<"$tap")" ] || return
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ]
}

run_suite() { # SERIES SUITE
	case $2 in
	builds) run_builds "$1" ;;
	*) "$here/vmtest.sh" --kernel "$1" "$2" ;;
	esac
}

table=() failed=0 sum=(0 0 0) beyond=()
for series in "$@"; do
	release=$("$repository/tools/debian/release" "$series") || {
		table+=("$(printf '%-26s %-10s %s' "$series" - 'no such kernel')")
		failed=1 sum[1]=$((sum[1] + 1))
		continue
	}
	version=$(grep -oE '^[0-9]+\.[0-9]+' <<<"$release")
	printf '%s\n' "$VIRTIO_MMR_OLDEST_KERNEL" "$version" "$VIRTIO_MMR_NEWEST_KERNEL" |
		sort -V -C || beyond+=("$release")
	for suite in builds "${suites[@]}"; do
		last=$(run_suite "$series" "$suite" | tee -a "$log" /dev/stderr | tail -n 1) ||
			failed=1
		[[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] || {
			last='did not end'
			failed=1 sum[1]=$((sum[1] + 1))
		}
		for i in 0 1 2; do
			sum[i]=$((sum[i] + ${BASH_REMATCH[i + 1]:-0}))
		done
		table+=("$(printf '%-26s %-10s %s' "$release" "$suite" "$last")")
	done
done

echo
printf '%-26s %-10s %s\n' kernel suite result
printf '%s\n' "${table[@]}"
for release in "${beyond[@]}"; do
	echo "Linux $release is out of the range in drivers/vfio/pci/virtio_mmr/compat/kernel_range: widen it"
done
echo "${sum[0]} passed, ${sum[1]} failed, ${sum[2]} skipped"
exit "$failed"
