/* media.c: a peer's desc made fit for use, and answers laid beside offers
 * (hardening 2; protocol E.6, E.7; D25, D38). */
#include "jingle/session.h"

#include <errno.h>
#include <string.h>

bool jleg_has(const struct desc *d, enum desc_kind kind)
{
	unsigned i;

	for (i = 0; i < d->mediac; i++) {
		if (d->media[i]->kind == kind && !d->media[i]->rejected)
			return true;
	}

	return false;
}

void jleg_prune(struct transport *t)
{
	struct candidate **cp = &t->candidates;

	while (*cp) {
		if ((*cp)->tcp || (*cp)->component != 1) {
			*cp = (*cp)->next;
			t->candidatec--;
		} else {
			cp = &(*cp)->next;
		}
	}
}

static bool second_component(const struct transport *t)
{
	const struct candidate *c;

	for (c = t->candidates; c; c = c->next) {
		if (c->component == 2 && !c->tcp)
			return true;
	}

	return false;
}

/* D38. Conversations and browsers take multiplexing for granted in a group. */
static bool multiplexed(const struct desc *d, unsigned i)
{
	unsigned g, k;

	if (d->media[i]->transport.mux ||
	    second_component(&d->media[i]->transport))
		return true;

	for (g = 0; g < d->groupc; g++) {
		for (k = 0; k < d->groups[g].n; k++) {
			if (d->groups[g].idx[k] == i)
				return true;
		}
	}

	return false;
}

static enum reason media_check(struct desc *d, unsigned i, bool answer)
{
	struct transport *t = &d->media[desc_group_first(d, i)]->transport;

	/* RFC 8827 6.5 */
	if (t->fingerprint.hash != HASH_SHA256 &&
	    t->fingerprint.hash != HASH_SHA384 &&
	    t->fingerprint.hash != HASH_SHA512)
		return REASON_SECURITY_ERROR;
	if (!t->ufrag || !t->pwd || !multiplexed(d, i))
		return REASON_FAILED_TRANSPORT;
	if (!d->media[i]->codecs)
		return REASON_INCOMPATIBLE_PARAMETERS;

	/* RFC 8842 5: the defaults, and no actpass in an answer */
	if (t->setup == DESC_SETUP_NONE ||
	    (answer && t->setup == DESC_SETUP_ACTPASS))
		t->setup = answer ? DESC_SETUP_ACTIVE : DESC_SETUP_ACTPASS;

	return REASON_NONE;
}

enum reason jleg_check(struct desc *d, bool answer)
{
	bool usable = false;
	unsigned i;

	for (i = 0; i < d->mediac; i++) {
		struct desc_media *m = d->media[i];
		enum reason r;

		if (m->kind == DESC_OTHER)
			m->rejected = true;
		if (m->rejected || (answer && m->dir == DESC_INACTIVE &&
				    m->kind == DESC_VIDEO))
			continue;

		r = media_check(d, i, answer);
		if (r != REASON_NONE)
			return r;
		usable = true;
	}

	for (i = 0; i < d->mediac; i++)
		jleg_prune(&d->media[i]->transport);

	if (usable)
		return REASON_NONE;
	if (answer)
		return REASON_INCOMPATIBLE_PARAMETERS;

	/* sound that we know, over something that we do not */
	for (i = 0; i < d->mediac; i++) {
		if (!strcmp(d->media[i]->media, "audio"))
			return REASON_UNSUPPORTED_TRANSPORTS;
	}

	return REASON_UNSUPPORTED_APPLICATIONS;
}

/* ---- one content for each that was offered, D25 ---- */

static int codecs_copy(struct desc *d, struct desc_media *m,
		       const struct codec *from)
{
	struct codec *c;
	int err = 0;

	for (; from && !err; from = from->next)
		err = desc_codec_copy(&c, d, m, from, from->pt);

	return err;
}

/* A browser needs formats in each m-line, used or not. */
static int dress(struct desc *d, struct desc_media *m,
		 const struct desc_media *offered)
{
	m->creator_responder = offered->creator_responder;
	m->kind = offered->kind;

	if (!m->codecs)
		return codecs_copy(d, m, offered->codecs);

	return 0;
}

static int media_for(struct desc_media **mp, struct desc *d,
		     const struct desc_media *offered)
{
	struct desc_media *m = NULL;
	unsigned i;
	int err;

	for (i = 0; i < d->mediac; i++) {
		if (!strcmp(d->media[i]->mid, offered->mid))
			m = d->media[i];
	}

	if (!m) {
		err = desc_media_add(&m, d, offered->kind, offered->mid);
		if (err)
			return err;
		m->rejected = true;
		m->dir = DESC_INACTIVE;
		m->proto = offered->proto;
	}

	*mp = m;

	return dress(d, m, offered);
}

/* Group indices after the media have moved: media[i] was was[i]. */
static void groups_move(struct desc *d, struct desc_media *const *was,
			unsigned wasc)
{
	unsigned g, k, i, n;

	for (g = 0; g < d->groupc; g++) {
		struct desc_group *grp = &d->groups[g];

		for (k = 0, n = 0; k < grp->n; k++) {
			if (grp->idx[k] >= wasc)
				continue;
			for (i = 0; i < d->mediac; i++) {
				if (d->media[i] == was[grp->idx[k]])
					grp->idx[n++] = i;
			}
		}
		grp->n = n;
	}
}

int jleg_align(struct desc **out, const struct desc *offer,
	       const struct desc *answer)
{
	struct desc_media *was[DESC_MEDIA_MAX], *now[DESC_MEDIA_MAX];
	struct desc *d = NULL;
	unsigned i, wasc;
	int err;

	err = desc_copy(&d, answer);
	if (err)
		return err;

	wasc = d->mediac;
	memcpy(was, d->media, sizeof(was));

	for (i = 0; i < offer->mediac; i++) {
		err = media_for(&now[i], d, offer->media[i]);
		if (err)
			goto out;
	}

	memcpy(d->media, now, offer->mediac * sizeof(now[0]));
	d->mediac = offer->mediac;
	groups_move(d, was, wasc);

out:
	if (err)
		desc_free(d);
	else
		*out = d;

	return err;
}
