# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# TAP for tests in shell: the kernel's helpers, and how to skip all of a test. The
# script has set "here", the folder of selftests.

# shellcheck source=/dev/null
source "${KSELFTEST:-$("$here/headers")}/kselftest/ktap_helpers.sh"

skip_all() { # WHY
	ktap_print_header
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

need_machine() { # WHAT-FOR
	[[ -n ${VIRTIO_MMR_VM-} ]] ||
		skip_all "$*: selftests/vmtest.sh runs this in a virtual machine"
}
