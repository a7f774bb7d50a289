/* proposal.c: calls that we propose by message (XEP-0353 3; protocol E.3,
 * D28). */
#include "jingle/session.h"

#include <errno.h>
#include <string.h>

#define NS_NICK "http://jabber.org/protocol/nick"

static void description_add(struct stanza *propose, const char *media)
{
	struct stanza *e = stanza_add(propose, "description", NS_JINGLE_RTP);

	stanza_attr_set(e, "media", media);
}

int jleg_propose_send(struct jleg *l)
{
	struct stanza *m, *e;

	m = jleg_message(l, l->user, JMI_PROPOSE, &e);
	if (l->audio)
		description_add(e, "audio");
	if (l->video)
		description_add(e, "video");
	stanza_add(m, "request", NS_RECEIPTS);
	if (l->name) {
		e = stanza_add(m, "nick", NS_NICK); /* XEP-0172 */
		stanza_text_add(e, l->name);
	}

	return jleg_message_send(l, m);
}

/* Dino sends neither ringing nor a receipt. */
static void assume_ringing(void *arg)
{
	struct jleg *l = arg;
	struct device v[JLEG_DEVICES_MAX];
	size_t i, n = 0;

	if (l->j->s)
		n = service_devices(l->j->s, l->user, v, JLEG_DEVICES_MAX);

	for (i = 0; i < n; i++) {
		if (v[i].known && !v[i].jmi && !v[i].call)
			continue;
		jleg_ringing(l);
		return;
	}
}

int jleg_propose(struct jleg *l)
{
	int err;

	l->jmi = true;
	if (l->j->s) {
		service_show(l->j->s, l->contact, l->user);
		l->shown = true;
	}

	err = jleg_propose_send(l);
	if (err)
		return err;

	jleg_enter(l, JLEG_PROPOSING);
	tmr_start(&l->tmr_ring, JLEG_ASSUME_RINGING, assume_ringing, l);

	return 0;
}

/* D28: the loser hears it alone; its own server's carbons told the rest. */
static void too_late(struct jingle *j, const struct stanza *st,
		     const char *contact)
{
	struct stanza *e;

	e = stanza_error(st, COND_ITEM_NOT_FOUND, NULL, NULL, NULL);
	stanza_attr_setf(e, "from", "%s/sip", contact);
	stanza_add(e, "private", NS_CARBONS);
	stanza_add(e, "no-copy", NS_HINTS);
	if (e)
		component_reply(j->c, e);
}

static void proceeded(struct jingle *j, struct jleg *l,
		      const struct stanza *st, const char *from)
{
	struct branch *b = &l->br[0];

	if (l->st == JLEG_CALLING || l->st == JLEG_ACTIVE) {
		if (b->peer && strcmp(b->peer, from))
			too_late(j, st, l->contact);
		return;
	}
	if (l->st != JLEG_PROPOSING)
		return;

	if (str_dup(&b->peer, from)) {
		jleg_fail(l, REASON_GENERAL_ERROR, "out of memory");
		return;
	}

	jleg_enter(l, JLEG_CALLING);
	if (jleg_initiate(b))
		jleg_fail(l, REASON_GENERAL_ERROR,
			  "session-initiate could not be sent");
}

static void rejected(struct jleg *l, const struct jmi *jmi, const char *from)
{
	struct ending end = jmi->why;
	const char *peer = l->br[0].peer;

	if (l->incoming || !l->jmi)
		return;
	if (l->st != JLEG_PROPOSING &&
	    (l->st != JLEG_CALLING || !peer || strcmp(peer, from)))
		return;

	end.reject = true;
	if (jmi->tie_break)
		end.reason = REASON_ALTERNATIVE_SESSION;
	jleg_ended(l, &end);
}

static void retracted(struct jleg *l, const struct jmi *jmi)
{
	struct ending end = jmi->why;

	if (!l->incoming ||
	    (l->st != JLEG_PROPOSED && l->st != JLEG_PROCEEDING))
		return;

	if (end.reason == REASON_NONE || jmi->tie_break)
		end.reason = REASON_CANCEL; /* the default of 3.3 */
	jleg_ended(l, &end);
}

/* 3.7: it ends the call, whether a session-terminate came or not. */
static void finished(struct jleg *l, const struct jmi *jmi, const char *from)
{
	struct ending end = jmi->why;
	const char *peer = jleg_branch(l)->peer;

	if (!l->jmi || (peer && strcmp(peer, from)))
		return;
	if (end.reason == REASON_NONE)
		end.reason = REASON_SUCCESS;
	jleg_ended(l, &end);
}

static void jmi_in(struct jingle *j, const struct stanza *st,
		   const struct jmi *jmi, const char *from, const char *user,
		   const char *contact)
{
	struct jleg *l = jingle_find_id(j, jmi->id, user, contact);

	if (jmi->kind == JMI_PROPOSE) {
		if (!l && !jingle_tomb_find(j, jmi->id, user))
			jingle_proposed(j, st, jmi, from, user, contact);
		return;
	}

	if (!l) {
		if (jmi->kind == JMI_PROCEED &&
		    jingle_tomb_find(j, jmi->id, user))
			too_late(j, st, contact);
		return;
	}

	mem_ref(l);
	switch (jmi->kind) {
	case JMI_RINGING:
		if (l->st == JLEG_PROPOSING)
			jleg_ringing(l);
		break;
	case JMI_PROCEED:
		proceeded(j, l, st, from);
		break;
	case JMI_REJECT:
		rejected(l, jmi, from);
		break;
	case JMI_RETRACT:
		retracted(l, jmi);
		break;
	case JMI_FINISH:
		finished(l, jmi, from);
		break;
	default:
		break;
	}
	mem_deref(l);
}

/* The id of a message of ours of this kind -> the leg that sent it. */
static struct jleg *sender_of(const struct jingle *j, const char *id,
			      const char *kind, const char *user,
			      const char *contact)
{
	size_t n = strlen(kind);

	if (!id || strncmp(id, "jm-", 3) || strncmp(id + 3, kind, n) ||
	    id[3 + n] != '-')
		return NULL;

	return jingle_find_id(j, id + 3 + n + 1, user, contact);
}

/* XEP-0184 3: a device has our propose, so it rings. */
static bool receipt_in(struct jingle *j, const struct stanza *st,
		       const char *user, const char *contact)
{
	const struct stanza *e = stanza_child(st, "received", NS_RECEIPTS);
	struct jleg *l;

	if (!e)
		return false;

	l = sender_of(j, stanza_attr(e, "id"), "propose", user, contact);
	if (l && l->st == JLEG_PROPOSING)
		jleg_ringing(l);

	return l != NULL;
}

/* A message of ours came back. */
static bool error_in(struct jingle *j, const struct stanza *st,
		     const char *user, const char *contact)
{
	const char *id = stanza_attr(st, "id");
	struct ending end;
	struct jleg *l;

	l = sender_of(j, id, "propose", user, contact);
	if (l && l->st != JLEG_PROPOSING)
		return true;
	if (!l) {
		l = sender_of(j, id, "proceed", user, contact);
		if (!l || l->st != JLEG_PROCEEDING)
			return stanza_child(st, NULL, NS_JMI) != NULL;
	}

	jleg_error_ending(&end, st);
	jleg_ended(l, &end);

	return true;
}

static bool message_in(struct jingle *j, const struct stanza *st,
		       const char *from, const char *user, const char *contact)
{
	const char *type = stanza_attr(st, "type");
	struct jmi jmi;

	if (type && !strcmp(type, "error"))
		return error_in(j, st, user, contact);

	switch (jmi_decode(&jmi, st)) {
	case 0:
		jmi_in(j, st, &jmi, from, user, contact);
		return true;
	case ENOENT:
		return receipt_in(j, st, user, contact);
	default:
		return true;
	}
}

static int jid_texts(char **full, char **bare, const struct jid *jid)
{
	int err;

	err = re_sdprintf(bare, "%H", jid_print_bare, jid);
	if (!err && full)
		err = re_sdprintf(full, "%H", jid_print, jid);

	return err;
}

/* Can it have to do with a call?  Texts are most of what comes. */
static bool is_about_calls(const struct stanza *st)
{
	const char *type = stanza_attr(st, "type");

	return (type && !strcmp(type, "error")) ||
	       stanza_child(st, NULL, NS_JMI) ||
	       stanza_child(st, "received", NS_RECEIPTS);
}

bool jingle_message(struct component *c, const struct stanza *st, void *arg)
{
	struct jid from = {0}, to = {0};
	char *full = NULL, *user = NULL, *contact = NULL;
	const char *f = stanza_attr(st, "from"), *t = stanza_attr(st, "to");
	bool mine = false;

	if (!f || !t || !is_about_calls(st) || jid_decode(&from, f, strlen(f)))
		return false;
	if (jid_decode(&to, t, strlen(t)))
		goto out;
	/* The gateway itself takes no calls (B.2), and an echo of our own
	 * words means nothing. */
	if (!*to.local || !strcmp(from.domain, component_domain(c)))
		goto out;
	if (jid_texts(&full, &user, &from) || jid_texts(NULL, &contact, &to))
		goto out;

	mine = message_in(arg, st, full, user, contact);

out:
	jid_clear(&from);
	jid_clear(&to);
	mem_deref(full);
	mem_deref(user);
	mem_deref(contact);

	return mine;
}
