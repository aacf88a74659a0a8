# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion of mmrctl's command line for bash: verbs and options of "mmrctl --help", and the
# functions that "mmrctl list" shows. Goes to .../share/bash-completion/completions/mmrctl.

_mmrctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local verbs verb='' i words='' cur='' prev=''
	# The PATH of an ordinary user may lack its folder
	local PATH=$PATH:/usr/local/sbin:/usr/sbin

	COMPREPLY=()
	verbs=$(mmrctl --help 2>/dev/null | sed -n 's/^  \([a-z]\+\) .*/\1/p')
	# Addresses have colons, which the shell takes for the ends of words
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : cur prev
		word=$cur before=$prev
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		! grep -qxF -- "${COMP_WORDS[i]}" <<<"$verbs" || verb=${COMP_WORDS[i]}
	done

	case $before in
	--root | --sysfs)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--pf)
		# Addresses alone: compgen expands words, and a recording of another host may hold anything
		words=$(mmrctl list 2>/dev/null | awk 'NR > 1 && $2 ~ /^[0-9a-f:.]+$/ { print $2 }' | sort -u)
		;;
	*)
		if [[ $word == -* ]]; then
			words=$(mmrctl ${verb:+"$verb"} --help 2>/dev/null |
				sed -n '/^Options:/,$s/^  \(-., \)\?\(--[a-z]\+\).*/\2/p')
		elif [[ ! $verb ]]; then
			words=$verbs
		else
			words=$(mmrctl list 2>/dev/null | awk 'NR > 1 { print $1 }')
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	if [[ ${#COMPREPLY[@]} == 0 ]]; then
		# Addresses in domain 0 can do without it
		words=$(sed -n 's/^0000://p' <<<"$words")
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	fi
	! declare -F __ltrim_colon_completions >/dev/null || __ltrim_colon_completions "$word"
}

complete -F _mmrctl mmrctl
