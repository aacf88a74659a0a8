# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A guest that executes port accesses on command (guest/ports.c), and counts of its
# notifications. Runs in L1. The script has set "tools" and "build".

ports_pid='' ports_in='' ports_out='' ports_gone='' ports_watcher=''
# The guest's last answer
answer=''
# Type of the virtual machine
ports_machine=pc
# How many seconds may pass from one command to the next
ports_patience=$((240 * ${VIRTIO_MMR_TIMEOUT_SCALE:-1}))

# Starts the guest with this QEMU, two CPUs and these further options. Its monitor is the socket
# $ports_socket. Its error messages and QEMU's are in $ports_log.
ports_start() { # NAME QEMU OPTION...
	local work=/run/ports-$1 qemu=$2
	ports_last=$work/last
	ports_log=$VIRTIO_MMR_RESULTS/ports-$1.log
	ports_socket=$work/monitor
	shift 2
	mkdir -p "$work"
	rm -f "$work"/*
	echo start >"$ports_last"
	mkfifo "$work/serial.in" "$work/serial.out"
	"$qemu" -nodefaults -no-user-config -display none -L /usr/share/qemu \
		-M "$ports_machine,usb=off,accel=kvm" -cpu host,-xsave -smp 2 -m 16 \
		-bios "$build/guest/ports.bin" \
		-chardev "pipe,id=serial,path=$work/serial" -serial chardev:serial \
		-qmp "unix:$ports_socket,server=on,wait=off" \
		"$@" </dev/null >"$ports_log" 2>&1 &
	ports_pid=$! ports_gone=''
	# For reading and writing, as QEMU may be later
	exec {ports_in}<>"$work/serial.in" {ports_out}<>"$work/serial.out"
	# After all of its other output
	{ tail -f --pid="$ports_pid" /dev/null; echo gone >&"$ports_out"; } &
	ports_watch &
	ports_watcher=$!
	ports_answer
}

# Has QEMU ended well, and printed no message? QEMU 11.1 warns on every kernel whose vfio-pci has no
# dma-bufs.
ports_quiet() {
	[[ $ports_status == 0 ]] || {
		echo "# QEMU ended with status $ports_status"
		return 1
	}
	! grep -v 'warning: VFIO dma-buf not supported in kernel' "$ports_log" | sed 's/^/# /'
}

# Waits as long as QEMU lives. ports_watch ends QEMU if it hangs. On a busy machine it may take
# minutes until QEMU's program is in L1 and runs.
# (A read with a time limit can lose the character that comes as the time is up.)
ports_answer() {
	[[ ! $ports_gone ]] || return 1
	read -r answer <&"$ports_out"
	[[ $answer != *gone ]] || {
		ports_gone=yes
		echo "# no answer: QEMU has ended. Its last lines: $(tail -n 3 "$ports_log" | tr '\n' ' ')"
		return 1
	}
}

# Its commands: see guest/ports.c
ports_ask() { # COMMAND
	echo "$*" >"$ports_last"
	echo "$*" >&"$ports_in"
	ports_answer
}

ports_monitor() { # QMP-COMMAND [ARGUMENTS]
	"$tools/qmp" --socket "$ports_socket" "$@"
}

ports_end() {
	ports_monitor quit >/dev/null || kill "$ports_pid" || true
	ports_status=0
	wait "$ports_pid" || ports_status=$?
	kill "$ports_watcher" 2>/dev/null || true
	exec {ports_in}>&- {ports_out}>&-
	ports_pid=''
}

# Gives BAR0 of the function at SLOT the ports from PORT on, and I/O decoding
ports_place() { # SLOT PORT
	local config=$((0x80000000 | $1 << 11))
	ports_ask "C $(printf '%x 4 %x' $((config + 0x10)) "$2")" &&
		ports_ask "C $(printf '%x 2 1' $((config + 4)))"
}

# Prints Message Control's place, and BAR and offset of the table, of a function's MSI-X
ports_msix() { # BDF
	lspci -vv -s "$1" | sed -nE '/MSI-X:/ { s/.*\[(..)\].*/0x\1/; N; s/\n.*BAR=([0-9]) offset=([0-9a-f]+)/ \1 0x\2/p }'
}

# --- A guest that hangs -----------------------------------------------------------

# Runs in the background. A guest without further commands hangs, or the test does. This
# explains the state and ends the guest, so that the test fails and others can follow. A guest
# that still executes OUTs is only slow, and continues.
ports_watch() {
	local since=$SECONDS last=$ports_last.seen outs
	touch "$last"
	while sleep 5 && kill -0 "$ports_pid" 2>/dev/null; do
		if [[ $ports_last -nt $last ]]; then
			touch -r "$ports_last" "$last"
			since=$SECONDS
		fi
		[[ $((SECONDS - since)) -ge $ports_patience ]] || continue
		outs=$(trace_outs)
		ports_explain |& sed 's/^/# /' || true
		outs=$(($(trace_outs) - outs))
		if [[ $outs == 0 ]]; then
			echo "# the guest hangs and is killed"
			kill -KILL "$ports_pid"
			return
		fi
		echo "# the guest is slow: $outs OUTs meanwhile"
		since=$SECONDS
	done
}

# Prints the place of the guest's CPUs, the exits to KVM, the wait of all processes, and the
# arrivals. Each part has a time limit, because any of them can hang, too.
ports_explain() {
	local task bdf stats=/sys/kernel/debug/kvm
	echo "no command for $ports_patience s after: $(<"$ports_last")"
	# KVM's internal errors pause a guest, and QEMU reports the reason there
	echo "QEMU: $(ports_explain_monitor query-status | paste -sd ' '), and said: $(tail -n 3 "$ports_log" | tr '\n' ' ')"
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	for _ in 1 2; do
		ports_explain_monitor human-monitor-command '{"command-line": "info registers -a"}' |
			sed -n "s/^CPU#/guest's CPU /p; /^E[AI][XP]=/p"
		timeout 30 "$tools/qmp" human-monitor-command '{"command-line": "info registers -a"}' |
			tr -d '\r' | sed -n "s/^CPU#/L1's CPU /p; /^[ER]IP=/p"
		grep -H . "$stats/$ports_pid-"*/{exits,io_exits,halt_exits,halt_wakeup,irq_exits,irq_injections} |
			sed "s|$stats/||" | paste -sd ' '
		for bdf in $(tr '\0' '\n' <"/proc/$ports_pid/cmdline" | sed -n 's/.*,host=\([^,]*\).*/\1/p'); do
			echo "$bdf: $(timeout 30 "$build/device_counters" "$bdf" mmr-notifies mmr-strays) notifications, faulty ones"
		done
		sleep 2
	done
	ports_explain_monitor human-monitor-command '{"command-line": "info pic"}' | grep '^pic'
	# Kernel threads have no command line. They matter if they cannot be interrupted
	for task in /proc/[0-9]*/task/*; do
		[[ -n $(tr -d '\0' <"$task/cmdline") || $(<"$task/stat") == *') D '* ]] || continue
		echo "${task##*/} $(tr '\0' ' ' <"$task/cmdline" | cut -c -60) ($(<"$task/comm")):" \
			"$(sed -n 's/^State:\t//p' "$task/status"): $(sed 's/^\[<0>\] //; s/+0x.*//' "$task/stack" | paste -sd ' ')"
	done 2>/dev/null
}

ports_explain_monitor() { # QMP-COMMAND [ARGUMENTS]
	timeout 30 "$tools/qmp" --socket "$ports_socket" "$@" | tr -d '\r'
}

# --- What L1's kernel saw -------------------------------------------------------

tracing=/sys/kernel/tracing

# Counts from now on: QEMU's writes to Queue Notify of an I/O BAR at 0 in a vfio device's file,
# ports that guests access, and exits of KVM to user space
trace_start() {
	modprobe kvm-amd
	echo 'hist:keys=count if pos==16 && count==2' >$tracing/events/syscalls/sys_enter_pwrite64/trigger
	echo 'hist:keys=port if rw==1 && size==2' >$tracing/events/kvm/kvm_pio/trigger
	echo 'hist:keys=reason' >$tracing/events/kvm/kvm_userspace_exit/trigger
}

trace_hits() { # EVENT LINE-PATTERN
	awk -v "pattern=$2" '$0 ~ pattern { for (i = 1; i < NF; i++) if ($i == "hitcount:") sum += $(i + 1) }
		END { print sum + 0 }' "$tracing/events/$1/hist"
}

trace_writes() {
	trace_hits syscalls/sys_enter_pwrite64 hitcount
}

trace_port() { # PORT
	trace_hits kvm/kvm_pio "port: *$(($1)) "
}

# All of 16 bits
trace_outs() {
	trace_hits kvm/kvm_pio port:
}

# Reason 2 is KVM_EXIT_IO
trace_exits() {
	trace_hits kvm/kvm_userspace_exit 'reason: *2 '
}
