#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What README.md promises to a newcomer: a fresh Debian that has nothing but git and make, a
# fresh clone, and the commands there. Each is run by root, and by an ordinary user with sudo.
# Prints how long each took, and the disk that it left in use.
#
# Needs root, the network, and 12 GB in TMPDIR (default /var/tmp). The folder that QEMU_SOURCE
# names is there under the same path.
set -euo pipefail

usage() {
	cat >&2 <<'END'
usage: selftests/newcomer.sh RELEASE [WHO:TARGET...]

RELEASE is 12 or 13, of Debian. WHO is root or user, TARGET one of make; the default is
root:demo root:check user:demo. The system's files are removed at the end.
END
	exit 2
}

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/..")
[[ $# -ge 1 && $1 != -* ]] || usage
codename=$("$repository/tools/archive/debian" codename-of "$1") || exit 2
shift
[[ $# -gt 0 ]] || set -- root:demo root:check user:demo
for step; do
	[[ $step =~ ^(root|user):[a-z-]+$ ]] || usage
done

# shellcheck source=selftests/lib/ktap.sh
source "$here/lib/ktap.sh"

[[ $(id -u) == 0 ]] || {
	echo "selftests/newcomer.sh: needs root, to make the system and its users" >&2
	exit 1
}

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" newcomer.XXXXXX)
root=$work/root
logs=$repository/results/newcomer
mkdir -p "$logs"
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM

# The mirrors of this system, with the suites of the other release
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt's variables
sources=$(apt-get indextargets 'Created-By: Packages' 'Component: main' 'Origin: Debian' \
	--format 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) main' |
	sed -nE "s/ $own(-updates|-security)? main\$/ $codename\1 main/p" | sort -u)
[[ -n $sources ]] || {
	echo "selftests/newcomer.sh: apt names no mirror of Debian: run apt-get update first" >&2
	exit 1
}

# RAM and processes are those of this machine. All else is the new system's. Its folder becomes the
# root of all mounts: in a mere chroot, Linux lets nobody make a user namespace.
inside() { # COMMAND...
	local mounts=("$repository")
	[[ ! -d ${QEMU_SOURCE-} ]] || mounts+=("$(readlink -f "$QEMU_SOURCE")")
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --kill-child bash -euc '
		root=$1
		shift
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount -t sysfs sysfs "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/run"
		while [[ $1 != -- ]]; do
			mkdir -p "$root$1"
			mount --bind -o ro "$1" "$root$1"
			shift
		done
		shift
		mkdir -p "$root/old"
		cd "$root"
		pivot_root . old
		umount -l old
		rmdir old
		exec chroot . env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			TERM=dumb LANG=C.UTF-8 "$@"
	' bash "$root" "${mounts[@]}" -- "$@"
}

make_system() {
	local options
	mapfile -t options < <("$repository/tools/archive/mirror-options")
	mmdebstrap --quiet --variant=minbase --components=main \
		--include=git,make,sudo,ca-certificates,debian-archive-keyring "${options[@]}" \
		"$codename" "$root" - <<<"$sources" || return 1
	cp /etc/resolv.conf "$root/etc/"
	inside useradd --create-home --shell /bin/bash user &&
		echo 'user ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/user" &&
		# The repository belongs to somebody else
		inside git config --system --add safe.directory '*' &&
		inside runuser -l root -c "git clone -q '$repository' virtio-mmr" &&
		inside runuser -l user -c "git clone -q '$repository' virtio-mmr"
}

run_step() { # WHO TARGET
	local log=$logs/$codename-$1-$2.log started=$SECONDS before after status=0
	local variables="VIRTIO_MMR_TIMEOUT_SCALE=${VIRTIO_MMR_TIMEOUT_SCALE:-1}"
	[[ ! -d ${QEMU_SOURCE-} ]] || variables+=" QEMU_SOURCE='$(readlink -f "$QEMU_SOURCE")'"
	before=$(du -sxm "$root" | cut -f 1)
	inside runuser -l "$1" -c "cd virtio-mmr && $variables make $2" </dev/null >"$log" 2>&1 || status=$?
	after=$(du -sxm "$root" | cut -f 1)
	echo "# make $2: $((SECONDS - started)) s, $((after - before)) MB; log: results/newcomer/${log##*/}"
	# The machine's log may be between this message and the end
	[[ $status == 0 ]] || {
		grep 'was killed: not done after' "$log" || true
		tail -n 20 "$log"
	} | sed 's/^/# /'
	return "$status"
}

ktap_print_header
ktap_set_plan $(($# + 1))
ktap_check "a fresh Debian ($codename) with git and make" make_system
for step; do
	ktap_test_result "$step" run_step "${step%%:*}" "${step#*:}"
done
ktap_finished
