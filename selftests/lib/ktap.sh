# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# TAP for tests in shell: the kernel's helpers, and how to skip all of a test.

# shellcheck source=/dev/null
source "${KSELFTEST:-$("$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../headers")}/kselftest/ktap_helpers.sh"

# The kernel's takes a command's arguments apart at spaces
ktap_test_result() { # NAME COMMAND...: passes if COMMAND succeeds
	local name=$1
	shift
	if "$@"; then
		ktap_test_pass "$name"
	else
		ktap_test_fail "$name"
	fi
}

# Prints the command's output only if it fails, as comments
ktap_check() { # NAME COMMAND...: passes if COMMAND succeeds
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		ktap_test_pass "$name"
	else
		echo "# ${output//$'\n'/$'\n'# }"
		ktap_test_fail "$name"
	fi
}

skip_all() { # WHY
	ktap_print_header
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

need_machine() { # WHAT-FOR
	[[ -n ${VIRTIO_MMR_VM-} ]] ||
		skip_all "$*: selftests/vmtest.sh runs this in a virtual machine"
}
