/* incoming.c: session-initiate and session-accept of the peer (XEP-0166 6;
 * protocol E.2, E.3). */
#include "jingle/session.h"

#include <errno.h>
#include <string.h>

static void remember(struct jleg *l, struct desc *remote)
{
	unsigned i;

	desc_free(l->remote);
	l->remote = remote;
	for (i = 0; i < remote->mediac; i++)
		l->dirs[i] = remote->media[i]->dir;
}

/* Clients enforce the same: what was proposed is what comes. */
static bool same_media(const struct jleg *l)
{
	return jleg_has(l->remote, DESC_AUDIO) == l->audio &&
	       jleg_has(l->remote, DESC_VIDEO) == l->video;
}

/* After our proceed. */
static void session_expected(struct jleg *l, const struct stanza *iq,
			     const struct stanza *jingle)
{
	struct desc *d;
	enum reason r;
	int err;

	err = jingle_read(l->j, &d, jingle, true);
	if (err) {
		jingle_refuse_errno(l->j, iq, err);
		return;
	}

	jingle_result(l->j, iq);
	r = jleg_check(d, false);
	remember(l, d);
	l->br[0].st = BRANCH_SENT;
	jleg_enter(l, JLEG_CALLED);

	if (r != REASON_NONE)
		jleg_fail(l, r, reason_words(r));
	else if (!same_media(l))
		jleg_fail(l, REASON_SECURITY_ERROR,
			  "not the media that were proposed");
	else if (l->leg.call)
		call_offered(&l->leg, l->remote);
}

static void offer_up(struct jleg *l)
{
	struct call_request rq;
	struct ending why;

	memset(&rq, 0, sizeof(rq));
	memset(&why, 0, sizeof(why));
	rq.leg = &l->leg;
	rq.from.jid = l->user;
	rq.to.jid = l->contact;
	rq.offer = l->remote;
	rq.audio = jleg_has(l->remote, DESC_AUDIO);
	rq.video = jleg_has(l->remote, DESC_VIDEO);
	rq.verified = true; /* by the user's server */
	rq.max_forwards = 70;

	if (call_incoming(&rq, &why)) {
		l->leg.call = NULL;
		jleg_goodbye(l, reason_to_jingle(&why, false), &why);
		jleg_gone(l);
	}
}

static int direct_leg(struct jleg **lp, struct jingle *j, const char *sid,
		      const char *from, const char *user, const char *contact)
{
	struct jleg *l;
	int err;

	err = jleg_new(&l, j, true, sid, contact, user);
	if (err)
		return err;

	err = str_dup(&l->br[0].peer, from);
	if (err) {
		mem_deref(l);
		return err;
	}
	l->br[0].st = BRANCH_SENT;
	*lp = l;

	return 0;
}

/* Out of the blue. */
static void session_direct(struct jingle *j, const struct stanza *iq,
			   const struct stanza *jingle, const char *sid,
			   const char *from, const char *user,
			   const char *contact)
{
	struct jleg *l = NULL;
	struct desc *d = NULL;
	enum reason r;
	int err;

	err = jingle_read(j, &d, jingle, true);
	if (!err)
		err = direct_leg(&l, j, sid, from, user, contact);
	if (err) {
		desc_free(d);
		jingle_refuse_errno(j, iq, err);
		return;
	}

	jingle_result(j, iq);
	r = jleg_check(d, false);
	if (r == REASON_NONE && !jleg_has(d, DESC_AUDIO))
		r = REASON_UNSUPPORTED_APPLICATIONS;
	remember(l, d);
	jleg_link(l);
	jleg_enter(l, JLEG_CALLED);

	if (r != REASON_NONE)
		jleg_fail(l, r, reason_words(r));
	else if (jingle_find_pair(j, user, contact, 1u << JLEG_ACTIVE))
		jleg_fail(l, REASON_BUSY, reason_words(REASON_BUSY));
	else
		offer_up(l);

	mem_deref(l);
}

/* Ours whose session-initiate to this device is out. */
static struct jleg *crossing(const struct jingle *j, const char *from,
			     const char *user, const char *contact)
{
	struct jleg *l;
	unsigned i;

	l = jingle_find_pair(j, user, contact, 1u << JLEG_CALLING);
	for (i = 0; l && i < l->branchc; i++) {
		if (l->br[i].st == BRANCH_SENT && !strcmp(l->br[i].peer, from))
			return l;
	}

	return NULL;
}

static void refuse_full(struct jingle *j, const struct stanza *iq,
			const char *text)
{
	struct stanza *st =
	    stanza_error(iq, COND_RESOURCE_CONSTRAINT, NULL, NULL, text);

	if (st)
		component_reply(j->c, st);
}

void jingle_initiated(struct jingle *j, const struct stanza *iq,
		      const struct stanza *jingle, const char *sid,
		      const char *from, const char *user, const char *contact)
{
	struct jleg *l = jingle_find_id(j, sid, user, contact);
	struct jleg *ours = crossing(j, from, user, contact);
	struct ending why;

	if (l && l->br[0].peer && !strcmp(l->br[0].peer, from)) {
		mem_ref(l);
		if (l->st == JLEG_PROCEEDING)
			session_expected(l, iq, jingle);
		else
			jingle_refuse(j, iq, COND_UNEXPECTED_REQUEST,
				      "out-of-order");
		mem_deref(l);
		return;
	}

	/* another device of a proposer, or a sid that is used up */
	if (l || jingle_tomb_find(j, sid, user))
		jingle_refuse(j, iq, COND_ITEM_NOT_FOUND, "unknown-session");
	else if (ours && strcmp(sid, ours->sid) > 0)
		jingle_refuse(j, iq, COND_CONFLICT, "tie-break");
	else if (jingle_is_full(j))
		refuse_full(j, iq, "too many calls are being set up");
	else if (!call_admits(user, contact, &why))
		refuse_full(j, iq, why.text);
	else {
		/* XEP-0166 7.2.16: the lower sid lives; what was agreed by
		 * message stands. */
		if (ours && !ours->jmi)
			jleg_fail(ours, REASON_ALTERNATIVE_SESSION,
				  "both called at the same time");
		session_direct(j, iq, jingle, sid, from, user, contact);
	}
}

/* ---- session-accept ---- */

static void losers_end(struct jleg *l)
{
	unsigned i;

	for (i = 0; i < l->branchc; i++) {
		if (i == l->winner)
			continue;
		if (l->br[i].st == BRANCH_SENT)
			jleg_terminate(l, &l->br[i], REASON_CANCEL, NULL);
		l->br[i].st = BRANCH_DEAD;
	}
}

void jleg_accepted(struct jleg *l, unsigned branch, const struct stanza *iq,
		   const struct stanza *jingle)
{
	struct desc *answer = NULL, *d = NULL;
	enum reason r;
	int err;

	err = jingle_read(l->j, &answer, jingle, false);
	if (!err)
		err = jleg_align(&d, l->br[branch].local, answer);
	desc_free(answer);
	if (err) {
		jingle_refuse_errno(l->j, iq, err);
		return;
	}

	jingle_result(l->j, iq);
	l->br[branch].acked = true; /* an accept says so too */
	l->br[branch].iq = mem_deref(l->br[branch].iq);
	l->winner = branch;
	losers_end(l);

	r = jleg_check(d, true);
	remember(l, d);
	jleg_enter(l, JLEG_ACTIVE);

	if (r != REASON_NONE) {
		jleg_fail(l, r, reason_words(r));
		return;
	}

	jleg_trickle_flush(&l->br[branch]);
	if (l->leg.call)
		call_answered(&l->leg, branch, l->remote);
}
