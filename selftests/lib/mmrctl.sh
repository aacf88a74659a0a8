# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# mmrctl for tests in shell: run it, and see what it has done. The script has set "mmrctl",
# "devices" and, before the first run, "work".

driver_of() { # BDF
	local link
	link=$(readlink "$devices/$1/driver" || echo none)
	echo "${link##*/}"
}

override_of() { # BDF
	cat "$devices/$1/driver_override"
}

# Succeeds if all of them have this driver and this driver_override
have() { # DRIVER OVERRIDE BDF...
	local want=$1 override=$2 bdf
	shift 2
	for bdf; do
		if [[ $(driver_of "$bdf") != "$want" || $(override_of "$bdf") != "$override" ]]; then
			echo "# $bdf: driver $(driver_of "$bdf"), driver_override $(override_of "$bdf");" \
				"want $want, $override"
			return 1
		fi
	done
}

# Runs mmrctl; its output and status are here for the next lines
output='' errors='' status=0
run() {
	status=0
	output=$("$mmrctl" "$@" 2>"$work/errors") || status=$?
	errors=$(<"$work/errors")
}

expect() { # STATUS [WORDS-ON-STDERR]
	if [[ $status != "$1" || $errors != *"${2-}"* ]]; then
		echo "# status $status, want $1 and ${2:-no words}"
		printf '%s\n' "$output" "$errors" | sed 's/^/# /'
		return 1
	fi
}

# Prints values from the JSON on stdin, a line for each path, such as functions.0.vf. One call
# reads many values, because Python starts slowly in an emulated machine.
values() { # PATH...
	python3 -c '
import json, sys
top = json.load(sys.stdin)
for path in sys.argv[1:]:
    value = top
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    print(value if isinstance(value, str) else json.dumps(value))' "$@"
}

# Runs mmrctl, and sends it a signal when it opens a file for the nth time
run_with_signal() { # SIGNAL FILE N ARGUMENT...
	local inject=openat:signal=$1:when=$3 file=$2
	shift 3
	status=0
	# The shell also reports the killed process
	{
		output=$(strace --output="$work/strace" --trace-path="$file" --trace=openat \
			--inject="$inject" "$mmrctl" "$@" 2>"$work/errors")
	} 2>/dev/null || status=$?
	errors=$(<"$work/errors")
}
