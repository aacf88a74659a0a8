#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions that cannot be devices of the host, or not in the usual way: without MSI-X, with
# vectors that they refuse, and with structures that cannot be used. Each either works by what it
# has, with its traffic seen, or is refused with one line in the kernel log that names it. Runs in
# L1 with the options that --devices prints:
#	mapfile -t devices < <(selftests/native_refusal_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/native_refusal_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

# shellcheck source=selftests/lib/native.sh
source "$here/lib/native.sh"

all=0xffffffffffffffff
# NAME|PROPERTIES|LEGACY|VERDICT, for a blk function. LEGACY is the module's parameter. VERDICT is
#	INTERFACE VECTORS...   works by it; "each" stands for a vector for each queue
#	refused WORDS          a line with the function's name and these words, a regular expression
# Functions with the same properties follow each other, and are VFs of one PF: a machine has 24 PFs.
layouts=(
	'no_vectors|vectors=0|N|refused MSI-X'
	'no_vectors_legacy|vectors=0|Y|refused MSI-X'
	"no_vector_for_queues|mmr-refused-queue=$all|N|refused vector"
	"no_vector_for_queues_legacy|mmr-refused-queue=$all|Y|refused vector"
	'no_second_vector|vectors=3,mmr-refused-queue=2|N|modern all'
	'first_for_queues_only|mmr-refused-config=1|N|any'
	"no_vector_for_changes|mmr-refused-config=$all|N|refused vector"
	"no_vector_for_changes_legacy|mmr-refused-config=$all|Y|refused vector"
	'common_too_short|mmr-common-length=31|N|legacy each'
	'common_in_no_bar|mmr-common-bar=6|N|legacy each'
	'notify_in_no_bar|mmr-notify-bar=3|N|legacy each'
	'no_isr|mmr-config=0x97=9|N|legacy each'
	'no_device_configuration|mmr-config=0xa7=9|N|legacy each'
	'no_notify_capability|mmr-notify-cap=off|N|legacy each'
	'one_doorbell|mmr-notify-multiplier=0|N|modern each'
	'slow_doorbells|num-queues=128,mmr-common-delay=30|N|legacy each'
	'doorbell_pages|mmr-notify-multiplier=4096|Y|legacy each'
	'window_in_modern_bar|mmr-bar=4,mmr-offset=0x8000|N|modern each'
	'window_in_modern_bar_legacy|mmr-bar=4,mmr-offset=0x8000|Y|legacy each'
	'window_in_bar0|mmr-bar=0|Y|legacy each'
	'window_above_4_gib|mmr-bar64=on,mmr-offset=0x100000000|Y|legacy each'
	'no_window|mmr-caps=bar=7,disable-modern=on|N|refused bar'
	'no_window_legacy|mmr-caps=bar=7|Y|refused bar'
	'short_window|mmr-length=24|Y|any'
	'last_vector|mmr-refused-queue=4|Y|legacy config virtqueues'
)

devices=''
if [[ ${1-} == --devices ]]; then
	devices=1
	shift
fi
# Names after that choose some of the layouts, for a smaller machine
if [[ $# != 0 ]]; then
	chosen=()
	for layout in "${layouts[@]}"; do
		[[ " $* " != *" ${layout%%|*} "* ]] || chosen+=("$layout")
	done
	layouts=("${chosen[@]}")
fi
if [[ $devices ]]; then
	for layout in "${layouts[@]}"; do
		cut -d '|' -f 2 <<<"$layout"
	done | uniq -c | while read -r count properties; do
		printf -- '--vf\nblk:%s,%s\n' "$count" "$properties"
	done
	exit
fi

native_start
native_create

works() { # BDF INTERFACE VECTORS
	local bdf=$1 disk vectors
	same "virtio driver" "$(virtio_driver "$bdf")" virtio_blk
	disk=$(disk_of "$bdf") || say "no disk"
	[[ $2 == any ]] || same "interface" "$(<"$sys_pci/$bdf/virtio_mmr_interface")" "$2"
	vectors=$(vectors_of "$bdf")
	case $3 in
	any) ;;
	each) [[ $vectors && $vectors != all && " $vectors " != *' virtqueues '* ]] || say "vectors are '$vectors'" ;;
	*) [[ $vectors == "$3" ]] || say "vectors are '$vectors', not '$3'" ;;
	esac
	timeout $seconds "$build/native_io" write "$disk" 0 262144 21 || say "no write in time"
	timeout $seconds "$build/native_io" read "$disk" 0 262144 21 || say "no read in time"
}

# Its driver has nothing, and neither has virtio's: no disk without interrupts
is_refused() { # BDF WORDS
	local line
	! disk_of "$1" || say "it has a disk"
	same "virtio driver" "$(virtio_driver "$1")" none
	line=$(log_lines | grep -F "$1" | grep -iE -- "$2") || say "no line has '$2'"
	# What to do is there as well
	[[ ${#line} -gt 60 ]] || say "the line says too little: $line"
}

changes_arrive() { # BDF NODE
	local disk
	disk=$(basename "$(disk_of "$1")")
	qmp block_resize "{\"node-name\": \"$2\", \"size\": $((80 << 20))}" >/dev/null
	within $seconds has_sectors "$disk" $((80 << 11)) || say "the disk does not grow"
}

has_sectors() { # DISK SECTORS
	[[ $(<"/sys/class/block/$1/size") == "$2" ]]
}

layout_case() { # BDF FILE LEGACY VERDICT
	local bdf=$1 verdict=$4
	native_legacy "$3"
	native_bind "$bdf" 2>/dev/null || true
	case $verdict in
	any)
		# The driver may do either, if what it does is whole
		if [[ $(virtio_driver "$bdf") == none ]]; then
			is_refused "$bdf" .
		else
			works "$bdf" any any
			changes_arrive "$bdf" "$(basename "$2" .img)"
		fi
		;;
	refused*) is_refused "$bdf" "${verdict#refused }" ;;
	*)
		works "$bdf" "${verdict%% *}" "${verdict#* }"
		changes_arrive "$bdf" "$(basename "$2" .img)"
		;;
	esac
	native_unbind "$bdf"
	[[ ! -e $sys_pci/$bdf/virtio_mmr_interface ]] || say "attribute left"
}

ktap_print_header
# The PF, its properties, and the VF: see native_find()
pf=-1 last='' vf=''
for layout in "${layouts[@]}"; do
	IFS='|' read -r name properties legacy verdict <<<"$layout"
	if [[ $properties == "$last" ]]; then
		vf=.$((${vf#.} + 1))
	else
		pf=$((pf + 1)) vf=
	fi
	last=$properties
	native_check "$name" layout_case "${native_bdf[blk$pf$vf]}" "${native_file[blk$pf$vf]}" "$legacy" "$verdict"
done
native_finish
