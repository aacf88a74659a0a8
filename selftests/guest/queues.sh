# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Runs in a guest (busybox), after lib.sh, with a net function that has "pairs" pairs of queues. The
# guest uses all of them, then one, then two. The host has put helpers/channels.c into the guest,
# and answers at "neighbour", which refuses connections. Each connection may take another queue, and
# the answer comes by the queue that the question took.
: "${pairs:=4}" "${neighbour:=}"
virtio=$(readlink -f /sys/class/net/eth0/device)
name=$(basename "$virtio")
ip link set eth0 up
ip address add "${neighbour%.*}.2/24" dev eth0

# Interrupts of a receive queue
interrupts_of() { # NUMBER
	awk -v "queue=$name-input.$1" '$NF == queue { for (i = 2; $i ~ /^[0-9]+$/; i++) sum += $i } END { print sum + 0 }' \
		/proc/interrupts
}

# Which receive queues had interrupts meanwhile: a digit, 0 or 1, for each
queues_of() { # COMMAND...
	counts='' used=''
	for queue in $(seq 0 $((pairs - 1))); do
		counts="$counts $(interrupts_of "$queue")"
	done
	"$@" >/dev/null 2>&1
	queue=0
	for count in $counts; do
		if [ "$(interrupts_of $queue)" -gt "$count" ]; then used=${used}1; else used=${used}0; fi
		queue=$((queue + 1))
	done
	echo "$used"
}

connect() {
	connection=0
	while [ $connection -lt 40 ]; do
		nc -w 2 "$neighbour" $((1000 + connection))
		connection=$((connection + 1))
	done
}

seen=$(/channels eth0)
if [ "${seen#* of }" = "$pairs" ]; then pass maximum; else fail maximum "$seen"; fi

use() { # COUNT EXPECTED-QUEUES
	trouble=$(/channels eth0 "$1" 2>&1)
	[ "$(/channels eth0)" = "$1 of $pairs" ] || trouble="$trouble $(/channels eth0)"
	ping -c 3 -W 5 "$neighbour" >/tmp/answer 2>&1 || trouble="$trouble $(tr '\n' ' ' </tmp/answer)"
	used=$(queues_of connect)
	[ "$used" = "$2" ] || trouble="$trouble queues with interrupts: $used"
	if [ -z "$trouble" ]; then pass "queues_$1"; else fail "queues_$1" "$trouble"; fi
}

use 4 1111
use 1 1000
use 2 1100
finish
