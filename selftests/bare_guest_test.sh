#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Old guests in their simplest form: INTx through the 8259, a CPU that sleeps by HLT until the
# interrupt comes, and drivers that never set COMMAND.MASTER. The guest has no operating system
# (guest/driver.c), so each access is one that this test names.
#
# Runs in L1, with the options that --devices prints:
#	selftests/bare_guest_test.sh [--noirqfd|--million] pc|q35
# With --noirqfd QEMU passes on each interrupt, not KVM. With --million only the requests that
# flow are made, so many of them. Otherwise it is a five-hundredth.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

if [[ ${1-} == --devices ]]; then
	printf -- '--vf\n%s\n' rng blk net
	exit
fi

# shellcheck source=selftests/lib/counters.sh
source "$here/lib/counters.sh"
# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/ports.sh
source "$here/lib/ports.sh"

need_machine "runs guests on emulated functions"
qemu_options=() million=2000 irqfd=1
case ${1-} in
--noirqfd)
	qemu_options+=(-global vfio-pci.x-no-kvm-intx=on)
	irqfd=0
	shift
	;;
--million)
	million=1000000
	shift
	;;
esac
ports_machine=${1-pc}

declare -A bdf_of file_of
while read -r bdf type _ file; do
	[[ ! ${bdf_of[$type]-} ]] || continue
	bdf_of[$type]=$bdf file_of[$type]=$file
done < <("$tools/vfs" create)
for type in rng blk net; do
	[[ ${bdf_of[$type]-} ]] || skip_all "no $type function; $0 --devices prints what the machine needs"
done
"$tools/vfs" bind "${bdf_of[@]}"

# --- Places in the guest -----------------------------------------------------------

# Of each function: slot, line at the 8259, and where the chipset routes the slot's pin to a line.
# Some lines are those of the second 8259
declare -A slot_of=([rng]=4 [blk]=5 [net]=6) irq_of=([rng]=5 [blk]=10 [net]=11)
port_of() { echo $((0xc000 + ${slot_of[$1]} * 0x100)); }

route_of() { # TYPE: prints bridge and register
	if [[ $ports_machine == q35 ]]; then
		# PIRQE to PIRQH in turn
		echo $((0x1f << 11)) $((0x68 + ${slot_of[$1]} % 4))
	else
		# PIRQA to PIRQD in turn, from slot 1 on
		echo $((1 << 11)) $((0x60 + (${slot_of[$1]} - 1) % 4))
	fi
}

# A command and its numbers
ask() { # FORMAT NUMBER...
	# shellcheck disable=SC2059 # the caller's
	ports_ask "$(printf "$@")"
}

config() { # TYPE REGISTER
	echo $((0x80000000 | ${slot_of[$1]} << 11 | $2))
}

# Places the function, with bus mastering, and routes its interrupt
place() { # TYPE
	local bridge register irq=${irq_of[$1]} edges
	read -r bridge register < <(route_of "$1")
	ports_place "${slot_of[$1]}" "$(port_of "$1")" && ask 'C %x 2 5' "$(config "$1" 4)" &&
		ask 'C %x 1 %x' $((0x80000000 | bridge | register)) "$irq" || return 1
	# PCI's lines are level-triggered
	ask 'i %x 1' $((0x4d0 + irq / 8)) || return 1
	edges=$((0x$answer))
	ask 'o %x 1 %x' $((0x4d0 + irq / 8)) $((edges | 1 << irq % 8))
}

command_is() { # TYPE VALUE
	ask 'c %x 2' "$(config "$1" 4)"
	[[ $((0x$answer & 7)) == "$2" ]] || {
		echo "# COMMAND is $answer"
		return 1
	}
}

# --- The driver -----------------------------------------------------------------------

# How long a request may take, and one that must not complete, in ticks of the timer
patience=$((300 * VIRTIO_MMR_TIMEOUT_SCALE)) vain=60
end_if_queue=1 end_then_read=2

status() { # TYPE VALUE
	ask 'o %x 1 %x' $(($(port_of "$1") + 0x12)) "$2"
}

queues() { # TYPE
	ask 'q 0' && [[ $answer != 0 ]] || return 1
	[[ $1 != net ]] || { ask 'q 1' && [[ $answer != 0 ]]; }
}

# Starts the driver: the words are values for device status, and "queues"
start_driver() { # TYPE WAY WORD...
	local type=$1 way=$2 word
	shift 2
	status "$type" 0 && ask 'e %x %x %x' "${irq_of[$type]}" "$(port_of "$type")" "$way" || return 1
	# No features
	ask 'o %x 4 0' $(($(port_of "$type") + 4)) || return 1
	for word; do
		if [[ $word == queues ]]; then
			queues "$type"
		else
			status "$type" "$word"
		fi || return 1
	done
}

# Sets these: requests that ended "good", interrupts with ISR bit 0 "set" and "clear", whether
# one ended "late", without an interrupt, and whether the device "changed" the guest's memory
requests() { # TYPE COUNT [TICKS]
	local count=$2 ticks=${3-$patience}
	case $1 in
	rng) ask 'r %x %x' "$count" "$ticks" ;;
	blk) ask 'd 0 %x %x %x' "$sector" "$count" "$ticks" ;;
	net) ask 'a %x %x' "$count" "$ticks" ;;
	esac || return 1
	result
}

# Beyond the first sectors, which name the image
sector=8192
write_disk() { # COUNT
	ask 'd 1 %x %x %x' "$sector" "$1" "$patience" && result
}

result() {
	local words
	read -ra words <<<"$answer"
	good=$((0x${words[0]})) set=$((0x${words[1]})) clear=$((0x${words[2]}))
	late=$((0x${words[3]})) changed=$((0x${words[4]}))
	echo "# $good good, interrupts: $set with bit 0, $clear without, late: $late, changed: $changed"
}

# Each request has ended by an interrupt of its own, and no interrupt came without a reason
all_good() { # COUNT
	[[ $good == "$1" && $set == "$1" && $clear == 0 && $late == 0 && $changed == 1 ]]
}

# --- Tests --------------------------------------------------------------------------

usual=(0 1 3 queues 7)

start_guest() {
	ports_start "bare-$ports_machine" /usr/bin/qemu-system-x86_64 "${qemu_options[@]}" \
		-device "vfio-pci,host=${bdf_of[rng]},addr=${slot_of[rng]}.0" \
		-device "vfio-pci,host=${bdf_of[blk]},addr=${slot_of[blk]}.0" \
		-device "vfio-pci,host=${bdf_of[net]},addr=${slot_of[net]}.0" || return 1
	place rng && place blk && place net
}

# Pin A
test_pin() {
	ask 'c %x 1' "$(config rng 0x3d)" && [[ $answer == 1 ]]
}

test_entropy() {
	start_driver rng 0 "${usual[@]}" && requests rng 20 && all_good 20
}

test_disk() {
	start_driver blk 0 "${usual[@]}" || return 1
	write_disk 20 && [[ $good == 20 && $set == 20 && $clear == 0 ]] || return 1
	requests blk 20 && all_good 20
}

# What the guest wrote: as guest/driver.c makes it, its first and last word
test_image() {
	local words=() at
	for at in $((sector * 512)) $((sector * 512 + 20 * 4096 - 4)); do
		words+=("$(od -An -t u4 -j "$at" -N 4 "${file_of[blk]}" | tr -d ' ')")
	done
	[[ ${words[0]} == $(((sector << 16) * 2654435761 % (1 << 32))) &&
		${words[1]} == $((((sector + 19 * 8) << 16 ^ 1023) * 2654435761 % (1 << 32))) ]]
}

# MSI-X, and INTx again
test_messages() {
	local position bar offset control address=0xe0000000 value
	read -r position bar offset < <(ports_msix "${bdf_of[rng]}")
	control=$(config rng $((position + 2)))
	status rng 0 && ask 'C %x 4 %x' "$(config rng $((0x10 + 4 * bar)))" "$address" &&
		ask 'C %x 2 7' "$(config rng 4)" && ask 'C %x 2 8000' "$control" &&
		ask 'v %x %x' $((address + offset)) "$(port_of rng)" && [[ $answer == ffff ]] || return 1
	for value in 1 3; do
		status rng "$value" || return 1
	done
	queues rng && status rng 7 && requests rng 20 && all_good 20 || return 1
	status rng 0 && ask 'C %x 2 0' "$control" && ask 'C %x 2 5' "$(config rng 4)" && test_entropy
}

test_network() {
	start_driver net 0 "${usual[@]}" && requests net 5 && all_good 5
}

# A guest that acknowledges an interrupt only if ISR bit 0 was set hangs at the first one that
# came without it
test_acknowledges_queues_only() {
	start_driver rng $end_if_queue "${usual[@]}" && requests rng 1000 && all_good 1000
}

# As Linux uses the 8259: the line may rise once more between the two, and ISR is clear then
test_acknowledges_first() {
	start_driver rng $end_then_read "${usual[@]}" && requests rng 200 &&
		[[ $good == 200 && $late == 0 && $clear -le 200 ]]
}

counter() { # NAME, of the driver for the entropy function
	driver_counter "${bdf_of[rng]}" "intx_$1"
}

notified() {
	"$build/device_counters" "${bdf_of[rng]}" mmr-notifies
}

kvm_statistics=(exits io_exits halt_exits irq_exits irq_window_exits irq_injections)
statistics() {
	local name
	for name in "${kvm_statistics[@]}"; do
		cat "/sys/kernel/debug/kvm/$ports_pid-"*"/$name"
	done
}

# Per 1000, since before
say_exits() { # COUNT BEFORE...
	local count=$1 i after text=''
	shift
	mapfile -t after < <(statistics)
	for i in "${!kvm_statistics[@]}"; do
		text+=" ${kvm_statistics[i]} $(((after[i] - $1) * 1000 / count))"
		shift
	done
	echo "# per 1000 requests:$text"
}

# Of the guest's interrupts, each has one signal, if KVM passes it on. QEMU ends an interrupt at any
# access of the guest to a BAR, such as a notification. Then the guest has not read ISR status yet,
# and the same interrupt is signalled once more, at most once for each access
signals_agree() { # SIGNALS INTERRUPTS
	if [[ $irqfd == 1 ]]; then
		[[ $1 == "$set" && $2 -ge $1 ]]
	else
		[[ $1 -ge $set && $1 -le $((set + changed + 1)) ]]
	fi
}

# Requests of a guest that sleeps, so that a completion without an interrupt is the end. All counts
# agree: those of the guest, of the device and of the driver. If each is notified, some end while the
# guest handles the interrupt of others, or sends the next ones
test_flow() { # DEPTH EACH SHARE, of 50
	local count=$((million * $3 / 50)) before signals interrupts seen
	start_driver rng 0 "${usual[@]}" || return 1
	signals=$(counter signals) interrupts=$(counter interrupts) seen=$(notified)
	mapfile -t before < <(statistics)
	SECONDS=0
	ask 'f %x %x %x %x' "$count" "$patience" "$1" "$2" && result || return 1
	echo "# $count requests in $SECONDS s"
	say_exits "$count" "${before[@]}"
	signals=$(($(counter signals) - signals)) interrupts=$(($(counter interrupts) - interrupts))
	seen=$(($(notified) - seen))
	echo "# $changed notifications, $seen of them at the device, $interrupts interrupts of the device, $signals signals"
	[[ $good == "$count" && $late == 0 && $clear == 0 && $seen == "$changed" ]] &&
		signals_agree "$signals" "$interrupts"
}

# A driver that never sets COMMAND.MASTER does its I/O, and sees the bit set
test_without_master() { # TYPE WORD...
	local type=$1 word
	shift
	status "$type" 0 && ask 'C %x 2 1' "$(config "$type" 4)" && command_is "$type" 1 || return 1
	start_driver "$type" 0 "$@" && command_is "$type" 5 || return 1
	requests "$type" 3 && all_good 3
}

# The guest itself switches it off: the device reaches no memory
test_master_cleared() { # TYPE
	local type=$1
	start_driver "$type" 0 "${usual[@]}" && requests "$type" 1 && all_good 1 || return 1
	ask 'C %x 2 1' "$(config "$type" 4)" && requests "$type" 1 $vain || return 1
	[[ $good == 0 && $late == 0 && $changed == 0 ]] && command_is "$type" 1
}

# And on again, with a new start of the driver
test_master_set_again() { # TYPE
	ask 'C %x 2 5' "$(config "$1" 4)" && start_driver "$1" 0 "${usual[@]}" &&
		requests "$1" 3 && all_good 3
}

# Nothing of the guest before the reset is left
test_after_reset() {
	ports_monitor system_reset >/dev/null && ports_answer || return 1
	place rng && place blk && place net && start_driver blk 0 "${usual[@]}" && requests blk 3 && all_good 3
}

# One request at a time; eight, each notified; and eight that are notified together
declare -A flows=([flow_single]='1 1 1' [flow_each]='8 1 5' [flow_together]='8 0 44')
flow_tests=(flow_single flow_each flow_together)
tests=(starts pin entropy disk image network messages acknowledges_queues_only acknowledges_first "${flow_tests[@]}")
declare -A orders=(
	[0_1_3_7]='0 1 3 queues 7' [0_1_2_4]='0 1 2 queues 4' [7_at_once]='7 queues'
	[7_after_queues]='queues 7' [never_7]='1 3 queues'
)
for type in blk net; do
	for order in "${!orders[@]}"; do
		# QEMU's network receives nothing before
		[[ "$type $order" != 'net never_7' ]] || continue
		tests+=("without_master_${type}_$order")
	done
	tests+=("master_cleared_$type" "master_set_again_$type")
done
tests+=(after_reset no_complaints kernel_log)
[[ $million == 2000 ]] || tests=(starts "${flow_tests[@]}" no_complaints kernel_log)

ktap_print_header
ktap_set_plan "${#tests[@]}"
log_mark
# So that a slow guest is told from one that hangs
trace_start
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
for name in "${tests[@]}"; do
	case $name in
	starts) ktap_test_result starts start_guest ;;
	flow_*)
		# shellcheck disable=SC2086 # words
		ktap_test_result "$name" test_flow ${flows[$name]}
		;;
	without_master_*)
		type=${name#without_master_} type=${type%%_*}
		# shellcheck disable=SC2086 # words
		ktap_test_result "$name" test_without_master "$type" ${orders[${name#*_"$type"_}]}
		;;
	master_*) ktap_test_result "$name" "test_${name%_*}" "${name##*_}" ;;
	no_complaints)
		ports_end
		ktap_test_result no_complaints ports_quiet
		;;
	kernel_log) ktap_test_result kernel_log log_clean ;;
	*) ktap_test_result "$name" "test_$name" ;;
	esac
done
ktap_finished
