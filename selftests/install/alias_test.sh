#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The driver that a device manager chooses for a function. libvirt 10.0 and later, and similar
# tools, look into modules.alias for lines "alias vfio_pci:PATTERN MODULE". The pattern must fit
# the function's modalias. The line with the fewest asterisks wins. If several have the fewest,
# the first of them wins. This test does the same with depmod's output for Debian's kernels with
# these modules installed.
#
#	selftests/install/alias_test.sh SERIES...     (for which make has built)
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
driver=virtio_mmr_vfio_pci native=virtio_mmr_pci
# shellcheck source=selftests/lib/installation.sh
source "$here/../lib/installation.sh"

# The seven MMR device IDs and their classes. The others are modern, transitional and unused IDs
ours=(10f9:020000 10fa:010000 10fb:050000 10fc:078000 10fd:010000 10fe:00ff00 10ff:000200)
others=(1041:020000 1042:010000 1000:020000 1005:00ff00 10f8:020000 1100:020000)

modalias() { # DEVICE:CLASS
	local device=${1%:*} class=${1#*:}
	printf 'v00001AF4d0000%ssv00001AF4sd00000001bc%ssc%si%s\n' "${device^^}" "${class:0:2}" \
		"${class:2:2}" "${class:4:2}"
}

# Prints the module, or nothing
choose() { # MODULES-ALIAS MODALIAS
	local pattern module asterisks best='' fewest=''
	while read -r _ pattern module; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ vfio_pci:$2 == $pattern ]] || continue
		asterisks=${pattern//[^\*]/}
		[[ -z $fewest || ${#asterisks} -lt $fewest ]] || continue
		best=$module fewest=${#asterisks}
	done < <(grep '^alias vfio_pci:' "$1")
	# Modules are known by either spelling
	echo "${best//-/_}"
}

# Installs the kernel's modules and the project's modules
install_modules() { # SERIES: prints RELEASE
	local release kernel
	kernel=$("$repository/tools/vm/kernel" "$1")
	release=${kernel##*/}
	mkdir -p "$work/lib/modules/$release"
	cp -rs "$kernel/lib/modules/$release/." "$work/lib/modules/$release/"
	rm -f "$work/lib/modules/$release"/modules.{alias,dep,symbols,softdep,devname}*
	make_in_work "$1" install >&2
	/sbin/depmod -b "$work" "$release"
	echo "$release"
}

chosen_for() { # MODULES-ALIAS WANTED ID...
	local aliases=$1 wanted=$2 id chosen status=0
	shift 2
	for id; do
		chosen=$(choose "$aliases" "$(modalias "$id")")
		[[ $chosen == "$wanted" ]] || {
			echo "# for 1af4:${id%:*} the choice must be '$wanted', but is '$chosen'"
			status=1
		}
	done
	return "$status"
}

# kmod's own choice for a function: both this driver and vfio-pci, and never this driver alone
kmod_agrees() { # RELEASE
	local id found status=0
	for id in "${ours[@]}" "${others[@]}"; do
		found=$(/sbin/modprobe -q -d "$work" -S "$1" -R "vfio_pci:$(modalias "$id")" | sort | tr '\n' ' ')
		case " ${ours[*]} " in
		*" $id "*) [[ $found == "vfio_pci $driver " ]] ;;
		*) [[ $found == 'vfio_pci ' ]] ;;
		esac || {
			echo "# for 1af4:${id%:*} modprobe finds: $found"
			status=1
		}
		found=$(/sbin/modprobe -q -d "$work" -S "$1" -R "pci:$(modalias "$id")" || true)
		[[ $found != *virtio_mmr* ]] || {
			echo "# 1af4:${id%:*} loads a module without a driver_override"
			status=1
		}
	done
	return "$status"
}

dependencies() { # RELEASE
	local plan
	plan=$(/sbin/modprobe -d "$work" -S "$1" --show-depends $driver)
	[[ $plan == *vfio-pci-core.ko* && $plan == *"/updates/virtio_mmr.ko"* &&
		$(tail -n 1 <<<"$plan") == *"/updates/$driver.ko"* ]] || {
		echo "# modprobe would load: $plan"
		return 1
	}
	# The other driver uses the core as well, and nothing of VFIO
	plan=$(/sbin/modprobe -d "$work" -S "$1" --show-depends $native)
	[[ $plan != *vfio* && $plan == *"/updates/virtio_mmr.ko"* &&
		$(tail -n 1 <<<"$plan") == *"/updates/$native.ko"* ]] || {
		echo "# modprobe would load: $plan"
		return 1
	}
}

not_in_tree() { # RELEASE
	local module intree
	for module in "${modules[@]}"; do
		intree=$(/sbin/modinfo -F intree "$work/lib/modules/$1/updates/$module.ko")
		[[ -z $intree ]] || {
			echo "# $module has the field intree=$intree"
			return 1
		}
	done
}

releases=()
for series; do
	releases+=("$(install_modules "$series" 2>"$work/log")") || {
		cat "$work/log" >&2
		exit 1
	}
done

ktap_print_header
ktap_set_plan $((${#releases[@]} * 7))
for release in "${releases[@]}"; do
	aliases=$work/lib/modules/$release/modules.alias
	ktap_test_result "$release.ours" chosen_for "$aliases" $driver "${ours[@]}"
	ktap_test_result "$release.others" chosen_for "$aliases" vfio_pci "${others[@]}"
	ktap_test_result "$release.kmod_agrees" kmod_agrees "$release"
	ktap_test_result "$release.dependencies" dependencies "$release"
	ktap_test_result "$release.not_in_tree" not_in_tree "$release"

	# Debian builds none of the kernel's own drivers for virtio. These lines are depmod's
	# output for them, before and after the project's lines
	{
		echo 'alias vfio_pci:v00001AF4d00001041sv*sd*bc*sc*i* virtio_vfio_pci'
		cat "$aliases"
		echo 'alias vfio_pci:v00001AF4d00001042sv*sd*bc*sc*i* virtio_vfio_pci'
	} >"$work/beside"
	ktap_test_result "$release.ours_beside_virtio_vfio_pci" chosen_for "$work/beside" $driver "${ours[@]}"
	ktap_test_result "$release.virtio_vfio_pci_beside_ours" chosen_for "$work/beside" virtio_vfio_pci \
		1041:020000 1042:010000
done
ktap_finished
