#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A network function with several pairs of queues as a device of the host: each queue has a vector
# of its own, which goes to the CPU that uses the queue. Their number changes while the interface is
# in use. Runs in L1 with the options that --devices prints:
#	mapfile -t devices < <(selftests/native_queues_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_queues_test.sh
# All of it skips on a machine whose users cannot make tap interfaces.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"

# L1 has two CPUs
pairs=4
if [[ ${1-} == --devices ]]; then
	if "$tools/namespace" true 2>/dev/null; then
		printf -- '--vf\nnet,queues=%u\n' $pairs
	else
		printf -- '--vf\nrng\n'
	fi
	exit
fi

native_start
native_create
[[ ${native_bdf[net0]-} ]] ||
	skip_all "QEMU's networks have one queue, and this machine has no tap interfaces for others; 'tools/vm/namespace true' says why"
net=${native_bdf[net0]}

flows=8
up() {
	local interface flow
	native_bind "$net"
	interface=$(interface_of "$net")
	# Each address is another flow, which stays with the queue of its sender
	for ((flow = 0; flow < flows; flow++)); do
		ip address add "10.7.0.$((10 + flow))/24" dev "$interface"
	done
	ip link set "$interface" up
	ping -c 1 -W "$seconds" 10.7.0.1 >/dev/null || say "no answer"
}

# One for the configuration, and two for each pair; the control queue has none
vectors() {
	local expected=config pair
	for ((pair = 0; pair < pairs; pair++)); do
		expected+=" input.$pair output.$pair"
	done
	same vectors "$(vectors_of "$net" | tr ' ' '\n' | sort | paste -sd ' ')" \
		"$(tr ' ' '\n' <<<"$expected" | sort | paste -sd ' ')"
}

channels() { # NUMBER
	local interface
	interface=$(interface_of "$net")
	"$build/native_io" channels "$interface" "$1" >/dev/null
	same channels "$("$build/native_io" channels "$interface")" "$1 of $pairs"
}

cpu_of() { # VECTOR
	local irq
	irq=$(awk -v "name=$(virtio_of "$net")-$1" '$NF == name { sub(":", "", $1); print $1 }' /proc/interrupts)
	cat "/proc/irq/$irq/effective_affinity_list"
}

# The interrupts of a pair go to one CPU, and those of the pairs to each of them
affinity() { # PAIRS
	local pair cpus=()
	for ((pair = 0; pair < $1; pair++)); do
		cpus+=("$(cpu_of "input.$pair")")
		same "CPU of output.$pair" "$(cpu_of "output.$pair")" "${cpus[pair]}"
	done
	same "CPUs of the pairs' vectors" "$(printf '%s\n' "${cpus[@]}" | sort -u | paste -sd ' ')" '0 1'
}

# How often the vectors of the inputs, and then those of the outputs, have fired
counts() {
	local way pair
	for way in input output; do
		for ((pair = 0; pair < pairs; pair++)); do
			fired "$net" "$way.$pair"
		done
	done
}

# Prints how often each of the vectors fires while pings go out on a CPU
ping_from() { # CPU FLOW
	local before after i
	mapfile -t before < <(counts)
	taskset -c "$1" ping -q -i 0.01 -c 100 -s 1000 -W "$seconds" -I "10.7.0.$((10 + $2))" 10.7.0.1 >"$native_work/ping" || true
	[[ $(<"$native_work/ping") == *' 100 received'* ]] || say "$(<"$native_work/ping")"
	mapfile -t after < <(counts)
	for i in "${!after[@]}"; do
		echo $((after[i] - before[i]))
	done
}

# An output's vector fires for those packets alone that no answer has come for yet: the kernel looks at
# the output when there is input. On a quiet machine these are a few of a hundred.
#
# A sender's CPU chooses the pair, and the answers come back by it. The vectors of the others are as
# good as silent: the kernel itself may say something on its own
each_by_its_vector() {
	local cpu other delta
	for cpu in 0 1; do
		other=$((1 - cpu))
		mapfile -t delta < <(ping_from $cpu $cpu)
		[[ ${delta[cpu]} -ge 30 && ${delta[pairs + cpu]} -gt 0 ]] ||
			say "CPU $cpu: its vectors fired ${delta[cpu]} and ${delta[pairs + cpu]} times"
		[[ ${delta[other]} -lt 20 && ${delta[pairs + other]} -lt 20 ]] ||
			say "CPU $cpu: the other's vectors fired ${delta[other]} and ${delta[pairs + other]} times"
	done
}

one_for_all() {
	local delta
	channels 1
	mapfile -t delta < <(ping_from 1 2)
	[[ ${delta[0]} -ge 30 && ${delta[pairs]} -gt 0 ]] || say "vectors of pair 0 fired ${delta[0]} and ${delta[pairs]} times"
	[[ ${delta[1]} == 0 && ${delta[pairs + 1]} == 0 ]] || say "vectors of a pair that is off fired"
}

# While packets are on their way
changes_in_use() {
	local i ping pings=()
	for i in 0 1; do
		taskset -c $i ping -q -f -c 100000 -W "$seconds" -I "10.7.0.$((13 + i))" 10.7.0.1 >/dev/null 2>&1 &
		pings+=($!)
	done
	for i in 2 $pairs 1 3 2; do
		channels "$i"
		sleep 0.3
	done
	for ping in "${pings[@]}"; do
		kill -0 "$ping" || say "a ping ended"
		kill "$ping"
		wait "$ping" || true
	done
	each_by_its_vector
}

all_pairs() {
	channels $pairs
	affinity $pairs
	ping -q -c 3 -W "$seconds" 10.7.0.1 >/dev/null || say "no answer with all pairs"
}

ktap_print_header
for way in modern legacy; do
	native_legacy "$([[ $way == modern ]] && echo N || echo Y)"
	native_check "$way.up" up
	native_check "$way.vectors" vectors
	native_check "$way.two_pairs" channels 2
	native_check "$way.affinity" affinity 2
	native_check "$way.each_by_its_vector" each_by_its_vector
	native_check "$way.one_for_all" one_for_all
	native_check "$way.all_pairs" all_pairs
	native_check "$way.changes_in_use" changes_in_use
	native_check "$way.down" native_unbind "$net"
done
native_finish
