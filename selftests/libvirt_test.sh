#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# libvirt and MMR functions: the driver that it chooses for each form of a <hostdev>, and a
# legacy guest that it starts. The versions are libvirt 9.0 of Debian 12 and 11.3 of Debian 13.
# The host has unpacked them before. Each has a root of its own, with the QEMU of the same
# release:
#	selftests/libvirt_test.sh --prepare
#	mapfile -t devices < <(selftests/libvirt_test.sh --devices)
#	tools/vm/run "${devices[@]}" -- selftests/libvirt_test.sh
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
driver=virtio_mmr_vfio_pci
suites=(bookworm trixie)

trees=${XDG_CACHE_HOME:-$HOME/.cache}/virtio-mmr/libvirt
case ${1-} in
--devices)
	printf '%s\n' --vf net --mem 3072
	exit
	;;
--prepare)
	for suite in "${suites[@]}"; do
		"$repository/tools/archive/unpack" --suites "$suite" --all "$trees/$suite" \
			libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 seabios \
			ipxe-qemu base-files bash dash coreutils kmod
	done
	exit
	;;
esac

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"
# shellcheck source=selftests/lib/kernel_log.sh
source "$here/lib/kernel_log.sh"
need_machine "starts libvirt"
for suite in "${suites[@]}"; do
	[[ -e $trees/$suite ]] || skip_all "$trees/$suite is missing: selftests/libvirt_test.sh --prepare"
done

# --- libvirt in a root of its own ---------------------------------------------

root='' suite=''
in_root() {
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C "$@"
}

start_libvirt() { # SUITE
	local folder
	suite=$1
	root=/run/libvirt-$suite
	mkdir -p "$root" "$root".{upper,work}
	mount -t overlay -o "lowerdir=$trees/$suite,upperdir=$root.upper,workdir=$root.work" overlay "$root"
	for folder in dev sys proc; do
		mkdir -p "$root/$folder"
		mount --rbind "/$folder" "$root/$folder"
	done
	# The steps of the packages' own scripts
	rm -rf "$root/run" "$root/var/run"
	mkdir -p "$root/run" "$root/tmp" "$root/root" "$root/lib/modules" "$root/etc/libvirt" \
		"$root/var/lib/libvirt/qemu" "$root/var/log/libvirt/qemu" "$root/var/cache/libvirt/qemu"
	ln -s /run "$root/var/run"
	mount -t tmpfs run "$root/run"
	mount --bind /lib/modules "$root/lib/modules"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh libvirt-qemu:x:64055:64055::/:/bin/false \
		>"$root/etc/passwd"
	printf '%s\n' root:x:0: kvm:x:64054: libvirt-qemu:x:64055: libvirt:x:64056: >"$root/etc/group"
	cat >"$root/etc/libvirt/libvirtd.conf" <<-'END'
		auth_unix_rw = "none"
		auth_unix_ro = "none"
		host_uuid = "6d6d7200-0000-4000-8000-000000000001"
		log_filters = "1:util.pci 1:util.hostdev"
		log_outputs = "1:file:/run/libvirtd.log"
	END
	cat >"$root/etc/libvirt/qemu.conf" <<-'END'
		user = "root"
		group = "root"
		dynamic_ownership = 0
		remember_owner = 0
		security_driver = "none"
		namespaces = []
		cgroup_controllers = []
		stdio_handler = "file"
	END
	in_root libvirtd --daemon --pid-file /run/libvirtd.pid
	virsh version
}

stop_libvirt() {
	kill "$(<"$root/run/libvirtd.pid")"
	cp "$root/run/libvirtd.log" "$VIRTIO_MMR_RESULTS/libvirtd-$suite.log" || true
	cp "$root"/var/log/libvirt/qemu/*.log "$VIRTIO_MMR_RESULTS/" || true
}

virsh() {
	in_root virsh --connect qemu:///system "$@"
}

# --- Domains ------------------------------------------------------------------

domain() { # MANAGED [MODEL]: its XML
	local address model=''
	[[ -z ${2-} ]] || model="<driver model='$2'/>"
	[[ $bdf =~ ^(.*):(.*):(.*)\.(.*)$ ]]
	address="domain='0x${BASH_REMATCH[1]}' bus='0x${BASH_REMATCH[2]}'"
	address+=" slot='0x${BASH_REMATCH[3]}' function='0x${BASH_REMATCH[4]}'"
	cat <<END
<domain type='kvm'>
  <name>guest</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>/run/vmlinux</kernel>
    <initrd>/run/initrd</initrd>
    <cmdline>console=ttyS0,115200 panic=-1 oops=panic loglevel=5 no_timer_check tsc=nowatchdog mitigations=off virtio_pci.force_legacy=1</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <cpu mode='host-passthrough' check='none'><feature policy='disable' name='xsave'/></cpu>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='/run/console'/><target port='0'/></serial>
    <serial type='file'><source path='/run/output'/><target port='1'/></serial>
    <hostdev mode='subsystem' type='pci' managed='$1'>
      $model
      <source><address $address/></source>
      <rom enabled='no'/>
    </hostdev>
  </devices>
</domain>
END
}

driver_of_function() {
	local link
	link=$(readlink "/sys/bus/pci/devices/$bdf/driver" || echo none)
	echo "${link##*/}"
}

# Checks the driver of the function in a domain before it runs, and afterwards
takes() { # DRIVER AFTERWARDS MANAGED [MODEL]
	local status=0 during output
	domain "${@:3}" >"$root/run/guest.xml"
	if ! output=$(virsh create --paused /run/guest.xml 2>&1); then
		echo "# libvirt: ${output//$'\n'/ }"
		return 1
	fi
	during=$(driver_of_function)
	virsh destroy guest >/dev/null || status=1
	[[ $during == "$1" ]] || {
		echo "# driver in the domain: want $1, have $during"
		status=1
	}
	[[ $(driver_of_function) == "$2" ]] || {
		echo "# driver afterwards: want $2, have $(driver_of_function)"
		status=1
	}
	return "$status"
}

refuses() { # WORDS MANAGED [MODEL]
	local output
	domain "${@:2}" >"$root/run/guest.xml"
	if output=$(virsh create --paused /run/guest.xml 2>&1); then
		virsh destroy guest >/dev/null || true
		echo "# libvirt starts a domain that it must refuse"
		return 1
	fi
	[[ $output == *"$1"* ]] && return
	echo "# libvirt: ${output//$'\n'/ }"
	return 1
}

# A legacy guest on the function, from start to end
guest_works() { # MANAGED
	local output name status=0 end=$((SECONDS + 300 * VIRTIO_MMR_TIMEOUT_SCALE))
	domain "$1" >"$root/run/guest.xml"
	if ! output=$(virsh create /run/guest.xml 2>&1); then
		echo "# libvirt: ${output//$'\n'/ }"
		return 1
	fi
	while virsh domstate guest >/dev/null 2>&1; do
		if ((SECONDS > end)); then
			echo "# the guest does not end; its console: $(tail -n 5 "$root/run/console" | tr '\r\n' '  ')"
			virsh destroy guest >/dev/null || true
			status=1
		fi
		sleep 1
	done
	cp "$root/run/console" "$VIRTIO_MMR_RESULTS/guest-$suite.log"
	for name in legacy.0.{driver,ping,msix}; do
		grep -aqE "^pass $name.?$" "$root/run/output" || {
			echo "# the guest says: $(grep -a "$name" "$root/run/output" || echo "nothing about $name")"
			status=1
		}
	done
	return "$status"
}

# --- The tests ----------------------------------------------------------------

functions=$("$repository/tools/vm/vfs" create)
read -r bdf _ <<<"$functions"
bind() {
	"$repository/tools/vm/vfs" bind "$bdf"
}
unbind() {
	"$repository/tools/vm/vfs" unbind "$bdf"
}

# libvirt looks for the module where it is installed
kernel=$XDG_CACHE_HOME/virtio-mmr/kernels/$(uname -r)
make --no-print-directory install KERNEL="$(uname -r)" | sed 's/^/# /'
modprobe -a vfio-pci kvm-amd
initrd=$("$repository/tools/vm/initramfs" l2 "$kernel")
script=$(mktemp -d)
{
	echo '#!/bin/sh'
	cat "$here/guest/lib.sh" "$here/guest/layouts.sh"
} >"$script/script"
chmod 755 "$script/script"

boot_files() {
	(cd "$script" && echo script | cpio --quiet -o -H newc --owner=0:0 | cat "$initrd" -) >"$root/run/initrd"
	cp "$kernel/vmlinux" "$root/run/vmlinux"
}

ktap_print_header
ktap_set_plan 8
log_mark

start_libvirt bookworm 2>&1 | sed 's/^/# /'
root=/run/libvirt-bookworm suite=bookworm
boot_files
ktap_test_result bookworm.managed takes vfio-pci none yes
bind
# This version only knows vfio-pci
ktap_test_result bookworm.bound_before refuses 'must be manually detached from the host' no
unbind
stop_libvirt

start_libvirt trixie 2>&1 | sed 's/^/# /'
root=/run/libvirt-trixie suite=trixie
boot_files
ktap_test_result trixie.managed takes $driver none yes
ktap_test_result trixie.forced takes $driver none yes $driver
ktap_test_result trixie.opted_out takes vfio-pci none yes vfio-pci
ktap_test_result trixie.guest guest_works yes
bind
ktap_test_result trixie.bound_before takes $driver $driver no
unbind
stop_libvirt
ktap_test_result kernel_log log_clean
ktap_finished
