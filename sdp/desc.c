/* desc.c: building, copying and searching a session description. */
#include "sdp/desc.h"
#include "sdp/list.h"
#include <errno.h>
#include <string.h>

int desc_media_add(struct desc_media **mp, struct desc *d, enum desc_kind kind,
		   const char *mid)
{
	static const char *const names[] = {
	    [DESC_AUDIO] = "audio",
	    [DESC_VIDEO] = "video",
	    [DESC_OTHER] = "application",
	};
	struct desc_media *m;

	if (!d)
		return EINVAL;
	if (d->mediac >= DESC_MEDIA_MAX)
		return E2BIG;
	m = desc_mem(d, sizeof(*m));
	if (!m)
		return ENOMEM;
	m->mid = desc_str(d, mid ? mid : "");
	if (!m->mid)
		return ENOMEM;
	m->kind = kind;
	m->media = names[kind];
	m->dir = DESC_SENDRECV;
	m->proto_text = "";
	m->fmt_text = "";
	d->media[d->mediac++] = m;
	if (mp)
		*mp = m;
	return 0;
}

int desc_codec_add(struct codec **cp, struct desc *d, struct desc_media *m,
		   unsigned pt, const char *name, uint32_t clock,
		   unsigned channels)
{
	struct codec **tail, *c;

	if (!d || !m || !name || pt > 127)
		return EINVAL;
	if (m->codecc >= DESC_FORMAT_MAX)
		return E2BIG;
	c = desc_mem(d, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->name = desc_str(d, name);
	if (!c->name)
		return ENOMEM;
	c->pt = (uint8_t)pt;
	c->clock = clock;
	c->channels = channels > UINT8_MAX ? UINT8_MAX : (uint8_t)channels;
	for (tail = &m->codecs; *tail; tail = &(*tail)->next)
		;
	*tail = c;
	m->codecc++;
	if (cp)
		*cp = c;
	return 0;
}

int desc_param_add(struct desc *d, struct param **list, const char *name,
		   const char *value)
{
	struct param *p;
	unsigned n = 0;

	if (!d || !list)
		return EINVAL;
	for (; *list; list = &(*list)->next)
		n++;
	if (n >= DESC_PARAM_MAX)
		return E2BIG;
	p = desc_mem(d, sizeof(*p));
	if (!p)
		return ENOMEM;
	p->name = desc_str(d, name ? name : "");
	p->value = desc_str(d, value ? value : "");
	if (!p->name || !p->value)
		return ENOMEM;
	*list = p;
	return 0;
}

int desc_fb_append(struct desc *d, struct rtcpfb **list, const char *type,
		   const char *subtype)
{
	struct rtcpfb *fb;
	unsigned n = 0;

	for (; *list; list = &(*list)->next)
		n++;
	if (n >= DESC_FB_MAX)
		return E2BIG;
	fb = desc_mem(d, sizeof(*fb));
	if (!fb)
		return ENOMEM;
	fb->type = desc_str(d, type);
	fb->subtype = desc_str(d, subtype);
	if (!fb->type || !fb->subtype)
		return ENOMEM;
	*list = fb;
	return 0;
}

int desc_extmap_append(struct desc *d, struct extmap **list, unsigned id,
		       enum desc_dir dir, const char *uri)
{
	struct extmap *e;
	unsigned n = 0;

	for (; *list; list = &(*list)->next)
		n++;
	if (n >= DESC_EXTMAP_MAX)
		return E2BIG;
	e = desc_mem(d, sizeof(*e));
	if (!e)
		return ENOMEM;
	e->uri = desc_str(d, uri);
	if (!e->uri)
		return ENOMEM;
	e->id = id;
	e->dir = dir;
	*list = e;
	return 0;
}

int desc_bandwidth_append(struct desc *d, struct bandwidth **list,
			  const char *type, uint32_t value)
{
	struct bandwidth *b;
	unsigned n = 0;

	for (; *list; list = &(*list)->next)
		n++;
	if (n >= DESC_BANDWIDTH_MAX)
		return E2BIG;
	b = desc_mem(d, sizeof(*b));
	if (!b)
		return ENOMEM;
	b->type = desc_str(d, type);
	if (!b->type)
		return ENOMEM;
	b->value = value;
	*list = b;
	return 0;
}

int desc_source_add(struct source **sp, struct desc *d, struct desc_media *m,
		    uint32_t ssrc)
{
	struct source **list, *s;
	unsigned n = 0;

	if (!d || !m)
		return EINVAL;
	for (list = &m->sources; *list; list = &(*list)->next)
		n++;
	if (n >= DESC_SOURCE_MAX)
		return E2BIG;
	s = desc_mem(d, sizeof(*s));
	if (!s)
		return ENOMEM;
	s->ssrc = ssrc;
	*list = s;
	if (sp)
		*sp = s;
	return 0;
}

int desc_source_group_append(struct desc *d, struct source_group **list,
			     const char *semantics, const uint32_t *ssrc,
			     unsigned n)
{
	enum { SSRC_MAX = sizeof((*list)->ssrc) / sizeof((*list)->ssrc[0]) };
	struct source_group *g;
	unsigned count = 0;

	if (n > SSRC_MAX)
		return E2BIG;
	for (; *list; list = &(*list)->next)
		count++;
	if (count >= DESC_SOURCE_GROUP_MAX)
		return E2BIG;
	g = desc_mem(d, sizeof(*g));
	if (!g)
		return ENOMEM;
	g->semantics = desc_str(d, semantics);
	if (!g->semantics)
		return ENOMEM;
	memcpy(g->ssrc, ssrc, n * sizeof(*ssrc));
	g->n = n;
	*list = g;
	return 0;
}

int desc_candidate_add(struct desc *d, struct transport *t,
		       const struct candidate *from)
{
	struct candidate **tail, *c;

	if (!d || !t || !from)
		return EINVAL;
	if (t->candidatec >= DESC_CANDIDATE_MAX)
		return E2BIG;
	c = desc_mem(d, sizeof(*c));
	if (!c)
		return ENOMEM;
	*c = *from;
	c->next = NULL;
	for (tail = &t->candidates; *tail; tail = &(*tail)->next)
		;
	*tail = c;
	t->candidatec++;
	return 0;
}

int desc_crypto_add(struct desc *d, struct transport *t,
		    const struct crypto *from)
{
	struct crypto **tail, *c;
	unsigned n = 0;

	if (!d || !t || !from)
		return EINVAL;
	for (tail = &t->cryptos; *tail; tail = &(*tail)->next)
		n++;
	if (n >= DESC_CRYPTO_MAX)
		return E2BIG;
	c = desc_mem(d, sizeof(*c));
	if (!c)
		return ENOMEM;
	*c = *from;
	c->next = NULL;
	*tail = c;
	return 0;
}

const struct desc_media *desc_media_find(const struct desc *d, const char *mid)
{
	if (!d || !mid)
		return NULL;
	for (unsigned i = 0; i < d->mediac; i++) {
		if (!strcmp(d->media[i]->mid, mid))
			return d->media[i];
	}
	return NULL;
}

unsigned desc_group_first(const struct desc *d, unsigned m)
{
	for (unsigned g = 0; g < d->groupc; g++) {
		const struct desc_group *group = &d->groups[g];

		for (unsigned i = 0; i < group->n; i++) {
			if (group->idx[i] == m)
				return group->idx[0];
		}
	}
	return m;
}

enum desc_dir desc_dir_reverse(enum desc_dir dir)
{
	switch (dir) {
	case DESC_SENDONLY:
		return DESC_RECVONLY;
	case DESC_RECVONLY:
		return DESC_SENDONLY;
	case DESC_INACTIVE:
	case DESC_SENDRECV:
		break;
	}
	return dir;
}

bool desc_is_within(const struct desc *d, unsigned candidates, unsigned codecs)
{
	for (unsigned i = 0; i < d->mediac; i++) {
		const struct desc_media *m = d->media[i];

		if (candidates && m->transport.candidatec > candidates)
			return false;
		if (codecs && m->codecc > codecs)
			return false;
	}

	return true;
}
