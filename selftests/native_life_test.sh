#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The life of a function that is a device of the host, while it is in use: VIRTIO_MMR_CYCLES
# binds and unbinds (default 60; three functions share them), switched off by sriov_numvfs, reset, handed over to
# virtio_mmr_vfio_pci and back, without its module, and with resets that take long. Runs in L1 with
# the options that --devices prints:
#	selftests/modules/build 6.12
#	mapfile -t devices < <(selftests/native_life_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_life_test.sh
# --stock, before all else, is that of native_test.sh.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"
if [[ ${1-} == --stock ]]; then
	native_driver=$native_stock
	shift
fi
stock=$([[ $native_driver != "$native_stock" ]] || echo 1)

if [[ ${1-} == --devices ]]; then
	ordinary=''
	[[ ! $stock ]] || ordinary=,mmr=off,iommu_platform=on,disable-legacy=on
	for i in 0 1; do
		printf -- '--qemu-arg\n-netdev\n--qemu-arg\nhubport,id=hub%u,hubid=0\n' $i
		printf -- '--vf\nnet,netdev=hub%u%s\n' $i "$ordinary"
	done
	printf -- '--vf\nblk:2%s\n--vf\nrng%s\n' "$ordinary" "$ordinary"
	[[ $stock ]] || printf -- '--vf\nscsi\n--vf\nconsole\n'
	[[ $stock ]] || printf -- '--vf\nblk,mmr-reset-delay=%u\n' 300 5000
	exit
fi

native_start
ways=$([[ $stock ]] && echo 1 || echo 2)
cycles=$((${VIRTIO_MMR_CYCLES:-60} / (3 * ways)))
native_limit=$((native_limit + cycles * 5 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}))

native_create
blk=${native_bdf[blk0]} second=${native_bdf[blk0.1]} net=${native_bdf[net0]} peer=${native_bdf[net1]} rng=${native_bdf[rng0]}
image=${native_file[blk0]}
region=$((1 << 20))

# What is left of a function shows here
traces() {
	grep -c . /proc/interrupts
	grep -v '^ *[0-9a-f]*-[0-9a-f]* : \(0000:\|PCI\)' /proc/iomem
	awk '/ioremap/ { n++ } END { print n + 0 }' /proc/vmallocinfo
	ls /sys/bus/virtio/devices
}

disk_ready() { # BDF
	disk_of "$1" >/dev/null
}

# --- use in the background ---------------------------------------------------------------

users=()
use_blk() { # BDF
	"$build/native_io" load "$(disk_of "$1")" 0 $region 7 >"$native_work/load.$1" &
	users+=($!)
}

use_net() {
	local mine
	mine=$(interface_of "$net")
	ip addr add 10.9.0.1/24 dev "$mine"
	ip link set "$mine" up
	# Both ways at once
	ping -f -q -c 100000 -s 1000 10.9.0.2 >/dev/null 2>&1 &
	users+=($!)
	ip netns exec native ping -f -q -c 100000 -s 1000 10.9.0.1 >/dev/null 2>&1 &
	users+=($!)
}

use_rng() {
	dd if=/dev/hwrng of=/dev/null bs=512 count=100000 status=none 2>/dev/null &
	users+=($!)
}

interrupts_of() { # BDF QUEUE...
	local queue vector sum=0
	for queue in "${@:2}"; do
		vector=$(vector_for "$1" "$queue") || continue
		sum=$((sum + $(fired "$1" "$vector")))
	done
	echo "$sum"
}

interrupts_since() { # BEFORE BDF QUEUE...
	[[ $(interrupts_of "${@:2}") -gt $1 ]]
}

# So that what comes next meets a function in use
in_use() { # BDF QUEUE...
	local before
	before=$(interrupts_of "$@")
	within "$seconds" interrupts_since "$before" "$@" || say "$1 is idle: $before interrupts of ${*:2}"
}

# Requests on the way end, with or without an error
users_end() {
	local user
	for user in "${users[@]}"; do
		kill "$user" 2>/dev/null || true
		within $seconds eval "! kill -0 $user 2>/dev/null" ||
			say "$(tr '\0' ' ' <"/proc/$user/cmdline") hangs in $(cat "/proc/$user/stack")"
		wait "$user" || true
	done
	users=()
	! grep -H differs "$native_work"/load.* || return 1
}

# --- cases -----------------------------------------------------------------------------------

one_cycle() { # NUMBER
	local functions=("$blk" "$net" "$rng")
	native_bind "$blk" "$net"
	native_bind_random "$rng"
	disk_ready "$blk" || say "cycle $1: no disk"
	use_blk "$blk"
	use_net
	use_rng
	in_use "$blk" req.0 req.1
	in_use "$net" input.0
	in_use "$rng" input
	sleep "0.$(($1 % 4))"
	# Each of them is the first in turn
	native_unbind "${functions[$1 % 3]}"
	native_unbind "${functions[@]}"
	users_end || say "cycle $1"
}

cycles() {
	local i before after
	native_bind "$peer"
	ip netns add native
	ip link set "$(interface_of "$peer")" netns native
	ip netns exec native sh -c "ip addr add 10.9.0.2/24 dev $(ip netns exec native ls /sys/class/net | grep -v lo); ip link set $(ip netns exec native ls /sys/class/net | grep -v lo) up"
	# The first one allocates what stays
	one_cycle 0
	before=$(traces)
	for ((i = 1; i < cycles; i++)); do
		one_cycle "$i"
	done
	after=$(traces)
	[[ $after == "$before" ]] || say "left: $(diff <(echo "$before") <(echo "$after"))"
	# What the peer has sent is on its way until somebody takes it, and keeps the namespace
	native_bind "$net"
	ip link set "$(interface_of "$net")" up
	ip netns del native
	within $seconds interface_of "$peer" >/dev/null || say "the peer is not back"
	native_unbind "$peer" "$net"
}

# After all of this the function is as good as new
works() {
	native_bind "$blk"
	disk_ready "$blk" || say "no disk"
	"$build/native_io" write "$(disk_of "$blk")" 0 $region 8
	"$build/native_io" read "$(disk_of "$blk")" 0 $region 8
}

# An ID names all functions of a type, and no others. Without it the driver takes none by itself
by_id() {
	local driver=/sys/bus/pci/drivers/$native_driver id=1af4\ 10fe
	native_unbind "$blk" "$rng"
	echo "$rng" 2>/dev/null >/sys/bus/pci/drivers_probe || true
	same "driver of $rng" "$(driver_of "$rng")" none
	echo "$id" >"$driver/new_id"
	same "driver of $rng" "$(driver_of "$rng")" "$native_driver"
	same "virtio driver" "$(virtio_driver "$rng")" virtio_rng
	same "driver of $blk" "$(driver_of "$blk")" none
	echo "$id" >"$driver/remove_id"
	native_unbind "$rng"
	echo "$rng" 2>/dev/null >/sys/bus/pci/drivers_probe || true
	same "driver of $rng" "$(driver_of "$rng")" none
}

switched_off() {
	local pf disk
	pf=$(readlink -f "$sys_pci/$blk/physfn")
	native_bind "$blk" "$second"
	use_blk "$blk"
	disk=$(disk_of "$second")
	mkfs.ext4 -q -F "$disk" 16m
	mkdir -p "$native_work/fs"
	mount -t ext4 "$disk" "$native_work/fs"
	echo kept >"$native_work/fs/kept"
	sync -f "$native_work/fs"
	echo 0 >"$pf/sriov_numvfs"
	[[ ! -e $sys_pci/$blk && ! -e $sys_pci/$second ]] || say "VFs are still there"
	users_end
	umount "$native_work/fs"
	cat "$pf/sriov_totalvfs" >"$pf/sriov_numvfs"
	native_bind "$second"
	mount -t ext4 "$(disk_of "$second")" "$native_work/fs"
	same "the file" "$(<"$native_work/fs/kept")" kept
	umount "$native_work/fs"
	native_unbind "$second"
}

requests_since() { # BEFORE: of the device
	[[ $(qmp_get vf-blk0-0 mmr-notifies) -gt $1 ]]
}

# By sysfs, while requests are under way. The driver brings the device back, or refuses the reset
reset_under_way() {
	local refused='' notified reader
	native_bind "$blk"
	use_blk "$blk"
	# The configuration is all ones meanwhile, which this attribute's reader cannot bear
	"$build/native_io" again "/sys/class/block/$(basename "$(disk_of "$blk")")/cache_type" &
	reader=$!
	sleep 0.5
	echo 1 >"$sys_pci/$blk/reset" || refused=1
	kill "$reader" || say "the reader has ended"
	wait "$reader" || true
	[[ ! $refused ]] || ! grep -q ' virtio_device_reset_prepare$' /proc/kallsyms || say "the kernel can reset virtio devices, and the driver refuses"
	notified=$(qmp_get vf-blk0-0 mmr-notifies)
	within $seconds requests_since $((notified + 10)) || say "no requests after the reset"
	users_end
	grep -q 'until a signal' "$native_work/load.$blk" || say "requests failed: $(<"$native_work/load.$blk")"
	"$build/native_io" write "$(disk_of "$blk")" 0 $region 9
	"$build/native_io" read "$(disk_of "$blk")" 0 $region 9
	native_unbind "$blk"
}

# A disk that is being reset must not wait for memory that comes free after a write to it. These
# functions allocate some, or call others that do
memory_in_resets() {
	local function parameters=/sys/module/reclaim/parameters
	native_bind "$blk"
	within $seconds disk_ready "$blk" || say "no disk"
	for function in virtio_device_freeze pci_alloc_irq_vectors_affinity vring_create_virtqueue; do
		insmod "$here/../build/$(uname -r)/tests/reclaim.ko" function=$function
		echo 1 >"$sys_pci/$blk/reset"
		same "calls of $function that may wait" "$(<$parameters/may_wait)" 0
		[[ $(<$parameters/may_not) != 0 ]] || say "$function was not called"
		rmmod reclaim
	done
	native_unbind "$blk"
}

# The reader of this attribute cannot bear a wild value. The configuration moves as MSI-X is switched
# off and on, and is all ones in between
read_in_resets() {
	local i reader
	native_bind "$blk"
	within $seconds disk_ready "$blk" || say "no disk"
	"$build/native_io" again "/sys/class/block/$(basename "$(disk_of "$blk")")/cache_type" &
	reader=$!
	insmod "$here/../build/$(uname -r)/tests/linger.ko" function=pci_intx patience=20
	for ((i = 0; i < 5; i++)); do
		echo 1 >"$sys_pci/$blk/reset" || true
	done
	rmmod linger
	kill "$reader" || say "the reader has ended"
	wait "$reader" || true
	native_unbind "$blk"
}

# The same of a function that does not answer: in D3hot it gives all ones, as one that is gone
read_of_gone() {
	local attribute value
	native_bind "$blk"
	within $seconds disk_ready "$blk" || say "no disk"
	attribute=/sys/class/block/$(basename "$(disk_of "$blk")")/cache_type
	same "cache" "$(<"$attribute")" 'write back'
	setpci -s "$blk" CAP_PM+4.b=3:3
	value=$(<"$attribute")
	setpci -s "$blk" CAP_PM+4.b=0:3
	native_unbind "$blk"
	same "cache" "$value" 'write through'
}

# The virtio driver gives up after it has set up its queues, and does not reset the device
probe_fails() {
	local virtio
	insmod "$here/../build/$(uname -r)/tests/refuse_disks.ko"
	native_bind "$blk"
	rmmod refuse_disks
	! disk_ready "$blk" || say "there is a disk"
	virtio=$(virtio_of "$blk")
	echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/bind || say "the driver does not take the device again"
	within $seconds disk_ready "$blk" || say "no disk"
	"$build/native_io" write "$(disk_of "$blk")" 0 $region 14
	"$build/native_io" read "$(disk_of "$blk")" 0 $region 14
	native_unbind "$blk"
}

# The host has a vector for each queue, and no room on its CPUs for that of the last one
host_refuses_vector() {
	local vectors disk
	native_bind "$blk"
	vectors=$(vectors_of "$blk")
	native_unbind "$blk"
	[[ $vectors == config\ * ]] || say "vectors are '$vectors'"
	insmod "$here/../build/$(uname -r)/tests/refuse_vector.ko" name="-${vectors##* }"
	native_bind "$blk"
	same "refused" "$(</sys/module/refuse_vector/parameters/refused)" 1
	rmmod refuse_vector
	within $seconds disk_ready "$blk" || say "no disk"
	same "vectors" "$(vectors_of "$blk")" 'config virtqueues'
	disk=$(disk_of "$blk")
	"$build/native_io" write "$disk" 0 $region 15
	"$build/native_io" read "$disk" 0 $region 15
	native_unbind "$blk"
}

logged() { # WORDS
	[[ $(log_lines) == *"$1"* ]]
}

index_of_net() {
	cat "/sys/class/net/$(interface_of "$net")/ifindex"
}

# Other types go away for it, and come back as new devices
reset_of_net() {
	local before
	native_bind "$net"
	ip link set "$(interface_of "$net")" up
	before=$(index_of_net)
	echo 1 >"$sys_pci/$net/reset"
	within $seconds interface_of "$net" >/dev/null || say "no interface after the reset"
	[[ $(index_of_net) != "$before" ]] || say "the interface is the old one"
	[[ $(log_lines) == *"$net: virtio net goes away"* ]] || say "no line says so"
	same "interface" "$(<"$sys_pci/$net/virtio_mmr_interface")" "$([[ $legacy == Y ]] && echo legacy || echo modern)"
	native_unbind "$net"
}

# The program that resets it is killed meanwhile. The new device comes all the same
killed_in_reset() {
	local parameters=/sys/module/linger/parameters reset
	native_bind "$net"
	insmod "$here/../build/$(uname -r)/tests/linger.ko" function=virtio_mmr_doorbells_find
	echo 1 >"$sys_pci/$net/reset" &
	reset=$!
	within $seconds eval "[[ \$(<$parameters/lingering) != 0 ]]" || say "no reset"
	kill -KILL $reset
	echo 1 >$parameters/over
	wait $reset || true
	rmmod linger
	within $seconds interface_of "$net" >/dev/null || say "no interface after the reset"
	native_unbind "$net"
}

# The virtio driver is taken away meanwhile. It has to wait for the end of the reset
driver_leaves_in_reset() {
	local function=$blk virtio reset end=$((SECONDS + seconds))
	native_bind "$function"
	virtio=$(virtio_of "$function")
	echo 1 >"$sys_pci/$function/reset" &
	reset=$!
	# It takes a tenth of a second, and has no vectors then
	while [[ $(</proc/interrupts) == *" $virtio-"* ]]; do
		[[ $SECONDS -lt $end ]] || say "no reset"
	done
	echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/unbind
	[[ $(log_lines | grep -c "$virtio: [0-9/]* default") == 2 ]] || say "the driver did not wait for the reset"
	wait $reset
	same "virtio driver" "$(virtio_driver "$function")" none
	echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/bind
	same "virtio driver" "$(virtio_driver "$function")" virtio_blk
	native_unbind "$function"
}

# The function answers no more, without notice, while a program waits for it
vanished() {
	local pf waiter start
	pf=$(basename "$(readlink -f "$sys_pci/$net/physfn")")
	native_bind "$net"
	ip link set "$(interface_of "$net")" up
	# Memory of its PF's VFs
	setpci -s "$pf" ECAP0010+08.w=0:8
	ip link set "$(interface_of "$net")" promisc on &
	waiter=$!
	sleep 0.5
	start=$SECONDS
	native_unbind "$net"
	wait $waiter || true
	setpci -s "$pf" ECAP0010+08.w=8:8
	[[ $((SECONDS - start)) -lt $seconds ]] || say "the unbind took $((SECONDS - start)) s"
	native_bind "$net"
	ip link set "$(interface_of "$net")" up
	native_unbind "$net"
}

# The device says that it has failed, and does nothing from then on, while a program waits for it
needs_reset() {
	local state waiter start said="$net: virtio net has failed and needs a reset"
	native_bind "$net"
	ip link set "$(interface_of "$net")" up
	common_write "$net" 0x14 0x4f
	# A change of the configuration comes with it
	qmp set_link '{"name": "vf-net0-0", "up": false}' >/dev/null
	within $seconds logged "$said" || say "no line says so"
	# It reaches no memory, so it sees no command
	setpci -s "$net" COMMAND=0:4
	for state in on off; do
		ip link set "$(interface_of "$net")" promisc $state
		sleep 0.5
	done &
	waiter=$!
	sleep 2
	kill -0 $waiter || say "the device answers"
	start=$SECONDS
	native_unbind "$net"
	wait $waiter || true
	qmp set_link '{"name": "vf-net0-0", "up": true}' >/dev/null
	[[ $((SECONDS - start)) -lt $seconds ]] || say "the unbind took $((SECONDS - start)) s"
	same "number of lines" "$(log_lines | grep -c "$said")" 1
	native_bind "$net"
	same "bus mastering" "$(masters "$net")" 1
	ip link set "$(interface_of "$net")" promisc on
	native_unbind "$net"
}

# The same, and the virtio driver leaves, with the lock of the virtio device, which the reset needs
reset_of_failed() {
	local state waiter unbind reset
	native_bind "$net"
	ip link set "$(interface_of "$net")" up
	common_write "$net" 0x14 0x4f
	setpci -s "$net" COMMAND=0:4
	for state in on off; do
		ip link set "$(interface_of "$net")" promisc $state
		sleep 0.5
	done &
	waiter=$!
	sleep 2
	kill -0 $waiter || say "the device answers"
	virtio_of "$net" >/sys/bus/virtio/drivers/virtio_net/unbind &
	unbind=$!
	sleep 2
	kill -0 $unbind || say "the virtio driver does not wait"
	echo 1 >"$sys_pci/$net/reset" &
	reset=$!
	within $seconds eval "! kill -0 $reset 2>/dev/null" || say "the reset hangs in $(cat /proc/$reset/stack)"
	wait $reset
	wait $waiter $unbind || true
	logged "$net: virtio net has failed and needs a reset" || say "no line says so"
	within $seconds interface_of "$net" >/dev/null || say "no interface after the reset"
	ip link set "$(interface_of "$net")" promisc on
	native_unbind "$net"
}

# The kernel gives up the queues of a disk that has a request under way. The unbind waits for it, and
# says so. It ends as the module makes the queues whole again, which nothing else does
lost_requests() { # BDF
	local disk reader unbind said='' status=0 line="$1: the function is gone, was reset or has failed"
	native_bind "$1"
	within $seconds disk_ready "$1" || say "no disk"
	disk=$(disk_of "$1")
	# It reaches no memory, so it sees no request
	setpci -s "$1" COMMAND=0:4
	dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none &
	reader=$!
	sleep 1
	insmod "$here/../build/$(uname -r)/tests/break_queues.ko" function="$1"
	native_unbind "$1" &
	unbind=$!
	! within $seconds logged "$line" || said=1
	kill -0 $unbind || status=1
	setpci -s "$1" COMMAND=4:4
	rmmod break_queues
	wait $reader || say "the read failed"
	wait $unbind
	[[ $said ]] || say "no line says so"
	[[ $status == 0 ]] || say "the unbind did not wait"
}

# The disk is the same for the host and for a guest
to_vfio_and_back() {
	native_bind "$blk"
	"$build/native_io" write "$(disk_of "$blk")" 0 $region 10
	"$tools/vfs" bind "$blk"
	same "driver" "$(driver_of "$blk")" virtio_mmr_vfio_pci
	# A user resets it, and sees a fresh device
	same "device status" "$("$build/ports" "$blk" 0x12.1)" 0
	VIRTIO_MMR_BDFS=$blk timeout 100 "$build/blk_test" >"$native_work/blk_test" || say "$(tail -n 20 "$native_work/blk_test")"
	"$tools/vfs" unbind "$blk"
	native_bind "$blk"
	# Beyond the sectors that blk_test writes
	"$build/native_io" write "$(disk_of "$blk")" $((32 << 20)) $region 11
	"$tools/vfs" bind "$blk"
	"$tools/vfs" unbind "$blk"
	native_bind "$blk"
	"$build/native_io" read "$(disk_of "$blk")" $((32 << 20)) $region 11
	native_unbind "$blk"
	dd if="$image" of="$native_work/image" bs=1M skip=32 count=1 status=none
	"$build/native_io" read "$native_work/image" 0 $region 11
}

module_unloaded() {
	local scsi=${native_bdf[scsi0]} disk
	native_bind "$blk" "$net" "$scsi"
	use_blk "$blk"
	within $seconds disk_ready "$scsi" || say "no disk"
	exec {disk}<"$(disk_of "$scsi")"
	# Refused as it is in use, and nothing else happens to it
	! rmmod virtio_mmr_pci 2>/dev/null || say "the module was unloaded with functions"
	same "driver" "$(driver_of "$blk")" "$native_driver"
	users_end
	grep -q 'until a signal' "$native_work/load.$blk" || say "requests failed"
	native_unbind "$blk" "$net" "$scsi"
	# An open SCSI disk keeps its virtio device
	! rmmod virtio_mmr_pci 2>/dev/null || say "the module was unloaded with an open disk"
	exec {disk}<&-
	within $seconds rmmod virtio_mmr_pci 2>/dev/null || say "the module stays"
	[[ ! -e /sys/bus/pci/drivers/$native_driver ]] || say "the driver is still there"
	native_load
	native_legacy "$legacy"
	works
	native_unbind "$blk"
}

# Its reset takes 300 ms, and nothing touches it meanwhile
slow_reset() {
	local function=${native_bdf[blk1]} before
	before=$(counters "$function")
	native_bind "$function"
	"$build/native_io" write "$(disk_of "$function")" 0 $region 12
	native_unbind "$function"
	native_bind "$function"
	"$build/native_io" read "$(disk_of "$function")" 0 $region 12
	native_unbind "$function"
	count_since "$function" "$before"
	# shellcheck disable=SC2154 # set by count_since
	[[ $delta_early == 0 && $delta_resets -ge 2 ]] || say "$delta_early accesses in $delta_resets resets"
}

# Its reset takes longer than the driver waits
stuck_reset() {
	local function=${native_bdf[blk2]} start=$EPOCHREALTIME taken virtio
	native_bind "$function"
	"$build/native_io" write "$(disk_of "$function")" 0 $region 13
	start=$EPOCHREALTIME
	native_unbind "$function"
	taken=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
	[[ $taken -lt $((4500 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1})) ]] || say "the unbind took $taken ms"
	log_lines | grep -F "$function" | grep -qi reset || say "no line about the reset of $function"
	# The driver refuses the function, unless the machine is so slow that the reset is over
	native_bind "$function" || {
		sleep 6
		native_bind "$function"
	}
	# Without bus mastering it reaches no memory that the virtio driver has freed
	same "bus mastering" "$(masters "$function")" 1
	virtio=$(virtio_of "$function")
	echo "$virtio" >/sys/bus/virtio/drivers/virtio_blk/unbind
	same "bus mastering of a stuck function" "$(masters "$function")" 0
	native_unbind "$function"
	sleep 6
	native_bind "$function"
	"$build/native_io" read "$(disk_of "$function")" 0 $region 13
	native_unbind "$function"
}

# After a reset the device refuses what it took before. The function stays as it is, and so does the
# module: this case comes last
lost() {
	local function=${native_bdf[blk1]} all=$((2 ** 63 - 1))
	native_bind "$function"
	qmp_set vf-blk1-0 mmr-refused-config $all
	qmp_set vf-blk1-0 mmr-refused-queue $all
	echo 1 >"$sys_pci/$function/reset"
	[[ $(log_lines) == *"$function: virtio block does not work after a reset"* ]] || say "no line says so"
	# Neither reset nor unbind touches what the virtio driver does not have
	echo 1 >"$sys_pci/$function/reset"
	! rmmod virtio_mmr_pci 2>/dev/null || say "the module was unloaded with the function"
	native_unbind "$function"
	[[ $(log_lines) == *"$function: virtio block did not resume"* ]] || say "no line about the unbind"
	same "bus mastering" "$(masters "$function")" 0
	! native_bind "$function" 2>/dev/null || say "it was bound again"
	! rmmod virtio_mmr_pci 2>/dev/null || say "the module was unloaded"
}

use() {
	native_legacy "$legacy"
	native_check "$1.cycles" cycles
	native_check "$1.works_after_cycles" works
	[[ $stock ]] || native_check "$1.by_id" by_id
	native_check "$1.switched_off" switched_off
	[[ $stock ]] || native_check "$1.reset_under_way" reset_under_way
	[[ $stock ]] || native_check "$1.memory_in_resets" memory_in_resets
	[[ $stock ]] || native_check "$1.read_in_resets" read_in_resets
	[[ $stock ]] || native_check "$1.read_of_gone" read_of_gone
	[[ $stock || $1 != modern ]] || native_check "$1.probe_fails" probe_fails
	[[ $stock ]] || native_check "$1.host_refuses_vector" host_refuses_vector
	[[ $stock ]] || native_check "$1.reset_of_net" reset_of_net
	[[ $stock ]] || native_check "$1.killed_in_reset" killed_in_reset
	[[ $stock ]] || native_check "$1.driver_leaves_in_reset" driver_leaves_in_reset
	[[ $stock ]] || native_check "$1.vanished" vanished
	[[ $stock || $1 != modern ]] || native_check "$1.needs_reset" needs_reset
	[[ $stock || $1 != modern ]] || native_check "$1.reset_of_failed" reset_of_failed
	[[ $stock ]] || native_check "$1.lost_requests" lost_requests "$blk"
	[[ $stock ]] || native_check "$1.lost_scsi_requests" lost_requests "${native_bdf[scsi0]}"
	[[ $stock ]] || native_check "$1.to_vfio_and_back" to_vfio_and_back
	[[ $stock ]] || native_check "$1.module_unloaded" module_unloaded
}

ktap_print_header
legacy=N
use modern
if [[ ! $stock ]]; then
	legacy=Y
	use legacy
	native_check legacy.slow_reset slow_reset
	native_check legacy.stuck_reset stuck_reset
	native_check legacy.lost lost
fi
native_finish
