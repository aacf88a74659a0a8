# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A Linux guest with a function of each type (guest/linux.sh), and what the host sees of it. The
# script has set "here" and "tools". All except linux_cases comes after linux_begin.

# shellcheck source=selftests/lib/counters.sh
source "$here/lib/counters.sh"
# shellcheck source=selftests/lib/power.sh
source "$here/lib/power.sh"

linux_types=(net blk scsi rng console balloon 9p)
# The type that the guest lacks, if any: Linux' modern balloon driver refuses VIRTIO_F_ACCESS_PLATFORM,
# and the emulated device insists on it
linux_without=''
# As guest/linux.sh has these. INTx takes a kernel argument, too
linux_driver=legacy linux_interrupts=msix linux_requests=0 linux_sectors=2048
# Of each function, for tools/vm/guest: ,PROPERTY=VALUE...
linux_properties=''
# Checks of the scripts before guest/linux.sh
linux_first=()
# More of its variables, as lines NAME=VALUE; whether the guest has lspci
linux_variables=() linux_lspci=1
# How often the guest suspends its functions: check slept
linux_sleeps=0
# The check of the host that says how interrupts came to the guest: linux_$linux_proof
linux_proof=own_interrupts

linux_given() {
	printf '%s\n' "${linux_types[@]}" | grep -vx "$linux_without"
}

# Options for tools/vm/run
linux_devices() {
	printf -- '--vf\n%s\n' "${linux_types[@]}"
}

# On the host: the kernel of guests that have the oldest one of Debian
linux_old_kernel() {
	"$tools/initramfs" l2 "$("$tools/kernel" "$("$tools/../kernels" old-guest)")" >/dev/null
}

# The checks of such a guest, without those of the host
linux_cases() {
	local type kind=intx
	[[ $linux_interrupts != msix ]] || kind=msix
	for type in $(linux_given); do
		echo "${type}_identity"
		[[ $linux_lspci == 0 ]] || echo "${type}_lspci"
		printf "${type}_%s\n" driver "$linux_driver"
	done
	# A console's output need not end with an interrupt
	printf '%s\n' net_{ping,transfer,$kind} blk_{write_flush,read,label,$kind} \
		scsi_{write_flush,read,label,$kind} rng_{read,$kind} console_write 9p_{mount,read,$kind}
	[[ $linux_without == balloon ]] || printf '%s\n' balloon_{inflate,deflate,$kind}
	[[ $linux_requests == 0 ]] || printf '%s\n' {blk,scsi}_requests
	[[ $kind == msix ]] || echo shared_line
	[[ ${#linux_first[@]} == 0 ]] || printf '%s\n' "${linux_first[@]}"
}

# How many test points linux_guest has
linux_points() {
	local points=7
	[[ $linux_without == balloon ]] || points=8
	echo $(($(linux_cases | wc -l) + points + (linux_sleeps > 0)))
}

# Begins a test with such guests: takes in the other parts, and creates all functions. They are
# lines in linux_created, as of tools/vm/vfs.
linux_begin() {
	# shellcheck source=selftests/lib/ktap.sh
	source "$here/lib/ktap.sh"
	# shellcheck source=selftests/lib/kernel_log.sh
	source "$here/lib/kernel_log.sh"
	# shellcheck source=selftests/lib/guest.sh
	source "$here/lib/guest.sh"
	need_machine "boots guests on emulated functions"
	linux_created=$("$tools/vfs" create) || {
		echo "# tools/vm/vfs create failed with status $?"
		exit "$KSFT_FAIL"
	}
}

# Takes a function of each type, from lines of tools/vm/vfs on stdin: sets linux_bdf and
# linux_file, by type
declare -A linux_bdf linux_file
linux_functions() {
	local bdf type file
	while read -r bdf type _ file; do
		[[ $type && ! ${linux_bdf[$type]-} ]] || continue
		linux_bdf[$type]=$bdf linux_file[$type]=$file
	done
	for type in "${linux_types[@]}"; do
		[[ ${linux_bdf[$type]-} ]] || skip_all "no $type function; $0 --devices prints what the machine needs"
	done
}

# --- The balloon ------------------------------------------------------------------

linux_balloon_size() { # prints the memory that the balloon leaves, in bytes
	"$tools/qmp" query-balloon | tr -d -c 0-9
}

# In the background: makes the balloon larger and smaller again, as the guest's console says
linux_balloon() { # VERDICT-FILE
	local full
	full=$(linux_balloon_size)
	linux_balloon_step inflate $((full - (16 << 20))) &&
		linux_balloon_step deflate "$full" && touch "$1"
}

linux_balloon_step() { # inflate|deflate SIZE
	linux_wait grep -aq "selftests: balloon may $1" "$guest_console" || return
	"$tools/qmp" balloon "{\"value\": $2}" >/dev/null
	linux_wait linux_balloon_is "$2"
}

linux_balloon_is() { # SIZE
	[[ $(linux_balloon_size) == "$1" ]]
}

# As long as the guest may run
linux_wait() { # COMMAND...
	until "$@" 2>/dev/null; do
		sleep 0.5
	done
}

# --- What the guest left on the host ----------------------------------------------

# The data that the guest flushed is in the host's file
linux_image_file() { # TYPE
	local word type sector sectors sum
	read -r word type sector sectors sum < <(grep "^data $1 " <<<"$guest_output") || return 1
	[[ $word && $type ]] || return 1
	[[ $(dd if="${linux_file[$1]}" bs=512 skip="$sector" count="$sectors" status=none |
		sha256sum) == "$sum "* ]]
}

linux_console_file() {
	local word type bytes sum
	read -r word type bytes sum < <(grep '^data console ' <<<"$guest_output") || return 1
	[[ $word && $type ]] || return 1
	[[ $(tail -c "$bytes" "${linux_file[console]}" | sha256sum) == "$sum "* ]]
}

# --- INTx, of each function --------------------------------------------------------

# A guest counts the interrupts of a line. The driver counts those of each function
linux_intx() { # prints lines TYPE COUNT
	local type
	for type in $(linux_given); do
		# A console has no interrupts: see linux_cases
		[[ $type == console ]] ||
			echo "$type $(driver_counter "${linux_bdf[$type]}" intx_interrupts)"
	done
}

# All of them had some, or with MSI-X none had any
linux_own_interrupts() { # BEFORE
	local type count wrong=''
	while read -r type count; do
		count=$(($(linux_intx | sed -n "s/^$type //p") - count))
		echo "# $type: $count interrupts as INTx"
		[[ $linux_interrupts == msix && $count == 0 || $linux_interrupts != msix && $count -gt 0 ]] ||
			wrong=$type
	done <<<"$1"
	[[ ! $wrong ]]
}

# Runs the guest. Its test points are NAME.CHECK. Options for tools/vm/guest are in
# guest_arguments
linux_guest() { # NAME
	local name=$1 case verdict=$VIRTIO_MMR_RESULTS/balloon-$1 states=$VIRTIO_MMR_RESULTS/states-$1
	local balloon bdfs=() type intx
	guest_variables=("driver=$linux_driver" "interrupts=$linux_interrupts" "requests=$linux_requests"
		"without=$linux_without" "sectors=$linux_sectors" "has_lspci=$linux_lspci"
		"${linux_variables[@]}")
	guest_console=$VIRTIO_MMR_RESULTS/guest-$name/console.log
	for type in $(linux_given); do
		bdfs+=("${linux_bdf[$type]}$linux_properties")
	done
	rm -f "$verdict" "$guest_console"
	log_mark
	intx=$(linux_intx)
	[[ $linux_without == balloon ]] || linux_balloon "$verdict" &
	balloon=$!
	[[ $linux_sleeps == 0 ]] || power_watch "$states" "${bdfs[@]%%,*}"
	guest_run "$name" linux.sh "${bdfs[@]}"
	[[ $linux_sleeps == 0 ]] || power_watch_ends
	kill "$balloon" 2>/dev/null || true
	wait "$balloon" || true

	while read -r case; do
		ktap_test_result "$name.$case" guest_passed "$case"
	done < <(linux_cases)
	ktap_test_result "$name.exit_status" test "$guest_status" = 0
	ktap_test_result "$name.guest_kernel_log" guest_log_clean
	ktap_test_result "$name.blk_image_file" linux_image_file blk
	ktap_test_result "$name.scsi_image_file" linux_image_file scsi
	ktap_test_result "$name.console_file" linux_console_file
	ktap_test_result "$name.$linux_proof" "linux_$linux_proof" "$intx"
	# The host saw the memory go and come
	[[ $linux_without == balloon ]] ||
		ktap_test_result "$name.balloon_size" test -e "$verdict"
	[[ $linux_sleeps == 0 ]] ||
		ktap_test_result "$name.slept" power_slept "$states" "$linux_sleeps" "${bdfs[@]%%,*}"
	ktap_test_result "$name.kernel_log" log_clean
}

# A test of guests that have names. choose NAME, of the script, sets what linux_guest needs
# shellcheck disable=SC2317 # guests_run calls them
linux_guests() { # NAME...
	guest_points() { linux_points; }
	guest_test() { linux_guest "$@"; }
	guests_run "$@"
}
