# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The kernel log for tests in shell, with the same idea of a fault as dmesg.c.

log_faults='WARNING:|BUG:|Oops|Call Trace|general protection fault|[UK]C?A?SAN:|INFO: task|self-detected stall|possible circular locking|sleeping function called|refcount_t:|nable to handle|stack-protector:|scheduling while atomic'

# Taint of an out-of-tree (bit 12) and an unsigned module (bit 13)
log_taint_expected=$((1 << 12 | 1 << 13))

log_mark() {
	log_start=$(dmesg | wc -l)
	log_taint_start=$(</proc/sys/kernel/tainted)
}

# Lines since the mark
log_lines() {
	dmesg | tail -n +$((log_start + 1))
}

# Succeeds if there is no fault since the mark, else prints it
log_clean() {
	local fault taint
	if fault=$(log_lines | grep -E -m 1 -- "$log_faults"); then
		echo "# kernel log: $fault"
		return 1
	fi
	taint=$(($(</proc/sys/kernel/tainted) & ~log_taint_start & ~log_taint_expected))
	if ((taint)); then
		echo "# the kernel got tainted: new bits $taint"
		return 1
	fi
}
