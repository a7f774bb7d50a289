/* resume.c: after the link to the server was lost: which calls still stand,
 * and what has to be said again (protocol A, D2). */
#include "jingle/session.h"

#include <errno.h>

/* Only the peer itself can say that the session is over; without an answer
 * ICE consent decides. */
static void alive_answered(int err, const struct stanza *reply, void *arg)
{
	struct jleg *l = arg;
	struct ending end;

	l->iq_alive = NULL;
	jleg_heard(l, err, reply);
	if (err != EPROTO || stanza_error_cond(reply) != COND_ITEM_NOT_FOUND)
		return;

	jleg_error_ending(&end, reply);
	jleg_ended(l, &end);
}

static void alive_ask(struct jleg *l)
{
	struct branch *b = jleg_branch(l);
	struct stanza *iq;

	if (!b->acked && l->incoming) {
		(void)jleg_accept(b);
		return;
	}

	l->iq_alive = mem_deref(l->iq_alive);
	iq = jleg_iq(l, b->peer, JINGLE_SESSION_INFO, NULL);
	(void)jleg_iq_ask(&l->iq_alive, l, iq, alive_answered, l);
}

static void initiate_again(struct jleg *l)
{
	unsigned i;

	for (i = 0; i < l->branchc; i++) {
		if (l->br[i].st == BRANCH_SENT && !l->br[i].acked)
			(void)jleg_initiate(&l->br[i]);
	}
}

static void say_again(struct jleg *l)
{
	switch (l->st) {
	case JLEG_PROPOSING:
		if (!l->rang)
			(void)jleg_propose_send(l);
		break;
	case JLEG_CALLING:
		initiate_again(l);
		break;
	case JLEG_PROPOSED:
		if (l->rang)
			(void)jleg_ringing_send(l);
		break;
	case JLEG_PROCEEDING:
		(void)jleg_proceed_send(l);
		break;
	case JLEG_ACTIVE:
		alive_ask(l);
		break;
	default:
		break;
	}
}

void jingle_link_state(struct component *c, bool up, void *arg)
{
	struct jingle *j = arg;
	struct le *le;

	(void)c;

	if (!up)
		return;

	/* Nothing here ends a leg: errors come back later. */
	LIST_FOREACH (&j->legs, le) {
		say_again(le->data);
	}
}
