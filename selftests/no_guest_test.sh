#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What administrators do with VFs and Debian's QEMU before a guest runs, or around it: a function
# given twice, migration, an ordinary user with a limit of locked memory, sriov_numvfs while functions
# are bound, and sriov_drivers_autoprobe. QEMU has the function, but its CPU stands still (-S).
#
# Runs in L1, with the options that --devices prints.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tools=$here/../tools/vm
build=${OUTPUT:-$here/../build/selftests}

case ${1-} in
--devices)
	printf -- '--vf\nnet:4\n'
	exit
	;;
esac

# shellcheck source=selftests/lib/linux_guest.sh
source "$here/lib/linux_guest.sh"
linux_begin
mapfile -t bdfs < <(sed -n 's/ net .*//p' <<<"$linux_created" | tail -n 4)
[[ ${#bdfs[@]} == 4 ]] || skip_all "no four net functions; $0 --devices prints what the machine needs"
bdf=${bdfs[0]}
pf=$(readlink -f "/sys/bus/pci/devices/$bdf/physfn")
id="$(<"/sys/bus/pci/devices/$bdf/vendor") $(<"/sys/bus/pci/devices/$bdf/device")"

# --- QEMU -------------------------------------------------------------------------------

megabytes=64
declare -A pid_of
start_qemu() { # NAME [PREFIX...]: until it has a monitor; fails if it ends before
	local name=$1 work=/run/qemu-$1 second
	shift
	mkdir -p "$work"
	rm -f "$work"/*
	# Of the ordinary user as well
	chown 65534:65534 "$work"
	"$@" qemu-system-x86_64 -nodefaults -no-user-config -display none -S -L /usr/share/seabios -L /usr/share/qemu \
		-M pc,accel=tcg -m "$megabytes" -qmp "unix:$work/qmp,server=on,wait=off" \
		-device "vfio-pci,id=first,host=$bdf,rombar=0" </dev/null >"$work/log" 2>&1 &
	pid_of[$name]=$!
	# The socket is there before the devices are; an answer comes after them
	for ((second = 0; second < 60 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}; second++)); do
		if [[ -S $work/qmp ]] && qmp "$name" query-status >"$work/answer" 2>&1; then
			return
		fi
		kill -0 "${pid_of[$name]}" 2>/dev/null || break
		sleep 1
	done
	cat "$work/log"
	return 1
}

qmp() { # NAME COMMAND [ARGUMENTS]
	timeout 60 "$tools/qmp" --socket "/run/qemu-$1/qmp" "${@:2}"
}

stop_qemu() { # NAME
	qmp "$1" quit >/dev/null && wait "${pid_of[$1]}"
}

refused() { # WORDS COMMAND...: fails, and says these words, of a regular expression
	local words=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "not refused: $output"
		return 1
	fi
	grep -qE -- "$words" <<<"$output" || {
		echo "refused for another reason: $output"
		return 1
	}
}

# --- Checks -----------------------------------------------------------------------------

# Its owner goes on
has_it() { # NAME
	qmp "$1" qom-list '{"path": "/machine/peripheral"}' | grep -q '"first"'
}

not_twice() {
	refused 'already attached' qmp one device_add \
		"{\"driver\": \"vfio-pci\", \"id\": \"again\", \"host\": \"$bdf\"}" && has_it one
}

not_by_another() {
	refused 'busy|in use' start_qemu two && has_it one
}

no_migration() {
	refused 'migration' qmp one migrate '{"uri": "exec:cat >/dev/null"}' && has_it one
}

# By the human monitor, which answers with the reason
no_snapshot() {
	local answer
	answer=$(qmp one human-monitor-command '{"command-line": "savevm x"}')
	grep -q 'Error: .*migration' <<<"$answer" || {
		echo "savevm says: $answer"
		return 1
	}
	has_it one
}

free_for_the_next() {
	stop_qemu one && start_qemu two && has_it two && stop_qemu two
}

ordinary=(setpriv --reuid 65534 --regid 65534 --clear-groups)
of_user() { # MEGABYTES-OF-LOCKED-MEMORY
	local group
	group=/dev/vfio/$(basename "$(readlink -f "/sys/bus/pci/devices/$bdf/iommu_group")")
	chown 65534:65534 "$group"
	start_qemu ordinary prlimit "--memlock=$(($1 << 20)):$(($1 << 20))" "${ordinary[@]}"
}

too_little_memory() {
	refused 'Cannot allocate memory' of_user $((megabytes / 4))
}

enough_memory() {
	of_user $((megabytes * 2)) && has_it ordinary &&
		[[ $(stat -c %u "/proc/${pid_of[ordinary]}") == 65534 ]] && stop_qemu ordinary
}

# --- sriov_numvfs and sriov_drivers_autoprobe ----------------------------------------------

vfs_of_pf() { # prints them
	local link
	for link in "$pf"/virtfn*; do
		[[ ! -e $link ]] || basename "$(readlink -f "$link")"
	done
}

bound() { # DRIVER COUNT: so many VFs, all with this driver, or with none
	local one count=0 driver
	for one in $(vfs_of_pf); do
		driver=$(basename "$(readlink "/sys/bus/pci/devices/$one/driver")") || true
		[[ $driver == "$1" ]] || {
			echo "$one has the driver '$driver', not '$1'"
			return 1
		}
		count=$((count + 1))
	done
	[[ $count == "$2" && $(<"$pf/sriov_numvfs") == "$2" ]] || {
		echo "$count VFs, not $2"
		return 1
	}
}

answers() { # the status register of each
	local one
	for one in $(vfs_of_pf); do
		[[ $("$build/ports" "$one" 0x12.1) == 0 ]] || return
	done
}

# A PF keeps its VFs until they are switched off
fewer() {
	local all
	echo 0 >"$pf/sriov_numvfs" && echo 3 >"$pf/sriov_numvfs" || return
	mapfile -t all < <(vfs_of_pf)
	"$tools/vfs" bind "${all[@]}" && bound virtio_mmr_vfio_pci 3 || return
	refused 'busy' bash -c "echo 2 >$pf/sriov_numvfs" && bound virtio_mmr_vfio_pci 3 && answers
}

off_while_bound() {
	echo 0 >"$pf/sriov_numvfs" && bound '' 0
}

# The driver takes VFs by itself, once it has been told their ID
driver=/sys/bus/pci/drivers/virtio_mmr_vfio_pci
with_autoprobe() {
	echo "$id" >"$driver/new_id" && echo 1 >"$pf/sriov_drivers_autoprobe" || return
	echo 3 >"$pf/sriov_numvfs" && bound virtio_mmr_vfio_pci 3 && answers
}

# Only driver_override finds a driver then, though the driver still has the ID
without_autoprobe() {
	local all
	echo 0 >"$pf/sriov_numvfs" && echo 0 >"$pf/sriov_drivers_autoprobe" || return
	echo 3 >"$pf/sriov_numvfs" && bound '' 3 || return
	mapfile -t all < <(vfs_of_pf)
	"$tools/vfs" bind "${all[@]}" && bound virtio_mmr_vfio_pci 3 && answers
}

as_before() {
	local status=0
	echo "$id" >"$driver/remove_id" || status=1
	echo 1 >"$pf/sriov_drivers_autoprobe"
	echo 0 >"$pf/sriov_numvfs" && cat "$pf/sriov_totalvfs" >"$pf/sriov_numvfs" && return "$status"
}

# ----------------------------------------------------------------------------------------

# Not in a shell of its own, which could not wait for QEMU
one_check() { # NAME
	local log=/run/no-guest.log
	if "$1" >"$log" 2>&1; then
		ktap_test_pass "$1"
	else
		sed 's/^/# /' "$log"
		ktap_test_fail "$1"
	fi
}

starts() {
	start_qemu one
}

checks=(starts not_twice not_by_another no_migration no_snapshot free_for_the_next too_little_memory
	enough_memory fewer off_while_bound with_autoprobe without_autoprobe as_before)
ktap_print_header
ktap_set_plan $((${#checks[@]} + 1))
log_mark
"$tools/vfs" bind "$bdf"
for check in "${checks[@]}"; do
	one_check "$check"
done
ktap_test_result kernel_log log_clean
ktap_finished
