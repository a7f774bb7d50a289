/* copy.c: deep copies; nothing of one desc points into another. */
#include "sdp/desc.h"
#include "sdp/list.h"
#include <errno.h>
#include <string.h>

static int params_copy(struct desc *d, struct param **to,
		       const struct param *from)
{
	int err = 0;

	for (; from && !err; from = from->next)
		err = desc_param_add(d, to, from->name, from->value);
	return err;
}

static int fbs_copy(struct desc *d, struct rtcpfb **to,
		    const struct rtcpfb *from)
{
	int err = 0;

	for (; from && !err; from = from->next)
		err = desc_fb_append(d, to, from->type, from->subtype);
	return err;
}

int desc_codec_copy(struct codec **cp, struct desc *d, struct desc_media *m,
		    const struct codec *from, unsigned pt)
{
	struct codec *c;
	int err;

	if (!from)
		return EINVAL;
	err = desc_codec_add(&c, d, m, pt, from->name, from->clock,
			     from->channels);
	if (err)
		return err;
	c->ptime = from->ptime;
	c->maxptime = from->maxptime;
	err = params_copy(d, &c->params, from->params);
	if (!err)
		err = fbs_copy(d, &c->fbs, from->fbs);
	if (!err && cp)
		*cp = c;
	return err;
}

int desc_transport_copy(struct desc *d, struct transport *to,
			const struct transport *from)
{
	const struct candidate *cand;
	const struct crypto *crypto;
	struct transport t;
	int err = 0;

	if (!d || !to || !from)
		return EINVAL;
	t = *from;
	t.candidates = NULL;
	t.candidatec = 0;
	t.cryptos = NULL;
	t.ufrag = desc_str(d, from->ufrag);
	t.pwd = desc_str(d, from->pwd);
	if (!t.ufrag != !from->ufrag || !t.pwd != !from->pwd)
		return ENOMEM;
	for (cand = from->candidates; cand && !err; cand = cand->next)
		err = desc_candidate_add(d, &t, cand);
	for (crypto = from->cryptos; crypto && !err; crypto = crypto->next)
		err = desc_crypto_add(d, &t, crypto);
	if (!err)
		*to = t;
	return err;
}

static int sources_copy(struct desc *d, struct desc_media *to,
			const struct desc_media *from)
{
	const struct source_group *g;
	const struct source *s;
	struct source *copy;
	int err = 0;

	for (s = from->sources; s && !err; s = s->next) {
		err = desc_source_add(&copy, d, to, s->ssrc);
		if (!err)
			err = params_copy(d, &copy->params, s->params);
	}
	for (g = from->source_groups; g && !err; g = g->next)
		err = desc_source_group_append(d, &to->source_groups,
					       g->semantics, g->ssrc, g->n);
	return err;
}

static int lists_copy(struct desc *d, struct desc_media *to,
		      const struct desc_media *from)
{
	const struct bandwidth *b;
	const struct extmap *e;
	const struct codec *c;
	int err = 0;

	for (c = from->codecs; c && !err; c = c->next)
		err = desc_codec_copy(NULL, d, to, c, c->pt);
	for (e = from->extmaps; e && !err; e = e->next)
		err =
		    desc_extmap_append(d, &to->extmaps, e->id, e->dir, e->uri);
	for (b = from->bandwidths; b && !err; b = b->next)
		err = desc_bandwidth_append(d, &to->bandwidths, b->type,
					    b->value);
	if (!err)
		err = fbs_copy(d, &to->fbs, from->fbs);
	return err;
}

static int media_copy(struct desc *d, const struct desc_media *from)
{
	struct desc_media *m;
	int err;

	err = desc_media_add(&m, d, from->kind, from->mid);
	if (err)
		return err;
	m->media = desc_str(d, from->media ? from->media : "");
	m->proto_text = desc_str(d, from->proto_text ? from->proto_text : "");
	m->fmt_text = desc_str(d, from->fmt_text ? from->fmt_text : "");
	if (!m->media || !m->proto_text || !m->fmt_text)
		return ENOMEM;
	m->proto = from->proto;
	m->dir = from->dir;
	m->rejected = from->rejected;
	m->creator_responder = from->creator_responder;
	m->extmap_allow_mixed = from->extmap_allow_mixed;
	m->ptime = from->ptime;
	m->maxptime = from->maxptime;
	err = lists_copy(d, m, from);
	if (!err)
		err = sources_copy(d, m, from);
	if (!err)
		err = desc_transport_copy(d, &m->transport, &from->transport);
	return err;
}

int desc_copy(struct desc **dp, const struct desc *from)
{
	struct desc *d = NULL;
	int err;

	if (!dp || !from)
		return EINVAL;
	err = desc_alloc(&d);
	if (!err)
		arena_fit(d, from);
	for (unsigned i = 0; i < from->mediac && !err; i++)
		err = media_copy(d, from->media[i]);
	if (err)
		goto out;
	memcpy(d->groups, from->groups, sizeof(d->groups));
	d->groupc = from->groupc;
	d->origin_id = from->origin_id;
	d->origin_version = from->origin_version;
	*dp = d;
	d = NULL;
out:
	desc_free(d);
	return err;
}
