#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mmrctl and functions as devices of the host: bind --native and its names, each use that must
# keep a function where it is, the change between the two drivers, and driverctl. sysfs says what
# has happened, not mmrctl.
#
#	mapfile -t devices < <(selftests/mmrctl_native_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/mmrctl_native_test.sh
set -euo pipefail

if [[ ${1-} == --devices ]]; then
	printf -- '--vf\n%s\n' blk:2 net:2 scsi 9p console rng balloon
	exit
fi

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
vfio=virtio_mmr_vfio_pci native=virtio_mmr_pci
mmrctl=$repository/build/mmrctl
devices=/sys/bus/pci/devices
seconds=$((20 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}))
work=''

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/mmrctl.sh
source "$here/lib/mmrctl.sh"

need_machine "binds and unbinds functions"
[[ -x $mmrctl ]] || skip_all "build/mmrctl is missing: make mmrctl"
declare -A bdf_of=()
while read -r bdf type _; do
	[[ ! ${bdf_of[$type]-} ]] || type+='2'
	bdf_of[$type]=$bdf
done < <("$repository/tools/vm/vfs" create)
[[ ${#bdf_of[@]} == 9 ]] || skip_all "this virtual machine lacks the functions that --devices names"
blk=${bdf_of[blk]} net=${bdf_of[net]} scsi=${bdf_of[scsi]} share=${bdf_of[9p]}
console=${bdf_of[console]} rng=${bdf_of[rng]} balloon=${bdf_of[balloon]}
spare=${bdf_of[blk2]}
all=("$blk" "$spare" "$net" "${bdf_of[net2]}" "$scsi" "$share" "$console" "$rng")

# As in mmrctl_test.sh, a folder with the modules replaces /lib/modules. What this test needs
# itself is loaded before. The balloon's driver is in neither place
install_modules() {
	local release modules file
	release=$(uname -r)
	modules=$work/lib/modules/$release
	mkdir -p "$modules/updates"
	"$repository/tools/vm/vfs" load $vfio
	rmmod $vfio virtio_mmr
	for file in dm-mod loop bridge ext4 9p 9pnet_virtio sd_mod sg virtio_net virtio_blk virtio_console \
		virtio_rng vfio-pci virtio_pci; do
		modprobe "$file"
	done
	modprobe -a scsi_transport_spi 2>/dev/null || true
	! modprobe -r virtio_scsi || true
	cp "$repository/build/$release"/virtio_mmr*.ko "$modules/updates/"
	for file in vfio-pci virtio_scsi; do
		file=$(modinfo -n $file)
		[[ $file == '(builtin)' ]] || cp "$file" "$modules/"
	done
	touch "$modules"/modules.{order,builtin,builtin.modinfo}
	depmod -b "$work" "$release" 2>/dev/null
	mount --bind "$modules" "/lib/modules/$release"
}

# The device of a function that CLASS has, such as block or net
found() { # BDF CLASS
	local folder
	for folder in "$devices/$1"/virtio*/"$2"/*; do
		[[ -e $folder ]] || return 1
		echo "${folder##*/}"
	done
}

within() { # COMMAND...
	local end=$((SECONDS + seconds))
	until "$@"; do
		[[ $SECONDS -lt $end ]] || return 1
		sleep 0.1
	done
}

scsi_disk() {
	local folder
	for folder in "$devices/$scsi"/virtio*/host*/target*/*/block/*; do
		[[ -e $folder ]] || return 1
		echo "${folder##*/}"
	done
}

# --- binding ------------------------------------------------------------------------

# mmrctl loads the driver, and the virtio driver, as there is no udev here
loads_the_modules() {
	[[ ! -e /sys/module/$native && ! -e /sys/bus/virtio/drivers/virtio_scsi ]] || {
		echo "# a module is loaded already"
		return 1
	}
	run bind --native "$scsi"
	expect 0 && have $native $native "$scsi" || return 1
	[[ -e /sys/module/$native && -e /sys/bus/virtio/drivers/virtio_scsi &&
		$output == "$scsi: $native, native (host"*') (was: no driver)' ]] || {
		echo "# $output"
		return 1
	}
	within scsi_disk >/dev/null
}

# A name for each function, at once
names_what_came() {
	local port tag
	run bind --native "${all[@]}"
	expect 0 && have $native $native "${all[@]}" || return 1
	port=$(found "$console" virtio-ports) && tag=$(tr -d '\0' <"$(echo "$devices/$share"/virtio*/mount_tag)") || return 1
	cat >"$work/want" <<-END
		$blk: $native, native ($(found "$blk" block)) (was: no driver)
		$spare: $native, native ($(found "$spare" block)) (was: no driver)
		$net: $native, native ($(found "$net" net)) (was: no driver)
		${bdf_of[net2]}: $native, native ($(found "${bdf_of[net2]}" net)) (was: no driver)
		$scsi: $native, native (host$(basename "$(echo "$devices/$scsi"/virtio*/host*)" | tr -dc 0-9), $(scsi_disk)), unchanged
		$share: $native, native ($tag) (was: no driver)
		$console: $native, native (${port//$'\n'/, }) (was: no driver)
		$rng: $native, native (hwrng) (was: no driver)
	END
	diff "$work/want" - <<<"$output" | sed 's/^/# /'
	[[ $output == "$(<"$work/want")" ]]
}

binding_again_changes_nothing() {
	run bind --native "${all[@]}" --json
	expect 0 && have $native $native "${all[@]}" || return 1
	[[ $(grep -c '"changed": false' <<<"$output") == 8 && $errors == '' ]]
}

list_and_show_agree_with_sysfs() {
	run list "$blk" "$net" --json
	expect 0 || return 1
	[[ $(values functions.0.native.devices functions.0.native.virtio_driver functions.0.native.interface \
		functions.1.native.devices.0.name functions.1.native.virtio_device <<<"$output") == \
		"[{\"kind\": \"disk\", \"name\": \"$(found "$blk" block)\"}]
virtio_blk
$(<"$devices/$blk/virtio_mmr_interface")
$(found "$net" net)
$(basename "$(dirname "$(echo "$devices/$net"/virtio*/net)")")" ]] || {
		echo "# $output"
		return 1
	}
	run show "$blk"
	[[ $output == *"disk $(found "$blk" block)"* && $output == *'driver virtio_blk'* ]]
}

# The function of any use is ready, whatever its group
check_knows_it() {
	run check "$blk" "$balloon"
	[[ $output == *"native_module: $native is loaded"* &&
		$output == *"$blk driver: bound to $native, native ($(found "$blk" block))"* &&
		$output == *"$blk dma: IOMMU group "*" does not translate (identity)"* ]] || {
		echo "# ${output//$'\n'/$'\n'# }"
		return 1
	}
}

# --- uses ------------------------------------------------------------------------------

# Each of the verbs that would take the function away refuses, and changes nothing
refused() { # BDF WORDS
	run unbind "$1"
	expect 5 "$2" && have $native $native "$1" || return 1
	run bind "$1"
	expect 5 "$2" && have $native $native "$1"
}

# Runs a command that must succeed, then refused(), then another command that ends the use
while_used() { # BDF WORDS BEGIN END: commands for a shell
	local result=0
	(eval "$3") >"$work/log" 2>&1 || {
		sed 's/^/# /' "$work/log"
		return 1
	}
	refused "$1" "$2" || result=1
	(eval "$4") || result=1
	return $result
}

disk_is_used() {
	local disk number
	disk=$(found "$blk" block)
	number=$(<"/sys/class/block/$disk/dev")
	mkfs.ext4 -q -F "/dev/$disk" && mkdir -p "$work/mnt" || return 1
	while_used "$blk" "$disk (mounted on $work/mnt)" "mount /dev/$disk $work/mnt" "umount $work/mnt" || return 1
	while_used "$blk" "$disk (part of dm-" \
		"echo '0 2048 linear /dev/$disk 0' | dmsetup create mmrctl --noudevsync" \
		'dmsetup remove --noudevsync mmrctl' || return 1
	while_used "$blk" "$disk (backing file of loop" "losetup -f /dev/$disk" 'losetup -D' || return 1
	while_used "$blk" "has /dev/$disk open" \
		"sleep infinity </dev/$disk >/dev/null 2>&1 & echo \$! >$work/pid; sleep 0.5" "kill \$(<$work/pid)" || return 1
	# Where not all processes can be seen, with their mounts and files
	status=0
	errors=$(unshare --pid --fork --mount-proc "$mmrctl" unbind "$blk" 2>&1) || status=$?
	expect 6 'nobody can tell from here whether it is in use' && have $native $native "$blk" || return 1
	# As a container has it
	while_used "$blk" "has /dev/volume0 open" \
		"mkdir -p $work/dev; mknod $work/dev/volume0 b ${number/:/ }
		sleep infinity <$work/dev/volume0 >/dev/null 2>&1 & echo \$! >$work/pid; sleep 0.5" \
		"kill \$(<$work/pid)" || return 1
	# Mounted where mmrctl is not
	while_used "$blk" "$disk (mounted on $work/mnt, which process " \
		"unshare -m sh -c 'mount /dev/$disk $work/mnt; exec sleep infinity' >/dev/null 2>&1 & echo \$! >$work/pid
		until grep -q ' $number ' /proc/\$(<$work/pid)/mountinfo; do sleep 0.1; done" \
		"kill \$(<$work/pid); sleep 0.5" || return 1
	mkswap --force "/dev/$disk" >/dev/null 2>&1 || return 1
	while_used "$blk" "$disk (swap space)" "swapon /dev/$disk" "swapoff /dev/$disk" || return 1
	# A use that nothing but the kernel knows
	while_used "$blk" "$disk (claimed by the kernel or a process)" \
		"swapon /dev/$disk && mount --bind /dev/null /proc/swaps" "umount /proc/swaps; swapoff /dev/$disk"
}

partition_is_used() {
	local disk
	disk=$(found "$spare" block)
	# A table with one partition of type 83: 65536 sectors from 2048 on
	{
		head -c 446 /dev/zero
		printf '\0\0\0\0\x83\0\0\0\0\x08\0\0\0\0\1\0'
		head -c 48 /dev/zero
		printf '\x55\xaa'
	} | dd "of=/dev/$disk" conv=fsync status=none
	blockdev --rereadpt "/dev/$disk" && within test -b "/dev/${disk}1" && mkfs.ext4 -q -F "/dev/${disk}1" || return 1
	while_used "$spare" "${disk}1 (mounted on $work/mnt)" "mount /dev/${disk}1 $work/mnt" "umount $work/mnt"
}

interface_is_used() {
	local name
	name=$(found "$net" net)
	while_used "$net" "$name (interface is up)" "ip link set $name up" "ip link set $name down" || return 1
	while_used "$net" "$name (part of br7)" "ip link add br7 type bridge && ip link set $name master br7" \
		'ip link del br7' || return 1
	while_used "$net" 'interface is in another network namespace' \
		"ip netns add mmrctl && ip link set $name netns mmrctl" \
		"ip -n mmrctl link set $name netns 1; ip netns del mmrctl" || return 1
	[[ $(found "$net" net) == "$name" ]]
}

scsi_disk_is_used() {
	local disk sg
	disk=$(scsi_disk)
	sg=$(echo "$devices/$scsi"/virtio*/host*/target*/*/scsi_generic/*)
	mkfs.ext4 -q -F "/dev/$disk" || return 1
	while_used "$scsi" "$disk (mounted on $work/mnt)" "mount /dev/$disk $work/mnt" "umount $work/mnt" || return 1
	while_used "$scsi" "has /dev/${sg##*/} open" \
		"sleep infinity </dev/${sg##*/} >/dev/null 2>&1 & echo \$! >$work/pid; sleep 0.5" "kill \$(<$work/pid)"
}

share_is_used() {
	local tag
	tag=$(tr -d '\0' <"$(echo "$devices/$share"/virtio*/mount_tag)")
	while_used "$share" "$tag (mounted on $work/mnt)" "mount -t 9p -o trans=virtio $tag $work/mnt" "umount $work/mnt"
}

# debugfs says which terminal a port is
console_is_used() {
	local port number
	mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug || return 1
	port=$(found "$console" virtio-ports | head -n 1)
	number=$(sed -n 's/^console_vtermno: //p' "/sys/kernel/debug/virtio-ports/$port")
	[[ $number -gt 0 ]] || return 1
	# What is written there goes to the emulation's file for this very function
	echo "mmrctl looks at hvc$((number - 1))" >"/dev/hvc$((number - 1))"
	within grep -q "mmrctl looks at hvc$((number - 1))" "$VIRTIO_MMR_RESULTS"/hvc0.log || {
		echo "# hvc$((number - 1)) is another console"
		return 1
	}
	while_used "$console" "has /dev/hvc$((number - 1)) open" \
		"sleep infinity </dev/hvc$((number - 1)) >/dev/null 2>&1 & echo \$! >$work/pid; sleep 0.5" "kill \$(<$work/pid)"
}

# --- between the two drivers ----------------------------------------------------------------

# Holds a function's group open, as a VMM does
guest_keeps_it() {
	local result=0 group holder
	run bind "$spare"
	expect 0 && have $vfio $vfio "$spare" || return 1
	group=$(basename "$(readlink "$devices/$spare/iommu_group")")
	sleep infinity 9<>"/dev/vfio/$group" &
	holder=$!
	within test "/proc/$holder/fd/9" -ef "/dev/vfio/$group"
	run bind --native "$spare"
	{ expect 5 "$spare: in use by " && have $vfio $vfio "$spare"; } || result=1
	kill $holder
	wait $holder 2>/dev/null || true
	run bind --native "$spare"
	{ expect 0 && have $native $native "$spare"; } || result=1
	return $result
}

# Whatever happened between, unbind restores what was there before the first bind
changes_over_and_back() {
	local disk
	disk=$(found "$blk" block)
	printf '%-511s\n' 'written as a disk of the host' | dd "of=/dev/$disk" bs=512 seek=4096 conv=fsync status=none
	run bind "$blk"
	expect 0 && have $vfio $vfio "$blk" && [[ $output == "$blk: $vfio (was: $native)" && ! -e /dev/$disk ]] || return 1
	run regs "$blk"
	expect 0 || return 1
	run bind --native "$blk"
	expect 0 && have $native $native "$blk" || return 1
	disk=$(found "$blk" block)
	[[ $(dd "if=/dev/$disk" bs=512 skip=4096 count=1 status=none) == 'written as a disk of the host'* ]] || return 1
	run unbind "$blk"
	expect 0 && have none '(null)' "$blk" && [[ ! -e /run/mmrctl/$blk ]] || return 1

	echo vfio-pci >"$devices/$blk/driver_override"
	echo "$blk" >/sys/bus/pci/drivers_probe
	have vfio-pci vfio-pci "$blk" || return 1
	run bind "$blk"
	expect 0 || return 1
	run bind --native "$blk"
	expect 0 && have $native $native "$blk" || return 1
	run show "$blk"
	[[ $output == *'unbind restores  vfio-pci, driver_override vfio-pci'* ]] || return 1
	run unbind "$blk"
	expect 0 && have vfio-pci vfio-pci "$blk" || return 1
	echo "$blk" >"$devices/$blk/driver/unbind"
	echo >"$devices/$blk/driver_override"
}

# Bound for guests without mmrctl, as by driverctl: that is what unbind restores
restores_the_other_driver() {
	"$repository/tools/vm/vfs" bind "$blk"
	run bind --native "$blk"
	expect 0 && have $native $native "$blk" || return 1
	run unbind "$blk"
	expect 0 && have $vfio $vfio "$blk" || return 1
	# There and back by bind alone: no record is left, and the next unbind takes the driver
	run bind --native "$blk"
	expect 0 || return 1
	run bind "$blk"
	expect 0 && have $vfio $vfio "$blk" && [[ ! -e /run/mmrctl/$blk ]] || return 1
	run unbind "$blk"
	expect 0 && have none '(null)' "$blk"
}

# Killed between the drivers, and before the first of them has let go
killed() {
	run bind "$blk"
	expect 0 || return 1
	run_with_signal SIGKILL /sys/bus/pci/drivers_probe 1 bind --native "$blk"
	expect 137 && have none $native "$blk" || return 1
	run unbind "$blk"
	expect 0 && have none '(null)' "$blk" || return 1
	run bind "$blk"
	expect 0 || return 1
	run_with_signal SIGKILL /sys/bus/pci/drivers/$vfio/unbind 1 bind --native "$blk"
	expect 137 && have $vfio $native "$blk" || return 1
	run bind "$blk"
	expect 0 && have $vfio $vfio "$blk" || return 1
	run unbind "$blk"
	expect 0 && have none '(null)' "$blk"
}

# The balloon's driver is not there, so the function is of no use, and the others are not bound
all_or_none() {
	run bind "$spare"
	expect 0 || return 1
	run bind --native "$blk" "$spare" "$balloon"
	expect 1 "$balloon: virtio" && [[ $errors == *'has no driver'* ]] || return 1
	have none '(null)' "$blk" "$balloon" && have $vfio $vfio "$spare" || return 1
	run unbind "$spare"
	expect 0 && have none '(null)' "$spare"
}

balloon_is_refused() {
	local group
	group=$(readlink -f "$devices/$balloon/iommu_group")
	echo DMA >"$group/type" || return 1
	run bind --native "$balloon"
	expect 4 "$balloon: is a balloon" && have none '(null)' "$balloon" || return 1
	run check "$balloon"
	[[ $output == *'native use of this balloon is refused'* ]]
}

# As for the other driver: the command of driverctl's udev rule, by hand
driverctl_makes_it_last() {
	local pf
	pf=$(basename "$(readlink -f "$devices/$blk/physfn")")
	driverctl set-override "$blk" $native || return 1
	have $native $native "$blk" || return 1
	run show "$blk"
	[[ $output == *"at each boot     $native, by driverctl"* ]] || return 1
	echo 0 >"$devices/$pf/sriov_numvfs"
	echo 2 >"$devices/$pf/sriov_numvfs"
	have none '(null)' "$blk" && driverctl load-override "$blk" && have $native $native "$blk" || return 1
	within found "$blk" block >/dev/null || return 1
	# For a guest until the next boot
	run bind "$blk"
	expect 0 "driverctl binds it to $native at the next boot" && have $vfio $vfio "$blk" || return 1
	run unbind "$blk"
	expect 0 && have $native $native "$blk" || return 1
	driverctl --noprobe unset-override "$blk" && run unbind "$blk" && expect 0 && have none '(null)' "$blk"
}

all_are_released() {
	run unbind "${all[@]}"
	expect 0 && have none '(null)' "${all[@]}"
}

tests=(loads_the_modules names_what_came binding_again_changes_nothing list_and_show_agree_with_sysfs
	check_knows_it disk_is_used partition_is_used interface_is_used scsi_disk_is_used share_is_used console_is_used
	guest_keeps_it changes_over_and_back all_are_released restores_the_other_driver killed all_or_none
	balloon_is_refused driverctl_makes_it_last)

work=$(mktemp -d)
ktap_print_header
ktap_set_plan $((${#tests[@]} + 1))
install_modules
log_mark
for test in "${tests[@]}"; do
	ktap_test_result "$test" "$test"
done
ktap_test_result kernel_log log_clean
ktap_finished
