/* state.c: the life of a Jingle leg: its states, their timers and its end
 * (protocol E.4, I). */
#include "jingle/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
    [JLEG_IDLE] = "idle",
    [JLEG_PROPOSING] = "proposing",
    [JLEG_CALLING] = "calling",
    [JLEG_PROPOSED] = "proposed",
    [JLEG_PROCEEDING] = "proceeding",
    [JLEG_CALLED] = "called",
    [JLEG_ACTIVE] = "active",
    [JLEG_ENDED] = "ended",
};

const char *jleg_state_name(enum jleg_state st)
{
	return state_names[st];
}

struct branch *jleg_branch(struct jleg *l)
{
	return &l->br[l->winner];
}

static void branch_clear(struct branch *b)
{
	tmr_cancel(&b->tmr_trickle);
	b->iq = mem_deref(b->iq);
	b->peer = mem_deref(b->peer);
	desc_free(b->local);
	b->local = NULL;
	desc_free(b->trickle);
	b->trickle = NULL;
}

static void timers_cancel(struct jleg *l)
{
	unsigned i;

	tmr_cancel(&l->tmr);
	tmr_cancel(&l->tmr_ring);
	tmr_cancel(&l->tmr_later);
	l->iq_alive = mem_deref(l->iq_alive);
	l->iq_path = mem_deref(l->iq_path);

	for (i = 0; i < LEG_BRANCH_MAX; i++) {
		tmr_cancel(&l->br[i].tmr_trickle);
		l->br[i].iq = mem_deref(l->br[i].iq);
	}
}

static void jleg_destroy(void *arg)
{
	struct jleg *l = arg;
	unsigned i;

	timers_cancel(l);
	jleg_unlink(l);
	for (i = 0; i < LEG_BRANCH_MAX; i++)
		branch_clear(&l->br[i]);

	desc_free(l->remote);
	mem_deref(l->sid);
	mem_deref(l->contact);
	mem_deref(l->self);
	mem_deref(l->user);
	mem_deref(l->name);
	mem_deref(l->message_id);
}

int jleg_alloc(struct jleg **lp, struct jingle *j, bool incoming,
	       const char *sid, const char *contact, const char *user)
{
	struct jleg *l;
	unsigned i;
	int err;

	l = mem_zalloc(sizeof(*l), jleg_destroy);
	if (!l)
		return ENOMEM;

	for (i = 0; i < LEG_BRANCH_MAX; i++) {
		tmr_init(&l->br[i].tmr_trickle);
		l->br[i].leg = l;
	}
	tmr_init(&l->tmr);
	tmr_init(&l->tmr_ring);
	tmr_init(&l->tmr_later);

	l->j = j;
	l->incoming = incoming;
	l->branchc = 1;
	l->started = tmr_jiffies();
	snprintf(l->leg.id, sizeof(l->leg.id), "%s", sid);

	err = str_dup(&l->sid, sid);
	err |= str_dup(&l->contact, contact);
	err |= str_dup(&l->user, user);
	err |= re_sdprintf(&l->self, "%s/sip", contact); /* D7 */
	if (err)
		mem_deref(l);
	else
		*lp = l;

	return err ? ENOMEM : 0;
}

/* E.3: nobody there is cause 20, nobody answered is cause 19. */
static void timeout_ending(struct ending *end, const struct jleg *l)
{
	memset(end, 0, sizeof(*end));
	end->reason = REASON_TIMEOUT;

	switch (l->st) {
	case JLEG_PROPOSING:
		if (!l->rang) {
			end->reason = REASON_GONE;
			end->q850 = 20;
			snprintf(end->text, sizeof(end->text),
				 "no device of %s answered", l->user);
			break;
		}
		/* fall through */
	case JLEG_CALLING:
		end->q850 = 19;
		snprintf(end->text, sizeof(end->text), "nobody answered");
		break;
	case JLEG_PROCEEDING:
		end->q850 = 102;
		snprintf(end->text, sizeof(end->text),
			 "no session-initiate after proceed");
		break;
	default:
		break;
	}
}

static void state_timeout(void *arg)
{
	struct jleg *l = arg;
	struct ending end;

	timeout_ending(&end, l);
	jleg_goodbye(l, REASON_TIMEOUT, &end);
	jleg_ended(l, &end);
}

/* ms that a state may last; 0: as long as the call wants. */
static uint64_t state_life(const struct jleg *l)
{
	switch (l->st) {
	case JLEG_PROPOSING:
		return l->ring_timeout < JLEG_NO_DEVICE ? l->ring_timeout
							: JLEG_NO_DEVICE;
	case JLEG_CALLING:
		return l->jmi ? JLEG_WAIT_ACCEPT : l->ring_timeout;
	case JLEG_PROPOSED:
	case JLEG_CALLED:
		return JLEG_OFFER_LIFE;
	case JLEG_PROCEEDING:
		return JLEG_WAIT_INITIATE;
	default:
		return 0;
	}
}

static bool is_online(const struct jleg *l)
{
	const char *peer = l->br[l->winner].peer;

	return l->j->s && peer && service_device_online(l->j->s, peer);
}

void jleg_enter(struct jleg *l, enum jleg_state st)
{
	uint64_t ms;

	log_debug("call %s: xmpp %s %s -> %s\n", call_name(&l->leg), l->user,
		  state_names[l->st], state_names[st]);

	if (l->le.list)
		l->j->unsettled +=
		    (st != JLEG_ACTIVE) - (l->st != JLEG_ACTIVE);
	l->st = st;
	tmr_cancel(&l->tmr);
	tmr_cancel(&l->tmr_ring);

	if (st == JLEG_ACTIVE)
		l->seen = is_online(l);

	ms = state_life(l);
	if (ms)
		tmr_start(&l->tmr, ms, state_timeout, l);
}

/* RFC 6121 8.5.3.2.3: so a server answers an IQ for a device that is off, and
 * no client one that is of its session. */
void jleg_heard(struct jleg *l, int err, const struct stanza *reply)
{
	enum stanza_cond cond;

	if (err && err != EPROTO)
		return;

	cond = err ? stanza_error_cond(reply) : COND_NONE;
	l->bounced = cond == COND_SERVICE_UNAVAILABLE ||
		     cond == COND_RECIPIENT_UNAVAILABLE;
}

/* Of who never showed presence its absence says nothing. */
bool jleg_away(const struct leg *leg)
{
	const struct jleg *l = (const struct jleg *)(const void *)leg;

	return l->bounced || (l->seen && !is_online(l));
}

void jleg_ringing(struct jleg *l)
{
	uint64_t spent = tmr_jiffies() - l->started;

	if (l->rang)
		return;

	l->rang = true;
	tmr_cancel(&l->tmr_ring);
	if (l->st == JLEG_PROPOSING)
		tmr_start(&l->tmr,
			  spent < l->ring_timeout ? l->ring_timeout - spent
						  : 1,
			  state_timeout, l);
	if (l->leg.call)
		call_ringing(&l->leg);
}

void jleg_goodbye(struct jleg *l, enum reason reason, const struct ending *end)
{
	bool session = false;
	unsigned i;

	switch (l->st) {
	case JLEG_PROPOSING: /* XEP-0353 3.3 */
		jleg_jmi_end(l, l->user, JMI_RETRACT, REASON_CANCEL, NULL,
			     false);
		return;
	case JLEG_PROPOSED:
		jleg_jmi_end(l, l->br[0].peer, JMI_REJECT, reason, end, false);
		return;
	case JLEG_PROCEEDING:
		jleg_jmi_end(l, l->br[0].peer, JMI_FINISH, reason, end, false);
		return;
	case JLEG_IDLE:
	case JLEG_ENDED:
		return;
	default:
		break;
	}

	for (i = 0; i < l->branchc; i++) {
		if (l->br[i].st != BRANCH_SENT)
			continue;
		jleg_terminate(l, &l->br[i], reason, end);
		session = true;
	}
	if (session && l->jmi) /* 3.7 */
		jleg_jmi_end(l, jleg_branch(l)->peer, JMI_FINISH, reason, end,
			     false);
}

void jleg_gone(struct jleg *l)
{
	struct jingle *j = l->j;

	if (l->st == JLEG_ENDED)
		return;

	if (l->incoming || l->st != JLEG_IDLE)
		jingle_tomb_add(j, l->sid, l->user);
	if (l->shown && j->s)
		service_hide(j->s, l->contact, l->user);

	jleg_enter(l, JLEG_ENDED);
	timers_cancel(l);

	if (l->le.list) {
		jleg_unlink(l);
		mem_deref(l);
	}
}

void jleg_ended(struct jleg *l, const struct ending *why)
{
	if (l->st == JLEG_ENDED)
		return;

	mem_ref(l);
	jleg_gone(l);
	if (l->leg.call)
		call_ended(&l->leg, why);
	l->leg.call = NULL;
	mem_deref(l);
}

void jleg_fail(struct jleg *l, enum reason reason, const char *text)
{
	struct ending end;

	memset(&end, 0, sizeof(end));
	end.reason = reason;
	snprintf(end.text, sizeof(end.text), "%s", text);

	jleg_goodbye(l, reason, &end);
	jleg_ended(l, &end);
}

/* RFC 6120 8.3.3.5, 8.3.3.14, XEP-0166 6.3.2: "xmpp:user@domain" in the
 * condition. */
static bool moved_to(struct ending *end, const struct stanza *st,
		     enum stanza_cond cond)
{
	const struct stanza *e = stanza_child(st, "error", NULL);
	char *text = NULL, *bare = NULL;
	bool ok = false;

	e = e ? stanza_child(e, cond_name(cond), NULL) : NULL;
	if (!e || stanza_text(&text, e))
		return false;

	if (!strncmp(text, "xmpp:", 5))
		text[5 + strcspn(text + 5, "?")] = '\0';
	if (!strncmp(text, "xmpp:", 5) && !jid_bare(&bare, text + 5) &&
	    strchr(bare, '@') && strlen(bare) < sizeof(end->redirect)) {
		str_ncpy(end->redirect, bare, sizeof(end->redirect));
		ok = true;
	}
	mem_deref(bare);
	mem_deref(text);

	return ok;
}

static bool is_tie(const struct stanza *st)
{
	const struct stanza *e = stanza_child(st, "error", NULL);

	return e && stanza_child(e, "tie-break", NS_JINGLE_ERRORS);
}

static enum reason error_reason(enum stanza_cond cond)
{
	switch (cond) {
	case COND_ITEM_NOT_FOUND:
	case COND_SERVICE_UNAVAILABLE:
	case COND_RECIPIENT_UNAVAILABLE:
	case COND_GONE:
	case COND_REDIRECT:
	case COND_REMOTE_SERVER_NOT_FOUND:
	case COND_REMOTE_SERVER_TIMEOUT:
		return REASON_GONE;
	case COND_FORBIDDEN:
	case COND_NOT_ALLOWED:
	case COND_NOT_AUTHORIZED:
	case COND_POLICY_VIOLATION:
	case COND_REGISTRATION_REQUIRED:
	case COND_SUBSCRIPTION_REQUIRED:
		return REASON_DECLINE;
	default:
		return REASON_GENERAL_ERROR;
	}
}

/* Protocol B.3, D11. */
void jleg_error_ending(struct ending *end, const struct stanza *st)
{
	const enum stanza_cond cond = stanza_error_cond(st);
	const char *from = stanza_attr(st, "from");
	unsigned code = cond_to_sip(cond, from && strchr(from, '/'));

	memset(end, 0, sizeof(*end));
	snprintf(end->text, sizeof(end->text), "%s", cond_name(cond));
	end->reason = error_reason(cond);
	if (cond == COND_CONFLICT && is_tie(st)) {
		end->reason = REASON_ALTERNATIVE_SESSION;
		return;
	}

	if ((cond == COND_GONE || cond == COND_REDIRECT) &&
	    moved_to(end, st, cond))
		code = cond == COND_GONE ? 301 : 302;
	else if (cond == COND_REDIRECT)
		code = 480; /* who does not say where to is just not here */
	/* these two are what the reason means, with a cause of its own */
	if (code != 480 && code != 500)
		end->sip_code = code;
}
