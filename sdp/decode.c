/* decode.c: text of SDP -> desc (RFC 8866). */
#include "sdp/decode.h"
#include "sdp/list.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	DISCARD_PORT = 9, /* RFC 8863 1, RFC 9143 6 */
};

static const struct {
	const char *name;
	enum desc_proto proto;
} protos[] = {
    {"RTP/AVP", DESC_RTP_AVP},		 {"RTP/AVPF", DESC_RTP_AVPF},
    {"RTP/SAVP", DESC_RTP_SAVP},	 {"RTP/SAVPF", DESC_RTP_SAVPF},
    {"UDP/TLS/RTP/SAVP", DESC_TLS_SAVP}, {"UDP/TLS/RTP/SAVPF", DESC_TLS_SAVPF},
};

bool decode_in_media(const struct decode *dec)
{
	return dec->cur != dec->session;
}

static bool is_unspecified(const struct desc_addr *a)
{
	static const uint8_t zero[16];

	return !memcmp(a->ip, zero, a->family == 4 ? 4 : 16);
}

/* o=username sess-id sess-version ..: numbers only matter to us. */
static int line_origin(struct decode *dec, struct scan s)
{
	uint64_t id, version;

	(void)scan_word(&s);
	if (scan_number(&id, scan_word(&s), UINT64_MAX) &&
	    scan_number(&version, scan_word(&s), UINT64_MAX)) {
		dec->d->origin_id = id;
		dec->d->origin_version = version;
	}
	return 0;
}

/* c=IN IP4 address[/ttl[/n]].  A host name is no address for us: it counts as
 * no c= at all, which only ICE survives. */
static int line_connection(struct decode *dec, struct scan s)
{
	struct desc_addr *a = &dec->cur->transport.addr;
	struct scan addr;

	(void)scan_word(&s);
	(void)scan_word(&s);
	s = scan_word(&s);
	addr = scan_until(&s, '/');
	dec->extra->conn = !desc_addr_decode(a, addr.p, addr.len);
	return 0;
}

static int line_bandwidth(struct decode *dec, struct scan s)
{
	struct scan type = scan_trim(scan_until(&s, ':'));
	const char *text;
	uint32_t value;

	if (!decode_in_media(dec) || !scan_is_token(type) ||
	    !scan_u32(&value, scan_trim(s)))
		return 0;
	text = desc_strn(dec->d, type.p, type.len);
	if (!text)
		return ENOMEM;
	return desc_bandwidth_append(dec->d, &dec->cur->bandwidths, text,
				     value);
}

/* What stands above the first m-line holds for each of them. */
static int inherit(struct decode *dec, struct desc_media *m)
{
	const struct desc_media *from = dec->session;
	const struct rtcpfb *fb;
	const struct extmap *e;
	int err = 0;

	m->dir = from->dir;
	m->transport = from->transport;
	m->extmap_allow_mixed = from->extmap_allow_mixed;
	for (fb = from->fbs; fb && !err; fb = fb->next)
		err = desc_fb_append(dec->d, &m->fbs, fb->type, fb->subtype);
	for (e = from->extmaps; e && !err; e = e->next)
		err = desc_extmap_append(dec->d, &m->extmaps, e->id, e->dir,
					 e->uri);
	return err;
}

static int format_add(struct decode *dec, struct desc_media *m, struct scan w)
{
	const char *name = "";
	unsigned channels = 1;
	uint32_t pt, clock = 0;

	if (!scan_u32(&pt, w) || pt > 127 || codec_find_pt(m->codecs, pt))
		return 0;
	(void)codec_static(pt, &name, &clock, &channels);
	return desc_codec_add(NULL, dec->d, m, pt, name, clock, channels);
}

static int formats_decode(struct decode *dec, struct desc_media *m,
			  struct scan s)
{
	struct scan w;
	int err = 0;

	s = scan_trim(s);
	m->fmt_text = desc_strn(dec->d, s.p, s.len);
	if (!m->fmt_text)
		return ENOMEM;
	if (!s.len || memchr(s.p, '\t', s.len))
		return EBADMSG;
	for (w = scan_word(&s); w.len && !err; w = scan_word(&s)) {
		if (!scan_is_token(w))
			return EBADMSG;
		if (m->proto != DESC_PROTO_OTHER)
			err = format_add(dec, m, w);
	}
	return err;
}

static bool is_proto(struct scan s)
{
	struct scan part;

	do {
		part = scan_until(&s, '/');
		if (!scan_is_token(part))
			return false;
	} while (s.len);
	return true;
}

static enum desc_proto proto_find(struct scan s)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (scan_is_nocase(s, protos[i].name))
			return protos[i].proto;
	}
	return DESC_PROTO_OTHER;
}

static enum desc_kind kind_find(struct scan media, enum desc_proto proto)
{
	if (proto == DESC_PROTO_OTHER)
		return DESC_OTHER;
	if (scan_is(media, "audio"))
		return DESC_AUDIO;
	return scan_is(media, "video") ? DESC_VIDEO : DESC_OTHER;
}

/* m=media port[/n] proto fmt ..; RFC 8866 5.14 */
static int line_media(struct decode *dec, struct scan s)
{
	struct scan media = scan_word(&s), port = scan_word(&s);
	struct scan proto = scan_word(&s);
	enum desc_proto p = proto_find(proto);
	struct decode_media *extra;
	struct desc_media *m;
	int err;

	if (dec->d->mediac >= DESC_MEDIA_MAX)
		return E2BIG;
	extra = &dec->media[dec->d->mediac];
	if (!scan_is_token(media) || !is_proto(proto) ||
	    !scan_port(&extra->port, scan_until(&port, '/')))
		return EBADMSG;
	err = desc_media_add(&m, dec->d, kind_find(media, p), "");
	if (err)
		return err;
	m->proto = p;
	m->media = desc_strn(dec->d, media.p, media.len);
	m->proto_text = desc_strn(dec->d, proto.p, proto.len);
	if (!m->media || !m->proto_text)
		return ENOMEM;
	err = inherit(dec, m);
	if (err)
		return err;
	m->transport.addr.port = extra->port;
	extra->conn = dec->session_media.conn;
	extra->line = dec->line;
	dec->cur = m;
	dec->extra = extra;
	return formats_decode(dec, m, s);
}

static int line_decode(struct decode *dec, struct scan s)
{
	struct scan value = {s.p + 2, s.len - 2};

	switch (s.p[0]) {
	case 'a':
		return decode_attribute(dec, value);
	case 'b':
		return line_bandwidth(dec, value);
	case 'c':
		return line_connection(dec, value);
	case 'm':
		return line_media(dec, value);
	case 'o':
		return line_origin(dec, value);
	default:
		return 0;
	}
}

/* Payload types that nothing names are of no use to anybody. */
static void codecs_finish(struct desc_media *m)
{
	struct codec **cp = &m->codecs;

	while (*cp) {
		if ((*cp)->name[0]) {
			cp = &(*cp)->next;
			continue;
		}
		*cp = (*cp)->next;
		m->codecc--;
	}
}

/* Of a rejected m-line only its place, name and formats are left. */
static void rejected_finish(struct desc_media *m)
{
	m->rejected = true;
	m->dir = DESC_INACTIVE;
	m->extmaps = NULL;
	m->extmap_allow_mixed = false;
	m->fbs = NULL;
	m->sources = NULL;
	m->source_groups = NULL;
	m->bandwidths = NULL;
	m->ptime = m->maxptime = 0;
	memset(&m->transport, 0, sizeof(m->transport));
}

static void ice_finish(struct transport *t)
{
	if (t->ufrag && t->pwd)
		return;
	t->ufrag = t->pwd = NULL; /* half of it is none */
	t->candidates = NULL;
	t->candidatec = 0;
	t->ice_lite = false;
	t->end_of_candidates = false;
}

static int addr_finish(struct desc_media *m, const struct decode_media *x)
{
	struct transport *t = &m->transport;

	if (!x->conn && !t->ufrag)
		return EBADMSG;
	if (!x->conn || is_unspecified(&t->addr)) {
		/* RFC 3264 8.4: hold as RFC 2543 had it; with ICE it says
		 * only that candidates follow (RFC 8840 4.1.1) */
		memset(&t->addr, 0, sizeof(t->addr));
		if (!t->ufrag)
			m->dir = DESC_INACTIVE;
	}
	if (!x->rtcp)
		return 0;
	t->rtcp = x->rtcp_addr.family ? x->rtcp_addr : t->addr;
	t->rtcp.port = x->rtcp_addr.port;
	if (!t->rtcp.family || is_unspecified(&t->rtcp))
		memset(&t->rtcp, 0, sizeof(t->rtcp));
	return 0;
}

static bool is_bundled(const struct decode *dec, const struct desc_media *m)
{
	for (unsigned i = 0; i < dec->groupc; i++) {
		struct scan rest = dec->groups[i], w;

		for (w = scan_word(&rest); w.len; w = scan_word(&rest)) {
			if (scan_is(w, m->mid))
				return true;
		}
	}
	return false;
}

static int media_finish(struct decode *dec, unsigned i)
{
	struct decode_media *x = &dec->media[i];
	struct desc_media *m = dec->d->media[i];

	dec->line = x->line;
	codecs_finish(m);
	/* RFC 9143 6: port 0 of a bundle-only m-line rejects nothing */
	if (!x->port && x->bundle_only && is_bundled(dec, m))
		x->port = m->transport.addr.port = DISCARD_PORT;
	if (!x->port || m->kind == DESC_OTHER) {
		rejected_finish(m);
		return 0;
	}
	ice_finish(&m->transport);
	return addr_finish(m, x);
}

static int mids_check(struct decode *dec)
{
	const struct desc *d = dec->d;

	for (unsigned i = 0; i < d->mediac; i++) {
		if (d->media[i]->mid[0] &&
		    desc_media_find(d, d->media[i]->mid) != d->media[i]) {
			dec->line = dec->media[i].line;
			return EBADMSG;
		}
	}
	return 0;
}

static bool is_grouped(const struct desc *d, const struct desc_group *last,
		       unsigned idx)
{
	for (const struct desc_group *g = d->groups; g <= last; g++) {
		for (unsigned i = 0; i < g->n; i++) {
			if (g->idx[i] == idx)
				return true;
		}
	}
	return false;
}

/* Unknown and rejected members are left out (RFC 9143 7.3.3), and an m-line
 * is in one group only (7.2). */
static void group_finish(struct decode *dec, struct scan rest)
{
	struct desc *d = dec->d;
	struct desc_group *g = &d->groups[d->groupc];
	struct scan w;

	for (w = scan_word(&rest); w.len; w = scan_word(&rest)) {
		unsigned i = 0;

		while (i < d->mediac && !scan_is(w, d->media[i]->mid))
			i++;
		if (i == d->mediac || d->media[i]->rejected)
			continue;
#if PLANT != 3 /* the same name again and again */
		if (is_grouped(d, g, i))
			continue;
#endif
		g->idx[g->n++] = i;
	}
	if (g->n)
		d->groupc++;
}

static int decode_finish(struct decode *dec)
{
	int err = mids_check(dec);

	for (unsigned i = 0; i < dec->d->mediac && !err; i++)
		err = media_finish(dec, i);
	for (unsigned i = 0; i < dec->groupc && !err; i++)
		group_finish(dec, dec->groups[i]);
	return err;
}

static int decode_lines(struct decode *dec, struct scan text)
{
	int err = 0;

	while (text.len && !err) {
		struct scan s = scan_until(&text, '\n');

		dec->line++;
		while (s.len && s.p[s.len - 1] == '\r')
			s.len--;
		if (dec->line == 1 && !scan_is(scan_trim(s), "v=0"))
			return EBADMSG;
		if (!s.len)
			continue;
		if (s.len < 2 || s.p[1] != '=' || memchr(s.p, 0, s.len) ||
		    memchr(s.p, '\r', s.len))
			return EBADMSG;
		err = line_decode(dec, s);
	}
	return err ? err : dec->line ? 0 : EBADMSG;
}

static int decode_start(struct decode *dec)
{
	int err = desc_alloc(&dec->d);

	if (err)
		return err;
	dec->session = desc_mem(dec->d, sizeof(*dec->session));
	if (!dec->session)
		return ENOMEM;
	dec->session->mid = "";
	dec->session->dir = DESC_SENDRECV;
	dec->cur = dec->session;
	dec->extra = &dec->session_media;
	return 0;
}

int desc_decode(struct desc **dp, const char *text, size_t len, unsigned *line)
{
	struct decode dec = {0};
	int err;

	if (!dp || !text)
		return EINVAL;
	if (len > DESC_BYTES_MAX) {
		err = E2BIG;
		goto out;
	}
	err = decode_start(&dec);
	if (!err)
		err = decode_lines(&dec, (struct scan){text, len});
	if (!err)
		err = decode_finish(&dec);
	if (err)
		goto out;
	*dp = dec.d;
	dec.d = NULL;
out:
	if (line)
		*line = dec.line;
	desc_free(dec.d);
	return err;
}
