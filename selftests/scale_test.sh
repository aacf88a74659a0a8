#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A thousand functions in one host: created, bound, listed, opened, used side by side, unbound and
# removed. They are all that the PFs can have, and half of them must be entropy functions.
set -euo pipefail

repository=$(readlink -f "$(dirname "$(readlink -f "$0")")/..")
cd "$repository"
# shellcheck source=selftests/lib/ktap.sh
source selftests/lib/ktap.sh
# shellcheck source=selftests/lib/kernel_log.sh
source selftests/lib/kernel_log.sh
# shellcheck source=selftests/lib/mmrctl.sh
source selftests/lib/mmrctl.sh
need_machine "a thousand functions"

driver=virtio_mmr_vfio_pci
devices=/sys/bus/pci/devices
build=$repository/build/selftests
mmrctl=$repository/build/mmrctl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
want=0
scale=${VIRTIO_MMR_TIMEOUT_SCALE:-1}
# Functions of one guest, and guests at once
guest=8 guests=32
# What may be left when all are gone, of the host and of each function: the kernel keeps objects and
# pages for later, and some things for ever, such as those of the first open
margin_slab=$((2 << 20)) margin_slab_each=256
margin_kib=$((8 << 10)) margin_kib_each=2

limited() { # SECONDS COMMAND...
	timeout $(($1 * scale)) "${@:2}"
}

# --- memory -----------------------------------------------------------------------

settle() {
	local cache
	sync
	echo 3 >/proc/sys/vm/drop_caches
	# Functions that nobody has open go to D3 in the background, and RCU frees later
	sleep 5
	echo 3 >/proc/sys/vm/drop_caches
	# What each CPU keeps of a cache counts as used until then
	for cache in /sys/kernel/slab/*/shrink; do
		[[ ! -e $cache ]] || echo 1 >"$cache"
	done
}

slab_bytes() {
	awk 'NR > 2 { sum += $2 * $4 } END { printf "%d\n", sum }' /proc/slabinfo
}

slab_caches() { # prints name, bytes and objects of each
	awk 'NR > 2 { print $1, $2 * $4, $2 }' /proc/slabinfo
}

# Those that have grown most since slab_caches printed what is in the file
report_growth() { # FILE
	slab_caches | awk 'NR == FNR { before[$1] = $2; next }
		$2 > before[$1] { print $2 - before[$1], "bytes more in", $1 }' "$1" - |
		sort -rn | head -n 6 | sed 's/^/# /'
}

# The caches that keep about an object of each function since then, of those that a driver of VFIO
# uses: less than the margin, and a leak. A CPU may keep some more objects for itself
report_leaks() { # FILE
	slab_caches | awk -v functions="$want" 'NR == FNR { before[$1] = $3; next }
		$1 ~ /^(kmalloc-cg-(512|1k|2k|4k)|kernfs_node_cache)$/ && $3 - before[$1] >= functions * 3 / 4 {
			print "#", $3 - before[$1], "objects more in", $1 }' "$1" -
}

available_kib() {
	sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo
}

# --- the functions ----------------------------------------------------------------

pfs=() vfs=() types=()
find_pfs() {
	local pf
	for pf in "$devices"/*/sriov_totalvfs; do
		[[ -e $pf && $(<"$pf") != 0 ]] || continue
		pfs+=("$(basename "${pf%/*}")")
		want=$((want + $(<"$pf")))
	done
}

find_vfs() {
	local bdf type
	vfs=() types=()
	while read -r bdf type _; do
		vfs+=("$bdf")
		types+=("$type")
	done
}

with_driver() { # DRIVER: how many of the functions have it
	local link
	for link in "$devices"/*/driver; do
		readlink "$link"
	done | grep -c "/$1\$" || true
}

count_is() { # NUMBER WANTED WHAT
	if [[ $1 != "$2" ]]; then
		echo "# $3: $1, want $2"
		return 1
	fi
}

created() {
	limited 600 tools/vm/vfs create >"$work/created" || return 1
	find_vfs <"$work/created"
	count_is "${#vfs[@]}" "$want" 'VFs that exist'
}

named=()
name_pfs() {
	local pf
	for pf in "${pfs[@]}"; do
		named+=(--pf "$pf")
	done
}

# The last function's driver_override has no effect: no driver takes it, and all others go back
all_or_none() {
	local result=0
	: >"$work/override"
	mount --bind "$work/override" "$devices/${vfs[-1]}/driver_override"
	run bind "${named[@]}"
	umount "$devices/${vfs[-1]}/driver_override"
	expect 1 "${vfs[-1]}: $driver does not take the function" || result=1
	count_is "$(with_driver $driver)" 0 'functions that are bound' || result=1
	count_is "$(find /run/mmrctl -name '*:*' | wc -l)" 0 'records' || result=1
	return $result
}

# On a terminal, which shows the progress
bound() {
	local status=0
	limited 900 script --quiet --return --command "$mmrctl bind ${named[*]}" "$work/terminal" \
		</dev/null >/dev/null 2>&1 || status=$?
	if ! count_is "$status" 0 'status of mmrctl bind' || ! count_is "$(with_driver $driver)" "$want" 'bound'; then
		tail -c 500 "$work/terminal" | sed 's/^/# /'
		return 1
	fi
	if ! grep -q "bind.* $((want / 2)) of $want" "$work/terminal" || ! grep -q "$want of $want" "$work/terminal"; then
		echo '# no progress was shown'
		return 1
	fi
}

processor_time() { # COMMAND...: leaves its output in $work/stdout
	local seconds TIMEFORMAT='%U %S'
	seconds=$({ time "$@" >"$work/stdout" 2>"$work/errors"; } 2>&1) || return 1
	echo "# $seconds s of user and system time: ${*:2:2}"
}

listed() {
	processor_time "$mmrctl" list &&
		count_is "$(grep -c " $driver  *-\$" "$work/stdout")" "$want" 'lines of mmrctl list'
}

shown() {
	processor_time "$mmrctl" show "${named[@]}" --json || return 1
	# Not those of a capability, which are deeper
	count_is "$(grep -c '^      "usable": true' "$work/stdout")" "$want" 'usable functions in mmrctl show'
}

metrics() {
	processor_time "$mmrctl" stats --prometheus || return 1
	tools/mmrctl/tests/prometheus <"$work/stdout" >"$work/samples" || return 1
	count_is "$(grep -c '^virtio_mmr_config_reads_total{.*} 0$' "$work/samples")" "$want" 'counters' &&
		count_is "$(grep -c "^virtio_mmr_function_info{.*$driver.*} 1\$" "$work/samples")" "$want" 'functions'
}

# All of them at once. Vectors end first; the functions without answer, and work by polling
opened() {
	local with refused intx
	limited 900 "$build/many_functions" open "${vfs[@]}" >"$work/opened" 2>&1 || {
		tail -n 5 "$work/opened" | sed 's/^/# /'
		return 1
	}
	read -r _ _ _ with _ refused _ intx <"$work/opened"
	echo "# $with functions have MSI-X, and $refused work without"
	count_is $((with + refused)) "$want" 'functions' && count_is "$intx" "$refused" 'functions with INTx' &&
		[[ $with -gt 0 ]] || return 1
	[[ $want -le 300 || $refused -gt 0 ]] || {
		echo '# the vectors of this host did not end: the test has not seen that'
		return 1
	}
}

# The nth guest's functions: half of the entropy type, from the end of the list
functions_of() { # N
	local i
	for ((i = 0; i < guest / 2; i++)); do
		echo "${net[$1 * guest / 2 + i]}" "${rng[$1 * guest / 2 + i]}"
	done
}

split_types() {
	local i
	net=() rng=()
	for i in "${!vfs[@]}"; do
		if [[ ${types[i]} == rng ]]; then rng+=("${vfs[i]}"); else net+=("${vfs[i]}"); fi
	done
	[[ $guests -le $((${#net[@]} * 2 / guest)) ]] || guests=$((${#net[@]} * 2 / guest))
}

# Many guests at once, each with eight functions of its own
used_at_once() {
	local i pids=() failed=0
	tools/vm/lock-waits begin || return 1
	for ((i = 0; i < guests; i++)); do
		# shellcheck disable=SC2046 # words
		limited 600 "$build/many_functions" work 20 $(functions_of "$i") >"$work/guest$i" 2>&1 &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		if ! wait "${pids[i]}"; then
			sed "s/^/# guest $i: /" "$work/guest$i"
			failed=1
		fi
	done
	tools/vm/lock-waits end '\[virtio_mmr' >"$work/waits" || failed=1
	echo "# $guests guests: $(cat "$work"/guest* | awk '/^rounds/ { sum += $2 } END { print sum }') rounds"
	return $failed
}

# Guests wait for locks of the kernel, and never for one that our driver takes. Threads that are
# about the same function do, which shows that such waits are seen
no_lock_is_shared() {
	local waits ours theirs
	read -r waits ours <"$work/waits" || return 1
	echo "# $waits waits for locks, $ours of them for locks of our modules"
	sed '1d; s/^/# /' "$work/waits" | head -n 60
	count_is "$ours" 0 'waits for locks of our modules' && [[ $waits -gt 0 ]] || return 1

	tools/vm/lock-waits begin || return 1
	limited 300 "$build/many_functions" crowd 2 "${rng[0]}" >"$work/crowd" 2>&1 || {
		sed 's/^/# /' "$work/crowd"
		return 1
	}
	tools/vm/lock-waits end '\[virtio_mmr' >"$work/waits" && read -r waits theirs <"$work/waits" || return 1
	echo "# with one function: $theirs of $waits waits"
	[[ $theirs -gt 0 ]]
}

eight_in_one() {
	# shellcheck disable=SC2046 # words
	limited 300 "$build/many_functions" work 3 $(functions_of 0) >"$work/eight" 2>&1 || {
		sed 's/^/# /' "$work/eight"
		return 1
	}
}

unbound() {
	run unbind "${named[@]}"
	expect 0 && count_is "$(with_driver $driver)" 0 'functions that are bound'
}

removed() {
	limited 600 tools/vm/vfs remove || return 1
	count_is "$(find "$devices"/*/ -maxdepth 1 -name physfn 2>/dev/null | wc -l)" 0 'VFs'
}

memory_is_back() {
	local slab kib leaks
	find "$work" -type f ! -name caches -delete
	settle
	slab=$(($(slab_bytes) - slab_before))
	kib=$((kib_before - $(available_kib)))
	echo "# left of $want functions: $slab bytes of slab objects, $kib KiB less available"
	report_growth "$work/caches"
	leaks=$(report_leaks "$work/caches")
	[[ -z $leaks ]] || echo "$leaks"
	[[ -z $leaks && $slab -le $((margin_slab + margin_slab_each * want)) &&
		$kib -le $((margin_kib + margin_kib_each * want)) ]]
}

ktap_print_header
ktap_set_plan 15
log_mark
find_pfs
name_pfs
modprobe -a virtio_pci virtio_net virtio_rng
tools/vm/vfs load $driver

# The first time, the kernel allocates things that it keeps
first_round() {
	local pf
	for pf in "${pfs[@]}"; do
		echo 1 >"$devices/$pf/sriov_numvfs" && echo 0 >"$devices/$pf/sriov_numvfs" || return 1
	done
}
ktap_test_result created_and_removed first_round
settle
slab_before=$(slab_bytes) kib_before=$(available_kib)
slab_caches >"$work/caches"

ktap_test_result created created
ktap_test_result all_or_none all_or_none
ktap_test_result bound bound
ktap_test_result listed listed
ktap_test_result shown shown
ktap_test_result metrics metrics
ktap_test_result opened opened
split_types
ktap_test_result eight_in_one eight_in_one
ktap_test_result used_at_once used_at_once
ktap_test_result no_lock_is_shared no_lock_is_shared
ktap_test_result unbound unbound
ktap_test_result removed removed
ktap_test_result memory_is_back memory_is_back
ktap_test_result log_clean log_clean
ktap_finished
