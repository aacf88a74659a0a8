# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Functions for tools/vmm. Runs in L1. The script has set "tools".

vmm=$(readlink -f "$tools/../../build/mmrvmm")
# Of the first function of each type: its place, and the file of its disk
declare -A bdf_of file_of

# Creates functions, finds one of each TYPE, and gives them to DRIVER
light_functions() { # DRIVER TYPE...
	local driver=$1 bdf type file
	shift
	while read -r bdf type _ file; do
		[[ ${bdf_of[$type]-} ]] || bdf_of[$type]=$bdf file_of[$type]=$file
	done < <("$tools/vfs" create)
	modprobe kvm-amd
	for type; do
		[[ ${bdf_of[$type]-} ]] || skip_all "no $type function; $0 --devices prints what the machine needs"
		light_bind "$driver" "${bdf_of[$type]}"
	done
}

light_bind() { # DRIVER BDF...
	local driver=$1 bdf device
	shift
	if [[ $driver == vfio-pci ]]; then
		modprobe vfio-pci
	else
		"$tools/vfs" load "$driver"
	fi
	for bdf; do
		device=/sys/bus/pci/devices/$bdf
		[[ ! -e $device/driver ]] || echo "$bdf" >"$device/driver/unbind"
		echo "$driver" >"$device/driver_override"
		echo "$bdf" >/sys/bus/pci/drivers_probe
	done
}
