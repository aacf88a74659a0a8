#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# MMR functions as devices of the host, by virtio_mmr_pci and the kernel's own virtio drivers:
# each type with traffic, changes of the configuration, and the effects in the emulated device.
# Runs in L1 with the options that --devices prints:
#	mapfile -t devices < <(selftests/native_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_test.sh modern legacy
# With iommu.passthrough=0 and iommu.strict=1 (--kernel-arg) all DMA is translated.
#
# Each argument is a way to drive the functions:
#	modern, legacy     by their modern structures, or by the MMR window all the same
#	registers          functions without modern structures
#	two, two_legacy    functions with two vectors
#	one, one_legacy    functions with one vector
# modern:rng,9p is the same with these types alone.
#
# With --stock before --devices and before the ways, the functions have ordinary IDs and the
# kernel's virtio-pci drives them: the tests can then be seen to pass without this driver. Ways:
# modern, two.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"
# shellcheck source=selftests/lib/native_types.sh
source "$here/lib/native_types.sh"
if [[ ${1-} == --stock ]]; then
	native_driver=$native_stock
	shift
fi
stock=$([[ $native_driver != "$native_stock" ]] || echo 1)

# All networks are at the same hub
all_devices() {
	local i ordinary='' properties
	[[ ! $stock ]] || ordinary=,mmr=off,iommu_platform=on,disable-legacy=on
	for i in 0 1 2 3 4; do
		printf -- '--qemu-arg\n-netdev\n--qemu-arg\nhubport,id=hub%u,hubid=0\n' "$i"
	done
	i=0
	for properties in '' '' vectors=2 vectors=1 disable-modern=on; do
		[[ ! $stock || $properties != disable-modern=on ]] || properties=''
		printf -- '--vf\nnet,netdev=hub%u%s%s\n' $((i++)) "${properties:+,$properties}" "$ordinary"
	done
	# A device need not set ISR status with MSI-X
	for properties in '' vectors=2 vectors=1,mmr-msix-isr=0 disable-modern=on; do
		[[ ! $stock || $properties != disable-modern=on ]] || properties=''
		printf -- '--vf\nblk%s%s\n' "${properties:+,$properties}" "$ordinary"
	done
	for properties in '' vectors=1; do
		printf -- '--vf\nscsi%s%s\n--vf\nrng%s%s\n--vf\n9p%s%s\n' \
			"${properties:+,$properties}" "$ordinary" "${properties:+,$properties}" "$ordinary" \
			"${properties:+,$properties}" "$ordinary"
	done
	for properties in max_ports=2,vectors=8 vectors=2 vectors=1; do
		printf -- '--vf\nconsole,%s%s\n' "$properties" "$ordinary"
	done
	[[ $stock ]] || printf -- '--vf\nballoon,free-page-reporting=on\n'
}

# For a smaller machine: --devices TYPE... with the functions that "modern:TYPE,..." has
some_devices() { # TYPE...
	local option value
	while read -r option && read -r value; do
		[[ $option == --vf && " $* " != *" ${value%%,*} "* ]] || printf '%s\n' "$option" "$value"
	done < <(all_devices)
}

if [[ ${1-} == --devices ]]; then
	shift
	if [[ $# == 0 ]]; then all_devices; else some_devices "$@"; fi
	exit
fi

native_start
[[ $# -gt 0 ]] || set -- modern

native_create

# What each way has: functions by type, "legacy", the interface and the kind of vectors
declare -A have=()
way_is() { # WAY[:TYPE,...]
	local type
	have=([peer]=net1)
	legacy=N interface=modern way=${1%%:*}
	case $way in
	modern | legacy) have+=([net]=net0 [blk]=blk0 [scsi]=scsi0 [rng]=rng0 [9p]=9p0 [console]=console0 [balloon]=balloon0) vectors=each ;;
	registers) have+=([net]=net4 [blk]=blk3) vectors=each ;;
	two | two_legacy) have+=([net]=net2 [blk]=blk1 [console]=console1) vectors=two ;;
	one | one_legacy) have+=([net]=net3 [blk]=blk2 [scsi]=scsi1 [rng]=rng1 [9p]=9p1 [console]=console2) vectors=one ;;
	*)
		echo "# no way is '$way'"
		exit "$KSFT_FAIL"
		;;
	esac
	case $way in
	*legacy) legacy=Y interface=legacy ;;
	registers) interface=legacy ;;
	esac
	[[ ! $stock ]] || unset 'have[balloon]'
	for type in "${!have[@]}"; do
		[[ $1 != *:* || ,${1#*:},peer, == *",$type,"* ]] || unset "have[$type]"
	done
	[[ ${have[net]-} ]] || unset 'have[peer]'
}

types=(net blk scsi rng 9p console)
bdf() { # TYPE
	echo "${native_bdf[${have[$1]}]}"
}

id() { # TYPE
	local name=${have[$1]}
	echo "vf-${name/.*/}-0"
}

# --- binding ---------------------------------------------------------------------------

declare -A drivers=([net]=virtio_net [blk]=virtio_blk [scsi]=virtio_scsi [rng]=virtio_rng
	[9p]=9pnet_virtio [console]=virtio_console [balloon]=virtio_balloon)

bind_all() {
	local type
	native_legacy "$legacy"
	for type in peer "${types[@]}"; do
		[[ ! ${have[$type]-} ]] || native_bind "$(bdf "$type")"
	done
}

all_have_their_driver() {
	local type
	for type in "${types[@]}"; do
		[[ ${have[$type]-} ]] || continue
		same "virtio driver of $type" "$(virtio_driver "$(bdf "$type")")" "${drivers[$type]}"
		[[ $stock ]] || same "$type's interface" "$(<"$sys_pci/$(bdf "$type")/virtio_mmr_interface")" "$interface"
	done
}

# VERSION_1 is the modern interface. ACCESS_PLATFORM makes the kernel map what it gives to the
# device: the registers have no bit for it, so the driver adds it
features_are_right() {
	local type one
	one=$([[ $interface != modern ]] || echo 1)
	for type in "${types[@]}"; do
		[[ ${have[$type]-} ]] || continue
		same "feature bit 32 of $type" "$(feature "$(bdf "$type")" 32)" "${one:-0}"
		same "feature bit 33 of $type" "$(feature "$(bdf "$type")" 33)" 1
	done
}

# Whether this machine translates is what it was started for
iommu_is() {
	local type kind
	kind=identity
	! grep -qw iommu.passthrough=0 /proc/cmdline || kind=DMA
	for type in "${types[@]}"; do
		[[ ${have[$type]-} ]] || continue
		same "IOMMU domain of $type" "$(<"$sys_pci/$(bdf "$type")/iommu_group/type")" "$kind"
	done
}

vectors_are_right() {
	local type names
	for type in "${types[@]}"; do
		[[ ${have[$type]-} ]] || continue
		names=$(vectors_of "$(bdf "$type")")
		case $vectors in
		each)
			[[ " $names " != *' virtqueues '* && " $names " != *' all '* && $names ]] ||
				say "$type has vectors '$names'"
			;;
		two) [[ $names == @('config virtqueues'|'virtqueues config') ]] || say "$type has vectors '$names'" || return 1 ;;
		one)
			# A queue alone needs no other
			[[ $names == all || ($type == @(rng|9p) && $names && $names != *' '*) ]] ||
				say "$type has vectors '$names'"
			;;
		esac
	done
}

# --- what the devices saw -------------------------------------------------------------------

# Their counters before the functions were bound
declare -A counted=()

# No interface is used for the other's sake, and nothing was wrong with an access
devices_saw() {
	local type
	for type in "${types[@]}"; do
		[[ ${have[$type]-} ]] || continue
		count_since "$(bdf "$type")" "${counted[$type]}"
		# shellcheck disable=SC2154 # set by count_since
		[[ $delta_strays == 0 && $delta_early == 0 && $delta_offline == 0 ]] ||
			say "$type: $delta_strays strays, $delta_early accesses in a reset, $delta_offline offline"
		# shellcheck disable=SC2154
		[[ $delta_notifies -gt 0 ]] || say "$type: no notification"
		# shellcheck disable=SC2154
		case $interface in
		# A reset comes before the choice of the interface
		modern)
			[[ $delta_writes == "$delta_resets" && $delta_reads -le $((2 * delta_resets)) && $delta_resets -le 2 ]] ||
				say "$type: $delta_reads reads and $delta_writes writes of the legacy registers"
			;;
		legacy) [[ $delta_reads -gt 5 && $delta_writes -gt 5 ]] || say "$type: registers unused" || return 1 ;;
		esac
		# shellcheck disable=SC2154
		if [[ $way == registers ]]; then
			[[ $delta_doorbells == 0 ]] || say "$type: $delta_doorbells doorbells of none"
		else
			[[ $delta_doorbells == "$delta_notifies" ]] ||
				say "$type: $delta_doorbells doorbells, $delta_notifies notifications"
		fi
	done
}

unbind_all() {
	local type name
	for type in "${!have[@]}"; do
		name=$(virtio_of "$(bdf "$type")") || continue
		native_unbind "$(bdf "$type")"
		[[ ! -e /sys/bus/virtio/devices/$name ]] || say "$type: $name is still there"
		! grep -qE " $name(-|\$)" /proc/interrupts || say "$type: interrupts of $name are still there"
		[[ ! -e $sys_pci/$(bdf "$type")/virtio_mmr_interface ]] || say "$type: attribute left"
	done
}

# --- all of it --------------------------------------------------------------------------------

use() { # WAY
	local type
	way_is "$1"
	for type in "${!have[@]}"; do
		[[ $stock ]] || counted[$type]=$(counters "$(bdf "$type")")
	done
	native_check "$way.bind" bind_all
	native_check "$way.drivers" all_have_their_driver
	native_check "$way.features" features_are_right
	native_check "$way.iommu" iommu_is
	native_check "$way.vectors" vectors_are_right
	for type in "${types[@]}" balloon; do
		[[ ! ${have[$type]-} ]] || "cases_of_$type"
	done
	[[ $stock ]] || native_check "$way.devices" devices_saw
	native_check "$way.unbind" unbind_all
	[[ ! ${have[blk]-} ]] || native_check "$way.blk.image" disk_image blk 5
	[[ ! ${have[scsi]-} ]] || native_check "$way.scsi.image" disk_image scsi 6
}

ktap_print_header
for one; do
	use "$one"
done
native_finish
