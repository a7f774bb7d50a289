#!/bin/sh
# coverage.sh BUILD PROGRAM...: lines covered by the unit programs and the
# integration tests (BUILD made with clang's coverage), a line a file.
set -u
build=$1
shift
here=$(dirname "$0")
v=14 # Debian 12's LLVM, or Debian 13's
command -v llvm-cov-$v >/dev/null || v=19
rm -rf "$build/prof"
mkdir -p "$build/prof"
export LLVM_PROFILE_FILE="$PWD/$build/prof/%m-%p.profraw"
B=$build "$here/check.sh" "$@"
status=$?
"llvm-profdata-$v" merge -sparse -o "$build/all.profdata" \
	"$build"/prof/*.profraw || exit 1
objects=
for p in "$build/stoxd" "$@"; do
	objects="$objects -object $p"
done
# shellcheck disable=SC2086
"llvm-cov-$v" report -instr-profile="$build/all.profdata" ${objects# -object} \
	gateway sdp | awk '
	/\.[ch] / || /^TOTAL/ { printf "%-36s %5d lines %s\n", $1, $8, $10 }'
exit $status
