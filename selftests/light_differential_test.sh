#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tools/vmm gives the same answers whether the library serves a function of plain vfio-pci, or the
# driver serves the function: the same random operations on one disk, three times. The third way is
# the driver's regions, without tools/vmm.
#
# VIRTIO_MMR_SEED repeats a run, VIRTIO_MMR_OPERATIONS sets its length.
#
# Runs in L1, after "make -C tools/vmm operations", with the options that --devices prints:
#	selftests/light_differential_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
driver=virtio_mmr_vfio_pci

if [[ ${1-} == --devices ]]; then
	printf -- '--vf\nblk\n'
	exit
fi

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/light.sh
source "$here/lib/light.sh"

need_machine "uses an emulated function"
seed=${VIRTIO_MMR_SEED:-$((RANDOM << 15 | RANDOM))} operations=${VIRTIO_MMR_OPERATIONS:-100000}
answers=/run/light-answers
mkdir -p "$answers"
light_functions "$driver" blk
bdf=${bdf_of[blk]}

test_answers() { # NAME DRIVER WAY
	light_bind "$2" "$bdf"
	timeout $((300 * VIRTIO_MMR_TIMEOUT_SCALE)) "$here/../build/mmrvmm.tests/operations" "$3" \
		"$bdf" "$seed" "$operations" >"$answers/$1" || {
		echo "# operations: status $?"
		return 1
	}
	# Requests are rare, and tell the most
	echo "# $(wc -l <"$answers/$1") answers, $(grep -c ' by INTx: 1$' "$answers/$1") signals by INTx," \
		"$(grep -c ' by MSI-X: 1$' "$answers/$1") by MSI-X"
	grep -q ' by INTx: 1$' "$answers/$1" && grep -q ' by MSI-X: 1$' "$answers/$1"
}

test_same() { # NAME NAME: all that both have
	local lines=$answers/lines name
	for name; do
		if [[ " $* " == *' direct '* ]]; then
			grep -v '^vmm' "$answers/$name"
		else
			cat "$answers/$name"
		fi >"$lines.$name"
	done
	cmp -s "$lines.$1" "$lines.$2" || {
		echo "# VIRTIO_MMR_SEED=$seed, $1 and $2 differ:"
		# What came before explains the first difference
		diff -U 25 "$lines.$1" "$lines.$2" | head -n 40 | sed 's/^/# /'
		return 1
	}
}

ktap_print_header
ktap_set_plan 6
log_mark
echo "# VIRTIO_MMR_SEED=$seed, $operations operations"
ktap_test_result driver test_answers driver "$driver" vmm
ktap_test_result direct test_answers direct "$driver" direct
ktap_test_result library test_answers library vfio-pci vmm
ktap_test_result library_as_driver test_same library driver
ktap_test_result library_as_direct test_same library direct
ktap_test_result kernel_log log_clean
ktap_finished
