#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests selftests/vmtest.sh and kernels.sh themselves, in a folder of its own. The suites, test programs and
# virtual machines are stand-ins. It checks the suites that run, the failures and the messages.
# It needs neither root nor a machine.
set -euo pipefail

here=$(dirname "$(dirname "$(readlink -f "$0")")")
# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"

kselftest=${KSELFTEST:-$("$here/headers")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/repository
mkdir -p "$root"/{selftests/{suites,install},tools/{archive,vm,bench,mmrctl},drivers/virtio_mmr/compat,include,build/{selftests,9.1-test,9.2-test}} \
	"$work/bin"
cp -r "$here"/{vmtest.sh,kernels.sh,lib} "$root/selftests/"
printf '%s\n' VIRTIO_MMR_{OLDEST,NEWEST}_KERNEL=9.1 >"$root/drivers/virtio_mmr/compat/kernel_range"
cp "$here/../tools/vm/kernel-log-faults" "$root/tools/vm/"
for folder in selftests tools/bench tools/mmrctl; do
	echo 'all:;@:' >"$root/$folder/Makefile"
done
touch "$root"/build/9.{1,2}-test/virtio_mmr_vfio_pci.ko

program() { # FILE: a script on stdin
	{ echo '#!/bin/bash' && cat; } >"$1"
	chmod +x "$1"
}

# The limits below are those of a machine that is not slow
unset VIRTIO_MMR_TIMEOUT_SCALE

# Limits of hours would take too long
program "$work/bin/timeout" <<'END'
options=()
while [[ $1 == --* ]]; do options+=("$1"); shift; done
echo "$1" >>"$LIMITS"
exec /usr/bin/timeout "${options[@]}" 2 "${@:2}"
END

# What runs in a real virtual machine elsewhere must leave this one as it is, and nothing be mounted
for name in mount mountpoint; do
	program "$work/bin/$name" <<<'exit 1'
done

# --- Stand-ins for tools/vm ----------------------------------------------------

program "$root/tools/kernels" <<'END'
echo 9.1
[[ $1 != check ]] || echo 9.2
END
program "$root/tools/vm/kernel" <<'END'
echo "/nowhere/$1-test"
END

# Functions are numbered as they are declared
program "$root/tools/vm/run" <<'END'
number=0
while [[ $1 != -- ]]; do
	case $1 in
	--name) results=$PWD/results/vm/$2 && mkdir -p "$results" && : >"$results/functions" ;;
	--timeout) echo "machine $2" >>"$LIMITS" ;;
	--vf)
		type=${2%%,*} count=1
		[[ $type != *:* ]] || count=${type#*:}
		for ((i = 0; i < count; i++)); do
			echo "f$((++number)) ${type%:*} id -" >>"$results/functions"
		done
		;;
	esac
	shift
done
shift
export VIRTIO_MMR_RESULTS=$results VIRTIO_MMR_TIMEOUT_SCALE=1
{
	echo "${LOG:-all is well}"
	seq -f 'line %.0f' "${LOG_LINES:-0}"
} >"$results/dmesg.log"
[[ ! ${NO_MACHINE-} ]] || { rm "$results/dmesg.log" && exit 125; }
"$@"
END
program "$root/tools/vm/vfs" <<'END'
[[ $1 != create ]] || cat "$VIRTIO_MMR_RESULTS/functions"
END

# --- Stand-ins for kernels.sh --------------------------------------------------

program "$root/tools/archive/release" <<'END'
[[ $1 != 9.9 ]] || exit 1
echo "$1-test"
END
# Ends early if it is told so
program "$root/selftests/install/builds.sh" <<'END'
printf '%s\n' 'TAP version 13' 1..2 'ok 1 one'
[[ ! ${BUILDS_END-} ]] || exit 1
echo 'ok 2 two'
END

# --- Test programs and suites --------------------------------------------------

# So that no other process is like it
suffix=.$$
test_program() { # NAME, TAP on stdin
	{ echo 'cat <<TAP' && cat && printf 'TAP\n%s\n' "${2-}"; } | program "$root/build/selftests/$1"
}
test_program good_test <<'END'
TAP version 13
# on $VIRTIO_MMR_BDFS with $*
1..2
ok 1 first
ok 2 second
END
test_program skipping_test <<'END'
TAP version 13
1..3
ok 1 first
ok 2 second # SKIP no such thing
ok 3 third # SKIP no such thing
END
test_program failing_test 'exit 1' <<END
TAP version 13
1..40
# file.c:7: want 1, got 2
not ok 1 first
$(printf 'ok %s other\n' {2..40})
END
test_program explaining_test 'exit 1' <<END
TAP version 13
1..2
#  RUN           first ...
# file.c:7: a word about the first case
ok 1 first
#  RUN           second ...
# file.c:8: want 3, got 4
# file.c:9: because of this
# second: Test failed
#          FAIL  second
not ok 2 second
END
# Leaves a process that no part of the script ends. The next run must ignore it
test_program torso_test "setsid sleep 10$suffix >/dev/null 2>&1 &" <<'END'
TAP version 13
1..3
ok 1 first
# at the second one
END
test_program hanging_test "sleep 60$suffix" <<'END'
TAP version 13
1..2
ok 1 first
# this takes forever
END
test_program crashing_test 'exit 139' <<'END'
TAP version 13
1..1
ok 1 first
END
test_program unable_test 'exit 4' <<'END'
TAP version 13
1..0 # SKIP no functions
END
# A program whose cases are all for something else
test_program empty_test <<'END'
TAP version 13
1..0
END
program "$root/selftests/script_test.sh" <"$root/build/selftests/good_test"

suite() { # NAME ORDER TARGETS WHERE, more on stdin
	{
		echo "order=$2 about='suite $1' targets=($3) where=$4"
		cat
	} >"$root/selftests/suites/$1"
}
suite local 2 check here <<'END'
prepare='mkdir -p SERIES'
programs=('good|build/selftests/good_test SERIES QEMU' 'other|build/selftests/good_test')
END
suite lanes 1 'check check-kernels' vm <<'END'
kernels=all
options=(--vf net --vf rng:2)
lanes=('net rng|good_test:-t:x skipping_test~2' 'rng|script_test.sh' -- 'net|last_test')
programs=('alone|build/selftests/good_test RESULTS/x')
END
ln -s good_test "$root/build/selftests/last_test"
suite table 3 check-kernels vm <<'END'
limit=2000
layouts=('one|net|a=1,b=2|good_test' 'pair|blk:2|c=|good_test skipping_test~2')
END
suite last 6 other vm <<'END'
kernels=oldest
lanes=('net|good_test')
END
suite faults 4 other here <<'END'
about+='
and what it says'
programs=()
for name in failing torso hanging crashing unable skipping empty missing; do
	programs+=("$name|build/selftests/${name}_test")
done
END
suite miscounts 5 other vm <<'END'
options=(--vf net)
lanes=('net|skipping_test~1 good_test')
END
suite why 7 other here <<'END'
programs=('explaining|build/selftests/explaining_test')
END

# --- Running it ----------------------------------------------------------------

# Sets "status" and "output"
vmtest() { # ARGUMENT...
	status=0
	: >"$work/limits"
	output=$(cd / && KSELFTEST=$kselftest LIMITS=$work/limits PATH=$work/bin:$PATH "$root/selftests/vmtest.sh" "$@" 2>&1) ||
		status=$?
}

equal() { # GOT WANTED
	[[ $1 != "$2" ]] || return 0
	diff <(echo "$2") <(echo "$1") | sed 's/^/# /'
	return 1
}

says() { # LINE...: all of these
	local line status=0
	for line; do
		grep -qxF -- "$line" <<<"$output" || {
			echo "# there is no line '$line'"
			status=1
		}
	done
	[[ $status == 0 ]] || echo "# ${output//$'\n'/$'\n# '}"
	return "$status"
}

tap_line() { # TAP-FILE LINE
	grep -qxF -- "$2" "$root/results/tap/$1.tap" || {
		sed 's/^/# /' "$root/results/tap/$1.tap"
		return 1
	}
}

lists() {
	vmtest --kernel 9.1 --list
	equal "$output" 'lanes 9.1 good_test
lanes 9.1 skipping_test
lanes 9.1 script_test
lanes 9.1 last_test
lanes 9.1 alone
local - good
local - other' || return 1
	vmtest --kernel 9.1 --list table
	equal "$output" 'table 9.1 one.good_test
table 9.1 pair.good_test
table 9.1 pair.skipping_test'
}

# Without a choice: each suite once, and those for all kernels on the others, too
lists_default_kernels() {
	vmtest --list
	equal "$(cut -d ' ' -f 1,2 <<<"$output" | uniq)" $'lanes 9.1\nlanes 9.2\nlocal -' || return 1
	vmtest --list last
	equal "$output" 'last 9.2 good_test' || return 1
	vmtest --kernel 9.1 --list last
	equal "$output" 'last 9.1 good_test'
}

helps() {
	vmtest --help
	[[ $status == 0 ]] && says '  lanes     suite lanes' '  faults    suite faults' '            and what it says' || return 1
	equal "$(grep -o 'suite [a-z]*$' <<<"$output" | tr '\n' ' ')" \
		'suite lanes suite local suite table suite faults suite miscounts suite last suite why '
}

refuses_unknown() {
	vmtest no_such_suite
	equal "$status" 2 || return 1
	echo 'order=9 about=x targets=(other) where=nowhere' >"$root/selftests/suites/wrong"
	vmtest --list wrong
	rm "$root/selftests/suites/wrong"
	[[ $status != 0 ]] && says 'selftests/suites/wrong: something is missing or wrong, see README.rst there'
}

passes() {
	vmtest --kernel 9.1 --jobs 1
	# Those that may skip and the machine's two included
	equal "$status" 0 || return 1
	equal "$(tail -n 1 <<<"$output")" '17 passed, 0 failed, 0 skipped' || return 1
	equal "$(cat "$root/results/suites")" $'lanes 9.1 13 0 0\nlocal - 4 0 0' || return 1
	equal "$(ls "$root/results/tap")" 'lanes-9.1.alone.tap
lanes-9.1.good_test.tap
lanes-9.1.last_test.tap
lanes-9.1.machine.tap
lanes-9.1.script_test.tap
lanes-9.1.skipping_test.tap
local.good.tap
local.other.tap'
}

# Of the run before: suites of this machine are prepared as those of a virtual one are
prepares() {
	[[ -d $root/9.1 ]]
}

# Of the run before
gives_functions() {
	tap_line lanes-9.1.good_test '# on f1 f2 with -t x' && tap_line lanes-9.1.script_test '# on f3 with ' &&
		tap_line lanes-9.1.last_test '# on f1 with ' && tap_line local.good '# on  with 9.1' &&
		tap_line lanes-9.1.alone "# on  with $root/results/vm/lanes-9.1/x"
}

gives_layouts_functions() {
	vmtest --kernel 9.1 --qemu /q table local
	tap_line table-9.1.one.good_test '# on f1 with ' && tap_line table-9.1.pair.good_test '# on f2 f3 with ' &&
		tap_line local.good '# on  with 9.1 /q' && equal "$status" 0
}

# Of the run before, and of one without a limit of its own
limits() {
	equal "$(sort -u "$work/limits")" $'1700\n1800\nmachine 2000' || return 1
	vmtest --kernel 9.1 lanes
	equal "$(sort -u "$work/limits")" $'900\nmachine 1200'
}

# What else runs, what is over and what is left
says_what_runs() {
	vmtest --kernel 9.1 --jobs 2 lanes local table
	output=$(sed -E 's/^\[[0-9:]{8}\] /[time] /; s/after [0-9]+ s/after N s/' <<<"$output")
	says '[time] start lanes 9.1; 0 of 3 done; running: lanes 9.1; 2 waiting' \
		'lanes     9.1  | lanes on Linux 9.1-test' || return 1
	local line
	for line in 'start local; 0 of 3 done; running: .*; 1 waiting' \
		'end local after N s: 4 passed, 0 failed, 0 skipped; . of 3 done.*' 'end .*; 3 of 3 done'; do
		grep -qx "\[time\] $line" <<<"$output" || says "$line" || return 1
	done
}

counts_faults() {
	vmtest --kernel 9.1 faults
	equal "$(tail -n 1 <<<"$output")" '43 passed, 9 failed, 2 skipped' || return 1
	equal "$status" 1 || return 1
	equal "$(grep '^FAILED ' <<<"$output")" 'FAILED faults.failing: first
FAILED faults.torso: 1 results of 3 planned, # exit status 0; see results/tap/faults.torso.tap
FAILED faults.hanging: 1 results of 2 planned, # exit status 124 (its time was up); see results/tap/faults.hanging.tap
FAILED faults.crashing: all cases passed, but # exit status 139; see results/tap/faults.crashing.tap
FAILED faults.unable: skipped, no functions
FAILED faults.skipping: second # SKIP no such thing
FAILED faults.skipping: third # SKIP no such thing
FAILED faults.empty: 0 results of 0 planned, # exit status 0; see results/tap/faults.empty.tap
FAILED faults.missing: 0 results of no planned, # exit status 127; see results/tap/faults.missing.tap' ||
		return 1
	equal "$(sort -u "$work/limits")" 1800
}

# Of the run before
leaves_no_processes() {
	local status=0
	pgrep -f "sleep 6[0]$suffix" >"$work/left" || status=$?
	# No process is 1; a pgrep that fails has other numbers
	[[ $status == 1 ]] || {
		echo "# $(tr '\n' ' ' <"$work/left")"
		return 1
	}
}

# Of the run before: where it failed, where it ended, and no more of it
shows_where() {
	says '    | # file.c:7: want 1, got 2' '    | not ok 1 first' '    ...' '    | ok 40 other' \
		'    | # this takes forever' '    | # exit status 124' || return 1
	! grep -q '^    | ok 20 other' <<<"$output" && [[ $(grep -c '^    | ok .* other' <<<"$output") -lt 20 ]]
}

# At the end, below the case, without the lines of other cases and of the harness
says_why() {
	vmtest --kernel 9.1 --jobs 1 why local
	says 'All that failed:' '  FAILED why.explaining: second' '      | # file.c:8: want 3, got 4' \
		'      | # file.c:9: because of this' || return 1
	equal "$(grep -c '^      | ' <<<"$output")" 2
}

counts_skips() {
	vmtest --kernel 9.1 miscounts
	says 'FAILED miscounts-9.1.skipping_test: 2 cases skipped, not 1' '5 passed, 3 failed, 2 skipped'
}

machine_that_fails() {
	NO_MACHINE=1 vmtest --kernel 9.1 miscounts
	[[ $status == 1 ]] && says '0 passed, 4 failed, 0 skipped' 'FAILED miscounts-9.1.machine: status # 125' \
		'FAILED miscounts-9.1.machine: kernel_log # the machine left no kernel log' \
		'FAILED miscounts-9.1.good_test: no results; see results/tap/miscounts-9.1.good_test.tap'
}

kernel_log_with_a_fault() {
	# The lines after it must not hide it
	LOG='[1.0] BUG: unable to handle page fault' LOG_LINES=200000 vmtest --kernel 9.1 table
	[[ $status == 1 ]] &&
		says 'FAILED table-9.1.machine: kernel_log # [1.0] BUG: unable to handle page fault'
}

# Neither is left out of the sum; the others run to their end, and all are named again
module_is_missing() {
	vmtest --kernel 9.3 --jobs 1 lanes local
	[[ $status == 1 ]] && says 'FAILED lanes 9.3: ended before its time' 'All that failed:' \
		'  FAILED lanes 9.3: ended before its time' '4 passed, 1 failed, 0 skipped'
}

module_is_old() {
	touch -d tomorrow "$root/drivers/new.c"
	vmtest --kernel 9.1 lanes
	rm "$root/drivers/new.c"
	[[ $status == 1 && $output == *'virtio_mmr_vfio_pci.ko is older than drivers/new.c: run'* ]]
}

one_at_a_time() {
	mkdir -p "$root/results"
	exec 9>>"$root/results/suites"
	flock -n 9
	vmtest --kernel 9.1 local
	exec 9>&-
	[[ $status == 1 && $output == *'another selftests/vmtest.sh runs in'* ]]
}

kernels_of() { # SERIES...: sets "status", "output" and "table"
	status=0
	output=$(cd / && KSELFTEST=$kselftest LIMITS=$work/limits PATH=$work/bin:$PATH "$root/selftests/kernels.sh" "$@" 2>&1) ||
		status=$?
	table=$(sed -n '/^kernel  *suite/,$p' <<<"$output" | tr -s ' ')
}

kernels_have_a_table() {
	kernels_of 9.1
	equal "$status $table" '0 kernel suite result
9.1-test builds 2 passed 0 failed 0 skipped
9.1-test lanes 13 passed 0 failed 0 skipped
9.1-test table 9 passed 0 failed 0 skipped
24 passed, 0 failed, 0 skipped' || return 1
	# Without a module, beyond the range, and none at all
	BUILDS_END=1 kernels_of 9.3 9.9
	equal "$status $table" '1 kernel suite result
9.3-test builds 1 passed 1 failed 0 skipped
9.3-test lanes 0 passed 1 failed 0 skipped
9.3-test table 0 passed 1 failed 0 skipped
9.9 - no such kernel
Linux 9.3-test is out of the range in drivers/virtio_mmr/compat/kernel_range: widen it
1 passed, 4 failed, 0 skipped'
}

# Neither takes the results of the other, nor makes them disappear
kernels_beside_a_run() {
	echo 'lanes 9.1 13 0 0' >"$root/results/suites"
	exec 9>>"$root/results/suites"
	flock -n 9
	kernels_of 9.1
	exec 9>&-
	equal "$status $table" '1 kernel suite result
9.1-test builds 2 passed 0 failed 0 skipped
9.1-test lanes 0 passed 1 failed 0 skipped
9.1-test table 0 passed 1 failed 0 skipped
2 passed, 2 failed, 0 skipped' && equal "$(cat "$root/results/suites")" 'lanes 9.1 13 0 0' || return 1
	exec 9>>"$root/results/kernels.log"
	flock -n 9
	kernels_of 9.1
	exec 9>&-
	equal "$status $output" "1 selftests/kernels.sh: another one runs in $root: use another clone, or wait"
}

# Of the real ones: a test that no suite has would never fail
each_test_is_in_a_suite() {
	local file name status=0
	find "$here/suites" -type f ! -name '*.*' -printf '%f\n' | xargs "$here/vmtest.sh" --list >"$work/list" ||
		return 1
	while read -r file; do
		name=$(basename "${file%.*}")
		grep -qE "[ .]$name\$" "$work/list" || grep -qF "/$(basename "$file")" "$here"/suites/* || {
			echo "# $file is in no suite"
			status=1
		}
	done < <(cd "$here" && find . -name '*_test.c' -o -name '*_test.sh')
	return "$status"
}

cases=(lists lists_default_kernels helps refuses_unknown passes prepares gives_functions gives_layouts_functions limits
	says_what_runs counts_faults leaves_no_processes shows_where says_why counts_skips machine_that_fails
	kernel_log_with_a_fault module_is_missing module_is_old one_at_a_time
	kernels_have_a_table kernels_beside_a_run each_test_is_in_a_suite)
ktap_print_header
ktap_set_plan ${#cases[@]}
for name in "${cases[@]}"; do
	ktap_test_result "$name" "$name"
done
ktap_finished
