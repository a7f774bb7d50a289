/* proposed.c: calls that users propose by message (XEP-0353 3, 4; protocol
 * E.2, E.4, D26, D30). */
#include "jingle/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int jleg_ringing_send(struct jleg *l)
{
	const char *peer = l->br[0].peer;
	struct stanza *m, *e;
	int err;

	err = jleg_message_send(l, jleg_message(l, peer, JMI_RINGING, NULL));
	if (err || !l->receipt || !l->message_id)
		return err;

	/* Conversations shows "ringing" at the receipt only. */
	l->receipt = false;
	m = stanza_new("message", NS_COMPONENT);
	stanza_attr_set(m, "type", "chat");
	stanza_attr_setf(m, "id", "jm-received-%s", l->sid);
	stanza_attr_set(m, "from", l->self);
	stanza_attr_set(m, "to", peer);
	e = stanza_add(m, "received", NS_RECEIPTS);
	stanza_attr_set(e, "id", l->message_id);
	stanza_add(m, "store", NS_HINTS);

	return jleg_message_send(l, m);
}

int jleg_proceed_send(struct jleg *l)
{
	return jleg_message_send(
	    l, jleg_message(l, l->br[0].peer, JMI_PROCEED, NULL));
}

static void reject(struct jleg *l, enum reason reason, bool tie_break,
		   const char *text)
{
	struct ending end;

	memset(&end, 0, sizeof(end));
	if (text)
		snprintf(end.text, sizeof(end.text), "%s", text);
	jleg_jmi_end(l, l->br[0].peer, JMI_REJECT, reason, &end, tie_break);
	jleg_gone(l);
}

/* E.4, 4.1: of two proposals the lower id lives.  True: theirs does. */
static bool tie_break(struct jleg *theirs)
{
	struct jleg *ours;
	struct ending end;

	ours = jingle_find_pair(theirs->j, theirs->user, theirs->contact,
				1u << JLEG_PROPOSING);
	if (!ours)
		return true;

	if (strcmp(ours->sid, theirs->sid) < 0) {
		reject(theirs, REASON_EXPIRED, true,
		       "both called at the same time");
		return false;
	}

	memset(&end, 0, sizeof(end));
	end.reason = REASON_ALTERNATIVE_SESSION;
	snprintf(end.text, sizeof(end.text), "both called at the same time");
	jleg_jmi_end(ours, ours->user, JMI_RETRACT, REASON_EXPIRED, &end,
		     true);
	jleg_ended(ours, &end);

	return true;
}

static bool is_admitted(const struct jleg *l, struct ending *why)
{
	if (!jingle_is_full(l->j))
		return call_admits(l->user, l->contact, why);

	memset(why, 0, sizeof(*why));
	why->full = true;
	snprintf(why->text, sizeof(why->text),
		 "too many calls are being set up");

	return false;
}

static void judge(struct jleg *l)
{
	struct call_request rq;
	struct ending why;
	struct jleg *old;

	if (!l->audio) {
		reject(l, REASON_UNSUPPORTED_APPLICATIONS, false, NULL);
		return;
	}
	old = jingle_find_pair(l->j, l->user, l->contact, 1u << JLEG_ACTIVE);
	if (!old && !is_admitted(l, &why)) {
		jleg_jmi_end(l, l->br[0].peer, JMI_REJECT,
			     REASON_GENERAL_ERROR, &why, false);
		jleg_gone(l);
		return;
	}
	if (!tie_break(l))
		return;

	memset(&rq, 0, sizeof(rq));
	memset(&why, 0, sizeof(why));
	if (old) { /* 4.2: from the device that is lost to this one */
		rq.old = &old->leg;
		rq.sid = l->sid;
	}
	rq.leg = &l->leg;
	rq.from.jid = l->user;
	rq.to.jid = l->contact;
	rq.audio = l->audio;
	rq.video = l->video;
	rq.verified = true; /* by the user's server */
	rq.max_forwards = 70;

	jleg_link(l);
	jleg_enter(l, JLEG_PROPOSED);
	if (call_incoming(&rq, &why)) {
		l->leg.call = NULL;
		jleg_goodbye(l, reason_to_jingle(&why, false), &why);
		jleg_gone(l);
	}
}

void jingle_proposed(struct jingle *j, const struct stanza *st,
		     const struct jmi *jmi, const char *from, const char *user,
		     const char *contact)
{
	struct jleg *l;
	int err;

	(void)st;

	if (!strcmp(from, user))
		return; /* nobody to answer to */
	if (jleg_new(&l, j, true, jmi->id, contact, user))
		return;

	l->jmi = true;
	l->audio = jmi->audio;
	l->video = jmi->video;
	l->receipt = jmi->receipt;
	err = str_dup(&l->br[0].peer, from);
	if (!err && jmi->message_id)
		err = str_dup(&l->message_id, jmi->message_id);
	if (!err)
		judge(l);

	mem_deref(l);
}
