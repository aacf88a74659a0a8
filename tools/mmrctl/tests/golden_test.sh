#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mmrctl on recorded trees: every verb as text and as JSON against golden files, built
# with address and undefined-behaviour sanitizers. Needs neither root nor hardware.
#
#	tools/mmrctl/tests/golden_test.sh [TEST...]   run all or these
#	tools/mmrctl/tests/golden_test.sh --update    write the golden files anew, then
#	                                              look at "git diff"
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/../../..")
build=$repository/build/mmrctl-sanitized
golden=$here/golden
update=0
if [[ ${1-} == --update ]]; then
	update=1
	shift
fi

# Name, tree, arguments
cases=(
	'list|usual|list'
	'list_pf|usual|list --pf 3b:00.0'
	'list_named|usual|list 3b:00.4 0000:3b:00.4 10000:01:00.0'
	'list_none|empty|list'
	'list_defects|defects|list'
	'list_busy|busy|list'
	'show|usual|show 0000:3b:00.1 3b:00.2 3b:00.4'
	'show_bar0|usual|show 10000:1:0.0'
	'show_pf|usual|show 3b:00.0'
	'show_defects|defects|show 3c:0.0 3c:0.1 3c:0.2 3c:0.3 3c:0.4 3c:0.5 3c:0.6 3c:0.7 3c:1.0 3c:1.1 3c:1.2 3c:1.3'
	'show_more_defects|defects|show 3c:1.4 3c:1.5 3c:1.6 3c:1.7 3c:2.0 3c:2.1 3c:2.2 3c:2.3'
	'list_judged|judged|list'
	'show_judged|judged|show 3c:0.0 3c:0.1 3c:0.2 3c:0.3 3c:0.4 3c:0.5 3c:0.6 3c:0.7'
	'show_odd_override|odd_override|show 3b:00.3 3b:00.4'
	'show_group|busy|show 3d:00.7'
	'show_odd_name|busy|show 3e:00.1'
	'check|usual|check'
	'check_function|usual|check 3b:00.1 3b:00.3'
	'check_no_locked_memory|no_locked_memory|check'
	'check_defects|defects|check'
	'check_restricted|restricted|check 3b:00.1'
	'check_all_restricted|restricted|check'
	'check_busy|busy|check 3d:00.0 3d:00.7'
	'check_empty|empty|check'
	'check_bare|bare|check 3b:00.1'
	'check_iommu_off|iommu_off|check'
	'check_amd_off|amd_off|check'
	'check_other_kernel|other_kernel|check'
	'check_wrong_kernel|wrong_kernel|check'
	'check_names_alike|names_alike|check'
	'check_many_kernels|many_kernels|check'
	'check_put_aside|put_aside|check'
	'check_unsigned|unsigned|check'
	'check_signed|signed|check'
	'check_upgraded|upgraded|check'
	'check_reinstalled|reinstalled|check'
	'check_uninstalled|uninstalled|check'
	'check_unindexed|unindexed|check'
	'check_unsigned_core|unsigned_core|check'
	'check_no_core|no_core|check'
	'check_core_uninstalled|core_uninstalled|check'
	'check_core_of_other_kernel|core_of_other_kernel|check'
	'check_core_left|core_left|check'
	'check_core_upgraded|core_upgraded|check'
	'bind_already|usual|bind 3b:00.1'
	'bind_long_override|long_override|bind 3b:00.3 3b:00.4'
	'bind_in_use|busy|bind 3d:00.0 3d:00.1 3d:00.2 3d:00.3 3d:00.4 3d:00.5'
	'bind_hidden_interface|busy|bind 3d:01.0'
	'list_native_used|native_used|list'
	'bind_native_used|native_used|bind 3d:00.0 3d:00.1 3d:00.2 3d:00.3 3d:00.4 3d:00.5 3d:00.6'
	'bind_native_already|native_used|bind --native 3d:00.1 3d:01.0 3d:01.2'
	'unbind_native|native_used|unbind 3d:01.1 3d:00.5'
	'unbind_odd_tag|native_used|unbind 3d:02.0 3d:02.1'
	'show_native|native_host|show 3d:00.5 3d:00.6'
	'check_native|native_host|check 3d:00.0 3d:00.1 3d:00.4 3d:00.5 3d:00.6'
	'check_native_upgraded|native_upgraded|check'
	'bind_native_refused|native_host|bind --native 3d:01.1'
	'bind_native_balloon|native_host|bind --native 3d:00.0'
	'bind_native_balloon_passes|native_host|bind --native 3d:00.1'
	'bind_native_guest|native_host|bind --native 3d:00.2 3d:01.0'
	'bind_native_no_module|no_module|bind --native 3b:00.3'
	'bind_native_defects|defects|bind --native 3c:00.2 3c:02.2 3c:01.6 3c:02.1'
	'bind_native_judged|judged|bind --native 3c:0.0 3c:0.5'
	'native_for_others|usual|unbind --native 3b:00.1'
	'bind_blocked|busy|bind 3d:00.7'
	'bind_with_pf|shared|bind 3b:00.1'
	'bind_with_pf_all_vfs|shared|bind --pf 3b:00.0'
	'bind_pf_and_vf|shared|bind 3b:00.0 3b:00.1'
	'bind_with_other_pf|shared|bind 3c:00.0'
	'bind_below|shared|bind 10000:01:00.0'
	'bind_hidden_interface_of_pf|shared|bind 3e:00.0'
	'check_shared|shared|check 3b:00.1 3c:00.0 10000:01:00.0'
	'show_shared|shared|show 3b:00.1'
	'bind_unusable|defects|bind 3c:00.2 3c:02.2'
	'check_judged|judged|check 3c:0.0'
	'bind_judged|judged|bind 3c:0.0'
	'bind_no_capability|judged|bind 3c:0.5'
	'bind_no_mmr|defects|bind 3c:01.6'
	'bind_foreign|foreign|bind 3b:00.0 3b:01.0'
	'check_foreign|foreign|check 3b:00.0 3b:01.0'
	'check_all_foreign|foreign|check'
	'regs_foreign|foreign|regs 3b:01.0'
	'bind_restricted|defects|bind 3c:02.1'
	'bind_no_group|bare|bind 3b:00.1'
	'bind_no_module|no_module|bind 3b:00.3'
	'bind_refused|busy|bind 3d:00.6'
	'unbind_in_use|usual|unbind 3b:00.1'
	'unbind_in_use_by_file|busy|unbind 3e:00.1'
	'show_driverctl|driverctl|show 3f:00.1 3f:00.3'
	'unbind_driverctl|driverctl|unbind 3f:00.1 3f:00.2'
	'unbind_not_bound|usual|unbind 3b:00.3 3b:00.4'
	'unbind_refused|usual|unbind 3b:00.2'
	'dump|device|dump 3b:00.1'
	'dump_not_bound|device|dump 3b:05.0'
	'dump_in_use|usual|dump 3b:00.1'
	'dump_no_device|device|dump 3b:04.0'
	'dump_without_group|device|dump 3b:07.0'
	'regs_net|device|regs 3b:00.1'
	'regs_block|device|regs 3b:01.0'
	'regs_9p|device|regs 3b:02.0'
	'regs_9p_too_long|device|regs 3b:03.0'
	'regs_vfio_pci|device|regs 3b:06.0'
	'regs_without_group|device|regs 3b:07.0'
	'regs_in_use|usual|regs 3b:00.1'
	'stats|device|stats 3b:00.1'
	'stats_none|device|stats 3b:01.0'
	'stats_not_bound|device|stats 3b:05.0 3b:00.1'
	'stats_all|device|stats'
	'stats_no_functions|empty|stats'
	'stats_foreign|foreign|stats 3b:00.0'
	'stats_prometheus|device|stats --prometheus'
	'stats_prometheus_named|device|stats --prometheus 3b:00.1 3b:05.0'
	'stats_prometheus_none|empty|stats --prometheus'
	'stats_prometheus_denied|denied_function|stats --prometheus'
	'stats_watch_not_bound|device|stats --watch 3b:00.1 3b:05.0'
	'stats_watch_no_functions|empty|stats --watch'
	'stats_watch_odd|device|stats --watch=0 3b:00.1'
	'stats_watch_prometheus|device|stats --watch --prometheus'
	'list_watch|device|list --watch'
	'list_prometheus|device|list --prometheus'
	'check_denied_index|denied_index|check 3b:00.1'
	'check_denied_index_loaded|denied_index_loaded|check 3b:00.1'
	'check_denied_module|denied_module|check 3b:00.1'
	'check_denied_host|denied_host|check'
	'check_denied_signature|denied_signature|check'
	'check_denied_function|denied_function|check 3b:00.2 3b:00.3 3b:00.4'
	'check_denied_users|denied_function|check 3b:00.1'
	'show_denied_function|denied_function|show 3b:00.2 3b:00.3 3b:00.4'
	'list_denied_function|denied_function|list 3b:00.1 3b:00.2 3b:00.3 3b:00.4'
	'list_denied_bars|denied_bars|list'
	'show_denied|denied_function|show 10000:01:00.0'
	'stats_denied|denied_function|stats 3b:00.1'
	'pf_denied|denied_function|list --pf 3b:00.0'
	'list_denied_sysfs|denied_sysfs|list'
	'list_hidden_processes|hidden_processes|list'
	'show_hidden_processes|hidden_processes|show 3b:00.1'
	'no_function|usual|show 3b:00.1 ff:1f.7'
	'list_vanished|vanished|list'
	'check_vanished|vanished|check'
	'stats_vanished|vanished|stats --prometheus'
	'no_function_vanished|vanished|list 3b:00.1 2:00.0'
	'no_function_vanishing|vanished|show 3b:01.1'
	'no_function_without_config|vanished|check 3b:01.2'
	'no_pf|usual|list --pf 3b:00.1'
	'no_pf_at_all|usual|bind --pf ff:00.0'
	'pf_without_vfs|busy|bind --pf 3e:00.0'
	'pf_without_second_vf|busy|bind --pf 3f:00.0'
	'pf_without_first_vf|busy|list --pf 3f:00.1'
	'not_an_address|usual|show 3b:00'
	'not_an_address_at_all|usual|bind --pf eth0'
	'too_large_an_address|usual|show 3b:20.0'
	'nothing_named|usual|bind'
	'two_named|usual|dump 3b:00.1 3b:00.2'
	'pf_for_one|usual|regs --pf 3b:00.0'
	'no_verb|usual|'
	'odd_verb|usual|lst'
	'odd_option|usual|list --colour'
)

# shellcheck source=selftests/lib/ktap.sh
source "$repository/selftests/lib/ktap.sh"
# shellcheck source=drivers/virtio_mmr/compat/kernel_range
source "$repository/drivers/virtio_mmr/compat/kernel_range"

work=$(mktemp -d)
chmod 755 "$work"
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
# A copy, where any user can run it
mmrctl=$work/mmrctl
# Undefined behaviour and leaks must not look like one of mmrctl's own statuses
export ASAN_OPTIONS=exitcode=99 UBSAN_OPTIONS=print_stacktrace=1 LSAN_OPTIONS=exitcode=99

build_it() {
	make --no-print-directory -C "$repository/tools/mmrctl" OUTPUT="$build" SANITIZE=1 &&
		install -m 755 "$build/mmrctl" "$mmrctl" &&
		make --no-print-directory -C "$repository/tools/mmrctl"
}

make_tree() { # NAME FOLDER
	"$here/tree" "$here/trees/$1.tree" "$2"
}

need_tree() { # NAME
	[[ -e $work/$1 ]] || make_tree "$1" "$work/$1"
}

# Prefix that runs mmrctl, or another program, as a user other than root
as_user=()
if [[ $EUID == 0 ]]; then
	as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi

# What mmrctl prints, with nothing in it that differs from one machine to the next
run_mmrctl() { # TREE ARGUMENT...
	local root=$work/$1 status=0 command=()
	need_tree "$1"
	[[ $1 != denied_* ]] || command=("${as_user[@]}")
	shift
	# What may change files gets a tree of its own
	if [[ ${1-} == *bind ]]; then
		rm -rf "$work/run"
		cp -a "$root" "$work/run"
		root=$work/run
	fi
	timeout 60 "${command[@]}" "$mmrctl" --root "$root" "$@" </dev/null >"$work/stdout" 2>"$work/stderr" ||
		status=$?
	{
		cat "$work/stdout"
		sed 's/^/stderr: /' "$work/stderr"
		echo "exit status $status"
	} | sed -E -e "s|$root|ROOT|g" -e "s/\\b${VIRTIO_MMR_OLDEST_KERNEL/./\\.}([ ,\"]|$)/OLDEST\1/g" \
		-e "s/\\b${VIRTIO_MMR_NEWEST_KERNEL/./\\.}([ ,\"]|$)/NEWEST\1/g" >"$work/actual"
}

compare() { # GOLDEN-FILE
	if [[ $update == 1 ]]; then
		cp "$work/actual" "$1"
	elif ! diff -u "$1" "$work/actual" >"$work/diff" 2>&1; then
		sed 's/^/# /' "$work/diff"
		return 1
	fi
}

# The same facts in both forms
run_case() { # CASE-NUMBER
	local name tree arguments words
	IFS='|' read -r name tree arguments <<<"${cases[$1]}"
	read -ra words <<<"$arguments"
	run_mmrctl "$tree" "${words[@]}"
	compare "$golden/$name.text" || return 1
	run_mmrctl "$tree" "${words[@]}" --json
	compare "$golden/$name.json"
}

# Those of mmrctl's table
verbs=$(sed -n 's/^\t{ "\([a-z]*\)", verb_.*/\1/p' "$repository/tools/mmrctl/main.c")

# Each verb's help has its arguments and an example that begins with its name
help_has_examples() {
	local verb
	[[ $verbs ]] || return 1
	for verb in $verbs; do
		"$mmrctl" "$verb" --help >"$work/help" || return 1
		if ! grep -q "^usage: mmrctl $verb " "$work/help" ||
			! grep -Eq "^  (sudo )?mmrctl $verb" "$work/help"; then
			sed 's/^/# /' "$work/help"
			return 1
		fi
		if ! "$mmrctl" --help | grep -q "^  $verb "; then
			echo "# $verb is not in mmrctl --help"
			return 1
		fi
	done
}

version_is_the_packages() {
	local version
	version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$repository/debian/changelog")
	[[ $("$mmrctl" --version) == "mmrctl $version" ]]
}

# What goes to stdout with --json is one JSON value or none; no key of it and no finding
# of check is without a word in the manual
documented() {
	local word missing=0
	python3 - "$golden"/*.json >"$work/words" <<'END' || return 1
import json, re, sys
words = set()
def walk(value):
    if isinstance(value, dict):
        if 'remedy' in value:
            words.add(value['id'])
        for key, inner in value.items():
            # Counters have names of their own, which are the module's
            if key == 'counters':
                words.add(key)
                continue
            # As has the device-specific configuration: virtio's
            if key == 'device_config':
                words.add(key)
                continue
            words.add(key)
            walk(inner)
    elif isinstance(value, list):
        for inner in value:
            walk(inner)
for name in sys.argv[1:]:
    text = open(name).read()
    text = re.sub(r'(?m)^(stderr: .*|exit status \d+)\n', '', text)
    if text.strip():
        walk(json.loads(text))
print('\n'.join(sorted(words)))
END
	[[ $(wc -l <"$work/words") -gt 50 ]] || return 1
	while read -r word; do
		if ! grep -qF "\`\`$word\`\`" "$repository/Documentation/mmrctl.rst"; then
			echo "# Documentation/mmrctl.rst does not explain '$word'"
			missing=1
		fi
	done <"$work/words"
	return $missing
}

# Of 3d:00.6 in the tree "run", after a bind that has failed or was ended
is_as_before() {
	local root=$work/run device=$work/run/sys/bus/pci/devices/0000:3d:00.6
	[[ $(head -c 8 "$device/driver_override") == vfio-pci &&
		$(readlink "$device/driver") == */vfio-pci && ! -e $root/run/mmrctl/0000:3d:00.6 ]] || {
		head "$device/driver_override" "$root"/run/mmrctl/* | sed 's/^/# /'
		return 1
	}
}

# A failed bind restores everything. Without a kernel nothing happens in this tree, so the
# test looks at the last values written.
rollback_on_files() {
	run_mmrctl busy bind 3d:00.6
	if ! grep -q 'exit status 1' "$work/actual" || ! is_as_before; then
		sed 's/^/# /' "$work/actual"
		return 1
	fi
}

# No signal but SIGKILL leaves a function halfway. One is that of a pipe without a reader, as stderr
# can be
signals_leave_no_function_halfway() {
	local root=$work/run status=0 pid reader
	need_tree busy
	rm -rf "$root"
	cp -a "$work/busy" "$root"
	exec 8> >(exec true)
	wait $!
	"$mmrctl" --root "$root" bind 3d:00.6 >"$work/stdout" 2>&8 || status=$?
	exec 8>&-
	if [[ $status != 1 ]] || ! is_as_before; then
		echo "# without a reader: status $status"
		return 1
	fi

	rm "$root/sys/bus/pci/drivers_probe"
	mkfifo "$root/sys/bus/pci/drivers_probe"
	# The shell has told what runs in the background to ignore it
	env --default-signal=QUIT "$mmrctl" --root "$root" bind 3d:00.6 >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	# It waits for a reader then
	until grep -qx virtio_mmr_vfio_pci "$root/sys/bus/pci/devices/0000:3d:00.6/driver_override" ||
		! kill -0 $pid 2>/dev/null; do
		sleep 0.1
	done
	kill -QUIT $pid
	timeout 60 cat "$root/sys/bus/pci/drivers_probe" >/dev/null &
	reader=$!
	status=0
	wait $pid || status=$?
	kill $reader 2>/dev/null || true
	if [[ $status != 1 ]] || ! is_as_before; then
		sed "s/^/# SIGQUIT: status $status: /" "$work/stderr"
		return 1
	fi
}

# Where the record cannot be written the function keeps its driver and its override, of
# which nothing was taken yet: no file of sysfs is another one afterwards
record_cannot_be_written() {
	rm -rf "$work/blocked"
	make_tree busy "$work/blocked"
	mkdir -p "$work/blocked/run/mmrctl/0000:3d:00.6"
	run_mmrctl blocked bind 3d:00.6
	if ! grep -q 'exit status 1' "$work/actual" ||
		! grep -q 'mmrctl/0000:3d:00.6: cannot be written: Is a directory' "$work/actual" ||
		! diff -r --no-dereference "$work/blocked/sys" "$work/run/sys" >"$work/diff" ||
		[[ $(cd "$work/run/run/mmrctl" && echo *) != '0000:3d:00.6 lock' ]]; then
		sed 's/^/# /' "$work/actual" "$work/diff"
		return 1
	fi
}

# The tree "killed": a bind of 3d:00.6, which had vfio-pci, was killed before or after the
# old driver had let go
killed_bind() { # DRIVER
	local device=$work/killed/sys/bus/pci/devices/0000:3d:00.6
	rm -rf "$work/killed"
	make_tree busy "$work/killed"
	echo virtio_mmr_vfio_pci >"$device/driver_override"
	[[ $1 == vfio-pci ]] || rm "$device/driver"
	mkdir "$work/killed/run/mmrctl"
}

# run_mmrctl in a copy of that, with a record that is of the function there
after_killed_bind() { # VERB
	local root=$work/copy
	rm -rf "$root"
	cp -a "$work/killed" "$root"
	printf '{"incarnation": %s, "driver": "vfio-pci", "driver_override": "vfio-pci"}\n' \
		"$(stat -L -c %i "$root/sys/bus/pci/devices/0000:3d:00.6")" >"$root/run/mmrctl/0000:3d:00.6"
	cp "$root/run/mmrctl/0000:3d:00.6" "$work/record"
	status=0
	timeout 60 "$mmrctl" --root "$root" "$1" 3d:00.6 >"$work/actual" 2>&1 || status=$?
}

# The override is put back; the driver, which has kept the function, is not touched
unbind_after_killed_bind() {
	local root=$work/copy status
	killed_bind vfio-pci
	after_killed_bind unbind
	if [[ $status != 0 || -e $root/run/mmrctl/0000:3d:00.6 ||
		$(head -c 8 "$root/sys/bus/pci/devices/0000:3d:00.6/driver_override") != vfio-pci ||
		-s $root/sys/bus/pci/drivers/vfio-pci/unbind && $(<"$root/sys/bus/pci/drivers/vfio-pci/unbind") ]]; then
		sed "s/^/# status $status: /" "$work/actual"
		return 1
	fi
	# The old driver is asked to take it again; no kernel is there to have it do so
	killed_bind none
	after_killed_bind unbind
	if [[ $status != 1 || $(<"$root/sys/bus/pci/drivers_probe") != 0000:3d:00.6 ||
		$(head -c 8 "$root/sys/bus/pci/devices/0000:3d:00.6/driver_override") != vfio-pci ]] ||
		! grep -q '"driver": "vfio-pci"' "$root/run/mmrctl/0000:3d:00.6"; then
		sed "s/^/# status $status: /" "$work/actual"
		return 1
	fi
}

# driverctl's "none" is no driver's name, and differs from the driver that is back
driver_back_and_driverctl_none() {
	local status
	killed_bind vfio-pci
	mkdir -p "$work/killed/etc/driverctl.d"
	echo none >"$work/killed/etc/driverctl.d/pci-0000:3d:00.6"
	after_killed_bind unbind
	if [[ $status != 0 ]] || ! grep -q '0000:3d:00.6: driverctl leaves it without a driver at the next boot. To change' \
		"$work/actual"; then
		sed "s/^/# status $status: /" "$work/actual"
		return 1
	fi
}

# The record of a bind that was killed has the state before it, and is not written anew
bind_after_killed_bind() {
	local status
	killed_bind none
	after_killed_bind bind
	if [[ $status != 1 ]] || ! grep -q 'cannot give it back to vfio-pci' "$work/actual" ||
		! grep -q '"driver": "vfio-pci"' "$work/copy/run/mmrctl/0000:3d:00.6"; then
		sed "s/^/# status $status: /" "$work/actual"
		return 1
	fi
}

# A record is void, and removed, if somebody else has given the function a driver since
stale_record() {
	local root=$work/copy verb status
	rm -rf "$work/killed"
	make_tree busy "$work/killed"
	mkdir "$work/killed/run/mmrctl"
	for verb in show unbind; do
		after_killed_bind "$verb"
		if [[ $status != 0 ]] || grep -q 'unbind restores' "$work/actual" ||
			[[ $verb == unbind && -e $root/run/mmrctl/0000:3d:00.6 ]] ||
			! diff -r --no-dereference "$work/killed/sys" "$root/sys" >"$work/diff"; then
			sed "s/^/# status $status: /" "$work/actual" "$work/diff"
			return 1
		fi
	done
}

# Its bytes end with half of one: what lies behind that is not read
cut_record() {
	local status
	killed_bind none
	after_killed_bind show
	sed -i 's/"vfio-pci"}/null, "driver_override_bytes": "e9f"}/' "$work/copy/run/mmrctl/0000:3d:00.6"
	"$mmrctl" --root "$work/copy" show 3d:00.6 >"$work/actual" 2>&1 || return 1
	grep -q '^  unbind restores  vfio-pci, driver_override ?$' "$work/actual" || {
		sed 's/^/# /' "$work/actual"
		return 1
	}
}

# With the lock held by somebody else: mmrctl, in the background, in a new tree; $!
wait_for_the_lock() { # TREE ARGUMENT...
	local tree=$1
	shift
	rm -rf "$work/locked"
	make_tree "$tree" "$work/locked"
	mkdir "$work/locked/run/mmrctl"
	exec 9>"$work/locked/run/mmrctl/lock"
	flock 9
	: >"$work/stderr"
	timeout --kill-after=1 60 "$mmrctl" --root "$work/locked" "$@" >"$work/stdout" \
		2>"$work/stderr" 9>&- &
	until grep -q 'another mmrctl binds or unbinds' "$work/stderr"; do
		if ! kill -0 $! 2>/dev/null; then
			sed 's/^/# /' "$work/stdout" "$work/stderr"
			return 1
		fi
		sleep 0.1
	done
}

# VFs that have come or gone during the wait, of a PF
vfs_after_the_wait() {
	local status=0 result=0
	wait_for_the_lock usual bind --pf 3b:00.0 || result=1
	echo 2 >"$work/locked/sys/bus/pci/devices/0000:3b:00.0/sriov_numvfs"
	exec 9>&-
	wait $! || status=$?
	[[ $result == 0 && $status == 0 && $(wc -l <"$work/stdout") == 2 ]] || {
		sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
		return 1
	}
}

# The state after the wait counts: the function is bound when the wait begins, and has
# another driver with a user when it ends
state_after_the_wait() {
	local device=$work/locked/sys/bus/pci/devices/0000:3e:00.1 status=0 result=0
	wait_for_the_lock busy bind 3e:00.1 || result=1
	ln -sfn ../../../bus/pci/drivers/vfio-pci "$device/driver"
	exec 9>&-
	wait $! || status=$?
	if [[ $result != 0 || $status != 5 ]] || ! grep -q 'in use by' "$work/stderr"; then
		sed 's/^/# /' "$work/stdout" "$work/stderr"
		return 1
	fi
}

wait_can_be_interrupted() {
	local result=0 status=0
	wait_for_the_lock busy bind 3d:00.6 || result=1
	# "timeout" hands it on
	kill -TERM $! 2>/dev/null || result=1
	wait $! || status=$?
	exec 9>&-
	need_tree busy
	rm "$work/locked/run/mmrctl/lock"
	rmdir "$work/locked/run/mmrctl"
	if ! diff -r --no-dereference "$work/busy" "$work/locked" >"$work/diff"; then
		sed 's/^/# /' "$work/diff"
		return 1
	fi
	[[ $result == 0 && $status == 143 ]]
}

# Refusals change nothing: no file is newer or other than before
refusals_change_nothing() {
	local arguments words
	for arguments in 'bind 3d:00.0 3d:00.6' 'bind 3d:00.7' 'bind 3d:00.6 3d:00.1' 'unbind 3e:00.1'; do
		read -ra words <<<"$arguments"
		run_mmrctl busy "${words[@]}"
		rm -rf "$work/run/run"
		mkdir "$work/run/run"
		if ! diff -r --no-dereference "$work/busy" "$work/run" >"$work/diff"; then
			sed "s/^/# $arguments: /" "$work/diff"
			return 1
		fi
	done
}

# No command in a remedy may remove the function that is to be bound
no_command_takes_it_away() {
	local verb function
	for verb in bind check; do
		for function in 3b:00.1 3b:00.2 3c:00.0 10000:01:00.0 3e:00.0 '3b:00.0 3b:00.1'; do
			# shellcheck disable=SC2086 # words
			run_mmrctl shared $verb $function
			if grep -E 'echo |unbind' "$work/actual" || ! grep -q "${function%% *}" "$work/actual"; then
				sed "s/^/# $verb $function: /" "$work/actual"
				return 1
			fi
		done
	done
	# Where nothing goes with it, there is a command
	run_mmrctl busy bind 3d:00.7
	grep -q 'echo 0000:3a:02.0 >/sys/bus/pci/drivers/igb/unbind' "$work/actual" || return 1
	# What the host uses natively is for mmrctl, with its checks
	fresh_copy busy
	set_driver "$work/copy/sys/bus/pci/devices/0000:3a:02.0" virtio_mmr_pci
	status_of 4 bind 3d:00.7 && has 'end its use, then: mmrctl unbind 0000:3a:02.0' && has_not 'echo '
}

fresh_copy() { # TREE
	need_tree "$1"
	rm -rf "$work/copy"
	cp -a "$work/$1" "$work/copy"
}

# Does mmrctl exit with that status in the copy?
status_of() { # STATUS ARGUMENT...
	local status=0
	timeout --kill-after=1 60 "$mmrctl" --root "$work/copy" "${@:2}" >"$work/stdout" 2>"$work/stderr" || status=$?
	[[ $status == "$1" ]] || {
		echo "# status $status, want $1: ${*:2}"
		sed 's/^/# /' "$work/stdout" "$work/stderr"
		return 1
	}
}

has() { # WORDS
	grep -qF -- "$1" "$work/stdout" "$work/stderr" || {
		echo "# no '$1':"
		sed 's/^/# /' "$work/stdout" "$work/stderr"
		return 1
	}
}

has_not() { # WORDS
	! has "$1" >/dev/null || {
		sed "s/^/# $1: /" "$work/stdout" "$work/stderr"
		return 1
	}
}

# Group files without an IOMMU, in the folder of a container, and of a device that came anew
odd_names_of_files() {
	local file
	for file in /dev/vfio/noiommu-41 /srv/jail/dev/vfio/41 '/dev/vfio/41 (deleted)' \
		'/dev/vfio/devices/vfio7'; do
		fresh_copy usual
		ln -sfn "$file" "$work/copy/proc/4242/fd/10"
		mkdir -p "$work/copy/sys/bus/pci/devices/0000:3b:00.1/vfio-dev/vfio7"
		status_of 0 list 3b:00.1 && has ' qemu-system-x86 (4242)' || return 1
		status_of 5 unbind 3b:00.1 || return 1
	done
}

# A record of a function in the copy, whose state before had no driver_override
leave_record() { # BDF DRIVER
	mkdir -p "$work/copy/run/mmrctl"
	printf '{"incarnation": %s, "driver": "%s", "driver_override": ""}\n' \
		"$(stat -L -c %i "$work/copy/sys/bus/pci/devices/$1")" "$2" >"$work/copy/run/mmrctl/$1"
}

# What was in the file stays behind what was written to it, unlike in sysfs: it goes now
override_is() { # BDF TEXT
	local text file=$work/copy/sys/bus/pci/devices/$1/driver_override
	text=$(head -n 1 "$file")
	[[ $text == "$2"* && ($2 || ! $text) ]] || {
		echo "# driver_override of $1 is '$text', want '$2'"
		return 1
	}
	echo "$2" >"$file"
}

# Runs mmrctl in the copy. When it has asked a driver to let the function go, and asks for a new one,
# commands run in the copy
at_the_probe() { # STATUS DRIVER COMMANDS ARGUMENT...
	local bus=$work/copy/sys/bus/pci result=0 pid
	: >"$bus/drivers/$2/unbind"
	rm -f "$bus/drivers_probe"
	mkfifo "$bus/drivers_probe"
	status_of "$1" "${@:4}" &
	pid=$!
	until [[ -s $bus/drivers/$2/unbind ]] || ! kill -0 $pid 2>/dev/null; do
		sleep 0.1
	done
	(cd "$work/copy" && eval "$3") || result=1
	exec 8<>"$bus/drivers_probe"
	wait $pid || result=1
	exec 8>&-
	return $result
}

# The driver from before is not there: unbind has not restored, and says so again, until it has. The
# record stays as long
failed_restore() {
	local bdf=0000:3b:00.3 device
	fresh_copy usual
	device=$work/copy/sys/bus/pci/devices/$bdf
	set_driver "$device" virtio_mmr_vfio_pci
	leave_record $bdf virtio-pci
	at_the_probe 1 virtio_mmr_vfio_pci "rm sys/bus/pci/devices/$bdf/driver" unbind $bdf --json &&
		has '"changed": true' && has 'load that driver if it is missing, then unbind again' &&
		override_is $bdf virtio-pci && [[ -e $work/copy/run/mmrctl/$bdf ]] || return 1
	rm "$work/copy/sys/bus/pci/drivers_probe"
	: >"$work/copy/sys/bus/pci/drivers_probe"
	status_of 1 unbind $bdf && has_not unchanged && [[ -e $work/copy/run/mmrctl/$bdf ]] || return 1
	# As after an unbind that was killed while the driver took the function
	ln -s ../../../bus/pci/drivers/virtio-pci "$device/driver"
	status_of 0 unbind $bdf && override_is $bdf '' && [[ ! -e $work/copy/run/mmrctl/$bdf ]]
}

# A bind that has nothing to do leaves the driver_override of somebody else, and repairs its own
other_override() {
	local bdf=0000:3b:00.1 device
	fresh_copy usual
	device=$work/copy/sys/bus/pci/devices/$bdf
	echo virtio_mmr_pci >"$device/driver_override"
	status_of 0 bind $bdf && has unchanged && override_is $bdf virtio_mmr_pci || return 1
	leave_record $bdf vfio-pci
	status_of 0 bind $bdf && override_is $bdf virtio_mmr_vfio_pci &&
		has '(was: virtio_mmr_pci)' || return 1
	# Its report is lost, and what it has done is not
	echo virtio_mmr_pci >"$device/driver_override"
	timeout 60 "$mmrctl" --root "$work/copy" bind $bdf >/dev/full 2>"$work/stderr" && return 1
	has '1 functions have been changed all the same' && override_is $bdf virtio_mmr_vfio_pci
}

# A function that somebody has given back, with a driver_override, after a bind
others_restored() {
	local bdf=0000:3b:00.3
	fresh_copy usual
	set_driver "$work/copy/sys/bus/pci/devices/$bdf" vfio-pci
	leave_record $bdf vfio-pci
	status_of 0 unbind $bdf && has unchanged && override_is $bdf vfio-pci &&
		[[ ! -e $work/copy/run/mmrctl/$bdf ]]
}

# Nothing has changed, so there is nothing to undo
override_cannot_be_written() {
	local bdf=0000:3d:00.6
	fresh_copy busy
	rm "$work/copy/sys/bus/pci/devices/$bdf/driver_override"
	mkdir "$work/copy/sys/bus/pci/devices/$bdf/driver_override"
	status_of 1 bind $bdf && has "$bdf: cannot set its driver_override: Is a directory" &&
		has_not 'cannot give' && [[ ! -e $work/copy/run/mmrctl/$bdf ]]
}

disappears_meanwhile() {
	local bdf=0000:3d:00.6
	fresh_copy busy
	at_the_probe 1 vfio-pci "rm sys/bus/pci/devices/$bdf" bind $bdf &&
		has "$bdf: has disappeared meanwhile" && has_not 'does not take' && has_not 'cannot give'
}

# At the second look at its users somebody gives the function a driver
given_meanwhile() { # DRIVER
	run_while_reading busy "$file" "cat ../content >new; rm $file; mkfifo $file; {
		exec 9>$file; ln -sfn ../../../bus/pci/drivers/$1 sys/bus/pci/devices/$bdf/driver
		echo $1 >sys/bus/pci/devices/$bdf/driver_override
		cat new >&9; } 8>&- &" bind "$bdf"
}

# For a guest, and what bind wants
given_away_meanwhile() {
	local bdf=0000:3d:01.1 file=sys/devices/pci0000:3a/0000:3d:01.1/virtio11/net/eth9/flags status
	given_meanwhile virtio_mmr_vfio_pci || return 1
	if [[ $status != 0 || $(<"$work/stdout") != "$bdf: virtio_mmr_vfio_pci, unchanged" ]]; then
		sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
		return 1
	fi
	given_meanwhile vfio-pci || return 1
	if [[ $status != 5 ]] || ! grep -q "^mmrctl: $bdf: somebody else gives it vfio-pci" "$work/stderr" ||
		grep -q 3d:01.1 "$work"/meanwhile/sys/bus/pci/drivers/*/unbind ||
		[[ $(<"$work/meanwhile/sys/bus/pci/devices/$bdf/driver_override") != vfio-pci ]]; then
		sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
		return 1
	fi
}

# A PF gets VFs while mmrctl has other functions in hand
vfs_meanwhile() {
	local pf=0000:3b:00.0 status
	fresh_copy usual
	set_driver "$work/copy/sys/bus/pci/devices/$pf" virtio_mmr_vfio_pci
	echo 0 >"$work/copy/sys/bus/pci/devices/$pf/sriov_numvfs"
	rm -rf "$work/grown"
	mv "$work/copy" "$work/grown"
	run_while_reading grown proc/4242/comm "rm proc/4242/comm; echo qemu >proc/4242/comm
		echo 4 >sys/bus/pci/devices/$pf/sriov_numvfs" \
		unbind 3b:00.2 3b:00.0 || return 1
	grep -q "^mmrctl: $pf: in use by 4 VFs" "$work/stderr" || {
		sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
		return 1
	}
}

# Verbs that change something need root, and are refused before anything else is checked
binding_needs_root() {
	local verb status
	for verb in bind unbind; do
		status=0
		"${as_user[@]}" "$mmrctl" $verb ff:1f.7 >"$work/stdout" 2>"$work/stderr" || status=$?
		if [[ $status != 6 || $(<"$work/stderr") != "mmrctl: $verb needs root: run it with sudo" ]]; then
			sed "s/^/# $verb, status $status: /" "$work/stderr"
			return 1
		fi
	done
}

# Records are for all users to read, whatever root's umask: show prints what unbind restores
records_are_readable() {
	local root=$work/run mode
	need_tree busy
	rm -rf "$root"
	cp -a "$work/busy" "$root"
	(umask 077 && "$mmrctl" --root "$root" bind 3d:00.6 >/dev/null 2>&1) || true
	mode=$(stat -c %a "$root/run/mmrctl")
	[[ $mode == 755 ]] || {
		echo "# /run/mmrctl has mode $mode"
		return 1
	}
}

# Two functions that are bound already
progress_on_a_terminal_only() {
	local command=("$mmrctl" --root "$work/usual" bind 3b:00.1 3b:00.2) terminal
	terminal=$(script --quiet --return --command "${command[*]} >/dev/null" /dev/null) || return 1
	if [[ $terminal != *'binding 2 of 2'* || $("${command[@]}" 2>&1) == *' of 2'* ]]; then
		printf '%s\n' "$terminal" | tr '\r' '\n' | sed 's/^/# /'
		return 1
	fi
}

# The second function cannot be bound, and the third cannot be given back
complaints_have_lines_of_their_own() {
	local verb
	for verb in 'bind 3b:00.1 3b:00.3' 'unbind 3b:00.4 3b:00.2 3b:00.3'; do
		rm -rf "$work/run"
		cp -a "$work/usual" "$work/run"
		script --quiet --command "$mmrctl --root $work/run $verb >/dev/null" /dev/null |
			tr -d '\r' >"$work/terminal"
		if ! grep -q 'binding 1 of' "$work/terminal" || ! grep -q '^mmrctl: ' "$work/terminal" ||
			grep '.mmrctl: ' "$work/terminal"; then
			sed "s/^/# $verb: /" "$work/terminal"
			return 1
		fi
	done
}

# Where sysfs alone is elsewhere; the same by environment
other_sysfs() {
	local with_option with_environment
	with_option=$("$mmrctl" list --sysfs "$work/usual/sys" --json) || return 1
	with_environment=$(MMRCTL_SYSFS=$work/usual/sys "$mmrctl" list --json) || return 1
	[[ $(grep -c '"bdf"' <<<"$with_option") == 5 && $with_option == "$with_environment" ]] ||
		return 1
	[[ $(MMRCTL_ROOT=$work/usual "$mmrctl" list) == "$("$mmrctl" --root "$work/usual" list)" ]]
}

# Options in any place, also with POSIXLY_CORRECT in the environment
options_in_any_place() {
	local want arguments words place
	want=$("$mmrctl" --json --root "$work/usual" --pf 3b:00.0 list 10000:01:00.0) || return 1
	[[ $(grep -c '"bdf"' <<<"$want") == 5 ]] || return 1
	for arguments in "list --json --pf 3b:00.0 10000:01:00.0 --root $work/usual" \
		"list 10000:01:00.0 --root $work/usual --pf 3b:00.0 -j" \
		"--root $work/usual list --pf 3b:00.0 -j -- 10000:01:00.0"; do
		read -ra words <<<"$arguments"
		for place in POSIXLY_CORRECT=1 LC_ALL=C; do
			if [[ $(env $place "$mmrctl" "${words[@]}" 2>&1) != "$want" ]]; then
				echo "# other output: $place mmrctl $arguments"
				return 1
			fi
		done
	done
}

no_sysfs() {
	local status=0
	"$mmrctl" --root "$work/nowhere" list 2>"$work/stderr" || status=$?
	[[ $status == 1 ]] && grep -q "$work/nowhere/sys/bus/pci: there is no PCI bus" "$work/stderr"
}

# Output that cannot be written is an error
full_disk() {
	local verb status
	for verb in list 'list --json' 'show 3b:00.1' check; do
		status=0
		# shellcheck disable=SC2086 # words
		"$mmrctl" --root "$work/usual" $verb >/dev/full 2>/dev/null || status=$?
		if [[ $status != 1 ]]; then
			echo "# $verb on a full disk: status $status"
			return 1
		fi
	done
}

# Output without a file is one, too, and goes to no other file that is open, such as the lock
closed_files() {
	local status=0
	rm -rf "$work/run"
	cp -a "$work/usual" "$work/run"
	"$mmrctl" --root "$work/run" bind 3b:00.1 >&- 2>"$work/stderr" || status=$?
	if [[ $status != 1 || $(<"$work/stderr") != 'mmrctl: cannot write the output' ||
		-s $work/run/run/mmrctl/lock ]]; then
		sed "s/^/# status $status: /" "$work/stderr" "$work/run/run/mmrctl/lock"
		return 1
	fi
	status=0
	"$mmrctl" --root "$work/run" bind 3b:00.1 <&- >&- 2>&- || status=$?
	[[ $status == 1 && ! -s $work/run/run/mmrctl/lock ]]
}

# Bytes as a broken or hostile device may show them: nothing may crash, loop or be
# invalid JSON, and it must still be one of mmrctl's own statuses.
garbage() {
	local verb status bdfs seed=${VIRTIO_MMR_SEED:-$RANDOM} root=$work/garbage
	echo "# VIRTIO_MMR_SEED=$seed"
	make_tree empty "$root"
	python3 - "$seed" "$work/usual" "$root" >"$work/garbage.bdfs" <<'END' || return 1
import os, random, shutil, sys
random.seed(int(sys.argv[1]))
source = os.path.join(sys.argv[2], 'sys/bus/pci/devices/0000:3b:00.3')
target = os.path.join(sys.argv[3], 'sys/bus/pci/devices')
good = open(os.path.join(source, 'config'), 'rb').read()
used = [i for i in range(4096) if good[i]] + [0x34, 0x40, 0x100, 0x108, 0x10a, 0x10c]
for number in range(400):
    name = f'0000:{number >> 8:02x}:{number >> 3 & 31:02x}.{number & 7}'
    folder = os.path.join(target, name)
    shutil.copytree(source, folder, symlinks=True)
    config = bytearray(good)
    if number % 8 == 0:
        config = bytearray(random.randbytes(4096))
        config[6] |= 0x10
    elif number % 8 == 1:
        config[64:] = random.choice([b'\xff', b'\x09', b'\x0b', b'\x11']) * 4032
    for _ in range(random.randint(1, 12)):
        config[random.choice(used)] = random.choice([0, 1, 9, 0xff, random.randrange(256)])
    size = random.choice([4096, 4096, 4096, 256, 255, 64, 0, random.randrange(4096)])
    open(os.path.join(folder, 'config'), 'wb').write(config[:size])
    if number % 3 == 0:
        lines = []
        for _ in range(13):
            start = random.choice([0, 0xfe200000, 1 << 63, random.getrandbits(64)])
            end = random.choice([start, start + 0xfff, (1 << 64) - 1, random.getrandbits(64)])
            lines.append(f'{start:#018x} {end % (1 << 64):#018x} {random.getrandbits(32):#018x}')
        open(os.path.join(folder, 'resource'), 'w').write('\n'.join(lines) + '\n')
    print(name)
END
	for verb in list show check; do
		status=0
		mapfile -t bdfs <"$work/garbage.bdfs"
		[[ $verb != list ]] || bdfs=()
		timeout 60 "$mmrctl" --root "$root" "$verb" --json "${bdfs[@]}" >"$work/stdout" \
			2>"$work/stderr" || status=$?
		if [[ $status != 0 && $status != 4 ]] || grep -q 'runtime error' "$work/stderr"; then
			echo "# $verb: status $status"
			tail -n 20 "$work/stderr" | sed 's/^/# /'
			return 1
		fi
		python3 -m json.tool "$work/stdout" >/dev/null || return 1
		timeout 60 "$mmrctl" --root "$root" "$verb" "${bdfs[@]}" >/dev/null 2>&1 || status=$?
		[[ $status == 0 || $status == 4 ]] || return 1
	done
	# Not all of it was refused at the door
	[[ $("$mmrctl" --root "$root" list --json 2>/dev/null | grep -c '"usable": true') -gt 20 ]]
}

many_vfs_tree() { # COUNT ROOT
	local i bdf
	{
		echo 'use host.part'
		echo 'use function.part BDF=0000:3b:00.0 DEVICE=0x1041 GROUP=5000'
		for ((i = 1; i <= $1; i++)); do
			printf -v bdf '0000:%02x:%02x.%x' $((0x3b + i / 256)) $((i / 8 % 32)) $((i % 8))
			echo "use vf.part BDF=$bdf PF=0000:3b:00.0 INDEX=$((i - 1)) GROUP=$i"
			echo "use driver.part BDF=$bdf DRIVER=virtio_mmr_vfio_pci"
			printf 'proc/%u/comm = qemu\n' $((1000 + i))
			# A VMM opens either the group or the function's own file
			if ((i % 2)); then
				printf 'proc/%u/fd/9 -> /dev/vfio/%u\n' $((1000 + i)) "$i"
			else
				printf 'sys/devices/pci0000:3a/%s/vfio-dev/vfio%u /\n' "$bdf" "$i"
				printf 'proc/%u/fd/9 -> /dev/vfio/devices/vfio%u\n' $((1000 + i)) "$i"
			fi
			printf 'sys/devices/pci0000:3a/%s/virtio_mmr_counters = %s\n' "$bdf" \
				'config_reads 1\nnotify_ioeventfds 18446744073709551615\n'
		done
	} >"$2.tree"
	ln -sf "$here"/trees/*.part "$work/"
	"$here/tree" "$2.tree" "$2"
}

# Runs mmrctl in a fresh copy of a tree. When it reads the file, it waits until the commands have
# been run in that tree, and then gets what was in the file
run_while_reading() { # TREE FILE COMMANDS ARGUMENT...
	local root=$work/meanwhile result=0
	need_tree "$1"
	rm -rf "$root"
	cp -a "$work/$1" "$root"
	mv "$root/$2" "$work/content"
	mkfifo "$root/$2"
	timeout --kill-after=1 60 "$mmrctl" --root "$root" "${@:4}" >"$work/stdout" 2>"$work/stderr" &
	# shellcheck disable=SC2016 # for the inner shell
	timeout 60 bash -euc 'exec 8>"$1/$2"; cd "$1"; eval "$3"; cat "$4" >&8' while_reading \
		"$root" "$2" "$3" "$work/content" || result=1
	status=0
	wait $! || status=$?
	return $result
}

# A driver's name that is not UTF-8 either: all keys are there, and what is printed is UTF-8
not_utf8() {
	local root=$work/not_utf8 arguments words status
	rm -rf "$root"
	make_tree odd_override "$root" || return 1
	ln -s $'../../../bus/pci/drivers/bl\xe9' "$root/sys/bus/pci/devices/0000:3b:00.3/driver"
	for arguments in 'show 3b:00.3' 'list 3b:00.3' 'check 3b:00.3'; do
		read -ra words <<<"$arguments"
		"$mmrctl" --root "$root" "${words[@]}" --json >"$work/stdout" || return 1
		if ! python3 -m json.tool "$work/stdout" >/dev/null ||
			! grep -Eq '"driver": "bl\?"|"text": "bound to bl\?"' "$work/stdout"; then
			sed "s/^/# $arguments: /" "$work/stdout"
			return 1
		fi
	done
	"$mmrctl" --root "$root" stats --prometheus >"$work/stdout" || return 1
	"$here/prometheus" <"$work/stdout" >"$work/samples" || return 1
	grep -qF "{bdf='0000:3b:00.3',driver='bl?'," "$work/samples"
}

# Names with escape sequences, wherever a name can stand: none reaches the terminal
no_escape_sequences() {
	local root=$work/escapes name arguments words
	rm -rf "$root"
	make_tree native_used "$root" || return 1
	while IFS= read -r -d '' name; do
		ln -sfn "$(readlink "$name")"$'\e[31m' "$name"
	done < <(find "$root/sys" -name driver -type l -print0)
	while IFS= read -r -d '' name; do
		mv "$name" "$name"$'\e[32m\x9b'
	done < <(find "$root/sys" -depth \( -path '*/virtio[0-9]*' -o \
		-path '*/iommu_groups/*/devices/*' -o -path '*/holders/*' \) -prune -print0)
	mkdir "$root/sys/bus/pci/devices/"$'\e[34m'
	# libpci complains of it, and ends the program
	"$mmrctl" --root "$root" list >"$work/stdout" 2>&1 || true
	rmdir "$root/sys/bus/pci/devices/"$'\e[34m'
	for arguments in list show check 'stats 3d:00.0' 'bind 3d:00.0' 'unbind 3d:00.0' $'show \e[33m'; do
		read -ra words <<<"$arguments"
		[[ $arguments != show ]] || mapfile -t -O 1 words < <(ls "$root/sys/bus/pci/devices")
		"$mmrctl" --root "$root" "${words[@]}" >>"$work/stdout" 2>&1 || true
	done
	if ! grep -qF '?[31m' "$work/stdout" || ! grep -qF '?[32m?' "$work/stdout" ||
		! grep -q '^mmrctl: .*?\[31m' "$work/stdout" || ! grep -q '^mmrctl: ?\[33m' "$work/stdout" ||
		! grep -q '^mmrctl: .*?\[34m' "$work/stdout" ||
		LC_ALL=C grep -n '[^ -~]' "$work/stdout" >"$work/diff"; then
		od -c "$work/diff" | sed 's/^/# /'
		return 1
	fi
}

# The record of a bind that was killed has all bytes of the override
exact_override() {
	local root=$work/exact override pid status=0
	rm -rf "$root"
	make_tree odd_override "$root" || return 1
	override=$root/sys/bus/pci/devices/0000:3b:00.3/driver_override
	rm "$root/sys/bus/pci/drivers_probe"
	mkfifo "$root/sys/bus/pci/drivers_probe"
	"$mmrctl" --root "$root" bind 3b:00.3 >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	# It waits for a reader then
	until grep -qx virtio_mmr_vfio_pci "$override" || ! kill -0 $pid 2>/dev/null; do
		sleep 0.1
	done
	{
		kill -KILL $pid
		wait $pid
	} 2>/dev/null || status=$?
	"$mmrctl" --root "$root" show 3b:00.3 >>"$work/stdout" || return 1
	"$mmrctl" --root "$root" unbind 3b:00.3 >>"$work/stdout" 2>>"$work/stderr" || return 1
	if [[ $status != 137 ]] || ! grep -q '^  unbind restores  no driver, driver_override od???$' "$work/stdout" ||
		! grep -q '^0000:3b:00.3: .*, driver_override od???.* (was: virtio_mmr_vfio_pci)$' "$work/stdout" ||
		[[ $(head -c 5 "$override" | od -An -tx1) != ' 6f 64 ff 1b c3' ]]; then
		sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
		od -c "$override" | sed 's/^/# /'
		return 1
	fi
}

# A function goes, or another one comes in its place, while mmrctl looks at it
vanishes_meanwhile() {
	local commands status file=sys/devices/pci0000:3a/0000:3b:01.0
	for commands in 'rm sys/bus/pci/devices/0000:3b:01.0' "mv $file old; cp -a ${file%1.0}2.0 $file"; do
		run_while_reading device "$file/subsystem_vendor" "$commands" list || return 1
		if [[ $status != 0 || -s $work/stderr ]] || ! grep -q '^0000:3b:00.1 .* 41 ' "$work/stdout" ||
			grep -q '^0000:3b:01.0 ' "$work/stdout"; then
			sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
			return 1
		fi
		run_while_reading device "$file/subsystem_vendor" "$commands" show 3b:00.1 3b:01.0 || return 1
		if [[ $status != 3 || -s $work/stdout ]] ||
			! grep -q '^mmrctl: 0000:3b:01.0: no such PCI function' "$work/stderr"; then
			sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
			return 1
		fi
	done
}

# Of functions that nobody has named, one vanishes and one is unbound before mmrctl reads their
# counters. The first one's file is what it waits for
unbound_meanwhile() {
	local arguments words status
	for arguments in stats 'stats --json' 'stats --prometheus'; do
		read -ra words <<<"$arguments"
		run_while_reading device sys/devices/pci0000:3a/0000:3b:00.1/virtio_mmr_counters \
			'rm sys/bus/pci/devices/0000:3b:01.0 sys/bus/pci/devices/0000:3b:02.0/driver' \
			"${words[@]}" || return 1
		grep -v function_info "$work/stdout" >"$work/counters"
		if [[ $status != 0 || -s $work/stderr ]] || ! grep -q 0000:3b:00.1 "$work/counters" ||
			! grep -q 0000:3b:03.0 "$work/counters" || grep -q '0000:3b:0[12].0' "$work/counters"; then
			sed "s/^/# status $status: /" "$work/counters" "$work/stderr"
			return 1
		fi
	done
}

set_driver() { # FOLDER-OF-FUNCTION DRIVER
	rm -f "$1/driver"
	[[ $2 == none ]] || ln -s "../../../bus/pci/drivers/$2" "$1/driver"
	echo "$2" >"$1/driver_override"
}

# Binds or unbinds 3b:00.3 and 3b:00.4, of the groups 43 and 44. After the former, mmrctl waits for a
# reader of drivers_probe. No kernel is here, so the test gives that function its new driver. It also
# gives the latter a driver, opens groups, and lets a second pass. "asked" has the functions that
# vfio-pci and the driver for guests were asked last to let go
open_meanwhile() { # VERB OLD-DRIVER NEW-DRIVER 3b:00.4's-DRIVER-BEFORE AFTER GROUP...
	local root=$work/meanwhile verb=$1 old=$2 new=$3 after=$5 group pid
	local bus=$root/sys/bus/pci first=$root/sys/bus/pci/devices/0000:3b:00.3
	rm -rf "$root"
	cp -a "$work/usual" "$root"
	set_driver "$first" "$old"
	set_driver "${first%3}4" "$4"
	mkdir -p "$root/run/mmrctl"
	[[ $verb == bind ]] || printf '{"incarnation": %s, "driver": "%s", "driver_override": "%s"}\n' \
		"$(stat -L -c %i "$first")" "$new" "$new" >"$root/run/mmrctl/0000:3b:00.3"
	mkdir -p "$bus/drivers/$old"
	printf '' | tee "$bus/drivers/$old/unbind" "$bus"/drivers/{vfio-pci,virtio_mmr_vfio_pci}/unbind
	rm "$bus/drivers_probe"
	mkfifo "$bus/drivers_probe"
	timeout 60 "$mmrctl" --root "$root" "$verb" 3b:00.3 3b:00.4 >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	until [[ -s $bus/drivers/$old/unbind ]] || ! kill -0 $pid 2>/dev/null; do
		sleep 0.1
	done
	set_driver "$first" "$new"
	set_driver "${first%3}4" "$after"
	mkdir -p "$root/proc/77/fd"
	echo qemu >"$root/proc/77/comm"
	for group in "${@:6}"; do ln -s "/dev/vfio/$group" "$root/proc/77/fd/$group"; done
	sleep 1.2
	exec 8<>"$bus/drivers_probe"
	status=0
	wait $pid || status=$?
	exec 8>&-
	asked=$(<"$bus/drivers/vfio-pci/unbind")
	asked="${asked:-none} $(<"$bus/drivers/virtio_mmr_vfio_pci/unbind")"
	[[ $asked != *' ' ]] || asked+=none
}

# A guest opens the second function while the first one is bound, or unbound: it stays. So does
# the first one, if a guest has opened that. A function that somebody else has given to another
# driver stays there
opened_meanwhile() {
	local arguments words want asked status users mmr=virtio_mmr_vfio_pci a=0000:3b:00.3 b=0000:3b:00.4
	while IFS='|' read -r arguments want; do
		read -ra words <<<"$arguments"
		open_meanwhile "${words[@]}"
		users=$(sed -n 's/^mmrctl: 0000:\(.*\): in use by qemu (77); .* then \(.*\) again$/\1 \2/p' "$work/stderr")
		if [[ "$status ${users//$'\n'/, }|$asked" != "$want" || -e $work/meanwhile/run/mmrctl/$b ]]; then
			printf '%s\n' "$arguments: $status ${users//$'\n'/, }|$asked, want $want" | sed 's/^/# /'
			sed 's/^/# /' "$work/stdout" "$work/stderr"
			return 1
		fi
	done <<END
bind vfio-pci $mmr vfio-pci vfio-pci 44|5 3b:00.4 bind|$a $a
bind vfio-pci $mmr none vfio-pci 44|5 3b:00.4 bind|$a $a
bind vfio-pci $mmr vfio-pci vfio-pci 43 44|5 3b:00.4 bind, 3b:00.3 unbind|$a none
unbind $mmr vfio-pci $mmr $mmr 44|5 3b:00.4 unbind|none $a
unbind $mmr vfio-pci $mmr vfio-pci|0 |none $a
bind virtio-pci vfio-pci none none|1 |none none
END
}

# In less than a second of the processor, however busy the machine is with other things
within_a_second() { # STATUS ARGUMENT...
	local seconds user system TIMEFORMAT='%3U %3S'
	seconds=$({ time "$repository/build/mmrctl" --root "$work/many" "${@:2}" >"$work/stdout" \
		2>"$work/stderr"; } 2>&1) || [[ $? == "$1" ]] || return 1
	echo "# $seconds s of user and system time"
	[[ $seconds =~ ^([0-9]+)\.([0-9]{3})\ ([0-9]+)\.([0-9]{3})$ ]] || return 1
	user=$((10#${BASH_REMATCH[1]}${BASH_REMATCH[2]}))
	system=$((10#${BASH_REMATCH[3]}${BASH_REMATCH[4]}))
	[[ $((user + system)) -lt 1000 ]]
}

many_vfs() {
	many_vfs_tree 1016 "$work/many" && within_a_second 0 list &&
		[[ $(grep -c 'virtio_mmr_vfio_pci  qemu ([12]' "$work/stdout") == 1016 ]]
}

# All of them: processes are not looked for again for each function
many_in_use() {
	local bdfs
	mapfile -t bdfs < <(cd "$work/many/sys/devices/pci0000:3a" && ls -d -- */driver)
	within_a_second 5 unbind "${bdfs[@]%/driver}" &&
		[[ $(grep -c 'in use by qemu ([12]' "$work/stderr") == 1016 ]]
}

many_metrics() {
	within_a_second 0 stats --prometheus || return 1
	"$here/prometheus" <"$work/stdout" >"$work/samples" || return 1
	[[ $(grep -c '^virtio_mmr_notify_ioeventfds_total{bdf=.*} 18446744073709551615$' "$work/samples") == 1016 &&
		$(grep -c '^virtio_mmr_function_info{.*} 1$' "$work/samples") == 1016 ]] || return 1
	# What JSON can hold at most
	within_a_second 0 stats --json && has_not '": -' && has '"notify_ioeventfds": 9223372036854775807'
}

# Each reading of --watch, with all counters printed, after the first one
many_watched() {
	local pid first='' last=''
	"$repository/build/mmrctl" --root "$work/many" stats --watch=1 --json >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	first=$(time_of_reading $pid 1) && last=$(time_of_reading $pid 4)
	kill $pid
	wait $pid || true
	echo "# $((last - first)) ticks for three readings, $(getconf CLK_TCK) a second"
	[[ $first && $last && $((last - first)) -lt $((3 * $(getconf CLK_TCK))) &&
		$(head -n 1 "$work/stdout" | grep -o '"bdf"' | wc -l) == 1016 ]]
}

# Ticks of user and system time (proc(5)) once that many lines are there
time_of_reading() { # PID LINES
	local stat
	until [[ $(wc -l <"$work/stdout") -ge $2 ]]; do
		read -ra stat <"/proc/$1/stat" || return 1
		[[ ${stat[2]} != Z ]] || return 1
		sleep 0.1
	done
	read -ra stat <"/proc/$1/stat" && echo $((stat[13] + stat[14]))
}

system_calls() { # ROOT
	strace --summary-only --summary-columns=calls,name --output="$work/calls" \
		"$repository/build/mmrctl" --root "$1" list >/dev/null &&
		sed -n 's/ *\([0-9]*\) total$/\1/p' "$work/calls"
}

# Times differ between machines, so system calls are counted: twice as many VFs need no
# more than twice as many
many_vfs_are_linear() {
	local half whole
	many_vfs_tree 127 "$work/half" || return 1
	many_vfs_tree 254 "$work/whole" || return 1
	half=$(system_calls "$work/half") || return 1
	whole=$(system_calls "$work/whole") || return 1
	echo "# $half system calls for 127 VFs, $whole for 254"
	[[ $half -gt 1270 && $whole -le $((half * 2)) ]]
}

# What Prometheus reads, with a name in it that needs escapes
metrics_format() {
	local root=$work/metrics device
	rm -rf "$root"
	make_tree device "$root" || return 1
	device=$root/sys/devices/pci0000:3a/0000:3b:05.0
	ln -s '../../../bus/pci/drivers/a"b\c
d' "$device/driver"
	"$mmrctl" --root "$root" stats --prometheus >"$work/stdout" 2>"$work/stderr" || return 1
	"$here/prometheus" <"$work/stdout" >"$work/samples" || return 1
	if ! grep -qF "{bdf='0000:3b:05.0',driver='a\"b\\\\c\\nd',iommu_group='46',pf='0000:3b:00.0',type='net',vf=''} 1" "$work/samples" ||
		! grep -qF "virtio_mmr_config_reads_total{bdf='0000:3b:00.1'} 12" "$work/samples" ||
		! grep -qF "virtio_mmr_config_reads_total{bdf='0000:3b:01.0'} 0" "$work/samples" ||
		grep -qF "virtio_mmr_config_reads_total{bdf='0000:3b:05.0'}" "$work/samples"; then
		sed 's/^/# /' "$work/samples"
		return 1
	fi
}

# The parser above finds faults
metrics_format_is_strict() {
	local text
	while IFS= read -r text; do
		# shellcheck disable=SC2059 # it is a format
		if printf "$text" | PATH=/usr/bin:/bin "$here/prometheus" >/dev/null 2>&1; then
			echo "# accepted: $text"
			return 1
		fi
	done <<'END'
# TYPE a gauge\na 1\n
# HELP a b\na 1\n
# HELP a b\n# TYPE a counter\na 1\n
# HELP a_total b\n# TYPE a_total gauge\na_total 1\n
# HELP a b\n# TYPE a gauge\na 1
# HELP a b\n# TYPE a gauge\na{b="c"d"} 1\n
# HELP a b\n# TYPE a gauge\na{b="c\\d"} 1\n
# HELP a b\n# TYPE a gauge\na{b="c"} 1\na{b="c"} 2\n
# HELP a b\n# TYPE a gauge\na{b="c"} 1 1700000000\n
# HELP a b\n# TYPE a gauge\n# HELP c d\n# TYPE c gauge\nc 1\na 1\n
END
}

# The tool has the driver's counters in the same order, as the driver gives none before the first
# open. Each has a text of its own
knows_the_counters() {
	local driver tool
	driver=$(sed -n 's/^\t\[VIRTIO_MMR_.*\] = "\(.*\)",$/\1/p' \
		"$repository/drivers/vfio/pci/virtio_mmr/counters.c")
	tool=$(sed -n 's/^\t{ "\(.*\)", ".*\." },$/\1/p' "$repository/tools/mmrctl/counters.c")
	[[ $(wc -l <<<"$driver") -gt 10 && $driver == "$tool" ]] || {
		diff <(echo "$driver") <(echo "$tool") | sed 's/^/# /'
		return 1
	}
}

watching() { # FORMAT-OPTION...: counters change, and at last the function is taken away
	local root=$work/watched device pid
	rm -rf "$root"
	make_tree device "$root" || return 1
	device=$root/sys/devices/pci0000:3a/0000:3b:00.1
	timeout 60 "$mmrctl" --root "$root" stats --watch=1 3b:00.1 "$@" >"$work/stdout" 2>"$work/stderr" &
	pid=$!
	sleep 1.5
	printf 'config_reads 112\nrefusals 0\nnotify_doorbells 18446744073709\n' >"$device/new"
	mv "$device/new" "$device/virtio_mmr_counters"
	sleep 3
	# In the kernel's order: a bound function without the file has not been open
	rm "$device/driver" "$device/virtio_mmr_counters"
	status=0
	wait "$pid" || status=$?
	if [[ $status != 4 ]] || ! grep -q '^mmrctl: 0000:3b:00.1: no counters: ' "$work/stderr"; then
		sed "s/^/# status $status: /" "$work/stdout" "$work/stderr"
		return 1
	fi
}

# Lines for what has changed, and for times without a change
watch_shows_changes() {
	local status
	watching || return 1
	if ! grep -Eq '^[0-9:]{8}  0000:3b:00.1  config_reads +[0-9]+\.[0-9]/s +112$' "$work/stdout" ||
		! grep -Eq '^[0-9:]{8}  -$' "$work/stdout" ||
		[[ $(grep -c / "$work/stdout") != 1 ]]; then
		sed 's/^/# /' "$work/stdout"
		return 1
	fi
}

watch_prints_json_lines() {
	local status
	watching --json || return 1
	python3 - "$work/stdout" <<'END'
import datetime, json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
values = [line['functions'][0]['counters']['config_reads'] for line in lines]
times = [datetime.datetime.strptime(line['time'], '%Y-%m-%dT%H:%M:%S%z') for line in lines]
assert values[0] == 12 and values[-1] == 112 and set(values) == {12, 112}, values
assert times == sorted(times) and times[0] < times[-1], times
END
}

# A recorded process with the number that mmrctl itself has
own_number() {
	many_vfs_tree 1 "$work/own" || return 1
	# shellcheck disable=SC2016 # for the inner shell, whose number mmrctl takes over
	bash -euc '
		mv "$1/proc/1001" "$1/proc/$$"
		exec "$2" --root "$1" list' own_number "$work/own" "$repository/build/mmrctl" >"$work/stdout" || return 1
	grep -q 'virtio_mmr_vfio_pci  qemu (' "$work/stdout"
}

completion() {
	local hostile=$work/hostile
	rm -rf "$hostile"
	make_tree usual "$hostile" || return 1
	# shellcheck disable=SC2016 # a command in a name, which must not run
	ln -sfn '../$(echo>&9)' "$hostile/sys/bus/pci/devices/0000:3b:00.1/physfn"
	# What a shell with nothing else of bash-completion offers
	MMRCTL_ROOT=$work/usual PATH=$build:$PATH bash -euc '
		source "$1"
		offer() {
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_mmrctl
			echo "${COMPREPLY[*]}"
		}
		[[ $(offer mmrctl b) == bind ]]
		[[ $(offer mmrctl "") == "$3" ]]
		[[ $(offer mmrctl show 0000:3b:00.) == "0000:3b:00.1 0000:3b:00.2 0000:3b:00.3 0000:3b:00.4" ]]
		[[ $(offer mmrctl show 3b:00.) == "3b:00.1 3b:00.2 3b:00.3 3b:00.4" ]]
		[[ $(offer mmrctl show 1) == 10000:01:00.0 ]]
		[[ -z $(offer mmrctl show 01:) ]]
		[[ $(offer mmrctl bind --pf "") == 0000:3b:00.0 ]]
		[[ $(offer mmrctl bind --pf 3b) == 3b:00.0 ]]
		[[ $(MMRCTL_ROOT=$4; offer mmrctl bind --pf "" 9>"$2") == 0000:3b:00.0 && ! -s $2 ]]
		[[ $(offer mmrctl stats --) == "--pf --watch --prometheus --json --help --version --root --sysfs" ]]
		[[ $(offer mmrctl list --) == "--pf --json --help --version --root --sysfs" ]]
		[[ $(offer mmrctl list --p) == --pf ]]
		[[ -z $(offer mmrctl dump --p) ]]
		# With bash-completion: its variables stay local to the function
		_get_comp_words_by_ref() {
			cur=3b:00.2 prev=show
		}
		__ltrim_colon_completions() {
			COMPREPLY=("${COMPREPLY[@]#*:}")
		}
		offer mmrctl show 3b : 00.2 >"$2"
		[[ $(<"$2") == 00.2 && -z ${cur+set}${prev+set} ]]
	' completion "$repository/tools/mmrctl/completion.bash" "$work/offered" \
		"${verbs//$'\n'/ }" "$hostile"
}

# What "make install-tools" puts where, for all users to read whatever root's umask, also over
# files that others cannot read; and that the manual is one. The folder's name has several words
installation() {
	local image="$work/image of root" odd
	local manual=$image/usr/share/man/man8/mmrctl.8
	(umask 022 && mkdir -p "${manual%/*}")
	(umask 077 && : >"$manual" &&
		make --no-print-directory -C "$repository" install-tools DESTDIR="$image" PREFIX=/usr >/dev/null) || return 1
	odd=$(find "$image" -type f ! -perm -444 -o -type d ! -perm -555)
	if [[ $odd ]]; then
		echo "# other users cannot read: ${odd//$'\n'/ }"
		return 1
	fi
	[[ -x $image/usr/sbin/mmrctl && -s $image/usr/share/bash-completion/completions/mmrctl ]] || return 1
	# Some versions of docutils put the section into quotes
	grep -qE '^\.TH "MMRCTL" "?8' "$manual" && grep -q '^\.SH EXIT STATUS' "$manual" || return 1
	# What man says of it, its reader sees
	man --local-file "$image/usr/share/man/man8/mmrctl.8" 2>&1 >"$work/manual" |
		sed 's/^/# man: /' | tee "$work/diff"
	[[ ! -s $work/diff ]] && grep -q 'EXIT STATUS' "$work/manual" || return 1
	make --no-print-directory -C "$repository" uninstall-tools DESTDIR="$image" PREFIX=/usr >/dev/null
	[[ -z $(find "$image" -type f) && ! -e $work/image ]]
}

# Where the manual cannot be made: nothing is installed
installation_without_rst2man() {
	mkdir "$work/bin"
	find /usr/bin -mindepth 1 -maxdepth 1 -exec ln -s -t "$work/bin" {} +
	rm "$work"/bin/rst2man*
	if PATH=$work/bin make --no-print-directory -C "$repository" install-tools DESTDIR="$work/partly" \
		PREFIX=/usr >"$work/log" 2>&1 || ! grep -q 'apt-get install python3-docutils' "$work/log" ||
		[[ -e $work/partly ]]; then
		sed 's/^/# /' "$work/log"
		return 1
	fi
}

others=(help_has_examples version_is_the_packages documented rollback_on_files
	signals_leave_no_function_halfway record_cannot_be_written unbind_after_killed_bind
	driver_back_and_driverctl_none
	bind_after_killed_bind stale_record cut_record
	state_after_the_wait wait_can_be_interrupted
	refusals_change_nothing no_command_takes_it_away binding_needs_root records_are_readable
	progress_on_a_terminal_only complaints_have_lines_of_their_own other_sysfs options_in_any_place
	no_sysfs full_disk closed_files garbage not_utf8
	no_escape_sequences exact_override vanishes_meanwhile unbound_meanwhile opened_meanwhile
	vfs_after_the_wait odd_names_of_files failed_restore others_restored other_override override_cannot_be_written
	disappears_meanwhile given_away_meanwhile vfs_meanwhile
	many_vfs many_in_use many_metrics many_watched many_vfs_are_linear
	metrics_format metrics_format_is_strict knows_the_counters watch_shows_changes watch_prints_json_lines
	own_number
	completion installation installation_without_rst2man)

ktap_print_header
build_it >"$work/build.log" 2>&1 || {
	sed 's/^/# /' "$work/build.log"
	echo 'Bail out! mmrctl does not build'
	exit 1
}
wanted=("$@")
if [[ $# == 0 ]]; then
	for i in "${cases[@]}"; do
		wanted+=("${i%%|*}")
	done
	wanted+=("${others[@]}")
fi
ktap_set_plan ${#wanted[@]}
# Most of the other tests use this one
need_tree usual
for test in "${wanted[@]}"; do
	for i in "${!cases[@]}"; do
		[[ ${cases[i]} != "$test|"* ]] || break
	done
	if [[ ${cases[i]} == "$test|"* ]]; then
		ktap_test_result "$test" run_case "$i"
	else
		ktap_test_result "$test" "$test"
	fi
done
ktap_finished
