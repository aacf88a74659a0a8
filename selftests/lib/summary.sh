# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The result of a test program: counts the results in its TAP file, and prints the failures. The
# script that reads this file has set "repository", and "failures", a file that gets a line for
# each failure, with the reasons of a case below it.

passed=0 failed=0 skipped=0
shopt -s extglob

failure() { # NAME: WHY
	echo "FAILED $*" | cut -c -300 | tee -a "$failures"
	failed=$((failed + 1))
}

# The first lines of a program about one of its cases, without those that every case has. The end
# of a run repeats them: a fault may never come again.
reasons() { # FILE RESULT-LINE
	awk -v wanted="$2" '
		$0 == wanted {
			for (i = 1; i <= count && i <= 3; i++)
				print "    | " substr(lines[i], 1, 200)
			exit
		}
		/^(not )?ok [0-9]+ / {
			count = 0
			next
		}
		/^# / && !/^# +(RUN|FAIL|OK) / && !/: Test (failed|terminated by assertion)$/ {
			lines[++count] = $0
		}' "$1" >>"$failures"
}

# The places of the first failure and of the end: some 15 lines each
excerpt() { # FILE
	local total first
	total=$(wc -l <"$1")
	first=$(grep -anm 1 '^not ok ' "$1" | cut -d : -f 1) || true
	awk -v total="$total" -v first="${first:-0}" '
		(first && NR > first - 15 && NR <= first + 2) || NR > total - 15 {
			if (NR > last + 1)
				print "    ..."
			print "    | " substr($0, 1, 200)
			last = NR
		}' "$1"
}

# A missing file, one without cases, or one that ends before its plan is fulfilled, is a failure of
# its own.
summarize() { # FILE
	local file=$1 name short plan results expected status pattern p f s line before=$failed
	name=$(basename "$1" .tap)
	short=${file#"$repository"/}
	if [[ ! -s $file ]]; then
		failure "$name: no results; see $short"
		return
	fi
	# The machines have everything that the tests need
	if grep -q '^1\.\.0 # SKIP' "$file"; then
		failure "$name: skipped, $(sed -n 's/^1\.\.0 # SKIP //p' "$file")"
		return
	fi
	plan=$(sed -n 's/^1\.\.\([0-9]\+\)$/\1/p' "$file" | head -n 1)
	s=$(grep -cE '^ok [0-9]+ .*# SKIP' "$file" || true)
	p=$(grep -cE '^ok [0-9]+ ' "$file" || true)
	p=$((p - s))
	f=$(grep -cE '^not ok [0-9]+ ' "$file" || true)
	results=$((p + f + s))
	expected=$(sed -n 's/^# skips expected: //p' "$file")
	if [[ -n $expected && $s == "$expected" ]]; then
		p=$((p + s)) s=0
	elif [[ -n $expected ]]; then
		failure "$name: $s cases skipped, not $expected"
	fi
	passed=$((passed + p)) skipped=$((skipped + s))
	# A skipped case fails as well. A test's arguments leave out the cases for other
	# layouts.
	pattern='^not ok [0-9]+ '
	[[ $s == 0 ]] || pattern+='|^ok [0-9]+ .*# SKIP'
	while IFS= read -r line; do
		failure "$name: ${line#*ok +([0-9]) }"
		reasons "$file" "$line"
	done < <(grep -aE "$pattern" "$file")
	status=$(grep -a '^# exit status ' "$file" || tail -n 1 "$file")
	case $status in
	*' 124') status+=' (its time was up)' ;;
	*' 137') status+=' (killed)' ;;
	esac
	if [[ $results == 0 || $results != "${plan:-none}" || $status != '# exit status '* ]]; then
		failure "$name: $results results of ${plan:-no} planned, $status; see $short"
	elif [[ $f == 0 && $status != '# exit status 0' ]]; then
		failure "$name: all cases passed, but $status; see $short"
	fi
	[[ $failed == "$before" ]] || excerpt "$file"
}
