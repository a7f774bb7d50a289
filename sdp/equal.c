/* equal.c: do two descriptions say the same? */
#include "sdp/desc.h"
#include <string.h>
#include <strings.h>

static bool str_same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool params_same(const struct param *a, const struct param *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (!str_same(a->name, b->name) ||
		    !str_same(a->value, b->value))
			return false;
	}
	return !a && !b;
}

static bool fbs_same(const struct rtcpfb *a, const struct rtcpfb *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (!str_same(a->type, b->type) ||
		    !str_same(a->subtype, b->subtype))
			return false;
	}
	return !a && !b;
}

static bool codecs_same(const struct codec *a, const struct codec *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->pt != b->pt || strcasecmp(a->name, b->name) ||
		    a->clock != b->clock || a->channels != b->channels ||
		    a->ptime != b->ptime || a->maxptime != b->maxptime ||
		    !params_same(a->params, b->params) ||
		    !fbs_same(a->fbs, b->fbs))
			return false;
	}
	return !a && !b;
}

static bool extmaps_same(const struct extmap *a, const struct extmap *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->id != b->id || a->dir != b->dir ||
		    !str_same(a->uri, b->uri))
			return false;
	}
	return !a && !b;
}

static bool bandwidths_same(const struct bandwidth *a,
			    const struct bandwidth *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->value != b->value || !str_same(a->type, b->type))
			return false;
	}
	return !a && !b;
}

static bool sources_same(const struct source *a, const struct source *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->ssrc != b->ssrc || !params_same(a->params, b->params))
			return false;
	}
	return !a && !b;
}

static bool source_groups_same(const struct source_group *a,
			       const struct source_group *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->n != b->n || !str_same(a->semantics, b->semantics) ||
		    memcmp(a->ssrc, b->ssrc, a->n * sizeof(a->ssrc[0])))
			return false;
	}
	return !a && !b;
}

static bool candidates_same(const struct candidate *a,
			    const struct candidate *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (!str_same(a->foundation, b->foundation) ||
		    a->component != b->component || a->tcp != b->tcp ||
		    a->priority != b->priority || a->type != b->type ||
		    a->generation != b->generation ||
		    !desc_addr_equal(&a->addr, &b->addr) ||
		    !desc_addr_equal(&a->rel, &b->rel))
			return false;
	}
	return !a && !b;
}

static bool cryptos_same(const struct crypto *a, const struct crypto *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->tag != b->tag || a->suite != b->suite ||
		    a->keylen != b->keylen ||
		    memcmp(a->key, b->key, a->keylen))
			return false;
	}
	return !a && !b;
}

/* A hash that we do not accept is as good as none. */
static bool fingerprint_same(const struct fingerprint *a,
			     const struct fingerprint *b)
{
	if (a->hash == HASH_NONE || a->hash == HASH_OTHER)
		return b->hash == HASH_NONE || b->hash == HASH_OTHER;
	return a->hash == b->hash && a->len == b->len &&
	       !memcmp(a->md, b->md, a->len);
}

static bool transport_same(const struct transport *a,
			   const struct transport *b)
{
	return str_same(a->ufrag, b->ufrag) && str_same(a->pwd, b->pwd) &&
	       candidates_same(a->candidates, b->candidates) &&
	       fingerprint_same(&a->fingerprint, &b->fingerprint) &&
	       a->setup == b->setup && cryptos_same(a->cryptos, b->cryptos) &&
	       desc_addr_equal(&a->addr, &b->addr) &&
	       desc_addr_equal(&a->rtcp, &b->rtcp) && a->mux == b->mux &&
	       a->ice_lite == b->ice_lite &&
	       a->end_of_candidates == b->end_of_candidates;
}

static bool media_same(const struct desc_media *a, const struct desc_media *b)
{
	if (!str_same(a->mid, b->mid) || !str_same(a->media, b->media) ||
	    a->kind != b->kind || a->proto != b->proto || a->dir != b->dir ||
	    a->rejected != b->rejected || a->ptime != b->ptime ||
	    a->maxptime != b->maxptime ||
	    a->extmap_allow_mixed != b->extmap_allow_mixed)
		return false;
	if (!a->codecc && !str_same(a->fmt_text, b->fmt_text))
		return false;
	if (a->proto == DESC_PROTO_OTHER &&
	    !str_same(a->proto_text, b->proto_text))
		return false;
	return codecs_same(a->codecs, b->codecs) &&
	       extmaps_same(a->extmaps, b->extmaps) &&
	       fbs_same(a->fbs, b->fbs) &&
	       sources_same(a->sources, b->sources) &&
	       source_groups_same(a->source_groups, b->source_groups) &&
	       bandwidths_same(a->bandwidths, b->bandwidths) &&
	       transport_same(&a->transport, &b->transport);
}

bool desc_equal(const struct desc *a, const struct desc *b)
{
	if (a->mediac != b->mediac || a->groupc != b->groupc ||
	    a->origin_id != b->origin_id ||
	    a->origin_version != b->origin_version)
		return false;
	for (unsigned i = 0; i < a->mediac; i++) {
		if (!media_same(a->media[i], b->media[i]))
			return false;
	}
	for (unsigned i = 0; i < a->groupc; i++) {
		const struct desc_group *g = &a->groups[i];

		if (g->n != b->groups[i].n ||
		    memcmp(g->idx, b->groups[i].idx, g->n * sizeof(g->idx[0])))
			return false;
	}
	return true;
}
