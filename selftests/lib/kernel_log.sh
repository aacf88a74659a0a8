# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The kernel log for tests in shell, with the same rules for a fault as in dmesg.c.

log_faults=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../tools/vm/kernel-log-faults

# dmesg_dma_stopped() logs a line before and after the DMA faults that it waits for
log_unexpected='/selftests: DMA faults are expected/,/selftests: that was the last one/{/DMAR:/d}'
# log_known_leaks() logs these lines around a report of kmemleak about a fault of Linux
log_unexpected+='; /selftests: leaks of the kernel are expected/,/selftests: no more leaks are expected/{/kmemleak:/d}'
# dmesg_expect_injections() logs these lines around failures that a test asks for, with stacks
log_unexpected+='; /selftests: failures are injected/,/selftests: no more failures are injected/{/Call Trace:/d}'

# Prints the first fault in a log on stdin, and succeeds if there is one. All of it is read: with
# pipefail, a writer whose reader is gone after the first fault makes a failure of the success.
log_fault() {
	local found
	found=$(sed "$log_unexpected" | grep -aE -f "$log_faults") || return 1
	echo "${found%%$'\n'*}"
}

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
	if fault=$(log_lines | log_fault); then
		echo "# kernel log: $fault"
		return 1
	fi
	taint=$(($(</proc/sys/kernel/tainted) & ~log_taint_start & ~log_taint_expected))
	if ((taint)); then
		echo "# the kernel got tainted: new bits $taint"
		return 1
	fi
}

# Has kmemleak, where there is one, report a leak in a function of the kernel now, and forget it.
# Prints all leaks if others are among them, and fails
log_known_leaks() { # FUNCTION
	local leaks=/sys/kernel/debug/kmemleak others
	[[ -e $leaks ]] || return 0
	echo '<4>selftests: leaks of the kernel are expected' >/dev/kmsg
	echo scan >$leaks
	# Memory must be some seconds old
	sleep 6
	echo scan >$leaks
	echo '<4>selftests: no more leaks are expected' >/dev/kmsg
	others=$(awk -v "known= $1+" '
		/^unreferenced/ { others += object && !found; object = 1; found = 0 }
		index($0, known) { found = 1 }
		END { print others + (object && !found) }' $leaks)
	if [[ $others != 0 ]]; then
		cat $leaks
		return 1
	fi
	echo clear >$leaks
}

# The driver logs a line for each bind, for as long as the module is loaded
log_debug() { # MODULE
	echo "module $1 +p" >/proc/dynamic_debug/control
}
