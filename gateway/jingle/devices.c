/* devices.c: session-initiate and session-accept of ours, to one device or to
 * several at once (XEP-0166 6.3; protocol E.3, D28). */
#include "jingle/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The offer as it is written: what was rejected before it began is left out
 * (E.7, last row).  A view: it owns nothing. */
static void offer_view(struct desc *view, const struct desc *d)
{
	unsigned now[DESC_MEDIA_MAX], i, g, k, n;

	*view = *d;
	view->mediac = 0;
	for (i = 0; i < d->mediac; i++) {
		now[i] = DESC_MEDIA_MAX;
		if (d->media[i]->rejected)
			continue;
		now[i] = view->mediac;
		view->media[view->mediac++] = d->media[i];
	}

	for (g = 0; g < view->groupc; g++) {
		struct desc_group *grp = &view->groups[g];

		for (k = 0, n = 0; k < grp->n; k++) {
			if (grp->idx[k] < d->mediac &&
			    now[grp->idx[k]] < DESC_MEDIA_MAX)
				grp->idx[n++] = now[grp->idx[k]];
		}
		grp->n = n;
	}
}

static bool alive(const struct jleg *l)
{
	unsigned i;

	for (i = 0; i < l->branchc; i++) {
		if (l->br[i].st == BRANCH_SENT ||
		    l->br[i].st == BRANCH_WAITING)
			return true;
	}

	return false;
}

/* One device is out; the leg with the last. */
static void branch_lost(struct branch *b, const struct ending *end)
{
	struct jleg *l = b->leg;

	if (l->st == JLEG_CALLING) {
		b->st = BRANCH_DEAD;
		if (alive(l))
			return;
	}
	jleg_ended(l, end);
}

static void session_answered(int err, const struct stanza *reply, void *arg)
{
	struct branch *b = arg;
	struct jleg *l = b->leg;
	struct ending end;

	b->iq = NULL;

	switch (err) {
	case 0:
		b->acked = true;
		return;
	case ENOTCONN: /* sent again when the link is up, D2 */
		return;
	case EPROTO:
		jleg_error_ending(&end, reply);
		break;
	default:
		memset(&end, 0, sizeof(end));
		end.reason = REASON_TIMEOUT;
		snprintf(end.text, sizeof(end.text),
			 "the other side did not answer");
		jleg_terminate(l, b, REASON_TIMEOUT, &end);
		if (l->jmi)
			jleg_jmi_end(l, b->peer, JMI_FINISH, REASON_TIMEOUT,
				     &end, false);
		break;
	}

	branch_lost(b, &end);
}

static void setup_offer(struct desc *d)
{
	unsigned i;

	for (i = 0; i < d->mediac; i++)
		d->media[i]->transport.setup = DESC_SETUP_ACTPASS;
}

int jleg_initiate(struct branch *b)
{
	struct jleg *l = b->leg;
	struct stanza *iq, *jingle;
	struct desc view;
	int err;

	setup_offer(b->local); /* RFC 8842 5.2 */
	offer_view(&view, b->local);

	iq = jleg_iq(l, b->peer, JINGLE_SESSION_INITIATE, &jingle);
	err = jingle ? jingle_encode(jingle, &view, true, true, -1) : ENOMEM;
	if (err) {
		stanza_free(iq);
		return err;
	}

	b->iq = mem_deref(b->iq);
	err = jleg_iq_ask(&b->iq, l, iq, session_answered, b);
	if (!err)
		b->st = BRANCH_SENT;

	return err;
}

int jleg_accept(struct branch *b)
{
	struct jleg *l = b->leg;
	struct stanza *iq, *jingle;
	int err;

	iq = jleg_iq(l, b->peer, JINGLE_SESSION_ACCEPT, &jingle);
	err =
	    jingle ? jingle_encode(jingle, b->local, false, true, -1) : ENOMEM;
	if (err) {
		stanza_free(iq);
		return err;
	}

	b->acked = false;
	b->iq = mem_deref(b->iq);

	return jleg_iq_ask(&b->iq, l, iq, session_answered, b);
}

/* ---- several devices ---- */

bool jleg_is_direct(const struct jleg *l)
{
	struct device v[JLEG_DEVICES_MAX];
	bool callable = false;
	size_t i, n = 0;

	if (l->j->s)
		n = service_devices(l->j->s, l->user, v, JLEG_DEVICES_MAX);

	for (i = 0; i < n; i++) {
		if (!v[i].known || v[i].jmi)
			return false;
		callable |= v[i].call;
	}

	return callable;
}

/* Each device but the first needs a transport of its own from the call. */
static void branches_ask(void *arg)
{
	struct jleg *l = arg;
	unsigned i;

	mem_ref(l);
	for (i = 1; i < l->branchc && l->st == JLEG_CALLING; i++) {
		if (l->br[i].st == BRANCH_WAITING && l->leg.call)
			call_branch(&l->leg, i);
	}
	mem_deref(l);
}

static int branches_find(struct jleg *l)
{
	struct device v[JLEG_DEVICES_MAX];
	size_t i, n;

	n = service_devices(l->j->s, l->user, v, JLEG_DEVICES_MAX);
	l->branchc = 0;
	for (i = 0; i < n && l->branchc < LEG_BRANCH_MAX; i++) {
		if (!v[i].call)
			continue;
		if (re_sdprintf(&l->br[l->branchc].peer, "%s/%s", l->user,
				v[i].resource))
			return ENOMEM;
		l->br[l->branchc++].st = BRANCH_WAITING;
	}

	return l->branchc ? 0 : ENOENT;
}

int jleg_direct(struct jleg *l)
{
	int err;

	service_show(l->j->s, l->contact, l->user);
	l->shown = true;

	err = branches_find(l);
	if (!err)
		err = jleg_initiate(&l->br[0]);
	if (err)
		return err;

	jleg_enter(l, JLEG_CALLING);
	if (l->branchc > 1)
		tmr_start(&l->tmr_later, 0, branches_ask, l);

	return 0;
}

int jleg_branch_offer(struct jleg *l, unsigned branch,
		      const struct desc *offer)
{
	struct branch *b;
	int err;

	if (l->st != JLEG_CALLING || branch >= l->branchc)
		return EPROTO;

	b = &l->br[branch];
	if (b->st != BRANCH_WAITING)
		return EPROTO;

	err = desc_copy(&b->local, offer);
	if (!err)
		err = jleg_initiate(b);
	if (err)
		b->st = BRANCH_DEAD;

	return err;
}
