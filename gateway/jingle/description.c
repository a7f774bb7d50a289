/* description.c: <description/> of a content: what is sent and how (XEP-0167
 * 4, 0293, 0294, 0339; protocol E.7). */
#include "jingle/codec.h"

#include "base/compat.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_fbelement(const struct stanza *e)
{
	return stanza_is(e, "rtcp-fb", NS_JINGLE_FB) ||
	       stanza_is(e, "rtcp-fb-trr-int", NS_JINGLE_FB);
}

static int feedback_one(struct desc *d, struct rtcpfb *fb,
			const struct stanza *e)
{
	const char *subtype = stanza_attr(e, "subtype");

	if (!strcmp(e->name, "rtcp-fb-trr-int")) {
		fb->type = "trr-int";
		return codec_text(&fb->subtype, d, stanza_attr(e, "value"),
				  CODEC_NAME_MAX);
	}

	fb->subtype = "";
	if (subtype) {
		int err = codec_text(&fb->subtype, d, subtype, CODEC_NAME_MAX);

		if (err)
			return err;
	}

	return codec_text(&fb->type, d, stanza_attr(e, "type"),
			  CODEC_NAME_MAX);
}

int codec_feedback_decode(struct desc *d, struct rtcpfb **list,
			  const struct stanza *e)
{
	const struct stanza *c;
	unsigned n = 0;

	while (*list)
		list = &(*list)->next;

	for (c = stanza_child(e, NULL, NS_JINGLE_FB); c;
	     c = stanza_next(c, NULL, NS_JINGLE_FB)) {
		struct rtcpfb *fb;
		int err;

		if (!is_fbelement(c))
			continue;
		if (n++ >= CODEC_FB_MAX)
			return E2BIG;

		fb = desc_mem(d, sizeof(*fb));
		if (!fb)
			return ENOMEM;
		err = feedback_one(d, fb, c);
		if (err)
			return err;
		*list = fb;
		list = &fb->next;
	}

	return 0;
}

void codec_feedback_encode(struct stanza *e, const struct rtcpfb *fb)
{
	for (; fb; fb = fb->next) {
		struct stanza *c;

		if (!strcmp(fb->type, "trr-int")) {
			c = stanza_add(e, "rtcp-fb-trr-int", NS_JINGLE_FB);
			stanza_attr_set(c, "value", fb->subtype);
			continue;
		}

		c = stanza_add(e, "rtcp-fb", NS_JINGLE_FB);
		stanza_attr_set(c, "type", fb->type);
		if (*fb->subtype)
			stanza_attr_set(c, "subtype", fb->subtype);
	}
}

/* ---- header extensions, XEP-0294 ---- */

static int extmaps_decode(struct desc *d, struct desc_media *m,
			  const struct stanza *e, bool initiator)
{
	struct extmap **tail = &m->extmaps;
	const struct stanza *c;
	unsigned n = 0;

	for (c = stanza_child(e, "rtp-hdrext", NS_JINGLE_HDREXT); c;
	     c = stanza_next(c, "rtp-hdrext", NS_JINGLE_HDREXT)) {
		struct extmap *x;
		uint32_t id;
		int err;

		if (n++ >= CODEC_EXTMAP_MAX)
			return E2BIG;
		/* RFC 8285 5: 1..4095 within an offer */
		if (!codec_number(stanza_attr(c, "id"), 4095, &id) || !id)
			return EBADMSG;

		x = desc_mem(d, sizeof(*x));
		if (!x)
			return ENOMEM;
		x->id = id;
		x->dir =
		    codec_senders_decode(stanza_attr(c, "senders"), initiator);
		err = codec_text(&x->uri, d, stanza_attr(c, "uri"),
				 CODEC_NAME_MAX);
		if (err)
			return err;
		*tail = x;
		tail = &x->next;
	}

	m->extmap_allow_mixed =
	    stanza_child(e, "extmap-allow-mixed", NS_JINGLE_HDREXT) != NULL;

	return 0;
}

static void extmaps_encode(struct stanza *e, const struct desc_media *m,
			   bool initiator)
{
	const struct extmap *x;
	struct stanza *c;

	for (x = m->extmaps; x; x = x->next) {
		c = stanza_add(e, "rtp-hdrext", NS_JINGLE_HDREXT);
		stanza_attr_setf(c, "id", "%u", x->id);
		stanza_attr_set(c, "uri", x->uri);
		if (x->dir != DESC_SENDRECV)
			stanza_attr_set(c, "senders",
					codec_senders_name(x->dir, initiator));
	}

	if (m->extmap_allow_mixed)
		stanza_add(e, "extmap-allow-mixed", NS_JINGLE_HDREXT);
}

/* ---- sources, XEP-0339 ---- */

static int source_params(struct desc *d, struct source *s,
			 const struct stanza *e)
{
	const struct stanza *c;
	unsigned n = 0;

	for (c = stanza_child(e, "parameter", NS_JINGLE_SSMA); c;
	     c = stanza_next(c, "parameter", NS_JINGLE_SSMA)) {
		const char *name = stanza_attr(c, "name");
		const char *value = stanza_attr(c, "value");
		int err;

		if (n++ >= CODEC_PARAM_MAX)
			return E2BIG;
		if (!value)
			value = "";
		err = codec_text_check(name, CODEC_NAME_MAX);
		if (!err)
			err = codec_text_check(value, CODEC_VALUE_MAX);
		if (!err)
			err = desc_param_add(d, &s->params, name, value);
		if (err)
			return err;
	}

	return 0;
}

static int sources_decode(struct desc *d, struct desc_media *m,
			  const struct stanza *e)
{
	const struct stanza *c;
	unsigned n = 0;

	for (c = stanza_child(e, "source", NS_JINGLE_SSMA); c;
	     c = stanza_next(c, "source", NS_JINGLE_SSMA)) {
		struct source *s;
		uint32_t ssrc;
		int err;

		if (n++ >= CODEC_SOURCE_MAX)
			return E2BIG;
		if (!codec_number(stanza_attr(c, "ssrc"), UINT32_MAX, &ssrc))
			return EBADMSG;
		err = desc_source_add(&s, d, m, ssrc);
		if (!err)
			err = source_params(d, s, c);
		if (err)
			return err;
	}

	return 0;
}

static int source_group_decode(struct desc *d, struct source_group *g,
			       const struct stanza *e)
{
	const struct stanza *c;
	int err;

	err = codec_text(&g->semantics, d, stanza_attr(e, "semantics"),
			 CODEC_NAME_MAX);

	for (c = stanza_child(e, "source", NS_JINGLE_SSMA); c && !err;
	     c = stanza_next(c, "source", NS_JINGLE_SSMA)) {
		uint32_t ssrc;

#if PLANT != 1
		if (g->n >= sizeof(g->ssrc) / sizeof(g->ssrc[0]))
			return E2BIG;
#endif
		if (!codec_number(stanza_attr(c, "ssrc"), UINT32_MAX, &ssrc))
			return EBADMSG;
		g->ssrc[g->n++] = ssrc;
	}

	return err;
}

static int source_groups_decode(struct desc *d, struct desc_media *m,
				const struct stanza *e)
{
	struct source_group **tail = &m->source_groups;
	const struct stanza *c;
	unsigned n = 0;

	for (c = stanza_child(e, "ssrc-group", NS_JINGLE_SSMA); c;
	     c = stanza_next(c, "ssrc-group", NS_JINGLE_SSMA)) {
		struct source_group *g;
		int err;

		if (n++ >= CODEC_SOURCE_MAX)
			return E2BIG;
		g = desc_mem(d, sizeof(*g));
		if (!g)
			return ENOMEM;
		err = source_group_decode(d, g, c);
		if (err)
			return err;
		*tail = g;
		tail = &g->next;
	}

	return 0;
}

static void sources_encode(struct stanza *e, const struct desc_media *m)
{
	const struct source_group *g;
	const struct source *s;
	const struct param *p;
	struct stanza *c, *x;
	unsigned i;

	for (s = m->sources; s; s = s->next) {
		c = stanza_add(e, "source", NS_JINGLE_SSMA);
		stanza_attr_setf(c, "ssrc", "%u", s->ssrc);
		for (p = s->params; p; p = p->next) {
			x = stanza_add(c, "parameter", NS_JINGLE_SSMA);
			stanza_attr_set(x, "name", p->name);
			if (*p->value)
				stanza_attr_set(x, "value", p->value);
		}
	}

	for (g = m->source_groups; g; g = g->next) {
		c = stanza_add(e, "ssrc-group", NS_JINGLE_SSMA);
		stanza_attr_set(c, "semantics", g->semantics);
		for (i = 0; i < g->n; i++) {
			x = stanza_add(c, "source", NS_JINGLE_SSMA);
			stanza_attr_setf(x, "ssrc", "%u", g->ssrc[i]);
		}
	}
}

/* ---- bandwidth and SDES keys, XEP-0167 6, 7 ---- */

static int bandwidth_decode(struct desc *d, struct desc_media *m,
			    const struct stanza *e)
{
	struct bandwidth **tail = &m->bandwidths;
	const struct stanza *c;
	unsigned n = 0;

	for (c = stanza_child(e, "bandwidth", NS_JINGLE_RTP); c;
	     c = stanza_next(c, "bandwidth", NS_JINGLE_RTP)) {
		struct bandwidth *b;
		char *text = NULL;
		uint32_t value;
		bool ok;
		int err;

		if (n++ >= CODEC_BANDWIDTH_MAX)
			return E2BIG;
		err = stanza_text(&text, c);
		if (err)
			return err;
		ok = codec_number(text, UINT32_MAX, &value);
		mem_deref(text);
		if (!ok)
			continue;

		b = desc_mem(d, sizeof(*b));
		if (!b)
			return ENOMEM;
		b->value = value;
		err = codec_text(&b->type, d, stanza_attr(c, "type"),
				 CODEC_NAME_MAX);
		if (err)
			return err;
		*tail = b;
		tail = &b->next;
	}

	return 0;
}

/* Read because Dino offers it beside DTLS; never used or written. */
static int crypto_lines_decode(struct desc *d, struct transport *t,
			       const struct stanza *e)
{
	const struct stanza *c = stanza_child(e, "encryption", NS_JINGLE_RTP);

	for (c = c ? stanza_child(c, "crypto", NS_JINGLE_RTP) : NULL; c;
	     c = stanza_next(c, "crypto", NS_JINGLE_RTP)) {
		const char *tag = stanza_attr(c, "tag");
		const char *suite = stanza_attr(c, "crypto-suite");
		const char *key = stanza_attr(c, "key-params");
		const char *params = stanza_attr(c, "session-params");
		char line[512];
		struct crypto v;
		int n, err;

		if (!tag || !suite || !key)
			return EBADMSG;
		n = snprintf(line, sizeof(line), "%s %s %s%s%s", tag, suite,
			     key, params ? " " : "", params ? params : "");
		if (n < 0 || (size_t)n >= sizeof(line))
			return E2BIG;
		memset(&v, 0, sizeof(v));
		if (crypto_decode(&v, line, (size_t)n))
			continue;
		err = desc_crypto_add(d, t, &v);
		if (err)
			return err;
	}

	return 0;
}

static void times_decode(struct desc_media *m, const struct stanza *e)
{
	uint32_t v;

	/* Movim writes them here, XEP-0167 on each payload-type. */
	if (codec_number(stanza_attr(e, "ptime"), 1000, &v))
		m->ptime = v;
	if (codec_number(stanza_attr(e, "maxptime"), 1000, &v))
		m->maxptime = v;
}

int codec_description_decode(struct desc *d, struct desc_media *m,
			     const struct stanza *e, bool initiator)
{
	const struct stanza *c;
	int err = 0;

	times_decode(m, e);
	m->transport.mux = stanza_child(e, "rtcp-mux", NULL) != NULL;

	for (c = stanza_child(e, "payload-type", NS_JINGLE_RTP); c && !err;
	     c = stanza_next(c, "payload-type", NS_JINGLE_RTP))
		err = codec_payload_decode(d, m, c);

	if (!err)
		err = codec_feedback_decode(d, &m->fbs, e);
	if (!err)
		err = extmaps_decode(d, m, e, initiator);
	if (!err)
		err = sources_decode(d, m, e);
	if (!err)
		err = source_groups_decode(d, m, e);
	if (!err)
		err = bandwidth_decode(d, m, e);
	if (!err)
		err = crypto_lines_decode(d, &m->transport, e);

	return err;
}

void codec_description_encode(struct stanza *content,
			      const struct desc_media *m, bool initiator)
{
	struct stanza *e, *c;
	const struct codec *codec;
	const struct bandwidth *b;

	e = stanza_add(content, "description", NS_JINGLE_RTP);
	stanza_attr_set(e, "media", m->kind == DESC_AUDIO ? "audio" : "video");

	for (codec = m->codecs; codec; codec = codec->next)
		codec_payload_encode(e, codec, m);

	for (b = m->bandwidths; b; b = b->next) {
		char value[16];

		c = stanza_add(e, "bandwidth", NULL);
		stanza_attr_set(c, "type", b->type);
		snprintf(value, sizeof(value), "%u", (unsigned)b->value);
		stanza_text_add(c, value);
	}

	codec_feedback_encode(e, m->fbs);
	extmaps_encode(e, m, initiator);
	sources_encode(e, m);
	if (m->transport.mux)
		stanza_add(e, "rtcp-mux", NULL);
}
