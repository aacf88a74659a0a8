#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs all tests, most of them in virtual machines with emulated MMR functions, as
# few boots as possible. Leaves a TAP file for each test program in results/tap and ends with
# one line, "N passed, N failed, N skipped", of test cases.
set -euo pipefail

usage() {
	cat <<'END'
usage: selftests/vmtest.sh [--kernel SERIES] [--qemu PATH] [--jobs N] [SUITE...]

  --kernel SERIES  only on this kernel, such as 6.12 or trixie-backports; default:
                   everything on 6.12, and in_place and guest on 6.1 as well
  --qemu PATH      QEMU to use; default: what tools/qemu/build prints
  --jobs N         suites that run at the same time; default: one for each of this
                   machine's CPUs and each 4 GiB of memory
  --list           only say what would run: SUITE SERIES PROGRAM in each line, with
                   "-" for SERIES if it is this machine that runs it

SUITE, default all of these:
  unit      the driver's decoding and translating, on this machine
  style     what "make style" checks
  install   make install; which driver a device manager chooses; signatures
  docs      the documentation: that it builds, and agrees with the code
  fuzz      each fuzzer for a minute
  mmrctl    the administration tool on recorded trees, on this machine
  emulator  the emulated device by itself, on this machine
  runner    what the other suites run in: tools/vm/run
  in_place  each test program on VFs of the usual layout
  probe     accepted and refused capabilities, and mmrctl on these functions
  layout    registers, notification and traffic on VFs of every other layout
  fault     port semantics and notification on slow or lying devices
  displaced the same with a physical BAR0, and with Linux guests, legacy and modern;
            functions without MSI-X and modern registers
  pf        configuration, registers, traffic and resets on PFs that are MMR functions
  removal   functions that are taken away while in use, by a guest too; bound,
            opened, closed and unbound VIRTIO_MMR_CYCLES times (default 100)
  guest     Linux and SeaBIOS with their legacy drivers
  vmm       notification by ioeventfd, with guests on the QEMU of tools/qemu
  bench     instructions of notification and register accesses, against recorded ones

and, only where they are named, as they take long; packages and libvirt fetch more from Debian:
  packages  the Debian packages and dkms, in a fresh Debian 12 and 13
  million   1,000,000 notifications of suite vmm, while other functions are reset
  libvirt   hostdevs and guests of libvirt 9.0 and 11.3

To run one test by hand:
  tools/vm/shell --vf net --vf rng:2
  # tools/vm/vfs create; tools/vm/vfs bind 0000:01:00.1
  # build/selftests/net_test 0000:01:00.1
END
}

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
build=$repository/build/selftests
taps=$repository/results/tap
cd "$repository"

unit_tests=(capability_test harness_test identity_test layout_test lists_test placement_test)
# Tests mostly wait, for resets of 100 ms each, so they run in lanes side by side.
# A lane's types of functions, and tests; a test's arguments follow after colons. What
# follows -- waits for the others, whose functions it can have: rng_test and balloon_test
# cause DMA faults, and each test looks for those in the log. TEST~N is a test of which N
# cases must skip, on a function that lacks what they need.
in_place_lanes=(
	'net blk rng scsi console balloon 9p|config_space_test'
	'net rng|reset_test:-T:by_link_error'
	'net|bind_test bar_test position_test:-T:where_the_io_bar_is_not register_test notify_test ioeventfd_test counters_test trace_test net_test hostile_test'
	'net blk rng rng|random_test blk_test independence_test'
	-- 'rng balloon|rng_test balloon_test'
)
# Only VFs can be opened and closed while the host resets them
pf_lanes=(
	'net rng|config_space_test:-v:net:-v:rng bar_test position_test:-T:where_the_io_bar_is_not register_test notify_test ioeventfd_test net_test'
	'net rng|reset_test:-T:host_resets_while_opened_and_closed hostile_test'
	'rng|intx_test'
	-- 'rng|rng_test'
)

# A PF of its own, as its VFs come and go. The last one counts what is left of the
# machine's memory.
removal_lanes=(
	'rng|removal_test'
	-- 'rng blk scsi console|leak_test'
)

# Where an eventfd goes, and where none does
ioeventfd_short=ioeventfd_test:-t:each_signal_notifies_once:-t:not_in_other_regions:-t:mistakes

# Name, type, QEMU properties, tests. What depends on the layout, where it does.
layouts=(
	"one_doorbell|net|mmr-notify-multiplier=0|notify_test net_test $ioeventfd_short"
	'doorbell_pages|net|mmr-notify-multiplier=4096|notify_test net_test'
	"no_notify_capability|net|mmr-notify-cap=off|notify_test net_test $ioeventfd_short"
	'wrapped_form|net|mmr-form=wrapped|bar_test notify_test net_test'
	'window_in_modern_bar|net|mmr-bar=4,mmr-offset=0x8000|bar_test register_test notify_test net_test'
	'window_in_msix_bar|net|mmr-bar=1,mmr-offset=0x400|bar_test register_test notify_test net_test ioeventfd_test:-t:in_memory_bars:-t:not_in_other_regions'
	'window_in_64_bit_bar|net|mmr-bar64=on,mmr-offset=0x10000|bar_test notify_test net_test ioeventfd_test:-t:in_memory_bars'
	'window_above_4_gib|net|mmr-bar64=on,mmr-offset=0x100000000|bar_test register_test notify_test net_test'
	'disable_modern|net|disable-modern=on|register_test notify_test net_test'
	'window_at_end_of_bar|net|mmr-offset=0xf00|bar_test register_test net_test'
	'shortest_window|net|mmr-length=24|bar_test notify_test'
	'short_window_at_end|net|mmr-length=40,mmr-offset=0xfd8|bar_test register_test notify_test net_test'
	# The link of its root port, which has no other functions
	'link_that_fails|rng|mmr-form=bare|reset_test:-t:by_link_error'
)

# In the same form: devices that are slow, or say what is not true; no MMR functions
faults=(
	'notify_in_no_bar|net|mmr-notify-bar=3|notify_test net_test'
	'notify_beyond_bar|net|mmr-notify-length=0xfffff000|notify_test'
	'notify_odd|net|mmr-notify-offset=0x3001,mmr-notify-length=0x800|notify_test'
	'doorbells_odd|net|mmr-config=0xc4=3|notify_test'
	'doorbell_over_table|net|mmr-notify-bar=1,mmr-notify-offset=0,mmr-notify-length=0x800|notify_test'
	'notify_too_short|net|mmr-notify-length=4|notify_test net_test'
	'notify_just_short|net|mmr-notify-length=9|notify_test'
	'notify_long_enough|net|mmr-notify-length=10|notify_test'
	'common_too_short|net|mmr-common-length=31|notify_test net_test'
	'common_odd|net|mmr-common-offset=2,mmr-common-length=0x800|notify_test'
	'common_in_no_bar|net|mmr-common-bar=6|notify_test'
	'slow_reset|net|mmr-reset-delay=300|port_test net_test'
	'stuck_reset|net:2|mmr-reset-delay=5000|port_test trace_test:-t:reset'
	'slow_doorbells|blk|num-queues=64,mmr-common-delay=30|port_test:-t:slow_doorbells_are_not_used'
	'posted_writes|net|mmr-post-delay=2000|port_test net_test'
	'posted_notify|net|mmr-post-delay=2000,mmr-notify-cap=off|port_test'
	'no_capability|net|mmr-bar=0,mmr-caps=|plain_test'
	'changing|net|mmr-form=bare|changing_test'
	'changing_no_capability|net|mmr-caps=|changing_test:-T:msix_table_moves'
	'pf_of_user|rng|mmr-form=bare|vf_token_test'
)

# The same with a physical BAR0, all of type net: name, QEMU properties
displaced_layouts=(
	'dedicated_bar0|mmr-bar=0'
	'dedicated_64_bit_bar0|mmr-bar=0,mmr-bar64=on,mmr-msix-bar=2'
	'modern_in_bar0|mmr-bar=0,mmr-modern-bar=0,mmr-modern-bar64=off,mmr-offset=0x4000'
	'modern_in_64_bit_bar0|mmr-bar=0,mmr-modern-bar=0,mmr-msix-bar=2,mmr-offset=0x4000'
	'msix_in_bar0|mmr-bar=0,mmr-msix-bar=0,mmr-offset=0x1000'
	'all_in_bar0|mmr-bar=0,mmr-msix-bar=0,mmr-modern-bar=0,mmr-offset=0x14000'
	'msix_alone_in_bar0|mmr-msix-bar=0'
)
# On each of them. The golden files are for the usual layout.
displaced_tests="displaced_bar_test config_space_test:-T:golden:-v:net bar_test position_test:-T:of_read_and_write register_test notify_test net_test $ioeventfd_short"

# Functions that lack what tests need, beside these, as a machine has twelve PFs at most
poor_layouts=(
	'legacy_alone|net|disable-modern=on,vectors=0|config_space_test~1:-T:golden:-v:net position_test~1 register_test~17 counters_test~1 trace_test~1 hostile_test~1 net_test~3'
	'legacy_alone_in_bar0|net|mmr-bar=0,disable-modern=on,vectors=0|displaced_bar_test~3'
)

fail() {
	echo "selftests/vmtest.sh: $*" >&2
	exit 1
}

# Sets devices, TYPE[:COUNT],PROPERTIES each, lanes, PREFIX|TESTS each, and needed
list_lanes() { # layout|fault|displaced
	local table=() line name type properties tests
	devices=() lanes=() needed=()
	case $1 in
	layout) table=("${layouts[@]}") ;;
	fault) table=("${faults[@]}") ;;
	displaced)
		for line in "${displaced_layouts[@]}"; do
			table+=("${line%%|*}|net|${line#*|}|$displaced_tests")
		done
		table+=("${poor_layouts[@]}")
		;;
	esac
	for line in "${table[@]}"; do
		IFS='|' read -r name type properties tests <<<"$line"
		devices+=("$type,$properties")
		lanes+=("$name|$tests")
		[[ $type == *:* ]] || type+=:1
		needed+=("${type#*:}")
	done
}

# --- Outside -------------------------------------------------------------------

series=(6.12 6.1) suites=() chosen_series='' qemu=() list=0 jobs=''
while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel)
		[[ $# -ge 2 ]] || fail "--kernel needs a value"
		chosen_series=$2
		shift
		;;
	--qemu)
		[[ $# -ge 2 ]] || fail "--qemu needs a value"
		qemu=(--qemu "$2")
		shift
		;;
	--jobs)
		[[ ${2-} =~ ^[1-9][0-9]*$ ]] || fail "--jobs needs a positive number"
		jobs=$2
		shift
		;;
	--list) list=1 ;;
	--help)
		usage
		exit
		;;
	unit | style | install | packages | docs | fuzz | mmrctl | emulator | runner | in_place | probe | layout | fault | displaced | pf | removal | guest | vmm | million | bench | libvirt)
		[[ " ${suites[*]} " == *" $1 "* ]] || suites+=("$1")
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift
done
all_suites=0
if [[ ${#suites[@]} -eq 0 ]]; then
	suites=(unit style install docs fuzz mmrctl emulator runner in_place probe layout fault displaced pf removal guest vmm bench)
	all_suites=1
fi
[[ -z $chosen_series ]] || series=("$chosen_series")

# What runs where: SUITE SERIES, in this order
plan=() first=1
for one in "${series[@]}"; do
	for suite in "${suites[@]}"; do
		case $suite in
		unit | style | install | packages | docs | fuzz | mmrctl | emulator | runner) [[ $first == 0 ]] || plan+=("$suite -") ;;
		probe | layout | fault | displaced | pf | removal | vmm | million | bench | libvirt)
			# Once is enough here: they are about the device more than about the
			# kernel. kernels.sh has them on all kernels.
			[[ $first == 0 ]] || plan+=("$suite $one")
			;;
		*) plan+=("$suite $one") ;;
		esac
	done
	first=0
done

# shellcheck source=selftests/lib/summary.sh
source selftests/lib/summary.sh

# Names of the TAP files that a suite must leave
expected_taps() { # SUITE
	local lanes devices lane test prefix=''
	case $1 in
	unit) lanes=("|${unit_tests[*]}") ;;
	install) lanes=('|install_test alias_test sign_test') ;;
	packages) lanes=('|bookworm.packages_test trixie.packages_test') ;;
	docs | emulator | runner) lanes=('|test') ;;
	style | fuzz) lanes=('|run') ;;
	mmrctl) lanes=('|golden_test') ;;
	in_place) lanes=("${in_place_lanes[@]}") ;;
	pf) lanes=("${pf_lanes[@]}") ;;
	removal) lanes=("${removal_lanes[@]}") ;;
	layout | fault | displaced) list_lanes "$1" ;;
	*) lanes=("|$1_test") ;;
	esac
	for lane in "${lanes[@]}"; do
		[[ $lane != -- ]] || continue
		case $1 in
		layout | fault | displaced) prefix=${lane%%|*}. ;;
		esac
		for test in ${lane#*|}; do
			echo "$prefix${test%%[:~]*}"
		done
	done
	[[ $1 != displaced ]] || echo layout_guest_test
	[[ $1 != removal ]] || echo removal_guest_test
	[[ $1 != probe ]] || echo mmrctl_test
}

run_vm() { # SUITE SERIES
	local suite=$1 release newer status=0 start=$SECONDS name arguments=() devices lanes tap
	release=$(basename "$(tools/vm/kernel "$2")")
	name=$suite-$2
	[[ -e build/$release/virtio_mmr_vfio_pci.ko ]] ||
		fail "build/$release/virtio_mmr_vfio_pci.ko is missing: run 'make modules KERNEL=$2' or 'make setup' first"
	newer=$(find drivers include -name '*.[ch]' -newer "build/$release/virtio_mmr_vfio_pci.ko" -print -quit)
	[[ -z $newer ]] ||
		fail "build/$release/virtio_mmr_vfio_pci.ko is older than $newer: run 'make modules KERNEL=$2' or 'make setup' first"

	case $suite in
	in_place)
		# A PF for each lane: functions of one PF wait for one another's resets
		arguments=(--vf net --vf net --vf net:2 --vf blk --vf blk --vf rng --vf rng
			--vf rng:3 --vf scsi --vf console --vf "balloon,free-page-reporting=on" --vf 9p)
		;;
	probe)
		mapfile -t arguments < <(selftests/probe_test.sh --devices)
		arguments+=(--vf net:7)
		;;
	layout | fault | displaced)
		list_lanes "$suite"
		mapfile -t arguments < <(printf -- '--vf\n%s\n' "${devices[@]}")
		;;
	pf)
		# The runner gives a network to VFs only. The PF of intx_test has an
		# interrupt pin.
		arguments=(--pf-mmr --qemu-arg -netdev --qemu-arg 'user,id=pf-net,restrict=on'
			--vf net --pf netdev=pf-net --vf net
			--vf rng --vf rng --vf rng --pf mmr-pin=on --vf rng
			# With ACPI's hotplug root ports report no link, and no bus reset works
			--qemu-arg -global
			--qemu-arg ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off)
		;;
	removal) arguments=(--vf rng --vf rng --vf net --vf blk --vf scsi --vf console) ;;
	guest) mapfile -t arguments < <(selftests/guest_test.sh --devices) ;;
	vmm | million) mapfile -t arguments < <(selftests/vmm_test.sh --devices) ;;
	libvirt)
		selftests/libvirt_test.sh --prepare
		mapfile -t arguments < <(selftests/libvirt_test.sh --devices)
		;;
	# A notification is complete when it returns, and nothing else runs
	bench) arguments=(--icount --vf "net,ioeventfd=off") ;;
	esac

	echo "$suite on Linux $release"
	rm -rf "results/vm/$name/tap"
	tools/vm/run --kernel "$2" --name "$name" --timeout 1200 "${qemu[@]}" "${arguments[@]}" \
		-- env VIRTIO_MMR_CYCLES="${VIRTIO_MMR_CYCLES:-}" selftests/lib/inside "$suite" || status=$?
	echo "  $((SECONDS - start)) s"
	while read -r tap; do
		rm -f "$taps/$name.$tap.tap"
		[[ ! -e results/vm/$name/tap/$tap.tap ]] ||
			cp "results/vm/$name/tap/$tap.tap" "$taps/$name.$tap.tap"
		summarize "$taps/$name.$tap.tap"
	done < <(expected_taps "$suite")

	# The machine as a whole, too: that it came to its end, and its whole log
	{
		echo 'TAP version 13'
		echo 1..2
		if [[ $status == 0 ]]; then echo 'ok 1 status'; else echo "not ok 1 status # $status"; fi
		# shellcheck source=selftests/lib/kernel_log.sh
		source selftests/lib/kernel_log.sh
		if [[ ! -s results/vm/$name/dmesg.log ]]; then
			echo 'not ok 2 kernel_log # there is none'
		elif fault=$(log_fault <"results/vm/$name/dmesg.log"); then
			echo "not ok 2 kernel_log # $fault"
		else
			echo 'ok 2 kernel_log'
		fi
		echo '# exit status 0'
	} >"$taps/$name.machine.tap"
	summarize "$taps/$name.machine.tap"
}

run_here() { # NAME COMMAND...: on this machine
	local file=$taps/$1.tap status=0
	shift
	timeout --foreground --kill-after=10 $((1800 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1})) \
		"$@" >"$file" 2>&1 || status=$?
	echo "# exit status $status" >>"$file"
	summarize "$file"
}

run_local() { # SUITE
	local test start=$SECONDS
	echo "$1 on this machine"
	case $1 in
	unit)
		for test in "${unit_tests[@]}"; do
			run_here "unit.$test" "$build/unit/$test"
		done
		;;
	mmrctl) run_here mmrctl.golden_test tools/mmrctl/tests/golden_test.sh ;;
	emulator) run_here emulator.test tools/qemu/test "${qemu[@]:1}" ;;
	runner) run_here runner.test tools/vm/test ;;
	style) run_here style.run tools/style/run "${series[@]}" ;;
	install)
		run_here install.install_test selftests/install_test.sh "${series[@]}"
		run_here install.alias_test selftests/alias_test.sh "${series[@]}"
		run_here install.sign_test selftests/sign_test.sh "${series[@]}"
		;;
	packages)
		for test in bookworm trixie; do
			run_here "packages.$test.packages_test" selftests/packages_test.sh $test
		done
		;;
	docs) run_here docs.test tools/docs/test ;;
	fuzz) run_here fuzz.run selftests/fuzz/run 60 ;;
	esac
	echo "  $((SECONDS - start)) s"
}

if [[ $list == 1 ]]; then
	for one in "${plan[@]}"; do
		expected_taps "${one% *}" | sed "s/^/$one /"
	done
	exit
fi

mkdir -p "$taps"
counts=$repository/results/suites failures=$repository/results/failures
exec 7>>"$counts"
flock -n 7 || fail "another selftests/vmtest.sh runs in $repository: use another clone, or wait"
[[ $all_suites == 0 ]] || rm -f "$taps"/*.tap
make --no-print-directory -C selftests
make --no-print-directory -s -C tools/bench
make --no-print-directory -s -C tools/mmrctl

# --- Several of them at the same time ------------------------------------------

default_jobs() {
	local memory cpus
	memory=$(awk '/^MemAvailable:/ { print int($2 / 4194304) }' /proc/meminfo)
	cpus=$(nproc)
	jobs=$((memory < cpus ? memory : cpus))
	[[ $jobs -gt 0 ]] || jobs=1
}

# Leaves how many cases passed, failed and were skipped, if it comes to its end
run_suite() { # SUITE SERIES
	passed=0 failed=0 skipped=0
	if [[ $2 == - ]]; then
		run_local "$1"
	else
		run_vm "$1" "$2"
	fi
	echo "$1 $2 $passed $failed $skipped" >>"$counts"
}

# Sets "next", and is true if there is one that may run now: those of this machine use
# the same folder for what they build, so they run one after another.
choose_next() {
	for next in "${!waiting[@]}"; do
		[[ ${waiting[next]} == *' -' && " ${running[*]} " == *' -'* ]] || return 0
	done
	return 1
}

# The output of those that run at the same time is told apart by their names
start_next() {
	local one=${waiting[next]} name=''
	unset 'waiting[next]'
	if [[ $jobs -gt 1 && ${#plan[@]} -gt 1 ]]; then
		name=$(printf '%-9s %-4s | ' "${one% *}" "${one#* }")
	fi
	# shellcheck disable=SC2086 # two words
	{ run_suite $one </dev/null 2>&1 | sed -u "s/^/$name/"; } &
	running[$!]=$one
}

count() { # "SUITE SERIES", which has ended
	local results
	read -ra results < <(grep "^$1 " "$counts") || {
		echo "FAILED ${1% -}: ended before its time"
		failed=$((failed + 1))
		return
	}
	passed=$((passed + results[2])) failed=$((failed + results[3]))
	skipped=$((skipped + results[4]))
}

# Waits for any of them
end_one() {
	local pid='' ended
	wait -n -p pid "${!running[@]}" || true
	if [[ -n $pid ]]; then
		ended=("$pid")
	else
		# bash forgets one that a signal ends while it does something else
		for pid in "${!running[@]}"; do
			kill -0 "$pid" 2>/dev/null || ended+=("$pid")
		done
	fi
	for pid in "${ended[@]}"; do
		count "${running[$pid]}"
		unset "running[$pid]"
	done
}

[[ -n $jobs ]] || default_jobs
# Lines of SUITE SERIES PASSED FAILED SKIPPED, for selftests/kernels.sh, too
: >"$counts"
: >"$failures"
declare -A running=()
# Each of them is a process group, as an interrupted script's children would go on
set -m
stop() {
	local pid
	for pid in "${!running[@]}"; do
		kill -- "-$pid" 2>/dev/null || true
	done
	wait
}
trap stop EXIT
waiting=("${plan[@]}")
while [[ ${#waiting[@]} -gt 0 || ${#running[@]} -gt 0 ]]; do
	if [[ ${#running[@]} -lt $jobs ]] && choose_next; then
		start_next
	else
		end_one
	fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed == 0 ]]
