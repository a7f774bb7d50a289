/* sdp_text.c: SDP -> desc -> SDP, and what must be refused. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sdp/desc.h"
#include "suite.h"

#define HEAD  "v=0\r\no=- 20518 3 IN IP4 203.0.113.1\r\ns=-\r\nt=0 0\r\n"
#define CONN  "c=IN IP4 203.0.113.7\r\n"
#define AUDIO "m=audio 41000 RTP/AVP 0 101\r\n"
#define ICE   "a=ice-ufrag:F7gI\r\na=ice-pwd:x9cml/YzichV2+XlhiMu8g\r\n"
#define SHA256_FP                                                             \
	"sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:"   \
	"13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"
#define KEY30 "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

static struct desc *d;

static void teardown(void)
{
	desc_free(d);
	d = NULL;
}

static struct desc_media *decode_len(const char *text, size_t len)
{
	struct desc *again, *copy;
	unsigned line = 0;
	char *out;
	size_t n;

	desc_free(d);
	d = NULL;
	ck_assert_int_eq(desc_decode(&d, text, len, &line), 0);
	ck_assert_int_eq(desc_encode(&out, &n, d), 0);
	ck_assert_uint_eq(strlen(out), n);
	ck_assert_int_eq(desc_decode(&again, out, n, &line), 0);
	ck_assert_msg(desc_equal(d, again), "changed by:\n%s", out);
	ck_assert_int_eq(desc_copy(&copy, d), 0);
	ck_assert(desc_equal(d, copy));
	free(out);
	desc_free(again);
	desc_free(copy);
	return d->mediac ? d->media[0] : NULL;
}

static struct desc_media *decode(const char *text)
{
	return decode_len(text, strlen(text));
}

static void refuse(const char *text, size_t len, int want, unsigned at)
{
	struct desc *none = NULL;
	unsigned line = 0;

	ck_assert_int_eq(desc_decode(&none, text, len, &line), want);
	ck_assert_ptr_null(none);
	ck_assert_uint_eq(line, at);
}

static char *encoded(void)
{
	char *text;
	size_t len;

	ck_assert_int_eq(desc_encode(&text, &len, d), 0);
	return text;
}

START_TEST(plain_phone)
{
	struct desc_media *m = decode(
	    HEAD CONN AUDIO "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 "
			    "telephone-event/8000\r\na=fmtp:101 0-15\r\n"
			    "a=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n");
	const struct codec *c = m->codecs;

	ck_assert_uint_eq(d->mediac, 1);
	ck_assert_uint_eq(d->origin_id, 20518);
	ck_assert_uint_eq(d->origin_version, 3);
	ck_assert_int_eq(m->kind, DESC_AUDIO);
	ck_assert_int_eq(m->proto, DESC_RTP_AVP);
	ck_assert_int_eq(m->dir, DESC_SENDRECV);
	ck_assert(!m->rejected);
	ck_assert_uint_eq(m->ptime, 20);
	ck_assert_uint_eq(m->maxptime, 40);
	ck_assert_uint_eq(m->transport.addr.port, 41000);
	ck_assert_uint_eq(m->transport.addr.ip[3], 7);
	ck_assert_uint_eq(m->transport.rtcp.family, 0);
	ck_assert_uint_eq(m->codecc, 2);
	ck_assert_str_eq(c->name, "PCMU");
	ck_assert(codec_is_event(c->next));
	ck_assert_str_eq(param_find(c->next->params, ""), "0-15");
}
END_TEST

START_TEST(tolerated)
{
	struct desc_media *m;

	/* LF alone, no newline at the end, CR CR LF, blank lines */
	m = decode("v=0\no=x\ns=\n\nc=IN IP4 1.2.3.4\nm=audio 5 RTP/AVP 8");
	ck_assert_str_eq(m->codecs->name, "PCMA");
	m = decode("v=0\r\r\nc=IN IP4 1.2.3.4\r\r\nm=audio 5 rtp/avp 8\r\r\n");
	ck_assert_uint_eq(m->codecc, 1);
	/* unknown lines and attributes */
	decode(HEAD "x=y\r\nz=0\r\nk=clear:1\r\n" CONN AUDIO
		    "a=x:y\r\na=z\r\n");
	/* G722/16000; RFC 3551 4.5.2 */
	m = decode(HEAD CONN
		   "m=audio 5 RTP/AVP 9\r\na=rtpmap:9 G722/16000\r\n");
	ck_assert_uint_eq(m->codecs->clock, 8000);
	/* numbers above 127, twice the same, unnamed ones */
	m = decode(HEAD CONN "m=audio 5/2 RTP/AVP 0 0 300 99 x\r\n");
	ck_assert_uint_eq(m->codecc, 1);
	m = decode(HEAD CONN "m=audio 5 RTP/AVP 99\r\n");
	ck_assert_uint_eq(m->codecc, 0);
	ck_assert_str_eq(m->fmt_text, "99");
	/* a static number under another name */
	m = decode(HEAD CONN
		   "m=audio 5 RTP/AVP 3\r\na=rtpmap:3 opus/48000/2\n");
	ck_assert_str_eq(m->codecs->name, "opus");
	ck_assert_uint_eq(m->codecs->channels, 2);
}
END_TEST

START_TEST(directions)
{
	ck_assert_int_eq(decode(HEAD CONN AUDIO "a=sendonly\r\n")->dir,
			 DESC_SENDONLY);
	ck_assert_int_eq(decode(HEAD CONN AUDIO "a=recvonly\r\n")->dir,
			 DESC_RECVONLY);
	ck_assert_int_eq(decode(HEAD CONN AUDIO "a=inactive\r\n")->dir,
			 DESC_INACTIVE);
	ck_assert_int_eq(decode(HEAD CONN "a=recvonly\r\n" AUDIO)->dir,
			 DESC_RECVONLY);
	ck_assert_int_eq(
	    decode(HEAD CONN "a=recvonly\r\n" AUDIO "a=sendrecv\r\n")->dir,
	    DESC_SENDRECV);
	/* RFC 3264 8.4 */
	ck_assert_int_eq(decode(HEAD "c=IN IP4 0.0.0.0\r\n" AUDIO)->dir,
			 DESC_INACTIVE);
	ck_assert_int_eq(decode(HEAD "c=IN IP6 ::\r\n" AUDIO)->dir,
			 DESC_INACTIVE);
	/* but with ICE it is only a placeholder */
	ck_assert_int_eq(decode(HEAD "c=IN IP4 0.0.0.0\r\n" AUDIO ICE)->dir,
			 DESC_SENDRECV);
	ck_assert_int_eq(desc_dir_reverse(DESC_SENDONLY), DESC_RECVONLY);
	ck_assert_int_eq(desc_dir_reverse(DESC_RECVONLY), DESC_SENDONLY);
	ck_assert_int_eq(desc_dir_reverse(DESC_SENDRECV), DESC_SENDRECV);
	ck_assert_int_eq(desc_dir_reverse(DESC_INACTIVE), DESC_INACTIVE);
}
END_TEST

START_TEST(inherited)
{
	struct desc_media *m;

	m = decode(HEAD CONN
		   "a=setup:actpass\r\na=fingerprint:" SHA256_FP "\r\n" ICE
		   "a=ice-lite\r\na=rtcp-fb:* nack\r\na=end-of-candidates\r\n"
		   "a=extmap:1 urn:a\r\n" AUDIO
		   "m=video 5 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\n"
		   "c=IN IP6 2001:db8::1\r\na=setup:passive\r\n"
		   "a=ice-ufrag:other\r\na=rtcp-fb:* ccm fir\r\n"
		   "a=rtcp-fb:96 nack pli\r\na=extmap:2/sendonly urn:b x\r\n"
		   "a=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0a:0b:"
		   "0c:0d:0e:0f:10:11:12:13\r\n");
	ck_assert_int_eq(m->transport.setup, DESC_SETUP_ACTPASS);
	ck_assert_int_eq(m->transport.fingerprint.hash, HASH_SHA256);
	ck_assert_uint_eq(m->transport.fingerprint.md[31], 31);
	ck_assert_str_eq(m->transport.ufrag, "F7gI");
	ck_assert(m->transport.ice_lite);
	ck_assert(m->transport.end_of_candidates);
	ck_assert_str_eq(m->fbs->type, "nack");
	ck_assert_ptr_null(m->fbs->next);
	m = d->media[1];
	ck_assert_int_eq(m->transport.setup, DESC_SETUP_PASSIVE);
	ck_assert_int_eq(m->transport.fingerprint.hash, HASH_SHA1);
	ck_assert_str_eq(m->transport.ufrag, "other");
	ck_assert_str_eq(m->transport.pwd, "x9cml/YzichV2+XlhiMu8g");
	ck_assert_uint_eq(m->transport.addr.family, 6);
	ck_assert_uint_eq(m->transport.addr.port, 5);
	ck_assert_str_eq(m->fbs->next->subtype, "fir");
	ck_assert_str_eq(m->codecs->fbs->subtype, "pli");
	ck_assert_uint_eq(m->extmaps->next->id, 2);
	ck_assert_int_eq(m->extmaps->next->dir, DESC_SENDONLY);
	ck_assert_str_eq(m->extmaps->next->uri, "urn:b");
}
END_TEST

START_TEST(fingerprints)
{
	struct desc_media *m;

	m = decode(HEAD CONN AUDIO
		   "a=fingerprint:md5 00:01\r\na=fingerprint:" SHA256_FP
		   "\r\na=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0a:"
		   "0b:0c:0d:0e:0f:10:11:12:13\r\n");
	ck_assert_int_eq(m->transport.fingerprint.hash, HASH_SHA256);
	m = decode(HEAD CONN AUDIO "a=fingerprint:md5 00:01\r\n");
	ck_assert_int_eq(m->transport.fingerprint.hash, HASH_OTHER);
}
END_TEST

START_TEST(rejected)
{
	char *text;

	decode(HEAD CONN AUDIO
	       "a=mid:a\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
	       "a=mid:b\r\na=sendonly\r\n" ICE
	       "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
	       "m=audio 9 TCP/RTP/AVP 0\r\nm=text 9 RTP/AVP 98\r\n");
	ck_assert_uint_eq(d->mediac, 5);
	ck_assert(d->media[1]->rejected);
	ck_assert_str_eq(d->media[1]->mid, "b");
	ck_assert_ptr_null(d->media[1]->transport.ufrag);
	for (unsigned i = 2; i < 5; i++) {
		ck_assert_int_eq(d->media[i]->kind, DESC_OTHER);
		ck_assert(d->media[i]->rejected);
	}
	text = encoded();
	ck_assert_ptr_nonnull(strstr(text, "\r\nm=video 0 RTP/AVP 96\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nm=application 0 UDP/DTLS/SCTP "
					   "webrtc-datachannel\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nm=audio 0 TCP/RTP/AVP 0\r\n"));
	free(text);
}
END_TEST

START_TEST(bundle)
{
	decode(HEAD "a=group:BUNDLE 0 1 9 0 2\r\na=group:LS 0 1\r\n"
		    "a=group:BUNDLE 1 3\r\n" CONN AUDIO "a=mid:0\r\n" ICE
		    "a=rtcp-mux\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
		    "a=rtpmap:96 VP8/90000\r\na=mid:1\r\na=bundle-only\r\n" ICE
		    "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n"
		    "m=audio 7 RTP/AVP 0\r\na=mid:3\r\n");
	ck_assert_uint_eq(d->groupc, 2);
	ck_assert_uint_eq(d->groups[0].n, 2);
	ck_assert_uint_eq(d->groups[0].idx[1], 1);
	ck_assert_uint_eq(d->groups[1].n, 1);
	ck_assert_uint_eq(d->groups[1].idx[0], 3);
	ck_assert(!d->media[1]->rejected);
	ck_assert(d->media[2]->rejected);
	ck_assert(d->media[0]->transport.mux);
	ck_assert_uint_eq(desc_group_first(d, 1), 0);
	ck_assert_uint_eq(desc_group_first(d, 2), 2);
	ck_assert_uint_eq(desc_group_first(d, 3), 3);
	ck_assert_ptr_eq(desc_media_find(d, "3"), d->media[3]);
	ck_assert_ptr_null(desc_media_find(d, "4"));
}
END_TEST

START_TEST(rtcp)
{
	struct desc_media *m;

	m = decode(HEAD CONN AUDIO "a=rtcp:41001\r\n");
	ck_assert_uint_eq(m->transport.rtcp.port, 41001);
	ck_assert_uint_eq(m->transport.rtcp.ip[3], 7);
	m = decode(HEAD CONN AUDIO "a=rtcp:53020 IN IP4 203.0.113.9\r\n");
	ck_assert_uint_eq(m->transport.rtcp.ip[3], 9);
	/* c= may come after */
	m = decode(HEAD AUDIO "a=rtcp:1\r\nc=IN IP6 2001:db8::1\r\n");
	ck_assert_uint_eq(m->transport.rtcp.family, 6);
	m = decode(HEAD CONN AUDIO "a=rtcp:0\r\n");
	ck_assert_uint_eq(m->transport.rtcp.family, 0);
	m = decode(HEAD CONN AUDIO "a=rtcp:70000\r\n");
	ck_assert_uint_eq(m->transport.rtcp.family, 0);
}
END_TEST

START_TEST(ice)
{
	struct desc_media *m;
	char *text;

	m = decode(HEAD CONN AUDIO ICE
		   "a=candidate:1 1 UDP 2130706431 203.0.113.7 41000 typ host"
		   "\r\na=candidate:2 1 TCP 1 203.0.113.7 9 typ host tcptype "
		   "active\r\na=candidate:3 1 UDP 1 x.local 5 typ host\r\n"
		   "a=candidate:4 2 UDP 1 2001:db8::1 4 typ srflx raddr "
		   "10.0.0.1 rport 5\r\na=ice-options:trickle\r\n");
	ck_assert_uint_eq(m->transport.candidatec, 2);
	ck_assert_uint_eq(m->transport.candidates->next->component, 2);
	text = encoded();
	ck_assert_ptr_nonnull(strstr(text,
				     "\r\na=candidate:1 1 UDP 2130706431 "
				     "203.0.113.7 41000 typ host\r\n"));
	free(text);
	/* half of the credentials are none, candidates without them too */
	m = decode(HEAD CONN AUDIO "a=ice-ufrag:F7gI\r\na=candidate:1 1 UDP 1 "
				   "203.0.113.7 41000 typ host\r\n");
	ck_assert_ptr_null(m->transport.ufrag);
	ck_assert_uint_eq(m->transport.candidatec, 0);
	/* no c= at all: only ICE survives that */
	m = decode(HEAD AUDIO ICE);
	ck_assert_uint_eq(m->transport.addr.family, 0);
	refuse(HEAD AUDIO, strlen(HEAD AUDIO), EBADMSG, 5);
}
END_TEST

START_TEST(crypto_lines)
{
	struct desc_media *m;

	m = decode(HEAD CONN
		   "m=audio 5 RTP/SAVP 8\r\na=crypto:1 F8_128_HMAC_SHA1_80 "
		   "inline:x\r\na=crypto:2 AES_CM_128_HMAC_SHA1_80 " KEY30
		   "|2^20|1:4\r\na=crypto:3 AES_CM_128_HMAC_SHA1_32 " KEY30
		   "|2^20\r\n");
	ck_assert_uint_eq(m->transport.cryptos->tag, 3);
	ck_assert_ptr_null(m->transport.cryptos->next);
	ck_assert_int_eq(m->proto, DESC_RTP_SAVP);
}
END_TEST

START_TEST(sources)
{
	struct desc_media *m;

	m = decode(HEAD CONN AUDIO
		   "a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:q\r\n"
		   "a=ssrc:2 flag\r\na=ssrc:1 msid:gw gw0\r\n"
		   "a=ssrc-group:SIM 1 2 3 4 5 6 7 8 9\r\na=ssrc:7\r\n"
		   "b=AS:64\r\nb=TIAS:99999999999\r\nb=CT:x\r\n");
	ck_assert_uint_eq(m->source_groups->n, 2);
	ck_assert_uint_eq(m->source_groups->next->n, 8);
	ck_assert_str_eq(param_find(m->sources->params, "msid"), "gw gw0");
	ck_assert_str_eq(m->sources->next->params->name, "flag");
	ck_assert_str_eq(m->bandwidths->type, "AS");
	ck_assert_uint_eq(m->bandwidths->next->value, UINT32_MAX);
	ck_assert_ptr_null(m->bandwidths->next->next);
}
END_TEST

START_TEST(profiles)
{
	static const char *const names[] = {
	    [DESC_RTP_AVP] = "RTP/AVP",
	    [DESC_RTP_AVPF] = "RTP/AVPF",
	    [DESC_RTP_SAVP] = "RTP/SAVP",
	    [DESC_RTP_SAVPF] = "RTP/SAVPF",
	    [DESC_TLS_SAVP] = "UDP/TLS/RTP/SAVP",
	    [DESC_TLS_SAVPF] = "UDP/TLS/RTP/SAVPF",
	};

	for (unsigned i = 0; i < DESC_PROTO_OTHER; i++) {
		char text[512], want[64], *out;

		(void)snprintf(want, sizeof(want), "m=audio 5 %s 0\r\n",
			       names[i]);
		(void)snprintf(text, sizeof(text), HEAD CONN "%s", want);
		ck_assert_uint_eq(decode(text)->proto, i);
		out = encoded();
		ck_assert_ptr_nonnull(strstr(out, want));
		free(out);
	}
}
END_TEST

/* CVE-2026-41416: the packet time of a peer was multiplied unchecked. */
START_TEST(cve_2026_41416_ptime)
{
	ck_assert_uint_eq(
	    decode(HEAD CONN AUDIO "a=ptime:4294967297\r\n")->ptime, 60000);
	ck_assert_uint_eq(decode(HEAD CONN AUDIO "a=maxptime:"
						 "99999999999999999999999\r\n")
			      ->maxptime,
			  60000);
	ck_assert_uint_eq(decode(HEAD CONN AUDIO "a=ptime:-20\r\n")->ptime, 0);
	ck_assert_uint_eq(decode(HEAD CONN AUDIO "a=ptime:20.5\r\n")->ptime,
			  20);
}
END_TEST

START_TEST(huge_numbers)
{
	struct desc_media *m;

	m = decode("v=0\r\no=- 99999999999999999999999 "
		   "18446744073709551616 IN IP4 1.2.3.4\r\n" CONN
		   "m=audio 5 RTP/AVP 96 4294967296\r\n"
		   "a=rtpmap:96 x/99999999999/99999999999\r\n"
		   "a=ssrc:99999999999 cname:x\r\n");
	ck_assert(d->origin_id == UINT64_MAX);
	ck_assert(d->origin_version == UINT64_MAX);
	ck_assert_uint_eq(m->codecs->clock, UINT32_MAX);
	ck_assert_uint_eq(m->codecs->channels, 255);
	ck_assert_uint_eq(m->sources->ssrc, UINT32_MAX);
}
END_TEST

START_TEST(malformed)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned line;
	} v[] = {
#define T(s, line) {s, sizeof(s) - 1, line}
	    T("", 0),
	    T("\r\n", 1),
	    T("v=1\r\n", 1),
	    T("o=- 1 1 IN IP4 1.2.3.4\r\n", 1),
	    T(HEAD "garbage\r\n", 5),
	    T(HEAD "m\r\n", 5),
	    T(HEAD CONN "m=audio\r\n", 6),
	    T(HEAD CONN "m=audio 5\r\n", 6),
	    T(HEAD CONN "m=audio 5 RTP/AVP\r\n", 6),
	    T(HEAD CONN "m=audio x RTP/AVP 0\r\n", 6),
	    T(HEAD CONN "m=audio -1 RTP/AVP 0\r\n", 6),
	    T(HEAD CONN "m=audio 65536 RTP/AVP 0\r\n", 6),
	    T(HEAD CONN "m=audio 5 RTP//AVP 0\r\n", 6),
	    T(HEAD CONN "m=au(dio 5 RTP/AVP 0\r\n", 6),
	    T(HEAD CONN "m=audio 5 RTP/AVP 0\t8\r\n", 6),
	    T(HEAD CONN "m=audio 5 RTP/AVP (\r\n", 6),
	    T(HEAD CONN AUDIO "a=x\0y\r\n", 7),
	    T(HEAD CONN AUDIO "a=x\ry\r\n", 7),
	    T(HEAD CONN AUDIO "a=mid:\r\n", 7),
	    T(HEAD CONN AUDIO "a=mid:a b\r\n", 7),
	    T(HEAD CONN AUDIO "a=mid:a\r\n" AUDIO "a=mid:a\r\n", 8),
	    T(HEAD CONN AUDIO "a=ice-pwd:a b\r\n", 7),
	    T(HEAD CONN AUDIO ICE "a=candidate:1 x\r\n", 9),
	    T(HEAD CONN AUDIO "a=fingerprint:sha-256 00:0\r\n", 7),
	    T(HEAD CONN AUDIO "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
			      "inline:AAAA\r\n",
	      7),
#undef T
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		refuse(v[i].text, v[i].len, EBADMSG, v[i].line);
}
END_TEST

/* head, then line n times, then refused with E2BIG at line at. */
static void too_many(const char *head, const char *line, unsigned n,
		     unsigned at)
{
	size_t hl = strlen(head), ll = strlen(line);
	char *text = malloc(hl + n * ll);

	ck_assert_ptr_nonnull(text);
	memcpy(text, head, hl);
	for (unsigned i = 0; i < n; i++)
		memcpy(text + hl + i * ll, line, ll);
	refuse(text, hl + n * ll, E2BIG, at);
	if (n * ll < DESC_BYTES_MAX / 2)
		decode_len(text, hl + (n - 1) * ll);
	free(text);
}

START_TEST(limits)
{
	too_many(HEAD CONN, AUDIO, 17, 22);
	too_many(HEAD CONN, AUDIO, 10000, 0); /* over the bytes: unread */
	too_many(HEAD CONN, "m=a 1 b 0\n", 3000, 22);
	too_many(HEAD CONN AUDIO ICE,
		 "a=candidate:1 1 UDP 1 1.2.3.4 5 typ host\n", 65, 73);
	too_many(HEAD CONN AUDIO,
		 "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY30 "\n", 9, 15);
	too_many(HEAD "a=group:BUNDLE 0\n", "a=group:BUNDLE 0\n", 8, 13);
	too_many(HEAD CONN AUDIO, "a=fmtp:0 a=b\n", 65, 71);
	too_many(HEAD CONN AUDIO, "a=rtcp-fb:* a\n", 65, 71);
	too_many(HEAD CONN AUDIO, "a=extmap:1 u\n", 65, 71);
	too_many(HEAD CONN AUDIO, "a=ssrc:1 u\n", 65, 71);
	too_many(HEAD CONN AUDIO, "a=ssrc-group:F 1\n", 33, 39);
	too_many(HEAD CONN AUDIO, "b=A:1\n", 9, 15);
}
END_TEST

START_TEST(format_limits)
{
	char text[1024] = HEAD CONN "m=audio 5 RTP/AVP";

	for (unsigned i = 0; i < 65; i++)
		(void)sprintf(text + strlen(text), " %u", i);
	refuse(text, strlen(text), E2BIG, 6);
	text[strlen(text) - 3] = '\0';
	decode(text);
}
END_TEST

START_TEST(long_ufrag)
{
	char text[1024] = HEAD CONN AUDIO "a=ice-ufrag:";
	size_t n = strlen(text);

	memset(text + n, 'a', 257);
	refuse(text, n + 257, E2BIG, 7);
	text[n + 256] = '\0';
	decode(text);
}
END_TEST

/* Strings never hold what could end a line or is not UTF-8. */
START_TEST(clean_strings)
{
	struct desc_media *m;

	m = decode(HEAD CONN AUDIO "a=fmtp:0 a=\x01\x7f\x1b[1m\xff\xc2\x85"
				   "\xe2\x82\xac\xed\xa0\x80\r\n");
	ck_assert_str_eq(m->codecs->params->value, "??"
						   "?[1m?"
						   "??"
						   "\xe2\x82\xac"
						   "???");
}
END_TEST

/* What XML let through must not become lines of SDP. */
START_TEST(no_injection)
{
	struct desc_media *m;
	struct codec *c;
	char *text;

	ck_assert_int_eq(desc_alloc(&d), 0);
	ck_assert_int_eq(desc_media_add(&m, d, DESC_AUDIO, "a\r\na=x:mid"), 0);
	ck_assert_int_eq(desc_codec_add(&c, d, m, 0, "P\r\na=x:c", 8000, 1),
			 0);
	ck_assert_int_eq(desc_codec_add(&c, d, m, 8, "PCMA", 8000, 1), 0);
	ck_assert_int_eq(
	    desc_param_add(d, &c->params, "n\r\na=x:n", "v\r\na=x:v"), 0);
	m->transport.addr = (struct desc_addr){4, {192, 0, 2, 1}, 5};
	text = encoded();
	ck_assert_ptr_null(strstr(text, "\na=x"));
	ck_assert_ptr_null(strstr(text, "a=mid"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nm=audio 5 RTP/AVP 8\r\n"));
	free(text);
}
END_TEST

START_TEST(golden)
{
	char *text;

	decode(HEAD CONN AUDIO "a=fmtp:101 0-15\r\na=rtpmap:101 "
			       "telephone-event/8000\r\na=ptime:20\r\n"
			       "a=rtcp:41001\r\n");
	text = encoded();
	ck_assert_str_eq(text,
			 "v=0\r\no=- 20518 3 IN IP4 203.0.113.7\r\ns=-\r\n"
			 "t=0 0\r\nm=audio 41000 RTP/AVP 0 101\r\n"
			 "c=IN IP4 203.0.113.7\r\na=rtpmap:0 PCMU/8000\r\n"
			 "a=rtpmap:101 telephone-event/8000\r\n"
			 "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
			 "a=rtcp:41001\r\n");
	free(text);
}
END_TEST

/* Each attribute alone beside what every audio section here has. */
START_TEST(attributes)
{
	FILE *f = fopen("tests/data/sdp_attributes.txt", "r");
	char line[256], want[512], sdp[1024];
	unsigned rows = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *text;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		(void)snprintf(want, sizeof(want), "\r\n%s\r\n", line);
		(void)snprintf(sdp, sizeof(sdp),
			       HEAD CONN "m=audio 41000 RTP/AVP 0 96 101\r\n"
					 "a=rtpmap:96 opus/48000/2\r\n"
					 "a=rtpmap:101 telephone-event/8000"
					 "\r\n" ICE "%s\r\n",
			       line);
		decode(sdp);
		text = encoded();
		ck_assert_msg(strstr(text, want), "%s not in\n%s", line, text);
		free(text);
		rows++;
	}
	ck_assert_uint_ge(rows, 20);
	(void)fclose(f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("text");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, plain_phone);
	tcase_add_test(tc, tolerated);
	tcase_add_test(tc, directions);
	tcase_add_test(tc, inherited);
	tcase_add_test(tc, fingerprints);
	tcase_add_test(tc, rejected);
	tcase_add_test(tc, bundle);
	tcase_add_test(tc, rtcp);
	tcase_add_test(tc, ice);
	tcase_add_test(tc, crypto_lines);
	tcase_add_test(tc, sources);
	tcase_add_test(tc, profiles);
	tcase_add_test(tc, cve_2026_41416_ptime);
	tcase_add_test(tc, huge_numbers);
	tcase_add_test(tc, malformed);
	tcase_add_test(tc, limits);
	tcase_add_test(tc, format_limits);
	tcase_add_test(tc, long_ufrag);
	tcase_add_test(tc, clean_strings);
	tcase_add_test(tc, no_injection);
	tcase_add_test(tc, golden);
	tcase_add_test(tc, attributes);

	return suite_run("sdp text", tc);
}
