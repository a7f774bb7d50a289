/* farewell.c: the goodbye of a session whose process has died. */
#include <errno.h>
#include <string.h>
#include "jingle/session.h"

void jleg_farewell(const struct leg *leg, leg_note_h *h, void *arg)
{
	const struct jleg *l = (const struct jleg *)leg;

	if (l->st == JLEG_IDLE || l->st == JLEG_ENDED)
		return;

	h("state", jleg_state_name(l->st), arg);
	h("component", component_domain(l->j->c), arg);
	h("contact", l->contact, arg);
	h("user", l->user, arg);
	h("sid", l->sid, arg);
	if (l->jmi)
		h("jmi", "yes", arg);
	for (unsigned i = 0; i < l->branchc; i++) {
		if (l->br[i].peer && l->br[i].st != BRANCH_DEAD)
			h("peer", l->br[i].peer, arg);
	}
}

static int state_find(enum jleg_state *st, const char *name)
{
	for (unsigned i = JLEG_PROPOSING; i < JLEG_ENDED; i++) {
		if (!strcmp(name, jleg_state_name((enum jleg_state)i))) {
			*st = (enum jleg_state)i;
			return 0;
		}
	}

	return EBADMSG;
}

static int peers_fill(struct jleg *l, leg_noted_h *h, const void *arg)
{
	const char *peer;
	int err = 0;

	l->branchc = 0;
	for (; l->branchc < LEG_BRANCH_MAX && !err; l->branchc++) {
		struct branch *b = &l->br[l->branchc];

		peer = h("peer", l->branchc, arg);
		if (!peer)
			break;
		b->leg = l;
		b->st = BRANCH_SENT;
		b->peer = mem_deref(b->peer);
		err = str_dup(&b->peer, peer);
	}
	if (!err && !l->branchc && l->st != JLEG_PROPOSING)
		return EBADMSG;

	return err;
}

int jingleleg_farewell(struct jingle *j, const struct ending *why,
		       leg_noted_h *h, const void *arg)
{
	const char *contact = h("contact", 0, arg), *sid = h("sid", 0, arg);
	const char *user = h("user", 0, arg), *state = h("state", 0, arg);
	enum jleg_state st;
	struct jleg *l;
	int err;

	if (!contact || !sid || !user || !state || state_find(&st, state))
		return EBADMSG;
	if (!component_up(j->c))
		return ENOTCONN;

	err = jleg_new(&l, j, false, sid, contact, user);
	if (err)
		return err;

	l->st = st;
	l->jmi = h("jmi", 0, arg) != NULL;
	err = peers_fill(l, h, arg);
	if (!err)
		jleg_goodbye(l, why->reason, why);
	mem_deref(l);

	return err;
}
