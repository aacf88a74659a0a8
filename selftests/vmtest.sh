#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the suites in selftests/suites with as few boots as possible. Most run in virtual
# machines with emulated MMR functions. Each test program leaves a TAP file in results/tap. The
# last line is "N passed, N failed, N skipped", of test cases.
set -euo pipefail

repository=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
cd "$repository"
# shellcheck source=selftests/lib/suites.sh
source selftests/lib/suites.sh
# shellcheck source=selftests/lib/summary.sh
source selftests/lib/summary.sh
# shellcheck source=selftests/lib/kernel_log.sh
source selftests/lib/kernel_log.sh

usage() {
	cat <<END
usage: selftests/vmtest.sh [--kernel SERIES] [--qemu PATH] [--jobs N] [SUITE...]

  --kernel SERIES  only on this kernel, of those that tools/kernels has; default:
                   those of "tools/kernels check", on which each suite runs as
                   its file says
  --qemu PATH      QEMU to use; default: what tools/qemu/build prints
  --jobs N         suites that run at the same time; default: one for each of this
                   machine's CPUs and each 4 GiB of memory
  --list           only say what would run: SUITE SERIES PROGRAM in each line, with
                   "-" for SERIES if it is this machine that runs it

SUITE, default all of these:
$(suite_help check)

and, only where they are named, as they take long; packages and libvirt fetch more from Debian:
$(suite_help others)

To run one test by hand:
  tools/vm/shell --vf net --vf rng:2
  # tools/vm/vfs create; tools/vm/vfs bind 0000:01:00.1
  # build/selftests/net_test 0000:01:00.1
END
}

fail() {
	echo "selftests/vmtest.sh: $*" >&2
	exit 1
}

mapfile -t series < <(tools/kernels check)
suites=() qemu=() list=0 jobs=''
while [[ $# -gt 0 ]]; do
	case $1 in
	--kernel)
		[[ $# -ge 2 ]] || fail "--kernel needs a value"
		series=("$2")
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
	*)
		suite_exists "$1" || {
			usage >&2
			exit 2
		}
		[[ " ${suites[*]} " == *" $1 "* ]] || suites+=("$1")
		;;
	esac
	shift
done
all_suites=0
if [[ ${#suites[@]} -eq 0 ]]; then
	mapfile -t suites < <(suite_names check)
	all_suites=1
fi

# The plan: SUITE SERIES, in this order
plan=()
for suite in "${suites[@]}"; do
	suite_load "$suite"
	for one in "${series[@]}"; do
		if [[ $where == here ]]; then
			[[ $one != "${series[0]}" ]] || plan+=("$suite -")
		else
			case $kernels in
			default) [[ $one != "${series[0]}" ]] || plan+=("$suite $one") ;;
			oldest) [[ $one != "${series[-1]}" ]] || plan+=("$suite $one") ;;
			all) plan+=("$suite $one") ;;
			esac
		fi
	done
done
if [[ $list == 1 ]]; then
	for one in "${plan[@]}"; do
		suite_load "${one% *}"
		suite_taps | sed "s/^/$one /"
	done
	exit
fi

# --- One suite -----------------------------------------------------------------

# What is tested, with + where files were changed. tools/docs/record wants to know
commit() {
	local changed
	changed=$(git status --porcelain 2>/dev/null) || {
		echo unknown
		return
	}
	echo "$(git rev-parse --short=12 HEAD)${changed:++}"
}

taps=$repository/results/tap

prepare() {
	local line
	while read -r line; do
		suite_command "$line"
		"${command[@]}" </dev/null
	done <<<"$prepare"
}

run_vm() { # SUITE SERIES
	local release module newer text arguments=() status=0 machine=$1-$2 folder=results/vm/$1-$2 tap fault tested
	release=$(basename "$(tools/vm/kernel "$2")")
	module=build/$release/virtio_mmr_vfio_pci.ko
	[[ -e $module ]] || fail "$module is missing: run 'make modules KERNEL=$2' or 'make setup' first"
	newer=$(find drivers include -name '*.[ch]' -newer "$module" -print -quit)
	[[ -z $newer ]] ||
		fail "$module is older than $newer: run 'make modules KERNEL=$2' or 'make setup' first"
	prepare
	text=$(suite_options)
	[[ ! $text ]] || mapfile -t arguments <<<"$text"

	echo "$1 on Linux $release"
	tested=$(commit)
	rm -rf "$folder/tap"
	tools/vm/run --kernel "$2" --name "$machine" --timeout "$limit" "${qemu[@]}" "${arguments[@]}" -- \
		env VIRTIO_MMR_CYCLES="${VIRTIO_MMR_CYCLES:-}" \
		VIRTIO_MMR_TORTURE_SECONDS="${VIRTIO_MMR_TORTURE_SECONDS:-}" \
		VIRTIO_MMR_TORTURE_OPERATIONS="${VIRTIO_MMR_TORTURE_OPERATIONS:-}" \
		VIRTIO_MMR_SEED="${VIRTIO_MMR_SEED:-}" NATIVE_CASES="${NATIVE_CASES:-}" \
		selftests/lib/inside "$1" || status=$?
	[[ ! -d $folder ]] || echo "$tested" >"$folder/commit"
	while read -r tap; do
		rm -f "$taps/$machine.$tap.tap"
		[[ ! -e $folder/tap/$tap.tap ]] || cp "$folder/tap/$tap.tap" "$taps/$machine.$tap.tap"
		summarize "$taps/$machine.$tap.tap"
	done < <(suite_taps)

	# Checks the machine as a whole, too: its end and its whole log
	(
		# shellcheck source=selftests/lib/ktap.sh
		source selftests/lib/ktap.sh
		# The words of its line of functions must be expanded
		set -f
		ktap_print_header
		ktap_set_plan 2
		if [[ $status == 0 ]]; then ktap_test_pass status; else ktap_test_fail "status # $status"; fi
		if [[ ! -s $folder/dmesg.log ]]; then
			ktap_test_fail 'kernel_log # the machine left no kernel log'
		elif fault=$(log_fault <"$folder/dmesg.log"); then
			ktap_test_fail "kernel_log # $fault"
		else
			ktap_test_pass kernel_log
		fi
		echo '# exit status 0'
	) >"$taps/$machine.machine.tap"
	summarize "$taps/$machine.machine.tap"
}

run_here() { # SUITE
	local line file status start
	prepare
	echo "$1 on this machine"
	for line in "${programs[@]}"; do
		suite_command "${line#*|}"
		file=$taps/$1.${line%%|*}.tap status=0 start=$SECONDS
		timeout --foreground --kill-after=10 $((1800 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1})) \
			"${command[@]}" >"$file" 2>&1 || status=$?
		echo "# exit status $status" >>"$file"
		printf '  %-40s %3u s, status %u\n' "${line%%|*}" $((SECONDS - start)) "$status"
		summarize "$file"
	done
}

# Leaves how many cases passed, failed and were skipped, if it comes to its end
run_suite() { # SUITE SERIES
	passed=0 failed=0 skipped=0
	suite_load "$1"
	if [[ $where == here ]]; then run_here "$1"; else run_vm "$1" "$2"; fi
	echo "$1 $2 $passed $failed $skipped" >>"$counts"
}

# --- Several of them at the same time ------------------------------------------

default_jobs() {
	local memory cpus
	memory=$(awk '/^MemAvailable:/ { print int($2 / 4194304) }' /proc/meminfo)
	cpus=$(nproc)
	jobs=$((memory < cpus ? memory : cpus))
	[[ $jobs -gt 0 ]] || jobs=1
}

# Prints a line for each start and end, so that a truncated log shows the running suites
progress() { # WORDS...
	local state="$done_count of ${#plan[@]} done" text
	if [[ ${#running[@]} -gt 0 ]]; then
		text=$(printf ', %s' "${running[@]% -}")
		state+="; running: ${text#, }"
	fi
	[[ ${#waiting[@]} == 0 ]] || state+="; ${#waiting[@]} waiting"
	printf '[%(%H:%M:%S)T] %s; %s\n' -1 "$*" "$state"
}

# Sets "next", and is true if one may run now. Suites on this machine build in the same folder,
# so they run one after another.
choose_next() {
	for next in "${!waiting[@]}"; do
		[[ ${waiting[next]} == *' -' && " ${running[*]} " == *' -'* ]] || return 0
	done
	return 1
}

# Names mark the output of suites that run at the same time
start_next() {
	local one=${waiting[next]} name=''
	unset 'waiting[next]'
	if [[ $jobs -gt 1 && ${#plan[@]} -gt 1 ]]; then
		name=$(printf '%-9s %-4s | ' "${one% *}" "${one#* }")
	fi
	# Processes that a killed test leaves must not hold the lock
	# shellcheck disable=SC2086 # two words
	{ run_suite $one </dev/null 2>&1 | sed -u "s/^/$name/"; } 7>&- &
	running[$!]=$one started[$!]=$SECONDS
	progress "start ${one% -}"
}

count() { # PID, which has ended
	local one=${running[$1]} results text
	text="end ${one% -} after $((SECONDS - started[$1])) s"
	unset "running[$1]"
	# Ends the process group, in case a killed test has left processes
	kill -- "-$1" 2>/dev/null || true
	done_count=$((done_count + 1))
	if read -ra results < <(grep "^$one " "$counts"); then
		passed=$((passed + results[2])) failed=$((failed + results[3]))
		skipped=$((skipped + results[4]))
		progress "$text: ${results[2]} passed, ${results[3]} failed, ${results[4]} skipped"
	else
		failure "${one% -}: ended before its time"
		progress "$text: no result"
	fi
}

# Waits for any of them
end_one() {
	local pid='' ended=()
	wait -n -p pid "${!running[@]}" || true
	if [[ -n $pid ]]; then
		ended=("$pid")
	else
		# bash forgets a process that a signal ends while bash does something else
		for pid in "${!running[@]}"; do
			kill -0 "$pid" 2>/dev/null || ended+=("$pid")
		done
	fi
	for pid in "${ended[@]}"; do
		count "$pid"
	done
}

mkdir -p "$taps"
counts=$repository/results/suites failures=$repository/results/failures
exec 7>>"$counts"
flock -n 7 || fail "another selftests/vmtest.sh runs in $repository: use another clone, or wait"
[[ $all_suites == 0 ]] || rm -f "$taps"/*.tap
make --no-print-directory -C selftests
make --no-print-directory -s -C tools/bench
make --no-print-directory -s -C tools/mmrctl

[[ -n $jobs ]] || default_jobs
# Lines of SUITE SERIES PASSED FAILED SKIPPED, for selftests/kernels.sh, too
: >"$counts"
: >"$failures"
declare -A running=() started=()
# Each suite is a process group, because an interrupted script's children would go on
set -m
# shellcheck disable=SC2317 # called by the trap
stop() {
	local pid
	for pid in "${!running[@]}"; do
		kill -- "-$pid" 2>/dev/null || true
	done
	wait
}
trap stop EXIT
waiting=("${plan[@]}") done_count=0
# In one block: bash reads a script while it runs, and a user may change this file
{
	while [[ ${#waiting[@]} -gt 0 || ${#running[@]} -gt 0 ]]; do
		if [[ ${#running[@]} -lt $jobs ]] && choose_next; then
			start_next
		else
			end_one
		fi
	done

	if [[ -s $failures && ${#plan[@]} -gt 1 ]]; then
		echo "All that failed:"
		sed 's/^/  /' "$failures"
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[[ $failed == 0 ]]
	exit
}
