# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A guest that executes port accesses on command (guest/ports.c), and what its notifications
# cost. Runs in L1; the script has set "tools" and "build".

ports_pid='' ports_in='' ports_out='' ports_gone=''
# What the guest last answered
answer=''

# Starts the guest with this QEMU, two CPUs and these further options. Its monitor is
# the socket $ports_socket, what it and QEMU complain about is in $ports_log.
ports_start() { # NAME QEMU OPTION...
	local work=/run/ports-$1 qemu=$2
	ports_log=$VIRTIO_MMR_RESULTS/ports-$1.log
	ports_socket=$work/monitor
	shift 2
	mkdir -p "$work"
	rm -f "$work"/*
	mkfifo "$work/serial.in" "$work/serial.out"
	"$qemu" -nodefaults -no-user-config -display none -L /usr/share/qemu \
		-M pc,usb=off,accel=kvm -cpu host,-xsave -smp 2 -m 16 \
		-bios "$build/guest/ports.bin" \
		-chardev "pipe,id=serial,path=$work/serial" -serial chardev:serial \
		-qmp "unix:$ports_socket,server=on,wait=off" \
		"$@" </dev/null >"$ports_log" 2>&1 &
	ports_pid=$! ports_gone=''
	# For reading and writing, as QEMU may be later
	exec {ports_in}<>"$work/serial.in" {ports_out}<>"$work/serial.out"
	# Behind whatever it has said
	{ tail -f --pid="$ports_pid" /dev/null; echo gone >&"$ports_out"; } &
	ports_answer
}

# Waits as long as QEMU lives: how long a command takes is for the caller to know, and on
# a busy machine it may well take minutes until QEMU's program has come to L1 and runs.
# (A read with a time limit can lose the character that comes as the time is up.)
ports_answer() {
	[[ ! $ports_gone ]] || return 1
	read -r answer <&"$ports_out"
	[[ $answer != *gone ]] || {
		ports_gone=yes
		echo "# no answer: QEMU is gone, and said: $(tail -n 3 "$ports_log" | tr '\n' ' ')"
		return 1
	}
}

# Its commands: see guest/ports.c
ports_ask() { # COMMAND
	echo "$*" >&"$ports_in"
	ports_answer
}

ports_monitor() { # QMP-COMMAND [ARGUMENTS]
	"$tools/qmp" --socket "$ports_socket" "$@"
}

ports_end() {
	ports_monitor quit >/dev/null || kill "$ports_pid" || true
	wait "$ports_pid" || true
	exec {ports_in}>&- {ports_out}>&-
	ports_pid=''
}

# Gives BAR0 of the function at SLOT the ports from PORT on, and I/O decoding
ports_place() { # SLOT PORT
	local config=$((0x80000000 | $1 << 11))
	ports_ask "C $(printf '%x 4 %x' $((config + 0x10)) "$2")" &&
		ports_ask "C $(printf '%x 2 1' $((config + 4)))"
}

# --- What L1's kernel saw -------------------------------------------------------

tracing=/sys/kernel/tracing

# Counts from now on: what QEMU writes to Queue Notify of an I/O BAR at 0 in a vfio
# device's file, ports that guests access, and exits of KVM to user space
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

# Reason 2 is KVM_EXIT_IO
trace_exits() {
	trace_hits kvm/kvm_userspace_exit 'reason: *2 '
}
