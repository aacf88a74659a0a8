#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The VMM's half of notification. The patched QEMU of tools/qemu uses an ioeventfd, so that the
# guest's OUT does not reach user space. A guest without an operating system executes exactly
# the port accesses that a test asks for. The emulated devices count the arrivals. L1's kernel
# counts what passed through QEMU. Then a legacy Linux does its own traffic.
#
# Runs in L1, with the options that selftests/vmm_test.sh --devices prints. With --million only
# the test of that name runs, with that many notifications. Otherwise it sends a twentieth.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# The last three of the entropy functions are only reset repeatedly
if [[ ${1-} == --devices ]]; then
	printf -- '--vf\n%s\n' rng:8 blk,num-queues=64 net blk
	exit
fi
million=50000
[[ ${1-} != --million ]] || million=1000000

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/guest.sh
source "$here/lib/guest.sh"
# shellcheck source=selftests/lib/ports.sh
source "$here/lib/ports.sh"

need_machine "measures guests on emulated functions"

functions=$("$tools/vfs" create) || {
	echo "# tools/vm/vfs create failed with status $?"
	exit "$KSFT_FAIL"
}
mapfile -t rng < <(grep ' rng ' <<<"$functions")
mapfile -t blk < <(grep ' blk ' <<<"$functions")
mapfile -t net < <(grep ' net ' <<<"$functions")
[[ ${#rng[@]} == 8 && ${#blk[@]} == 2 && ${#net[@]} == 1 ]] ||
	skip_all "other functions than $0 --devices prints"
mapfile -t bdfs < <(cut -d ' ' -f 1 <<<"$functions")
"$tools/vfs" bind "${bdfs[@]}"

bdf_of() { echo "${1%% *}"; }

# --- What a number of notifications did ------------------------------------------

# Place of the functions in the guest: slot and ports
first=4 unused=5 refused=6 no_kvm=7 many=8 replugged=9
port_of() { echo $((0xc000 + $1 * 0x100)); }
notify_port_of() { echo $((0xc010 + $1 * 0x100)); }
declare -A function_of=(
	[$first]=${rng[0]} [$unused]=${rng[1]} [$refused]=${rng[2]} [$no_kvm]=${rng[3]}
	[$many]=${blk[0]} [$replugged]=${rng[4]}
)

counter() { # SLOT PROPERTY...
	timeout "$ports_patience" "$build/device_counters" "$(bdf_of "${function_of[$1]}")" "${@:2}"
}

# Sets these counts since count_start: "arrived" at the device, "strays", faulty ones of them,
# "writes" by QEMU, "exits", and "outs" of the port
count_start() { # SLOT [PORT]
	counted=$1 counted_port=${2:-$(notify_port_of "$1")}
	read -r arrived strays < <(counter "$1" mmr-notifies mmr-strays)
	writes=$(trace_writes)
	outs=$(trace_port "$counted_port")
	exits=$(trace_exits)
}

count_end() {
	local arrived_then=$arrived strays_then=$strays
	exits=$(($(trace_exits) - exits))
	outs=$(($(trace_port "$counted_port") - outs))
	writes=$(($(trace_writes) - writes))
	read -r arrived strays < <(counter "$counted" mmr-notifies mmr-strays)
	arrived=$((arrived - arrived_then)) strays=$((strays - strays_then))
	echo "# $outs OUTs: $arrived arrived, $strays were faulty, QEMU wrote $writes; $exits exits for all ports"
}

# COUNT notifications of SLOT, of QUEUES queues from FIRST on
notify() { # SLOT FIRST QUEUES COUNT
	count_start "$1"
	ports_ask "n $(printf '%x %x %x %x' "$(notify_port_of "$1")" "$2" "$3" "$4")" || return 1
	count_end
}

# The guest's console makes some exits, too
quiet() { # COUNT
	[[ $exits -lt $(($1 / 4)) ]]
}

# All arrived, and QEMU saw none of them, or this many
all_in_kernel() { # COUNT [WRITES]
	[[ $outs == "$1" && $arrived == "$1" && $strays == 0 && $writes == "${2:-0}" ]] && quiet "$1"
}

all_by_qemu() { # COUNT
	[[ $outs == "$1" && $arrived == "$1" && $strays == 0 && $writes == "$1" && $exits -ge $1 ]]
}

# No ioeventfd is left at the old place of the BAR
none_arrived() { # COUNT
	[[ $outs == "$1" && $arrived == 0 && $strays == 0 && $writes == 0 && $exits -ge $1 ]]
}

place_all() {
	local slot
	for slot in "${!function_of[@]}"; do
		[[ $slot == "$replugged" ]] || ports_place "$slot" "$(port_of "$slot")" || return 1
	done
}

vfio_option() { # SLOT [,PROPERTY...]
	echo "vfio-pci,id=slot$1,host=$(bdf_of "${function_of[$1]}"),addr=$1.0${2-}"
}

config() { # SLOT REGISTER WIDTH [VALUE]: the text of a command
	local letter=c
	[[ $# == 3 ]] || letter=C
	# shellcheck disable=SC2059 # one number more or less
	printf "$letter %x %x${4+ %x}" $((0x80000000 | $1 << 11 | $2)) "${@:3}"
}

# --- Tests --------------------------------------------------------------------

test_first_notification() {
	notify $first 0 1 1 && [[ $arrived == 1 && $writes == 1 ]]
}

test_later_ones_stay_in_the_kernel() {
	notify $first 0 1 10000 && all_in_kernel 10000
}

test_other_widths() {
	local half port
	port=$(notify_port_of $first)
	count_start $first
	ports_ask "$(printf 'o %x 1 0' "$port")"
	half=$(($(counter $first mmr-strays) - strays))
	# Notifies and sets device status, the register after Queue Notify
	ports_ask "$(printf 'o %x 4 30000' "$port")"
	count_end
	ports_ask "$(printf 'i %x 1' $((port + 2)))"
	[[ $half == 1 && $strays == 1 && $arrived == 1 && $answer == 3 ]] || return 1
	ports_ask "$(printf 'o %x 1 0' $((port + 2)))"
	ports_ask "$(printf 'i %x 2' "$port")"
	[[ $answer == ffff ]]
}

test_io_decode_off() {
	ports_ask "$(config $first 4 2 0)" && notify $first 0 1 1000 && none_arrived 1000
}

test_io_decode_on_again() {
	ports_ask "$(config $first 4 2 1)" && notify $first 0 1 1000 && all_in_kernel 1000
}

test_moved_bar() {
	local port
	port=$(port_of 16)
	ports_place $first "$port" || return 1
	notify $first 0 1 1000 && none_arrived 1000 || return 1
	count_start $first $((port + 0x10))
	ports_ask "n $(printf '%x 0 1 3e8' $((port + 0x10)))"
	count_end
	all_in_kernel 1000 || return 1
	ports_place $first "$(port_of $first)" && notify $first 0 1 1000 && all_in_kernel 1000
}

# A reset clears the set of queues in use
test_reset() { # by: qmp|guest
	if [[ $1 == qmp ]]; then
		ports_monitor system_reset >/dev/null && ports_answer || return 1
	else
		ports_ask "o cf9 1 6" || return 1
	fi
	# All BARs are at 0
	ports_ask "$(config $first 4 2)" && [[ $((0x$answer & 1)) == 0 ]] || return 1
	place_all && notify $first 0 1 2000 && all_in_kernel 2000 1
}

# Waits until the device has more notifications than that, or QEMU has ended
wait_for_more() { # SLOT THAN
	until [[ $(counter "$1" mmr-notifies) -gt $2 ]]; do
		kill -0 "$ports_pid" || return 1
		sleep 0.1
	done
}

# On the second CPU, until it must stop.
notify_in_background() { # SLOT
	count_start "$1"
	ports_ask "b $(printf '%x 0 1 0' "$(notify_port_of "$1")")" && wait_for_more "$1" "$arrived"
}

end_background() {
	ports_ask s && ports_ask w && count_end
}

test_stop_and_continue() {
	local before after
	notify_in_background $first || return 1
	ports_monitor stop >/dev/null
	before=$(counter $first mmr-notifies)
	sleep 0.5
	after=$(counter $first mmr-notifies)
	ports_monitor cont >/dev/null
	wait_for_more $first "$after"
	end_background || return 1
	[[ $before == "$after" ]] && all_in_kernel $((0x$answer))
}

# The second CPU notifies while the first one switches the BAR off and on and moves it. The
# guest loops by itself, because each letter of a command takes some exits.
test_notified_while_moved() {
	notify_in_background $first || return 1
	ports_ask "m $(printf '%x %x %x %x' $((0x80000000 | first << 11)) \
		"$(port_of $first)" "$(port_of 16)" 100)" || return 1
	end_background || return 1
	# Notifications at an old place of the BAR reach QEMU, which drops them
	[[ $arrived -gt 0 && $arrived -lt $((0x$answer)) && $strays == 0 && $exits -gt 0 ]] || return 1
	notify $first 0 1 1000 && all_in_kernel 1000
}

# A device with too many queues in use has no ioeventfds
test_many_queues() {
	notify $many 0 32 32 && [[ $arrived == 32 && $writes == 32 ]] || return 1
	notify $many 0 32 3200 && all_in_kernel 3200 || return 1
	# One more queue does not harm the others
	notify $many 32 1 1 && [[ $arrived == 1 && $writes == 1 ]] || return 1
	notify $many 0 64 640 && all_by_qemu 640
}

test_property() { # SLOT
	notify "$1" 0 1 1000 && all_by_qemu 1000
}

# A write of another width does not put a queue in use
test_many_queues_after_reset() {
	ports_ask "$(printf 'o %x 1 3f' "$(notify_port_of $many)")" || return 1
	notify $many 62 2 2000 && all_in_kernel 2000 2
}

# Two functions at one port: one of them answers, and after they part both do again. The eventfd
# of one replaces the other's, in any order of the two in QEMU.
test_two_at_one_port() {
	local slot other before

	notify $many 0 1 1 && [[ $arrived == 1 && $writes == 1 ]] || return 1
	for slot in $first $many; do
		other=$((first + many - slot))
		ports_place "$slot" "$(port_of $other)" || return 1
		before=$(counter "$slot" mmr-notifies)
		notify $other 0 1 1000 || return 1
		[[ $((arrived + $(counter "$slot" mmr-notifies) - before)) == 1000 && $writes == 0 ]] || return 1
		ports_place "$slot" "$(port_of "$slot")" || return 1
		notify $first 0 1 1000 && all_in_kernel 1000 || return 1
		notify $many 0 1 1000 && all_in_kernel 1000 || return 1
	done
}

# Counts the eventfds of QEMU
eventfds() {
	readlink "/proc/$ports_pid/fd/"* | grep -c eventfd
}

test_unplugged_while_notified() {
	local before eventfds group
	eventfds=$(eventfds)
	notify_in_background $first || return 1
	ports_monitor device_del "{\"id\": \"slot$first\"}" >/dev/null || return 1
	# The guest releases the slot: ACPI's hotplug, bus 0
	ports_ask "o ae10 4 0" && ports_ask "$(printf 'o ae08 4 %x' $((1 << first)))" || return 1
	# The function's files are closed
	group=$(readlink "/sys/bus/pci/devices/$(bdf_of "${function_of[$first]}")/iommu_group")
	while readlink "/proc/$ports_pid/fd/"* | grep -qx "/dev/vfio/${group##*/}"; do
		sleep 0.1
	done
	before=$(counter $first mmr-notifies)
	sleep 0.3
	[[ $(counter $first mmr-notifies) == "$before" ]] || return 1
	ports_ask s && ports_ask w || return 1
	# Another device can use the place
	ports_monitor device_add "{\"driver\": \"vfio-pci\", \"id\": \"again\", \"addr\": \"$replugged.0\",
		\"host\": \"$(bdf_of "${function_of[$replugged]}")\"}" >/dev/null || return 1
	# The same as before, without notifications so far
	[[ $(eventfds) == $((eventfds - 1)) ]] || return 1
	ports_place $replugged "$(port_of $replugged)" && notify $replugged 0 1 2000 &&
		all_in_kernel 2000 1
}

storm() {
	local function
	while :; do
		for function in "${rng[@]:5}"; do
			echo 1 >"/sys/bus/pci/devices/$(bdf_of "$function")/reset"
			echo >>/run/storm
		done
	done
}

# $million notifications, while other functions of the same PF are reset
test_million() {
	local pid resets
	: >/run/storm
	storm &
	pid=$!
	SECONDS=0
	notify $first 0 1 "$million"
	echo "# $SECONDS s"
	resets=$(wc -l </run/storm)
	kill "$pid"
	echo "# $resets resets of other functions"
	# The first one comes to QEMU, if this is the first test
	[[ $resets -gt 3 && $writes -le 1 ]] && all_in_kernel "$million" "$writes"
}

# A kernel that accepts no ioeventfd, or the first three
test_refused() { # HOW-MANY
	REFUSE_AFTER=$1 LD_PRELOAD=$build/refuse_ioeventfd.so \
		ports_start "refused-$1" "$VIRTIO_MMR_QEMU" -device "$(vfio_option $many)" || return 1
	ports_place $many "$(port_of $many)" || return 1
	if [[ $1 == 0 ]]; then
		notify $many 0 1 1 && all_by_qemu 1 || return 1
	else
		# One ioeventfd is a probe, and is removed again
		notify $many 0 2 1000 && all_in_kernel 1000 2 || return 1
		notify $many 2 1 1 && [[ $arrived == 1 ]] || return 1
	fi
	notify $many 0 4 1000 && all_by_qemu 1000 || return 1
	ports_end
	ports_quiet
}

# A queue's first notification reaches QEMU, and the first one after a reset
few_writes() {
	echo "# $linux_writes by QEMU in two boots; net got $linux_net notifications, blk $linux_blk"
	[[ $linux_writes -gt 0 && $linux_writes -le 12 && $linux_net -ge 60 && $linux_blk -ge 800 ]]
}

# --- Run them -----------------------------------------------------------------

guest_cases=({first,second}_{ping,disk})
ktap_print_header
plan=$((27 + ${#guest_cases[@]}))
[[ $million != 1000000 ]] || plan=3
ktap_set_plan "$plan"
log_mark
trace_start

point() { # NAME COMMAND...
	ktap_test_result "$@"
}

start() { # NAME QEMU: the guest with all but the last functions
	ports_start "$1" "$2" \
		-device "$(vfio_option $first)" \
		-device "$(vfio_option $unused ,x-no-virtio-ioeventfd=on)" \
		-device "$(vfio_option $refused ,x-no-vfio-ioeventfd=on)" \
		-device "$(vfio_option $no_kvm ,x-no-kvm-ioeventfd=on)" \
		-device "$(vfio_option $many)" && place_all
}

point starts start patched "$VIRTIO_MMR_QEMU"
if [[ $million == 1000000 ]]; then
	point million test_million
	ports_end
	point kernel_log log_clean
	ktap_finished
fi
point first_notification test_first_notification
point later_ones_stay_in_the_kernel test_later_ones_stay_in_the_kernel
point other_widths test_other_widths
point io_decode_off test_io_decode_off
point io_decode_on_again test_io_decode_on_again
point moved_bar test_moved_bar
point stop_and_continue test_stop_and_continue
point notified_while_moved test_notified_while_moved
point many_queues test_many_queues
point x_no_virtio_ioeventfd test_property $unused
point x_no_vfio_ioeventfd test_property $refused
point x_no_kvm_ioeventfd test_property $no_kvm
point reset_by_monitor test_reset qmp
point reset_by_guest test_reset guest
point many_queues_after_reset test_many_queues_after_reset
point two_at_one_port test_two_at_one_port
point million test_million
point unplugged_while_notified test_unplugged_while_notified
point ends kill -0 "$ports_pid"
ports_end
point no_complaints ports_quiet
point refused test_refused 0
point refused_later test_refused 3

function_of[net]=${net[0]} function_of[disk]=${blk[1]}
linux_writes=$(trace_writes) linux_net=$(counter net mmr-notifies) linux_blk=$(counter disk mmr-notifies)
# It boots twice
guest_arguments=(--timeout 360 --qemu patched --qemu-arg -action --qemu-arg reboot=reset)
guest_run traffic traffic.sh "$(bdf_of "${net[0]}")" "$(bdf_of "${blk[1]}")"
linux_writes=$(($(trace_writes) - linux_writes))
linux_net=$(($(counter net mmr-notifies) - linux_net))
linux_blk=$(($(counter disk mmr-notifies) - linux_blk))
for name in "${guest_cases[@]}"; do
	point "linux.$name" guest_passed "$name"
done
point linux.exit_status test "$guest_status" = 0
point linux.guest_kernel_log guest_log_clean
point linux.few_exits few_writes
point kernel_log log_clean
ktap_finished
