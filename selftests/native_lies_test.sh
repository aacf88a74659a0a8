#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Devices of the host that lie: a module gives false answers in place of their registers. The kernel
# must neither stop nor loop, whatever the function then does. Runs in L1 with the devices of
# native_life_test.sh:
#	selftests/modules/build 6.12
#	mapfile -t devices < <(selftests/native_life_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_lies_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"

native_start
native_create
blk=${native_bdf[blk0]} second=${native_bdf[blk0.1]} net=${native_bdf[net0]} scsi=${native_bdf[scsi0]}
console=${native_bdf[console0]} rng=${native_bdf[rng0]}

# Types of structures, registers of the common configuration, and fields of device configurations
common=01 device=04
feature=0x4 device_status=0x14 generation=0x15 queue_size=0x18 queue_enable=0x1c
cache_mode=0x20 queues=0x22 segments=0x4 ports=0x4
# Of the legacy registers: the page of a queue
legacy_queue=0x8

lie() { # PARAMETER=VALUE...
	insmod "$here/../build/$(uname -r)/tests/lie.ko" "$@"
}

truth() {
	rmmod lie
}

disk_ready() { # BDF
	disk_of "$1" >/dev/null
}

logged() { # WORDS
	[[ $(log_lines) == *"$1"* ]]
}

works() { # BDF
	within $seconds disk_ready "$1" || say "no disk"
	dd if="$(disk_of "$1")" of=/dev/null bs=64k count=4 iflag=direct status=none || say "no read"
}

# A cache mode that does not exist, which any user can have the kernel read
read_cache_mode() { # ADDRESS: of the field
	works "$blk"
	lie at="$1" answer=7
	same "cache" "$(<"/sys/class/block/$(basename "$(disk_of "$blk")")/cache_type")" 'write back'
	truth
	logged "$blk: virtio block: the field of 1 bytes at 0x20" || say "no line says so"
	native_unbind "$blk"
}

cache_mode() {
	native_bind "$blk"
	read_cache_mode "$(register_at "$blk" $device $cache_mode)"
}

bind_by_legacy() { # BDF
	native_legacy Y
	native_bind "$1"
	native_legacy N
}

# Prints the address of a register of a function that was bound so
legacy_register_at() { # BDF OFFSET
	local place="$1: .* by legacy registers in BAR ([0-5]) at 0x([0-9a-f]*)"
	[[ $(log_lines) =~ $place ]] || say "no line about the registers"
	bar_at "$1" "${BASH_REMATCH[1]}" $((0x${BASH_REMATCH[2]} + $2))
}

legacy_cache_mode() {
	bind_by_legacy "$blk"
	# 24 bytes come before the configuration while MSI-X is on
	read_cache_mode "$(legacy_register_at "$blk" $((24 + cache_mode)))"
}

# More segments than 16 bits can hold, which have nothing of this number
segments() {
	lie at="$(register_at "$scsi" $device $segments)" answer=0x10000
	native_bind "$scsi"
	works "$scsi"
	truth
	native_unbind "$scsi"
}

# With each read of a field comes a change of it
generation() {
	lie at="$(register_at "$blk" $common $generation)" step=1
	native_bind "$blk"
	works "$blk"
	truth
	logged "$blk: the generation of the device configuration changes" || say "no line says so"
	native_unbind "$blk"
}

# A device in use before its driver says so: DRIVER_OK, right after FEATURES_OK
status() {
	lie at="$(register_at "$blk" $common $device_status)" when=0x0b answer=0x0f
	native_bind "$blk"
	works "$blk"
	truth
	native_unbind "$blk"
}

# It takes DRIVER_OK back for one read, and has it again for the next one
status_flips() {
	lie at="$(register_at "$blk" $common $device_status)" when=0x0f answer=0x0b step=4
	native_bind "$blk"
	truth
	works "$blk"
	native_unbind "$blk"
}

# An interrupt before the queue is there. A used buffer, and an interrupt for it, before the virtio
# driver can bear one, and after a reset
answers_at_no_time() { # LEGACY
	local parameters=/sys/module/early_answers/parameters
	insmod "$here/../build/$(uname -r)/tests/early_answers.ko" function="$rng"
	native_legacy "$1"
	native_bind "$rng"
	native_legacy N
	same "virtio driver" "$(virtio_driver "$rng")" virtio_rng
	same "interrupts before DRIVER_OK" "$(<$parameters/interrupts)" 2
	native_unbind "$rng"
	same "interrupts" "$(<$parameters/interrupts)" 3
	same "interrupts that the virtio driver heard of" "$(<$parameters/heard)" 0
	rmmod early_answers
}

# The device does not access memory that the virtio driver has freed, not even when it is bound
# again, and says it is reset
keeps_a_queue() { # ADDRESS: of what says so
	works "$blk"
	same "bus mastering of a disk in use" "$(masters "$blk")" 1
	lie at="$1" answer=1
	virtio_of "$blk" >/sys/bus/virtio/drivers/virtio_blk/unbind
	same "bus mastering" "$(masters "$blk")" 0
	same "number of lines" "$(log_lines | grep -c "$blk: queue [0-9]* is still in use")" 1
	native_unbind "$blk"
}

works_again() {
	truth
	native_unbind "$blk"
	native_bind "$blk"
	works "$blk"
	native_unbind "$blk"
}

# A reset takes no queue away. One is enough to see that, for all queues
queues_stay() {
	local resets
	native_bind "$blk"
	insmod "$here/../build/$(uname -r)/tests/reclaim.ko" function=virtio_mmr_reset_device
	keeps_a_queue "$(register_at "$blk" $common $queue_enable)"
	resets=$(</sys/module/reclaim/parameters/may_wait)
	rmmod reclaim
	same "number of resets" "$resets" 1
	native_bind "$blk"
	same "bus mastering of a disk without queues" "$(masters "$blk")" 0
	works_again
}

legacy_queues_stay() {
	bind_by_legacy "$blk"
	keeps_a_queue "$(legacy_register_at "$blk" $legacy_queue)"
	bind_by_legacy "$blk"
	same "bus mastering of a disk without queues" "$(masters "$blk")" 0
	works_again
}

# Statistics of its own. The register is read for each half of the features, so this offers bit 18 as
# well, which the device has
statistics() {
	lie at="$(register_at "$net" $common $feature)" set=0x40000
	native_bind "$net"
	truth
	same "virtio driver" "$(virtio_driver "$net")" virtio_net
	same "feature" "$(feature "$net" 50)" 0
	native_unbind "$net"
}

# Buffers for all of a packet would be larger than the memory for them
small_ring() {
	lie at="$(register_at "$net" $common $queue_size)" answer=2
	native_bind "$net"
	truth
	! interface_of "$net" || say "there is an interface"
	logged "$net: queue 0 has 2 entries" || say "no line says so"
	native_unbind "$net"
	# Documentation/kernel-patches, 0015
	log_known_leaks virtnet_probe || say "memory is lost"
}

# Two for each of 32768 ports, and two more, whose indexes would be those of the first ones
too_many_queues() {
	lie at="$(register_at "$console" $device $ports)" answer=0x8000
	native_bind "$console"
	truth
	same "virtio driver" "$(virtio_driver "$console")" none
	logged "$console: virtio console would have 65538 queues" || say "no line says so"
	native_unbind "$console"
}

# The virtio driver has requests for a second queue, and would look for it beyond its memory. The
# function stays as it is: this case comes last
fewer_queues() {
	native_bind "$second"
	works "$second"
	lie at="$(register_at "$second" $device $queues)" answer=1
	echo 1 >"$sys_pci/$second/reset"
	truth
	logged "$second: virtio block has 1 queues now, and had 2 before" || say "no line says so"
	logged "$second: virtio block does not work after a reset" || say "it works"
	native_unbind "$second"
}

ktap_print_header
native_legacy N
native_check cache_mode cache_mode
native_check legacy_cache_mode legacy_cache_mode
native_check segments segments
native_check generation generation
native_check status status
native_check status_flips status_flips
native_check answers_at_no_time answers_at_no_time N
native_check legacy_answers_at_no_time answers_at_no_time Y
native_check queues_stay queues_stay
native_check legacy_queues_stay legacy_queues_stay
native_check statistics statistics
native_check small_ring small_ring
native_check too_many_queues too_many_queues
native_check fewer_queues fewer_queues
native_finish
