# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The test suites, a file for each in selftests/suites. README.rst there describes the
# variables. The script that reads this file runs in the repository's folder.

suites_folder=selftests/suites

suite_exists() { # NAME
	[[ $1 =~ ^[a-z0-9_]+$ && -f $suites_folder/$1 ]]
}

# Prints the variables that the suite's file sets, and defaults for the others. Needs a shell of
# its own
suite_read() { # NAME
	order=0 about='' targets=() where='' kernels=default
	prepare='' options=() options_from='' before='' use=vfs environment=() limit=1200
	lanes=() layouts=() abreast=1 programs=()
	# shellcheck source=/dev/null
	source "$suites_folder/$1" || return 1
	[[ $order =~ ^[1-9][0-9]*$ && $about && ${#targets[@]} != 0 && $where == @(here|vm) &&
		$kernels == @(default|oldest|all) && $use == @(vfs|pfs) && $abreast =~ ^[1-9]$ &&
		$limit =~ ^[1-9][0-9]{3}$ &&
		$((${#lanes[@]} + ${#layouts[@]} + ${#programs[@]})) != 0 ]] || return 1
	declare -p order about targets where kernels prepare options options_from before use \
		environment limit lanes layouts abreast programs | sed -E 's/^declare -[-a]+ //'
}

# Sets all of these variables, and no others
suite_load() { # NAME
	local text
	text=$(suite_read "$1") || {
		echo "$suites_folder/$1: something is missing or wrong, see README.rst there" >&2
		exit 1
	}
	eval "$text"
}

# Names in their order; with TARGET those that "make TARGET" runs
suite_names() { # [TARGET]
	local file
	for file in "$suites_folder"/*; do
		[[ $file != *.* ]] || continue
		suite_load "${file##*/}"
		[[ $# == 0 || " ${targets[*]} " == *" $1 "* ]] || continue
		echo "$order ${file##*/}"
	done | sort -n | cut -d ' ' -f 2
}

# The help text for the suites of "make check", or for the others
suite_help() { # check|others
	local name line whose
	while read -r name; do
		suite_load "$name"
		whose=others
		[[ " ${targets[*]} " != *' check '* ]] || whose=check
		[[ $whose == "$1" ]] || continue
		while read -r line; do
			printf '  %-9s %s\n' "$name" "$line"
			name=''
		done <<<"$about"
	done < <(suite_names)
}

# For the loaded suite: names of the TAP files that it must leave
suite_taps() {
	local line test prefix
	for line in "${lanes[@]}" "${layouts[@]}"; do
		[[ $line != -- ]] || continue
		prefix=''
		# NAME|TYPE|PROPERTIES|TESTS
		[[ $line != *'|'*'|'* ]] || prefix=${line%%|*}.
		for test in ${line##*|}; do
			test=${test%%[:~]*}
			echo "$prefix${test%.sh}"
		done
	done
	for line in "${programs[@]}"; do
		echo "${line%%|*}"
	done
}

# For the loaded suite: options for tools/vm/run, one a line
suite_options() {
	local line type properties
	if [[ $options_from ]]; then
		# shellcheck disable=SC2086 # words
		$options_from
	fi
	for line in "${layouts[@]}"; do
		IFS='|' read -r _ type properties _ <<<"$line"
		printf -- '--vf\n%s\n' "$type,$properties"
	done
	[[ ${#options[@]} == 0 ]] || printf '%s\n' "${options[@]}"
}

# Sets "command" to the words of a command in a suite's file. Some words stand for values of the
# caller: SERIES for the kernels, QEMU for that of --qemu, RESULTS/ for the machine's folder
suite_command() { # COMMAND
	local word words
	command=()
	read -ra words <<<"$1"
	for word in "${words[@]}"; do
		case $word in
		SERIES) command+=("${series[@]}") ;;
		QEMU) command+=("${qemu[@]:1}") ;;
		RESULTS/*) command+=("$VIRTIO_MMR_RESULTS/${word#*/}") ;;
		*) command+=("$word") ;;
		esac
	done
}
