#!/bin/sh
# plants.sh SECONDS DIR [NAME...]: bugs on purpose ("#if PLANT == n" in the
# parsers), one at a time, each to be found by its fuzz target from the seeds
# within SECONDS.  DIR holds what "make fuzz-build" left; only the file with
# the bug is compiled again.  NAME: these targets alone.
set -u
here=$(dirname "$0")

# target, file, the bugs in it that this target is for
plants() {
	cat <<-'END'
		admin_line gateway/admin/line.c 1 2 3
		admin_webreq gateway/admin/webreq.c 1 2 3
		base_config gateway/base/config_value.c 1
		base_config gateway/base/config_parse.c 2
		base_config gateway/base/config_problem.c 3
		base_journal gateway/base/journal.c 1 2 3
		base_text gateway/base/text.c 1 2
		base_text gateway/base/trace_blank.c 3
		bridge_address gateway/bridge/address.c 1 2 3
		bridge_number gateway/bridge/number.c 1 2 3
		bridge_chatkeep gateway/bridge/chatkeep.c 1 2 3
		bridge_orphan gateway/bridge/orphan.c 1 2 3
		bridge_pidf gateway/bridge/pidf.c 1 2 3
		bridge_chattext gateway/bridge/chattext.c 1 2 3
		bridge_enum gateway/bridge/enum.c 1 2 3
		bridge_imdn gateway/bridge/imdn.c 1 2 3
		jingle_xml gateway/jingle/description.c 1
		jingle_xml gateway/jingle/transport.c 2 3
		media_binding gateway/media/binding.c 1 2 3
		media_demux gateway/media/demux.c 1 2
		media_demux gateway/media/packet.c 4
		media_rtcp gateway/media/report.c 1 2 3
		media_rtcpjson gateway/media/rtcpjson.c 1 2 3
		media_rtp gateway/media/packet.c 1 2 3
		sdp_candidate sdp/candidate.c 1 2 3
		sdp_text sdp/attr.c 1 2
		sdp_text sdp/decode.c 3
		sip_cpim gateway/sip/cpim.c 1 2 3
		sip_digest gateway/sip/digest.c 1 2 3
		sip_guard gateway/sip/guard.c 1 2 3
		sip_nameaddr gateway/sip/nameaddr.c 1 2 3
		xmpp_forms gateway/xmpp/forms.c 1 2 3
		xmpp_jid gateway/xmpp/jid.c 1 2 3
		xmpp_xmlstream gateway/xmpp/xmlstream.c 1 2 3
	END
}

one() { # one TARGET FILE N: 0 when the bug is found
	bin=$out/$1-$3
	grep -qE "PLANT [!=]= $3([^0-9]|\$)" "$2" || {
		echo "plant $1 $3: not in $2"
		return 1
	}
	make -s B="$dir" FB="$dir" T="$1" F="$2" N="$3" HARDEN= OPT="-O1 -g" plant-bin \
		>"$bin.log" 2>&1 || {
		echo "plant $1 $3: does not build, see $bin.log"
		return 1
	}
	mkdir "$bin.corpus"
	start=$(date +%s)
	"$bin" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$bin-" "$bin.corpus" \
		"$here/fuzz/corpus/$1" >>"$bin.log" 2>&1
	status=$?
	took=$(($(date +%s) - start))
	rm -rf "$bin" "$bin.corpus"
	# libFuzzer: 70 timeout, 71 memory, 77 crash; ASan and leaks: 1
	if [ "$status" = 0 ]; then
		echo "plant $1 $3 in $2: NOT FOUND in $took s"
		return 1
	fi
	echo "plant $1 $3 in $2: found in $took s"
}

if [ "${1-}" = --one ]; then
	seconds=$2 dir=$3 out=$3/plant
	shift 3
	one "$@" || : >"$out/$1-$3.failed"
	exit 0
fi

seconds=$1 dir=$2 out=$2/plant
shift 2
rm -rf "$out"
mkdir -p "$out"
plants | while read -r target file bugs; do
	case " ${*:-$target} " in *" $target "*) ;; *) continue ;; esac
	for n in $bugs; do
		echo "$target $file $n"
	done
done >"$out/todo"
xargs -P 2 -L 1 "$0" --one "$seconds" "$dir" <"$out/todo"
all=$(wc -l <"$out/todo")
failed=$(find "$out" -name '*.failed' | wc -l)
echo "$((all - failed)) passed, $failed failed"
[ "$failed" = 0 ]
