# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The driver's counters of a function, for tests in shell

driver_counter() { # BDF NAME
	sed -n "s/^$2 //p" "/sys/bus/pci/devices/$1/virtio_mmr_counters"
}
