/* join.c: what the two sides of a call have in common. */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "bridge/join.h"

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

/* Payload numbers of our own offers, D37; towards SIP the numbers that phones
 * have used for decades. */
static const struct plan {
	const char *key, *name;
	uint32_t clock;
	uint8_t channels, x_pt, s_pt;
	const char *fmtp;
} plan[] = {
    {"opus", "opus", 48000, 2, 111, 96, "minptime=10;useinbandfec=1"},
    {"g722", "G722", 8000, 1, 9, 9, NULL}, /* RFC 3551 4.5.2: 8000 */
    {"pcmu", "PCMU", 8000, 1, 0, 0, NULL},
    {"pcma", "PCMA", 8000, 1, 8, 8, NULL},
};

static const struct plan events[] = {
    {NULL, "telephone-event", 48000, 1, 110, 100, "0-15"},
    {NULL, "telephone-event", 8000, 1, 126, 101, "0-15"},
};

enum { PTIME = 20 }; /* ms, RFC 3551 4.2 */

int join_audio(const struct desc *d)
{
	for (unsigned i = 0; d && i < d->mediac; i++) {
		if (d->media[i]->kind == DESC_AUDIO && !d->media[i]->rejected)
			return (int)i;
	}

	return -1;
}

static bool trunk_has(const struct config_trunk *trunk, const char *key)
{
	for (size_t i = 0; i < trunk->codecc; i++) {
		if (!strcasecmp(trunk->codecs[i], key))
			return true;
	}

	return false;
}

static const struct plan *plan_find(const char *key)
{
	for (size_t i = 0; i < COUNT(plan); i++) {
		if (!strcasecmp(plan[i].key, key))
			return &plan[i];
	}

	return NULL;
}

static int plan_add(struct desc *d, struct desc_media *m, const struct plan *p,
		    bool sip)
{
	struct codec *c;
	int err;

	err = desc_codec_add(&c, d, m, sip ? p->s_pt : p->x_pt, p->name,
			     p->clock, p->channels);
	if (err || !p->fmtp)
		return err;

	return fmtp_decode(d, &c->params, p->fmtp, strlen(p->fmtp));
}

static bool like_plan(const struct codec *list, const struct plan *p)
{
	for (; list; list = list->next) {
		if (!strcasecmp(list->name, p->name) &&
		    list->clock == p->clock && list->channels == p->channels)
			return true;
	}

	return false;
}

/* Events of the rate of a primary codec (RFC 4733 2.1).  A phone is offered
 * 8000 in any case: many know no other.  libwebrtc takes the lowest rate of
 * several and then ends each event with its first packet where the sound has
 * a higher one: it gets that of the codec that it will use, our first. */
static bool wants_events(const struct desc_media *m, uint32_t clock, bool sip)
{
	for (const struct codec *c = m->codecs; c; c = c->next) {
		if (!codec_is_primary(c))
			continue;
		if (c->clock == clock)
			return true;
		if (!sip)
			return false;
	}

	return clock == 8000;
}

static bool has_primary(const struct desc_media *m)
{
	for (const struct codec *c = m->codecs; c; c = c->next) {
		if (codec_is_primary(c))
			return true;
	}

	return false;
}

static bool has_events(const struct desc_media *m)
{
	for (const struct codec *c = m->codecs; c; c = c->next) {
		if (codec_is_event(c))
			return true;
	}

	return false;
}

static int add_events(struct desc *d, struct desc_media *m, bool sip)
{
	int err = 0;

	for (size_t i = 0; i < COUNT(events) && !err; i++) {
		if (wants_events(m, events[i].clock, sip))
			err = plan_add(d, m, &events[i], sip);
	}

	return err;
}

int join_offer_sip(struct desc **dp, const struct config_trunk *trunk,
		   const struct desc *x)
{
	int xi = join_audio(x);
	const struct codec *theirs = xi < 0 ? NULL : x->media[xi]->codecs;
	struct desc_media *m;
	struct desc *d;
	int err;

	if (x && xi < 0)
		return ENOTSUP;

	err = desc_alloc(&d);
	if (err)
		return err;

	err = desc_media_add(&m, d, DESC_AUDIO, "");
	if (err)
		goto out;

	for (size_t i = 0; i < trunk->codecc && !err; i++) {
		const struct plan *p = plan_find(trunk->codecs[i]);

		if (p && (!x || like_plan(theirs, p)))
			err = plan_add(d, m, p, true);
	}
	if (err)
		goto out;

	if (!has_primary(m)) {
		err = ENOTSUP;
		goto out;
	}

	/* a keypad in the client may also be XEP-0181: always offer events */
	err = add_events(d, m, true);
	m->dir = DESC_SENDRECV;
	m->ptime = PTIME;

out:
	if (err)
		desc_free(d);
	else
		*dp = d;

	return err;
}

int join_offer_xmpp(struct desc **dp, const struct config_trunk *trunk,
		    const struct desc *s)
{
	int si = join_audio(s);
	struct desc_media *m;
	struct desc *d;
	int err;

	if (s && si < 0)
		return ENOTSUP;

	err = desc_alloc(&d);
	if (err)
		return err;

	err = desc_media_add(&m, d, DESC_AUDIO, "0");
	if (err)
		goto out;

	if (s) {
		for (const struct codec *c = s->media[si]->codecs; c && !err;
		     c = c->next) {
			const struct plan *p = plan_find(c->name);

			if (p && like_plan(c, p) && trunk_has(trunk, p->key) &&
			    !codec_find_pt(m->codecs, p->x_pt))
				err = plan_add(d, m, p, false);
		}
	} else {
		for (size_t i = 0; i < trunk->codecc && !err; i++) {
			const struct plan *p = plan_find(trunk->codecs[i]);

			if (p)
				err = plan_add(d, m, p, false);
		}
	}
	if (err)
		goto out;

	if (!has_primary(m)) {
		err = ENOTSUP;
		goto out;
	}

	/* by INFO where the phone has no telephone-event */
	if (!s || has_events(s->media[si]) || trunk->dtmf == CONFIG_INFO)
		err = add_events(d, m, false);

	m->dir = DESC_SENDRECV;
	m->ptime = PTIME;
	d->groupc = 1; /* max-bundle browsers want one even for one content */
	d->groups[0].n = 1;
	d->groups[0].idx[0] = 0;

out:
	if (err)
		desc_free(d);
	else
		*dp = d;

	return err;
}

/* Events of the clock that the first primary codec has, else any. */
static const struct codec *pick_event(const struct desc_media *m,
				      uint32_t clock)
{
	const struct codec *any = NULL;

	for (const struct codec *c = m->codecs; c; c = c->next) {
		if (!codec_is_event(c))
			continue;
		if ((c->clock == 48000) == (clock == 48000))
			return c;
		if (!any)
			any = c;
	}

	return any;
}

/* The codecs of offer that other has, too, in other's order, and events. */
static int common(struct desc *d, struct desc_media *m,
		  const struct desc_media *offer,
		  const struct desc_media *other)
{
	const struct codec *ev;
	uint32_t clock = 0;
	struct codec *c;
	int err = 0;

	for (const struct codec *o = other->codecs; o && !err; o = o->next) {
		const struct codec *mine = codec_find(offer->codecs, o);

		if (!mine || codec_is_event(mine) ||
		    codec_find_pt(m->codecs, mine->pt))
			continue;
		if (!codec_is_primary(mine) && strcasecmp(mine->name, "CN"))
			continue;

		err = desc_codec_copy(&c, d, m, mine, mine->pt);
		if (!err)
			c->fbs = NULL;
		if (!clock && codec_is_primary(mine))
			clock = mine->clock;
	}
	if (err)
		return err;
	if (!clock)
		return ENOTSUP;

	ev = pick_event(offer, clock);
	if (!ev)
		return 0;

	return desc_codec_copy(&c, d, m, ev, ev->pt);
}

static int keep_inactive(struct desc *d, struct desc_media *m,
			 const struct desc_media *offer)
{
	struct codec *c;
	int err = 0;

	for (const struct codec *o = offer->codecs; o && !err; o = o->next) {
		err = desc_codec_copy(&c, d, m, o, o->pt);
		if (!err)
			c->fbs = NULL;
	}

	m->dir = DESC_INACTIVE;

	return err;
}

/* One content of an answer: what the offer has in common with theirs; NULL: it
 * is kept, and not used. */
static int answer_media(struct desc_media **mp, struct desc *d,
			const struct desc_media *offer,
			const struct desc_media *theirs)
{
	struct desc_media *m;
	int err;

	err = desc_media_add(&m, d, offer->kind, offer->mid);
	if (err)
		return err;

	m->media = desc_str(d, offer->media);
	m->dir = DESC_SENDRECV;
	*mp = m;

	return theirs ? common(d, m, offer, theirs)
		      : keep_inactive(d, m, offer);
}

/* What the offerer is told of the transport that its offer named. */
static void answer_sip(struct desc *d, struct desc_media *m,
		       const struct desc_media *offer, bool audio)
{
	m->proto = offer->proto;
	m->proto_text =
	    offer->proto_text ? desc_str(d, offer->proto_text) : NULL;
	m->fmt_text = offer->fmt_text ? desc_str(d, offer->fmt_text) : NULL;
	if (audio)
		m->ptime = PTIME;
	else
		m->rejected = true;
}

static int answer(struct desc **dp, const struct desc *offer,
		  const struct desc *theirs, bool to_sip)
{
	const int oi = join_audio(offer), ti = join_audio(theirs);
	struct desc_media *m;
	struct desc *d;
	int err;

	if (oi < 0 || ti < 0)
		return ENOTSUP;

	err = desc_alloc(&d);
	if (err)
		return err;

	for (unsigned i = 0; i < offer->mediac; i++) {
		const struct desc_media *o = offer->media[i];
		const bool audio = (int)i == oi;

		err = answer_media(&m, d, o, audio ? theirs->media[ti] : NULL);
		if (err) {
			desc_free(d);
			return err;
		}
		if (to_sip)
			answer_sip(d, m, o, audio);
		else
			m->creator_responder = o->creator_responder;
	}
	if (!to_sip) {
		memcpy(d->groups, offer->groups, sizeof(d->groups));
		d->groupc = offer->groupc;
	}
	*dp = d;

	return 0;
}

int join_answer_xmpp(struct desc **dp, const struct desc *x_offer,
		     const struct desc *s)
{
	return answer(dp, x_offer, s, false);
}

int join_answer_sip(struct desc **dp, const struct desc *s_offer,
		    const struct desc *x)
{
	return answer(dp, s_offer, x, true);
}

static void pt_add(struct media_pt *v, unsigned *n, uint8_t x,
		   uint32_t x_clock, const struct codec *s, bool event)
{
	if (*n >= MEDIA_PT_MAX)
		return;

	v[*n] = (struct media_pt){.x = x,
				  .s = s->pt,
				  .x_clock = x_clock,
				  .s_clock = s->clock,
				  .event = event};
	++*n;
}

unsigned join_pts(struct media_pt v[MEDIA_PT_MAX], const struct desc_media *x,
		  const struct desc_media *s)
{
	static const struct codec none = {.pt = JOIN_NO_PT};
	const struct codec *ev;
	uint32_t clock = 0;
	unsigned n = 0;

	for (const struct codec *c = x->codecs; c; c = c->next) {
		const struct codec *o = codec_find(s->codecs, c);

		if (!o || codec_is_event(c))
			continue;
		if (!codec_is_primary(c) && strcasecmp(c->name, "CN"))
			continue;

		pt_add(v, &n, c->pt, c->clock, o, false);
		if (!clock && codec_is_primary(c))
			clock = c->clock;
	}

	ev = pick_event(s, clock);
	if (!ev) { /* told to the call, not relayed */
		for (const struct codec *c = x->codecs; c; c = c->next) {
			if (codec_is_event(c))
				pt_add(v, &n, c->pt, c->clock, &none, true);
		}
		return n;
	}

	const struct codec *best = pick_event(x, clock);

	if (!best) {
		pt_add(v, &n, JOIN_NO_PT, ev->clock, ev, true);
		return n;
	}

	/* what S sends goes out under the first entry that matches */
	pt_add(v, &n, best->pt, best->clock, ev, true);
	for (const struct codec *c = x->codecs; c; c = c->next) {
		if (codec_is_event(c) && c != best)
			pt_add(v, &n, c->pt, c->clock, ev, true);
	}

	return n;
}

int join_source(struct desc *d, struct desc_media *m, uint32_t ssrc,
		const char *cname)
{
	struct source *src;
	int err;

	err = desc_source_add(&src, d, m, ssrc);
	err = err ? err : desc_param_add(d, &src->params, "cname", cname);
	err = err ? err : desc_param_add(d, &src->params, "msid", "gw gw0");

	return err;
}
