# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The driver's counters of a function, for tests in shell

# It has no file before its first open, and has counted nothing
driver_counter() { # BDF NAME
	local folder=/sys/bus/pci/devices/$1 driver
	driver=$(readlink "$folder/driver" || :)
	if [[ ! -e $folder/virtio_mmr_counters && $driver == */virtio_mmr_vfio_pci ]]; then
		echo 0
	else
		sed -n "s/^$2 //p" "$folder/virtio_mmr_counters"
	fi
}
