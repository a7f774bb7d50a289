/* dispatch.c: Jingle IQs of others: each is answered at once (XEP-0166 6.3,
 * 7.2, 10; protocol E.1). */
#include "jingle/session.h"

#include "jingle/codec.h"
#include <string.h>

static void ignored(struct jleg *l, unsigned branch, const struct stanza *iq,
		    const struct stanza *jingle)
{
	(void)branch;
	(void)jingle;
	jingle_result(l->j, iq);
}

static void terminated(struct jleg *l, unsigned branch,
		       const struct stanza *iq, const struct stanza *jingle)
{
	struct branch *b = &l->br[branch];
	struct ending end;
	unsigned i;

	jingle_result(l->j, iq);
	jingle_reason_decode(&end, jingle);
	b->st = BRANCH_DEAD;
	b->iq = mem_deref(b->iq);

	for (i = 0; l->st == JLEG_CALLING && i < l->branchc; i++) {
		if (l->br[i].st == BRANCH_SENT ||
		    l->br[i].st == BRANCH_WAITING)
			return; /* other devices ring on */
	}

	if (l->jmi) /* XEP-0353 3.7 */
		jleg_jmi_end(l, b->peer, JMI_FINISH,
			     end.reason == REASON_NONE ? REASON_SUCCESS
						       : end.reason,
			     NULL, false);
	jleg_ended(l, &end);
}

enum {
	PENDING = 1 << JLEG_CALLING | 1 << JLEG_CALLED,
	ACTIVE = 1 << JLEG_ACTIVE,
};

static const struct {
	unsigned states; /* in which it is in order */
	jleg_action_h *h;
} actions[JINGLE_ACTION_UNKNOWN] = {
    [JINGLE_CONTENT_ADD] = {PENDING | ACTIVE, jleg_content_added},
    [JINGLE_CONTENT_MODIFY] = {ACTIVE, jleg_modified},
    [JINGLE_CONTENT_REMOVE] = {PENDING | ACTIVE, jleg_content_removed},
    [JINGLE_DESCRIPTION_INFO] = {PENDING | ACTIVE, ignored},
    [JINGLE_SECURITY_INFO] = {PENDING | ACTIVE, ignored},
    [JINGLE_SESSION_ACCEPT] = {1 << JLEG_CALLING, jleg_accepted},
    [JINGLE_SESSION_INFO] = {PENDING | ACTIVE, jleg_info_in},
    [JINGLE_SESSION_TERMINATE] = {PENDING | ACTIVE, terminated},
    [JINGLE_TRANSPORT_INFO] = {PENDING | ACTIVE, jleg_transport_in},
    [JINGLE_TRANSPORT_REPLACE] = {PENDING | ACTIVE, jleg_transport_replaced},
};

static void act(struct jingle *j, const struct stanza *iq,
		const struct stanza *jingle, const char *sid, const char *from)
{
	enum jingle_action a =
	    jingle_action_find(stanza_attr(jingle, "action"));
	unsigned branch;
	struct jleg *l;

	l = jingle_find(j, sid, from, &branch);
	if (!l) {
		jingle_refuse(j, iq, COND_ITEM_NOT_FOUND, "unknown-session");
		return;
	}

	/* accepts and rejects of what we never asked have no handler */
	if (!actions[a].h || !(1u << l->st & actions[a].states)) {
		jingle_refuse(j, iq, COND_UNEXPECTED_REQUEST, "out-of-order");
		return;
	}

	l->bounced = false;
	mem_ref(l);
	actions[a].h(l, branch, iq, jingle);
	mem_deref(l);
}

static void route(struct jingle *j, const struct stanza *iq,
		  const struct stanza *jingle, const struct jid *from,
		  const struct jid *to)
{
	const char *sid = stanza_attr(jingle, "sid");
	const char *action = stanza_attr(jingle, "action");
	char *full = NULL, *user = NULL, *contact = NULL;

	if (codec_text_check(sid, JLEG_SID_MAX) || !*sid ||
	    jingle_action_find(action) == JINGLE_ACTION_UNKNOWN) {
		jingle_refuse(j, iq, COND_BAD_REQUEST, NULL);
		return;
	}

	if (re_sdprintf(&full, "%H", jid_print, from) ||
	    re_sdprintf(&user, "%H", jid_print_bare, from) ||
	    re_sdprintf(&contact, "%H", jid_print_bare, to))
		jingle_refuse(j, iq, COND_RESOURCE_CONSTRAINT, NULL);
	else if (jingle_action_find(action) == JINGLE_SESSION_INITIATE)
		jingle_initiated(j, iq, jingle, sid, full, user, contact);
	else
		act(j, iq, jingle, sid, full);

	mem_deref(full);
	mem_deref(user);
	mem_deref(contact);
}

bool jingle_iq(struct component *c, const struct stanza *st, void *arg)
{
	const struct stanza *jingle = stanza_child(st, "jingle", NS_JINGLE);
	const char *f = stanza_attr(st, "from"), *t = stanza_attr(st, "to");
	struct jid from = {0}, to = {0};
	bool mine = false;

	(void)c;

	if (!jingle || !f || !t)
		return false;
	if (jid_decode(&from, f, strlen(f)))
		return false;

	/* The gateway itself takes no calls (B.2). */
	if (!jid_decode(&to, t, strlen(t)) && *to.local) {
		mine = true;
		route(arg, st, jingle, &from, &to);
	}

	jid_clear(&from);
	jid_clear(&to);

	return mine;
}
