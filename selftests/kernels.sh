#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernels.sh SERIES...: runs the tests that depend on the kernel on each of them and
# prints a table of the results.
set -euo pipefail

suites=(in_place layout fault displaced pf guest)

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

table=() failed=0 sum=(0 0 0)
for series in "$@"; do
	release=$(basename "$("$repository/tools/vm/kernel" "$series")")
	for suite in "${suites[@]}"; do
		last=$("$here/vmtest.sh" --kernel "$series" "$suite" | tee -a "$log" /dev/stderr | tail -n 1) ||
			failed=1
		[[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]] || {
			last='did not end'
			failed=1
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
echo "${sum[0]} passed, ${sum[1]} failed, ${sum[2]} skipped"
exit "$failed"
