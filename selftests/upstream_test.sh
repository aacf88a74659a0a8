#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's own tests of VFIO, on a function of the driver and on the same function of vfio-pci,
# which must give the same results. In addition its tests that need a driver of the device, which
# selftests/upstream has for legacy block functions: copies by DMA, and interrupts into a guest of
# KVM. Runs in L1; selftests/vmtest.sh upstream starts it there, after
#	selftests/upstream_test.sh --prepare
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=$here/../build/upstream-selftests

if [[ ${1-} == --prepare ]]; then
	"$here/upstream/build" >/dev/null
	exit
fi

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/light.sh
source "$here/lib/light.sh"

need_machine "binds emulated functions to two drivers"
if [[ ! -x $build/kvm/irq_test ]]; then
	echo "# $build has no tests: run $0 --prepare on the host first"
	exit "$KSFT_FAIL"
fi
ours=virtio_mmr_vfio_pci
light_functions "$ours" blk
bdf=${bdf_of[blk]}
# For the cases with pages of 2 MiB, if the kernel has them
[[ ! -e /proc/sys/vm/nr_hugepages ]] || echo 4 >/proc/sys/vm/nr_hugepages
# Other cases share a gigabyte with the device. By small pages the debug kernel takes longer for it
# than their limit of 30 s
huge=/sys/kernel/mm/transparent_hugepage/shmem_enabled
[[ ! -e $huge ]] || echo always >"$huge"
results=$VIRTIO_MMR_RESULTS/upstream
mkdir -p "$results"

# By their names in libvfio: those that this kernel has
modes=(vfio_type1_iommu vfio_type1v2_iommu)
modprobe iommufd 2>/dev/null || true
[[ ! -e /dev/iommu ]] || modes+=(iommufd_compat_type1 iommufd_compat_type1v2 iommufd)

# Prints name and result of each case in a TAP output, without those of a mode that this kernel
# lacks: they say nothing about a driver
cases() { # OUTPUT
	sed -nE 's/^(not ok|ok) [0-9]+ ([^ ]+)( # (SKIP|XFAIL))?.*/\2 \1\4/p' "$1" |
		sed -E 's/ not ok$/ fail/; s/ ok$/ pass/; s/ okSKIP$/ skip/; s/ okXFAIL$/ xfail/' |
		if [[ -e /dev/iommu ]]; then cat; else grep -v '\.iommufd' || true; fi
}

# By "DRIVER NAME"; names are those that a driver has results for. A program that hangs has fewer
declare -A result_of
names=()
run() { # DRIVER PROGRAM [MODE]
	local output=$results/$1.$2${3:+.$3} name result
	VIRTIO_MMR_IOMMU_MODE=${3-${modes[0]}} timeout 600 "$build/$2" "$bdf" >"$output" 2>&1 || true
	while read -r name result; do
		name=${3:+$3.}$name
		[[ " ${names[*]} " == *" $name "* ]] || names+=("$name")
		result_of["$1 $name"]=$result
	done < <(cases "$output")
}

# Without vfio_pci_sriov_uapi_test, whose VFs must be vfio-pci's
for driver in "$ours" vfio-pci; do
	light_bind "$driver" "$bdf"
	# This one takes the mode that is set; others try all modes by themselves
	for mode in "${modes[@]}"; do
		run "$driver" vfio_pci_device_test "$mode"
	done
	run "$driver" vfio_dma_mapping_test
	run "$driver" vfio_dma_mapping_mmio_test
	run "$driver" vfio_pci_device_init_perf_test
	[[ ! -e /dev/iommu ]] || run "$driver" vfio_iommufd_setup_test
done
light_bind "$ours" "$bdf"

# The one difference: the function shows the device ID of a transitional device, which is what the
# driver is for, and the test wants the one in sysfs
shows_another_id() { # NAME
	local output=$results/$ours.vfio_pci_device_test.${1%%.*}
	[[ ${result_of["vfio-pci $1"]-missing} == pass && ${result_of["$ours $1"]-missing} == fail ]] &&
		sed -n '/^not ok/q; p' "$output" | grep -q vfio_pci_device_match
}

same() { # NAME
	local here=${result_of["$ours $1"]-missing} there=${result_of["vfio-pci $1"]-missing}
	[[ $here == pass ]] || echo "# $1: $here, on vfio-pci $there"
	if [[ $1 == *.config_space_read_write ]]; then
		shows_another_id "$1"
	else
		[[ $here == "$there" ]]
	fi
}

# Whether enough was compared: each mode opened the function and did DMA
passed() { # MODE
	local name
	for name in "$1.vfio_pci_device_test."{validate_bars,reset} \
		"vfio_dma_mapping_test.$1_anonymous.dma_map_unmap" \
		"vfio_pci_device_init_perf_test.$1.init" \
		"vfio_pci_driver_test.$1.memcpy_success"; do
		if [[ ${result_of["$ours $name"]-missing} != pass ]]; then
			echo "# $name: ${result_of["$ours $name"]-missing}"
			return 1
		fi
	done
}

irq() { # OPTION...
	timeout 120 "$build/kvm/irq_test" -d "$bdf" -t "${modes[-1]}" -i 200 "$@"
}

log_mark
# Some copies are from and to addresses without a mapping
echo 'selftests: DMA faults are expected' >/dev/kmsg
run "$ours" vfio_pci_driver_test
sleep 1
echo 'selftests: that was the last one' >/dev/kmsg

irq_options=('' -e -n -a -x '-v 2' '-m -v 2')
ktap_print_header
ktap_set_plan $((${#names[@]} + ${#modes[@]} + ${#irq_options[@]} + 1))
for name in "${names[@]}"; do
	if [[ $name == *vfio_pci_driver_test.* ]]; then
		# Not on vfio-pci, as this driver needs the legacy interface
		ktap_test_result "$name" [ "${result_of["$ours $name"]}" = pass ]
	else
		ktap_test_result "$name" same "$name"
	fi
done
for mode in "${modes[@]}"; do
	ktap_test_result "passed.$mode" passed "$mode"
done
for options in "${irq_options[@]}"; do
	# shellcheck disable=SC2086 # options
	ktap_check "irq_test${options:+ $options}" irq $options
done
ktap_test_result kernel_log log_clean
ktap_finished
