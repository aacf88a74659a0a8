#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The functions that the driver's probe accepts and refuses. There is one function for each
# defect in section "The extended capability" of Documentation/device.rst, and one for each
# accepted form. A refusal is one line in the kernel log. It names the first defect with its
# value.
#
# The functions have false capabilities, so this runs only in a virtual machine
# that was started with them:
#	mapfile -t devices < <(selftests/probe_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/probe_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
driver=virtio_mmr_vfio_pci
build=${OUTPUT:-$here/../build/selftests}

# The MMR capability at 0x100 is followed by NUMBER capabilities that are only a header, from
# 0x118 on. After them comes a VSEC of 4095 bytes
headers() { # NUMBER ID BYTES-OF-EACH
	local position=$((0x118)) next text='0x102=0x81+0x103=0x11' i
	for ((i = 0; i < $1; i++)); do
		next=$((position + $3))
		text+="+$position=$2+$((position + 2))=$((1 | (next & 0xf) << 4))"
		text+="+$((position + 3))=$((next >> 4))"
		position=$next
	done
	echo "$text+$position=0x0b+$((position + 2))=1+$((position + 6))=0xf0+$((position + 7))=0xff"
}

# Name, QEMU properties, "bound" or "refused", words of the log line; for some, how a
# queue is to be notified: these are used, too; "list" if the guest's view of the lists is
# to be looked at
cases=(
	'bare_form||bound|bare capability'
	'wrapped_form|mmr-form=wrapped|bound|wrapped capability'
	'window_at_offset|mmr-offset=0x400|bound|BAR 2 at 0x400'
	'window_in_64_bit_bar|mmr-bar=2,mmr-bar64=on|bound|BAR 2 at 0x0'
	'window_in_modern_bar|mmr-bar=4,mmr-offset=0x8000|bound|BAR 4 at 0x8000'
	'window_in_msix_bar|mmr-bar=1,mmr-offset=0x400|bound|BAR 1 at 0x400'
	'shortest_with_msix|mmr-caps=length=24|bound|(0x18 bytes)'
	'shortest_without_msix|vectors=0,mmr-caps=length=20|bound|(0x14 bytes)'
	'disable_modern|disable-modern=on|bound|no notification structure'
	'no_notify_capability|mmr-notify-cap=off|bound|no notification structure'
	# The true registers are at 0x100; where_first_usable looks there by the first one
	'first_usable_wins|mmr-offset=0x100,mmr-caps=offset=0x110/length=64+length=256|bound|BAR 2 at 0x110 (0x40 bytes)'
	'unusable_is_skipped|mmr-caps=type=9+bar=6+offset=2+length=128|bound|(0x80 bytes)'
	'beside_msix|mmr-caps=bar=1/offset=0x20|bound|BAR 1 at 0x20'
	'loop_with_usable|mmr-caps=type=9+type=10,mmr-caps-loop=on|refused|the list of extended capabilities comes back to 0x0b at'

	# Lists that do not end as they should. 0x40 is the last capability, with the pointer to
	# the next one in byte 1. 0xb4 is the notification structure's
	'list_loops|mmr-vcaps-loop=on|refused|the list of capabilities comes back to 0x09 at'
	'last_is_its_own_next|mmr-config=0x41=0x40|refused|the list of capabilities comes back to'
	'next_is_in_header|mmr-config=0x41=0x2c|bound|notification structure in BAR 4 at 0x3000|doorbell|list'
	# vfio-pci-core does not round the pointer down, and returns from there
	'next_is_odd|mmr-config=0x41=0xb5|refused|the list of capabilities comes back to 0x10 at 0x40'
	# Notification capabilities: one of 16 bytes at 0xfc; one in the second half of another
	'next_ends_beyond_list|mmr-notify-bar=3,mmr-config=0x41=0xfc+0xfc=9+0xfe=20+0xff=2|bound|no notification structure|register|list'
	'next_is_in_another|mmr-config=0x41=0xc0+0xc0=9+0xc1=0+0xc2=20+0xc3=2|bound|no notification structure|register|list'
	'too_short_in_list|mmr-config=0xb6=8|bound|no notification structure|register|list'
	# Another structure after the first one, without space for a doorbell
	'first_notification|mmr-config=0x41=0xe8+0xe8=9+0xea=20+0xeb=2+0xec=4+0xf1=0x20+0xf5=0x10|bound|BAR 4 at 0x3000, multiplier 4|doorbell'
	'unusable_notification_is_skipped|mmr-notify-bar=3,mmr-config=0x41=0xe8+0xe8=9+0xea=20+0xeb=2+0xec=4+0xf1=0x30+0xf5=0x10+0xf8=4|bound|BAR 4 at 0x3000, multiplier 4|doorbell'
	'first_common|mmr-config=0x41=0xe8+0xe8=9+0xea=16+0xeb=1+0xec=4+0xf1=0x20+0xf5=0x10|bound|BAR 4 at 0x3000, multiplier 4|doorbell'
	'unusable_common_is_skipped|mmr-common-bar=3,mmr-config=0x41=0xe8+0xe8=9+0xea=16+0xeb=1+0xec=4+0xf5=0x10|bound|BAR 4 at 0x3000, multiplier 4|doorbell'
	# The only queue's doorbell: on a vector, on pending bits, before the vectors
	'doorbells_over_table|mmr-notify-bar=1,mmr-notify-offset=0x10,mmr-notify-length=0x100|bound|BAR 1 at 0x10, multiplier 4|register'
	'doorbell_over_pending_bits|mmr-notify-bar=1,mmr-notify-offset=0x806,mmr-notify-length=2,mmr-notify-multiplier=0|bound|BAR 1 at 0x806, multiplier 0|register'
	'structure_over_table|mmr-config=0xe0=0x0c+0xe1=0x30|bound|BAR 4 at 0x3000, multiplier 4|doorbell'
	# A good one in the second half of one with another type
	'extended_in_another|mmr-caps=type=9/offset=0x20a0001000b/length=0,mmr-config=0x102=0x81+0x103=0x10+0x119=1|bound|bare capability at 0x108|doorbell|list'

	'bar_6|mmr-caps=bar=6|refused|no BAR 6'
	'bar_255|mmr-caps=bar=255|refused|no BAR 255'
	'bar_unassigned|mmr-caps=bar=3|refused|BAR 3 is not assigned'
	'bar_upper_half|mmr-caps=bar=5|refused|BAR 5 is the upper half'
	'dedicated_bar0|mmr-bar=0|bound|BAR 0 not shown'
	'pending_bits_in_bar0|mmr-bar=0,mmr-config=0xe4=0x00|bound|BAR 0 shown as BAR 2'
	'offset_unaligned|mmr-caps=offset=2|refused|offset 0x2 '
	'length_0|mmr-caps=length=0|refused|length 0 is less than 24'
	'length_23_with_msix|mmr-caps=length=23|refused|length 23 is less than 24'
	'length_20_with_msix|mmr-caps=length=20|refused|length 20 is less than 24'
	'length_19_without_msix|vectors=0,mmr-caps=length=19|refused|length 19 is less than 20'
	'end_beyond_bar|mmr-caps=offset=0xf04|refused|offset 0xf04, length 0x100'
	'offset_at_end_of_bar|mmr-caps=offset=0x1000|refused|offset 0x1000, length 0x100'
	# The lower halves of these are fine
	'offset_above_4_gib|mmr-caps=offset=0x100000000|refused|offset 0x100000000, length 0x100'
	'length_above_4_gib|mmr-caps=length=0x100000100|refused|offset 0x0, length 0x100000100'
	'sum_overflows|mmr-caps=offset=0xffffffffffffff00|refused|offset 0xffffffffffffff00, length 0x100'
	'over_msix_table|mmr-caps=bar=1/offset=0x1c|refused|offset 0x1c, length 0x100 in BAR 1 overlap the MSI-X table at 0x0, length 0x20'
	'over_pending_bits|mmr-caps=bar=1/offset=0x704|refused|offset 0x704, length 0x100 in BAR 1 overlap the MSI-X pending bits at 0x800, length 0x8'
	# MSI-X counts even if it does not fit into its part of configuration space
	'length_20_with_msix_cut_off|mmr-caps=length=20,mmr-config=0x34=0xf8+0xf8=0x11+0xf9=0xc8+0xfa=1+0xfb=0+0xfc=1|refused|length 20 is less than 24'
	'length_overflows|mmr-caps=offset=4/length=0xfffffffffffffffc|refused|offset 0x4, length 0xfffffffffffffffc'
	'vsec_too_short|mmr-caps=form=wrapped/vsec-length=24|refused|VSEC length 24 is less than 28'
	# vfio-pci-core would write past the end of its copy of configuration space
	'overruns|mmr-caps=form=wrapped/vsec-length=4095|refused|extended capability 0x0b at 0x100 has 4095 bytes, but only 3840 are left'
	'overruns_before_usable|mmr-caps=form=wrapped/vsec-length=4095+type=10|refused|at 0x100 has 4095 bytes'
	'overruns_behind_usable|mmr-caps=type=10+type=9+form=wrapped/vsec-length=4095|refused|at 0x130 has 4095 bytes'
	'tph_overruns|mmr-config=0x102=0x01+0x103=0xe0+0xe00=0x17+0xe01=0+0xe02=1+0xe03=0+0xe04=0+0xe05=2+0xe06=0xff+0xe07=0x07|refused|extended capability 0x17 at 0xe00 has 4108 bytes, but only 512 are left'
	'dvsec_overruns|mmr-config=0x102=0x01+0x103=0xf0+0xf00=0x23+0xf02=1+0xf06=0x10+0xf07=0x10|refused|extended capability 0x23 at 0xf00 has 257 bytes, but only 256 are left'
	'aer_overruns|mmr-config=0x102=0x81+0x103=0xff+0xff8=1+0xffa=1|refused|extended capability 0x01 at 0xff8 has 44 bytes, but only 8 are left'
	"overruns_behind_490_headers|mmr-config=$(headers 490 5 4)|refused|extended capability 0x0b at 0x8c0 has 4095 bytes"
	'without_capability_overruns|mmr-caps=,mmr-config=0x102=0x01+0x103=0xe0+0xe00=0x0b+0xe02=1+0xe06=0xf0+0xe07=0xff|refused|extended capability 0x0b at 0xe00 has 4095 bytes'
	"crowded|mmr-config=$(headers 64 0x18 8)|refused|comes after 64 others, which are too many"
	# ...or read past the end of its table of the bits that a user may write
	'touching_of_one_kind|mmr-config=0x41=0xf0+0xf0=1+0xf1=0xf8+0xf8=1|refused|capabilities 0x01 at 0xf0 touch each other and have 16 bytes together'
	'bare_instance_16|mmr-caps=id=16|refused|VSEC length 1 is less than 28'
	'loop_without_usable|mmr-caps=bar=6+type=11,mmr-caps-loop=on|refused|the list of extended capabilities comes back to 0x0b at'
	'no_slot|mmr-bar=0,mmr-msix-bar=0,mmr-offset=0x1000,mmr-fill-bars=on|refused|no other BAR is free'
	'other_device_id|mmr=off|refused|is not an MMR device ID'
	'first_defect_is_named|mmr-caps=type=9+bar=6+length=1|refused|no BAR 6'

	# No MMR function, despite its ID: served as by vfio-pci
	'no_capability|mmr-caps=|bound|served as vfio-pci serves it: it has no extended capability 0x000b'
	'cfg_type|mmr-caps=type=9|bound|served as vfio-pci serves it: capability at 0x100: cfg_type 9'
	'other_vsec|mmr-caps=form=wrapped/type=9+type=11|bound|served as vfio-pci serves it: capability at 0x100: cfg_type 9'
	'loop_without_any|mmr-caps=type=9+type=11,mmr-caps-loop=on|refused|the list of extended capabilities comes back to 0x0b at'
	'other_vsec_too_short|mmr-caps=form=wrapped/type=9/vsec-length=24|bound|served as vfio-pci serves it: capability at 0x100: VSEC length 24'
)

# Eight functions are below each root port. Eight root ports are in each of the slots that the
# runner leaves free. QEMU makes the list of capabilities a loop only for VFs, which the runner
# creates.
first_slot=0x0a

port_of() { # CASE-NUMBER: prints SLOT.FUNCTION
	local port=$(($1 / 8))
	printf '%02x.%x\n' $((first_slot + port / 8)) $((port % 8))
}

is_vf() { # CASE-NUMBER
	[[ ${cases[$1]} == *mmr-caps-loop* ]]
}

print_devices() {
	local i port properties
	for i in "${!cases[@]}"; do
		IFS='|' read -r _ properties _ <<<"${cases[i]}"
		port=$((i / 8))
		if ((i % 8 == 0)); then
			printf '%s\n' --qemu-arg -device --qemu-arg \
				"pcie-root-port,id=probe-port$port,bus=pcie.0,addr=$(port_of "$i"),multifunction=on,chassis=$((64 + port)),slot=$((64 + port))"
		fi
		if is_vf "$i"; then
			printf '%s\n' --vf "rng,$properties"
			continue
		fi
		printf '%s\n' --qemu-arg -object --qemu-arg "rng-builtin,id=probe-source$i" \
			--qemu-arg -device --qemu-arg \
			"virtio-rng-pci,id=probe$i,rng=probe-source$i,bus=probe-port$port,addr=00.$((i % 8)),multifunction=on,mmr=on${properties:+,$properties}"
	done
}

if [[ ${1-} == --devices ]]; then
	print_devices
	exit
fi

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"

function_of() { # CASE-NUMBER: prints the BDF
	local path i nth=1
	if is_vf "$1"; then
		for ((i = 0; i < $1; i++)); do
			! is_vf "$i" || nth=$((nth + 1))
		done
		"$here/../tools/vm/vfs" list | sed -n "${nth}s/ .*//p"
		return
	fi
	for path in "/sys/bus/pci/devices/0000:00:$(port_of "$1")"/0000:??:00."$(($1 % 8))"; do
		[[ -e $path ]] || return 1
		echo "${path##*/}"
	done
}

driver_of() {
	local link
	link=$(readlink "/sys/bus/pci/devices/$1/driver" || echo none)
	echo "${link##*/}"
}

how_notified() { # CASE-NUMBER
	cut -d '|' -f 5 <<<"${cases[$1]}"
}

is_about_list() { # CASE-NUMBER
	[[ ${cases[$1]} == *'|list' ]]
}

use() { # CASE-NUMBER
	local bdf=${bdf_of[$1]} but=(-T golden) counters
	"$here/../tools/vm/vfs" bind "$bdf"
	"$build/ports" "$bdf" 0x12.1=1 0x10.2=0
	mapfile -t counters < <("$here/../tools/vm/qmp" get "probe$1" mmr-notifies mmr-doorbells mmr-strays)
	echo "${counters[0]} notified, ${counters[1]} by doorbell, ${counters[2]} strays"
	if is_about_list "$1"; then
		# Golden files are only for correct lists. A structure that the driver must not
		# use points to no valid place for the guest either.
		[[ $(how_notified "$1") == doorbell ]] || but+=(-T capabilities_point_to_shown_bars)
		"$build/config_space_test" "${but[@]}" -v rng "$bdf"
	fi
	"$here/../tools/vm/vfs" unbind "$bdf"
}

need_machine "needs functions with false capabilities"
function_of 0 >/dev/null ||
	skip_all "this virtual machine lacks the functions that selftests/probe_test.sh --devices prints"

"$here/../tools/vm/vfs" create >/dev/null
# One bind by the tool loads the module; then the functions are on their own
bdf=$(function_of 0)
"$here/../tools/vm/vfs" bind "$bdf"
"$here/../tools/vm/vfs" unbind "$bdf"

ktap_print_header
used=()
for i in "${!cases[@]}"; do
	[[ ! $(how_notified "$i") ]] || used+=("$i")
done
ktap_set_plan $((${#cases[@]} + ${#used[@]} + 2))

# Device status is at 0x112 of BAR 2. So it is at 2 of the first window, and would be at 0x12 of
# the second one
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
first_usable='' first_usable_accesses=(2.1=1 2.1 0x12.1 2.1=3 2.1)

# The log is searched once, at the end. A function's lines of this driver in it are only those
# of its one probe.
log_mark
log_debug "$driver"
declare -A bdf_of bound_of
for i in "${!cases[@]}"; do
	bdf=$(function_of "$i") || continue
	bdf_of[$i]=$bdf
	device=/sys/bus/pci/devices/$bdf
	# The one that is none has found the driver for its kind
	[[ ! -e $device/driver ]] || echo "$bdf" >"$device/driver/unbind"
	echo $driver >"$device/driver_override"
	# This fails if probe refuses. The test only uses the driver link
	echo "$bdf" >/sys/bus/pci/drivers_probe 2>/dev/null || true
	if [[ -e /sys/bus/pci/drivers/$driver/$bdf ]]; then
		bound_of[$i]=$driver
	else
		bound_of[$i]=$(driver_of "$bdf")
	fi
	[[ ${cases[i]} != first_usable_wins* || ${bound_of[$i]} != "$driver" ]] ||
		first_usable=$("$build/ports" "$bdf" "${first_usable_accesses[@]}") || true
	[[ ${bound_of[$i]} != "$driver" ]] || echo "$bdf" >"/sys/bus/pci/drivers/$driver/unbind"
	echo >"$device/driver_override"
done
# By function. Each process takes long in an emulated machine, so bash does it.
declare -A lines_of
while IFS= read -r line; do
	[[ ! $line =~ \ ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]):\  ]] ||
		lines_of[${BASH_REMATCH[1]}]+=$line$'\n'
done < <(log_lines | grep -F -- $driver || true)

# vfio-pci warns at each open about each byte of a list that it has seen before. The console is
# too slow for so many lines. The log has them.
read -r console _ </proc/sys/kernel/printk
echo 4 >/proc/sys/kernel/printk
for i in "${used[@]}"; do
	use "$i" >"$work/$i" 2>&1 || true
done
echo "$console" >/proc/sys/kernel/printk

run_case() { # CASE-NUMBER; prints why it fails
	local bdf=${bdf_of[$1]-} bound=${bound_of[$1]-} expected words lines
	IFS='|' read -r _ _ expected words _ <<<"${cases[$1]}"
	if [[ ! $bdf ]]; then
		echo "# the function of this case is missing"
		return 1
	fi
	lines=${lines_of[$bdf]-}
	if [[ $expected == bound && $bound != "$driver" ]]; then
		echo "# $bdf is bound to $bound: ${lines:-no log line}"
		return 1
	fi
	if [[ $expected == refused && $bound != none ]]; then
		echo "# $bdf is bound to $bound, but must be refused"
		return 1
	fi
	if [[ ! $lines || ${lines%$'\n'} == *$'\n'* ]]; then
		echo "# want one log line about $bdf, got: ${lines//$'\n'/ / }"
		return 1
	fi
	if [[ $lines != *"$words"* ]]; then
		echo "# want '$words' in the log line, got: $lines"
		return 1
	fi
}

# The device reports how it was notified. The guest's view has no defects
was_used() { # CASE-NUMBER; prints why it fails
	local rung=0
	[[ $(how_notified "$1") != doorbell ]] || rung=1
	if ! grep -qx "1 notified, $rung by doorbell, 0 strays" "$work/$1" ||
		{ is_about_list "$1" && ! grep -q '^# PASSED' "$work/$1"; }; then
		sed 's/^/# /' "$work/$1"
		return 1
	fi
}

for i in "${!cases[@]}"; do
	ktap_test_result "${cases[i]%%|*}" run_case "$i"
done
for i in "${used[@]}"; do
	ktap_test_result "${cases[i]%%|*}.used" was_used "$i"
done
where_first_usable() {
	[[ $first_usable == $'0x1\n0\n0x3' ]] && return
	echo "# ${first_usable_accesses[*]} gave ${first_usable//$'\n'/ }"
	return 1
}
ktap_test_result where_first_usable where_first_usable
ktap_test_result kernel_log log_clean
ktap_finished
