#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Linux guests with legacy drivers and other numbers of functions, other processors and other disks
# than that of guest_test.sh.
#
# Runs in L1, with the options that --devices prints, after --prepare on the host, which fetches
# the older and the 32-bit kernel and newer QEMUs from Debian:
#	selftests/several_guest_test.sh [GUEST...]
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# NAME|CHECKS|GUEST; Documentation/guests.rst has these
# shellcheck disable=SC2016 # backquotes of reStructuredText
guests=(
	'two|machine net0 blk0|a net and a block function'
	'two_trixie|machine net0 blk0|as ``two``, in QEMU 10.0 of Debian 13'
	'two_trixie_backports|machine net0 blk0|as ``two``, in QEMU 11.1 of Debian 13 (trixie-backports)'
	'two_old|machine net0 blk0|as ``two``, with Linux 5.10 of Debian 11'
	'two_q35_ports|machine places net0 blk0|as ``two``, on ``q35``: net at a root port, block on a conventional bridge'
	'microvm|machine no_ports net0 blk0|modern drivers: as ``two``, on ``microvm``, where functions have no I/O ports'
	'types_old|linux|a function of each type; Linux 5.10 of Debian 11'
	'four|machine net0 net1 blk0 blk1|two of each'
	'eight|machine net0 net1 net2 net3 blk0 blk1 blk2 blk3|four of each'
	'plug|hotplug plugged_1 unplugged_1 plugged_2 unplugged_2 plugged_3 unplugged_3|a net function, plugged in and taken out while in use, three times'
	'plug_q35|hotplug plugged_1 unplugged_1 plugged_2 unplugged_2 plugged_3 unplugged_3|the same at a root port of ``q35``, by ACPI'
	'plug_q35_native|hotplug plugged_1 unplugged_1 plugged_2 unplugged_2 plugged_3 unplugged_3|the same by the port itself (``acpi-pci-hotplug-with-bridge-support=off``)'
	'reboot|first_ping first_disk second_ping second_disk|a net and a block function; the guest reboots'
	'reset|driver before_1 before_2 after_net after_blk|a net and a block function; the machine is reset twice while both are in use (``system_reset``)'
	'kexec|driver before_net before_blk after_net after_blk|a net and a block function; the kernel boots another one by kexec'
	'kexec_busy|driver before_net before_blk busy after_net after_blk|the same while both are in use'
	'kexec_old|driver before_net before_blk busy after_net after_blk|the same with Linux 5.10, which leaves its queues to the next kernel'
	'suspend|driver before_net before_blk suspend_freeze idle_net idle_blk suspend_mem memory_net memory_blk after_net after_blk|a net and a block function; the guest suspends its devices and resumes them, twice'
	'habits|driver rebound io_off bar_sized bar_moved bar_back sleep used_again|a net and a block function; the driver leaves them ten times, and BAR0 moves'
	'options|machine relocated net0 net1 net2 blk0 blk1 modern|functions with options of vfio-pci: ``x-msix-relocation``, ``x-no-mmap``, ``x-no-kvm-msix``, ``x-no-kvm-ioeventfd``, ``x-no-vfio-ioeventfd``; one with the ID of a modern function'
	'queues_modern|driver maximum queues_4 queues_1 queues_2|modern driver: a net function with four pairs of queues; the guest uses four, one and two (``ethtool -L``)'
	'queues|driver maximum queues_4 queues_1 queues_2|the same with a legacy driver'
	'large|driver capacity write_low write_high read_low read_high|a disk of 3 TiB'
	'i386|machine net0 blk0|32 bits: Debian 12, 686-pae; a net and a block function'
	'types_i386|machine linux|a function of each type; 32 bits: Debian 12, 686-pae'
	'types_i386_nomsi|machine linux|the same with ``pci=nomsi``'
)

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
case ${1-} in
--devices)
	# The first one has several queues
	printf '%s\n' --vf net,queues=4 --vf net:4 --vf blk:4 --vf scsi --vf rng --vf console \
		--vf balloon --vf 9p
	exit
	;;
--prepare)
	linux_old_kernel
	"$tools/initramfs" l2 "$("$tools/kernel" i386)" >/dev/null
	for suite in trixie trixie-backports; do
		"$tools/../archive/qemu" "$suite" >/dev/null
	done
	exit
	;;
# For the documentation
--guests)
	printf '%s\n' "${guests[@]}"
	exit
	;;
esac

linux_begin
# The suite has others besides
mapfile -t nets < <(sed -n 's/ net .*//p' <<<"$linux_created" | tail -n 4)
mapfile -t disks < <(sed -n 's/ blk .*//p' <<<"$linux_created" | tail -n 4)
mapfile -t images < <(sed -n 's/.* blk [^ ]* //p' <<<"$linux_created" | tail -n 4)
# Its neighbour is named after its number among all
mapfile -t all_nets < <(sed -n 's/ net .*//p' <<<"$linux_created")
queues=${all_nets[-5]-} queues_number=$((${#all_nets[@]} - 5))
[[ ${#nets[@]} == 4 && ${#disks[@]} == 4 && $queues ]] || skip_all "other functions than $0 --devices prints"
# For guests with all types: the last of each, as the suite's first ones have other contents
[[ $# != 0 && " $*" != *' types_'* ]] || linux_functions < <(tac <<<"$linux_created")
mapfile -t bdfs < <(printf '%s\n' "$queues" "${nets[@]}" "${disks[@]}" "${linux_bdf[@]}" | sort -u)
"$tools/vfs" bind "${bdfs[@]}"

choose() { # NAME: sets "checks", and "after", those of the host
	local line
	line=$(guest_line "$1") || exit "$KSFT_FAIL"
	checks=${line%%|*}
	case $1 in
	plug*) after='free' ;;
	reboot | reset | habits | queues*) after='' ;;
	suspend) after='slept' ;;
	kexec_old) after='left_in_use' ;;
	kexec*) after='reset_between' ;;
	large) after='image_low image_high' ;;
	types_*)
		after=''
		linux_first=() linux_variables=() linux_lspci=1
		[[ $1 != *_i386* ]] || linux_first=(machine) linux_variables=(machine_wanted=i686) linux_lspci=0
		linux_interrupts=msix
		[[ $1 != *_nomsi ]] || linux_interrupts=ioapic
		;;
	options) after='images no_mmap no_kvm_msix' ;;
	*) after='images' ;;
	esac
}

guest_points() { # of the last one chosen
	case $checks in
	*linux*) linux_points ;;
	*) echo $(($(wc -w <<<"$checks $after") + 3)) ;;
	esac
}

# --- What the guest left on the host ----------------------------------------------

# A line "data" of the guest, and the host's file
same_data() { # FILE SECTOR SECTORS SHA256
	[[ $(dd if="$1" bs=512 skip="$2" count="$3" status=none | sha256sum) == "$4 "* ]]
}

# Each disk has what was written to it, and no other disk's
check_images() {
	local name sector sectors sum image seen=()
	while read -r _ name sector sectors sum; do
		for image in "${images[@]}"; do
			[[ ${image##*/} != "$name.img" ]] || break
		done
		[[ ${image##*/} == "$name.img" ]] && same_data "$image" "$sector" "$sectors" "$sum" || return 1
		seen+=("$name")
	done < <(grep '^data ' <<<"$guest_output")
	[[ ${#seen[@]} == "$1" && $(printf '%s\n' "${seen[@]}" | sort -u | wc -l) == "$1" ]]
}

check_image() { # low|high
	local sector sectors sum
	read -r _ _ sector sectors sum < <(grep "^data $1 " <<<"$guest_output") || return 1
	same_data "${images[0]}" "$sector" "$sectors" "$sum"
}

# --- Options of vfio-pci ----------------------------------------------------------------

# QEMU's log has its trace. Only these functions have such an event
traced_only() { # EVENT BDF...
	local found
	found=$(grep -a "^$1 " "${guest_console%/*}/qemu.log" | grep -oE '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]' | sort -u)
	[[ $found == "$(printf '%s\n' "${@:2}" | sort)" ]] || {
		echo "# $1: ${found//$'\n'/ }"
		return 1
	}
}

# --- Plugged in and out -----------------------------------------------------------------

monitor=/run/several.qmp rounds=3
monitored=(--qemu-arg -qmp --qemu-arg "unix:$monitor,server=on,wait=off")
qmp() { # COMMAND [ARGUMENTS]
	"$tools/qmp" --socket "$monitor" "$@"
}

# QEMU closes the function soon after it has said that the device is gone
becomes_free() {
	local tries
	for ((tries = 0; tries < 20; tries++)); do
		[[ $("$build/ports" "${nets[0]}" 0x12.1 2>/dev/null) != 0 ]] || return 0
		sleep 0.5
	done
	return 1
}

# In the background: as the guest's console says. Nothing holds the function between two rounds.
# No command comes after the last device_del, as the guest ends soon after that. Debian 12's QEMU
# was seen to hang at its end once, while commands still came
plug() { # VERDICT-FILE BUS
	local round
	for ((round = 1; round <= rounds; round++)); do
		linux_wait grep -aq "selftests: plug $round" "$guest_console"
		qmp device_add "{\"driver\": \"vfio-pci\", \"id\": \"plugged\", \"host\": \"${nets[0]}\", \"bus\": \"$2\"}" >/dev/null
		linux_wait grep -aq "selftests: unplug $round" "$guest_console"
		qmp --until DEVICE_DELETED device_del '{"id": "plugged"}' >/dev/null
		becomes_free || return
	done
	touch "$1"
}

# --- Reset while in use -----------------------------------------------------------------

resets=2
# In the background: as the guest's console says
reset_guest() {
	local round
	for ((round = 1; round <= resets; round++)); do
		linux_wait grep -aq "selftests: traffic $round" "$guest_console"
		qmp system_reset >/dev/null
	done
}

# --- Another kernel by kexec --------------------------------------------------------------

trace=/sys/kernel/tracing/instances/several
# Of what guests write to device status
trace_statuses() {
	# A run that was cut off has left it
	[[ ! -e $trace ]] || rmdir "$trace"
	mkdir "$trace"
	echo 'write == 1 && offset == 0x12' >"$trace/events/virtio_mmr/virtio_mmr_access/filter"
	echo 1 >"$trace/events/virtio_mmr/virtio_mmr_access/enable"
}

# Linux resets the device when it starts to use it, and has set DRIVER_OK at the end of that. What
# comes between two starts is the first kernel's
statuses_between() { # WRITES BDF...
	local bdf statuses start='0x0 0x1 0x3 0x7' wrong=0
	for bdf in "${@:2}"; do
		statuses=$(sed -n "s/.* virtio_mmr_access: $bdf write offset=0x12 width=1 value=\([^ ]*\) .*/\1/p" \
			"$trace/trace" | paste -sd ' ')
		echo "# device status of $bdf: $statuses"
		[[ $statuses == *"$start${1:+ $1} $start"* ]] || wrong=1
	done
	rmdir "$trace"
	[[ $wrong == 0 ]]
}

# --- All of them ----------------------------------------------------------------------

# Of L1's QEMU, which shows the guest another capacity
resize() { # BYTES
	local node=${images[0]##*/}
	"$tools/qmp" block_resize "{\"node-name\": \"${node%.img}\", \"size\": $1}" >/dev/null
}

guest_test() { # NAME
	local name=$1 check helper verdict=$VIRTIO_MMR_RESULTS/plug-verdict states=$VIRTIO_MMR_RESULTS/states kernel qemu size=$((3 << 40)) count=1 bus=pci.0
	guest_arguments=(--timeout 240) guest_variables=() guest_console=$VIRTIO_MMR_RESULTS/guest-$name/console.log
	rm -f "$guest_console" "$verdict"
	log_mark
	guest_scripts=(lib.sh)
	[[ " $checks " != *' driver '* ]] || guest_scripts+=(driver.sh)
	case $name in
	plug*)
		guest_variables=("rounds=$rounds")
		guest_arguments+=("${monitored[@]}")
		if [[ $name == *_q35* ]]; then
			bus=slot1
			guest_arguments+=(--machine q35 --qemu-arg -device
				--qemu-arg 'pcie-root-port,id=slot1,chassis=1,slot=1,io-reserve=4K')
		fi
		if [[ $name == *_native ]]; then
			guest_variables+=(by=pciehp)
			guest_arguments+=(--qemu-arg -global
				--qemu-arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off)
		fi
		plug "$verdict" "$bus" &
		helper=$!
		guest_run "$name" plug.sh
		# The guest may end before the last look at the function
		[[ $guest_status == 0 ]] || kill "$helper" 2>/dev/null || true
		wait "$helper" || true
		;;
	reset)
		guest_variables=("rounds=$resets")
		guest_arguments+=(--timeout 400 --qemu-arg -action --qemu-arg reboot=reset "${monitored[@]}")
		reset_guest &
		helper=$!
		guest_run "$name" reset.sh "${nets[0]}" "${disks[0]}"
		kill "$helper" 2>/dev/null || true
		wait "$helper" || true
		;;
	kexec*)
		guest_arguments+=(--timeout 400)
		case $name in
		*_busy) guest_variables=("busy='read write'") ;;
		# It goes on with what it has begun
		*_old) guest_variables=(busy=write) ;;
		esac
		kernel=$(uname -r)
		if [[ $name == *_old ]]; then
			kernel=5.10
			guest_arguments+=(--kernel "$kernel")
		fi
		guest_kexec "$kernel"
		trace_statuses
		guest_slow_disk "${disks[0]}"
		guest_run "$name" again.sh "${nets[0]}" "${disks[0]}"
		guest_slow_disk "${disks[0]}" 0
		;;
	suspend)
		guest_scripts+=(suspend.sh)
		power_watch "$states" "${nets[0]}" "${disks[0]}"
		guest_run "$name" again.sh "${nets[0]}" "${disks[0]}"
		power_watch_ends
		;;
	habits) guest_run "$name" habits.sh "${nets[0]}" "${disks[0]}" ;;
	queues*)
		guest_variables=("neighbour=10.7.$queues_number.1" pairs=4)
		guest_arguments+=(--file "$build/channels=/channels")
		if [[ $name == *_modern ]]; then
			guest_variables+=(bit_32=1)
			guest_arguments+=(--kernel-arg virtio_pci.force_legacy=0)
		fi
		guest_run "$name" queues.sh "$queues"
		;;
	options)
		count=2
		guest_variables=(modern=1 table_of_first=3)
		guest_arguments+=(--qemu-arg -trace --qemu-arg vfio_region_mmap
			--qemu-arg -trace --qemu-arg vfio_msi_interrupt)
		guest_run "$name" several.sh "${nets[0]},x-msix-relocation=bar3" "${nets[1]},x-no-mmap=on" \
			"${nets[2]},x-no-kvm-msix=on,x-no-kvm-ioeventfd=on" "${nets[3]},x-pci-device-id=0x1041" \
			"${disks[0]},x-no-kvm-msix=on" "${disks[1]},x-no-vfio-ioeventfd=on,x-no-kvm-ioeventfd=on"
		;;
	reboot)
		guest_arguments+=(--timeout 400 --qemu-arg -action --qemu-arg reboot=reset)
		guest_run "$name" traffic.sh "${nets[0]}" "${disks[0]}"
		;;
	large)
		guest_variables=("capacity=$((size / 512))")
		resize "$size"
		guest_run "$name" large.sh "${disks[0]}"
		;;
	*i386*)
		kernel=$(find "$XDG_CACHE_HOME/virtio-mmr/kernels" -maxdepth 1 -name '*-686-pae' | sort -V | tail -n 1)
		guest_arguments+=(--kernel "${kernel##*/}")
		guest_variables=(machine_wanted=i686)
		[[ $name != *_nomsi ]] || guest_arguments+=(--kernel-arg pci=nomsi)
		;;&
	two_q35_ports)
		guest_variables=(places=1)
		guest_arguments+=(--machine q35 --qemu-arg -device
			--qemu-arg 'pcie-root-port,id=port1,chassis=1,slot=1,io-reserve=4K' --qemu-arg -device
			--qemu-arg 'pcie-root-port,id=port2,chassis=2,slot=2,io-reserve=4K' --qemu-arg -device
			--qemu-arg 'pcie-pci-bridge,id=bridge,bus=port2')
		guest_run "$name" several.sh "${nets[0]},bus=port1" "${disks[0]},bus=bridge,addr=1"
		;;
	microvm)
		guest_variables=(ports=0 bit_32=1)
		guest_arguments+=(--machine microvm --kernel-arg virtio_pci.force_legacy=0)
		;;&
	*_old) guest_arguments+=(--kernel 5.10) ;;&
	two_trixie*)
		qemu=$("$tools/../archive/qemu" "$(tr _ - <<<"${name#two_}")")
		"$qemu" --version | sed 's/^/# /'
		guest_arguments+=(--qemu "$qemu")
		;;&
	two | two_old | two_trixie* | microvm | four | eight | i386*)
		[[ $name != four ]] || count=2
		[[ $name != eight ]] || count=4
		guest_run "$name" several.sh "${nets[@]:0:count}" "${disks[@]:0:count}"
		;;
	types_*)
		linux_guest "$name"
		return
		;;
	esac
	for check in $checks; do
		ktap_test_result "$name.$check" guest_passed "$check"
	done
	for check in $after; do
		case $check in
		free) ktap_test_result "$name.free" test -e "$verdict" ;;
		images) ktap_test_result "$name.images" check_images "$count" ;;
		no_mmap)
			ktap_test_result "$name.$check" traced_only vfio_region_mmap \
				"${nets[0]}" "${nets[@]:2}" "${disks[@]:0:2}"
			;;
		no_kvm_msix)
			ktap_test_result "$name.$check" traced_only vfio_msi_interrupt "${nets[2]}" "${disks[0]}"
			;;
		slept) ktap_test_result "$name.$check" power_slept "$states" 2 "${nets[0]}" "${disks[0]}" ;;
		left_in_use) ktap_test_result "$name.$check" statuses_between '' "${nets[0]}" "${disks[0]}" ;;
		reset_between) ktap_test_result "$name.$check" statuses_between 0x0 "${nets[0]}" "${disks[0]}" ;;
		image_*) ktap_test_result "$name.$check" check_image "${check#image_}" ;;
		esac
	done
	# The image would be large for whatever copies the results
	[[ $name != large ]] || resize $((64 << 20))
	ktap_test_result "$name.exit_status" test "$guest_status" = 0
	ktap_test_result "$name.guest_kernel_log" guest_log_clean
	ktap_test_result "$name.kernel_log" log_clean
}

guests_of_table "$@"
