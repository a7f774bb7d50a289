/* encode.c: desc -> text of SDP (RFC 8866).  Strings of a desc cannot end a
 * line (arena.c); what would break the grammar of its own line is left out. */
#include "sdp/desc.h"
#include "sdp/scan.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DISCARD_PORT = 9,
};

struct text {
	char *p;
	size_t len, size;
	int err; /* sticks; later additions do nothing */
};

static const char *const protos[] = {
    [DESC_RTP_AVP] = "RTP/AVP",
    [DESC_RTP_AVPF] = "RTP/AVPF",
    [DESC_RTP_SAVP] = "RTP/SAVP",
    [DESC_RTP_SAVPF] = "RTP/SAVPF",
    [DESC_TLS_SAVP] = "UDP/TLS/RTP/SAVP",
    [DESC_TLS_SAVPF] = "UDP/TLS/RTP/SAVPF",
};

static const char *const dirs[] = {
    [DESC_INACTIVE] = "inactive",
    [DESC_SENDONLY] = "sendonly",
    [DESC_RECVONLY] = "recvonly",
    [DESC_SENDRECV] = "sendrecv",
};

static const char *const setups[] = {
    [DESC_SETUP_ACTPASS] = "actpass",
    [DESC_SETUP_ACTIVE] = "active",
    [DESC_SETUP_PASSIVE] = "passive",
    [DESC_SETUP_HOLDCONN] = "holdconn",
};

static void text_room(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : 1024;
	char *p;

	while (size - t->len <= more)
		size *= 2;
	if (size == t->size)
		return;
	p = realloc(t->p, size);
	if (!p) {
		t->err = ENOMEM;
		return;
	}
	t->p = p;
	t->size = size;
}

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t,
							   const char *fmt,
							   ...)
{
	va_list ap;
	int n;

	if (t->err)
		return;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->err = EINVAL;
		return;
	}
	text_room(t, (size_t)n);
	if (t->err)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(t->p + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += (size_t)n;
}

static bool is_token(const char *s)
{
	return s && scan_is_token(scan_of(s));
}

static bool is_word(const char *s)
{
	return s && s[0] && !strpbrk(s, " \t");
}

static bool is_proto(const char *s)
{
	struct scan rest = scan_of(s);

	do {
		if (!scan_is_token(scan_until(&rest, '/')))
			return false;
	} while (rest.len);
	return true;
}

static bool is_formats(const char *s)
{
	struct scan rest = scan_of(s), w = scan_word(&rest);

	do {
		if (!scan_is_token(w))
			return false;
		w = scan_word(&rest);
	} while (w.len);
	return true;
}

static bool is_rejected(const struct desc_media *m)
{
	return m->rejected || m->kind == DESC_OTHER;
}

static void addr_add(struct text *t, const struct desc_addr *a)
{
	char ip[64];

	if (!a->family) {
		text_add(t, "IN IP4 0.0.0.0");
		return;
	}
	if (desc_addr_encode(ip, sizeof(ip), a)) {
		t->err = EINVAL;
		return;
	}
	text_add(t, "IN IP%u %s", a->family, ip);
}

/* D36: nothing of the user in o=. */
static void session_add(struct text *t, const struct desc *d)
{
	static const struct desc_addr none;
	const struct desc_addr *a = &none;

	for (unsigned i = 0; i < d->mediac && !a->family; i++) {
		if (!is_rejected(d->media[i]))
			a = &d->media[i]->transport.addr;
	}
	text_add(t, "v=0\r\no=- %llu %llu ", (unsigned long long)d->origin_id,
		 (unsigned long long)d->origin_version);
	addr_add(t, a);
	text_add(t, "\r\ns=-\r\nt=0 0\r\n");
	for (unsigned i = 0; i < d->mediac; i++) {
		if (d->media[i]->transport.ice_lite) {
			text_add(t, "a=ice-lite\r\n");
			break;
		}
	}
}

static void groups_add(struct text *t, const struct desc *d)
{
	for (unsigned i = 0; i < d->groupc; i++) {
		const struct desc_group *g = &d->groups[i];

		text_add(t, "a=group:BUNDLE");
		for (unsigned k = 0; k < g->n; k++) {
			const struct desc_media *m = d->media[g->idx[k]];

			if (is_token(m->mid))
				text_add(t, " %s", m->mid);
		}
		text_add(t, "\r\n");
	}
}

static void formats_add(struct text *t, const struct desc_media *m)
{
	bool any = false;

	for (const struct codec *c = m->codecs; c; c = c->next) {
		if (!is_token(c->name))
			continue;
		text_add(t, " %u", c->pt);
		any = true;
	}
	if (!any) /* 1*fmt: RFC 8866 9 */
		text_add(t, " %s",
			 is_formats(m->fmt_text) ? m->fmt_text : "0");
}

static void media_line_add(struct text *t, const struct desc_media *m)
{
	unsigned port = m->transport.addr.port;
	const char *proto = "RTP/AVP";

	if (m->proto != DESC_PROTO_OTHER)
		proto = protos[m->proto];
	else if (is_proto(m->proto_text))
		proto = m->proto_text;
	if (is_rejected(m))
		port = 0;
	else if (!m->transport.addr.family || !port)
		port = DISCARD_PORT;
	text_add(t, "m=%s %u %s",
		 is_token(m->media) ? m->media : "application", port, proto);
	formats_add(t, m);
	text_add(t, "\r\nc=");
	addr_add(t, &m->transport.addr);
	text_add(t, "\r\n");
	for (const struct bandwidth *b = m->bandwidths; b; b = b->next) {
		if (is_token(b->type))
			text_add(t, "b=%s:%u\r\n", b->type,
				 (unsigned)b->value);
	}
	if (is_token(m->mid))
		text_add(t, "a=mid:%s\r\n", m->mid);
}

static void fb_add(struct text *t, const struct rtcpfb *fb, const char *pt)
{
	for (; fb; fb = fb->next) {
		if (is_token(fb->type))
			text_add(t, "a=rtcp-fb:%s %s%s%s\r\n", pt, fb->type,
				 fb->subtype[0] ? " " : "", fb->subtype);
	}
}

static void params_add(struct text *t, const struct codec *c)
{
	const struct param *p = c->params;

	if (!p)
		return;
	text_add(t, "a=fmtp:%u ", c->pt);
	for (; p; p = p->next)
		text_add(t, "%s%s%s%s", p->name, p->name[0] ? "=" : "",
			 p->value, p->next ? "; " : "\r\n");
}

static void codecs_add(struct text *t, const struct desc_media *m)
{
	for (const struct codec *c = m->codecs; c; c = c->next) {
		char pt[8];

		if (!is_token(c->name))
			continue;
		(void)snprintf(pt, sizeof(pt), "%u", c->pt);
		text_add(t, "a=rtpmap:%s %s/%u", pt, c->name,
			 (unsigned)c->clock);
		if (c->channels > 1)
			text_add(t, "/%u", c->channels);
		text_add(t, "\r\n");
		params_add(t, c);
		fb_add(t, c->fbs, pt);
	}
}

/* SDP has one packet time for an m-line: ours, else the first that a codec
 * brings along from Jingle. */
static void times_add(struct text *t, const struct desc_media *m)
{
	unsigned ptime = m->ptime, maxptime = m->maxptime;

	for (const struct codec *c = m->codecs; c; c = c->next) {
		ptime = ptime ? ptime : c->ptime;
		maxptime = maxptime ? maxptime : c->maxptime;
	}
	if (ptime)
		text_add(t, "a=ptime:%u\r\n", ptime);
	if (maxptime)
		text_add(t, "a=maxptime:%u\r\n", maxptime);
}

static void extmaps_add(struct text *t, const struct desc_media *m)
{
	if (m->extmap_allow_mixed)
		text_add(t, "a=extmap-allow-mixed\r\n");
	for (const struct extmap *e = m->extmaps; e; e = e->next) {
		if (!is_word(e->uri))
			continue;
		text_add(t, "a=extmap:%u", e->id);
		if (e->dir != DESC_SENDRECV)
			text_add(t, "/%s", dirs[e->dir]);
		text_add(t, " %s\r\n", e->uri);
	}
}

static bool same_host(const struct desc_addr *a, const struct desc_addr *b)
{
	return a->family == b->family &&
	       !memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16);
}

static void rtcp_add(struct text *t, const struct transport *tr)
{
	if (tr->rtcp.family) {
		text_add(t, "a=rtcp:%u", tr->rtcp.port);
		if (!same_host(&tr->rtcp, &tr->addr)) {
			text_add(t, " ");
			addr_add(t, &tr->rtcp);
		}
		text_add(t, "\r\n");
	}
	if (tr->mux)
		text_add(t, "a=rtcp-mux\r\n");
}

static void ice_add(struct text *t, const struct transport *tr)
{
	if (!tr->ufrag || !tr->pwd)
		return;
	if (!scan_is_ice_chars(scan_of(tr->ufrag)) ||
	    !scan_is_ice_chars(scan_of(tr->pwd))) {
		t->err = EINVAL;
		return;
	}
	text_add(t, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", tr->ufrag, tr->pwd);
	for (const struct candidate *c = tr->candidates; c; c = c->next) {
		char buf[256];

		if (!candidate_encode(buf, sizeof(buf), c))
			text_add(t, "a=candidate:%s\r\n", buf);
	}
	if (tr->end_of_candidates)
		text_add(t, "a=end-of-candidates\r\n");
}

static void keys_add(struct text *t, const struct transport *tr)
{
	const struct fingerprint *fp = &tr->fingerprint;
	char buf[256];

	if (!fingerprint_encode(buf, sizeof(buf), fp))
		text_add(t, "a=fingerprint:%s %s\r\n",
			 fingerprint_hash_name(fp->hash), buf);
	if (tr->setup != DESC_SETUP_NONE)
		text_add(t, "a=setup:%s\r\n", setups[tr->setup]);
	for (const struct crypto *c = tr->cryptos; c; c = c->next) {
		if (!crypto_encode(buf, sizeof(buf), c))
			text_add(t, "a=crypto:%s\r\n", buf);
	}
}

static void source_add(struct text *t, const struct source *s)
{
	if (!s->params)
		text_add(t, "a=ssrc:%u\r\n", (unsigned)s->ssrc);
	for (const struct param *p = s->params; p; p = p->next) {
		if (is_token(p->name))
			text_add(t, "a=ssrc:%u %s%s%s\r\n", (unsigned)s->ssrc,
				 p->name, p->value[0] ? ":" : "", p->value);
	}
}

static void sources_add(struct text *t, const struct desc_media *m)
{
	for (const struct source_group *g = m->source_groups; g; g = g->next) {
		if (!is_token(g->semantics))
			continue;
		text_add(t, "a=ssrc-group:%s", g->semantics);
		for (unsigned i = 0; i < g->n; i++)
			text_add(t, " %u", (unsigned)g->ssrc[i]);
		text_add(t, "\r\n");
	}
	for (const struct source *s = m->sources; s; s = s->next)
		source_add(t, s);
}

static void media_add(struct text *t, const struct desc_media *m)
{
	media_line_add(t, m);
	codecs_add(t, m);
	if (is_rejected(m))
		return;
	fb_add(t, m->fbs, "*");
	times_add(t, m);
	extmaps_add(t, m);
	text_add(t, "a=%s\r\n", dirs[m->dir & DESC_SENDRECV]);
	rtcp_add(t, &m->transport);
	keys_add(t, &m->transport);
	ice_add(t, &m->transport);
	sources_add(t, m);
}

int desc_encode(char **textp, size_t *lenp, const struct desc *d)
{
	struct text t = {0};

	if (!textp || !d)
		return EINVAL;
	session_add(&t, d);
	groups_add(&t, d);
	for (unsigned i = 0; i < d->mediac; i++)
		media_add(&t, d->media[i]);
	if (t.err) {
		free(t.p);
		return t.err;
	}
	*textp = t.p;
	if (lenp)
		*lenp = t.len;
	return 0;
}
