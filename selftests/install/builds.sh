#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the modules without a warning for kernels with other configurations than Debian's: by
# clang, for arm64, and in the kernel's tree, built in. Prints TAP.
set -euo pipefail

if [[ $# -eq 0 || $1 == --help ]]; then
	cat <<'END'
usage: selftests/install/builds.sh SERIES...   (tools/kernels prints those known)

Needs the packages in tools/archive/packages-builds. Kernels' sources and what "make
modules_prepare" makes of them stay in the cache, 0.5 GB for each kernel.
END
	exit 2
fi

# Name, ARCH, compiler and other arguments for make, how it is built
variants=(
	'clang, x86-64|x86_64|CC=clang-19|module'
	'clang, x86-64, built in|x86_64|CC=clang-19|built_in'
	'gcc, arm64|arm64|CROSS_COMPILE=aarch64-linux-gnu-|module'
	'clang, arm64|arm64|CC=clang-19 CROSS_COMPILE=aarch64-linux-gnu-|module'
)

# On top of the architecture's own default
options=(CONFIG_MODULES=y CONFIG_PCI=y CONFIG_PCI_IOV=y CONFIG_IOMMU_SUPPORT=y CONFIG_FTRACE=y)
declare -A more_options=(
	[module]='CONFIG_VFIO=m CONFIG_VFIO_PCI=m CONFIG_VFIO_PCI_CORE=m'
	[built_in]='CONFIG_VFIO=y CONFIG_VFIO_PCI=y CONFIG_VFIO_PCI_CORE=y CONFIG_VIRTIO_MMR_VFIO_PCI=y CONFIG_VIRTIO_MMR_PCI=y'
)

here=$(dirname "$(readlink -f "$0")")
repository=$(readlink -f "$here/../..")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/virtio-mmr/trees
mkdir -p "$cache" "$repository/build"
work=$(mktemp -d "$repository/build/builds.XXXXXX")
trap 'rm -rf "$work"' EXIT

mapfile -t modules < <(sed -nE 's/^([a-z_]+) .*/\1/p' "$repository/drivers/modules")
mapfile -t folders < <(sed -nE 's/^[a-z_]+ (.*)/\1/p' "$repository/drivers/modules")

# The modules in their places in the source, as options of bwrap, to "binds"
bind_folders() { # SOURCE
	local folder
	binds=()
	for folder in "${folders[@]}"; do
		binds+=(--ro-bind "$repository/$folder" "$1/$folder")
	done
}

# Runs make for the kernel itself, with the modules in its source
kernel_make() { # SOURCE TREE MAKE-ARGUMENT...
	local source=$1 tree=$2 binds
	shift 2
	bind_folders "$source"
	bwrap --dev-bind / / "${binds[@]}" \
		make -C "$source" "O=$tree" "$@"
}

# Makes a kernel build directory in the cache and sets "tree". It is built at its final place,
# because its files contain its path.
prepare() { # SOURCE HOW MAKE-ARGUMENT...
	local source=$1 how=$2 option key wanted
	shift 2
	read -ra wanted <<<"${options[*]} ${more_options[$how]}"
	# Debian's kernels do not enable it. The oldest one does not have it at all
	[[ ! -e $source/drivers/iommu/iommufd ]] || wanted+=(CONFIG_IOMMUFD=y)
	key=$({
		printf '%s\n' "$@" "${wanted[@]}"
		declare -f prepare kernel_make
		(cd "$repository" && cat "${folders[@]/%//Kconfig}")
		gcc --version
		clang-19 --version
		aarch64-linux-gnu-gcc --version
	} | sha256sum | cut -c 1-16)
	tree=$cache/$(basename "$source")-$key
	# errexit has no effect here, because the caller tests the result
	exec 7>"$tree.lock"
	flock 7
	[[ ! -e $tree/.complete ]] || return 0
	rm -rf "$tree"
	mkdir "$tree"
	kernel_make "$source" "$tree" "$@" defconfig || return 1
	printf '%s\n' "${wanted[@]}" >>"$tree/.config"
	kernel_make "$source" "$tree" "$@" olddefconfig || return 1
	for option in "${wanted[@]}"; do
		grep -qx "$option" "$tree/.config" || {
			echo "the kernel's configuration lacks $option"
			return 1
		}
	done
	kernel_make "$source" "$tree" -j "$(nproc)" "$@" modules_prepare || return 1
	touch "$tree/.complete"
}

build_module() { # TREE MAKE-ARGUMENT...
	local tree=$1 module
	shift
	# modpost does not know the symbols of a kernel that was not built
	make --no-print-directory -C "$repository" modules "KDIR=$tree" "OUT=$work/out" \
		KBUILD_MODPOST_WARN=1 "$@" || return 1
	for module in "${modules[@]}"; do
		[[ -s $work/out/$module.ko ]] || return 1
	done
}

build_built_in() { # SOURCE TREE MAKE-ARGUMENT...
	local source=$1 tree=$2 folder objects binds
	shift 2
	bind_folders "$source"
	cp -a "$tree" "$work/tree"
	bwrap --dev-bind / / --bind "$work/tree" "$tree" "${binds[@]}" \
		make -C "$source" "O=$tree" "$@" KCFLAGS="-Werror -I$repository/include/uapi" \
		"${folders[@]/%//}" || return 1
	# A folder that is left out has no objects
	for folder in "${folders[@]}"; do
		objects=$(ar t "$work/tree/$folder/built-in.a") || return 1
		[[ $objects == *.o* ]] || {
			echo "$folder/built-in.a has no objects"
			return 1
		}
	done
}

build() { # SERIES ARCH ARGUMENTS HOW
	local source tree arguments output status=0
	source=$("$repository/tools/archive/kernel-source" "$1") || return 1
	read -ra arguments <<<"$3"
	arguments+=("ARCH=$2")
	prepare "$source" "$4" "${arguments[@]}" || return 1
	rm -rf "$work/out" "$work/tree"
	arguments+=(W=1 KCFLAGS=-Werror VIRTIO_MMR_ANY_KERNEL=1)
	case $4 in
	module) output=$(build_module "$tree" "${arguments[@]}" 2>&1) || status=1 ;;
	built_in) output=$(build_built_in "$source" "$tree" "${arguments[@]}" 2>&1) || status=1 ;;
	esac
	printf '%s\n' "$output"
	# Warnings of modpost differ from those of the compiler
	! grep -E 'warning:|WARNING:' <<<"$output" |
		grep -vE 'modpost: .*(undefined!|unresolved symbol warnings)|Symbol version dump|Module.symvers is missing' ||
		status=1
	return "$status"
}

# shellcheck source=selftests/lib/ktap.sh
source "$here/../lib/ktap.sh"
ktap_print_header
ktap_set_plan $(($# * ${#variants[@]}))
for series; do
	for variant in "${variants[@]}"; do
		IFS='|' read -r name arch arguments how <<<"$variant"
		ktap_check "$name, Linux $series" build "$series" "$arch" "$arguments" "$how"
	done
done
ktap_finished
