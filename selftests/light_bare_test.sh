#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A guest without an operating system on tools/vmm: guest/ports.c in place of a firmware. It drives
# functions of plain vfio-pci by INTx through the 8259. It also does what no sane guest does: all
# of it has an answer, and harms nobody else.
#
# Runs in L1, with the options that --devices prints:
#	selftests/light_bare_test.sh [--driver]
# With --driver functions are those of this project's driver.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}
driver=vfio-pci

case ${1-} in
--driver) driver=virtio_mmr_vfio_pci ;;
--devices)
	# With five more, for as many functions as there is room for
	printf -- '--vf\n%s\n' rng blk net rng:5
	exit
	;;
esac

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/ports.sh
source "$here/lib/ports.sh"
# shellcheck source=selftests/lib/light.sh
source "$here/lib/light.sh"

need_machine "runs a guest on emulated functions"

# Slots, ports and lines are those that the VMM gives out in this order
types=(rng blk net)
lines=(- 5 9 10 11 5 9 10 11)
declare -A slot_of=([rng]=1 [blk]=2 [net]=3) irq_of=([rng]=5 [blk]=9 [net]=10)
light_functions "$driver" "${types[@]}"
# Further options of light_start
more=()
# A debug kernel has no filter of system calls
sandbox=()
[[ -e /proc/sys/kernel/seccomp ]] || sandbox=(--no-sandbox)

# --- The guest --------------------------------------------------------------------

# The names are those of lib/ports.sh, which talks to the guest
light_start() { # NAME OPTION...
	local work=/run/light-$1 type options=() messages
	ports_last=$work/last ports_log=$VIRTIO_MMR_RESULTS/light-$1.log
	messages=${messages_to:-$ports_log}
	shift
	for type in "${types[@]}"; do
		options+=(--function "${bdf_of[$type]}")
	done
	options+=("${more[@]}" "${sandbox[@]}")
	mkdir -p "$work"
	rm -f "$work"/*
	mkfifo "$work/in" "$work/out"
	exec {ports_in}<>"$work/in" {ports_out}<>"$work/out"
	# A guest that hangs ends with this time, and the test with it
	timeout -k 10 $((400 * VIRTIO_MMR_TIMEOUT_SCALE)) "$vmm" "${options[@]}" --cpus 2 --memory 16 --without-avx \
		"$@" "$build/guest/ports.bin" <"$work/in" >"$work/out" 2>"$messages" 9</etc/passwd &
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

# By MSI-X, and by INTx again
test_messages() {
	local position bar offset entry port status
	read -r position bar offset < <(ports_msix "${bdf_of[rng]}")
	port=$(port_of rng)
	ask 'o %x 1 0' $((port + 0x12)) && ask 'C %x 2 8000' "$(config rng $((position + 2)))" &&
		ask 'c %x 4' "$(config rng $((0x10 + 4 * bar)))" || return 1
	entry=$(((0x$answer & ~0xf) + offset))
	ask 'v %x %x' "$entry" "$port" && [[ $answer == ffff ]] && ask 'o %x 4 0' $((port + 4)) || return 1
	for status in 1 3; do
		ask 'o %x 1 %x' $((port + 0x12)) "$status" || return 1
	done
	ask 'q 0' && [[ $answer != 0 ]] && ask 'o %x 1 7' $((port + 0x12)) &&
		all_good 20 1 'r %x %x' 20 "$patience" || return 1
	ask 'o %x 1 0' $((port + 0x12)) && ask 'C %x 2 0' "$(config rng $((position + 2)))" && test_entropy
}

# While the vector is masked, an interrupt waits, and comes when that ends
test_masked_message() {
	local position bar offset control
	read -r position bar offset < <(ports_msix "${bdf_of[rng]}")
	control=$(config rng $((position + 2)))
	ask 'o %x 1 0' $(($(port_of rng) + 0x12)) && ask 'C %x 2 c000' "$control" || return 1
	ask 'c %x 4' "$(config rng $((0x10 + 4 * bar)))"
	ask 'v %x %x' $(((0x$answer & ~0xf) + offset)) "$(port_of rng)" || return 1
	ask 'o %x 1 3' $(($(port_of rng) + 0x12)) && ask 'q 0' && ask 'o %x 1 7' $(($(port_of rng) + 0x12)) || return 1
	# In vain: the answer is in the ring, without an interrupt
	ask 'r 1 %x' 30 || return 1
	echo "# masked: $answer"
	[[ $answer == '0 0 0 1 1' ]] || return 1
	ask 'C %x 2 8000' "$control" && ask 'z %x' "$patience" || return 1
	echo "# unmasked: $answer interrupts"
	[[ $answer == 1 ]] && ask 'o %x 1 0' $(($(port_of rng) + 0x12)) && ask 'C %x 2 0' "$control" && test_entropy
}

notifies() {
	"$build/device_counters" "${bdf_of[rng]}" mmr-notifies
}

# A debug kernel does not count them
exits() {
	if [[ -e $tracing/events/kvm/kvm_userspace_exit/hist ]]; then
		trace_exits
	elif [[ $(uname -r) == *-debug-* ]]; then
		echo uncounted
	else
		echo "# this kernel does not count exits" >&2
		return 1
	fi
}

# The first one tells the kernel the way, and the later ones stay there
notify() { # PORT COUNT ARRIVE EXITS-MIN EXITS-MAX
	local before exits after
	ask 'n %x 0 1 1' "$1" || return 1
	before=$(notifies) && exits=$(exits) || return 1
	ask 'n %x 0 1 %x' "$1" "$2" || return 1
	after=$(exits) || return 1
	[[ $after == uncounted ]] || after=$((after - exits))
	# Those of the serial port are a few
	echo "# $(($(notifies) - before)) arrived, $after exits"
	[[ $(($(notifies) - before)) == "$3" &&
		($after == uncounted || ($after -ge $4 && $after -le $5)) ]]
}

# The queue's memory belongs to another function by now
test_notify() {
	ask 'o %x 1 0' $(($(port_of rng) + 0x12)) && notify $(($(port_of rng) + 0x10)) 1000 1000 0 500
}

test_decode_off() {
	ask 'C %x 2 2' "$(config rng 4)" && notify $(($(port_of rng) + 0x10)) 100 0 100 9999 &&
		ask 'C %x 2 3' "$(config rng 4)" && notify $(($(port_of rng) + 0x10)) 1000 1000 0 500
}

test_moved() {
	ask 'C %x 4 d000' "$(config rng 0x10)" && notify $((0xd010)) 1000 1000 0 500 &&
		notify $(($(port_of rng) + 0x10)) 100 0 100 9999 &&
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

# Ctrl-C at a terminal ends it as well, and the terminal gets its settings back
test_ends_by_a_key() {
	local work=/run/light-terminal keys pid command output
	mkdir -p "$work"
	rm -f "$work"/*
	mkfifo "$work/keys"
	exec {keys}<>"$work/keys"
	printf -v command '%q ' "$vmm" "${sandbox[@]}" --memory 16 --without-avx "$build/guest/ports.bin"
	SHELL=/bin/sh timeout $((200 * VIRTIO_MMR_TIMEOUT_SCALE)) \
		script -qefc "trap : INT; stty -g; $command; echo status \$?; stty -g" /dev/null <&"$keys" >"$work/out" &
	pid=$!
	# Its settings, and the guest's first line
	until [[ $(wc -l <"$work/out") -ge 2 ]]; do
		kill -0 "$pid" && sleep 0.2 || return 1
	done
	printf '\003' >&"$keys"
	wait "$pid" || true
	exec {keys}>&-
	mapfile -t output < <(tr -d '\r' <"$work/out")
	printf '# %s\n' "${output[@]}"
	[[ ${#output[@]} == 4 && ${output[2]} == 'status 130' && ${output[0]} == "${output[3]}" ]]
}

# Slots share lines, each one with the fourth after it. All of them get their interrupts
test_eight_functions() {
	local bdf slot others=()
	for bdf in $("$tools/vfs" list | awk '$2 == "rng" { print $1 }'); do
		[[ $bdf != "${bdf_of[rng]}" && ${#others[@]} != 10 ]] || continue
		light_bind "$driver" "$bdf"
		others+=(--function "$bdf")
	done
	[[ ${#others[@]} == 10 ]] || return 1
	more=("${others[@]}")
	light_start eight || return 1
	more=()
	for slot in 4 5 6 7 8; do
		slot_of[more$slot]=$slot irq_of[more$slot]=${lines[slot]}
		start_driver "more$slot" && all_good 5 1 'r 5 %x' "$patience" || return 1
		ask 'o %x 1 0' $(($(port_of "more$slot") + 0x12)) || return 1
	done
	test_entropy && test_disk && test_network || return 1
	ask 'c %x 4' $((0x80000000 | 9 << 11)) && [[ $answer == ffffffff ]] || return 1
	echo "o cf9 1 6" >&"$ports_in"
	light_end 0
}

test_multiboot() {
	local output status=0
	output=$("$vmm" "${sandbox[@]}" --memory 16 --exit-port 0xf4 --append 'one two' "$build/guest/multiboot") || status=$?
	echo "# status $status, '$output'"
	[[ $status == 42 && $output == 'one two' ]]
}

# The sandbox closes while threads are young: all of them must have begun by then
test_many_cpus() {
	local i status
	for i in {1..10}; do
		status=0
		echo "o cf9 1 6" | timeout $((100 * VIRTIO_MMR_TIMEOUT_SCALE)) "$vmm" "${sandbox[@]}" --cpus 32 --memory 16 \
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
	echo "${bdf_of[rng]}" >/sys/bus/pci/drivers/$driver/unbind
	output=$("$vmm" --function "${bdf_of[rng]}" "$build/guest/ports.bin" 2>&1) || status=$?
	echo "${bdf_of[rng]}" >/sys/bus/pci/drivers_probe
	echo "# $output"
	[[ $status == 125 && $output == *"${bdf_of[rng]}: its driver is none"*driverctl* ]] || return 1
	status=0
	# Others may have no way to the repository
	install -D -t /run/light-refuses "$vmm" "$build/guest/ports.bin"
	chmod o+rw /dev/kvm
	output=$(cd / && runuser -u nobody -- /run/light-refuses/"${vmm##*/}" --function "${bdf_of[rng]}" \
		/run/light-refuses/ports.bin 2>&1) || status=$?
	chmod o-rw /dev/kvm
	echo "# $output"
	[[ $status == 125 && $output == *"${bdf_of[rng]}: only root can read"* ]]
}

# The host takes back a disk in use. That waits until the VMM has ended, and a VMM that knows nothing
# of it ends by its time limit, with another status
test_ends_by_removal() {
	local bdf=${bdf_of[blk]} pf
	pf=$(readlink -f "/sys/bus/pci/devices/$bdf/physfn")
	light_start removal || return 1
	start_driver blk || return 1
	echo 0 >"$pf/sriov_numvfs"
	light_end 125 || return 1
	sed 's/^/# /' "$ports_log"
	grep -q "^mmrvmm: $bdf: the host takes it back" "$ports_log" && [[ ! -e /sys/bus/pci/devices/$bdf ]]
}

# Nobody reads the VMM's messages, so the one that tells of it does not get through. The first thread
# must not wait for that while it holds the machine
test_ends_while_nobody_reads() {
	local full=/run/light-full messages_to=/run/light-full file result=0
	rm -f "$full"
	mkfifo "$full"
	exec {file}<>"$full"
	# Ends when there is no more room
	dd if=/dev/zero of="$full" bs=4096 oflag=nonblock status=none 2>/dev/null || true
	light_start unread || return 1
	echo "${bdf_of[rng]}" >"/sys/bus/pci/drivers/$driver/unbind"
	light_end 125 || result=1
	exec {file}>&-
	echo "${bdf_of[rng]}" >/sys/bus/pci/drivers_probe
	return "$result"
}

# An error in the program should end it. Position, tables and stack are protected
test_hardened() {
	readelf -hWdls "$vmm" >"$ports_last.elf"
	grep -q 'Type: *DYN' "$ports_last.elf" && grep -q BIND_NOW "$ports_last.elf" &&
		grep -q GNU_RELRO "$ports_last.elf" && ! grep -q 'GNU_STACK.*RWE' "$ports_last.elf" || return 1
	# Calls of the C library that check sizes
	grep -q ' __stack_chk_fail' "$ports_last.elf" && grep -q '_chk@' "$ports_last.elf"
}

# No virtualization, no performance counters
test_processor() {
	local words
	ask 'p 1' && read -ra words <<<"$answer" && [[ $((0x${words[2]} & 1 << 5)) == 0 ]] || return 1
	ask 'p 80000001' && read -ra words <<<"$answer" && [[ $((0x${words[2]} & 1 << 2)) == 0 ]] || return 1
	ask 'p a' && [[ $answer == 0\ 0\ * ]] && ask 'p 8000000a' && [[ $answer == '0 0 0 0' ]]
}

# By the function's own file if the host has it, or by its group. KVM knows it. The caller's files
# are closed.
test_opens() {
	local child files
	child=$(pgrep -P "$ports_pid" -x mmrvmm)
	files=$(find "/proc/$child/fd" -lname '/*' -printf '%l\n' | sort | paste -sd ' ')
	echo "# $files"
	find "/proc/$child/fd" -lname '*kvm-vfio*' | grep -q . && [[ $files != */etc/passwd* ]] || return 1
	if [[ -e /dev/iommu && -e /dev/vfio/devices ]]; then
		[[ $files == *'/dev/iommu '*'/dev/vfio/devices/vfio'* && $files != */dev/vfio/vfio* ]]
	else
		[[ $files == *'/dev/vfio/'[0-9]* && $files == */dev/vfio/vfio* ]]
	fi
}

# It has no privileges, and no system calls that it does not need
test_sandbox() {
	local status=/proc/$ports_pid/status child others
	child=$(pgrep -P "$ports_pid" -x mmrvmm)
	status=/proc/$child/status
	grep -E '^(Uid|NoNewPrivs|Seccomp|CapEff):' "$status" | sed 's/^/# /'
	[[ $(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "$status") != 0 ]] &&
		grep -q $'^NoNewPrivs:\t1' "$status" && grep -q $'^CapEff:\t0*$' "$status" || return 1
	# All of its threads
	others=$(grep -L $'^Seccomp:\t2' "/proc/$child/task/"*/status || true)
	[[ ! $others ]]
}

ktap_print_header
ktap_set_plan 31
log_mark
[[ ! -e $tracing/events/syscalls ]] || trace_start
ktap_test_result starts light_start main
ktap_test_result opens test_opens
if [[ ${#sandbox[@]} == 0 ]]; then
	ktap_test_result sandbox test_sandbox
else
	echo '# skips expected: 1'
	ktap_test_skip 'sandbox # this kernel has no seccomp'
fi
ktap_test_result hardened test_hardened
ktap_test_result processor test_processor
ktap_test_result identities test_identities
ktap_test_result nobody test_nobody
ktap_test_result entropy test_entropy
ktap_test_result disk test_disk
ktap_test_result image test_image
ktap_test_result network test_network
ktap_test_result messages test_messages
ktap_test_result masked_message test_masked_message
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
ktap_test_result ends_by_a_key test_ends_by_a_key
ktap_test_result eight_functions test_eight_functions
ktap_test_result multiboot test_multiboot
ktap_test_result many_cpus test_many_cpus
ktap_test_result refuses test_refuses
ktap_test_result ends_while_nobody_reads test_ends_while_nobody_reads
ktap_test_result ends_by_removal test_ends_by_removal
ktap_test_result kernel_log log_clean
ktap_finished
