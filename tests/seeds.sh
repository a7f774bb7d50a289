#!/bin/sh
# seeds.sh BUILD NAME...: how much of its parser each fuzz target reaches from
# its seed corpus alone; under 90 % of the lines is a failure, and names the
# functions that miss most.  BUILD holds fuzz_NAME made with clang's coverage.
set -u
build=$1
shift
here=$(dirname "$0")
v=14 # Debian 12's LLVM, or Debian 13's
command -v llvm-cov-$v >/dev/null || v=19
passed=0 failed=0
# shellcheck source=tests/parsers.sh
. "$here/parsers.sh"

for n in "$@"; do
	files=$(parser "$n" | tr '\n' ' ')
	raw=$build/seed-$n.profraw
	LLVM_PROFILE_FILE=$raw "$build/fuzz_$n" -runs=0 \
		"$here/fuzz/corpus/$n" >"$build/seed-$n.log" 2>&1 || {
		echo "seeds $n: fails on its seeds, see $build/seed-$n.log"
		failed=$((failed + 1))
		continue
	}
	"llvm-profdata-$v" merge -sparse -o "$build/seed-$n.profdata" "$raw"
	# a line a function: name, lines, lines missed
	# shellcheck disable=SC2086
	"llvm-cov-$v" report -show-functions \
		-instr-profile="$build/seed-$n.profdata" \
		"$build/fuzz_$n" $files | awk -v only="$(only "$n")" \
		-v but="$(but "$n")" '
		BEGIN {
			chosen = split(only, w, " ")
			for (i in w) yes[w[i]] = 1
			split(but, w, " ")
			for (i in w) no[w[i]] = 1
		}
		NF == 10 && $4 ~ /%$/ && $1 != "TOTAL" {
			sub(/^.*:/, "", $1)
			if (!($1 in no) && (!chosen || $1 in yes))
				print $1, $5, $6
		}' >"$build/seed-$n.lines"
	pct=$(awk '{ n += $2; bad += $3 }
		END { printf "%.1f", n ? 100 * (n - bad) / n : 0 }' \
		"$build/seed-$n.lines")
	some=$(only "$n")
	echo "seeds $n: $pct % of the lines of ${some:+$some in }$files"
	if awk "BEGIN { exit !($pct >= 90) }"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		sort -k 3nr "$build/seed-$n.lines" | awk '$3 {
			printf "  %s: %d of %d lines missed\n", $1, $3, $2
		}' | head -6
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
