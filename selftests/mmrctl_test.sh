#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mmrctl on real functions: each verb, binding with its refusals and ways back, and driverctl
# for lasting bindings. The test trusts sysfs, the driver's log and the emulated device. It does
# not trust mmrctl's own output.
#
# Needs the functions of probe_test.sh, for their defects, and also a PF with seven network VFs:
#	mapfile -t devices < <(selftests/probe_test.sh --devices)
#	tools/vm/run "${devices[@]}" --vf net:7 -- selftests/mmrctl_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
driver=virtio_mmr_vfio_pci
mmrctl=$repository/build/mmrctl
devices=/sys/bus/pci/devices
work=''

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
# shellcheck source=selftests/lib/mmrctl.sh
source "$here/lib/mmrctl.sh"

need_machine "binds and unbinds functions"
[[ -x $mmrctl ]] || skip_all "build/mmrctl is missing: make mmrctl"
mapfile -t vfs < <("$repository/tools/vm/vfs" create | sed -n 's/ net .*//p' | tail -n 7)
[[ ${#vfs[@]} == 7 ]] || skip_all "this virtual machine lacks a PF with seven network VFs: --vf net:7"
pf=$(basename "$(readlink -f "$devices/${vfs[0]}/physfn")")
id=$("$repository/tools/vm/vfs" list | sed -n "s/^${vfs[0]} net \(\S*\) .*/\1/p")

# The module is not installed on this machine: a folder with it replaces /lib/modules. The
# folder also has vfio-pci, which driverctl loads. The modules that vfio-pci needs are loaded
# before.
install_module() {
	local release modules
	release=$(uname -r)
	modules=$work/lib/modules/$release
	"$repository/tools/vm/vfs" bind "${vfs[0]}"
	"$repository/tools/vm/vfs" unbind "${vfs[0]}"
	rmmod $driver
	modprobe vfio-pci
	mkdir -p "$modules/updates"
	cp "$repository/build/$release/$driver.ko" "$modules/updates/"
	cp "$(modinfo -n vfio-pci)" "$modules/"
	touch "$modules"/modules.{order,builtin,builtin.modinfo}
	depmod -b "$work" "$release"
	mount --bind "$modules" "/lib/modules/$release"
}

# --- looking ---------------------------------------------------------------------

# The tool and the driver agree on every function of probe_test.sh
verdicts_are_the_drivers() {
	local bdf bdfs before
	for bdf in "${vfs[@]}"; do
		[[ $(driver_of "$bdf") == none ]] || echo "$bdf" >"$devices/$bdf/driver/unbind"
		echo >"$devices/$bdf/driver_override"
	done
	"$mmrctl" list --json >"$work/list" || return 1
	mapfile -t bdfs < <(python3 -c '
import json, sys
print("\n".join(f["bdf"] for f in json.load(open(sys.argv[1]))["functions"]))' "$work/list")
	log_debug "$driver"
	before=$(dmesg | wc -l)
	for bdf in "${bdfs[@]}"; do
		echo $driver >"$devices/$bdf/driver_override"
		echo "$bdf" >/sys/bus/pci/drivers_probe 2>/dev/null || true
		driver_of "$bdf"
		[[ $(driver_of "$bdf") != "$driver" ]] || echo "$bdf" >"$devices/$bdf/driver/unbind"
		echo >"$devices/$bdf/driver_override"
	done >"$work/bound"
	dmesg | tail -n +$((before + 1)) | grep -F "$driver" >"$work/log"
	python3 - "$work/list" "$work/bound" "$work/log" <<'END'
import json, re, sys
functions = json.load(open(sys.argv[1]))['functions']
bound = open(sys.argv[2]).read().split()
log = open(sys.argv[3]).read().splitlines()
wrong = refused = plain = 0
for function, driver in zip(functions, bound, strict=True):
    lines = [line for line in log if f' {function["bdf"]}: ' in line]
    text = lines[0] if len(lines) == 1 else ''
    registers = function['registers']
    if driver == 'virtio_mmr_vfio_pci' and not function['usable']:
        # The tool does not bind these. The driver serves a function without an MMR capability
        plain += 1
        agree = (function['usable'] is False and
                 f'served as vfio-pci serves it: {function["reason"]}' in text)
    elif driver == 'virtio_mmr_vfio_pci':
        found = (f'legacy registers in BAR {registers["bar"]} at {registers["offset"]:#x} '
                 f'({registers["length"]:#x} bytes)') if registers else 'no registers'
        agree = function['usable'] is True and found in text
    else:
        refused += 1
        agree = function['usable'] is False and function['reason'] in text
    if not agree:
        wrong += 1
        print(f'# {function}: {driver}, log: {lines}')
print(f'# {len(functions)} functions, of which the driver refuses {refused}, {plain} are none')
sys.exit(wrong or len(functions) < 40 or refused < 15 or plain < 4)
END
}

list_agrees_with_sysfs() {
	local i paths=() want=()
	"$mmrctl" list --pf "$pf" --json >"$work/list" || return 1
	for i in {0..6}; do
		paths+=("functions.$i.bdf" "functions.$i.vf" "functions.$i.pf" "functions.$i.iommu_group")
		want+=("$(basename "$(readlink "$devices/$pf/virtfn$i")")" "$i" "$pf"
			"$(basename "$(readlink "$devices/${vfs[i]}/iommu_group")")")
	done
	if [[ $(values "${paths[@]}" <"$work/list") != "$(printf '%s\n' "${want[@]}")" ||
		$(grep -c '"bdf"' "$work/list") != 7 ]]; then
		sed 's/^/# /' "$work/list"
		return 1
	fi
}

show_agrees_with_lspci() {
	local seen bar address vectors position
	run show "${vfs[0]}" --json
	expect 0 || return 1
	{ read -r bar && read -r address && read -r vectors && read -r position; } < <(
		values functions.0.bars.0.{bar,address} functions.0.msix_vectors \
			functions.0.capabilities.0.position <<<"$output") || return 1
	seen=$(lspci -vv -s "${vfs[0]}")
	if [[ $seen != *"Region $bar: Memory at $(printf '%x' "$address")"* ||
		$seen != *"Count=$vectors "* ||
		$seen != *"[$(printf '%x' "$position")"*'] Vendor Specific'* ]]; then
		printf '%s\n' "want BAR $bar at $address, $vectors vectors, a capability at $position, in:" "$seen" | sed 's/^/# /'
		return 1
	fi
}

# Users other than root see less. The tool says so, without an error
other_users() {
	setpriv --reuid=65534 --clear-groups "$work/mmrctl" list --pf "$pf" >"$work/list" 2>"$work/errors" || return 1
	[[ $(grep -c ' unknown ' "$work/list") == 7 ]] || return 1
	grep -q 'only root' "$work/errors" || return 1
	status=0
	setpriv --reuid=65534 --clear-groups "$work/mmrctl" bind "${vfs[0]}" 2>"$work/errors" || status=$?
	[[ $status == 6 && $(<"$work/errors") == 'mmrctl: bind needs root: run it with sudo' ]] &&
		have none '(null)' "${vfs[0]}" || return 1
	# By another name it is no recording, and works as usual
	status=0
	setpriv --reuid=65534 --clear-groups "$work/mmrctl" --sysfs /sys bind "${vfs[0]}" 2>"$work/errors" || status=$?
	[[ $status == 6 && $(<"$work/errors") == 'mmrctl: bind needs root: run it with sudo' ]] || return 1
	status=0
	setpriv --reuid=65534 --clear-groups "$work/mmrctl" check "${vfs[0]}" >"$work/list" || status=$?
	[[ $status == 6 && $(tail -n 1 "$work/list") == unknown:* ]]
}

# Only root can read the counters
stats_as_other_user() {
	status=0
	setpriv --reuid=65534 --clear-groups "$work/mmrctl" stats "${vfs[0]}" >"$work/list" 2>"$work/errors" || status=$?
	errors=$(<"$work/errors")
	expect 6 "${vfs[0]}: only root can read its counters" && [[ ! -s $work/list ]]
}

check_this_machine() {
	run check "${vfs[0]}" --json
	expect 0 || return 1
	[[ $output == *'"ready": true'* ]] || return 1
	local id
	for id in kernel iommu interrupt_remapping vfio module signature function group; do
		if ! grep -A 2 "\"id\": \"$id\"" <<<"$output" | grep -q '"level": "ok"'; then
			printf '%s\n' "$output" | sed 's/^/# /'
			return 1
		fi
	done
	# Some of all functions have defects
	run check
	expect 4
}

# --- binding ----------------------------------------------------------------------

bind_loads_the_module() {
	[[ ! -e /sys/module/$driver ]] || return 1
	run bind "${vfs[0]}"
	expect 0 || return 1
	[[ -e /sys/module/$driver && $output == "${vfs[0]}: $driver (was: no driver)" ]] || return 1
	have $driver $driver "${vfs[0]}" || return 1
	# That it is what is installed
	run check "${vfs[0]}"
	[[ $output == *"ok       module: $driver is loaded"$'\n'* ]] || return 1
	run unbind "${vfs[0]}"
	expect 0 && have none '(null)' "${vfs[0]}"
}

all_vfs_of_a_pf() {
	run bind --pf "$pf"
	expect 0 || return 1
	# No terminal, no progress
	[[ ! $errors && $(wc -l <<<"$output") == 7 ]] || return 1
	have $driver $driver "${vfs[@]}" || return 1
	run bind --pf "$pf" --json
	expect 0 || return 1
	[[ $(grep -c '"changed": false' <<<"$output") == 7 ]] || return 1
	run unbind --pf "$pf"
	expect 0 || return 1
	have none '(null)' "${vfs[@]}" || return 1
	[[ ! $(find /run/mmrctl -name '*:*') ]]
}

# A function with another driver gets it back, driver_override included
previous_driver() {
	echo vfio-pci >"$devices/${vfs[1]}/driver_override"
	echo "${vfs[1]}" >/sys/bus/pci/drivers_probe
	have vfio-pci vfio-pci "${vfs[1]}" || return 1
	umask 077
	run bind "${vfs[1]}"
	umask 022
	expect 0 || return 1
	[[ $output == *'(was: vfio-pci)' ]] && have $driver $driver "${vfs[1]}" || return 1
	# All users can read it
	[[ $(stat -c %a "/run/mmrctl/${vfs[1]}") == 644 ]] || return 1
	run show "${vfs[1]}"
	[[ $output == *'unbind restores  vfio-pci, driver_override vfio-pci'* ]] || return 1
	run unbind "${vfs[1]}"
	expect 0 && have vfio-pci vfio-pci "${vfs[1]}"
}

# A record belongs to one function, not to the next one at the same address
record_of_a_function_that_went() {
	run bind "${vfs[1]}"
	expect 0 || return 1
	[[ -e /run/mmrctl/${vfs[1]} ]] || return 1
	echo 0 >"$devices/$pf/sriov_numvfs"
	echo 7 >"$devices/$pf/sriov_numvfs"
	have none '(null)' "${vfs[@]}" || return 1
	"$repository/tools/vm/vfs" bind "${vfs[1]}"
	run unbind "${vfs[1]}"
	# vfio-pci, which its predecessor had, is none of its business
	expect 0 && have none '(null)' "${vfs[1]}"
}

hold_file() { # FILE
	sleep infinity 9<>"$1" &
	holder=$!
	until [[ $(readlink "/proc/$holder/fd/9") == "$1" && $(</proc/$holder/comm) == sleep ]]; do
		sleep 0.1
	done
}

# Holds a function's group open, as a VMM does
hold_group() { # BDF
	hold_file "/dev/vfio/$(basename "$(readlink "$devices/$1/iommu_group")")"
}

release_group() {
	kill "$holder"
	wait "$holder" 2>/dev/null || true
}

refused_in_use() {
	local result=0
	echo vfio-pci >"$devices/${vfs[1]}/driver_override"
	echo "${vfs[1]}" >/sys/bus/pci/drivers_probe
	hold_group "${vfs[1]}"
	run bind "${vfs[0]}" "${vfs[1]}"
	{ expect 5 "${vfs[1]}: in use by sleep ($holder)" && have vfio-pci vfio-pci "${vfs[1]}" &&
		have none '(null)' "${vfs[0]}"; } || result=1
	release_group
	run bind "${vfs[0]}" "${vfs[1]}"
	expect 0 || return 1
	hold_group "${vfs[1]}"
	run list "${vfs[1]}"
	[[ $output == *" sleep ($holder)" ]] || result=1
	run unbind "${vfs[1]}" "${vfs[0]}"
	# The other one is not in use
	{ expect 5 "${vfs[1]}: in use by sleep ($holder)" && have $driver $driver "${vfs[1]}" &&
		have none '(null)' "${vfs[0]}"; } || result=1
	run dump "${vfs[1]}"
	expect 5 "in use by sleep ($holder)" || result=1
	run regs "${vfs[1]}"
	expect 5 "in use by sleep ($holder)" || result=1
	release_group
	run unbind "${vfs[1]}"
	expect 0 || result=1
	have vfio-pci vfio-pci "${vfs[1]}" || result=1
	return $result
}

# Some processes cannot be seen, or their files: the kernel knows whether they have the group
refused_in_the_dark() {
	local prefix result=0
	run bind "${vfs[0]}"
	expect 0 || return 1
	hold_group "${vfs[0]}"
	for prefix in 'setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace' \
		'unshare --pid --fork --mount-proc'; do
		status=0
		# shellcheck disable=SC2086 # words
		output=$($prefix "$mmrctl" unbind "${vfs[0]}" 2>"$work/errors") || status=$?
		errors=$(<"$work/errors")
		{ expect 5 "(open in a process that cannot be seen" &&
			have $driver $driver "${vfs[0]}"; } || result=1
	done
	release_group
	# shellcheck disable=SC2086 # words
	output=$($prefix "$mmrctl" unbind "${vfs[0]}" 2>"$work/errors") || result=1
	have none '(null)' "${vfs[0]}" || result=1
	return $result
}

# Processes whose file of the group has another name, or which have the function's file alone
refused_behind_other_names() {
	local group number result=0
	run bind "${vfs[0]}"
	expect 0 || return 1
	group=$(basename "$(readlink "$devices/${vfs[0]}/iommu_group")")
	number=$(<"/sys/class/vfio/$group/dev")
	mkdir -p "$work/dev"
	mknod "$work/dev/other" c "${number%:*}" "${number#*:}"
	hold_file "$work/dev/other"
	run unbind "${vfs[0]}"
	{ expect 5 "in use by sleep ($holder)" && have $driver $driver "${vfs[0]}"; } || result=1
	release_group

	# VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU for type 1, VFIO_GROUP_GET_DEVICE_FD
	rm -f "$work/ready"
	python3 -c '
import fcntl, os, struct, sys, time
container = os.open("/dev/vfio/vfio", os.O_RDWR)
group = os.open(f"/dev/vfio/{sys.argv[1]}", os.O_RDWR)
fcntl.ioctl(group, 0x3b68, struct.pack("i", container))
fcntl.ioctl(container, 0x3b66, 1)
device = fcntl.ioctl(group, 0x3b6a, sys.argv[2].encode() + b"\0")
os.close(group)
os.close(container)
open(sys.argv[3], "w").close()
time.sleep(600)' "$group" "${vfs[0]}" "$work/ready" &
	holder=$!
	until [[ -e $work/ready ]] || ! kill -0 $holder 2>/dev/null; do
		sleep 0.1
	done
	# The driver would ask the process to let go, for as long as that takes
	{ [[ -e $work/ready ]] && run unbind "${vfs[0]}" &&
		expect 5 "IOMMU group $group (open in a process that cannot be seen, or that has closed" &&
		have $driver $driver "${vfs[0]}"; } || result=1
	release_group
	# A file that only has such a name
	mkdir -p "$work/dev/vfio"
	hold_file "$work/dev/vfio/$group"
	run unbind "${vfs[0]}"
	expect 0 || result=1
	release_group
	return $result
}

# The third function's driver_override has no effect: no driver takes it
rollback() {
	local result=0
	: >"$work/override"
	mount --bind "$work/override" "$devices/${vfs[2]}/driver_override"
	run bind "${vfs[1]}" "${vfs[0]}" "${vfs[2]}"
	umount "$devices/${vfs[2]}/driver_override"
	{ expect 1 "${vfs[2]}: $driver does not take the function" && [[ ! $output ]] &&
		have vfio-pci vfio-pci "${vfs[1]}" && have none '(null)' "${vfs[0]}" "${vfs[2]}" &&
		[[ ! $(find /run/mmrctl -name '*:*') ]]; } || result=1
	# Binding works when the cause is gone
	run bind "${vfs[1]}" "${vfs[0]}" "${vfs[2]}"
	{ expect 0 && have $driver $driver "${vfs[@]:0:3}"; } || result=1
	run unbind "${vfs[@]:0:3}"
	expect 0 || result=1
	return $result
}

# Without a record there is no way back, so the function keeps its driver
record_cannot_be_written() {
	mkdir "/run/mmrctl/${vfs[1]}"
	run bind "${vfs[0]}" "${vfs[1]}"
	rmdir "/run/mmrctl/${vfs[1]}"
	expect 1 "${vfs[1]}: cannot be written" && have vfio-pci vfio-pci "${vfs[1]}" &&
		have none '(null)' "${vfs[0]}" && [[ ! $(find /run/mmrctl -name '*:*') ]]
}

# All functions or none: a signal takes effect after the function that is being bound. The
# driver's debug messages show the functions that it has had.
interrupted() {
	local i lines want
	# One that programs seldom expect
	run_with_signal SIGUSR1 /sys/bus/pci/drivers_probe 3 bind --pf "$pf"
	expect 1 'nothing was bound' && have vfio-pci vfio-pci "${vfs[1]}" &&
		have none '(null)' "${vfs[0]}" "${vfs[@]:2}" || return 1
	log_debug "$driver"
	lines=$(dmesg | wc -l)
	run_with_signal SIGTERM /sys/bus/pci/drivers_probe 3 bind --pf "$pf"
	dmesg | tail -n +$((lines + 1)) >"$work/log"
	expect 1 'nothing was bound' || return 1
	for i in {0..6}; do
		want=$((i < 3))
		if [[ $(grep -c " ${vfs[i]}: virtio .*, legacy registers in BAR" "$work/log") != "$want" ]]; then
			echo "# VF $i, ${vfs[i]}, must be bound $want times, but is not"
			sed 's/^/# /' "$work/log" "$work/strace"
			return 1
		fi
	done
	have vfio-pci vfio-pci "${vfs[1]}" && have none '(null)' "${vfs[0]}" "${vfs[@]:2}" &&
		[[ ! $(find /run/mmrctl -name '*:*') ]] || return 1
	# The signal comes too late
	run_with_signal SIGTERM /sys/bus/pci/drivers_probe 7 bind --pf "$pf"
	expect 0 && have $driver $driver "${vfs[@]}" || return 1
	run unbind --pf "$pf"
	expect 0 && have vfio-pci vfio-pci "${vfs[1]}" && have none '(null)' "${vfs[0]}" "${vfs[@]:2}"
}

# mmrctl is killed before the old driver has let go, or before the new one has taken the
# function. The function's record has the state to restore, also after another bind in between
killed() {
	local vf=${vfs[1]}
	run_with_signal SIGKILL /sys/bus/pci/drivers/vfio-pci/unbind 1 bind "$vf"
	expect 137 && have vfio-pci $driver "$vf" || return 1
	run unbind "$vf"
	expect 0 && have vfio-pci vfio-pci "$vf" || return 1
	run_with_signal SIGKILL /sys/bus/pci/drivers_probe 1 bind "$vf"
	expect 137 && have none $driver "$vf" || return 1
	run unbind "$vf"
	expect 0 && have vfio-pci vfio-pci "$vf" || return 1
	run_with_signal SIGKILL /sys/bus/pci/drivers_probe 1 bind "$vf"
	expect 137 && have none $driver "$vf" || return 1
	# Where it cannot be bound now, the state of before is not forgotten
	mount --bind "$devices/$vf/driver_override" "$devices/$vf/driver_override"
	mount -o remount,ro,bind "$devices/$vf/driver_override"
	run bind "$vf"
	umount "$devices/$vf/driver_override"
	expect 1 "$vf: cannot set its driver_override: Read-only file system; run mmrctl where" &&
		have none $driver "$vf" || return 1
	run bind "$vf"
	expect 0 && have $driver $driver "$vf" || return 1
	# On the way back, before vfio-pci has the function again
	run_with_signal SIGKILL /sys/bus/pci/drivers_probe 1 unbind "$vf"
	expect 137 && have none vfio-pci "$vf" || return 1
	run unbind "$vf"
	expect 0 && have vfio-pci vfio-pci "$vf" && [[ ! $(find /run/mmrctl -name '*:*') ]]
}

# --- looking into a bound function --------------------------------------------------

dump_is_what_a_guest_sees() {
	local seen
	run dump "${vfs[0]}"
	expect 0 || return 1
	printf '%s\n' "$output" >"$work/dump"
	seen=$(lspci -n -vv -F "$work/dump")
	if [[ $seen != *"${vfs[0]#0000:} 0200: 1af4:1000"* || $seen != *'Subsystem: 1af4:0001'* ||
		$seen != *'Region 0: I/O ports'* || $seen != *'MSI-X: Enable- Count=4'* ||
		$seen != *'Vendor Specific Information: VirtIO: Notify'* ]]; then
		printf '%s\n' "$seen" | sed 's/^/# /'
		return 1
	fi
	# Both forms say the same
	run dump "${vfs[0]}" --json
	[[ $(values bytes <<<"$output") == "$(sed -n 's/^[0-9a-f]*: //p' "$work/dump" | tr -d ' \n')" ]]
}

# The known registers of the device. The driver's trace shows that ISR status is not read
regs_are_the_devices() {
	local mac tracing=/sys/kernel/tracing/instances/mmrctl_test
	mac=$("$repository/tools/vm/qmp" get "$id" mac) || return 1
	mkdir "$tracing"
	echo 1 >"$tracing/events/virtio_mmr/virtio_mmr_access/enable"
	run regs "${vfs[0]}" --json
	grep -F " ${vfs[0]} " "$tracing/trace" >"$work/trace"
	rmdir "$tracing"
	expect 0 || return 1
	if [[ $(values device_config.mac queues.0.size device_status <<<"$output") != \
		"${mac//\"/}"$'\n'"$("$repository/tools/vm/qmp" get "$id" rx_queue_size)"$'\n0' ||
		$output != *'"MAC",'* ]]; then
		printf '%s\n' "want MAC address $mac in:" "$output" | sed 's/^/# /'
		return 1
	fi
	if ! grep -q ' read offset=0x12 ' "$work/trace" || grep ' read offset=0x13 ' "$work/trace"; then
		head -n 30 "$work/trace" | sed 's/^/# /'
		return 1
	fi
	run regs "${vfs[0]}"
	expect 0 || return 1
	[[ $output == *"mac                  ${mac//\"/}"* ]]
}

# The driver has no file yet
stats_before_the_first_open() {
	[[ ! -e $devices/${vfs[0]}/virtio_mmr_counters ]] || return 1
	run stats "${vfs[0]}"
	expect 0 || return 1
	sed -n 's/^  \([a-z_]*\)  *0$/\1/p' <<<"$output" >"$work/zeros"
	[[ $(wc -l <<<"$output") == $(($(wc -l <"$work/zeros") + 1)) && ! -e $devices/${vfs[0]}/virtio_mmr_counters ]]
}

stats_are_the_drivers() {
	local name value names=() want=() before
	cut -d ' ' -f 1 "$devices/${vfs[0]}/virtio_mmr_counters" | cmp - "$work/zeros" || return 1
	run stats "${vfs[0]}" --json
	expect 0 || return 1
	while read -r name value; do
		names+=("functions.0.counters.$name")
		want+=("$value")
	done <"$devices/${vfs[0]}/virtio_mmr_counters"
	[[ ${#names[@]} -gt 10 ]] || return 1
	if [[ $(values "${names[@]}" <<<"$output") != "$(printf '%s\n' "${want[@]}")" ]]; then
		printf '%s\n' "$output" "${want[@]}" | sed 's/^/# /'
		return 1
	fi
	before=$(sed -n 's/^io_bar_reads //p' "$devices/${vfs[0]}/virtio_mmr_counters")
	run regs "${vfs[0]}"
	run stats "${vfs[0]}" "${vfs[3]}"
	expect 4 "${vfs[3]}: no counters: it is not bound" || return 1
	[[ $(awk '$1 == "io_bar_reads" { print $2 }' <<<"$output") -gt $before ]]
}

# --- what shall last ----------------------------------------------------------------

# There is no udev here. The command that its rule starts is run by hand.
driverctl_makes_it_last() {
	local vf=${vfs[4]}
	driverctl set-override "$vf" $driver || return 1
	have $driver $driver "$vf" || return 1
	run show "$vf"
	[[ $output == *"at each boot     $driver, by driverctl"* ]] || return 1
	echo 0 >"$devices/$pf/sriov_numvfs"
	echo 7 >"$devices/$pf/sriov_numvfs"
	have none '(null)' "$vf" || return 1
	grep -q 'TEST=="/etc/driverctl.d/.*driverctl@' /lib/udev/rules.d/05-driverctl.rules || return 1
	grep -q '^ExecStart=.*driverctl load-override ' /lib/systemd/system/driverctl@.service || return 1
	driverctl load-override "$vf" || return 1
	have $driver $driver "$vf" || return 1
	run unbind "$vf"
	expect 0 "driverctl binds it to $driver at the next boot" && have none '(null)' "$vf" || return 1
	driverctl load-override "$vf" || return 1
	have $driver $driver "$vf" || return 1
	# The command of the manual
	driverctl --noprobe unset-override "$vf" || return 1
	have none '(null)' "$vf" || return 1
	status=0
	driverctl load-override "$vf" || status=$?
	[[ $status != 0 ]] && have none '(null)' "$vf" || return 1
	# Another driver at the next boot than now
	driverctl set-override "$vf" vfio-pci || return 1
	run bind "$vf"
	expect 0 "driverctl binds it to vfio-pci at the next boot" && have $driver $driver "$vf" || return 1
	run unbind "$vf"
	expect 0 && [[ $errors != *'next boot'* ]] && have vfio-pci vfio-pci "$vf" || return 1
	driverctl --noprobe unset-override "$vf" && have none '(null)' "$vf" || return 1
	# None at the next boot
	driverctl set-override "$vf" none || return 1
	run bind "$vf"
	expect 0 "driverctl leaves it without a driver at the next boot" && have $driver $driver "$vf" || return 1
	run unbind "$vf"
	expect 0 && [[ $errors != *'next boot'* ]] && have none none "$vf" || return 1
	driverctl --noprobe unset-override "$vf" && have none '(null)' "$vf"
}

tests=(list_agrees_with_sysfs show_agrees_with_lspci other_users check_this_machine
	bind_loads_the_module all_vfs_of_a_pf previous_driver record_of_a_function_that_went
	refused_in_use refused_in_the_dark refused_behind_other_names rollback record_cannot_be_written interrupted killed
	stats_before_the_first_open dump_is_what_a_guest_sees regs_are_the_devices stats_are_the_drivers
	stats_as_other_user driverctl_makes_it_last verdicts_are_the_drivers)

work=$(mktemp -d)
# Other users may have no way to the repository
chmod 755 "$work"
install "$mmrctl" "$work/mmrctl"
ktap_print_header
ktap_set_plan $((${#tests[@]} + 1))
install_module
log_mark
for test in "${tests[@]}"; do
	case $test in
	stats_before_the_first_open) "$mmrctl" bind "${vfs[0]}" >/dev/null ;;
	# It clears the log
	verdicts_are_the_drivers) ktap_test_result kernel_log log_clean ;;
	esac
	ktap_test_result "$test" "$test"
done
ktap_finished
