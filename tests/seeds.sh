#!/bin/sh
# seeds.sh BUILD NAME...: how much of its parser each fuzz target reaches from
# its seed corpus alone; under 90 % of the lines is a failure.  BUILD holds
# fuzz_NAME made with clang's coverage.
set -u
build=$1
shift
here=$(dirname "$0")
passed=0 failed=0
parser() { # parser NAME: the files of the parser behind a target
	case $1 in
	base_config) ls gateway/base/config*.c ;;
	jingle_xml) ls gateway/jingle/jingle_decode.c \
		gateway/jingle/description.c gateway/jingle/payload.c \
		gateway/jingle/transport.c ;;
	media_rtcp) echo gateway/media/report.c ;;
	media_rtp) echo gateway/media/packet.c ;;
	sdp_candidate) ls sdp/candidate.c sdp/crypto.c ;;
	sdp_text) ls sdp/decode.c sdp/attr.c ;;
	sip_guard) ls gateway/sip/guard.c gateway/sip/gate.c ;;
	*) echo "gateway/${1%%_*}/${1#*_}.c" ;;
	esac
}

for n in "$@"; do
	files=$(parser "$n" | tr '\n' ' ')
	raw=$build/seed-$n.profraw
	LLVM_PROFILE_FILE=$raw "$build/fuzz_$n" -runs=0 \
		"$here/fuzz/corpus/$n" >"$build/seed-$n.log" 2>&1
	llvm-profdata-14 merge -sparse -o "$build/seed-$n.profdata" "$raw"
	# shellcheck disable=SC2086
	pct=$(llvm-cov-14 report -instr-profile="$build/seed-$n.profdata" \
		"$build/fuzz_$n" $files | awk '
		/^TOTAL/ { sub(/%/, "", $10); print $10 }')
	echo "seeds $n: ${pct:-0} % of the lines of $files"
	if awk "BEGIN { exit !(${pct:-0} >= 90) }"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
