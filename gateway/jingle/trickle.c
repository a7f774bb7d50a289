/* trickle.c: transport-info both ways: candidates, ICE restart (XEP-0176 5;
 * protocol E.7, D40). */
#include "jingle/session.h"

#include <errno.h>
#include <string.h>

/* ---- what is known of a side ---- */

static bool has_candidate(const struct transport *t, const struct candidate *c)
{
	const struct candidate *o;

	for (o = t->candidates; o; o = o->next) {
		if (o->component == c->component && o->type == c->type &&
		    desc_addr_equal(&o->addr, &c->addr))
			return true;
	}

	return false;
}

/* Adds what t brings; other credentials than before begin anew. */
static int transport_merge(struct desc *d, struct transport *to,
			   const struct transport *t, uint32_t generation)
{
	const struct candidate *c;
	const char *ufrag, *pwd;
	int err = 0;

	if (t->ufrag && t->pwd &&
	    (!to->ufrag || strcmp(to->ufrag, t->ufrag))) {
		ufrag = desc_str(d, t->ufrag);
		pwd = desc_str(d, t->pwd);
		if (!ufrag || !pwd)
			return ENOMEM;
		to->ufrag = ufrag;
		to->pwd = pwd;
		to->candidates = NULL;
		to->candidatec = 0;
	}

	for (c = t->candidates; c && !err; c = c->next) {
		struct candidate copy = *c;

		if (has_candidate(to, c))
			continue;
		if (copy.generation < generation)
			copy.generation = generation;
		copy.next = NULL;
		err = desc_candidate_add(d, to, &copy);
	}

	return err;
}

static bool is_restart(const struct desc *d, unsigned media,
		       const struct transport *t)
{
	const struct transport *was;

	if (!d || media >= d->mediac)
		return false;
	was = &d->media[media]->transport;

	return t->ufrag && was->ufrag && strcmp(was->ufrag, t->ufrag) != 0;
}

/* A desc gives nothing back before its end, and a peer may restart as often as
 * it likes: a copy holds only what still counts.  Without memory, later. */
static void desc_shrink(struct desc **dp)
{
	struct desc *copy;

	if (desc_copy(&copy, *dp))
		return;

	desc_free(*dp);
	*dp = copy;
}

/* ---- theirs ---- */

static const struct desc *contents_of(const struct jleg *l, unsigned branch)
{
	return l->remote ? l->remote : l->br[branch].local;
}

static int index_of(const struct desc *d, const char *mid)
{
	unsigned i;

	for (i = 0; d && i < d->mediac; i++) {
		if (!strcmp(d->media[i]->mid, mid))
			return (int)i;
	}

	return -1;
}

static void transport_up(struct jleg *l, unsigned branch, struct desc_media *m)
{
	struct transport *t = &m->transport;
	unsigned i = (unsigned)index_of(contents_of(l, branch), m->mid);

	/* New credentials without a candidate are a restart. */
	jleg_prune(t);
	if (!t->ufrag && !t->candidates)
		return;

	/* A later call_offered tells the peer as it stands by then; without
	 * room for that the candidates still go up. */
	if (is_restart(l->remote, i, t))
		desc_shrink(&l->remote);
	if (l->remote)
		(void)transport_merge(l->remote,
				      &l->remote->media[i]->transport, t, 0);

	call_transport(&l->leg, branch, i, t);
}

void jleg_transport_in(struct jleg *l, unsigned branch,
		       const struct stanza *iq, const struct stanza *jingle)
{
	struct desc *d;
	unsigned i;
	int err;

	err = jingle_read(l->j, &d, jingle, l->incoming);
	if (err) {
		jingle_refuse_errno(l->j, iq, err);
		return;
	}

	for (i = 0; i < d->mediac; i++) {
		if (index_of(contents_of(l, branch), d->media[i]->mid) >= 0)
			continue;
		jingle_refuse(l->j, iq, COND_BAD_REQUEST, NULL);
		goto out;
	}

	jingle_result(l->j, iq);

	for (i = 0; i < d->mediac && l->leg.call; i++)
		transport_up(l, branch, d->media[i]);

out:
	desc_free(d);
}

/* ---- ours ---- */

static void path_answered(int err, const struct stanza *reply, void *arg)
{
	struct jleg *l = arg;

	l->iq_path = NULL;
	jleg_heard(l, err, reply);
}

static void path_tell(struct jleg *l, struct stanza *iq)
{
	l->iq_path = mem_deref(l->iq_path);
	(void)jleg_iq_ask(&l->iq_path, l, iq, path_answered, l);
}

void jleg_trickle_flush(struct branch *b)
{
	struct jleg *l = b->leg;
	struct desc *d = b->trickle;
	struct stanza *iq, *jingle;
	unsigned i;
	int err = 0;

	tmr_cancel(&b->tmr_trickle);
	b->trickle = NULL;
	if (!d)
		return;

	iq = jleg_iq(l, b->peer, JINGLE_TRANSPORT_INFO, &jingle);
	for (i = 0; i < d->mediac && !err; i++) {
		if (d->media[i]->transport.ufrag)
			err = jingle ? jingle_encode(jingle, d, !l->incoming,
						     false, (int)i)
				     : ENOMEM;
	}
	if (err)
		stanza_free(iq);
	else if (l->st == JLEG_ACTIVE)
		path_tell(l, iq);
	else
		(void)jleg_iq_drop(l, iq);

	desc_free(d);
}

static void trickle_due(void *arg)
{
	jleg_trickle_flush(arg);
}

/* A desc with the names of the session's contents and nothing in them. */
static int trickle_open(struct branch *b, const struct desc *base)
{
	struct desc_media *m;
	struct desc *d;
	unsigned i;
	int err;

	err = desc_alloc(&d);
	if (err)
		return err;

	for (i = 0; i < base->mediac && !err; i++) {
		err = desc_media_add(&m, d, DESC_OTHER, base->media[i]->mid);
		if (!err)
			m->creator_responder =
			    base->media[i]->creator_responder;
	}

	if (err)
		desc_free(d);
	else
		b->trickle = d;

	return err;
}

/* XEP-0176 5.9: candidates of new credentials are of a new generation. */
static void generation_count(struct branch *b, unsigned media,
			     const struct transport *t)
{
	if (!is_restart(b->local, media, t))
		return;

	b->generation++;
	desc_shrink(&b->local);
}

static bool may_send(const struct jleg *l, const struct branch *b)
{
	return b->st == BRANCH_SENT &&
	       (l->st == JLEG_ACTIVE || l->st == JLEG_CALLING);
}

int jleg_transport(struct jleg *l, unsigned branch, unsigned media,
		   const struct transport *t)
{
	struct branch *b;
	const struct desc *base;
	bool sent;
	int err = 0;

	if (l->st == JLEG_IDLE || l->st == JLEG_ENDED ||
	    branch >= l->branchc || l->br[branch].st == BRANCH_DEAD)
		return EPROTO;

	b = &l->br[branch];
	generation_count(b, media, t);
	base = b->local ? b->local : l->remote;
	if (!base || media >= base->mediac)
		return EPROTO;

	sent = may_send(l, b);

	/* What is said again after a reconnect is how it stands by then. */
	if (b->local)
		err = transport_merge(b->local,
				      &b->local->media[media]->transport, t,
				      b->generation);
	if (err || (b->local && !sent))
		return err;

	if (!b->trickle)
		err = trickle_open(b, base);
	if (!err)
		err = transport_merge(b->trickle,
				      &b->trickle->media[media]->transport, t,
				      b->generation);
	if (!err && sent && !tmr_isrunning(&b->tmr_trickle))
		tmr_start(&b->tmr_trickle, JLEG_TRICKLE, trickle_due, b);

	return err;
}
