#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian packages, and dkms without them, in a fresh Debian without network. The steps are
# those of an administrator over the years: the first installation, new kernels and versions,
# and removal. Nothing is left after that.
#
#	selftests/install/packages_test.sh [SUITE]     (bookworm or trixie; default bookworm)
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/../..")
module=virtio_mmr_vfio_pci native=virtio_mmr_pci
# All modules, each after those that it uses
mapfile -t modules < <(sed -nE 's/^([a-z_]+) .*/\1/p' "$repository/drivers/modules")

# --- Outside: builds packages, collects kernels --------------------------------

# The module sees only headers of these kernels. An image would need a boot loader
kernel_packages() { # SUITES SERIES: to the folder RELEASE; prints RELEASE
	local release version image headers other
	release=$("$repository/tools/archive/release" "$2")
	version=$("$repository/tools/archive/apt" "$1" apt-cache show "linux-headers-$release" |
		sed -n 's/^Version: //p' | head -n 1)
	image=image-$release
	mkdir -p "$image/DEBIAN" "$image/lib/modules/$release" "$image/boot" "$release"
	mapfile -t headers < <("$repository/tools/archive/apt" "$1" apt-cache depends "linux-headers-$release" |
		sed -n 's/^ *Depends: \(linux-headers-.*\)/\1/p')
	"$repository/tools/archive/fetch" "$1" "$release" "linux-headers-$release" "${headers[@]}" >/dev/null
	# One module, compressed like those of the kernel, because dkms copies that. Later
	# versions of dkms forget a kernel that has only their modules
	mkdir "$image/lib/modules/$release/kernel"
	other=$image/lib/modules/$release/kernel/other.ko
	cc -x c -c -o "$other" /dev/null
	dpkg-deb --fsys-tarfile "$release/linux-headers-${release}_"*.deb |
		tar -x -O --wildcards '*/.config' >"$image/boot/config-$release"
	! grep -q ^CONFIG_MODULE_COMPRESS_XZ=y "$image/boot/config-$release" || xz "$other"
	touch "$image/lib/modules/$release/modules."{builtin,order}
	/sbin/depmod -b "$image" "$release"
	cat >"$image/DEBIAN/control" <<END
Package: linux-image-$release
Version: $version
Architecture: amd64
Maintainer: nobody <nobody@example.org>
Description: a kernel with one module
END
	dpkg-deb --root-owner-group --build "$image" "$release" >/dev/null
	echo "$release"
}

# Packages that their headers need, except for headers and image
kernel_tools() { # SUITES RELEASE...
	local suites=$1
	shift
	"$repository/tools/archive/apt" "$suites" apt-cache depends "${@/#/linux-headers-}" |
		sed -n 's/^ *Depends: //p' | grep -vE '^linux-(headers|image)-' | sort -u
}

build_packages() { # DIR: of a tree, to the current folder
	if ! make --no-print-directory -C "$1" deb >build.log 2>&1; then
		cat build.log >&2
		return 1
	fi
	cp "$1"/build/deb/*.deb .
}

outside() {
	local suite=${1:-bookworm} suites series work later releases=() one tools
	case $suite in
	# Its 6.12 is in its security updates alone
	bookworm) suites=bookworm,bookworm-security ;;
	trixie) suites=trixie,trixie-backports ;;
	*)
		echo "usage: selftests/install/packages_test.sh [bookworm|trixie]" >&2
		exit 2
		;;
	esac
	# The older one comes first
	mapfile -t series < <("$repository/tools/kernels" "$suite" | sort -V)
	work=$(mktemp -d)
	# shellcheck disable=SC2064 # it is local
	trap "rm -rf '$work'" EXIT

	mkdir "$work/first" "$work/later" "$work/kernels" "$work/tree"
	later=$(sed -n '1s/.*(\(.*\)).*/\1+later/p' "$repository/debian/changelog")
	(
		cd "$work/first"
		build_packages "$repository"
		cd "$work/tree"
		tar -c -C "$repository" --exclude-vcs --exclude=./build --exclude=./results . | tar -x
		sed -i "1s/(.*)/($later)/" debian/changelog
		cd "$work/later"
		build_packages "$work/tree"
	)
	cd "$work/kernels"
	for one in "${series[@]}"; do
		releases+=("$(kernel_packages "$suites" "$one")")
	done
	mapfile -t tools < <(kernel_tools "$suites" "${releases[@]}")
	"$repository/tools/archive/chroot" "$suites" "dkms libjansson4 libkmod2 libpci3 lintian make man-db openssl ${tools[*]}" \
		"$repository $work ${KSELFTEST:-$("$here/../headers")}" \
		env KSELFTEST="${KSELFTEST:-$("$here/../headers")}" \
		"$here/packages_test.sh" --inside "$work" "$later" "${releases[@]}"
}

if [[ ${1-} != --inside ]]; then
	outside "$@"
	exit
fi

# --- Inside --------------------------------------------------------------------

install_log=''
work=$2 later=$3 old_kernel=$4 new_kernel=$5
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$repository/debian/changelog")

# shellcheck source=selftests/lib/ktap.sh
source "$here/../lib/ktap.sh"

# Behaves as a machine that runs that kernel
run_kernel() { # RELEASE
	[[ -e /usr/bin/uname.real ]] || mv /usr/bin/uname /usr/bin/uname.real
	# shellcheck disable=SC2016 # for the program
	printf '#!/bin/sh\n[ "$1" = -r ] && echo %s || exec /usr/bin/uname.real "$@"\n' "$1" >/usr/bin/uname
	chmod 755 /usr/bin/uname
}

install_kernel() { # RELEASE
	dpkg --install "$work/kernels/$1"/*.deb
}

# Makes kernels that the module cannot be built for
needed=CONFIG_VFIO_PCI_CORE=m$'\n'CONFIG_VIRTIO_PCI_LIB_LEGACY=m
make_kernel() { # RELEASE CONFIG: one that has headers
	mkdir -p "/lib/modules/$1/build/include"
	touch "/lib/modules/$1/modules.builtin" "/lib/modules/$1/modules.order"
	echo "$2" >"/lib/modules/$1/build/.config"
}
oldest=$("$repository/tools/kernels" oldest)
too_old=5.10.0-99-amd64 too_new=99.1.0-amd64 no_vfio=$oldest.0-97-amd64 no_virtio=$oldest.0-95-amd64 broken=$oldest.0-98-amd64
no_headers=$oldest.0-96-amd64

# Lists files, without the caches and logs that apt and dkms keep
files() {
	find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/cache \
		-o -path /var/lib/dpkg -o -path /var/lib/apt -o -path "$work" \
		-o -path /root -o -path /var/lib/dkms/mok.key -o -path /var/lib/dkms/mok.pub \) -prune \
		-o -path '/lib/modules/*/modules.*' -prune -o -path '/usr/lib/modules/*/modules.*' -prune \
		-o -print | sort
}

installed_module() { # RELEASE [MODULE]: prints the path
	local found
	found=$(find "/lib/modules/$1/updates" -name "${2-$module}.ko*" 2>/dev/null || true)
	[[ $(wc -l <<<"$found") == 1 && -n $found ]] || {
		echo "# ${2-$module} for $1: ${found:-none}" >&2
		return 1
	}
	echo "$found"
}

field() { # FIELD RELEASE [MODULE]
	modinfo -F "$1" "$(installed_module "${@:2}")"
}

has() { # WHAT TEXT
	grep -qF -- "$1" <<<"$2" && return
	echo "# want '$1' in:"
	echo "# ${2//$'\n'/$'\n'# }"
	return 1
}

is() { # WHAT WANTED ACTUAL
	[[ $2 == "$3" ]] && return
	echo "# $1: want '$2', have '$3'"
	return 1
}

# The alias that only a driver_override asks for
found_by_alias() { # RELEASE
	is 'module of the alias' $module \
		"$(modprobe -S "$1" -R vfio_pci:v00001AF4d000010F9sv00001AF4sd00000001bc02sc00i00)"
}

# Checks that the kernel has the modules, with the right contents
module_is() { # VERSION RELEASE
	local aliases one
	for one in "${modules[@]}"; do
		installed_module "$2" "$one" >/dev/null || return 1
		is "version of $one" "$1" "$(field version "$2" "$one")" || return 1
		is "vermagic of $one" "$2" "$(field vermagic "$2" "$one" | cut -d ' ' -f 1)" || return 1
		is "intree of $one" '' "$(field intree "$2" "$one")" || return 1
		is "signer of $one" 'DKMS module signing key' "$(field signer "$2" "$one")" || return 1
	done
	is 'dkms status' "virtio-mmr/$1, $2, x86_64: installed" "$(dkms status -m virtio-mmr -k "$2")" || return 1
	has vfio-pci-core "$(field depends "$2")" && has virtio_mmr "$(field depends "$2")" || return 1
	# Loading a driver loads the core
	for one in $module $native; do
		has "$(installed_module "$2" virtio_mmr)" "$(modprobe -S "$2" --show-depends "$one")" || return 1
	done
	aliases=$(field alias "$2" | sort)
	is aliases "$(printf 'vfio_pci:v00001AF4d000010%ssv*sd*bc*sc*i*\n' F9 FA FB FC FD FE FF)" "$aliases" || return 1
	is "aliases of $native" '' "$(field alias "$2" $native)" || return 1
	found_by_alias "$2" || return 1
	if modprobe -q -S "$2" -R pci:v00001AF4d000010F9sv00001AF4sd00000001bc02sc00i00 | grep virtio_mmr; then
		echo "# a PCI alias loads a module"
		return 1
	fi
}

no_module() { # RELEASE...
	local release found
	for release; do
		found=$(find "/lib/modules/$release/" -name 'virtio_mmr*')
		is "module for $release" '' "$found" || return 1
		found=$(grep -hs virtio_mmr "/lib/modules/$release/"modules.{dep,alias} || true)
		is "depmod for $release" '' "$found" || return 1
	done
}

nothing_left() {
	local left
	no_module "$old_kernel" "$new_kernel" || return 1
	is 'dkms status' '' "$(dkms status -m virtio-mmr)" || return 1
	left=$(files | diff - /root/files) && return
	echo "# ${left//$'\n'/$'\n'# }"
	return 1
}

# Runs a command. Its output is in $log for later checks
run() {
	local status=0
	log=$("$@" 2>&1) || status=$?
	[[ $status == 0 ]] && return
	echo "# ${log//$'\n'/$'\n'# }"
	echo "# $* ended with status $status"
	return 1
}

# The same as root with a restrictive umask. All users must still be able to read the files
run_with_umask() { # COMMAND...
	local status=0 odd
	umask 077
	run "$@" || status=1
	umask 022
	odd=$(find "/lib/modules/$old_kernel/" "/lib/modules/$new_kernel/" "/usr/src/virtio-mmr-$version" \
		! -type l ! -perm -444)
	is 'list of files that other users cannot read' '' "$odd" && return $status
}

# --- The tests -----------------------------------------------------------------

kernel_range() {
	local BUILD_EXCLUSIVE_KERNEL
	eval "$("$repository/tools/dkms/conf" 1 | grep ^BUILD_EXCLUSIVE_KERNEL=)"
	local oldest newest kernel major minor
	# shellcheck source=drivers/virtio_mmr/compat/kernel_range
	source "$repository/drivers/virtio_mmr/compat/kernel_range"
	oldest=$((10#${VIRTIO_MMR_OLDEST_KERNEL%.*} * 100 + 10#${VIRTIO_MMR_OLDEST_KERNEL#*.}))
	newest=$((10#${VIRTIO_MMR_NEWEST_KERNEL%.*} * 100 + 10#${VIRTIO_MMR_NEWEST_KERNEL#*.}))
	for major in {2..12} 60 61 70; do
		for minor in {0..99}; do
			for kernel in "$major.$minor.0-1-amd64" "$major.$minor" "$major.$minor-rc1"; do
				local want=0 have=0
				((major * 100 + minor < oldest || major * 100 + minor > newest)) || want=1
				[[ ! $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]] || have=1
				is "support for $kernel" $want $have || return 1
			done
		done
	done
}

first_install() {
	run apt-get install --yes "$work"/first/virtio-mmr-dkms_*.deb && module_is "$version" "$old_kernel" || return 1
	install_log=$log
}

unsupported_are_named() {
	local kernel
	for kernel in $too_old $too_new $no_vfio $no_virtio; do
		has "not built for $kernel, which it does not support" "$install_log" || return 1
	done
	has "not built for $no_headers, whose headers are not installed" "$install_log" || return 1
	no_module $too_old $too_new "$no_vfio" "$no_virtio" "$no_headers"
}

broken_kernel_is_no_obstacle() {
	has "dkms failed for $broken" "$install_log" &&
		is status 'install ok installed' "$(dpkg-query -W -f '${Status}' virtio-mmr-dkms)" &&
		no_module "$broken"
}

broken_running_kernel_is_an_obstacle() {
	local every_kernel=("/usr/src/virtio-mmr-$version/every-kernel" --others-may-fail "$version") status=0
	run_kernel "$broken"
	if run "${every_kernel[@]}" >/dev/null; then
		echo "# every-kernel succeeds, but the build for the running kernel fails"
		status=1
	fi
	run_kernel "$old_kernel"
	run "${every_kernel[@]}" && module_is "$version" "$old_kernel" && return $status
}

new_kernel() {
	run install_kernel "$new_kernel" && module_is "$version" "$new_kernel"
}

upgrade() {
	run_kernel "$new_kernel"
	run apt-get install --yes "$work"/later/virtio-mmr-dkms_*.deb || return 1
	module_is "$later" "$old_kernel" && module_is "$later" "$new_kernel" || return 1
	is 'versions in dkms' "virtio-mmr/$later" "$(dkms status -m virtio-mmr | cut -d , -f 1 | sort -u)" &&
		is '/usr/src' "/usr/src/virtio-mmr-$later" "$(echo /usr/src/virtio-mmr-*)"
}

# Runs make for a kernel as if it were running
make_for() { # RELEASE TARGET
	make --no-print-directory -C "$repository" KDIR="/lib/modules/$1/build" OUT="/tmp/$1" "$2"
}

make_install_refuses() {
	run make_for "$old_kernel" modules || return 1
	if run make_for "$old_kernel" install >/dev/null; then
		echo "# make install has added a second module to that of dkms"
		return 1
	fi
	has "$(installed_module "$old_kernel")" "$log" && has 'apt-get remove virtio-mmr-dkms' "$log" &&
		module_is "$later" "$old_kernel"
}

dkms_make_refuses() {
	local output
	if output=$(make -C "$repository" dkms-remove 2>&1); then
		echo "# make dkms-remove has removed the package's files"
		return 1
	fi
	has 'apt-get remove virtio-mmr-dkms' "$output" && module_is "$later" "$old_kernel"
}

remove() {
	run apt-get purge --yes virtio-mmr-dkms && nothing_left
}

installed_by_make() { # RELEASE
	local one
	found_by_alias "$1" || return 1
	for one in "${modules[@]}"; do
		cmp "/tmp/$1/$one.ko" "$(installed_module "$1" "$one")" || return 1
	done
}

make_install() {
	run make_for "$old_kernel" install && installed_by_make "$old_kernel"
}

# The installed module stays, and is the only one. This also holds without headers, because dkms
# would fail when they come. Versions without a core leave the driver alone. An accident may
# leave the core alone.
package_over_make_install() {
	local kernel by_hand paths one
	install -D "/tmp/$old_kernel/$module.ko" "/lib/modules/$too_old/updates/$module.ko"
	install -D "/tmp/$old_kernel/virtio_mmr.ko" "/lib/modules/$broken/updates/virtio_mmr.ko"
	mv "/lib/modules/$too_old/build" /root/
	run apt-get install --yes "$work"/first/virtio-mmr-dkms_*.deb || return 1
	mv /root/build "/lib/modules/$too_old/"
	module_is "$version" "$new_kernel" || return 1
	for kernel in $old_kernel $too_old $broken; do
		by_hand=()
		for one in "${modules[@]}"; do
			[[ ! -e /lib/modules/$kernel/updates/$one.ko ]] || by_hand+=("/lib/modules/$kernel/updates/$one.ko")
		done
		is "modules for $kernel" "$(printf '%s\n' "${by_hand[@]}" | LC_ALL=C sort | paste -s -d ' ')" \
			"$(find "/lib/modules/$kernel/" -name 'virtio_mmr*' | LC_ALL=C sort | paste -s -d ' ')" || return 1
		paths=${by_hand[*]}
		has "not installed for $kernel, which has ${paths// / and } (" "$log" || return 1
		for one in "${by_hand[@]}"; do
			cmp "/tmp/$old_kernel/${one##*/}" "$one" || return 1
		done
	done
	installed_by_make "$old_kernel" || return 1
	for kernel in $too_old $broken; do
		rm -r "/lib/modules/$kernel/updates"
	done
	# The command of the warning and the manual
	run make_for "$old_kernel" uninstall && run_with_umask dpkg-reconfigure virtio-mmr-dkms &&
		module_is "$version" "$old_kernel" && run apt-get purge --yes virtio-mmr-dkms && nothing_left
}

with_driver_alone() { # DKMS.CONF
	local number
	number=$(sed -nE "s/^BUILT_MODULE_NAME\[([0-9]+)\]=\"$module\"$/\1/p" "$1")
	sed -i -E "/^(BUILT|DEST)_MODULE_/{ /\[$number\]/!d; s/\[$number\]/[0]/ }" "$1"
}

# Whether that version was older or newer. The older one has the driver alone, as before there
# was a core
package_over_dkms_install() {
	local other
	for other in 0.0.1 99.0; do
		"$repository/tools/dkms/tree" $other /usr/src/virtio-mmr-$other
		[[ $other != 0.0.1 ]] || with_driver_alone /usr/src/virtio-mmr-$other/dkms.conf
		run dkms install -m virtio-mmr -v $other -k "$new_kernel" || return 1
		run apt-get install --yes "$work"/first/virtio-mmr-dkms_*.deb &&
			has "takes the place of $other" "$log" &&
			module_is "$version" "$old_kernel" && module_is "$version" "$new_kernel" &&
			run apt-get purge --yes virtio-mmr-dkms && nothing_left || return 1
	done
}

# The headers may have been removed before
make_uninstall() {
	run make_for "$old_kernel" install && installed_by_make "$old_kernel" || return 1
	mv "/lib/modules/$old_kernel/build" /root/
	run make_for "$old_kernel" uninstall || return 1
	mv /root/build "/lib/modules/$old_kernel/"
	nothing_left
}

# Another version that was there before is removed. That version has no core
dkms_install() {
	"$repository/tools/dkms/tree" 0.0.1 /usr/src/virtio-mmr-0.0.1
	with_driver_alone /usr/src/virtio-mmr-0.0.1/dkms.conf
	run dkms install -m virtio-mmr -v 0.0.1 -k "$new_kernel" || return 1
	mv "/lib/modules/$broken" /root/
	run_with_umask make -C "$repository" dkms-install || return 1
	module_is "$version" "$old_kernel" && module_is "$version" "$new_kernel" &&
		has "not built for $too_old, which it does not support" "$log" &&
		is '/usr/src' "/usr/src/virtio-mmr-$version" "$(echo /usr/src/virtio-mmr-*)"
}

dkms_install_says_what_failed() {
	mv "/root/$broken" /lib/modules/
	if run make -C "$repository" dkms-install >/dev/null; then
		echo "# make dkms-install succeeds where it cannot build"
		return 1
	fi
	has "not installed for $broken" "$log" && module_is "$version" "$new_kernel"
}

# Modules that only dkms can find are reported, and not silently forgotten
dkms_remove_without_dkms() {
	local output failed=0
	mv /usr/sbin/dkms /root/
	output=$(make -C "$repository" dkms-remove 2>&1) || failed=1
	mv /root/dkms /usr/sbin/
	is failed 1 $failed && has "/usr/src/virtio-mmr-$version" "$output" &&
		has 'apt-get install dkms' "$output" && module_is "$version" "$old_kernel"
}

# The same if its sources are missing
dkms_remove_without_sources() {
	rm -r "/usr/src/virtio-mmr-$version"
	run make -C "$repository" dkms-remove || return 1
	if [[ -e /var/lib/dkms/virtio-mmr ]] || installed_module "$new_kernel" 2>/dev/null; then
		echo "# make dkms-remove leaves a module whose sources are missing"
		return 1
	fi
	run make -C "$repository" dkms-install && module_is "$version" "$new_kernel"
}

# The same if /usr/sbin is not in the path, as after su
dkms_remove() {
	run env PATH=/usr/bin:/bin make -C "$repository" dkms-remove && nothing_left
}

# mmrctl starts, and has a manual and completion
tools_package() {
	run dpkg --install "$work"/first/virtio-mmr-tools_*.deb && run mmrctl --version &&
		has "$version" "$log" && run man --where mmrctl &&
		run bash -c 'source /usr/share/bash-completion/completions/mmrctl && complete -p mmrctl' &&
		run apt-get purge --yes virtio-mmr-tools && nothing_left
}

lint() {
	run lintian --fail-on error,warning "$work"/first/*.deb
}

ktap_print_header
tests=(kernel_range first_install unsupported_are_named broken_kernel_is_no_obstacle
	broken_running_kernel_is_an_obstacle new_kernel upgrade make_install_refuses dkms_make_refuses
	remove make_install package_over_make_install package_over_dkms_install make_uninstall dkms_install
	dkms_remove_without_sources dkms_install_says_what_failed dkms_remove_without_dkms dkms_remove
	tools_package lint)
ktap_set_plan ${#tests[@]}

{
	install_kernel "$old_kernel"
	install_kernel "$new_kernel"
	run_kernel "$old_kernel"
	make_kernel $too_old "$needed"
	make_kernel $too_new "$needed"
	make_kernel "$no_vfio" "${needed/CONFIG_VFIO_PCI_CORE=m/# CONFIG_VFIO_PCI_CORE is not set}"
	make_kernel "$no_virtio" CONFIG_VFIO_PCI_CORE=m
	make_kernel "$broken" "$needed"
	make_kernel "$no_headers" ''
	rm -r "/lib/modules/$no_headers/build"
} | sed 's/^/# /'
files >/root/files
# Not visible before this point
for package in "$work/kernels/$new_kernel"/*.deb; do
	dpkg-deb -f "$package" Package
done | xargs dpkg --purge >/dev/null
for test in "${tests[@]}"; do
	ktap_test_result "$test" "$test"
done
ktap_finished
