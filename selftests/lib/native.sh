# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables for the scripts
#
# MMR functions as devices of the host, for tests in shell that run in L1. The script has set "here",
# "tools" and "build".

native_driver=virtio_mmr_pci
# The yardstick: the kernel's own driver, on the same devices with ordinary IDs
native_stock='virtio-pci'
sys_pci=/sys/bus/pci/devices
seconds=$((20 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}))

# All tests begin with it, after their options
native_start() {
	# shellcheck source=selftests/lib/ktap.sh
	source "$here/lib/ktap.sh"
	# shellcheck source=selftests/lib/kernel_log.sh
	source "$here/lib/kernel_log.sh"
	need_machine "uses emulated functions as devices of the host"
	native_load || {
		echo "# cannot load $native_driver: 'make modules KERNEL=$(uname -r)'"
		exit "$KSFT_FAIL"
	}
}

# --- cases ---------------------------------------------------------------------------

native_cases=0
native_limit=$((240 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}))
native_work=$(mktemp -d)
# A child that is killed before it is another program has this trap as well
trap '[[ $BASHPID != $$ ]] || rm -rf "$native_work"' EXIT

# Passes if all steps succeed and meanwhile the kernel has logged no fault, such as one of DMA, and
# QEMU has not complained, as it does about rings that make no sense.
# The command has a shell of its own, so it cannot set variables. NATIVE_CASES has the names of cases,
# with spaces between, if others are left out.
native_check() { # NAME COMMAND...
	local name=$1 pid timer ended status=0 start=$EPOCHREALTIME complaints
	[[ ! ${NATIVE_CASES-} || " $NATIVE_CASES " == *" $name "* ]] || return 0
	shift
	log_mark
	complaints=$(stat -c %s "$VIRTIO_MMR_RESULTS/qemu.log")
	(
		set -e
		"$@"
	) >"$native_work/output" 2>&1 &
	pid=$!
	sleep $native_limit &
	timer=$!
	wait -n -p ended "$pid" "$timer" || status=$?
	if [[ $ended == "$timer" ]]; then
		native_hangs
		status=1
	fi
	kill "$timer" 2>/dev/null || true
	wait "$timer" 2>/dev/null || true
	log_clean >>"$native_work/output" || status=1
	if [[ $(stat -c %s "$VIRTIO_MMR_RESULTS/qemu.log") != "$complaints" ]]; then
		tail -c +$((complaints + 1)) "$VIRTIO_MMR_RESULTS/qemu.log" | sed 's/^/QEMU: /' >>"$native_work/output"
		native_broken >>"$native_work/output"
		status=1
	fi
	native_cases=$((native_cases + 1))
	[[ -z ${NATIVE_TIMES-} ]] || echo "# $(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms"
	if [[ $status == 0 ]]; then
		ktap_test_pass "$name"
	else
		sed 's/^/# /' "$native_work/output"
		log_lines | tail -n 12 | sed 's/^/# log: /'
		ktap_test_fail "$name"
	fi
	if [[ $ended == "$timer" ]]; then
		echo "Bail out! $name hangs"
		exit 1
	fi
}

# What has not ended waits for what?
native_hangs() {
	local task
	for task in /proc/[0-9]*; do
		[[ $(<"$task/stat") == *') D '* ]] || continue
		echo "${task##*/} $(tr '\0' ' ' <"$task/cmdline") ($(<"$task/comm")):" \
			"$(sed 's/^\[<0>\] //; s/+0x.*//' "$task/stack" | paste -sd ' ')"
	done 2>/dev/null >>"$native_work/output"
	pstree -p $$ >>"$native_work/output" 2>/dev/null || ps ax >>"$native_work/output"
}

# QEMU's complaints do not say which device it has given up
native_broken() {
	local path
	for path in $(qmp x-query-virtio | grep -o '"path": "[^"]*"' | cut -d '"' -f 4); do
		[[ $(qmp x-query-virtio-status "{\"path\": \"$path\"}") != *'"broken": true'* ]] ||
			echo "QEMU has given up $path"
	done
}

# The plan comes last, as the number of cases depends on the arguments
native_finish() {
	ktap_set_plan $native_cases
	ktap_finished
}

say() { # WORDS...: why a step fails
	echo "$*"
	return 1
}

# Waits until the command succeeds
within() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[[ $SECONDS -lt $end ]] || return 1
		sleep 0.1
	done
}

same() { # WHAT VALUE EXPECTED
	[[ $2 == "$3" ]] || say "$1 is '$2', not '$3'"
}

# --- QEMU's monitor --------------------------------------------------------------------

# Prints the reply of a command. Python would take its time
qmp() { # COMMAND [ARGUMENTS]
	local port lock line id=$BASHPID.$RANDOM
	exec {lock}>/run/lock/qmp
	flock "$lock"
	exec {port}<>/dev/virtio-ports/qmp
	printf '{"execute": "qmp_capabilities", "id": "0"}\n{"execute": "%s", "arguments": %s, "id": "%s"}\n' \
		"$1" "${2:-{\}}" "$id" >&"$port"
	while read -r -t 60 line <&"$port" && [[ $line != *"\"id\": \"$id\""* ]]; do
		:
	done
	exec {port}>&- {lock}>&-
	[[ $line == '{"return": '* ]] || say "QEMU refuses $1 ${2-}: $line" >&2 || return 1
	line=${line#*\"return\": }
	line=${line%, \"id\"*}
	line=${line#\"}
	echo "${line%\"}"
}

qmp_get() { # QEMU-ID PROPERTY
	qmp qom-get "{\"path\": \"/machine/peripheral/$1\", \"property\": \"$2\"}"
}

qmp_set() { # QEMU-ID PROPERTY VALUE
	qmp qom-set "{\"path\": \"/machine/peripheral/$1\", \"property\": \"$2\", \"value\": $3}" >/dev/null
}

# --- functions ---------------------------------------------------------------------------

declare -A native_bdf=() native_file=() native_type=()
# By QEMU id without "vf-": net0 is the first VF of the first net PF, net0.1 the second one
native_find() {
	local bdf type id file name
	while read -r bdf type id file; do
		name=${id#vf-}
		name=${name/-/.}
		name=${name%.0}
		native_bdf[$name]=$bdf native_type[$name]=$type native_file[$name]=$file
	done
}

# Creates all VFs, those of all PFs at once, and finds them
native_create() {
	local pf pids=() pid
	for pf in "$sys_pci"/*/sriov_numvfs; do
		pf=${pf%/*}
		[[ $(<"$pf/sriov_numvfs") != 0 ]] || { cat "$pf/sriov_totalvfs" >"$pf/sriov_numvfs" || true; } &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	native_find < <("$tools/vfs" create)
}

native_load() {
	local folder name
	modprobe -a virtio_net virtio_blk virtio_scsi sd_mod virtio-rng 9pnet_virtio virtio_balloon ext4 2>/dev/null || true
	modprobe -q virtio_console || true
	[[ $native_driver != "$native_stock" && ! -e /sys/module/virtio_mmr_pci ]] || return 0
	folder=${VIRTIO_MMR_NATIVE_MODULES:-$here/../build/$(uname -r)}
	for name in virtio_mmr virtio_mmr_pci; do
		[[ -e /sys/module/$name ]] || insmod "$folder/$name.ko" || return 1
	done
}

# For functions that are bound from now on
native_legacy() { # Y|N
	[[ $native_driver == "$native_stock" ]] || echo "$1" >/sys/module/virtio_mmr_pci/parameters/legacy
}

driver_of() { # BDF
	local link
	link=$(readlink "$sys_pci/$1/driver") || link=none
	echo "${link##*/}"
}

native_unbind() { # BDF...
	local bdf
	for bdf; do
		[[ ! -e $sys_pci/$bdf/driver ]] || echo "$bdf" >"$sys_pci/$bdf/driver/unbind"
		echo >"$sys_pci/$bdf/driver_override"
	done
}

native_bind_to() { # DRIVER BDF...
	local driver=$1 bdf
	shift
	for bdf; do
		native_unbind "$bdf"
		echo "$driver" >"$sys_pci/$bdf/driver_override"
		echo "$bdf" >/sys/bus/pci/drivers_probe 2>/dev/null || true
		same "driver of $bdf" "$(driver_of "$bdf")" "$driver"
	done
}

native_bind() { # BDF...
	native_bind_to "$native_driver" "$@"
}

random_sources() {
	tr ' ' '\n' </sys/class/misc/hw_random/rng_available | sort
}

# The kernel may have other sources of random numbers: an entropy function's becomes the one in use
native_bind_random() { # BDF
	local sources source current=/sys/class/misc/hw_random/rng_current
	native_unbind "$1"
	sources=$(random_sources)
	native_bind "$1"
	source=$(random_sources | comm -13 <(echo "$sources") -)
	[[ $source == virtio_rng.* ]] || say "new sources: '$source'"
	echo "$source" >$current
	same "the source" "$(<$current)" "$source"
}

# The function's virtio device, such as virtio5
virtio_of() { # BDF
	local virtio
	for virtio in "$sys_pci/$1"/virtio[0-9]*; do
		[[ -e $virtio ]] || return 1
		echo "${virtio##*/}"
	done
}

# The virtio driver that it has, such as virtio_net
virtio_driver() { # BDF
	local link
	link=$(readlink "$sys_pci/$1"/virtio[0-9]*/driver) || link=none
	echo "${link##*/}"
}

feature() { # BDF BIT: prints 0 or 1
	local features
	features=$(<"$(echo "$sys_pci/$1"/virtio[0-9]*/features)")
	echo "${features:$2:1}"
}

interface_of() { # BDF of a net function
	local path
	for path in "$sys_pci/$1"/virtio[0-9]*/net/*; do
		[[ -e $path ]] || return 1
		echo "${path##*/}"
	done
}

disk_of() { # BDF of a blk or scsi function: prints its node
	local path
	for path in "$sys_pci/$1"/virtio[0-9]*/{block,host*/target*/*/block}/*; do
		[[ -e $path ]] || continue
		echo "/dev/${path##*/}"
		return
	done
	return 1
}

# The vendor capability of a type, by its number among them
virtio_capability() { # BDF TYPE: two hexadecimal digits
	local number=0 type
	while type=$(setpci -s "$1" "CAP09+3.b@$number" 2>/dev/null); do
		if [[ $type == "$2" ]]; then
			echo "$number"
			return
		fi
		number=$((number + 1))
	done
	say "$1 has no structure of type $2" >&2
}

# The BAR and the offset, both hexadecimal, of a structure of the function
structure_of() { # BDF TYPE
	local number
	number=$(virtio_capability "$@") || return 1
	setpci -s "$1" "CAP09+4.b@$number" "CAP09+8.l@$number" | paste -sd ' '
}

# Where the host reads a register: its physical address
bar_at() { # BDF BAR OFFSET
	local start
	start=$(sed -n "$(($2 + 1))s/ .*//p" "$sys_pci/$1/resource")
	printf '0x%x\n' $((start + $3))
}

register_at() { # BDF TYPE OFFSET: in a structure
	local bar offset
	read -r bar offset <<<"$(structure_of "$1" "$2")"
	bar_at "$1" "0x$bar" $((0x$offset + $3))
}

# Writes a byte of the common configuration, by way of the function's configuration space
common_write() { # BDF OFFSET VALUE
	local number bar window
	read -r bar window <<<"$(structure_of "$1" 01)"
	number=$(virtio_capability "$1" 05) || return 1
	setpci -s "$1" "CAP09+4.b@$number=$bar" "CAP09+8.l@$number=$(printf %x $((0x$window + $2)))" \
		"CAP09+c.l@$number=1" "CAP09+10.b@$number=$(printf %x "$3")"
}

masters() { # BDF: prints 0 or 1
	echo $((0x$(setpci -s "$1" COMMAND) >> 2 & 1))
}

# --- interrupts ----------------------------------------------------------------------------

# Names of the function's vectors, without those of other functions: "config input.0 ...", with
# "all" for a single one
vectors_of() { # BDF
	local virtio
	virtio=$(virtio_of "$1") || return 1
	awk -v "virtio=$virtio" '
		$NF == virtio { print "all" }
		index($NF, virtio "-") == 1 { print substr($NF, length(virtio) + 2) }' /proc/interrupts |
		paste -sd ' '
}

# How often this vector has fired
fired() { # BDF VECTOR
	local name
	name=$(virtio_of "$1") || return 1
	[[ $2 == all ]] || name+=-$2
	awk -v "name=$name" '
		$NF == name {
			for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++)
				sum += $i
		}
		END { print sum + 0 }' /proc/interrupts
}

# The vector that a queue, or "config", has
vector_for() { # BDF NAME
	local vectors
	vectors=" $(vectors_of "$1") "
	case $vectors in
	*" $2 "*) echo "$2" ;;
	*' virtqueues '*) [[ $2 != config ]] && echo virtqueues ;;
	*' all '*) echo all ;;
	*) return 1 ;;
	esac
}

# --- counters of the emulated device ---------------------------------------------------------

# shellcheck disable=SC2154 # set by the script
counters() { # BDF: reads writes notifies doorbells strays resets early offline refusals
	"$build/device_counters" "$1" mmr-reads mmr-writes mmr-notifies mmr-doorbells mmr-strays \
		mmr-resets mmr-early mmr-offline mmr-refusals
}

# Names in "delta_NAME" what was counted since BEFORE
count_since() { # BDF BEFORE
	local now before i names=(reads writes notifies doorbells strays resets early offline refusals)
	read -ra before <<<"$2"
	read -ra now < <(counters "$1")
	for i in "${!names[@]}"; do
		printf -v "delta_${names[i]}" %u $((now[i] - before[i]))
	done
}
