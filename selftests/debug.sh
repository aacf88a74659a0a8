#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# debug.sh [--kernel SERIES] [SUITE...]: builds the debug kernel, of the default series or another
# one that tools/kernels has, and the modules for it. It sees that each detector of the kernel
# reports the fault that is planted for it, and runs the suites that touch the module, by default
# all of "make check-debug". A report in the kernel log is a failure, as everywhere.
# COVERAGE=1 builds the modules with counters, for tools/coverage.
set -euo pipefail

cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=selftests/lib/suites.sh
source selftests/lib/suites.sh
# shellcheck source=selftests/lib/kernel_log.sh
source selftests/lib/kernel_log.sh

series=$(tools/kernels default)
if [[ ${1-} == --kernel && ${2-} ]]; then
	series=$2
	shift 2
fi
if [[ ${1-} == -* ]]; then
	echo "usage: selftests/debug.sh [--kernel SERIES] [SUITE...]   (default: $(suite_names check-debug | paste -sd ' '))"
	exit 2
fi
[[ $# -gt 0 ]] || mapfile -t suites < <(suite_names check-debug)
[[ $# -eq 0 ]] || suites=("$@")

# This kernel is much slower than Debian's
export VIRTIO_MMR_TIMEOUT_SCALE=${VIRTIO_MMR_TIMEOUT_SCALE:-4}

# Two tests of suite torture, with five minutes each
export VIRTIO_MMR_TORTURE_SECONDS=${VIRTIO_MMR_TORTURE_SECONDS:-300}

release=$(tools/archive/debug-kernel "$series")
kdir=$(tools/archive/kernel-headers "$release")
[[ ! ${COVERAGE-} ]] || export GCOV_PROFILE=y
make --no-print-directory modules KERNEL="$release"
unset GCOV_PROFILE

# Reports of faults that are in no module of this project
control=build/$release/control
mkdir -p "$control"
cp selftests/debug/{Kbuild,control.c} "$control/"
tools/archive/kbuild "$kdir" "$PWD" M="$PWD/$control" modules >/dev/null

machine=detectors results=results/vm/detectors
# shellcheck disable=SC2016 # for the machine's shell
tools/vm/run --kernel "$release" --name "$machine" -- bash -euc '
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	# What the boot left is not meant
	echo scan >/sys/kernel/debug/kmemleak
	echo clear >/sys/kernel/debug/kmemleak
	insmod "$1"
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
' bash "$control/control.ko"

# What each of them says: the judge of all suites must see a fault there, and it must be this one
declare -A says=(
	[rcu]='WARNING: suspicious RCU usage'
	[locks]='WARNING: possible circular locking dependency'
	[atomic_sleep]='BUG: sleeping function called'
	[undefined_shift]='UBSAN: shift-out-of-bounds'
	[active_object]='ODEBUG: free active'
	[out_of_bounds]='BUG: KASAN: slab-out-of-bounds'
	[leak]='kmemleak: .*suspected memory leaks'
)
status=0
mapfile -t planted < <(sed -n 's/^.*control: fault //p' "$results/dmesg.log")
if [[ $(printf '%s\n' "${planted[@]}" | sort) != $(printf '%s\n' "${!says[@]}" | sort) ]]; then
	echo "Planted faults: ${planted[*]:-none}, expected: ${!says[*]}" >&2
	status=1
fi
for fault in "${planted[@]}"; do
	log=$(sed -n "/control: fault $fault\$/,/control: fault /p" "$results/dmesg.log" |
		sed "/control: fault /d")
	if log_fault <<<"$log" >/dev/null && grep -qE "${says[$fault]-none}" <<<"$log"; then
		echo "detector: $fault is reported"
	else
		echo "detector: $fault is NOT reported, see $results/dmesg.log" >&2
		status=1
	fi
done

selftests/vmtest.sh --kernel "$release" --jobs 1 "${suites[@]}" || status=1
exit "$status"
