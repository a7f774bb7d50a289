/* attr.c: the a= lines of SDP that we understand. */
#include "sdp/decode.h"
#include "sdp/list.h"
#include <errno.h>
#include <string.h>

typedef int(attr_h)(struct decode *dec, struct scan value);

static int attr_direction(struct decode *dec, enum desc_dir dir)
{
	dec->cur->dir = dir;
	return 0;
}

static int attr_sendrecv(struct decode *dec, struct scan value)
{
	(void)value;
	return attr_direction(dec, DESC_SENDRECV);
}

static int attr_sendonly(struct decode *dec, struct scan value)
{
	(void)value;
	return attr_direction(dec, DESC_SENDONLY);
}

static int attr_recvonly(struct decode *dec, struct scan value)
{
	(void)value;
	return attr_direction(dec, DESC_RECVONLY);
}

static int attr_inactive(struct decode *dec, struct scan value)
{
	(void)value;
	return attr_direction(dec, DESC_INACTIVE);
}

static struct codec *codec_of(struct decode *dec, struct scan number)
{
	uint32_t pt;

	if (!scan_u32(&pt, number))
		return NULL;
	for (struct codec *c = dec->cur->codecs; c; c = c->next) {
		if (c->pt == pt)
			return c;
	}
	return NULL;
}

/* RFC 8866 6.6.  Phones write G722/16000 where RFC 3551 4.5.2 fixed 8000: a
 * static type that keeps its name keeps its clock. */
static int attr_rtpmap(struct decode *dec, struct scan value)
{
	struct codec *c = codec_of(dec, scan_word(&value));
	struct scan name, clock, channels;
	uint32_t hz, n = 1;
	const char *known;

	value = scan_word(&value);
	name = scan_until(&value, '/');
	clock = scan_until(&value, '/');
	channels = value;
	if (!c || !scan_is_token(name) || !scan_u32(&hz, clock) || !hz)
		return 0;
	if (channels.len && (!scan_u32(&n, channels) || !n))
		return 0;
	if (codec_static(c->pt, &known, NULL, NULL) &&
	    scan_is_nocase(name, known))
		return 0;
	c->name = desc_strn(dec->d, name.p, name.len);
	if (!c->name)
		return ENOMEM;
	c->clock = hz;
	c->channels = n > UINT8_MAX ? UINT8_MAX : (uint8_t)n;
	return 0;
}

static int attr_fmtp(struct decode *dec, struct scan value)
{
	struct codec *c = codec_of(dec, scan_word(&value));

	if (!c)
		return 0;
	return fmtp_decode(dec->d, &c->params, value.p, value.len);
}

static unsigned ptime_decode(struct scan value)
{
	uint64_t n;

	if (!scan_number(&n, scan_trim(scan_until(&value, '.')), UINT64_MAX))
		return 0;
#if PLANT == 1 /* wraps where it should saturate */
	return (unsigned)(n * 1000) / 1000;
#else
	return n > DECODE_PTIME_MAX ? DECODE_PTIME_MAX : (unsigned)n;
#endif
}

static int attr_ptime(struct decode *dec, struct scan value)
{
	dec->cur->ptime = ptime_decode(value);
	return 0;
}

static int attr_maxptime(struct decode *dec, struct scan value)
{
	dec->cur->maxptime = ptime_decode(value);
	return 0;
}

/* RFC 4585 4.2: "*" or a payload type, then the kind of feedback. */
static int attr_rtcp_fb(struct decode *dec, struct scan value)
{
	struct scan pt = scan_word(&value), type = scan_word(&value);
	struct rtcpfb **list = &dec->cur->fbs;
	const char *t, *sub;

	if (!scan_is_token(type))
		return 0;
	if (!scan_is(pt, "*")) {
		struct codec *c = codec_of(dec, pt);

		if (!c)
			return 0;
		list = &c->fbs;
	}
	value = scan_trim(value);
	t = desc_strn(dec->d, type.p, type.len);
	sub = desc_strn(dec->d, value.p, value.len);
	if (!t || !sub)
		return ENOMEM;
	return desc_fb_append(dec->d, list, t, sub);
}

static bool dir_decode(enum desc_dir *dir, struct scan s)
{
	static const struct {
		const char *name;
		enum desc_dir dir;
	} dirs[] = {
	    {"sendrecv", DESC_SENDRECV},
	    {"sendonly", DESC_SENDONLY},
	    {"recvonly", DESC_RECVONLY},
	    {"inactive", DESC_INACTIVE},
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (scan_is_nocase(s, dirs[i].name)) {
			*dir = dirs[i].dir;
			return true;
		}
	}
	return false;
}

/* RFC 8285 8: id ["/" direction] URI; valid are 1-255 and 4096-4351. */
static int attr_extmap(struct decode *dec, struct scan value)
{
	struct scan word = scan_word(&value), uri = scan_word(&value), id;
	enum desc_dir dir = DESC_SENDRECV;
	const char *text;
	uint32_t n;

	id = scan_until(&word, '/');
	if (!scan_u32(&n, id) || !n || (n > 255 && n < 4096) || n > 4351 ||
	    !uri.len)
		return 0;
	if (word.len && !dir_decode(&dir, word))
		return 0;
	text = desc_strn(dec->d, uri.p, uri.len);
	if (!text)
		return ENOMEM;
	return desc_extmap_append(dec->d, &dec->cur->extmaps, n, dir, text);
}

static int attr_extmap_mixed(struct decode *dec, struct scan value)
{
	(void)value;
	dec->cur->extmap_allow_mixed = true;
	return 0;
}

/* RFC 5576 4.1: ssrc SP attribute[:value] */
static int attr_ssrc(struct decode *dec, struct scan value)
{
	struct source *s = dec->cur->sources;
	struct scan name;
	const char *n, *v;
	uint32_t ssrc;
	int err;

	if (!decode_in_media(dec) || !scan_u32(&ssrc, scan_word(&value)))
		return 0;
	while (s && s->ssrc != ssrc)
		s = s->next;
	if (!s) {
		err = desc_source_add(&s, dec->d, dec->cur, ssrc);
		if (err)
			return err;
	}
	value = scan_trim(value);
	name = scan_until(&value, ':');
	value = scan_trim(value);
	if (!scan_is_token(name))
		return 0;
	n = desc_strn(dec->d, name.p, name.len);
	v = desc_strn(dec->d, value.p, value.len);
	if (!n || !v)
		return ENOMEM;
	return desc_param_add(dec->d, &s->params, n, v);
}

/* RFC 5576 4.2 */
static int attr_ssrc_group(struct decode *dec, struct scan value)
{
	struct scan semantics = scan_word(&value), word;
	uint32_t
	    ssrc[sizeof(((struct source_group *)0)->ssrc) / sizeof(uint32_t)];
	unsigned n = 0, max = sizeof(ssrc) / sizeof(ssrc[0]);
	const char *text;

	if (!decode_in_media(dec) || !scan_is_token(semantics))
		return 0;
#if PLANT == 2 /* one more than fits */
	max++;
#endif
	for (word = scan_word(&value); word.len && n < max;
	     word = scan_word(&value)) {
		if (scan_u32(&ssrc[n], word))
			n++;
	}
	text = desc_strn(dec->d, semantics.p, semantics.len);
	if (!text)
		return ENOMEM;
	return desc_source_group_append(dec->d, &dec->cur->source_groups, text,
					ssrc, n);
}

/* RFC 9143 7.2; the mids are looked up when all m-lines are known. */
static int attr_group(struct decode *dec, struct scan value)
{
	if (decode_in_media(dec) ||
	    !scan_is_nocase(scan_word(&value), "BUNDLE"))
		return 0;
	if (dec->groupc >= DESC_GROUP_MAX)
		return E2BIG;
	dec->groups[dec->groupc++] = value;
	return 0;
}

static int attr_mid(struct decode *dec, struct scan value)
{
	value = scan_trim(value);
	if (!decode_in_media(dec))
		return 0;
	if (!scan_is_token(value)) /* RFC 5888 4 */
		return EBADMSG;
	dec->cur->mid = desc_strn(dec->d, value.p, value.len);
	return dec->cur->mid ? 0 : ENOMEM;
}

static int attr_bundle_only(struct decode *dec, struct scan value)
{
	(void)value;
	dec->extra->bundle_only = true;
	return 0;
}

/* RFC 3605 2.1: port [IN IP4 address] */
static int attr_rtcp(struct decode *dec, struct scan value)
{
	struct desc_addr a = {0};
	struct scan addr;

	if (!scan_port(&a.port, scan_word(&value)) || !a.port)
		return 0;
	(void)scan_word(&value);
	(void)scan_word(&value);
	addr = scan_word(&value);
	if (addr.len)
		(void)desc_addr_decode(&a, addr.p, addr.len);
	dec->extra->rtcp = true;
	dec->extra->rtcp_addr = a;
	return 0;
}

static int attr_rtcp_mux(struct decode *dec, struct scan value)
{
	(void)value;
	dec->cur->transport.mux = true;
	return 0;
}

/* Of several the one that we would check: RFC 8122 5.1. */
static int attr_fingerprint(struct decode *dec, struct scan value)
{
	static const uint8_t rank[] = {
	    [HASH_NONE] = 0,   [HASH_OTHER] = 1,  [HASH_SHA1] = 2,
	    [HASH_SHA512] = 3, [HASH_SHA384] = 4, [HASH_SHA256] = 5,
	};
	struct fingerprint *have = &dec->cur->transport.fingerprint, fp;
	struct scan hash = scan_word(&value);
	int err;

	err = fingerprint_decode(&fp, hash.p, hash.len, value.p, value.len);
	if (err)
		return err;
	if (!dec->extra->fingerprint || rank[fp.hash] > rank[have->hash])
		*have = fp;
	dec->extra->fingerprint = true;
	return 0;
}

static int attr_setup(struct decode *dec, struct scan value)
{
	static const struct {
		const char *name;
		enum desc_setup setup;
	} setups[] = {
	    {"actpass", DESC_SETUP_ACTPASS},
	    {"active", DESC_SETUP_ACTIVE},
	    {"passive", DESC_SETUP_PASSIVE},
	    {"holdconn", DESC_SETUP_HOLDCONN},
	};

	value = scan_trim(value);
	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
		if (scan_is_nocase(value, setups[i].name))
			dec->cur->transport.setup = setups[i].setup;
	}
	return 0;
}

static int ice_chars(struct decode *dec, const char **sp, struct scan value)
{
	value = scan_trim(value);
	if (value.len > DESC_UFRAG_MAX)
		return E2BIG;
	if (!scan_is_ice_chars(value))
		return EBADMSG;
	*sp = desc_strn(dec->d, value.p, value.len);
	return *sp ? 0 : ENOMEM;
}

static int attr_ufrag(struct decode *dec, struct scan value)
{
	return ice_chars(dec, &dec->cur->transport.ufrag, value);
}

static int attr_pwd(struct decode *dec, struct scan value)
{
	return ice_chars(dec, &dec->cur->transport.pwd, value);
}

static int attr_ice_lite(struct decode *dec, struct scan value)
{
	(void)value;
	if (!decode_in_media(dec)) /* RFC 8839 5.3: session level only */
		dec->cur->transport.ice_lite = true;
	return 0;
}

static int attr_candidate(struct decode *dec, struct scan value)
{
	struct candidate c;
	int err;

	if (!decode_in_media(dec))
		return 0;
	err = candidate_decode(&c, value.p, value.len);
	if (err == ENOTSUP || (!err && c.tcp))
		return 0;
	if (err)
		return err;
	return desc_candidate_add(dec->d, &dec->cur->transport, &c);
}

static int attr_end_of_candidates(struct decode *dec, struct scan value)
{
	(void)value;
	dec->cur->transport.end_of_candidates = true;
	return 0;
}

static int attr_crypto(struct decode *dec, struct scan value)
{
	struct crypto c;
	int err;

	if (!decode_in_media(dec))
		return 0;
	err = crypto_decode(&c, value.p, value.len);
	if (err)
		return err == ENOTSUP ? 0 : err;
	return desc_crypto_add(dec->d, &dec->cur->transport, &c);
}

static const struct {
	const char *name;
	attr_h *h;
} attrs[] = {
    {"rtpmap", attr_rtpmap},
    {"fmtp", attr_fmtp},
    {"rtcp-fb", attr_rtcp_fb},
    {"candidate", attr_candidate},
    {"ssrc", attr_ssrc},
    {"ssrc-group", attr_ssrc_group},
    {"extmap", attr_extmap},
    {"extmap-allow-mixed", attr_extmap_mixed},
    {"ptime", attr_ptime},
    {"maxptime", attr_maxptime},
    {"sendrecv", attr_sendrecv},
    {"sendonly", attr_sendonly},
    {"recvonly", attr_recvonly},
    {"inactive", attr_inactive},
    {"mid", attr_mid},
    {"group", attr_group},
    {"bundle-only", attr_bundle_only},
    {"rtcp", attr_rtcp},
    {"rtcp-mux", attr_rtcp_mux},
    {"fingerprint", attr_fingerprint},
    {"setup", attr_setup},
    {"ice-ufrag", attr_ufrag},
    {"ice-pwd", attr_pwd},
    {"ice-lite", attr_ice_lite},
    {"end-of-candidates", attr_end_of_candidates},
    {"crypto", attr_crypto},
};

int decode_attribute(struct decode *dec, struct scan line)
{
	struct scan name = scan_trim(scan_until(&line, ':'));

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		if (scan_is(name, attrs[i].name))
			return attrs[i].h(dec, line);
	}
	return 0;
}
