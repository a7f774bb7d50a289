#!/bin/sh
# check.sh PROGRAM...: runs unit test programs (Check), four at a time, and the
# integration tests beside them, for most of either is waiting; prints what
# failed, a line a runner, and the total as its last line.  B: the build
# directory whose daemon is tested.  JOBS: integration cases at once.
# NO_INTEGRATION=1: units only.
set -u
here=$(dirname "$0")

one() { # one DIR PROGRAM: its output and summary into DIR
	out=$1/$(basename "$2")
	status=0
	"$2" >"$out.out" 2>&1 || status=$?
	# Check: "100%: Checks: N, Failures: F, Errors: E"
	line=$(awk -v status=$status '
	/^[0-9]+%: Checks: / {
		gsub(/[^0-9 ]/, " ")
		n += $2; bad += $3 + $4
	}
	END {
		if (status && !bad) { n++; bad = 1 }
		printf "%d passed, %d failed\n", n - bad, bad
	}' "$out.out")
	echo "$line" >"$out.sum"
	{
		case $line in
		*", 0 failed") ;;
		*)
			grep -E ':[FE]:|runtime error|ERROR: |SUMMARY: ' \
				"$out.out" | sort -u | head -40
			grep -q '^[0-9]*%: Checks: ' "$out.out" ||
				echo "FAILED $2: ended with status $status"
			;;
		esac
		echo "unit $(basename "$2"): $line"
	} >"$out.say"
	cat "$out.say"
}

if [ "${1-}" = --one ]; then
	one "$2" "$3"
	exit 0
fi

# Check's 4 s are no sign of a hang with all that beside.
export CK_DEFAULT_TIMEOUT="${CK_DEFAULT_TIMEOUT:-20}"
tmp=$(mktemp -d)
run=
trap 'test -z "$run" || kill $run 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
if [ -z "${NO_INTEGRATION-}" ]; then
	"$here/run" integration -j "${JOBS:-16}" >"$tmp/integration" 2>&1 &
	run=$!
fi
printf '%s\n' "$@" | xargs -r -n 1 -P 4 "$0" --one "$tmp"

if [ -n "$run" ]; then
	wait $run
	run=
	grep -vE '^[0-9]+ passed, ' "$tmp/integration"
	line=$(grep -E '^[0-9]+ passed, ' "$tmp/integration" ||
		echo "0 passed, 1 failed")
	echo "$line" >"$tmp/integration.sum"
	echo "integration: $line"
fi
cat "$tmp"/*.sum | "$here/total"
