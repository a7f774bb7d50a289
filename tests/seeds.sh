#!/bin/sh
# seeds.sh BUILD NAME...: how much of its parser each fuzz target reaches from
# its seed corpus alone; under 90 % of the lines is a failure.  BUILD holds
# fuzz_NAME made with clang's coverage.
set -u
build=$1
shift
here=$(dirname "$0")
passed=0 failed=0
for n in "$@"; do
	folder=${n%%_*}
	dir=gateway/$folder
	[ "$folder" = sdp ] && dir=sdp
	# the files of the parser: on the target's "covers:" line
	files=$(sed -n 's/.*covers: *//p' "$here/fuzz/$n.c" | tr -d '*/,' |
		tr ' ' '\n' | sed -n "s|^\(.*\.c\)\$|$dir/\1|p" |
		sed "s|$dir//*$dir|$dir|")
	raw=$build/seed-$n.profraw
	LLVM_PROFILE_FILE=$raw "$build/fuzz_$n" -runs=0 \
		"$here/fuzz/corpus/$n" >"$build/seed-$n.log" 2>&1
	llvm-profdata-14 merge -sparse -o "$build/seed-$n.profdata" "$raw"
	# shellcheck disable=SC2086
	pct=$(llvm-cov-14 report -instr-profile="$build/seed-$n.profdata" \
		"$build/fuzz_$n" ${files:-$dir} | awk '
		/^TOTAL/ { sub(/%/, "", $10); print $10 }')
	echo "seeds $n: ${pct:-0} % of the lines of ${files:-$dir}" |
		tr '\n' ' '
	echo
	if awk "BEGIN { exit !(${pct:-0} >= 90) }"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
