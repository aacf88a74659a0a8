#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest without an operating system on tools/vmm: guest/ports.c in place of a firmware. It drives
# functions of plain vfio-pci by INTx through the 8259. It also does what no sane guest does: all
# of it has an answer, and harms nobody else.
#
# Runs in L1, with the options that --devices prints:
#	selftests/light_bare_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}
vmm=$here/../build/mmrvmm

case ${1-} in
--devices)
	printf -- '--vf\n%s\n' rng blk net
	exit
	;;
esac

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/ports.sh
source "$here/lib/ports.sh"

need_machine "runs a guest on emulated functions"

# Slots, ports and lines are those that the VMM gives out in this order
types=(rng blk net)
declare -A bdf_of file_of slot_of=([rng]=1 [blk]=2 [net]=3) irq_of=([rng]=5 [blk]=9 [net]=10)
while read -r bdf type _ file; do
	bdf_of[$type]=$bdf file_of[$type]=$file
done < <("$tools/vfs" create)
modprobe vfio-pci
modprobe kvm-amd
for type in "${types[@]}"; do
	[[ ${bdf_of[$type]-} ]] || skip_all "no $type function; $0 --devices prints what the machine needs"
	device=/sys/bus/pci/devices/${bdf_of[$type]}
	echo vfio-pci >"$device/driver_override"
	[[ ! -e $device/driver ]] || echo "${bdf_of[$type]}" >"$device/driver/unbind"
	echo "${bdf_of[$type]}" >/sys/bus/pci/drivers_probe
done

# --- The guest --------------------------------------------------------------------

# The names are those of lib/ports.sh, which talks to the guest
light_start() { # NAME OPTION...
	local work=/run/light-$1 type options=()
	ports_last=$work/last ports_log=$VIRTIO_MMR_RESULTS/light-$1.log
	shift
	for type in "${types[@]}"; do
		options+=(--function "${bdf_of[$type]}")
	done
	mkdir -p "$work"
	rm -f "$work"/*
	mkfifo "$work/in" "$work/out"
	exec {ports_in}<>"$work/in" {ports_out}<>"$work/out"
	# A guest that hangs ends with this time, and the test with it
	timeout $((400 * VIRTIO_MMR_TIMEOUT_SCALE)) "$vmm" "${options[@]}" --cpus 2 --memory 16 --without-avx \
		"$@" "$build/guest/ports.bin" <"$work/in" >"$work/out" 2>"$ports_log" &
	ports_pid=$! ports_gone=''
	{ tail -f --pid="$ports_pid" /dev/null; echo gone >&"$ports_out"; } &
	ports_answer
}

light_end() { # STATUS
	local status=0
	wait "$ports_pid" || status=$?
	exec {ports_in}>&- {ports_out}>&-
	echo "# the VMM ended with status $status"
	[[ $status == "$1" ]]
}

# A command and its numbers
ask() { # FORMAT NUMBER...
	# shellcheck disable=SC2059 # the caller's
	ports_ask "$(printf "$@")"
}

answers() { # VALUE COMMAND NUMBER...
	local value=$1
	shift
	ask "$@" || return 1
	[[ $answer == "$value" ]] || {
		echo "# $*: $answer, not $value"
		return 1
	}
}

config() { # TYPE REGISTER
	echo $((0x80000000 | ${slot_of[$1]} << 11 | $2))
}

port_of() { # TYPE
	echo $((0xc000 + ${slot_of[$1]} * 0x100))
}

# --- The driver, as guest/driver.c has it --------------------------------------------

patience=$((300 * VIRTIO_MMR_TIMEOUT_SCALE)) sector=8192

start_driver() { # TYPE
	local type=$1 port status
	port=$(port_of "$type")
	ask 'o %x 1 0' $((port + 0x12)) && ask 'e %x %x 0' "${irq_of[$type]}" "$port" &&
		ask 'o %x 4 0' $((port + 4)) || return 1
	for status in 1 3; do
		ask 'o %x 1 %x' $((port + 0x12)) "$status" || return 1
	done
	ask 'q 0' && [[ $answer != 0 ]] || return 1
	[[ $type != net ]] || { ask 'q 1' && [[ $answer != 0 ]]; } || return 1
	ask 'o %x 1 7' $((port + 0x12))
}

# Each request has ended by an interrupt of its own, with the right data
all_good() { # COUNT CHANGED COMMAND NUMBER...
	local count=$1 changed=$2 words
	shift 2
	ask "$@" || return 1
	read -ra words <<<"$answer"
	echo "# $answer: good, interrupts with bit 0 and without, late, changed"
	[[ $((0x${words[0]})) == "$count" && $((0x${words[1]})) == "$count" && ${words[2]} == 0 &&
		${words[3]} == 0 && ($changed == any || ${words[4]} == "$changed") ]]
}

# --- Tests --------------------------------------------------------------------------

test_identities() {
	answers 10051af4 'c %x 4' "$(config rng 0)" &&
		answers 10011af4 'c %x 4' "$(config blk 0)" &&
		answers 10001af4 'c %x 4' "$(config net 0)" &&
		answers ffffffff 'c %x 4' $((0x80000000 | 4 << 11)) &&
		answers 1 'c %x 1' "$(config rng 0x3d)"
}

test_nobody() {
	answers ff 'i 60 1' && answers ffff 'i 1f0 2' && answers ffffffff 'i fff0 4' &&
		ask 'o 1f0 4 12345678' && answers ffffffff 'i 1f0 4'
}

test_entropy() {
	start_driver rng && all_good 20 1 'r %x %x' 20 "$patience"
}

test_disk() {
	start_driver blk && all_good 10 any 'd 1 %x %x %x' "$sector" 10 "$patience" &&
		all_good 10 1 'd 0 %x %x %x' "$sector" 10 "$patience"
}

# What the guest wrote: its first word, as guest/driver.c makes it
test_image() {
	local word
	word=$(od -An -t u4 -j $((sector * 512)) -N 4 "${file_of[blk]}" | tr -d ' ')
	[[ $word == $(((sector << 16) * 2654435761 % (1 << 32))) ]]
}

test_network() {
	start_driver net && all_good 3 1 'a %x %x' 3 "$patience"
}

notifies() {
	"$build/device_counters" "${bdf_of[rng]}" mmr-notifies
}

# The first one tells the kernel the way, and the later ones stay there
notify() { # PORT COUNT ARRIVE EXITS
	local before exits
	ask 'n %x 0 1 1' "$1" || return 1
	before=$(notifies) exits=$(trace_exits)
	ask 'n %x 0 1 %x' "$1" "$2" || return 1
	exits=$(($(trace_exits) - exits))
	# Those of the serial port are a few
	echo "# $(($(notifies) - before)) arrived, $exits exits"
	[[ $(($(notifies) - before)) == "$3" && $exits -le $4 ]]
}

# The queue's memory belongs to another function by now
test_notify() {
	ask 'o %x 1 0' $(($(port_of rng) + 0x12)) && notify $(($(port_of rng) + 0x10)) 1000 1000 500
}

test_decode_off() {
	ask 'C %x 2 2' "$(config rng 4)" && notify $(($(port_of rng) + 0x10)) 100 0 9999 &&
		ask 'C %x 2 3' "$(config rng 4)" && notify $(($(port_of rng) + 0x10)) 1000 1000 500
}

test_moved() {
	ask 'C %x 4 d000' "$(config rng 0x10)" && notify $((0xd010)) 1000 1000 500 &&
		notify $(($(port_of rng) + 0x10)) 100 0 9999 &&
		ask 'C %x 4 %x' "$(config rng 0x10)" "$(port_of rng)"
}

# Over RAM, over interrupt controllers, over another BAR, on top of all
test_hostile_places() {
	local register address
	for register in 0x14 0x18 0x20; do
		for address in 0 1000 f0000 fee00000 fec00000 c0000000 fffff000; do
			ask 'C %x 4 %s' "$(config rng $register)" "$address" || return 1
		done
	done
	# The upper half, and back
	ask 'C %x 4 ffffffff' "$(config rng 0x24)" && ask 'C %x 4 0' "$(config rng 0x24)" &&
		ask 'C %x 2 0' "$(config rng 4)" && ask 'C %x 2 3' "$(config rng 4)"
}

# Power states, resets, MSI-X on and off without a table
test_hostile_registers() {
	local position
	position=$(lspci -v -s "${bdf_of[rng]}" | sed -n 's/.*\[\(..\)\] Power Management.*/0x\1/p')
	ask 'C %x 2 3' "$(config rng $((position + 4)))" &&
		answers 10051af4 'c %x 4' "$(config rng 0)" || return 1
	position=$(lspci -v -s "${bdf_of[rng]}" | sed -n 's/.*\[\(..\)\] MSI-X.*/0x\1/p')
	ask 'C %x 2 8000' "$(config rng $((position + 2)))" &&
		ask 'C %x 2 c000' "$(config rng $((position + 2)))" &&
		ask 'C %x 2 0' "$(config rng $((position + 2)))"
}

# Each port but those that end the machine, and the serial port that we talk through
test_hostile_ports() {
	local port
	for port in 0 20 21 40 43 60 61 70 71 80 a0 a1 2f8 2fb 2fc 4d0 cf8 cfb cff c000 c0ff c1ff c2fe c3ff \
		e9 f4 ffff; do
		ask 'i %s 4' "$port" || return 1
	done
	for port in 60 70 80 2f8 2f9 cfd c1fe c2ff c3ff fffd; do
		ask 'o %s 4 ffffffff' "$port" || return 1
	done
	ask 'o cf8 4 0'
}

test_still_works() {
	test_entropy
}

test_ends_by_reset() {
	echo "o cf9 1 6" >&"$ports_in"
	light_end 0
}

test_ends_by_status() {
	light_start status --exit-port 0xf4 || return 1
	echo "o f4 1 2a" >&"$ports_in"
	light_end 42
}

test_ends_by_signal() {
	light_start signal || return 1
	kill -TERM "$(pgrep -P "$ports_pid" -x mmrvmm)"
	light_end 143
}

# The sandbox closes while threads are young: all of them must have begun by then
test_many_cpus() {
	local i status
	for i in {1..10}; do
		status=0
		echo "o cf9 1 6" | timeout $((100 * VIRTIO_MMR_TIMEOUT_SCALE)) "$vmm" --cpus 32 --memory 16 \
			--without-avx "$build/guest/ports.bin" >/dev/null || status=$?
		[[ $status == 0 ]] || { echo "# start $i: status $status" && return 1; }
	done
}

# Errors name the function and the way out
test_refuses() {
	local output status=0
	output=$("$vmm" --function 0000:7f:00.0 "$build/guest/ports.bin" 2>&1) || status=$?
	echo "# $output"
	[[ $status == 125 && $output == *0000:7f:00.0*mmrctl* ]] || return 1
	status=0
	output=$("$vmm" --function "${bdf_of[rng]}" --function "${bdf_of[rng]}" "$build/guest/ports.bin" 2>&1) || status=$?
	echo "# $output"
	[[ $status == 125 && $output == *"${bdf_of[rng]}: --function is given twice"* ]] || return 1
	status=0
	echo "${bdf_of[rng]}" >/sys/bus/pci/drivers/vfio-pci/unbind
	output=$("$vmm" --function "${bdf_of[rng]}" "$build/guest/ports.bin" 2>&1) || status=$?
	echo "${bdf_of[rng]}" >/sys/bus/pci/drivers_probe
	echo "# $output"
	[[ $status == 125 && $output == *"${bdf_of[rng]}: its driver is none"*driverctl* ]]
}

# It has no privileges, and no system calls that it does not need
test_sandbox() {
	local status=/proc/$ports_pid/status child
	child=$(pgrep -P "$ports_pid" -x mmrvmm)
	status=/proc/$child/status
	grep -E '^(Uid|NoNewPrivs|Seccomp|CapEff):' "$status" | sed 's/^/# /'
	[[ $(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "$status") != 0 ]] &&
		grep -q $'^NoNewPrivs:\t1' "$status" && grep -q $'^CapEff:\t0*$' "$status" || return 1
	# All of its threads
	! grep -L $'^Seccomp:\t2' "/proc/$child/task/"*/status | grep -q .
}

ktap_print_header
ktap_set_plan 21
log_mark
trace_start
ktap_test_result starts light_start main
ktap_test_result sandbox test_sandbox
ktap_test_result identities test_identities
ktap_test_result nobody test_nobody
ktap_test_result entropy test_entropy
ktap_test_result disk test_disk
ktap_test_result image test_image
ktap_test_result network test_network
ktap_test_result notify test_notify
ktap_test_result decode_off test_decode_off
ktap_test_result moved test_moved
ktap_test_result hostile_places test_hostile_places
ktap_test_result hostile_registers test_hostile_registers
ktap_test_result hostile_ports test_hostile_ports
ktap_test_result still_works test_still_works
ktap_test_result ends_by_reset test_ends_by_reset
ktap_test_result ends_by_status test_ends_by_status
ktap_test_result ends_by_signal test_ends_by_signal
ktap_test_result many_cpus test_many_cpus
ktap_test_result refuses test_refuses
ktap_test_result kernel_log log_clean
ktap_finished
