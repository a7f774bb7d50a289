#!/bin/sh
# fuzz.sh SECONDS DIR NAME...: runs DIR/fuzz_NAME for SECONDS each, two at a
# time, from tests/fuzz/corpus/NAME; any crash, leak, hang or 2 GB is a failure.
# Findings stay in DIR/found.
set -u
seconds=$1 dir=$2
shift 2
here=$(dirname "$0")
found=$dir/found
mkdir -p "$found"
passed=0 failed=0

one() { # one NAME: fuzzes it, leaves its exit status in DIR/NAME.status
	rm -rf "$dir/corpus/$1"
	mkdir -p "$dir/corpus/$1"
	seeds=$here/fuzz/corpus/$1
	[ -d "$seeds" ] || seeds=
	dict=$here/fuzz/$1.dict
	[ -f "$dict" ] && dict=-dict=$dict || dict=
	# shellcheck disable=SC2086
	"$dir/fuzz_$1" -max_total_time="$seconds" -rss_limit_mb=2048 \
		-timeout=10 -print_final_stats=1 $dict \
		-artifact_prefix="$found/$1-" "$dir/corpus/$1" $seeds \
		>"$dir/$1.log" 2>&1
	echo $? >"$dir/$1.status"
}

report() { # report NAME
	if [ "$(cat "$dir/$1.status" 2>/dev/null)" = 0 ]; then
		passed=$((passed + 1))
		echo "fuzz $1: $(awk '/number_of_executed_units/ { print $2 }' \
			"$dir/$1.log") runs"
	else
		failed=$((failed + 1))
		grep -E 'ERROR: |SUMMARY: |runtime error|Test unit written' \
			"$dir/$1.log" | head -8
		echo "FAILED fuzz $1, see $dir/$1.log"
	fi
}

while [ $# -gt 0 ]; do
	a=$1 b=${2-}
	shift
	one "$a" &
	if [ -n "$b" ]; then
		shift
		one "$b" &
	fi
	wait
	report "$a"
	[ -z "$b" ] || report "$b"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
