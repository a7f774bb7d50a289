/* call.c: the state machine of a call (protocol E.2, E.3, E.4). */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "base/id.h"
#include "base/log.h"
#include "base/trace.h"
#include "bridge/callpriv.h"
#include "bridge/orphan.h"

enum {
	OPEN_TIMEOUT = 5 * 1000,  /* ms; gathering of host candidates */
	LATE_TIMEOUT = 40 * 1000, /* ms; over 64*T1, the ACK with an answer */
};

void ending_set(struct ending *end, enum reason reason, unsigned code,
		const char *text)
{
	memset(end, 0, sizeof(*end));
	end->reason = reason;
	end->sip_code = code;
	str_ncpy(end->text, text ? text : "", sizeof(end->text));
}

static void open_timeout(void *arg)
{
	call_fail(arg, REASON_GENERAL_ERROR,
		  "no local media address within %u s", OPEN_TIMEOUT / 1000);
}

static void late_timeout(void *arg)
{
	call_fail(arg, REASON_TIMEOUT, "no answer to our offer");
}

static void limit_timeout(void *arg)
{
	struct call *call = arg;

	call_fail(call, REASON_EXPIRED, "the longest time of a call is over");
}

static void log_active(const struct call *call)
{
	char codec[64];

	call_codec(call, codec, sizeof(codec));
	log_info("call %s: active, %s\n", call->name, codec);
}

static void tell_busy(const struct call *call, bool busy)
{
	if (calls_conf.busy)
		calls_conf.busy(call->xp.jid, call->sp.jid, busy,
				calls_conf.busy_arg);
}

/* It rings, is answered or is over: what is dear about it is done. */
static void settled(struct call *call)
{
	if (call->starting)
		shed_end(calls_conf.shed);
	call->starting = false;
}

/* The only function that writes call->state. */
void call_enter(struct call *call, enum call_state st)
{
	if (call->state == st)
		return;

	log_debug("call %s: %s -> %s\n", call->name,
		  call_state_name(call->state), call_state_name(st));
	call->state = st;
	tmr_cancel(&call->timer);
	if (st == CALL_RINGING || st >= CALL_ACTIVE)
		settled(call);
	if (st == CALL_RINGING)
		callend_rings(call);

	switch (st) {
	case CALL_OPENING:
	case CALL_JOINING:
		tmr_start(&call->timer, OPEN_TIMEOUT, open_timeout, call);
		break;

	case CALL_LATE: /* a telephone that rings has the leg's timer */
		if (!call->dialled)
			tmr_start(&call->timer, LATE_TIMEOUT, late_timeout,
				  call);
		break;

	case CALL_ACTIVE:
		if (call->answered) /* another device goes on with it */
			break;
		call->answered = tmr_jiffies();
		calls_answered(call);
		tmr_start(&call->limit,
			  (uint64_t)calls_conf.config->limits.call_max * 1000,
			  limit_timeout, call);
		log_active(call);
		callend_answered(call);
		if (call->metered)
			policy_talk(calls_conf.policy, call->xp.jid, true);
		tell_busy(call, true);
		break;

	case CALL_ENDED:
		if (call->answered && call->metered)
			policy_talk(calls_conf.policy, call->xp.jid, false);
		if (call->answered)
			tell_busy(call, false);
		break;

	default: /* the legs have timers of their own for the rest */
		break;
	}
	if (st == CALL_ENDED)
		orphan_forget(call);
	else if (st != CALL_NEW)
		orphan_note(call);
}

void call_leg_drop(struct leg **lp)
{
	struct leg *leg = *lp;

	*lp = NULL;
	if (leg) {
		leg->call = NULL;
		mem_deref(leg);
	}
}

void call_leg_end(struct call *call, struct leg **lp, const struct ending *why)
{
	struct ending end = *why;

	if (!*lp)
		return;

	end.decline_code = call->trunk->decline_code;
	(*lp)->ops->end(*lp, &end);
	call_leg_drop(lp);
}

static void queue_flush(struct call *call)
{
	for (unsigned i = 0; i < call->queuec; i++)
		desc_free(call->queue[i].offer);
	call->queuec = 0;
}

const char *ending_words(const struct ending *why)
{
	if (why->text[0])
		return why->text;
	if (why->reason == REASON_NONE && why->sip_code)
		return reason_phrase(why->sip_code);

	return reason_words(why->reason);
}

/* Ends what is left of the call; skip: the leg that has ended by itself. */
void call_close(struct call *call, const struct leg *skip,
		const struct ending *why)
{
	char code[16] = "";

	if (call->state == CALL_ENDED)
		return;

	if (why->sip_code)
		(void)re_snprintf(code, sizeof(code), "%s%u",
				  why->reason ? ", SIP " : "SIP ",
				  why->sip_code);
	log_info("call %s: ended by %s after %llu s: %s (%s%s)\n", call->name,
		 !skip		   ? "the gateway"
		 : skip == call->x ? "xmpp"
				   : "sip",
		 call->answered ? (tmr_jiffies() - call->answered) / 1000 : 0,
		 ending_words(why), reason_name(why->reason), code);
	trace_note(call->name, "ended by %s: %s",
		   !skip	     ? "the gateway"
		   : skip == call->x ? "XMPP"
				     : "SIP",
		   ending_words(why));
	calltrace_remember(call);
	calltrace_end(call);
	callend_tell(call, skip, false, why);
	call_enter(call, CALL_ENDED);
	tmr_cancel(&call->limit);
	tmr_cancel(&call->restart);
	call->lookup = mem_deref(call->lookup);

	if (skip && skip == call->x)
		call_leg_drop(&call->x);
	if (skip && skip == call->s)
		call_leg_drop(&call->s);
	call_leg_end(call, &call->x, why);
	call_leg_end(call, &call->s, why);
	callmedia_close(call);
	queue_flush(call);

	if (call->admitted)
		policy_release(calls_conf.policy, call->xp.jid,
			       call->trunk->name);
	call->admitted = false;
	calls_remove(call);
	mem_deref(call);
}

void call_fail(struct call *call, enum reason reason, const char *fmt, ...)
{
	struct ending why;
	va_list ap;

	memset(&why, 0, sizeof(why));
	why.reason = reason;
	va_start(ap, fmt);
	(void)re_vsnprintf(why.text, sizeof(why.text), fmt, ap);
	va_end(ap);

	call_close(call, NULL, &why);
}

/* Protocol A: the XMPP server is down, try again soon. */
static void call_away(struct call *call)
{
	struct ending why;

	ending_set(&why, REASON_GONE, 480, "the XMPP server is away");
	why.retry_after = 30; /* s */
	call_close(call, NULL, &why);
}

/* errno of a media or join step -> how the call ends. */
void call_fail_err(struct call *call, int err)
{
	switch (err) {
	case ENOTSUP:
		call_fail(call, REASON_INCOMPATIBLE_PARAMETERS,
			  "no codec or encryption in common");
		break;
	case EACCES:
		call_fail(call, REASON_CONNECTIVITY_ERROR,
			  "media address not allowed");
		break;
	case ENOTCONN:
		call_away(call);
		break;
	default:
		call_fail(call, REASON_GENERAL_ERROR, "%m", err);
		break;
	}
}

void call_destructor(void *arg)
{
	struct call *call = arg;

	orphan_forget(call);
	settled(call);
	tmr_cancel(&call->timer);
	tmr_cancel(&call->limit);
	tmr_cancel(&call->restart);
	mem_deref(call->lookup);
	calls_remove(call);
	callmedia_close(call);
	queue_flush(call);
	call_leg_drop(&call->x);
	call_leg_drop(&call->s);
	if (call->admitted)
		policy_release(calls_conf.policy, call->xp.jid,
			       call->trunk->name);
	desc_free(call->x_local);
	desc_free(call->x_remote);
	desc_free(call->s_local);
	desc_free(call->s_remote);
	desc_free(call->update);
	peer_clear(&call->xp);
	peer_clear(&call->sp);
	mem_deref(call->diverted);
	mem_deref(call->held);
	mem_deref(call->as);
	mem_deref(call->rule);
	mem_deref(call->stats);
}

int call_desc_keep(struct desc **dp, const struct desc *d)
{
	struct desc *copy;
	int err;

	err = desc_copy(&copy, d);
	if (err)
		return err;

	desc_free(*dp);
	*dp = copy;

	return 0;
}

void call_desc_move(struct desc **dp, struct desc *d)
{
	desc_free(*dp);
	*dp = d;
}

void call_agree(struct call *call, bool x_local, bool s_local)
{
	call->x_agreed_local = x_local;
	call->s_agreed_local = s_local;
}

void call_activate(struct call *call)
{
	int err;

	call_enter(call, CALL_ACTIVE);
	err = callmedia_stream(call);
	if (err)
		call_fail_err(call, err);
	else
		callupdate_next(call);
}

/* S's codecs and X's do not meet: offer S what X has, once (E.2). */
static void reinvite(struct call *call)
{
	struct desc *d = NULL;
	int err;

	if (call->reinvited) {
		call_fail_err(call, ENOTSUP);
		return;
	}

	call->reinvited = true;
	err = join_offer_sip(&d, call->trunk, call->x_remote);
	if (!err)
		err = callmedia_fill_s(call, d, NULL);
	if (err) {
		desc_free(d);
		call_fail_err(call, err);
		return;
	}

	call_desc_move(&call->s_local, d);
	log_info("call %s: no common codec yet, asking sip again\n",
		 call->name);
	err = call->s->ops->update(call->s, call->s_local);
	if (err)
		call_fail_err(call, err);
	else
		call_enter(call, CALL_LATE);
}

/* X's offer and S's answer are here: answer X. */
void call_answer_xmpp(struct call *call)
{
	struct desc *d = NULL;
	bool ready;
	int err;

	err = callmedia_flows_for(call, call->x_remote, &ready);
	if (err)
		goto out;
	call_enter(call, CALL_JOINING);
	if (!ready)
		return;

	err = join_answer_xmpp(&d, call->x_remote,
			       call->s_agreed_local ? call->s_local
						    : call->s_remote);
	if (err == ENOTSUP) {
		reinvite(call);
		return;
	}
	if (!err)
		err = callmedia_fill_x(call, 0, d, true);
	if (!err)
		err = callmedia_remote_x(call, call->x_remote);
	if (err)
		goto out;

	call_desc_move(&call->x_local, d);
	d = NULL;
	call_agree(call, true, call->s_agreed_local);
	err = call->x->ops->answer(call->x, call->x_local);
	if (!err)
		call_activate(call);
	if (!err && call->taken)
		callupdate_taken(call);

out:
	desc_free(d);
	if (err)
		call_fail_err(call, err);
}

/* X's answer is here (S called): answer S. */
void call_answer_sip(struct call *call)
{
	struct desc *d = NULL;
	int err;

	if (call->late)
		err = join_offer_sip(&d, call->trunk, call->x_remote);
	else
		err = join_answer_sip(&d, call->s_remote, call->x_remote);
	if (!err)
		err = callmedia_fill_s(call, d,
				       call->late ? NULL : call->s_remote);
	if (!err && !call->late)
		err = callmedia_remote_s(call, call->s_remote, false);
	if (!err)
		err = callmedia_remote_x(call, call->x_remote);
	if (err)
		goto out;

	call_desc_move(&call->s_local, d);
	d = NULL;
	call_agree(call, false, !call->late);

	if (call->late) {
		/* who is not found by now is called by its number */
		call->lookup = mem_deref(call->lookup);
		err = call->s->ops->offer(call->s, call->s_local);
		if (!err)
			call_enter(call, CALL_LATE);
	} else {
		err = call->s->ops->answer(call->s, call->s_local);
		if (!err)
			call_activate(call);
	}

out:
	desc_free(d);
	if (err)
		call_fail_err(call, err);
}

/* Our ICE side is ready: tell X. */
static void offer_xmpp(struct call *call, unsigned branch)
{
	struct desc *d = NULL;
	int err;

	err = join_offer_xmpp(&d, call->trunk,
			      call->late ? NULL : call->s_remote);
	if (!err)
		err = callmedia_fill_x(call, branch, d, false);
	if (err)
		goto out;

	if (branch) {
		(void)call->x->ops->branch(call->x, branch, d);
		desc_free(d);
		return;
	}

	call_desc_move(&call->x_local, d);
	d = NULL;
	call_enter(call, CALL_TRYING);
	err = call->x->ops->offer(call->x, call->x_local);

out:
	desc_free(d);
	if (err)
		call_fail_err(call, err);
}

void call_local_ready(struct call *call, unsigned branch)
{
	if (call->state == CALL_OPENING && branch == 0)
		offer_xmpp(call, 0);
	else if (call->state == CALL_JOINING)
		call_answer_xmpp(call);
	else if (call->branch[branch].wanted && branch)
		offer_xmpp(call, branch);
}
