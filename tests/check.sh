#!/bin/sh
# check.sh PROGRAM...: runs unit test programs (Check) and the integration
# tests; prints what failed, a line a runner, and the total as its last line.
# B: the build directory whose daemon is tested.  NO_INTEGRATION=1: units only.
set -u
here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
: >"$tmp/sum"

for p in "$@"; do
	status=0
	"$p" >"$tmp/out" 2>&1 || status=$?
	# Check: "100%: Checks: N, Failures: F, Errors: E"
	line=$(awk -v status=$status '
	/^[0-9]+%: Checks: / {
		gsub(/[^0-9 ]/, " ")
		n += $2; bad += $3 + $4
	}
	END {
		if (status && !bad) { n++; bad = 1 }
		printf "%d passed, %d failed\n", n - bad, bad
	}' "$tmp/out")
	echo "$line" >>"$tmp/sum"
	case $line in
	*", 0 failed") ;;
	*)
		grep -E ':[FE]:|runtime error|ERROR: |SUMMARY: ' "$tmp/out" |
			sort -u | head -40
		grep -q '^[0-9]*%: Checks: ' "$tmp/out" ||
			echo "FAILED $p: ended with status $status"
		;;
	esac
	echo "unit $(basename "$p"): $line"
done

if [ -z "${NO_INTEGRATION-}" ]; then
	"$here/run" integration -j 6 >"$tmp/out" 2>&1
	grep -vE '^[0-9]+ passed, ' "$tmp/out"
	line=$(grep -E '^[0-9]+ passed, ' "$tmp/out" || echo "0 passed, 1 failed")
	echo "$line" >>"$tmp/sum"
	echo "integration: $line"
fi
"$here/total" "$tmp/sum"
