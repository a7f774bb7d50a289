#!/bin/sh
# coverage.sh BUILD PROGRAM...: lines covered by the unit programs and the
# integration tests (BUILD made with clang's coverage), a line a file.
set -u
build=$1
shift
here=$(dirname "$0")
rm -rf "$build/prof"
mkdir -p "$build/prof"
export LLVM_PROFILE_FILE="$PWD/$build/prof/%m-%p.profraw"
B=$build "$here/check.sh" "$@"
status=$?
llvm-profdata-14 merge -sparse -o "$build/all.profdata" \
	"$build"/prof/*.profraw || exit 1
objects=
for p in "$build/stoxd" "$@"; do
	objects="$objects -object $p"
done
# shellcheck disable=SC2086
llvm-cov-14 report -instr-profile="$build/all.profdata" ${objects# -object} \
	gateway sdp | awk '
	/\.[ch] / || /^TOTAL/ { printf "%-36s %5d lines %s\n", $1, $8, $10 }'
exit $status
