# parsers.sh: which parser stands behind each fuzz target; read by seeds.sh.
# shellcheck shell=sh

# parser TARGET: its files
parser() {
	case $1 in
	bridge_pidf) ls gateway/bridge/pidf.c gateway/xmpp/xmldoc.c ;;
	base_config) ls gateway/base/config_[clv]*.c \
		gateway/base/config_parse.c gateway/base/config_problem.c \
		gateway/base/config_net.c ;;
	jingle_xml) ls gateway/jingle/jingle_decode.c \
		gateway/jingle/description.c gateway/jingle/payload.c \
		gateway/jingle/transport.c ;;
	media_demux) ls gateway/media/demux.c gateway/media/packet.c \
		gateway/media/assoc.c ;;
	media_rtcp) ls gateway/media/report.c ;;
	media_rtp) ls gateway/media/packet.c ;;
	sdp_candidate) ls sdp/candidate.c sdp/crypto.c ;;
	sdp_text) ls sdp/decode.c sdp/attr.c ;;
	sip_guard) ls gateway/sip/guard.c gateway/sip/gate.c \
		gateway/sip/scan.c ;;
	*) ls "gateway/${1%%_*}/${1#*_}.c" ;;
	esac
}

# only TARGET: its functions, where the files hold more than the parser
only() {
	case $1 in
	admin_cdr_recall) echo cdr_record_decode cdr_time_decode \
		field_take field_decode number_decode ;;
	media_demux) echo demux_choose packet_kind assoc_input judge bio_read ;;
	bridge_chatkeep) echo chatkeep_decode lost_destructor ;;
	base_journal) echo journal_scan is_whole sum_of ;;
	bridge_orphan) echo orphan_decode lines_split is_clean orphan_get ;;
	media_rtp) echo packet_decode set_payload decode_ext packet_element packet_write \
		packet_u16 packet_u32 packet_put16 packet_put32 ;;
	esac
}

# but TARGET: functions of its files that read nothing from outside
but() {
	case $1 in
	base_config) echo config_hold config_fixed_check config_replace same_name \
		written_find text_of tell components_differ carry \
		config_late_check config_late_set said_add line_take \
		config_log_apply config_net_has net_has secret_read file_open ;;
	sip_guard) echo gate_counted gate_print gate_verdict_name guard_why_name ;;
	media_rtcp) echo report_make report_ntp report_sender make_block \
		note_round_trip ;;
	esac
}
