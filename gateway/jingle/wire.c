/* wire.c: the stanzas that a Jingle leg sends (XEP-0166 6, 0353 3). */
#include "jingle/session.h"

#include <errno.h>

struct stanza *jleg_iq(const struct jleg *l, const char *peer,
		       enum jingle_action action, struct stanza **jingle)
{
	struct stanza *iq = stanza_new("iq", NS_COMPONENT);
	struct stanza *e;

	stanza_attr_set(iq, "type", "set");
	stanza_attr_set(iq, "from", l->self);
	stanza_attr_set(iq, "to", peer);

	e = stanza_add(iq, "jingle", NS_JINGLE);
	stanza_attr_set(e, "action", jingle_action_name(action));
	stanza_attr_set(e, "sid", l->sid);
	if (action == JINGLE_SESSION_INITIATE)
		stanza_attr_set(e, "initiator", l->self);
	if (action == JINGLE_SESSION_ACCEPT)
		stanza_attr_set(e, "responder", l->self);

	if (jingle)
		*jingle = e;

	return iq;
}

int jleg_iq_ask(struct component_iq **qp, struct jleg *l, struct stanza *iq,
		component_iq_h *h, void *arg)
{
	int err = ENOMEM;

	if (iq && stanza_ok(iq))
		err = component_iq_send(qp, l->j->c, iq, h, arg);
	stanza_free(iq);

	return err;
}

static void answer_dropped(int err, const struct stanza *reply, void *arg)
{
	(void)err;
	(void)reply;
	(void)arg;
}

int jleg_iq_drop(struct jleg *l, struct stanza *iq)
{
	return jleg_iq_ask(NULL, l, iq, answer_dropped, NULL);
}

struct stanza *jleg_message(const struct jleg *l, const char *to,
			    enum jmi_kind kind, struct stanza **element)
{
	struct stanza *m = stanza_new("message", NS_COMPONENT);
	struct stanza *e;

	stanza_attr_set(m, "type", "chat");
	/* Conversations knows receipts and errors by ids of this form. */
	stanza_attr_setf(m, "id", "jm-%s-%s", jmi_kind_name(kind), l->sid);
	stanza_attr_set(m, "from", l->self);
	stanza_attr_set(m, "to", to);

	e = stanza_add(m, jmi_kind_name(kind), NS_JMI);
	stanza_attr_set(e, "id", l->sid);
	stanza_add(m, "store", NS_HINTS);

	if (element)
		*element = e;

	return m;
}

int jleg_message_send(struct jleg *l, struct stanza *message)
{
	int err = ENOMEM;

	if (message && stanza_ok(message))
		err = component_send(l->j->c, message, COMPONENT_NEVER_SHED);
	stanza_free(message);

	return err;
}

void jleg_jmi_end(struct jleg *l, const char *to, enum jmi_kind kind,
		  enum reason reason, const struct ending *end, bool tie_break)
{
	struct stanza *m, *e;

	m = jleg_message(l, to, kind, &e);
	(void)jingle_reason_encode(e, reason, end);
	if (tie_break)
		stanza_add(e, "tie-break", NS_JMI);
	if (kind == JMI_FINISH && end && end->migrated)
		stanza_attr_set(stanza_add(e, "migrated", NS_JMI), "to",
				end->migrated);

	(void)jleg_message_send(l, m);
}

void jleg_terminate(struct jleg *l, struct branch *b, enum reason reason,
		    const struct ending *end)
{
	struct stanza *iq, *jingle;

	b->iq = mem_deref(b->iq);
	tmr_cancel(&b->tmr_trickle);

	iq = jleg_iq(l, b->peer, JINGLE_SESSION_TERMINATE, &jingle);
	(void)jingle_reason_encode(jingle, reason, end);
	(void)jleg_iq_drop(l, iq);
	b->st = BRANCH_DEAD;
}

void jleg_info(struct jleg *l, const char *name)
{
	struct stanza *iq, *jingle;

	iq = jleg_iq(l, jleg_branch(l)->peer, JINGLE_SESSION_INFO, &jingle);
	stanza_add(jingle, name, NS_JINGLE_INFO);

	/* Monal never answers one, D32. */
	(void)jleg_iq_drop(l, iq);
}

void jingle_result(struct jingle *j, const struct stanza *iq)
{
	struct stanza *st = stanza_result(iq);

	if (st)
		component_reply(j->c, st);
}

void jingle_refuse(struct jingle *j, const struct stanza *iq,
		   enum stanza_cond cond, const char *app)
{
	struct stanza *st;

	st = stanza_error(iq, cond, app, app ? NS_JINGLE_ERRORS : NULL, NULL);
	if (st)
		component_reply(j->c, st);
}

int jingle_read(const struct jingle *j, struct desc **dp,
		const struct stanza *jingle, bool sender_is_initiator)
{
	int err;

	err = jingle_decode(dp, jingle, sender_is_initiator);
	if (err)
		return err;
	if (desc_is_within(*dp, j->candidates, j->codecs))
		return 0;

	desc_free(*dp);
	*dp = NULL;

	return E2BIG;
}

void jingle_refuse_errno(struct jingle *j, const struct stanza *iq, int err)
{
	enum stanza_cond cond = COND_BAD_REQUEST;

	if (err == ENOMEM)
		cond = COND_RESOURCE_CONSTRAINT;
	else if (err == E2BIG)
		cond = COND_POLICY_VIOLATION;

	jingle_refuse(j, iq, cond, NULL);
}
